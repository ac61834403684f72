"""
What Python has to remember of a context, on 2.7, beyond what OpenSSL does. Nothing here does TLS.

OpenSSL's callbacks are handed a TLS object; `of_connection` finds what its context has set. The
functions that OpenSSL calls live as long as the process and find no more than a weak reference, so
a context that is gone, or one that has set nothing, leaves nothing that could be called.
"""
from __future__ import absolute_import, division, print_function

import weakref

from ..constants import PROTOCOL_TLS_SERVER, TLSVersion
from ..engine import binding
from ..unique import Unique

__all__ = ['Extras', 'change', 'context_handle', 'keep', 'of_connection', 'peek', 'publish']

lib, address = binding.lib, binding.address


class Extras(Unique):
    """
    What a context has set; None for what it has not.

    Attributes:
        post_handshake_auth (bool): see `SSLContext`.
        sslobject_class (type): what wrap_bio makes.
        sni_callback (callable): as it was given.
        keylog (KeyLog): where secrets are written.
        psk_client, psk_server (callable): as they were given.
        ticket_keys (tuple of bytes): session ticket keys.
        common_name (bool), versions (pair of TLSVersion), switched_off (int):
            hostname_checks_common_name, the least and the most, and the options that were set for
            them, where OpenSSL cannot be asked.
    """

    __slots__ = ('post_handshake_auth', 'sslobject_class', 'sni_callback', 'keylog', 'psk_client',
                 'psk_server', 'ticket_keys', 'common_name', 'versions',
                 'switched_off', '__weakref__')

    def __init__(self):
        self.post_handshake_auth = False
        self.common_name = True
        self.sslobject_class = self.sni_callback = self.keylog = None
        self.psk_client = self.psk_server = None
        self.ticket_keys = ()
        self.switched_off = 0
        self.versions = TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED


_NOTHING_SET = Extras()

#: For contexts that are not ours, and have no room for attributes: ssl.SSLContext has __slots__.
_of_plain = weakref.WeakKeyDictionary()


def peek(context):
    """Return the `Extras` of any context, to be read alone."""
    extras = getattr(context, '_extras', None)  # our own contexts hold theirs, so cycles are seen
    return _of_plain.get(context, _NOTHING_SET) if extras is None else extras


def change(context, **values):
    """Set attributes of a context's `Extras`."""
    extras = peek(context)
    if extras is _NOTHING_SET:
        extras = _of_plain[context] = Extras()
    for name, value in values.items():
        setattr(extras, name, value)


def publish(context, **values):
    """Do `change`, so that `of_connection` finds it, too; return the ``SSL_CTX *``."""
    change(context, **values)
    handle = context_handle(context)
    keep(_by_address, address(handle), peek(context))
    return handle


class _Owner(object):
    """What a native object that is made only to be looked at belongs to."""


_OWNER = _Owner()


def context_handle(context):
    """Return the ``SSL_CTX *`` of *context*, valid for as long as the context lives."""
    server_side = context.protocol == PROTOCOL_TLS_SERVER
    native, ssl_handle = binding.graft(context, server_side, None, _OWNER)
    handle = lib.SSL_get_SSL_CTX(ssl_handle)
    del native  # it had to live until here: it owns the ``SSL *``
    return handle


class _Reference(weakref.ref):
    __slots__ = ('table', 'address')


_by_address = {}


def keep(table, address, thing):
    """Let *table*, a dict, have a weak reference to *thing* at *address* while it lives."""
    reference = table[address] = _Reference(thing, _forget)
    reference.table = table
    reference.address = address


def _forget(reference):
    # Something else may have got the same address meanwhile.
    if reference.table.get(reference.address) is reference:
        del reference.table[reference.address]


def of_connection(ssl_handle):
    """Return the `Extras` of the context that the ``SSL *`` *ssl_handle* uses now."""
    reference = _by_address.get(address(lib.SSL_get_SSL_CTX(ssl_handle)))
    extras = reference() if reference is not None else None
    return _NOTHING_SET if extras is None else extras
