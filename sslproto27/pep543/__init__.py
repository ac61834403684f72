"""
PEP 543's unified TLS API: configurations, contexts, buffers and sockets for any TLS library.

`BACKEND` uses this interpreter's own OpenSSL; `sslproto27.pep543.pyopenssl` has another backend.
"""
from __future__ import absolute_import, division, print_function

from ._buffer import OUTGOING_LIMIT
from ._configuration import DEFAULT_CIPHER_LIST, TLSConfiguration
from ._enums import CipherSuite, NextProtocol, TLSVersion
from ._errors import RaggedEOF, TLSError, WantReadError, WantWriteError
from ._interfaces import (
    Backend, Certificate, ClientContext, PrivateKey, ServerContext, TLSWrappedBuffer, TrustStore)
from ._openssl import BACKEND
from ._socket import TLSWrappedSocket

__all__ = [
    'BACKEND', 'Backend', 'Certificate', 'CipherSuite', 'ClientContext', 'DEFAULT_CIPHER_LIST',
    'NextProtocol', 'OUTGOING_LIMIT', 'PrivateKey', 'RaggedEOF', 'ServerContext',
    'TLSConfiguration', 'TLSError', 'TLSVersion', 'TLSWrappedBuffer', 'TLSWrappedSocket',
    'TrustStore', 'WantReadError', 'WantWriteError',
]
