"""
`install` and `uninstall`: unchanged Tornado applications on our streams.

What is replaced are three methods of Tornado's classes. The names of the classes are left alone, so
that it does not matter who has imported them, or when.
"""
from __future__ import absolute_import, division, print_function

from tornado import iostream, tcpserver

from ._servers import handshake_limit, serve_connection
from ._stream import SSLIOStream, start_tls

__all__ = ['install', 'uninstall']

_STOCK = iostream.SSLIOStream

_settings = {}   # of install(), for every stream that names none
_limits = []     # of install(), one: a HandshakeLimit, whose limit is that of every server
_originals = []  # (class, name of the method, Tornado's own method), while installed
_classes = {_STOCK: SSLIOStream}  # what becomes of a class of Tornado's, or a subclass


def install(suppress_ragged_eofs=False, ssl_handshake_timeout=None, ssl_handshake_limit=None):
    """
    Let all TLS of Tornado, in this process, run on `SSLIOStream`, from the next stream on.

    That is TCPServer and HTTPServer with ``ssl_options``, TCPClient, AsyncHTTPClient, wss://,
    IOStream.start_tls, and SSLIOStream itself and its subclasses. Doing it again changes the
    settings alone.

    Args:
        suppress_ragged_eofs (bool), ssl_handshake_timeout (float): see `SSLIOStream`; for all of
            these streams.
        ssl_handshake_limit (int): see `TCPServer`; for each server that has none of its own.

    Raises:
        TypeError, ValueError: *ssl_handshake_limit* is no integer, or not positive.
    """
    _limits[:] = [handshake_limit(ssl_handshake_limit)]
    _settings.clear()
    _settings.update(suppress_ragged_eofs=suppress_ragged_eofs,
                     ssl_handshake_timeout=ssl_handshake_timeout)
    if not _originals:
        _replace(_STOCK, '__init__', _init)
        _replace(iostream.IOStream, 'start_tls', _start_tls)
        _replace(tcpserver.TCPServer, '_handle_connection', _handle_connection)


def uninstall():
    """Give Tornado its own methods back; streams that are ours stay so."""
    while _originals:
        cls, name, original = _originals.pop()
        setattr(cls, name, original)


def _replace(cls, name, method):
    _originals.append((cls, name, vars(cls)[name]))
    setattr(cls, name, method)


def _init(self, *args, **kwargs):
    """Make a stream that was about to be Tornado's, or a subclass's, one of ours."""
    self.__class__ = _ours(type(self))
    SSLIOStream.__init__(self, *args, **dict(_settings, **kwargs))


def _ours(cls):
    if cls not in _classes:
        # A subclass keeps what it adds, over our stream instead of Tornado's.
        _classes[cls] = type(cls.__name__, (cls, SSLIOStream), {'__module__': cls.__module__})
    return _classes[cls]


def _start_tls(self, server_side, ssl_options=None, server_hostname=None):
    return start_tls(self, server_side, ssl_options, server_hostname, **_settings)


def _handle_connection(self, connection, address):
    if self.ssl_options is None:
        original, = [method for cls, _, method in _originals if cls is tcpserver.TCPServer]
        original(self, connection, address)
    else:
        serve_connection(self, connection, address, _handshakes_of(self), **_settings)


def _handshakes_of(server):
    """Return the `HandshakeLimit` of a server of Tornado's, made once."""
    limit = _limits[0].limit
    try:
        handshakes = server._sslproto27_handshakes
    except AttributeError:
        handshakes = server._sslproto27_handshakes = handshake_limit(limit)
    handshakes.limit = limit
    return handshakes
