"""
The core. Copy this folder to vendor it: it needs only the standard library.

TLS objects over memory BIOs, contexts, the pipe and the blocking socket. Nothing here imports the
layers above, a framework or ``six``; all imports are relative.
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
