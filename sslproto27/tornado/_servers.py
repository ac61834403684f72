"""Tornado's servers and client on our streams. Nothing here patches Tornado."""
from __future__ import absolute_import, division, print_function

import datetime
import numbers
import socket

from .._stream.flow import HANDSHAKE_LIMIT, HandshakeLimit
from ._compat import gen, httpserver, ioloop, iostream, log, loop_of, tcpclient, tcpserver
from ._settings import context_of
from ._stream import SSLIOStream, start_tls_stream

__all__ = ['HTTPServer', 'TCPClient', 'TCPServer', 'handshake_limit', 'serve_connection']


def handshake_limit(limit):
    """
    Return the `HandshakeLimit` of one server.

    Args:
        limit (int or None): its ``ssl_handshake_limit``; None for the default.

    Raises:
        TypeError, ValueError: *limit* is not a positive integer.
    """
    return HandshakeLimit(HANDSHAKE_LIMIT if limit is None else limit)


def serve_connection(server, connection, address, handshakes, **settings):
    """
    Let *server* handle an accepted *connection* with TLS: TCPServer's own method, on our streams.

    Args:
        server (tornado.tcpserver.TCPServer): a server with ``ssl_options``.
        connection (socket), address: the result of accept.
        handshakes (HandshakeLimit): the server's limit; if it is reached, *connection* is closed.
        **settings: more arguments of `SSLIOStream`.
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
    Return the context for a server's ``ssl_options``, a dict; make it only once.

    Tornado makes a new one for each connection, so that it could never resume a session.
    """
    known = getattr(server, '_sslproto27_context', None)
    if known is None or known[0] != options:
        known = server._sslproto27_context = dict(options), context_of(options, server_side=True)
    return known[1]


class _TLSServer(object):
    """The differences between our servers and Tornado's."""

    _tls_settings = {}

    def _set_tls(self, kwargs):
        """Take the TLS settings out of a server's arguments."""
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
    tornado.tcpserver.TCPServer, but its TLS connections are `SSLIOStream`.

    Args:
        ssl_options, max_buffer_size, read_chunk_size: as in Tornado.
        suppress_ragged_eofs (bool), ssl_handshake_timeout (float): see `SSLIOStream`.
        ssl_handshake_limit (int): how many connections may be in the handshake at once; default
            4096. Further ones are closed immediately, and a line is logged.
    """

    def __init__(self, *args, **kwargs):
        self._set_tls(kwargs)
        super(TCPServer, self).__init__(*args, **kwargs)


class HTTPServer(_TLSServer, httpserver.HTTPServer):
    """
    tornado.httpserver.HTTPServer, but its TLS connections are `SSLIOStream`.

    Args:
        suppress_ragged_eofs (bool), ssl_handshake_timeout (float): see `SSLIOStream`.
        ssl_handshake_limit (int): see `TCPServer`.
        others: as in Tornado.
    """

    def initialize(self, *args, **kwargs):
        """Take the arguments; Tornado's HTTPServer gets them here, not in __init__."""
        self._set_tls(kwargs)
        super(HTTPServer, self).initialize(*args, **kwargs)


class TCPClient(tcpclient.TCPClient):
    """tornado.tcpclient.TCPClient, but its TLS connections are `SSLIOStream`."""

    @gen.coroutine
    def connect(self, host, port, af=socket.AF_UNSPEC, ssl_options=None, max_buffer_size=None,
                source_ip=None, source_port=None, timeout=None, session=None,
                suppress_ragged_eofs=False):
        """
        Connect, with TLS if *ssl_options* is given.

        Args:
            session (SSLSession or None), suppress_ragged_eofs (bool): see `SSLIOStream`.
            timeout: for connecting and the handshake together.
            others: as in Tornado; *host* is the name that the server must prove.

        Returns:
            a Future of an IOStream or `SSLIOStream`.
        """
        if isinstance(timeout, datetime.timedelta):
            timeout = timeout.total_seconds()
        start = ioloop.IOLoop.current().time()
        stream = yield super(TCPClient, self).connect(
            host, port, af, None, max_buffer_size, source_ip, source_port,
            **({} if timeout is None else dict(timeout=timeout)))  # Tornado 4.5 has no timeout
        if ssl_options is None:
            raise gen.Return(stream)
        if stream.closed():  # the peer has already left
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
