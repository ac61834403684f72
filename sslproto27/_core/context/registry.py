"""
Per-context data that OpenSSL does not store and Python must, on 2.7. Nothing here does TLS.

OpenSSL passes a TLS object to its callbacks; `settings_of_connection` finds the settings of its
context. The C callbacks live as long as the process but hold only weak references, so nothing is
called for a context that is gone or has set nothing.
"""
from __future__ import absolute_import, division, print_function

import weakref

from ..constants import PROTOCOL_TLS_SERVER, TLSVersion
from ..engine import binding
from ..unique import Unique

__all__ = ['ContextSettings', 'change_settings', 'check_callable', 'context_handle',
           'register_settings', 'register_weakly', 'settings_of', 'settings_of_connection']

lib, address = binding.lib, binding.address


class ContextSettings(Unique):
    """
    The settings of one context; None if not set.

    Attributes:
        post_handshake_auth (bool): see `SSLContext`.
        sslobject_class (type): the class that wrap_bio uses.
        sni_callback (callable): as it was given.
        server_names (weak reference): for the pair engine: to the context's `ServerNames`.
        keylog (KeyLog): where secrets are written.
        psk_client, psk_server (callable): as they were given.
        ticket_keys (tuple of bytes): session ticket keys.
        common_name (bool), versions (pair of TLSVersion), switched_off (int):
            for the engine that cannot ask OpenSSL: hostname_checks_common_name, the lowest and
            highest version, and the options that were set for these.
    """

    __slots__ = ('post_handshake_auth', 'sslobject_class', 'sni_callback', 'server_names', 'keylog',
                 'psk_client', 'psk_server', 'ticket_keys', 'common_name', 'versions',
                 'switched_off', '__weakref__')

    def __init__(self):
        self.post_handshake_auth = False
        self.common_name = True
        self.sslobject_class = self.sni_callback = self.server_names = self.keylog = None
        self.psk_client = self.psk_server = None
        self.ticket_keys = ()
        self.switched_off = 0
        self.versions = TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED


_NOTHING_SET = ContextSettings()

#: For contexts that are not ours: ssl.SSLContext has __slots__ and takes no more attributes.
_of_plain = weakref.WeakKeyDictionary()


def settings_of(context):
    """Return the `ContextSettings` of any context, only to read them."""
    settings = getattr(context, '_settings', None)  # our contexts hold theirs: the gc sees cycles
    return _of_plain.get(context, _NOTHING_SET) if settings is None else settings


def change_settings(context, **values):
    """Set attributes of a context's `ContextSettings`."""
    settings = settings_of(context)
    if settings is _NOTHING_SET:
        settings = _of_plain[context] = ContextSettings()
    for name, value in values.items():
        setattr(settings, name, value)


def register_settings(context, **values):
    """Change settings; `settings_of_connection` now finds them; return the ``SSL_CTX *``."""
    change_settings(context, **values)
    handle = context_handle(context)
    register_weakly(_by_address, address(handle), settings_of(context))
    return handle


def check_callable(callback):
    """Raise TypeError unless *callback* is callable or None."""
    if callback is not None and not callable(callback):
        raise TypeError('callback must be callable or None, not %s' % type(callback).__name__)


class _Owner(object):
    """The owner of a native object that is made only to look at its handles."""


_OWNER = _Owner()


def context_handle(context):
    """Return the ``SSL_CTX *`` of *context*, valid for as long as the context lives."""
    server_side = context.protocol == PROTOCOL_TLS_SERVER
    native, ssl_handle = binding.graft(context, server_side, None, _OWNER)
    handle = lib.SSL_get_SSL_CTX(ssl_handle)
    del native  # it had to live until now: it owns the ``SSL *``
    return handle


class _Reference(weakref.ref):
    __slots__ = ('table', 'address')


_by_address = {}


def register_weakly(table, address, thing):
    """Put a weak reference to *thing* at *address* in *table*, a dict, while *thing* lives."""
    reference = table[address] = _Reference(thing, _forget)
    reference.table = table
    reference.address = address


def _forget(reference):
    # Another object may have got the same address meanwhile.
    if reference.table.get(reference.address) is reference:
        del reference.table[reference.address]


def settings_of_connection(ssl_handle):
    """Return the `ContextSettings` of the context that the ``SSL *`` *ssl_handle* uses now."""
    reference = _by_address.get(address(lib.SSL_get_SSL_CTX(ssl_handle)))
    settings = reference() if reference is not None else None
    return _NOTHING_SET if settings is None else settings
