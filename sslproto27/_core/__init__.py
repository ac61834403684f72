"""
The core, vendored by copying this folder: it needs the standard library alone.

TLS objects over memory BIOs, contexts, the pipe and the blocking socket. Nothing here imports what
is above, a framework or ``six``; all imports are relative.
"""
from __future__ import absolute_import, division, print_function

from .api import (
    MemoryBIO, SSLCertVerificationError, SSLContext, SSLObject, SSLSession, TLSVersion,
    create_default_context, install, uninstall, wrap_bio)
from .pipe import SSLPipe
from .socket import SSLSocket

__all__ = ['MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext', 'SSLCertVerificationError',
           'SSLPipe', 'SSLSocket', 'TLSVersion', 'create_default_context', 'install', 'uninstall',
           'wrap_bio']
