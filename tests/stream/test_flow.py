"""
How much an application can write before it is asked to pause, and what is held of it meanwhile.

`pause_writing` comes inside of the write() that crosses the high-water mark, whoever calls it, as
in asyncio. Transports in memory show where it comes, real connections what it takes.
"""
from __future__ import absolute_import, division, print_function

import socket
import threading

import pytest

import sslproto27
from sslproto27._stream.protocol import CHUNK
from sslproto27._stream.flow import HIGH_WATER, LOW_WATER, WriteLimits
from tests.support.loops import App, Connection, Loop, Transport, join
from tests.support.pipe_pairs import PYPY, PipePair, pattern
from tests.support.programs import running

#: Of each record: header, content type and tag; and of the tickets behind a handshake, once.
OVERHEAD = 64
TICKETS = 4096

HIGH, LOW, PIECE = 100000, 20000, 7000


class Buffering(Transport):
    """A transport that keeps what it is given once blocked, and asks to pause above 64 KiB."""

    HIGH = 64 * 1024

    def write(self, data):
        """Send bytes, or buffer them while blocked."""
        self.sent += data
        self._buffer.append(data)
        if not self.blocked:
            self._send()
        elif self.get_write_buffer_size() > self.HIGH and not self._writing_paused:
            self._writing_paused = True
            self.protocol.pause_writing()


class Writer(App):
    """
    An application that writes until it is asked to pause, from inside of one callback.

    Args:
        where (str): the callback.
        total (int): where to stop, paused or not.
    """

    def __init__(self, where, total=1000000):
        super(Writer, self).__init__(keep_open=True, **{where: self.write_all})
        self.total, self.written = total, 0
        self.paused = False
        self.runs = []   # bytes from a start or a resume_writing to the next pause

    def write_all(self, app=None):
        """Write until asked to pause."""
        self.runs.append(0)
        while self.written < self.total and not self.paused:
            size = min(PIECE, self.total - self.written)
            self.runs[-1] += size
            self.written += size
            self.transport.write(b'x' * size)

    def pause_writing(self):
        """Stop."""
        self.paused = True
        super(Writer, self).pause_writing()

    def resume_writing(self):
        """Go on."""
        self.paused = False
        super(Writer, self).resume_writing()
        if self.written < self.total:
            self.write_all()


class BufferedWriter(object):
    """The same as an asyncio.BufferedProtocol, which writes from inside of buffer_updated."""

    def __init__(self):
        self.writer = Writer('never')
        self.buffer = bytearray(100)

    def __getattr__(self, name):
        if name == 'data_received':
            raise AttributeError(name)
        return getattr(self.writer, name)

    def get_buffer(self, sizehint):
        """Return the one there is."""
        return self.buffer

    def buffer_updated(self, size):
        """Answer."""
        self.writer.write_all()


def trigger(connection, where):
    """Make *where* be called."""
    if where in ('data_received', 'buffer_updated'):
        connection.remote.write(b'go')
    elif where == 'eof_received':
        connection.remote.close_notify()
    elif where == 'call_soon':
        connection.loop.call_soon(connection.app.write_all)
        connection.loop.run()
    elif where == 'another':
        other = Connection(*connection.other_contexts, loop=connection.loop,
                           app=App(data_received=lambda app: connection.app.write_all()))
        other.handshake()
        other.remote.write(b'go')


class TestLimits(object):
    def test_callbacks(self):
        """Above the high limit: pause, once; at the low one: resume, once; in between nothing."""
        limits = WriteLimits()
        limits.set(100, 10)
        sizes = [0, 100, 101, 500, 11, 100, 10, 0, 101, 0]
        assert [None, None, 'pause_writing', None, None, None, 'resume_writing', None,
                'pause_writing', 'resume_writing'] == [
                    limits.callback(size, True) for size in sizes]

    def test_no_pause(self):
        """Where pausing is out of the question only resuming is left."""
        limits = WriteLimits()
        assert None is limits.callback(HIGH_WATER + 1, False)
        limits.callback(HIGH_WATER + 1, True)
        assert 'resume_writing' == limits.callback(LOW_WATER, False)


