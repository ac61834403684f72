"""Load certificates, keys and revocation lists from memory, on 2.7. Nothing here makes a file."""
from __future__ import absolute_import, division, print_function

from ..bio import MemoryBIO
from ..compat import as_bytes, in_utf8, text_type
from ..engine import binding
from ..errors import library_error, required
from .registry import context_handle

__all__ = ['load_cert_chain_pem', 'load_crl']

lib, NULL = binding.lib, binding.NULL

_LONGEST_PASSWORD = 1024  # PEM_BUFSIZE in pem.h


def _bio(data, name):
    """Return a `MemoryBIO` with *data*, the argument *name*: bytes, or ASCII text."""
    if isinstance(data, text_type):
        data = data.encode('ascii')
    bio = MemoryBIO()
    bio.write(as_bytes(data, name))
    bio.write_eof()
    return bio


def load_cert_chain_pem(context, certdata, keydata=None, password=None):
    """
    Load a private key and its certificate chain into *context*: load_cert_chain from memory.

    It reads everything before it changes *context*.

    Args:
        certdata (bytes or ASCII text): PEM, the certificate first, then those that lead to the
            authority.
        keydata (bytes or ASCII text): PEM; None if the key is in *certdata* too.
        password (text, bytes or callable): the key's password, or a function that returns it.

    Raises:
        ssl.SSLError: something is missing or malformed, the password is wrong, or the key does not
            match the certificate.
        TypeError, ValueError: an argument cannot be used.
    """
    certificates = _bio(certdata, 'certdata')
    keys = _bio(certdata if keydata is None else keydata, 'keydata')
    password = _password(password)
    lib.ERR_clear_error()
    chain, key = [], None
    try:
        chain = _read_certificates(certificates)
        # Without a password OpenSSL would ask on the terminal.
        key = required(lib.PEM_read_bio_PrivateKey(keys._bio, NULL, NULL, password))
        _use(context, chain, key)
    finally:
        for certificate in chain:
            lib.X509_free(certificate)
        if key:
            lib.EVP_PKEY_free(key)


def _password(password):
    password = in_utf8(password() if callable(password) else password)
    if password is None:
        return b''
    password = as_bytes(password, 'password')
    if len(password) > _LONGEST_PASSWORD or b'\0' in password:
        raise ValueError('password must not be longer than %d bytes, nor contain NUL'
                         % _LONGEST_PASSWORD)
    return password


def _read_certificates(bio):
    """Return a list of ``X509 *``, at least one; the caller frees them."""
    found = []
    # The first may be labelled TRUSTED, as in SSL_CTX_use_certificate_chain_file(3).
    read = lib.PEM_read_bio_X509_AUX
    while True:
        certificate = read(bio._bio, NULL, NULL, NULL)
        if certificate:
            found.append(certificate)
            read = lib.PEM_read_bio_X509
            continue
        error = library_error()
        if found and error.reason == 'NO_START_LINE':  # the end
            return found
        for one in found:
            lib.X509_free(one)
        raise error


def _use(context, chain, key):
    """Install the chain and the key in *context*; OpenSSL takes its own references."""
    stack = lib.OPENSSL_sk_new_null()
    try:
        for certificate in chain[1:]:
            lib.OPENSSL_sk_push(stack, certificate)
        required(
            lib.SSL_CTX_use_cert_and_key(context_handle(context), chain[0], key, stack, 1) == 1)
    finally:
        lib.OPENSSL_sk_free(stack)


def load_crl(context, crldata):
    """
    Add certificate revocation lists (RFC 5280 5) for *context* to verify with.

    They count once ``context.verify_flags`` has VERIFY_CRL_CHECK_LEAF or VERIFY_CRL_CHECK_CHAIN. A
    certificate is then also refused if its authority's list is missing or expired.

    Args:
        crldata (bytes or ASCII text): one or more lists in PEM; or bytes, one list in DER.

    Raises:
        ssl.SSLError: it holds no list, or one is malformed.
        TypeError: *crldata* is neither bytes nor text.
    """
    bio = _bio(crldata, 'crldata')
    lib.ERR_clear_error()
    if b'-----BEGIN' not in as_bytes(crldata.encode('ascii') if isinstance(crldata, text_type)
                                     else crldata, 'crldata'):
        _add_crl(context, lib.d2i_X509_CRL_bio(bio._bio, NULL))
        return
    count = 0
    while True:
        crl = lib.PEM_read_bio_X509_CRL(bio._bio, NULL, NULL, NULL)
        if not crl:
            error = library_error()
            if count and error.reason == 'NO_START_LINE':
                return
            raise error
        _add_crl(context, crl)
        count += 1


def _add_crl(context, crl):
    required(crl)
    try:
        store = lib.SSL_CTX_get_cert_store(context_handle(context))
        required(lib.X509_STORE_add_crl(store, crl) == 1)
    finally:
        lib.X509_CRL_free(crl)
