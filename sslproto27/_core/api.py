"""
The vendorable core's public names, those of PEP 546.

Nothing here or below imports a framework, ``six`` or anything else outside the standard library.
"""
from __future__ import absolute_import, division, print_function

from .compat import PY2

if PY2:
    from .chosen import MemoryBIO, SSLObject, SSLSession, refuse_renegotiation
    from .constants import TLSVersion
    from .context.sslcontext import SSLContext, create_default_context
    from .errors import SSLCertVerificationError
    from .pep546 import install, uninstall
    from .wrap_bio import wrap_bio, wrap_bio_and_check, wrap_bio_under_lock
else:
    from .checking import wrap_bio_and_check
    from .engine.cpython3 import (
        MemoryBIO, SSLCertVerificationError, SSLContext, SSLObject, SSLSession, TLSVersion,
        create_default_context, install, refuse_renegotiation, uninstall, wrap_bio)

    wrap_bio_under_lock = wrap_bio_and_check

__all__ = [
    'MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext', 'SSLCertVerificationError', 'TLSVersion',
    'create_default_context', 'refuse_renegotiation', 'wrap_bio', 'wrap_bio_and_check',
    'wrap_bio_under_lock',
    'install', 'uninstall',
]
