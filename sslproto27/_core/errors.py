"""
OpenSSL's failures as Python 3's exceptions: the one place that maps errors, on 2.7.

Library and reason come from OpenSSL's own texts at run time. The table in 2.7's _ssl is older than
the OpenSSL it runs on: it calls an unexpected EOF KRB5_S_TKT_NYV (observed on 2.7.18 with OpenSSL
3.0).
"""
from __future__ import absolute_import, division, print_function

import re
import ssl

from .compat import to_native
from .engine import binding
from .pair.limits import MissingAttribute, cannot
from .tls_errors import (
    EOF_NAMES, X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH, tls_error)

__all__ = ['SSLCertVerificationError', 'eof_error', 'has_failed', 'library_error', 'misuse_error',
           'native_error', 'required', 'ssl_error', 'want_read']

lib = binding.lib
ERR_peek_last_error, ERR_clear_error = lib.ERR_peek_last_error, lib.ERR_clear_error
SSL_get_error = lib.SSL_get_error

# SSL_get_error(3)
SSL_ERROR_SSL = 1
SSL_ERROR_WANT_READ = 2
SSL_ERROR_SYSCALL = 5
SSL_ERROR_ZERO_RETURN = 6
SSL_ERROR_EOF = 8  # not OpenSSL's but Python's own number, for an EOF without close_notify

SSL_READING = 3  # SSL_want(3)

SSL_AD_REASON_OFFSET = 1000  # ssl.h: a reason beyond it is an alert of the peer

#: The texts of OpenSSL that do not spell out the name: all of them in 3.0 for these libraries,
#: found by comparing the texts of 1,656 reasons with the names in Python 3.9's ssl.
_REASONS = {
    'at least (D)TLS 1.2 needed in Suite B mode': 'AT_LEAST_TLS_1_2_NEEDED_IN_SUITEB_MODE',
    "can't find SRP server param": 'MISSING_SRP_PARAM',
    'error with the srp params': 'SRP_A_CALC',
    'illegal Suite B digest': 'ILLEGAL_SUITEB_DIGEST',
    "Peer haven't sent GOST certificate, required for selected ciphersuite":
        'NO_GOST_CERTIFICATE_SENT_BY_PEER',
}
_LIBRARIES = {
    'system library': 'SYS',
    'bignum routines': 'BN',
    'Diffie-Hellman routines': 'DH',
    'digital envelope routines': 'EVP',
    'memory buffer routines': 'BUF',
    'object identifier routines': 'OBJ',
    'x509 certificate routines': 'X509',
    'asn1 encoding routines': 'ASN1',
    'configuration file routines': 'CONF',
    'common libcrypto routines': 'CRYPTO',
    'elliptic curve routines': 'EC',
    'X509 V3 routines': 'X509V3',
    'random number generator': 'RAND',
    'DSO support routines': 'DSO',
    'STORE routines': 'OSSL_STORE',
    'time stamp routines': 'TS',
    'Provider routines': 'PROV',
    'ENCODER routines': 'OSSL_ENCODER',
    'DECODER routines': 'OSSL_DECODER',
}


class SSLCertVerificationError(ssl.SSLError, ssl.CertificateError):
    """
    The peer's certificate did not verify: Python 3.7's ssl.SSLCertVerificationError.

    Attributes:
        verify_code (int): the X509_V_ERR number, X509_STORE_CTX_get_error(3).
        verify_message (str): its meaning.
    """

    def __str__(self):
        return str(self.strerror)

    def __getattr__(self, name):
        # Only engines that can ask OpenSSL set these.
        if name in ('verify_code', 'verify_message'):
            raise cannot(name, MissingAttribute)
        raise AttributeError(name)


def has_failed(handle):
    """Return whether OpenSSL has given up the ``SSL *`` *handle* for good (bool)."""
    # OpenSSL before 1.1.1 does not always say so: there, any error in the queue counts.
    return lib.SSL_state_string(handle) == 'SSLERR' or ssl.OPENSSL_VERSION_INFO < (1, 1, 1)


def ssl_error(handle, server_hostname=None, silent=False):
    """
    Return the exception for a call on the ``SSL *`` *handle* that has just failed.

    SSL_get_error(3) looks at the thread's error queue before it looks at the object, but other code
    may have left errors there. Emptying the queue before each call would cost a tenth of a small
    message's time, and a callback may add an error in mid-call. So we empty the queue, then ask the
    object for its state: waiting for the peer, closed by it, or at the end of its bytes. The error
    that was in the queue counts in two cases:

    - OpenSSL has given up the object: it then always adds the reason, so the newest error is ours;
    - the call also reports misuse through the queue, and the queue was empty before it.

    A call on an object that was given up earlier adds nothing: empty the queue first.

    Args:
        handle: the ``SSL *``.
        server_hostname (str or None): the name that the certificate had to match.
        silent (bool): the call is a read or a handshake; these add an error only when they give up.

    Returns:
        ssl.SSLError: SSLWantReadError, SSLZeroReturnError, SSLEOFError, SSLCertVerificationError or
        SSLError itself, with ``library`` and ``reason``. Never SSLWantWriteError: there is always
        room in a memory BIO, BIO_s_mem(3).
    """
    number = ERR_peek_last_error()
    ERR_clear_error()
    code = SSL_get_error(handle, -1)
    if number and not silent:
        return _of_number(number, handle, server_hostname)
    if code == SSL_ERROR_WANT_READ:
        return want_read()
    if number and has_failed(handle):
        return _of_number(number, handle, server_hostname)
    if code == SSL_ERROR_ZERO_RETURN:
        return _closed()
    if code == SSL_ERROR_SYSCALL and (not number or lib.SSL_want(handle) == SSL_READING):
        return _eof()
    return _of_number(number, handle, server_hostname)


