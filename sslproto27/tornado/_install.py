"""
`install` and `uninstall`: make unchanged Tornado applications use our streams.

We replace three methods of Tornado's classes, but not the classes themselves. So it does not matter
which module has imported them, or when.
"""
from __future__ import absolute_import, division, print_function

import ssl

from .._core.patches import Patches
from . import _copies
from ._compat import iostream, log, tcpserver
from ._own_io import own_io
from ._servers import handshake_limit, serve_connection
from ._settings import context_of
from ._socket import has_begun
from ._stream import SSLIOStream, start_tls

__all__ = ['install', 'uninstall']

_STOCK = iostream.SSLIOStream

_settings = {}   # from install(), for every stream without its own
_limits = []     # from install(), one HandshakeLimit, whose limit every server gets
_checks_names = []  # from install(), one bool
_warned = []     # that a stream's handshake was done already, once
_patches = Patches()  # servers keep our method, bound
_classes = {_STOCK: SSLIOStream}  # from a class of Tornado's or a subclass to ours, or to itself


def install(suppress_ragged_eofs=False, ssl_handshake_timeout=None, ssl_handshake_limit=None,
            module='tornado', check_names=True):
    """
    Make all new TLS streams of Tornado in this process use `SSLIOStream`.

    This covers TCPServer and HTTPServer with ``ssl_options``, TCPClient, AsyncHTTPClient, wss://,
    IOStream.start_tls, and SSLIOStream itself and its subclasses. A second call only changes the
    settings.

    A subclass of SSLIOStream that does its own input or output, on its socket or by replacing
    Tornado's methods, stays on Tornado's TLS, and a line is logged. So does a stream over an
    SSLSocket that has done its handshake.

    Args:
        suppress_ragged_eofs (bool), ssl_handshake_timeout (float): see `SSLIOStream`; for all of
            these streams.
        ssl_handshake_limit (int): see `TCPServer`; for each server without its own limit.
        module (module or str): which copy of Tornado, such as 'salt.ext.tornado'.
        check_names (bool): False lets IOStream.start_tls and TCPClient with a dict of ssl_options
            take any server whose certificate is trusted, whatever its name, as Tornado's do. An
            attacker can then be that server.

    Raises:
        ImportError: there is no such *module*.
        TypeError, ValueError: *ssl_handshake_limit* is not a positive integer, or the version of
            *module* is not supported.
    """
    _copies.installer(module)._install(suppress_ragged_eofs, ssl_handshake_timeout,
                                       ssl_handshake_limit, check_names)


def uninstall(module='tornado'):
    """Give Tornado its own methods back; existing streams and listening servers stay ours."""
    _copies.installer(module)._uninstall()


def _is_installed():
    return bool(_patches)


def _install(suppress_ragged_eofs, ssl_handshake_timeout, ssl_handshake_limit, check_names):
    _limits[:] = [handshake_limit(ssl_handshake_limit)]
    _checks_names[:] = [check_names]
    _settings.clear()
    _settings.update(suppress_ragged_eofs=suppress_ragged_eofs,
                     ssl_handshake_timeout=ssl_handshake_timeout)
    if not _patches:
        _patches.replace(_STOCK, '__init__', _init)
        _patches.replace(iostream.IOStream, 'start_tls', _start_tls)
        _patches.replace(tcpserver.TCPServer, '_handle_connection', _handle_connection)


def _uninstall():
    _patches.undo()


def _init(self, *args, **kwargs):
    """Make a new stream of Tornado's class, or of a subclass, one of ours."""
    cls = type(self) if _is_too_late(*args, **kwargs) else _our_class(type(self))
    if cls is type(self):
        _patches.original(_STOCK, '__init__')(self, *args, **kwargs)
    else:
        self.__class__ = cls
        SSLIOStream.__init__(self, *args, **dict(_settings, **kwargs))


def _is_too_late(socket=None, *args, **kwargs):
    """Return whether *socket* has done its handshake (bool): we cannot get its keys."""
    if not isinstance(socket, ssl.SSLSocket) or not has_begun(socket):
        return False
    if not _warned:
        _warned.append(True)
        log.gen_log.warning(
            'a stream stays on the TLS of Tornado itself, since its SSLSocket has done its'
            ' handshake: wrap it with do_handshake_on_connect=False')
    return True


def _our_class(cls):
    if cls not in _classes:
        reason = own_io(cls, _STOCK)
        if reason:
            log.gen_log.warning(
                '%s.%s stays on the TLS of Tornado itself, since %s', cls.__module__, cls.__name__,
                reason)
            _classes[cls] = cls
        else:
            # A subclass keeps its additions, on top of our stream instead of Tornado's. Its
            # metaclass, which may register classes, need not know.
            _classes[cls] = type.__new__(type(cls), cls.__name__, (cls, SSLIOStream),
                                         {'__module__': cls.__module__})
    return _classes[cls]


def _start_tls(self, server_side, ssl_options=None, server_hostname=None):
    if isinstance(ssl_options, dict) and not _checks_names[0]:
        ssl_options = context_of(ssl_options, server_side)
    return start_tls(self, server_side, ssl_options, server_hostname, **_settings)


def _handle_connection(self, connection, address):
    if self.ssl_options is None:
        _patches.original(tcpserver.TCPServer, '_handle_connection')(self, connection, address)
    else:
        serve_connection(self, connection, address, _handshakes_of(self), **_settings)


def _handshakes_of(server):
    """Return the `HandshakeLimit` of one of Tornado's servers; make it the first time."""
    limit = _limits[0].limit
    try:
        handshakes = server._sslproto27_handshakes
    except AttributeError:
        handshakes = server._sslproto27_handshakes = handshake_limit(limit)
    handshakes.limit = limit
    return handshakes
