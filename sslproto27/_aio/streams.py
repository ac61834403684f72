"""Streams over TLS. Nothing here makes a transport."""
from __future__ import absolute_import, division, print_function

from .._core.compat import PY2
from .._stream import lower_transport
from . import handlers, new_future, raises_when_awaited
from .compat import From, Return, coroutine, framework
from .loop import our_loop
from .reading import LimitOverrunError, Reading
from .upgrade import run_tls, use_transport

__all__ = ['IncompleteReadError', 'LIMIT', 'LimitOverrunError', 'StreamReader', 'StreamWriter',
           'open_connection', 'open_streams', 'open_unix_connection', 'start_server',
           'start_unix_server']

#: The longest line in bytes; a reader holds twice as many. The framework's default.
LIMIT = 2 ** 16


IncompleteReadError = framework.IncompleteReadError


class StreamReader(Reading, framework.StreamReader):
    """
    The framework's StreamReader, but it returns the data that has arrived before raising an error.

    A call gets the data that has arrived if this is enough. Otherwise it raises the connection's
    error and leaves the data for other calls: once ``read()`` has failed, ``read(65536)`` returns
    the data that came before the failure.
    """


class _StreamProtocol(framework.StreamReaderProtocol):
    """Feeds a reader, and informs its writer."""

    _is_lost = False
    _lost_waiter = None

    def connection_made(self, transport):
        """Give the reader its transport, and call the server's callback."""
        callback, self._client_connected_cb = self._client_connected_cb, None
        reader = self._stream_reader
        super(_StreamProtocol, self).connection_made(transport)
        self._client_connected_cb = callback
        if callback is not None:
            self._strong_reader = None  # asyncio's, until others hold a reference
            self._stream_writer = StreamWriter(transport, self, reader, self._loop)
            result = callback(reader, self._stream_writer)
            if framework.iscoroutine(result):
                handlers.start(self, result, self._loop, self._stream_writer)

    def eof_received(self):
        """Feed the end; our side stays open until closed, with TLS as `handlers` says."""
        super(_StreamProtocol, self).eof_received()
        return handlers.wants_to_write(self)

    def connection_lost(self, error):
        """Wake wait_closed()."""
        super(_StreamProtocol, self).connection_lost(error)
        self._is_lost = True
        if self._lost_waiter is not None and not self._lost_waiter.done():
            self._lost_waiter.set_result(None)


class StreamWriter(framework.StreamWriter):
    """The framework's StreamWriter, with asyncio's later methods, `unwrap` and read-ahead."""

    @coroutine
    def start_tls(self, sslcontext, server_side=None, **kwargs):
        """
        Upgrade to TLS, once all written data is sent.

        Data that the reader has read ahead counts as the peer's first TLS records. Data written
        from now on waits for the handshake.

        Args:
            sslcontext (ssl.SSLContext): certificates, trust and settings.
            server_side (bool): by default True for a connection that our server has accepted.
            **kwargs: as for `sslproto27.aio.start_tls`: ``server_hostname``, ...

        Raises:
            as `sslproto27.aio.start_tls`.
        """
        if server_side is None:
            server_side = self._protocol._client_connected_cb is not None
        yield From(self.drain())
        yield From(run_tls(self._loop, self._use, self._transport, self._protocol, sslcontext,
                           server_side=server_side, **kwargs))

    @coroutine
    def unwrap(self):
        """
        End TLS and go on in plaintext, with the same reader and writer.

        The reader continues with the data that follows the peer's close_notify, even if it had
        reached its end: that was only the end of TLS.

        Raises:
            RuntimeError, ssl.SSLError, socket.error: see `SSLTransport.unwrap`.
        """
        transport, trailing = yield From(self._transport.unwrap())
        self._use(transport)
        reader = self._reader
        reader._eof = False
        use_transport(self._protocol, transport)
        reader.feed_data(trailing)
        if not reader._paused:
            transport.resume_reading()

    def _use(self, transport):
        self._transport = transport

    if PY2:
        def is_closing(self):
            """Return whether the transport is closing or closed (bool)."""
            return lower_transport.is_closing(self._transport)

        @coroutine
        def wait_closed(self):
            """After close(), wait until the connection is gone."""
            protocol = self._protocol
            if not protocol._is_lost:
                if protocol._lost_waiter is None:
                    protocol._lost_waiter = new_future(self._loop)
                yield From(protocol._lost_waiter)


@coroutine
def open_streams(loop, limit, connect, *args, **kwargs):
    """
    Return (reader, writer) of a connection.

    Args:
        loop: the event loop.
        limit (int): the reader's limit, in bytes.
        connect (callable): takes a protocol factory, *args* and *kwargs*, and returns a coroutine
            whose result is (transport, protocol).
    """
    reader = StreamReader(limit=limit, loop=loop)
    protocol = _StreamProtocol(reader, loop=loop)
    transport, _ = yield From(connect(lambda: protocol, *args, **kwargs))
    raise Return((reader, StreamWriter(transport, protocol, reader, loop)))


@raises_when_awaited
def open_connection(host=None, port=None, loop=None, limit=LIMIT, **kwargs):
    """
    Connect, with TLS if *ssl* is given: the framework's open_connection on one of our loops.

    Args:
        host (str), port (int): the server's address.
        loop: a `SelectorEventLoop`; the current loop by default.
        limit (int): the longest line in bytes; the reader holds twice as many.
        **kwargs: of create_connection: ``ssl``, ``server_hostname``, ``ssl_handshake_timeout``, ...

    Returns:
        a coroutine; its result is (StreamReader, StreamWriter).

    Raises:
        TypeError: the loop is not one of ours.
    """
    loop = our_loop(loop)
    return open_streams(loop, limit, loop.create_connection, host, port, **kwargs)


@raises_when_awaited
def open_unix_connection(path=None, loop=None, limit=LIMIT, **kwargs):
    """Connect to the unix socket at *path*; otherwise like `open_connection`."""
    loop = our_loop(loop)
    return open_streams(loop, limit, loop.create_unix_connection, path, **kwargs)


@raises_when_awaited
def start_server(client_connected_cb, host=None, port=None, loop=None, limit=LIMIT, **kwargs):
    """
    Serve streams, with TLS if *ssl* is given: the framework's start_server on one of our loops.

    Args:
        client_connected_cb (callable): called with (StreamReader, StreamWriter) for each
            connection; may be a coroutine function.
        host (str), port (int): the address to listen on.
        loop: a `SelectorEventLoop`; the current loop by default.
        limit (int): the longest line in bytes; the reader holds twice as many.
        **kwargs: of create_server: ``ssl``, ``backlog``, ``ssl_handshake_timeout``, ...

    Returns:
        a coroutine; its result is the server.

    Raises:
        TypeError: the loop is not one of ours.
    """
    loop = our_loop(loop)
    return loop.create_server(
        _server_factory(loop, limit, client_connected_cb), host, port, **kwargs)


@raises_when_awaited
def start_unix_server(client_connected_cb, path=None, loop=None, limit=LIMIT, **kwargs):
    """Serve streams on the unix socket at *path*; otherwise like `start_server`."""
    loop = our_loop(loop)
    return loop.create_unix_server(
        _server_factory(loop, limit, client_connected_cb), path, **kwargs)


def _server_factory(loop, limit, callback):
    def factory():
        return _StreamProtocol(StreamReader(limit=limit, loop=loop), callback, loop=loop)
    return factory
