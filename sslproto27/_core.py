"""
The vendorable core's one door: PEP 546's names, from the standard library alone.

Nothing here, or below, imports a framework, ``six`` or anything else outside the standard library.
"""
from __future__ import absolute_import, division, print_function

from ._compat import PY2

if PY2:
    from ._constants import TLSVersion
    from ._context import SSLContext, create_default_context
    from ._errors import SSLCertVerificationError
    from ._memorybio import MemoryBIO
    from ._pep546 import install, uninstall
    from ._session import SSLSession
    from ._sslobject import SSLObject, refuse_renegotiation, wrap_bio, wrap_bio_and_check
else:
    from ._engine.cpython3 import (
        MemoryBIO, SSLCertVerificationError, SSLContext, SSLObject, SSLSession, TLSVersion,
        create_default_context, install, refuse_renegotiation, uninstall, wrap_bio,
        wrap_bio_and_check)

__all__ = [
    'MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext', 'SSLCertVerificationError', 'TLSVersion',
    'create_default_context', 'refuse_renegotiation', 'wrap_bio', 'wrap_bio_and_check',
    'install', 'uninstall',
]
