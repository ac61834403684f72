"""`Attributes`: lets server name callbacks set attributes of the `SSLObject` that they get."""
from __future__ import absolute_import, division, print_function

from .unique import Unique

__all__ = ['Attributes', 'set_peername']


class Attributes(Unique):
    """
    Base of both engines' objects: they accept new attributes, like Python 3's ssl.SSLObject.

    Callbacks for 2.7 are written for ssl.SSLSocket, and ask for the peer's address. Code that knows
    the address calls `set_peername`. Python makes the dictionary when it is needed.
    """

    __slots__ = ('_peername', '__dict__', '__weakref__')

    @property
    def getpeername(self):
        """A function that returns the peer's address; AttributeError if it is unknown."""
        try:
            address = self._peername
        except AttributeError:
            raise AttributeError('%s has no getpeername: it is between two memory BIOs, and what'
                                 ' carries them has no address' % type(self).__name__)
        return lambda: address


def set_peername(ssl_object, address):
    """On 2.7, let a server name callback ask *ssl_object* for its getpeername()."""
    if address and isinstance(ssl_object, Attributes):
        ssl_object._peername = address
