"""Event loops that do TLS with `SSLProtocol`, and their policy. Nothing here knows of streams."""
from __future__ import absolute_import, division, print_function

import socket
import ssl as _ssl

from .._core.compat import PY2
from .._stream.flow import HANDSHAKE_LIMIT, HandshakeLimit
from .._stream.timeouts import timeouts
from . import (
    LoggingWaiter, SSLProtocol, handlers, new_future, raises_when_awaited, reading, upgrade)
from .compat import DefaultEventLoopPolicy, From, Return, coroutine, framework

if PY2:
    from .sockets import SocketLoop
else:
    SocketLoop = framework.SelectorEventLoop

__all__ = ['EventLoopPolicy', 'SelectorEventLoop', 'install', 'our_loop', 'run', 'uninstall']


class _TLS(object):
    """
    The TLS settings of one call.

    We pass it in place of the context: the frameworks only hand a context on to
    ``_make_ssl_transport``.
    """

    __slots__ = ('context', 'options')

    def __init__(self, ssl, server_side, options):
        self.context = None if ssl is True else ssl
        self.options = options
        if self.context is None and server_side:
            raise TypeError('ssl argument must be an SSLContext for a server, not %r' % (ssl,))
        if not isinstance(self.context, (_ssl.SSLContext, type(None))):
            raise TypeError('ssl argument must be an SSLContext, not %r' % (ssl,))
        timeouts(options.get('ssl_handshake_timeout'), options.get('ssl_shutdown_timeout'))


_OPTIONS = ('ssl_handshake_timeout', 'ssl_shutdown_timeout', 'session', 'suppress_ragged_eofs')

#: An option of servers only.
_SERVERS_OPTION = 'ssl_handshake_limit'


def _listening_tls(ssl, kwargs):
    """Do what `_tls` does, for a server, whose connections share one handshake limit."""
    limit = kwargs.pop(_SERVERS_OPTION, None)
    tls = _tls(ssl, True, kwargs)
    if tls:
        tls.options['handshake_limit'] = HandshakeLimit(HANDSHAKE_LIMIT if limit is None else limit)
    elif limit is not None:
        raise ValueError('%s is only meaningful with ssl' % _SERVERS_OPTION)
    return tls


def _tls(ssl, server_side, kwargs):
    """
    Take the TLS options out of *kwargs*; return what to pass on as ``ssl``.

    Raises:
        ValueError: there are such options, but *ssl* is false.
    """
    options = {name: kwargs.pop(name) for name in _OPTIONS if kwargs.get(name) is not None}
    for name in _OPTIONS:
        kwargs.pop(name, None)
    if ssl:
        return _TLS(ssl, server_side, options)
    for name in options:
        raise ValueError('%s is only meaningful with ssl' % name)
    return ssl


class SelectorEventLoop(SocketLoop):
    """
    The framework's own selector loop, but it does TLS with `SSLProtocol`.

    All methods that take ``ssl`` also take

        ssl_handshake_timeout (float): seconds; default 60.
        ssl_shutdown_timeout (float): seconds; default 30; 0 does not wait for close_notify.
        session (SSLSession): the session that a client wants to resume.
        suppress_ragged_eofs (bool): accept an EOF without close_notify as a clean end.

    and those that listen take

        ssl_handshake_limit (int): how many connections may be in the handshake at once; default
            4096. Further ones are closed immediately, and a line is logged.

    The shutdown timeout is also how long a handler of Trollius' own streams may answer after the
    peer's end (30 s if it is 0).

    These options need ``ssl``; without it the methods raise ValueError. They raise TypeError for a
    wrong type, and on a server for a missing context.

    Args:
        selector: the framework's; a new one by default.
        suppress_ragged_eofs (bool): the default for all connections: accept an EOF without
            close_notify as a clean end. An attacker can then cut the data short.
    """

    def __init__(self, selector=None, suppress_ragged_eofs=False):
        super(SelectorEventLoop, self).__init__(selector)
        self.suppress_ragged_eofs = bool(suppress_ragged_eofs)

    @raises_when_awaited
    def create_connection(self, protocol_factory, host=None, port=None, ssl=None, **kwargs):
        """Connect: asyncio's method; for more options see the class."""
        return super(SelectorEventLoop, self).create_connection(
            protocol_factory, host, port, ssl=_tls(ssl, False, kwargs), **kwargs)

    @raises_when_awaited
    def create_unix_connection(self, protocol_factory, path=None, ssl=None, **kwargs):
        """Connect to a unix socket: asyncio's method; for more options see the class."""
        return super(SelectorEventLoop, self).create_unix_connection(
            protocol_factory, path, ssl=_tls(ssl, False, kwargs), **kwargs)

    @raises_when_awaited
    def create_server(self, protocol_factory, host=None, port=None, ssl=None, **kwargs):
        """Serve: asyncio's method; for more options see the class."""
        return super(SelectorEventLoop, self).create_server(
            protocol_factory, host, port, ssl=_listening_tls(ssl, kwargs), **kwargs)

    @raises_when_awaited
    def create_unix_server(self, protocol_factory, path=None, ssl=None, **kwargs):
        """Serve on a unix socket: asyncio's method; for more options see the class."""
        return super(SelectorEventLoop, self).create_unix_server(
            protocol_factory, path, ssl=_listening_tls(ssl, kwargs), **kwargs)

    @raises_when_awaited
    def connect_accepted_socket(self, protocol_factory, sock, ssl=None, **kwargs):
        """
        Serve one connection that was accepted elsewhere.

        Args:
            protocol_factory (callable): returns the application's protocol.
            sock (socket.socket): connected; the transport closes it.
            ssl (ssl.SSLContext or None): None for no TLS.
            **kwargs: see the class.

        Returns:
            a coroutine; its result is (transport, protocol), once the handshake is done.

        Raises:
            ValueError: *sock* is not a stream, or is a TLS socket.
        """
        if not sock.type & socket.SOCK_STREAM:
            raise ValueError('sock must be a stream socket, not %r' % (sock,))
        if isinstance(sock, _ssl.SSLSocket):
            raise ValueError('sock must be a plain socket, not %r' % (sock,))
        return self._accepted(protocol_factory, sock, _tls(ssl, True, kwargs), **kwargs)

    @coroutine
    def _accepted(self, protocol_factory, sock, tls):
        sock.setblocking(False)
        protocol, waiter = protocol_factory(), new_future(self)
        if tls:
            transport = self._make_ssl_transport(sock, protocol, tls, waiter, server_side=True)
        else:
            transport = self._make_socket_transport(sock, protocol, waiter)
        try:
            yield From(waiter)
        except BaseException:
            transport.close()
            raise
        finally:
            del waiter
        raise Return((transport, protocol))

    def start_tls(self, transport, protocol, sslcontext, **kwargs):
        """Upgrade *transport* to TLS; see `sslproto27.aio.start_tls`."""
        return upgrade.start_tls(transport, protocol, sslcontext, loop=self, **kwargs)

    if not hasattr(framework.SelectorEventLoop, 'create_future'):
        def create_future(self):
            """Return a future of this loop."""
            return new_future(self)

    # Every way to open a TLS connection goes through _make_ssl_transport, every way to open any
    # stream through _make_socket_transport.

    def _make_ssl_transport(self, rawsock, protocol, sslcontext, waiter=None, server_side=False,
                            server_hostname=None, extra=None, server=None, **options):
        # Applications without start_tls call this too, with a context or None.
        tls = sslcontext if isinstance(sslcontext, _TLS) else _TLS(
            sslcontext, server_side, options)
        if server is not None and isinstance(waiter, framework.Future):  # asyncio's, of a server
            waiter = LoggingWaiter(waiter)
        try:
            layer = SSLProtocol(self, protocol, tls.context, waiter, server_side,
                                server_hostname, **tls.options)
        except BaseException:
            rawsock.close()
            raise
        self._make_socket_transport(rawsock, layer, extra=extra, server=server)
        return layer.transport


