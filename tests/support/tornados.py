"""
Tornado in the tests: its IOLoop, connected streams, and peers that do only what a test says.

Import this before Tornado: where Tornado cannot be had, the test module is skipped.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import functools
import logging
import os
import socket
import sys
import warnings

import pytest

from sslproto27 import SSLPipe
from sslproto27._core import pipe_states as _pipe
from tests.support.pipe_pairs import attempt, pattern

REASON = ('Tornado 5.1 or older is not installed: it can be on Python 2.7 and 3.5 to 3.9; 3.10 and'
          ' 3.11 cannot import it, and it refuses to be built for 3.12 and later')

with warnings.catch_warnings():
    warnings.simplefilter('ignore')  # Python 3.7 has something to say about how it is written
    pytest.importorskip('tornado.iostream', reason=REASON)
    from tornado import gen, httpclient, httpserver, iostream, netutil, web, websocket
    from tornado.ioloop import IOLoop

from sslproto27.tornado import SSLIOStream, start_tls  # noqa: E402
from sslproto27.tornado._compat import IS_OLD  # noqa: E402

__all__ = ['Peer', 'both', 'connected_sockets', 'exchange', 'failure_of', 'finish', 'gen',
           'httpclient', 'httpserver', 'iostream', 'listening', 'logged', 'netutil', 'on_loop',
           'pair_of_streams', 'settled', 'since_5', 'two_pipes', 'upgraded', 'web', 'websocket']

since_5 = pytest.mark.skipif(IS_OLD, reason='Tornado 4.5 cannot do that')

PATIENCE = 20  # seconds until a test that waits has failed


def on_loop(test):
    """Let a generator be a test, a Tornado coroutine, on an IOLoop of its own."""
    @functools.wraps(test)
    def run(*args, **kwargs):
        loop = IOLoop()
        loop.make_current()
        try:
            loop.run_sync(functools.partial(gen.coroutine(test), *args, **kwargs), PATIENCE)
        finally:
            loop.clear_current()
            loop.close(all_fds=True)
    run.__wrapped__ = test  # from which pytest takes the fixtures
    return run


def connected_sockets():
    """Return two sockets of 127.0.0.1 that are connected: (a client's, a server's)."""
    listener = socket.socket()
    try:
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        return client, listener.accept()[0]
    finally:
        listener.close()


@contextlib.contextmanager
def listening(server):
    """Let a Tornado server listen on a port of its own until the block ends; give the port."""
    sock, = netutil.bind_sockets(0, '127.0.0.1')
    server.add_socket(sock)
    try:
        yield sock.getsockname()[1]
    finally:
        server.stop()


@gen.coroutine
def pair_of_streams(pki, version=None, **kwargs):
    """
    Connect two of our streams, and shake hands.

    Args:
        **kwargs: for the client's; those that begin with ``server_``, without that, for the
            server's; ``server_hostname`` is the client's.
    """
    for_server = {name[len('server_'):]: kwargs.pop(name) for name in list(kwargs)
                  if name.startswith('server_') and name != 'server_hostname'}
    kwargs.setdefault('ssl_options', pki.client_context(version))
    kwargs.setdefault('server_hostname', 'localhost')
    for_server.setdefault('ssl_options', pki.server_context(version=version))
    ours, theirs = connected_sockets()
    server = SSLIOStream(theirs, server_side=True, **for_server)
    client = SSLIOStream(ours, **kwargs)
    yield [client.wait_for_handshake(), server.wait_for_handshake()]
    raise gen.Return((client, server))


def both(*futures):
    """Return a Future of what *futures* end in, an exception being a result as well."""
    return gen.multi([failure_of(future, or_result=True) for future in futures])


@gen.coroutine
def failure_of(future, or_result=False):
    """Return, from a coroutine, the exception that a future, or a call for one, ends in."""
    try:
        result = yield (future() if callable(future) else future)
    except Exception as error:
        if sys.version_info[0] > 2:
            error = error.with_traceback(None)  # which would hold what the test lets go of
        raise gen.Return(error)
    if or_result:
        raise gen.Return(result)
    raise AssertionError('no failure: %r' % (result,))


@gen.coroutine
def settled(condition):
    """Go on with the IOLoop until *condition*, a callable, is true."""
    while not condition():
        yield gen.moment


class Records(logging.Handler):
    """What was logged, as text."""

    def __init__(self):
        logging.Handler.__init__(self)
        self.texts = []

    def emit(self, record):
        """Note one."""
        self.texts.append('%s: %s' % (record.levelname, record.getMessage()))


@contextlib.contextmanager
def logged(name='tornado.general'):
    """Give the list of what Tornado logs within the block."""
    logger, records = logging.getLogger(name), Records()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(records)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield records.texts
    finally:
        logger.removeHandler(records)
        logger.setLevel(level)
        logger.propagate = propagate


class Peer(object):
    """
    The other end: a pipe over a plain stream, that does nothing on its own.

    Args:
        sock: a connected socket.
        context, **kwargs: of its `SSLPipe`.
    """

    def __init__(self, sock, context, **kwargs):
        self.stream = iostream.IOStream(sock)
        if not kwargs.get('server_side'):
            kwargs.setdefault('server_hostname', 'localhost')
        self.pipe = SSLPipe(context, **kwargs)

    def send(self, data=b''):
        """Send *data*, and whatever else there is."""
        if data:
            self.pipe.feed_appdata(data)
        return self.stream.write(self.pipe.data_to_send())

    @gen.coroutine
    def receive(self):
        """Feed the pipe what has come; return the plaintext."""
        data = yield self.stream.read_bytes(65536, partial=True)
        attempt(self.pipe.feed_ssldata, data)
        raise gen.Return(self.pipe.appdata_received())

    @gen.coroutine
    def receive_bytes(self, count):
        """Return *count* bytes of plaintext."""
        data = b''
        while len(data) < count:
            data += yield self.receive()
        raise gen.Return(data)

    @gen.coroutine
    def handshake(self):
        """Shake hands."""
        self.pipe.do_handshake()
        yield self.send()
        while self.pipe.state is _pipe.HANDSHAKE:
            yield self.receive()
            yield self.send()

    @gen.coroutine
    def receive_end(self):
        """Read to the end of the connection; return whether close_notify came first."""
        try:
            while True:
                yield self.receive()
        except iostream.StreamClosedError:
            raise gen.Return(self.pipe.state is _pipe.PEER_CLOSED)


def finish(*streams):
    """Close streams."""
    for stream in streams:
        stream.close()


@gen.coroutine
def upgraded(pki, client, server, version=None):
    """Start TLS on both ends; return the new streams."""
    streams = yield [
        start_tls(client, False, pki.client_context(version), server_hostname='localhost'),
        start_tls(server, True, pki.server_context(version=version))]
    raise gen.Return(streams)


@gen.coroutine
def exchange(client, server, size=200000):
    """Check that data goes both ways."""
    data = pattern(size)
    got = yield [client.read_bytes(size), server.read_bytes(size), client.write(data),
                 server.write(data)]
    assert [data, data, None, None] == got


@contextlib.contextmanager
def two_pipes():
    """Give two ends of a pair of pipes: each a (reader, writer) of PipeIOStreams."""
    (read1, write1), (read2, write2) = os.pipe(), os.pipe()
    streams = [iostream.PipeIOStream(fd) for fd in (read1, write2, read2, write1)]
    try:
        yield tuple(streams[:2]), tuple(streams[2:])
    finally:
        for stream in streams:
            stream.close()
