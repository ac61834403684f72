"""
What the engine in use brings, on 2.7: the one place that chooses between the two engines'.

All above takes these names from here, and does not know which they are. ``settings`` has what
`context.settings` has, ``callbacks`` what `context.callbacks` has; `ABSENT` names the methods of
contexts that there are none of.
"""
from __future__ import absolute_import, division, print_function

from .engine import NAME

if NAME == 'pair':
    from .pair import settings as callbacks
    from .pair import settings as settings
    from .pair.bio import MemoryBIO
    from .pair.settings import ABSENT, load_cert_chain_pem, load_crl
    from .pair.sslobject import (
        SSLObject, SSLSession, refuse_renegotiation, wrap_bio, wrap_bio_and_check)

    wrap_bio_under_lock = wrap_bio_and_check
else:
    from .context import callbacks as callbacks
    from .context import settings as settings
    from .context.credentials import load_cert_chain_pem, load_crl
    from .bio import MemoryBIO
    from .lockedobject import wrap_bio_under_lock
    from .session import SSLSession
    from .sslobject import SSLObject, refuse_renegotiation, wrap_bio, wrap_bio_and_check

    ABSENT = ()

__all__ = ['ABSENT', 'MemoryBIO', 'SSLObject', 'SSLSession', 'callbacks', 'load_cert_chain_pem',
           'load_crl', 'refuse_renegotiation', 'settings', 'wrap_bio', 'wrap_bio_and_check',
           'wrap_bio_under_lock']
