"""
TLS errors that OpenSSL has not raised: complete, as programs look at what ssl's own have.

Nothing here knows of OpenSSL.
"""
from __future__ import absolute_import, division, print_function

import ssl

__all__ = ['ragged_eof', 'tls_error', 'want_read', 'want_write']


def tls_error(text, cls=ssl.SSLError, code=ssl.SSL_ERROR_SSL, library=None, reason=None):
    """Return an error with ssl's attributes."""
    error = cls(code, text)
    error.library = library
    error.reason = reason
    return error


def want_read():
    """Return the error of a call that waits for the peer."""
    return tls_error('more data from the network is needed', ssl.SSLWantReadError,
                     ssl.SSL_ERROR_WANT_READ)


def want_write():
    """Return the error of a call that waits until data has been sent."""
    return tls_error('data has to be sent first', ssl.SSLWantWriteError, ssl.SSL_ERROR_WANT_WRITE)


def ragged_eof():
    """
    Return the error of a peer that has gone without close_notify.

    Its library and reason are those that OpenSSL 3 and Python 3.13 give it; None before OpenSSL 3.
    """
    names = ()
    if ssl.OPENSSL_VERSION_INFO >= (3,):
        names = 'SSL', 'UNEXPECTED_EOF_WHILE_READING'
    return tls_error('EOF occurred in violation of protocol', ssl.SSLEOFError, ssl.SSL_ERROR_EOF,
                     *names)
