"""
PEP 543's errors. They are the ssl module's: the PEP asks for that where ssl itself is the backend.

So what the layers below raise needs no second map, and code that catches the errors of ssl goes on
doing so.
"""
from __future__ import absolute_import, division, print_function

import ssl

__all__ = ['RaggedEOF', 'TLSError', 'WantReadError', 'WantWriteError', 'ragged_eof', 'tls_error',
           'want_read', 'want_write']

TLSError = ssl.SSLError
WantReadError = ssl.SSLWantReadError
WantWriteError = ssl.SSLWantWriteError
RaggedEOF = ssl.SSLEOFError


def tls_error(text, cls=TLSError, code=ssl.SSL_ERROR_SSL, reason=None):
    """Return a `TLSError` that no TLS library has raised, with ssl's attributes."""
    error = cls(code, text)
    error.library = None
    error.reason = reason
    return error


def want_read():
    """Return the `WantReadError` of an operation that waits for the peer."""
    return tls_error('more data from the network is needed', WantReadError, ssl.SSL_ERROR_WANT_READ)


def want_write():
    """Return the `WantWriteError` of an operation that waits until data has been sent."""
    return tls_error('data has to be sent first', WantWriteError, ssl.SSL_ERROR_WANT_WRITE)


def ragged_eof():
    """Return the `RaggedEOF` of a peer that has gone without close_notify."""
    return tls_error('EOF occurred in violation of protocol', RaggedEOF, ssl.SSL_ERROR_EOF)