class TestPause(object):
    WHERE = ['connection_made', 'data_received', 'eof_received', 'call_soon', 'another']

    @pytest.mark.parametrize('where', WHERE)
    @pytest.mark.parametrize('full', [True, False], ids=['full', 'flowing'])
    def test_inside_of_the_write(self, client_context, server_context, where, full):
        """
        Whoever writes is asked to pause inside of the write() that crosses the mark, also again in
        resume_writing; each pause is followed by a resume, and all of it arrives.
        """
        app = Writer(where)
        self.check(client_context, server_context, app, where, full)

    @pytest.mark.parametrize('full', [True, False], ids=['full', 'flowing'])
    def test_buffer_updated(self, client_context, server_context, full):
        """The same holds inside of buffer_updated."""
        self.check(client_context, server_context, BufferedWriter(), 'buffer_updated', full)

    def check(self, client_context, server_context, app, where, full):
        connection = Connection(client_context, server_context, app=app, cls=Buffering)
        connection.other_contexts = client_context, server_context
        connection.transport.set_write_buffer_limits(HIGH, LOW)
        if full and where == 'connection_made':
            app.hooks['connection_made'] = lambda app: (connection.lower.block(), app.write_all())
        connection.start().remote.try_handshake()
        connection.lower.blocked = full
        trigger(connection, where)
        if full:
            assert app.paused
            assert app.written <= HIGH + PIECE + Buffering.HIGH + CHUNK
            held = sum(one.get_write_buffer_size()
                       for one in (connection.lower, connection.transport))
            # The transport below takes one write more than its own mark, too.
            assert held <= HIGH + PIECE + Buffering.HIGH + CHUNK + TICKETS + OVERHEAD * 100
            connection.lower.unblock()
        connection.loop.run()
        assert app.total == app.written
        if not (where in ('call_soon', 'another') and not full):  # there nothing waits
            assert max(app.runs) <= HIGH + PIECE + Buffering.HIGH + CHUNK
        assert app.names.count('pause_writing') == app.names.count('resume_writing')
        assert app.total == len(connection.remote.read())
        assert [] == connection.loop.errors

    def test_in_pause_writing(self, client_context, server_context):
        """A write inside of pause_writing itself is kept, and asks for no second pause."""
        app = Writer('data_received')
        app.hooks['pause_writing'] = lambda app: app.transport.write(b'last')
        connection = Connection(client_context, server_context, app=app, cls=Buffering)
        connection.transport.set_write_buffer_limits(HIGH, LOW)
        connection.handshake()
        connection.lower.block()
        connection.remote.write(b'go')
        assert app.names.count('resume_writing') + 1 == app.names.count('pause_writing')
        connection.lower.unblock()
        connection.loop.run()
        pauses = app.names.count('pause_writing')
        assert pauses == app.names.count('resume_writing')
        assert app.total + 4 * pauses == len(connection.remote.read())

    def test_others_get_their_turn(self, client_context, server_context):
        """A peer that takes all at once does not keep the loop from its other callbacks."""
        app = Writer('data_received', total=100 * HIGH)
        connection = Connection(client_context, server_context, app=app)
        connection.transport.set_write_buffer_limits(HIGH, LOW)
        connection.handshake()
        connection.remote.sslobj.write(b'go')
        connection.remote.transport.write(connection.remote.outgoing.read())
        turns = 0
        while connection.loop.turn():
            turns += 1
        assert (app.total, True) == (app.written, turns >= 5)

    def test_nested(self, client_context, server_context):
        """In TLS within TLS each layer holds no more than its own limits and one write."""
        loop, app = Loop(), Writer('data_received', total=5000000)
        inner = Connection(client_context, server_context, loop=loop, app=app, cls=Buffering)
        outer = sslproto27.SSLProtocol(loop, inner.protocol, client_context,
                                       server_hostname='localhost')
        remote = sslproto27.SSLProtocol(loop, inner.remote, server_context, server_side=True)
        lower, other = join(loop, outer, remote, Buffering)
        for transport in (outer.transport, remote.transport):
            transport.set_write_buffer_limits(HIGH, LOW)
        inner.remote.connection_made = lambda transport: None
        inner.lower, inner.remote.transport = outer.transport, remote.transport
        inner.transport.set_write_buffer_limits(HIGH, LOW)
        remote.connection_made(other)
        outer.connection_made(lower)
        loop.run()
        inner.remote.handshake()
        lower.block()
        inner.remote.write(b'go')
        assert app.paused
        assert app.written <= 2 * (HIGH + CHUNK + PIECE) + Buffering.HIGH + CHUNK
        lower.unblock()
        loop.run()
        assert (app.total, app.total) == (app.written, len(inner.remote.read()))


