"""
Settings that 2.7's ssl lacks, as functions that work on any ssl.SSLContext.

Use them when a library makes the context itself and only lets you reach it:

    from sslproto27 import context
    context.set_minimum_version(their_context, context.TLSVersion.TLSv1_2)

Each function does what Python 3.13's attribute or method of that name does. On Python 3 it calls
that attribute, and raises NotImplementedError if this Python's ssl lacks it. `SSLContext` has them
all as attributes. Nothing here makes a connection.
"""
from __future__ import absolute_import, division, print_function

from ._core.api import SSLContext, TLSVersion, create_default_context
from ._core.compat import PY2
from ._core.context.by_server_name import by_server_name

if PY2:
    from ._core.chosen import callbacks, load_cert_chain_pem, load_crl, settings
    from ._core.constants import (
        OP_ALLOW_CLIENT_RENEGOTIATION, OP_ENABLE_KTLS, OP_ENABLE_MIDDLEBOX_COMPAT,
        OP_IGNORE_UNEXPECTED_EOF, OP_LEGACY_SERVER_CONNECT, OP_NO_COMPRESSION, OP_NO_RENEGOTIATION,
        OP_NO_TICKET, OP_NO_TLSv1_3, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER,
        VERIFY_ALLOW_PROXY_CERTS, VERIFY_X509_PARTIAL_CHAIN, VERIFY_X509_STRICT,
        VERIFY_X509_TRUSTED_FIRST)
    from ._core.context.server_names import set_sni_callback
    get_keylog_filename = callbacks.get_keylog_filename
    get_session_ticket_keys = callbacks.get_session_ticket_keys
    new_session_ticket_key = callbacks.new_session_ticket_key
    set_keylog_filename = callbacks.set_keylog_filename
    set_psk_client_callback = callbacks.set_psk_client_callback
    set_psk_server_callback = callbacks.set_psk_server_callback
    set_session_ticket_keys = callbacks.set_session_ticket_keys
    get_ciphers = settings.get_ciphers
    get_hostname_checks_common_name = settings.get_hostname_checks_common_name
    get_maximum_version = settings.get_maximum_version
    get_minimum_version = settings.get_minimum_version
    get_num_tickets = settings.get_num_tickets
    get_post_handshake_auth = settings.get_post_handshake_auth
    get_security_level = settings.get_security_level
    get_sslobject_class = settings.get_sslobject_class
    set_ciphersuites = settings.set_ciphersuites
    set_hostname_checks_common_name = settings.set_hostname_checks_common_name
    set_maximum_version = settings.set_maximum_version
    set_minimum_version = settings.set_minimum_version
    set_num_tickets = settings.set_num_tickets
    set_post_handshake_auth = settings.set_post_handshake_auth
    set_sslobject_class = settings.set_sslobject_class
else:
    from ._core.engine.cpython3_context import (
        OP_ALLOW_CLIENT_RENEGOTIATION, OP_ENABLE_KTLS, OP_ENABLE_MIDDLEBOX_COMPAT,
        OP_IGNORE_UNEXPECTED_EOF, OP_LEGACY_SERVER_CONNECT, OP_NO_COMPRESSION, OP_NO_RENEGOTIATION,
        OP_NO_TICKET, OP_NO_TLSv1_3, PROTOCOL_TLS, PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER,
        VERIFY_ALLOW_PROXY_CERTS, VERIFY_X509_PARTIAL_CHAIN, VERIFY_X509_STRICT,
        VERIFY_X509_TRUSTED_FIRST, get_ciphers, get_hostname_checks_common_name,
        get_keylog_filename, get_maximum_version, get_minimum_version, get_num_tickets,
        get_post_handshake_auth, get_security_level, get_session_ticket_keys, get_sslobject_class,
        load_cert_chain_pem, load_crl, new_session_ticket_key, set_ciphersuites,
        set_hostname_checks_common_name, set_keylog_filename, set_maximum_version,
        set_minimum_version, set_num_tickets, set_post_handshake_auth, set_psk_client_callback,
        set_psk_server_callback, set_session_ticket_keys, set_sni_callback, set_sslobject_class)

__all__ = [
    'SSLContext', 'TLSVersion', 'by_server_name', 'create_default_context',
    'OP_ALLOW_CLIENT_RENEGOTIATION', 'OP_ENABLE_KTLS',
    'OP_ENABLE_MIDDLEBOX_COMPAT', 'OP_IGNORE_UNEXPECTED_EOF', 'OP_LEGACY_SERVER_CONNECT',
    'OP_NO_COMPRESSION', 'OP_NO_RENEGOTIATION', 'OP_NO_TICKET', 'OP_NO_TLSv1_3', 'PROTOCOL_TLS',
    'PROTOCOL_TLS_CLIENT', 'PROTOCOL_TLS_SERVER', 'VERIFY_ALLOW_PROXY_CERTS',
    'VERIFY_X509_PARTIAL_CHAIN', 'VERIFY_X509_STRICT', 'VERIFY_X509_TRUSTED_FIRST', 'get_ciphers',
    'get_hostname_checks_common_name', 'get_keylog_filename', 'get_maximum_version',
    'get_minimum_version', 'get_num_tickets', 'get_post_handshake_auth', 'get_security_level',
    'get_session_ticket_keys', 'get_sslobject_class', 'load_cert_chain_pem', 'load_crl',
    'new_session_ticket_key', 'set_ciphersuites', 'set_hostname_checks_common_name',
    'set_keylog_filename', 'set_maximum_version', 'set_minimum_version', 'set_num_tickets',
    'set_post_handshake_auth', 'set_psk_client_callback', 'set_psk_server_callback',
    'set_session_ticket_keys', 'set_sni_callback', 'set_sslobject_class',
]
