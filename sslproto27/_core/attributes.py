"""`Attributes`, what a server name callback may do with the `SSLObject` that it is handed."""
from __future__ import absolute_import, division, print_function

from .unique import Unique

__all__ = ['Attributes', 'set_peername']


class Attributes(Unique):
    """
    Base of the objects of either engine: they take attributes, as Python 3's ssl.SSLObject does.

    2.7's callbacks are written for ssl.SSLSocket, and ask for the peer's address. Who knows
    it calls `set_peername`. The dictionary is made when it is needed.
    """

    __slots__ = ('_peername', '__dict__', '__weakref__')

    @property
    def getpeername(self):
        """A function that returns the peer's address; AttributeError if nobody knows that."""
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
