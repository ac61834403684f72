"""
Settings of a context where the interpreter's ssl is all there is: the pair engine, on 2.7.

The functions are those of `settings`, `callbacks` and `credentials`. Each does what 2.7's ssl
lets it do, or raises NotImplementedError; none does nothing and says so by None.
"""
from __future__ import absolute_import, division, print_function

import base64
import os
import re
import ssl
import tempfile

from ..compat import as_bytes, text_type, to_index
from ..constants import (
    OP_NO_TLSv1_3, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER, TLSVersion)
from ..errors import misuse_error
from ..context.registry import change, peek
from .limits import MissingAttribute, cannot

__all__ = [
    'ABSENT', 'FLEXIBLE', 'get_ciphers', 'get_hostname_checks_common_name', 'get_keylog_filename',
    'get_maximum_version', 'get_minimum_version', 'get_num_tickets', 'get_post_handshake_auth',
    'get_security_level', 'get_session_ticket_keys', 'get_sslobject_class', 'load_cert_chain_pem',
    'load_crl', 'new_session_ticket_key', 'set_ciphersuites', 'set_hostname_checks_common_name',
    'set_keylog_filename', 'set_maximum_version', 'set_minimum_version', 'set_num_tickets',
    'set_post_handshake_auth', 'set_psk_client_callback', 'set_psk_server_callback',
    'set_session_ticket_keys', 'set_sni_callback', 'set_sslobject_class',
]

#: PyPy 7.3.3 has it, and looks at it for each connection.
_NATIVE_POST_HANDSHAKE_AUTH = getattr(ssl.SSLContext, 'post_handshake_auth', None)

#: Methods of contexts that hasattr says there are none of, so that programs do without.
ABSENT = ('load_cert_chain_pem', 'get_ciphers', 'set_ciphersuites', 'set_psk_client_callback',
          'set_psk_server_callback')

#: The protocols that stand for more than one version.
FLEXIBLE = frozenset([PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER])

#: By version, lowest first, what switches it off; only those that this OpenSSL has.
_SWITCHES = [(version, option) for version, option in (
    (TLSVersion.TLSv1, getattr(ssl, 'OP_NO_TLSv1', 0)),
    (TLSVersion.TLSv1_1, getattr(ssl, 'OP_NO_TLSv1_1', 0)),
    (TLSVersion.TLSv1_2, getattr(ssl, 'OP_NO_TLSv1_2', 0)),
    (TLSVersion.TLSv1_3, OP_NO_TLSv1_3)) if option]


def get_minimum_version(context):
    """Return the lowest `TLSVersion` that *context* negotiates."""
    return peek(context).versions[0]


def get_maximum_version(context):
    """Return the highest `TLSVersion` that *context* negotiates."""
    return peek(context).versions[1]


def set_minimum_version(context, value):
    """
    Let *context* negotiate no version lower than *value*, a `TLSVersion` or its number.

    The context's options OP_NO_TLSv1 to OP_NO_TLSv1_3 do it; those that were set already stay.

    Raises:
        TypeError, ValueError: *value* is none, or the context's protocol is a single version.
    """
    low = _version(context, value)
    if low == TLSVersion.MAXIMUM_SUPPORTED:
        low = _SWITCHES[-1][0]
    _set_limits(context, low, get_maximum_version(context))


def set_maximum_version(context, value):
    """
    Let *context* negotiate no version higher than *value*, a `TLSVersion` or its number.

    The context's options OP_NO_TLSv1 to OP_NO_TLSv1_3 do it; those that were set already stay.

    Raises:
        TypeError, ValueError: *value* is none, or the context's protocol is a single version.
    """
    high = _version(context, value)
    if high == TLSVersion.MINIMUM_SUPPORTED:
        high = _SWITCHES[0][0]
    _set_limits(context, get_minimum_version(context), high)


def _version(context, value):
    version = TLSVersion(to_index(value, 'version'))
    if context.protocol not in FLEXIBLE:
        raise ValueError("the context's protocol is a single version, which cannot be limited")
    if version > 0 and version not in dict(_SWITCHES):
        raise ValueError('this OpenSSL does not support version %r' % version)
    return version


def _set_limits(context, low, high):
    off = 0
    for version, option in _SWITCHES:
        # MINIMUM_SUPPORTED and MAXIMUM_SUPPORTED are both negative.
        if not (low <= version and (high < 0 or version <= high)):
            off |= option
    others = context.options & ~peek(context).switched_off
    context.options = others | off
    # What was switched off without us stays so.
    change(context, versions=(low, high), switched_off=off & ~others)


def get_hostname_checks_common_name(context):
    """Return whether a certificate without any dNSName may use its common name instead (bool)."""
    return peek(context).common_name


def set_hostname_checks_common_name(context, value):
    """
    Let, or no longer let, a certificate without any dNSName prove its common name.

    True unless set, as in Python 3.13, but False from `create_default_context`: RFC 9525 6.3
    forbids it.
    """
    change(context, common_name=bool(value))


def get_sslobject_class(context):
    """Return the class of which `wrap_bio` makes objects of *context*; None for `SSLObject`."""
    return getattr(context, 'sslobject_class', None) or peek(context).sslobject_class


def set_sslobject_class(context, value):
    """Let `wrap_bio` make objects of *value*, a subclass of `SSLObject`, for *context*."""
    change(context, sslobject_class=value)


