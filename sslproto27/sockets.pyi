# A subclass of ssl.SSLSocket as 2.7 has it; type checkers know Python 3's.
import socket
import ssl
from typing import Any

__all__ = ['SSLSocket', 'install', 'uninstall']

class SSLSocket(ssl.SSLSocket):
    def __init__(
        self,
        sock: socket.socket,
        keyfile: str | None = None,
        certfile: str | None = None,
        server_side: bool = False,
        cert_reqs: int = ...,
        ssl_version: int = ...,
        ca_certs: str | None = None,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = False,
        ciphers: str | None = None,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
        _context: Any = None,
    ) -> None: ...
    @property
    def session(self) -> ssl.SSLSession | None: ...  # type: ignore[override]

def install(suppress_ragged_eofs: bool = False) -> None: ...
def uninstall() -> None: ...
