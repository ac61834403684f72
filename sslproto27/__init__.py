"""
TLS in memory for Python 2.7: PEP 546 on stock interpreters, and asyncio's sslproto above it.

Public names only. Importing this package never imports a framework and never patches anything.
On Python 3 the names of PEP 546 are the standard library's own classes.
"""
from __future__ import absolute_import, division, print_function

import logging

from ._command import end_command as _end_command, end_silently as _end_silently

try:
    _end_silently()  # if it runs a command that is interrupted meanwhile
    from ._core.api import (
        MemoryBIO, SSLObject, SSLSession, SSLCertVerificationError, SSLContext, TLSVersion,
        create_default_context, wrap_bio)
except ValueError as error:  # SSLPROTO27_ENGINE has a wrong value
    _end_command(error)
    raise
from ._core.pipe import SSLPipe
from ._core.socket import SSLSocket
from ._install import install, uninstall
from ._stream.protocol import SSLProtocol

__all__ = [
    'MemoryBIO', 'SSLObject', 'SSLSession', 'SSLContext', 'SSLCertVerificationError', 'TLSVersion',
    'create_default_context', 'wrap_bio', 'install', 'uninstall', 'SSLPipe', 'SSLProtocol',
    'SSLSocket', '__version__',
]

__version__ = '0.1.0'

# On 2.7 the class is ours: tracebacks and pickles should name it by its public name.
if SSLCertVerificationError.__module__.startswith(__name__ + '.'):
    SSLCertVerificationError.__module__ = __name__

# Otherwise Python 2.7 prints "No handlers could be found" in applications that do not use logging.
logging.getLogger('sslproto27').addHandler(logging.NullHandler())