def set_sni_callback(context, value):
    """
    Call *value* when a client has said which server it wants (RFC 6066 3).

    Args:
        value (callable or None): takes the TLS object, whose ``context`` it may replace, the
            name in A-labels (text, or None if the client sent none) and *context*; returns None, or
            the number of an alert that ends the handshake.

    Raises:
        TypeError: it cannot be called.
    """
    _check_callable(value)
    ssl.SSLContext.set_servername_callback(context, value and _with_a_labels(value))


def _check_callable(callback):
    if callback is not None and not callable(callback):
        raise TypeError('callback must be callable or None, not %s' % type(callback).__name__)


def _with_a_labels(callback):
    """Return *callback* for 2.7's ssl, which decodes names, where Python 3.7 does not."""
    def on_server_name(sslobj, name, context):
        if name is not None:
            try:
                name.encode('ascii')
            except UnicodeEncodeError:
                name = name.encode('idna').decode('ascii')
        return callback(sslobj, name, context)
    return on_server_name


def load_crl(context, crldata):
    """
    Add certificate revocation lists (RFC 5280 5) to what *context* verifies with.

    They count once ``context.verify_flags`` has VERIFY_CRL_CHECK_LEAF or VERIFY_CRL_CHECK_CHAIN;
    then a certificate whose authority has given none, or an expired one, is refused as well. They
    go through a temporary file, which 2.7's ssl reads; nothing in them is secret.

    Args:
        crldata (bytes or ASCII text): PEM, one list or more; or bytes of one in DER.

    Raises:
        ssl.SSLError: there is none in it, or one is malformed.
        TypeError: *crldata* is neither bytes nor text.
    """
    if isinstance(crldata, text_type):
        crldata = crldata.encode('ascii')
    data = as_bytes(crldata, 'crldata')
    if b'-----BEGIN' in data:
        # Nothing else: a certificate among them would be trusted.
        lists = re.findall(b'(?s)-----BEGIN X509 CRL-----.*?-----END X509 CRL-----', data)
    else:
        lists = [b'-----BEGIN X509 CRL-----\n%s-----END X509 CRL-----' % base64.encodestring(data)]
    if not lists:
        raise misuse_error('there is no revocation list in crldata')
    for one in lists:
        _load_file(context, one + b'\n')


def _load_file(context, data):
    descriptor, path = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, 'wb') as file:
            file.write(data)
        ssl.SSLContext.load_verify_locations(context, path)
    finally:
        os.remove(path)


# What cannot be done: asking is answered where the answer is known

def get_post_handshake_auth(context):
    """Not with this engine: as where ssl has no such attribute, which urllib3 looks for."""
    if _NATIVE_POST_HANDSHAKE_AUTH is None:
        raise cannot('post_handshake_auth', MissingAttribute)
    return _NATIVE_POST_HANDSHAKE_AUTH.__get__(context)  # not measured: PyPy alone


def set_post_handshake_auth(context, value):
    """Not with this engine, but for False; on PyPy 7.3.3 its own ssl can offer it."""
    if _NATIVE_POST_HANDSHAKE_AUTH is not None:  # not measured: PyPy alone
        _NATIVE_POST_HANDSHAKE_AUTH.__set__(context, bool(value))
    elif value:
        raise cannot('post_handshake_auth')


def get_keylog_filename(context):
    """Return where the secrets of *context*'s connections are logged; None: nowhere."""
    return None


def set_keylog_filename(context, value):
    """Not with this engine, but for None."""
    if value is not None:
        raise cannot('keylog_filename')


def get_session_ticket_keys(context):
    """Return (): OpenSSL uses a key of its own."""
    return ()


def set_session_ticket_keys(context, value):
    """Not with this engine, but for none."""
    if value:
        raise cannot('session_ticket_keys')


def new_session_ticket_key():
    """Return a new random key, for servers with another engine: 80 bytes, to be kept secret."""
    return os.urandom(80)


def get_num_tickets(context):
    """Not with this engine."""
    raise cannot('num_tickets')


def set_num_tickets(context, value):
    """Not with this engine."""
    raise cannot('num_tickets')


def get_security_level(context):
    """Not with this engine."""
    raise cannot('security_level')


def get_ciphers(context):
    """Not with this engine."""
    raise cannot('get_ciphers')


def set_ciphersuites(context, names):
    """Not with this engine."""
    raise cannot('set_ciphersuites')


def set_psk_client_callback(context, callback):
    """Not with this engine."""
    if context.protocol == PROTOCOL_TLS_SERVER:
        raise ssl.SSLError(0, 'Cannot add PSK client callback to a PROTOCOL_TLS_SERVER context')
    _check_callable(callback)
    raise cannot('set_psk_client_callback')


def set_psk_server_callback(context, callback, identity_hint=None):
    """Not with this engine."""
    if context.protocol == PROTOCOL_TLS_CLIENT:
        raise ssl.SSLError(0, 'Cannot add PSK server callback to a PROTOCOL_TLS_CLIENT context')
    _check_callable(callback)
    raise cannot('set_psk_server_callback')


def load_cert_chain_pem(context, certdata, keydata=None, password=None):
    """Not with this engine."""
    raise cannot('load_cert_chain_pem')
