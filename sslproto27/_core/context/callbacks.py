"""
The callbacks that OpenSSL calls during a handshake, for any ssl.SSLContext, on 2.7.

They handle server names, secrets to be logged, pre-shared keys and session ticket keys. A context
keeps its callbacks alive. The garbage collector sees the callbacks of our own contexts, but not
those of a plain ssl.SSLContext: a callback must not reference its plain context, or both leak.
"""
from __future__ import absolute_import, division, print_function

import os
import ssl
import struct
import warnings
import weakref

from ..compat import NativeContext, as_bytes, text_type
from ..constants import PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER
from ..descriptors import above_standard
from ..engine import binding
from ..errors import required
from ..servername import alert_number
from ..sslobject import guarding
from ..tls_errors import tls_error
from ..unique import Unique
from .registry import (
    check_callable, context_handle, register_settings, settings_of, settings_of_connection)

__all__ = [
    'get_keylog_filename', 'get_session_ticket_keys', 'new_session_ticket_key',
    'set_keylog_filename', 'set_psk_client_callback', 'set_psk_server_callback',
    'set_server_names', 'set_session_ticket_keys',
]

lib, NULL, memory, store, text_at, address = (
    binding.lib, binding.NULL, binding.memory, binding.store, binding.text_at, binding.address)

_callbacks = {}


def _callback(name, function, failure=None):
    """Return *function* as a C callback for OpenSSL, made when first needed."""
    if name not in _callbacks:
        _callbacks[name] = binding.callback(name, guarding(function), failure)
    return _callbacks[name]


# Server names

# SSL_CTX_set_tlsext_servername_callback(3)
SSL_CTRL_SET_TLSEXT_SERVERNAME_CB = 53
SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG = 54
SSL_TLSEXT_ERR_OK = 0
SSL_TLSEXT_ERR_ALERT_FATAL = 2
TLSEXT_NAMETYPE_HOST_NAME = 0


def set_server_names(context, value, takes_any):
    """Do what `server_names` has; *takes_any* is whether *value* gets any name (bool)."""
    check_callable(value)
    handle = context_handle(context)
    names = value and ServerNames(context, value, takes_any)
    # The native context keeps it, so the collector sees it there. Then we replace 2.7's own C
    # callback, which decodes names, and refuses those that do not survive the round trip.
    NativeContext.set_servername_callback(context, names)
    if names is None:
        return
    _of_context[address(handle)] = weakref.ref(names)
    lib.SSL_CTX_ctrl(handle, SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, handle)
    lib.SSL_CTX_callback_ctrl(handle, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                              _callback('server_name', _server_name, SSL_TLSEXT_ERR_ALERT_FATAL))


class ServerNames(Unique):
    """
    The callback that `set_sni_callback` has set for one context.

    Attributes:
        takes_any (bool): whether it is also called for names that are not ASCII.
    """

    def __init__(self, context, callback, takes_any):
        self._context = weakref.ref(context)
        self._callback = callback
        self.takes_any = takes_any

    def __call__(self, sslobj, name, context=None):
        """Return the callback's result; 2.7's ssl itself may call this while it is being set."""
        return self._callback(sslobj, name, self._context())


#: By the address of their ``SSL_CTX``. Entries of dead contexts remain until another context gets
#: the address, so there are never more than contexts have been alive at once.
_of_context = {}


def _server_name(ssl_handle, alert_place, context_handle):
    names = _of_context[address(context_handle)]()
    name = lib.SSL_get_servername(ssl_handle, TLSEXT_NAMETYPE_HOST_NAME)
    _set_alert(alert_place, ssl.ALERT_DESCRIPTION_INTERNAL_ERROR)
    try:
        name = name and name.decode('ascii')  # A-labels, if it is a name (RFC 6066 3)
    except UnicodeDecodeError:
        if names is None or not names.takes_any:
            return SSL_TLSEXT_ERR_ALERT_FATAL
        name = name.decode('utf-8', 'replace')
    owner = binding.owner_of(ssl_handle)
    if names is None or owner is None:
        return SSL_TLSEXT_ERR_ALERT_FATAL
    _set_alert(alert_place, ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE)  # in case it raises
    alert = names(owner, name)
    if alert is None:
        return SSL_TLSEXT_ERR_OK
    _set_alert(alert_place, ssl.ALERT_DESCRIPTION_INTERNAL_ERROR)  # in case it is not a number
    _set_alert(alert_place, alert_number(alert))
    return SSL_TLSEXT_ERR_ALERT_FATAL


def _set_alert(place, number):
    store(place, struct.pack('i', number))


# Secrets

