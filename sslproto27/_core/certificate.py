"""The certificates of a connection on 2.7: OpenSSL's handles in, DER bytes out."""
from __future__ import absolute_import, division, print_function

import hashlib

from .bio import MemoryBIO
from .compat import to_native
from .engine import binding
from .errors import required

__all__ = ['certificate_der', 'chain_der', 'peer_certificate_der', 'server_end_point']

lib, NULL, Cell = binding.lib, binding.NULL, binding.Cell


def certificate_der(handle):
    """Return the DER bytes of the ``X509 *`` *handle*."""
    out = MemoryBIO()
    required(lib.i2d_X509_bio(out._bio, handle) == 1)
    return out.read()


def chain_der(stack):
    """Return a list of DER bytes, one for each certificate in *stack*; [] for a null stack."""
    if not stack:
        return []
    return [certificate_der(lib.OPENSSL_sk_value(stack, index))
            for index in range(lib.OPENSSL_sk_num(stack))]


def peer_certificate_der(ssl_handle):
    """Return the DER bytes of the peer's certificate; None if it has sent none."""
    handle = lib.SSL_get1_peer_certificate(ssl_handle)
    if not handle:
        return None
    try:
        return certificate_der(handle)
    finally:
        lib.X509_free(handle)


def server_end_point(ssl_handle, server_side):
    """
    Return RFC 5929 4's channel binding: a hash of the server's certificate.

    It uses the signature's hash, but SHA-256 instead of MD5 and SHA-1. Returns None if there is no
    certificate, or if its signature has no single hash (as in Ed25519; the RFC defines nothing).
    """
    if server_side:
        handle = lib.SSL_get_certificate(ssl_handle)
        return _hash_as_signed(handle) if handle else None
    handle = lib.SSL_get1_peer_certificate(ssl_handle)
    if not handle:
        return None
    try:
        return _hash_as_signed(handle)
    finally:
        lib.X509_free(handle)


def _hash_as_signed(handle):
    digest = Cell()
    known = lib.X509_get_signature_info(handle, digest.argument, NULL, NULL, NULL)
    if not known or not digest.value:
        lib.ERR_clear_error()
        return None
    name = to_native(lib.OBJ_nid2sn(digest.value)).lower()
    if name in ('md5', 'sha1'):
        name = 'sha256'
    return hashlib.new(name, certificate_der(handle)).digest()
