"""
TLS over memory BIOs for Trollius: the loop and its policy, in the manner of ``uvloop.install()``.

    import sslproto27.trollius
    sslproto27.trollius.install()

After that create_connection, create_server, their unix twins, open_connection and start_server of
every new loop carry TLS over memory BIOs, and TCP sockets have TCP_NODELAY.
"""
from __future__ import absolute_import, division, print_function

import socket

import trollius
from trollius import unix_events

from ._protocol import SSLProtocol

__all__ = ['SelectorEventLoop', 'EventLoopPolicy', 'install', 'uninstall', 'open_connection',
           'start_server']


class SelectorEventLoop(trollius.SelectorEventLoop):
    """
    Trollius' own selector loop, whose TLS is `SSLProtocol`.

    Observed on Trollius 2.2.1: all of its ways to open a TLS connection go through
    ``_make_ssl_transport``, all of its ways to open any stream through ``_make_socket_transport``.
    """

    def _make_socket_transport(self, sock, protocol, waiter=None, extra=None, server=None):
        _set_nodelay(sock)
        return super(SelectorEventLoop, self)._make_socket_transport(
            sock, protocol, waiter, extra=extra, server=server)

    def _make_ssl_transport(self, rawsock, protocol, sslcontext, waiter=None, server_side=False,
                            server_hostname=None, extra=None, server=None):
        ssl_protocol = SSLProtocol(self, protocol, sslcontext, waiter, server_side, server_hostname)
        self._make_socket_transport(rawsock, ssl_protocol, extra=extra, server=server)
        return ssl_protocol.transport


def _set_nodelay(sock):
    # Without it a TLS 1.3 server's first answer, and each write of more than a segment, waits for
    # the peer's delayed ACK: 40 ms (observed on 2.7.18). asyncio sets it too.
    if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.type & socket.SOCK_STREAM:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class EventLoopPolicy(unix_events.DefaultEventLoopPolicy):
    """Trollius' default policy, making loops of `SelectorEventLoop`."""

    _loop_factory = SelectorEventLoop


def install():
    """Let every new Trollius loop be a `SelectorEventLoop`. Doing it again changes nothing."""
    if not isinstance(trollius.get_event_loop_policy(), EventLoopPolicy):
        trollius.set_event_loop_policy(EventLoopPolicy())


def uninstall():
    """Go back to Trollius' default policy, if `install` is in force."""
    if isinstance(trollius.get_event_loop_policy(), EventLoopPolicy):
        trollius.set_event_loop_policy(None)


def open_connection(host=None, port=None, **kwargs):
    """
    Connect, with TLS if *ssl* is given: trollius.open_connection on one of our loops.

    Args:
        host (str), port (int): where to.
        loop: a `SelectorEventLoop`; the current loop unless given.
        **kwargs: as for trollius' (``limit``) and create_connection's (``ssl``,
            ``server_hostname``, ...).

    Returns:
        a coroutine, of (StreamReader, StreamWriter).

    Raises:
        TypeError: the loop's TLS is not ours.
    """
    return trollius.open_connection(host, port, **_on_our_loop(kwargs))


def start_server(client_connected_cb, host=None, port=None, **kwargs):
    """
    Serve streams, with TLS if *ssl* is given: trollius.start_server on one of our loops.

    Args:
        client_connected_cb (callable): what to call with each (StreamReader, StreamWriter).
        host (str), port (int): where to listen.
        loop: a `SelectorEventLoop`; the current loop unless given.
        **kwargs: as for trollius' (``limit``) and create_server's (``ssl``, ``backlog``, ...).

    Returns:
        a coroutine, of the server.

    Raises:
        TypeError: the loop's TLS is not ours.
    """
    return trollius.start_server(client_connected_cb, host, port, **_on_our_loop(kwargs))


def _on_our_loop(kwargs):
    loop = kwargs.get('loop')
    if loop is None:
        kwargs['loop'] = loop = trollius.get_event_loop()
    if not isinstance(loop, SelectorEventLoop):
        raise TypeError('loop must be an sslproto27.trollius.SelectorEventLoop, not %s;'
                        ' see sslproto27.trollius.install()' % type(loop).__name__)
    return kwargs