class TestPipe(object):
    def test_piece_by_piece(self, client_context, server_context):
        """data_to_send(amount) encrypts no more of a backlog than it is asked to."""
        pair = PipePair(client_context, server_context).handshake()
        data = pattern(1000000)
        for start in range(0, len(data), 3333):
            pair.client.feed_appdata(data[start:start + 3333])
        left = len(data)
        received = b''
        while left:
            assert left == pair.client.backlog_size == sum(map(len, pair.client.backlog))
            records = pair.client.data_to_send(100000)
            taken = left - pair.client.backlog_size
            assert 0 < taken <= 100000 + CHUNK
            assert taken <= len(records) <= taken + OVERHEAD * (taken // 16384 + 10)
            pair.server.feed_ssldata(records)
            received += pair.server.appdata_received()
            left -= taken
        assert (b'', data) == (pair.client.data_to_send(100000), received)

    def test_one_large_write(self, client_context, server_context):
        """One large buffer is encrypted piece by piece as well, and ends with close_notify."""
        pair = PipePair(client_context, server_context).handshake()
        data = pattern(1000001)
        pair.client.feed_appdata(data)
        pair.client.shutdown()
        received, largest = b'', 0
        while True:
            records = pair.client.data_to_send(65536)
            if not records:
                break
            largest = max(largest, len(records))
            pair.server.feed_ssldata(records)
            received += pair.server.appdata_received()
        assert (data, 'PEER_CLOSED') == (received, pair.server.state)
        assert largest <= 2 * 65536 + OVERHEAD * 10

    def test_all_at_once(self, client_context, server_context):
        """Without an amount data_to_send returns all there is."""
        pair = PipePair(client_context, server_context).handshake()
        pair.client.feed_appdata(pattern(1000000))
        pair.server.feed_ssldata(pair.client.data_to_send())
        assert (0, pattern(1000000)) == (
            pair.client.backlog_size, pair.server.appdata_received())


#: What a slow reader downloads. PyPy takes 20 times as long for each byte.
SIZE = 1 << (26 if PYPY else 30)

SERVER = '''
from __future__ import print_function
import resource, sys
from sslproto27 import aio
from tests.support.pki import PKI

SIZE = %d
context = PKI(sys.argv[1]).server_context()
loop = aio.SelectorEventLoop()
CHUNK = b'x' * 65536

class Download(object):
    left, paused = SIZE, False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.go_on()

    def go_on(self):
        while self.left and not self.paused:
            self.transport.write(CHUNK)
            self.left -= len(CHUNK)
        if not self.left:
            self.transport.close()

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        self.go_on()

    def eof_received(self):
        pass

    def connection_lost(self, error):
        print('grown by', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.before)
        loop.stop()

server = loop.run_until_complete(loop.create_server(Download, '127.0.0.1', 0, ssl=context))
print(server.sockets[0].getsockname()[1])
sys.stdout.flush()
loop.run_forever()
server.close()
loop.close()
'''


def test_memory_of_a_download(pki):
    """A gigabyte that a slow reader downloads takes no more memory than the limits say."""
    with running(['-c', SERVER % SIZE, pki.directory]) as server:
        sock = socket.create_connection(('127.0.0.1', int(server.stdout.readline())))
        tls = pki.client_context().wrap_socket(sock, server_hostname='localhost')
        tls.sendall(b'go')
        received, pause = 0, threading.Event()
        while received < SIZE:
            data = tls.recv(65536)
            assert data
            received += len(data)
            if received % (1 << 26) < len(data):
                pause.wait(0.02)  # slower than the server
        tls.close()
        sock.close()
        words = server.stdout.readline().split()
    assert ['grown', 'by'] == words[:2]
    assert int(words[2]) < 16 * 1024  # KiB
