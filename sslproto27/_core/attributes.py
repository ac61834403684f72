"""`Attributes`, what the TLS objects of either engine on 2.7 have in common."""
from __future__ import absolute_import, division, print_function

import warnings

from .compat import NativeContext, writable_view
from .unique import Unique

__all__ = ['Attributes', 'server_hostname', 'server_side', 'set_peername']


@property
def server_side(self):
    """Whether this is the server's side (bool)."""
    return self._server_side


@property
def server_hostname(self):
    """The name that the server must prove, in A-labels (str), or None."""
    return self._server_hostname


class Attributes(Unique):
    """
    Base of both engines' objects: they accept new attributes, like Python 3's ssl.SSLObject.

    Callbacks for 2.7 are written for ssl.SSLSocket, and ask for the peer's address. Code that knows
    the address calls `set_peername`. Python makes the dictionary when it is needed.
    """

    __slots__ = ('_native', '_server_side', '_server_hostname', '_peername', '__dict__',
                 '__weakref__')

    def __init__(self, *args, **kwargs):
        raise TypeError('%s has no public constructor; wrap_bio() makes one' % type(self).__name__)

    @property
    def context(self):
        """The ssl.SSLContext in use. A server name callback may assign another."""
        return self._native.context

    @context.setter
    def context(self, context):
        if not isinstance(context, NativeContext):
            raise TypeError('context must be an ssl.SSLContext, not %s' % type(context).__name__)
        self._native.context = context

    server_side = server_side
    server_hostname = server_hostname

    @property
    def getpeername(self):
        """A function that returns the peer's address; AttributeError if it is unknown."""
        try:
            address = self._peername
        except AttributeError:
            raise AttributeError('%s has no getpeername: it is between two memory BIOs, and what'
                                 ' carries them has no address' % type(self).__name__)
        return lambda: address

    def _read_into(self, size, buffer):
        view = writable_view(buffer, 'buffer')
        room = len(view)
        data = self.read(size if 0 < size <= room else room)
        view[:len(data)] = data
        return len(data)

    def compression(self):
        """Return the name of the compression in use; None if there is none."""
        return self._native.compression()

    def selected_npn_protocol(self):
        """Return None, and warn: NPN is obsolete; ALPN has replaced it (RFC 7301)."""
        warnings.warn('NPN is gone, and selected_npn_protocol() always None: use ALPN',
                      DeprecationWarning, stacklevel=2)


def set_peername(ssl_object, address):
    """On 2.7, let a server name callback ask *ssl_object* for its getpeername()."""
    if address and isinstance(ssl_object, Attributes):
        ssl_object._peername = address
