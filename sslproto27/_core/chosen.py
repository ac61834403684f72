"""
The names that differ between the two engines, on 2.7: this is the one place that chooses.

All layers above import these names from here and do not know which engine is in use. ``settings``
and ``callbacks`` have the names of `context.settings` and `context.callbacks`. `ABSENT` lists the
context members that the engine lacks.
"""
from __future__ import absolute_import, division, print_function

from .engine import NAME

if NAME == 'pair':
    from .pair import settings as callbacks
    from .pair import settings as settings
    from .pair.bio import MemoryBIO
    from .pair.settings import ABSENT, load_cert_chain_pem, load_crl
    from .pair.sslobject import SSLObject, SSLSession, class_under_lock, refuse_renegotiation
else:
    from .context import callbacks as callbacks
    from .context import settings as settings
    from .context.credentials import load_cert_chain_pem, load_crl
    from .bio import MemoryBIO
    from .lockedobject import class_under_lock
    from .session import SSLSession
    from .sslobject import SSLObject, refuse_renegotiation

    ABSENT = ()

__all__ = ['ABSENT', 'MemoryBIO', 'SSLObject', 'SSLSession', 'callbacks', 'class_under_lock',
           'load_cert_chain_pem', 'load_crl', 'refuse_renegotiation', 'settings']