class EventLoopPolicy(DefaultEventLoopPolicy):
    """
    The framework's default policy, but it makes loops of class `SelectorEventLoop`.

    Args:
        suppress_ragged_eofs (bool): passed to each `SelectorEventLoop`.
    """

    def __init__(self, suppress_ragged_eofs=False):
        super(EventLoopPolicy, self).__init__()
        self.suppress_ragged_eofs = bool(suppress_ragged_eofs)

    def _loop_factory(self):
        return SelectorEventLoop(suppress_ragged_eofs=self.suppress_ragged_eofs)


def install(suppress_ragged_eofs=False):
    """
    Make every new loop a `SelectorEventLoop`. A second call only changes the setting.

    From now on Trollius' own StreamReader, which its open_connection and start_server use, returns
    the data that has arrived before it raises the connection's error, and never waits after that.
    Its streams end TLS once the peer has ended it, but a start_server's handler (a coroutine) can
    still answer: TLS ends when it returns, or once it has taken longer than ssl_shutdown_timeout.

    Args:
        suppress_ragged_eofs (bool): the default for all connections of these loops: accept an EOF
            without close_notify as a clean end, as Python 2.7 does with OpenSSL 1.1.1. An attacker
            can then cut the data short (RFC 8446 6.1).
    """
    reading.patch()
    handlers.patch()
    policy = framework.get_event_loop_policy()
    if isinstance(policy, EventLoopPolicy):
        policy.suppress_ragged_eofs = bool(suppress_ragged_eofs)
    else:
        _replaced[:] = [policy]
        ours = EventLoopPolicy(suppress_ragged_eofs)
        watcher = getattr(policy, '_watcher', None)  # None if the program has not asked for one yet
        if watcher is not None:
            ours.set_child_watcher(watcher)
        framework.set_event_loop_policy(ours)


_replaced = []  # the policy that was there before ours


def uninstall():
    """Restore the policy that was there before, and the framework's streams, after `install`."""
    reading.unpatch()
    handlers.unpatch()
    if _is_installed():
        framework.set_event_loop_policy(_replaced.pop() if _replaced else None)


def _is_installed():
    return isinstance(framework.get_event_loop_policy(), EventLoopPolicy)


def our_loop(loop=None):
    """
    Return *loop*, or the current one.

    Raises:
        TypeError: the loop is not one of ours.
    """
    if loop is None:
        loop = framework.get_event_loop()
    if not isinstance(loop, SelectorEventLoop):
        raise TypeError('loop must be a SelectorEventLoop of sslproto27, not %s: see install()'
                        % type(loop).__name__)
    return loop


def run(main):
    """
    Run the coroutine *main* on a new loop of ours, close the loop, and return the result.
    """
    policy = framework.get_event_loop_policy()  # ours has install()'s setting
    loop = (policy if isinstance(policy, EventLoopPolicy) else EventLoopPolicy()).new_event_loop()
    framework.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        framework.set_event_loop(None)
        loop.close()
