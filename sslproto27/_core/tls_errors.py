"""
TLS errors that OpenSSL has not raised: complete, as programs look at what ssl's own have.

Nothing here knows of OpenSSL.
"""
from __future__ import absolute_import, division, print_function

import ssl

__all__ = ['EOF_NAMES', 'X509_V_ERR_HOSTNAME_MISMATCH', 'X509_V_ERR_IP_ADDRESS_MISMATCH',
           'name_error', 'ragged_eof', 'tls_error', 'want_read', 'want_write']

# X509_STORE_CTX_get_error(3)
X509_V_ERR_HOSTNAME_MISMATCH = 62
X509_V_ERR_IP_ADDRESS_MISMATCH = 64

#: Library and reason that OpenSSL 3 and Python 3.13 give an EOF without close_notify.
EOF_NAMES = (None, None)
if ssl.OPENSSL_VERSION_INFO >= (3,):
    EOF_NAMES = 'SSL', 'UNEXPECTED_EOF_WHILE_READING'


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
    """Return the error of a peer that has gone without close_notify."""
    return tls_error('EOF occurred in violation of protocol', ssl.SSLEOFError, ssl.SSL_ERROR_EOF,
                     *EOF_NAMES)


def name_error(cls, server_hostname, is_address):
    """Return the `SSLCertVerificationError`, class *cls*, of a certificate for another server."""
    code, kind = X509_V_ERR_HOSTNAME_MISMATCH, 'Hostname'
    if is_address:
        code, kind = X509_V_ERR_IP_ADDRESS_MISMATCH, 'IP address'
    message = "%s mismatch, certificate is not valid for '%s'." % (kind, server_hostname)
    error = tls_error('[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ' + message, cls,
                      library='SSL', reason='CERTIFICATE_VERIFY_FAILED')
    error.verify_code = code
    error.verify_message = message
    return error