class KeyLog(Unique):
    """A file of secrets with which Wireshark can decrypt connections (NSS key log format)."""

    def __init__(self, filename):
        # A new file is readable by its owner only: anyone who reads it can decrypt connections.
        descriptor = above_standard(
            os.open(filename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
        self.filename = filename
        self._file = os.fdopen(descriptor, 'ab', 0)
        if not os.fstat(descriptor).st_size:
            self.write(b'# TLS secrets log file, generated by OpenSSL / Python')

    def write(self, line):
        """Append *line* at once: other processes may be appending too. A failure is a warning."""
        try:
            self._file.write(line + b'\n')
        except EnvironmentError as error:
            warnings.warn('%s loses TLS secrets: %s' % (self.filename, error.strerror),
                          RuntimeWarning)


def get_keylog_filename(context):
    """Return the name of the file to which *context*'s connections log secrets; None if off."""
    keylog = settings_of(context).keylog
    return keylog and keylog.filename


def set_keylog_filename(context, value):
    """
    Append the secrets of *context*'s connections to the file *value*; None stops it.

    Use it only for debugging: anyone who reads the file can decrypt the connections. A new file is
    readable by its owner only.

    Raises:
        EnvironmentError: the file cannot be opened for appending.
        TypeError: *value* is not text.
    """
    if value is None:
        lib.SSL_CTX_set_keylog_callback(register_settings(context, keylog=None), NULL)
        return
    if not isinstance(value, (bytes, text_type)):
        raise TypeError('keylog_filename must be text, not %s' % type(value).__name__)
    handle = register_settings(context, keylog=KeyLog(value))
    lib.SSL_CTX_set_keylog_callback(handle, _callback('keylog', _log_secret))


def _log_secret(ssl_handle, line):
    keylog = settings_of_connection(ssl_handle).keylog
    if keylog is not None:
        keylog.write(text_at(line))


# Pre-shared keys

def set_psk_client_callback(context, callback):
    """
    Let clients use pre-shared keys (RFC 4279, RFC 8446 4.2.11): Python 3.13's method.

    Args:
        callback (callable or None): takes the server's hint (text; None if it sent none, as in TLS
            1.3) and returns (identity, key): text or None, and bytes, b'' for no key.

    Raises:
        TypeError: *callback* is not callable.
        ssl.SSLError: *context* is a server's.
    """
    if context.protocol == PROTOCOL_TLS_SERVER:
        raise tls_error('Cannot add PSK client callback to a PROTOCOL_TLS_SERVER context', code=0)
    check_callable(callback)
    handle = register_settings(context, psk_client=callback)
    lib.SSL_CTX_set_psk_client_callback(
        handle, NULL if callback is None else _callback('psk_client', _psk_client, 0))


def _psk_client(ssl_handle, hint, identity_place, identity_room, key_place, key_room):
    callback = settings_of_connection(ssl_handle).psk_client
    if callback is None:
        return 0
    # 2.7's ssl sets a session ID context on clients too. The session that stands for the key in
    # TLS 1.3 has none, so OpenSSL would reject it as one of another context.
    lib.SSL_set_session_id_context(ssl_handle, b'', 0)
    identity, key = callback(_utf8(text_at(hint)))
    identity = b'' if identity is None else identity
    if isinstance(identity, text_type):
        identity = identity.encode('utf-8')
    if b'\0' in identity or len(identity) >= identity_room:
        raise ValueError('the PSK identity contains NUL, or is too long')
    # SSL_CTX_set_psk_client_callback(3): the room does not count the NUL at the end.
    store(identity_place, identity + b'\0')
    return _give_key(key, key_place, key_room)


def _give_key(key, place, room):
    key = as_bytes(key, 'key')
    if len(key) > room:
        raise ValueError('the PSK has %d bytes, and there is room for %d' % (len(key), room))
    store(place, key)
    return len(key)


def _utf8(text):
    return text.decode('utf-8') if text else None


def set_psk_server_callback(context, callback, identity_hint=None):
    """
    Let servers use pre-shared keys (RFC 4279, RFC 8446 4.2.11): Python 3.13's method.

    Args:
        callback (callable or None): takes the client's identity (text; None if there is none) and
            returns its key (bytes), b'' for an unknown client.
        identity_hint (text or None): the hint sent to TLS 1.2 clients.

    Raises:
        TypeError: an argument cannot be used.
        ValueError: *identity_hint* is too long.
        ssl.SSLError: *context* is a client's.
    """
    if context.protocol == PROTOCOL_TLS_CLIENT:
        raise tls_error('Cannot add PSK server callback to a PROTOCOL_TLS_CLIENT context', code=0)
    check_callable(callback)
    hint = b'' if identity_hint is None else identity_hint
    if isinstance(hint, text_type):
        hint = hint.encode('utf-8')
    if not isinstance(hint, bytes):
        raise TypeError('identity_hint must be text, not %s' % type(hint).__name__)
    if b'\0' in hint:
        raise ValueError('identity_hint must not contain NUL')
    if not lib.SSL_CTX_use_psk_identity_hint(context_handle(context), hint):
        lib.ERR_clear_error()
        raise ValueError('identity_hint is too long')
    handle = register_settings(context, psk_server=callback)
    lib.SSL_CTX_set_psk_server_callback(
        handle, NULL if callback is None else _callback('psk_server', _psk_server, 0))


def _psk_server(ssl_handle, identity, key_place, key_room):
    callback = settings_of_connection(ssl_handle).psk_server
    if callback is None:
        return 0
    return _give_key(callback(_utf8(text_at(identity))), key_place, key_room)


# Session tickets

#: 16 bytes that name the key, 32 for HMAC-SHA256, 32 for AES-256-CBC: the same order as in
#: SSL_CTX_set_tlsext_ticket_keys(3) and in nginx's files of 80 bytes.
TICKET_KEY_SIZE = 80
TICKET_NAME_SIZE = TICKET_IV_SIZE = 16

SSL_CTRL_SET_TLSEXT_TICKET_KEY_CB = 72  # SSL_CTX_set_tlsext_ticket_key_cb(3)

#: Used if a connection moves from a context with keys to one without.
_own_keys = []


def new_session_ticket_key():
    """Return a new random key for `set_session_ticket_keys`: 80 bytes. Keep it secret."""
    return os.urandom(TICKET_KEY_SIZE)


def get_session_ticket_keys(context):
    """Return a tuple of the keys that were set; () if OpenSSL uses its own."""
    return settings_of(context).ticket_keys


def set_session_ticket_keys(context, value):
    """
    Set the keys that encrypt a server's session tickets (RFC 5077 4, RFC 8446 4.6.1).

    Servers that share keys, in other processes or on other hosts, resume each other's sessions. To
    rotate them, first append the new key on every server, then move it to the front everywhere, and
    drop the oldest one once its tickets have expired. Anyone who has a key can read the TLS 1.2
    connections that its tickets resume: rotate keys often, and keep them out of files.

    Args:
        value (sequence of bytes): keys of 80 bytes, as `new_session_ticket_key` makes them. The
            first encrypts, all decrypt. If empty, OpenSSL uses its own, unknown to other processes.

    Raises:
        TypeError, ValueError: a key is not bytes or not of 80 bytes, or two have the same name.
    """
    if isinstance(value, (bytes, bytearray, text_type)):
        raise TypeError('session_ticket_keys must be a sequence of keys, not a single one')
    keys = tuple(as_bytes(key, 'session_ticket_keys') for key in value)
    if any(len(key) != TICKET_KEY_SIZE for key in keys):
        raise ValueError('session_ticket_keys must be of %d bytes each' % TICKET_KEY_SIZE)
    if len(set(key[:TICKET_NAME_SIZE] for key in keys)) < len(keys):
        raise ValueError('session_ticket_keys must differ in their first %d bytes, which name them'
                         % TICKET_NAME_SIZE)
    handle = register_settings(context, ticket_keys=keys)
    lib.SSL_CTX_callback_ctrl(
        handle, SSL_CTRL_SET_TLSEXT_TICKET_KEY_CB,
        _callback('ticket_key', _ticket_key, -1) if keys else NULL)


def _ticket_key(ssl_handle, name_place, iv_place, cipher, hmac, encrypting):
    keys = settings_of_connection(ssl_handle).ticket_keys
    if encrypting:
        # The handshake's first context has keys, but a server name callback may have chosen
        # another one that has none.
        key, iv = keys[0] if keys else _own_key(), os.urandom(TICKET_IV_SIZE)
        store(name_place, key[:TICKET_NAME_SIZE])
        store(iv_place, iv)
        return _use_ticket_key(lib.EVP_EncryptInit_ex, key, iv, cipher, hmac)
    name = memory(name_place, TICKET_NAME_SIZE)
    for key in keys + tuple(_own_keys):
        if key.startswith(name):
            done = _use_ticket_key(lib.EVP_DecryptInit_ex, key,
                                   memory(iv_place, TICKET_IV_SIZE), cipher, hmac)
            return 2 if key not in keys[:1] else done  # 2: also give the client a new ticket
    return 0


def _use_ticket_key(start, key, iv, cipher, hmac):
    """Let OpenSSL use one key; return 1, as SSL_CTX_set_tlsext_ticket_key_cb(3) asks for."""
    for_hmac, for_aes = key[16:48], key[48:]
    required(start(cipher, lib.EVP_aes_256_cbc(), NULL, for_aes, iv) == 1)
    required(lib.HMAC_Init_ex(hmac, for_hmac, len(for_hmac), lib.EVP_sha256(), NULL) == 1)
    return 1


def _own_key():
    if not _own_keys:
        _own_keys.append(new_session_ticket_key())
    return _own_keys[0]
