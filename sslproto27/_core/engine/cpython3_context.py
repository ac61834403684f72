"""
CPython 3: the functions of `sslproto27.context`, using the standard library's own attributes.

If this Python's ssl lacks an attribute, the function raises NotImplementedError. Silently leaving a
TLS setting unchanged would be worse.
"""
from __future__ import absolute_import, division, print_function

import os
import ssl

PROTOCOL_TLS = ssl.PROTOCOL_TLS
PROTOCOL_TLS_CLIENT = ssl.PROTOCOL_TLS_CLIENT
PROTOCOL_TLS_SERVER = ssl.PROTOCOL_TLS_SERVER

# From ssl if it has them, because newer versions of Python have more of them as enumerations.
OP_LEGACY_SERVER_CONNECT = getattr(ssl, 'OP_LEGACY_SERVER_CONNECT', 0x4)
OP_ENABLE_KTLS = getattr(ssl, 'OP_ENABLE_KTLS', 0x8)
OP_IGNORE_UNEXPECTED_EOF = getattr(ssl, 'OP_IGNORE_UNEXPECTED_EOF', 0x80)
OP_ALLOW_CLIENT_RENEGOTIATION = 0x100
OP_NO_TICKET = ssl.OP_NO_TICKET
OP_NO_COMPRESSION = ssl.OP_NO_COMPRESSION
OP_ENABLE_MIDDLEBOX_COMPAT = getattr(ssl, 'OP_ENABLE_MIDDLEBOX_COMPAT', 0x100000)
OP_NO_TLSv1_3 = ssl.OP_NO_TLSv1_3
OP_NO_RENEGOTIATION = getattr(ssl, 'OP_NO_RENEGOTIATION', 0x40000000)

VERIFY_X509_STRICT = ssl.VERIFY_X509_STRICT
VERIFY_ALLOW_PROXY_CERTS = getattr(ssl, 'VERIFY_ALLOW_PROXY_CERTS', 0x40)
VERIFY_X509_TRUSTED_FIRST = ssl.VERIFY_X509_TRUSTED_FIRST
VERIFY_X509_PARTIAL_CHAIN = getattr(ssl, 'VERIFY_X509_PARTIAL_CHAIN', 0x80000)


def _check(name):
    if not hasattr(ssl.SSLContext, name):
        raise NotImplementedError("this Python's ssl.SSLContext has no %s" % name)


def _getter(name):
    def get(context):
        _check(name)
        return getattr(context, name)
    return get


def _setter(name):
    def set(context, value):
        _check(name)
        setattr(context, name, value)
    return set


def _method(name):
    def call(context, *args, **kwargs):
        _check(name)
        return getattr(context, name)(*args, **kwargs)
    return call


get_minimum_version, set_minimum_version = _getter('minimum_version'), _setter('minimum_version')
get_maximum_version, set_maximum_version = _getter('maximum_version'), _setter('maximum_version')
get_num_tickets, set_num_tickets = _getter('num_tickets'), _setter('num_tickets')
get_security_level = _getter('security_level')
get_hostname_checks_common_name = _getter('hostname_checks_common_name')
set_hostname_checks_common_name = _setter('hostname_checks_common_name')
get_post_handshake_auth = _getter('post_handshake_auth')
set_post_handshake_auth = _setter('post_handshake_auth')
get_sslobject_class, set_sslobject_class = _getter('sslobject_class'), _setter('sslobject_class')
get_keylog_filename, set_keylog_filename = _getter('keylog_filename'), _setter('keylog_filename')
set_sni_callback = set_any_name_callback = _setter('sni_callback')  # it takes only ASCII
get_ciphers = _method('get_ciphers')
set_ciphersuites = _method('set_ciphersuites')
set_psk_client_callback = _method('set_psk_client_callback')
set_psk_server_callback = _method('set_psk_server_callback')

# No Python has these.
get_session_ticket_keys = _getter('session_ticket_keys')
set_session_ticket_keys = _setter('session_ticket_keys')
load_cert_chain_pem = _method('load_cert_chain_pem')
load_crl = _method('load_crl')


def new_session_ticket_key():
    """Return a new random session ticket key: 80 bytes, to be kept secret."""
    return os.urandom(80)
