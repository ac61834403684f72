"""Tornado's servers and client with our streams. Nothing here patches Tornado."""
from __future__ import absolute_import, division, print_function

import datetime
import numbers
import socket

from .._stream.flow import HANDSHAKE_LIMIT, HandshakeLimit
from ._framework import gen, httpserver, ioloop, iostream, log, loop_of, tcpclient, tcpserver
from ._settings import context_of
from ._stream import SSLIOStream, start_tls_stream

__all__ = ['HTTPServer', 'TCPClient', 'TCPServer', 'handshake_limit', 'serve_connection']


def handshake_limit(limit):
    """
    Return the `HandshakeLimit` of one server.

    Args:
        limit (int or None): its ``ssl_handshake_limit``; None for the default.

    Raises:
        TypeError, ValueError: *limit* is no integer, or not positive.
    """
    return HandshakeLimit(HANDSHAKE_LIMIT if limit is None else limit)


def serve_connection(server, connection, address, handshakes, **settings):
    """
    Let *server* handle an accepted *connection* with TLS: TCPServer's own method, on our streams.

    Args:
        server (tornado.tcpserver.TCPServer): one with ``ssl_options``.
        connection (socket), address: what accept returned.
        handshakes (HandshakeLimit): the server's; beyond it *connection* is closed.
        **settings: further ones of `SSLIOStream`.
    """
    if not handshakes.admits():
        connection.close()
        return
    try:
        options = server.ssl_options
        if isinstance(options, dict):
            options = _context_of_server(server, options)
        settings.update(loop_of(server))
        stream = SSLIOStream(
            connection, max_buffer_size=server.max_buffer_size,
            read_chunk_size=server.read_chunk_size, ssl_options=options, server_side=True,
            handshake_limit=handshakes, **settings)
        stream._peer = address
        served = server.handle_stream(stream, address)
        if served is not None:
            stream.io_loop.add_future(gen.convert_yielded(served), lambda done: done.result())
    except Exception:
        log.app_log.error('Error in connection callback', exc_info=True)


def _context_of_server(server, options):
    """
    Return the context of a server's ``ssl_options``, a dict, made once.

    A new one for each connection, as Tornado makes of a dict, could not resume any session.
    """
    known = getattr(server, '_sslproto27_context', None)
    if known is None or known[0] != options:
        known = server._sslproto27_context = dict(options), context_of(options, server_side=True)
    return known[1]


class _TLSServer(object):
    """What our servers do differently."""

    _tls_settings = {}

    def _set_tls(self, kwargs):
        """Take the settings of TLS out of the arguments of a server."""
        self._handshakes = handshake_limit(kwargs.pop('ssl_handshake_limit', None))
        self._tls_settings = {
            name: kwargs.pop(name) for name in ('suppress_ragged_eofs', 'ssl_handshake_timeout')
            if name in kwargs}

    def _handle_connection(self, connection, address):
        if self.ssl_options is None:
            super(_TLSServer, self)._handle_connection(connection, address)
        else:
            serve_connection(self, connection, address, self._handshakes, **self._tls_settings)


class TCPServer(_TLSServer, tcpserver.TCPServer):
    """
    tornado.tcpserver.TCPServer, whose TLS connections are `SSLIOStream`.

    Args:
        ssl_options, max_buffer_size, read_chunk_size: as Tornado has them.
        suppress_ragged_eofs (bool), ssl_handshake_timeout (float): see `SSLIOStream`.
        ssl_handshake_limit (int): connections that may be in the handshake at once, 4096 unless
            given; more are closed at once, and a line is logged.
    """

    def __init__(self, *args, **kwargs):
        self._set_tls(kwargs)
        super(TCPServer, self).__init__(*args, **kwargs)


class HTTPServer(_TLSServer, httpserver.HTTPServer):
    """
    tornado.httpserver.HTTPServer, whose TLS connections are `SSLIOStream`.

    Args:
        suppress_ragged_eofs (bool), ssl_handshake_timeout (float): see `SSLIOStream`.
        ssl_handshake_limit (int): see `TCPServer`.
        others: as Tornado has them.
    """

    def initialize(self, *args, **kwargs):
        """Take the arguments: Tornado's servers have them here."""
        self._set_tls(kwargs)
        super(HTTPServer, self).initialize(*args, **kwargs)


class TCPClient(tcpclient.TCPClient):
    """tornado.tcpclient.TCPClient, whose TLS connections are `SSLIOStream`."""

    @gen.coroutine
    def connect(self, host, port, af=socket.AF_UNSPEC, ssl_options=None, max_buffer_size=None,
                source_ip=None, source_port=None, timeout=None, session=None,
                suppress_ragged_eofs=False):
        """
        Connect, with TLS if *ssl_options* is given.

        Args:
            session (SSLSession or None), suppress_ragged_eofs (bool): see `SSLIOStream`.
            timeout: for all of it, the handshake included.
            others: as Tornado has them; *host* is the name that the server must prove.

        Returns:
            a Future of an IOStream, or `SSLIOStream`.
        """
        if isinstance(timeout, datetime.timedelta):
            timeout = timeout.total_seconds()
        start = ioloop.IOLoop.current().time()
        stream = yield super(TCPClient, self).connect(
            host, port, af, None, max_buffer_size, source_ip, source_port,
            **({} if timeout is None else dict(timeout=timeout)))  # Tornado 4.5 has none
        if ssl_options is None:
            raise gen.Return(stream)
        if stream.closed():  # the peer has been quick to leave
            raise iostream.StreamClosedError(real_error=stream.error)
        tls, future = start_tls_stream(
            stream, False, ssl_options, host, session, suppress_ragged_eofs)
        if isinstance(timeout, numbers.Real):
            future = gen.with_timeout(start + timeout, future, quiet_exceptions=EnvironmentError)
        try:
            yield future
        except gen.TimeoutError:
            tls.close()
            raise
        raise gen.Return(tls)
