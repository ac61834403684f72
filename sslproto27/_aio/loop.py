"""Event loops whose TLS is `SSLProtocol`, and their policy. Nothing here knows of streams."""
from __future__ import absolute_import, division, print_function

import socket
import ssl as _ssl

from .._core.compat import PY2
from .._stream.flow import HANDSHAKE_LIMIT, HandshakeLimit
from .._stream.timeouts import timeouts
from . import (
    DefaultEventLoopPolicy, From, Return, SSLProtocol, Unattended, coroutine, framework, new_future,
    raises_when_awaited, reading, upgrade)

if PY2:
    from .sockets import SocketLoop
else:
    SocketLoop = framework.SelectorEventLoop

__all__ = ['EventLoopPolicy', 'SelectorEventLoop', 'install', 'our_loop', 'run', 'uninstall']


class _TLS(object):
    """
    How TLS connections of one call are to be.

    It travels in the place of the context: observed on Trollius 2.2.1 and on asyncio 3.7 to 3.13,
    all that they do with a context is to hand it to ``_make_ssl_transport``.
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

#: Of those that listen alone.
_SERVERS_OPTION = 'ssl_handshake_limit'


def _listening_tls(ssl, kwargs):
    """Return what `_tls` does, for a server: one limit for all of its connections."""
    limit = kwargs.pop(_SERVERS_OPTION, None)
    tls = _tls(ssl, True, kwargs)
    if tls:
        tls.options['handshake_limit'] = HandshakeLimit(HANDSHAKE_LIMIT if limit is None else limit)
    elif limit is not None:
        raise ValueError('%s is only meaningful with ssl' % _SERVERS_OPTION)
    return tls


def _tls(ssl, server_side, kwargs):
    """
    Take TLS' options out of *kwargs*; return what to pass on as ``ssl``.

    Raises:
        ValueError: there are some, and no TLS.
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
    The framework's own selector loop, whose TLS is `SSLProtocol`.

    All methods that take ``ssl`` also take

        ssl_handshake_timeout (float): seconds, 60 unless given.
        ssl_shutdown_timeout (float): seconds, 30 unless given; 0 not to wait for close_notify.
        session (SSLSession): what a client would like to resume.
        suppress_ragged_eofs (bool): take an EOF without close_notify for a clean end.

    and those that listen

        ssl_handshake_limit (int): connections that may be in the handshake at once, 4096 unless
            given; more are closed at once, and a line is logged.

    with ``ssl`` alone, else they raise ValueError; a wrong type, and on a server a missing context,
    is TypeError.

    Args:
        selector: the framework's; a new one unless given.
        suppress_ragged_eofs (bool): for all connections that do not say otherwise: take an EOF
            without close_notify for a clean end. An attacker can then cut the data short.
    """

    def __init__(self, selector=None, suppress_ragged_eofs=False):
        super(SelectorEventLoop, self).__init__(selector)
        self.suppress_ragged_eofs = bool(suppress_ragged_eofs)

    @raises_when_awaited
    def create_connection(self, protocol_factory, host=None, port=None, ssl=None, **kwargs):
        """Connect; asyncio's, and see the class."""
        return super(SelectorEventLoop, self).create_connection(
            protocol_factory, host, port, ssl=_tls(ssl, False, kwargs), **kwargs)

    @raises_when_awaited
    def create_unix_connection(self, protocol_factory, path=None, ssl=None, **kwargs):
        """Connect to a unix socket; asyncio's, and see the class."""
        return super(SelectorEventLoop, self).create_unix_connection(
            protocol_factory, path, ssl=_tls(ssl, False, kwargs), **kwargs)

    @raises_when_awaited
    def create_server(self, protocol_factory, host=None, port=None, ssl=None, **kwargs):
        """Serve; asyncio's, and see the class."""
        return super(SelectorEventLoop, self).create_server(
            protocol_factory, host, port, ssl=_listening_tls(ssl, kwargs), **kwargs)

    @raises_when_awaited
    def create_unix_server(self, protocol_factory, path=None, ssl=None, **kwargs):
        """Serve on a unix socket; asyncio's, and see the class."""
        return super(SelectorEventLoop, self).create_unix_server(
            protocol_factory, path, ssl=_listening_tls(ssl, kwargs), **kwargs)

    @raises_when_awaited
    def connect_accepted_socket(self, protocol_factory, sock, ssl=None, **kwargs):
        """
        Serve one connection that has been accepted elsewhere.

        Args:
            protocol_factory (callable): returns the application's protocol.
            sock (socket.socket): connected; the transport closes it.
            ssl (ssl.SSLContext or None): None for no TLS.
            **kwargs: see the class.

        Returns:
            a coroutine, of (transport, protocol), once the handshake is done.

        Raises:
            ValueError: *sock* is no stream, or is a TLS socket.
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

    # Observed on Trollius 2.2.1: all of its ways to open a TLS connection go through
    # _make_ssl_transport, all of its ways to open any stream through _make_socket_transport.

    def _make_ssl_transport(self, rawsock, protocol, sslcontext, waiter=None, server_side=False,
                            server_hostname=None, extra=None, server=None, **options):
        # Applications call this, too, for want of a start_tls: with a context, or None.
        tls = sslcontext if isinstance(sslcontext, _TLS) else _TLS(
            sslcontext, server_side, options)
        if server is not None and isinstance(waiter, framework.Future):  # asyncio's, of a server
            waiter = Unattended(waiter)
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
    The framework's default policy, making loops of `SelectorEventLoop`.

    Args:
        suppress_ragged_eofs (bool): the loops' own setting, see there.
    """

    def __init__(self, suppress_ragged_eofs=False):
        super(EventLoopPolicy, self).__init__()
        self.suppress_ragged_eofs = bool(suppress_ragged_eofs)

    def _loop_factory(self):
        return SelectorEventLoop(suppress_ragged_eofs=self.suppress_ragged_eofs)


def install(suppress_ragged_eofs=False):
    """
    Let every new loop be a `SelectorEventLoop`. Doing it again changes the setting alone.

    Trollius' own StreamReader, with which its open_connection and start_server read, hands out from
    now on what has arrived before it raises what ended the connection, and never waits after that.

    Args:
        suppress_ragged_eofs (bool): for all connections of these loops that do not say otherwise:
            take an EOF without close_notify for a clean end, as Python 2.7 does with OpenSSL 1.1.1.
            An attacker can then cut the data short (RFC 8446 6.1).
    """
    reading.mend()
    policy = framework.get_event_loop_policy()
    if isinstance(policy, EventLoopPolicy):
        policy.suppress_ragged_eofs = bool(suppress_ragged_eofs)
    else:
        framework.set_event_loop_policy(EventLoopPolicy(suppress_ragged_eofs))


def uninstall():
    """Go back to the framework's default policy, and streams, if `install` is in force."""
    reading.restore()
    if isinstance(framework.get_event_loop_policy(), EventLoopPolicy):
        framework.set_event_loop_policy(None)


def our_loop(loop=None):
    """
    Return *loop*, or the current one.

    Raises:
        TypeError: its TLS is not ours.
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
    policy = framework.get_event_loop_policy()  # ours has the setting that install() was given
    loop = (policy if isinstance(policy, EventLoopPolicy) else EventLoopPolicy()).new_event_loop()
    framework.set_event_loop(loop)
    try:
        return loop.run_until_complete(main)
    finally:
        framework.set_event_loop(None)
        loop.close()
