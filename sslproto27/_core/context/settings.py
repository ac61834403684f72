"""
Context settings that 2.7's ssl cannot reach, as functions that work on any ssl.SSLContext.

Each does what Python 3.13's attribute or method of that name does. OpenSSL stores what they set;
`ContextSettings` stores what only wrap_bio needs.
"""
from __future__ import absolute_import, division, print_function

import ssl

from ..compat import NativeContext, text_type, to_index
from ..constants import PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, TLSVersion
from ..engine import binding
from ..errors import required
from ..hostname import get_common_name_check, set_common_name_check
from .registry import change_settings, context_handle, settings_of

__all__ = [
    'get_ciphers', 'get_hostname_checks_common_name', 'get_maximum_version', 'get_minimum_version',
    'get_num_tickets', 'get_post_handshake_auth', 'get_security_level', 'get_sslobject_class',
    'options', 'set_ciphersuites', 'set_hostname_checks_common_name', 'set_maximum_version',
    'set_minimum_version', 'set_num_tickets', 'set_post_handshake_auth', 'set_sslobject_class',
]

lib, BLANK, NULL, Cell = binding.lib, binding.BLANK, binding.NULL, binding.Cell

# SSL_CTX_set_min_proto_version(3)
SSL_CTRL_SET_MIN_PROTO_VERSION = 123
SSL_CTRL_SET_MAX_PROTO_VERSION = 124
SSL_CTRL_GET_MIN_PROTO_VERSION = 130
SSL_CTRL_GET_MAX_PROTO_VERSION = 131

#: The protocols that allow more than one version.
FLEXIBLE = frozenset([PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER])

#: For our contexts: OpenSSL's own; limits of versions are no part of it.
options = NativeContext.options

#: PyPy 7.3.3 has it, and does itself what wrap_bio does elsewhere.
_NATIVE_POST_HANDSHAKE_AUTH = getattr(ssl.SSLContext, 'post_handshake_auth', None)


def get_minimum_version(context):
    """Return the lowest `TLSVersion` that *context* negotiates."""
    number = lib.SSL_CTX_ctrl(context_handle(context), SSL_CTRL_GET_MIN_PROTO_VERSION, 0, NULL)
    return TLSVersion(number or TLSVersion.MINIMUM_SUPPORTED)


def get_maximum_version(context):
    """Return the highest `TLSVersion` that *context* negotiates."""
    number = lib.SSL_CTX_ctrl(context_handle(context), SSL_CTRL_GET_MAX_PROTO_VERSION, 0, NULL)
    return TLSVersion(number or TLSVersion.MAXIMUM_SUPPORTED)


def set_minimum_version(context, value):
    """
    Let *context* negotiate no version lower than *value*, a `TLSVersion` or its number.

    Raises:
        TypeError, ValueError: *value* is not a version, or *context*'s protocol is a single one.
    """
    _set_version(context, SSL_CTRL_SET_MIN_PROTO_VERSION, value,
                 {TLSVersion.MINIMUM_SUPPORTED: 0,
                  TLSVersion.MAXIMUM_SUPPORTED: TLSVersion.TLSv1_3})


def set_maximum_version(context, value):
    """
    Let *context* negotiate no version higher than *value*, a `TLSVersion` or its number.

    Raises:
        TypeError, ValueError: *value* is not a version, or *context*'s protocol is a single one.
    """
    _set_version(context, SSL_CTRL_SET_MAX_PROTO_VERSION, value,
                 {TLSVersion.MAXIMUM_SUPPORTED: 0,
                  TLSVersion.MINIMUM_SUPPORTED: TLSVersion.TLSv1})


def _set_version(context, command, version, limits):
    version = TLSVersion(to_index(version, 'version'))
    if context.protocol not in FLEXIBLE:
        raise ValueError("the context's protocol is a single version, which cannot be limited")
    number = limits.get(version, version)
    if lib.SSL_CTX_ctrl(context_handle(context), command, number, NULL) != 1:
        lib.ERR_clear_error()
        raise ValueError('this OpenSSL does not support version %r' % version)


def set_ciphersuites(context, names):
    """
    Choose the TLS 1.3 cipher suites of *context*; set_ciphers chooses those of older versions.

    Python 3.15's SSLContext.set_ciphersuites; SSL_CTX_set_ciphersuites(3).

    Args:
        names (str): names such as 'TLS_AES_128_GCM_SHA256', separated by colons; '' for no suites.

    Raises:
        ssl.SSLError: one of them is unknown; nothing is changed.
        TypeError: *names* is not text.
    """
    if isinstance(names, text_type):
        names = names.encode('ascii')
    if not isinstance(names, bytes):
        raise TypeError('names must be text, not %s' % type(names).__name__)
    if b'\0' in names:
        raise ValueError('names must not contain NUL')
    lib.ERR_clear_error()
    required(lib.SSL_CTX_set_ciphersuites(context_handle(context), names))


