# On Python 3 each function is the attribute or method of that name. If this Python's ssl lacks it,
# the function raises NotImplementedError.
import ssl
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from ssl import (
    SSLContext as SSLContext, TLSVersion as TLSVersion,
    create_default_context as create_default_context)
from typing import Any

from _typeshed import ReadableBuffer

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

OP_ALLOW_CLIENT_RENEGOTIATION: int
OP_ENABLE_KTLS: int
OP_ENABLE_MIDDLEBOX_COMPAT: int
OP_IGNORE_UNEXPECTED_EOF: int
OP_LEGACY_SERVER_CONNECT: int
OP_NO_COMPRESSION: int
OP_NO_RENEGOTIATION: int
OP_NO_TICKET: int
OP_NO_TLSv1_3: int
PROTOCOL_TLS: int
PROTOCOL_TLS_CLIENT: int
PROTOCOL_TLS_SERVER: int
VERIFY_ALLOW_PROXY_CERTS: int
VERIFY_X509_PARTIAL_CHAIN: int
VERIFY_X509_STRICT: int
VERIFY_X509_TRUSTED_FIRST: int

def get_minimum_version(context: SSLContext) -> TLSVersion: ...
def set_minimum_version(context: SSLContext, value: TLSVersion | int) -> None: ...
def get_maximum_version(context: SSLContext) -> TLSVersion: ...
def set_maximum_version(context: SSLContext, value: TLSVersion | int) -> None: ...
def get_ciphers(context: SSLContext) -> list[dict[str, Any]]: ...
def set_ciphersuites(context: SSLContext, names: str) -> None: ...
def get_security_level(context: SSLContext) -> int: ...
def get_num_tickets(context: SSLContext) -> int: ...
def set_num_tickets(context: SSLContext, value: int) -> None: ...
def get_hostname_checks_common_name(context: SSLContext) -> bool: ...
def set_hostname_checks_common_name(context: SSLContext, value: bool) -> None: ...
def get_post_handshake_auth(context: SSLContext) -> bool: ...
def set_post_handshake_auth(context: SSLContext, value: bool) -> None: ...
def get_sslobject_class(context: SSLContext) -> type[ssl.SSLObject] | None: ...
def set_sslobject_class(context: SSLContext, value: type[ssl.SSLObject]) -> None: ...
def get_keylog_filename(context: SSLContext) -> Any: ...
def set_keylog_filename(
    context: SSLContext, value: str | bytes | PathLike[str] | None) -> None: ...
def by_server_name(default: SSLContext, contexts: Mapping[str, SSLContext]) -> SSLContext: ...
def set_sni_callback(
    context: SSLContext,
    value: Callable[[ssl.SSLObject, str | None, SSLContext], int | None] | None,
) -> None: ...
def set_psk_client_callback(
    context: SSLContext,
    callback: Callable[[str | None], tuple[str | None, bytes]] | None,
) -> None: ...
def set_psk_server_callback(
    context: SSLContext,
    callback: Callable[[str | None], bytes] | None,
    identity_hint: str | None = None,
) -> None: ...
def new_session_ticket_key() -> bytes: ...
def get_session_ticket_keys(context: SSLContext) -> tuple[bytes, ...]: ...
def set_session_ticket_keys(context: SSLContext, value: Iterable[ReadableBuffer]) -> None: ...
def load_cert_chain_pem(
    context: SSLContext,
    certdata: str | ReadableBuffer,
    keydata: str | ReadableBuffer | None = None,
    password: str | ReadableBuffer | Callable[[], str | ReadableBuffer | None] | None = None,
) -> None: ...
def load_crl(context: SSLContext, crldata: str | ReadableBuffer) -> None: ...
