from ssl import SSLContext
from typing import Any

from requests.adapters import HTTPAdapter

__all__ = ['SSLAdapter']

class SSLAdapter(HTTPAdapter):
    def __init__(
        self,
        ssl_context: SSLContext | None = None,
        suppress_ragged_eofs: bool = False,
        **kwargs: Any,
    ) -> None: ...