def get_ciphers(context):
    """
    Return the cipher suites of *context*, in order of preference.

    Returns:
        list of dict: id, name, protocol, description, strength_bits, alg_bits, aead, symmetric,
        digest, kea and auth, as from Python 3.13's SSLContext.get_ciphers.
    """
    stack = lib.SSL_CTX_get_ciphers(context_handle(context))
    return [_cipher_facts(lib.OPENSSL_sk_value(stack, index))
            for index in range(lib.OPENSSL_sk_num(stack))]


def _cipher_facts(cipher):
    bits = Cell()
    size = 512
    text = BLANK * size
    lib.SSL_CIPHER_description(cipher, text, size)
    return {
        'id': lib.SSL_CIPHER_get_id(cipher),
        'name': lib.SSL_CIPHER_get_name(cipher),
        'protocol': lib.SSL_CIPHER_get_version(cipher),
        'description': text[:size].split(b'\0')[0].rstrip(b'\n'),
        'strength_bits': lib.SSL_CIPHER_get_bits(cipher, bits.argument),
        'alg_bits': bits.value,
        'aead': bool(lib.SSL_CIPHER_is_aead(cipher)),
        'symmetric': _long_name(lib.SSL_CIPHER_get_cipher_nid(cipher)),
        'digest': _long_name(lib.SSL_CIPHER_get_digest_nid(cipher)),
        'kea': _long_name(lib.SSL_CIPHER_get_kx_nid(cipher)),
        'auth': _long_name(lib.SSL_CIPHER_get_auth_nid(cipher)),
    }


def _long_name(nid):
    return lib.OBJ_nid2ln(nid) if nid else None


def get_num_tickets(context):
    """Return how many TLS 1.3 session tickets a server sends after a full handshake (int)."""
    return int(lib.SSL_CTX_get_num_tickets(context_handle(context)))


def set_num_tickets(context, value):
    """
    Let a server send *value* TLS 1.3 session tickets after a full handshake; 0 sends none.

    Raises:
        TypeError, ValueError: *value* is not an integer or is negative, or *context* is a client's.
    """
    value = to_index(value, 'num_tickets')
    if value < 0:
        raise ValueError('num_tickets must not be negative')
    if context.protocol == PROTOCOL_TLS_CLIENT:
        raise ValueError('num_tickets is for servers, and this context is a client\'s')
    required(lib.SSL_CTX_set_num_tickets(context_handle(context), value) == 1)


def get_security_level(context):
    """
    Return OpenSSL's security level, SSL_CTX_get_security_level(3): 0 to 5 (int).

    ``set_ciphers('DEFAULT:@SECLEVEL=2')`` sets it.
    """
    return lib.SSL_CTX_get_security_level(context_handle(context))


def get_hostname_checks_common_name(context):
    """Return whether the common name counts if a certificate has no dNSName (bool)."""
    return get_common_name_check(lib.SSL_CTX_get0_param(context_handle(context)))


def set_hostname_checks_common_name(context, value):
    """
    Choose whether the common name counts if a certificate has no dNSName.

    The default is True, as in Python 3.13, but `create_default_context` sets it to False, because
    RFC 9525 6.3 forbids it.
    """
    set_common_name_check(lib.SSL_CTX_get0_param(context_handle(context)), value)


def get_post_handshake_auth(context):
    """Return whether the server may request client certificates after the handshake (bool)."""
    if _NATIVE_POST_HANDSHAKE_AUTH is not None:  # not measured: only on PyPy
        return _NATIVE_POST_HANDSHAKE_AUTH.__get__(context)
    return settings_of(context).post_handshake_auth


def set_post_handshake_auth(context, value):
    """Allow client certificates after the handshake, on either side (RFC 8446 4.6.2)."""
    if _NATIVE_POST_HANDSHAKE_AUTH is not None:  # not measured: only on PyPy
        _NATIVE_POST_HANDSHAKE_AUTH.__set__(context, bool(value))
    else:
        change_settings(context, post_handshake_auth=bool(value))


def get_sslobject_class(context):
    """Return the class that `wrap_bio` uses for *context*; None means `SSLObject`."""
    return getattr(context, 'sslobject_class', None) or settings_of(context).sslobject_class


def set_sslobject_class(context, value):
    """Let `wrap_bio` use the class *value*, a subclass of `SSLObject`, for *context*."""
    change_settings(context, sslobject_class=value)