def want_read():
    """Return the ssl.SSLWantReadError of a call that waits for the peer."""
    return tls_error('The operation did not complete (read)', ssl.SSLWantReadError,
                     SSL_ERROR_WANT_READ)


def library_error():
    """Return the ssl.SSLError for a call that has just failed and belongs to no connection."""
    number = ERR_peek_last_error()
    ERR_clear_error()
    return _of_number(number)


def required(result):
    """
    Return *result*, a handle or a success flag, of a call that belongs to no connection.

    Raises:
        ssl.SSLError: *result* is null or false; see `library_error`.
    """
    if not result:
        raise library_error()
    return result


def misuse_error(text):
    """Return the ssl.SSLError for a misuse that we detect without calling OpenSSL."""
    error = ssl.SSLError(text)
    error.library = error.reason = None
    return error


def _closed():
    return tls_error('TLS/SSL connection has been closed (EOF)', ssl.SSLZeroReturnError,
                     SSL_ERROR_ZERO_RETURN)


def _eof(library=None, reason=None):
    text = _text(library, reason, 'EOF occurred in violation of protocol')
    return tls_error(text, ssl.SSLEOFError, SSL_ERROR_EOF, library, reason)


def _of_number(number, handle=None, server_hostname=None):
    """Return the exception for an error number from the queue; 0 if there was none."""
    library_text = to_native(lib.ERR_lib_error_string(number) or b'')
    text = to_native(lib.ERR_reason_error_string(number) or b'')
    library = _LIBRARIES.get(library_text) or _constant(library_text.replace(' routines', ''))
    reason = _REASONS.get(text) or _constant(text)
    if reason == 'UNEXPECTED_EOF_WHILE_READING':
        return _eof(library, reason)
    if reason == 'CERTIFICATE_VERIFY_FAILED' and handle is not None:
        return _verification_error(handle, library, reason, text, server_hostname)
    if not text and library == 'SSL' and 0 < (number & 0xfff) - SSL_AD_REASON_OFFSET < 256:
        text = 'unknown error (the peer sent alert %d)' % ((number & 0xfff) - SSL_AD_REASON_OFFSET)
    return tls_error(_text(library, reason, text), library=library, reason=reason)


def _verification_error(handle, library, reason, text, server_hostname):
    code = lib.SSL_get_verify_result(handle)
    message = to_native(lib.X509_verify_cert_error_string(code))
    if code == X509_V_ERR_HOSTNAME_MISMATCH:
        message = "Hostname mismatch, certificate is not valid for '%s'." % server_hostname
    elif code == X509_V_ERR_IP_ADDRESS_MISMATCH:
        message = "IP address mismatch, certificate is not valid for '%s'." % server_hostname
    error = tls_error(_text(library, reason, '%s: %s' % (text, message)),
                      SSLCertVerificationError, SSL_ERROR_SSL, library, reason)
    error.verify_code = code
    error.verify_message = message
    return error


def _text(library, reason, text):
    names = ': '.join(name for name in (library, reason) if name)
    text = text or 'unknown error'
    return '[%s] %s' % (names, text) if names else text


def _constant(text):
    """Return the name in OpenSSL's headers for the error that *text* describes; None if empty."""
    return re.sub('[^A-Z0-9]+', '_', text.upper()).strip('_') or None


def native_error(error):
    """
    Return our exception for *error*, which the interpreter's own TLS object has raised.

    Its text ends with OpenSSL's own; the names before that come from the outdated table.
    """
    if isinstance(error, RuntimeError):  # of PyPy
        return tls_error(_text('SSL', None, None), library='SSL')
    if not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError):
        return _eof()  # a failure without a reason: OpenSSL was called after an earlier failure
    if isinstance(error, ssl.SSLZeroReturnError):
        return _closed()
    library, text = _native_text(to_native(error.args[-1])).groups()
    reason = _REASONS.get(text) or _constant(text) if text != 'unknown error' else None
    if reason in ('UNEXPECTED_EOF_WHILE_READING', 'EOF_OCCURRED_IN_VIOLATION_OF_PROTOCOL'):
        return eof_error()
    refused = reason == 'CERTIFICATE_VERIFY_FAILED'
    return tls_error(_text(library, reason, text),
                     SSLCertVerificationError if refused else ssl.SSLError, SSL_ERROR_SSL,
                     library, reason)


#: '[SSL: REASON] what is wrong (_ssl.c:727)', or with less; PyPy has no line number.
_native_text = re.compile(r'(?s)(?:\[([^]:]*)(?:: [^]]*)?\] )?(.*?)(?: \(_ssl\.c:\d+\))?\Z').match


def eof_error():
    """Return the ssl.SSLEOFError for a call that waits for bytes after the end of the input."""
    return _eof(*EOF_NAMES)
