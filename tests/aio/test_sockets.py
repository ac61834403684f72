"""The sockets of our Trollius loops: what they send, how they fail, and who is served."""
from __future__ import absolute_import, division, print_function

import errno
import logging
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

import pytest

from tests.support.aio_helpers import PATIENCE
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import pattern

if not PY2:
    pytest.skip('Trollius is for Python 2.7', allow_module_level=True)

import trollius
from trollius import selectors

import sslproto27.trollius

MEGABYTE = 1024 * 1024


class Plain(trollius.Protocol):
    """Notes what it is told; `keeps_open` is what eof_received returns."""

    keeps_open = False

    def __init__(self, loop):
        self.over = trollius.Future(loop=loop)
        self.data = b''
        self.ended = trollius.Future(loop=loop)

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data

    def eof_received(self):
        self.ended.set_result(None)
        return self.keeps_open

    def connection_lost(self, error):
        self.over.set_result(error)  # which a second call would make raise


@pytest.fixture
def pair(aio_loop):
    """A function that makes a `Plain` on one of a pair of sockets, and returns the other one."""
    ends = []

    def make(cls=Plain):
        ours, theirs = socket.socketpair()
        ends.append(theirs)
        ours.setblocking(False)
        theirs.settimeout(PATIENCE)
        protocol = cls(aio_loop)
        waiter = trollius.Future(loop=aio_loop)
        aio_loop._make_socket_transport(ours, protocol, waiter)
        aio_loop.run_until_complete(waiter)
        return protocol, theirs
    yield make
    for end in ends:
        end.close()


def _received(run, loop, sock, size):
    """Return *size* bytes from the socket, read in another thread."""
    def read():
        parts = []
        while sum(map(len, parts)) < size:
            part = sock.recv(65536)
            if not part:
                break
            parts.append(part)
        return b''.join(parts)
    return run(loop.run_in_executor(None, read))


def test_no_room_at_all(aio_loop, run, pair):
    """A write for which the kernel has no room waits until it has, and the connection goes on."""
    protocol, theirs = pair()
    filled, sock = 0, protocol.transport.get_extra_info('socket')
    with pytest.raises(socket.error):
        while True:
            filled += sock.send(b'x' * 65536)
    protocol.transport.write(b'end')
    assert 3 == protocol.transport.get_write_buffer_size()
    assert b'end' == _received(run, aio_loop, theirs, filled + 3)[-3:]
    protocol.transport.write(b'more')
    assert b'more' == theirs.recv(100)
    protocol.transport.close()
    run(protocol.over)


def test_closed_at_once(aio_loop, run, pair):
    """A protocol may close the connection in connection_made."""
    class Closes(Plain):
        def connection_made(self, transport):
            transport.close()

    protocol, theirs = pair(Closes)
    assert run(protocol.over) is None
    assert b'' == theirs.recv(1)


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview])
def test_more_than_fits(aio_loop, run, pair, kind):
    """What the kernel does not take at once goes out later, in order, and close() waits for it."""
    protocol, theirs = pair()
    first, second = pattern(3 * MEGABYTE), pattern(MEGABYTE)[::-1]
    protocol.transport.write(kind(first))
    assert protocol.transport.get_write_buffer_size()
    protocol.transport.write(kind(second))
    protocol.transport.close()
    assert first + second == _received(run, aio_loop, theirs, 5 * MEGABYTE)
    assert run(protocol.over) is None


def test_write_eof_waits(aio_loop, run, pair):
    """write_eof() ends our side after what was written before it; the other side goes on."""
    protocol, theirs = pair()
    protocol.transport.write(pattern(2 * MEGABYTE))
    protocol.transport.write_eof()
    assert pattern(2 * MEGABYTE) == _received(run, aio_loop, theirs, 3 * MEGABYTE)
    theirs.sendall(b'still here')
    theirs.close()
    run(protocol.over)
    assert b'still here' == protocol.data


def test_stays_open_after_eof(aio_loop, run, pair):
    """A protocol whose eof_received returns true can write on."""
    class HalfOpen(Plain):
        keeps_open = True

    protocol, theirs = pair(HalfOpen)
    theirs.shutdown(socket.SHUT_WR)
    run(protocol.ended)
    protocol.transport.write(b'answer')
    assert b'answer' == theirs.recv(100)
    protocol.transport.close()
    run(protocol.over)


@pytest.mark.parametrize('high', [1, None], ids=['all sent', 'some left'])
def test_aborted_when_resumed(aio_loop, run, pair, high):
    """A protocol may cut the connection when it is told to go on: connection_lost comes once."""
    class Aborts(Plain):
        def resume_writing(self):
            # When there is room again, so that the loop would go on sending.
            select.select([], [self.transport.get_extra_info('socket')], [], PATIENCE)
            self.transport.abort()

    protocol, theirs = pair(Aborts)
    protocol.transport.set_write_buffer_limits(high)
    protocol.transport.write(pattern(2 * MEGABYTE))
    _received(run, aio_loop, theirs, 3 * MEGABYTE)
    assert run(protocol.over) is None


@pytest.mark.parametrize('writes', [b'', b'x', pattern(5 * MEGABYTE)],
                         ids=['reading', 'writing', 'with some left'])
def test_reset(aio_loop, run, writes):
    """A connection that the peer resets is lost with Trollius' own classes of errors."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(1)
    transport, protocol = run(aio_loop.create_connection(
        lambda: Plain(aio_loop), *listener.getsockname()))
    theirs = listener.accept()[0]
    listener.close()
    if writes:
        transport.pause_reading()
    if len(writes) > 1:
        transport.write(writes)
        assert transport.get_write_buffer_size()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    theirs.close()
    if len(writes) == 1:
        transport.write(writes)
        aio_loop.call_soon(transport.write, b'y')
    assert isinstance(run(protocol.over), (trollius.ConnectionResetError, trollius.BrokenPipeError))


def test_all_are_served(aio_loop, run, pair):
    """More connections than one turn of the loop looks at are all served."""
    pairs = [pair() for _ in range(300)]
    for _, theirs in pairs:
        theirs.send(b'hello')
        theirs.shutdown(socket.SHUT_WR)
    run(trollius.gather(*[protocol.over for protocol, _ in pairs], loop=aio_loop))
    assert [b'hello'] * 300 == [protocol.data for protocol, _ in pairs]


def test_selector_of_the_callers():
    """A loop uses the selector that it is given."""
    selector = selectors.SelectSelector()
    loop = sslproto27.trollius.SelectorEventLoop(selector)
    assert loop._selector is selector
    loop.run_until_complete(trollius.sleep(0.001, loop=loop))
    loop.close()


def test_socket_objects(aio_loop):
    """A loop takes what has a descriptor as well as the number, for one and the same."""
    ours, theirs = socket.socketpair()
    readable = aio_loop.create_future()
    aio_loop.add_reader(ours, readable.set_result, 'readable')
    theirs.send(b'x')
    # No timeout: with nothing else to do the loop waits for that alone.
    assert 'readable' == aio_loop.run_until_complete(readable)
    assert [True, False] == [aio_loop.remove_reader(ours.fileno()), aio_loop.remove_reader(ours)]
    with pytest.raises(ValueError):
        aio_loop.add_reader(-1, readable.set_result, None)
    ours.close()
    theirs.close()


def test_signal(aio_loop):
    """A signal that interrupts the wait ends neither it nor the loop."""
    handled = aio_loop.create_future()

    def handle(number, frame):
        aio_loop.call_soon_threadsafe(handled.set_result, number)

    before = signal.signal(signal.SIGALRM, handle)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        assert signal.SIGALRM == aio_loop.run_until_complete(handled)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_no_descriptors(aio_loop, run, serve):
    """A server that has no descriptor left for a connection says so, and serves it later."""
    class Greets(Plain):
        def connection_made(self, transport):
            transport.write(b'hello')
            transport.close()

    port = serve(lambda: Greets(aio_loop))
    client = socket.create_connection(('127.0.0.1', port), PATIENCE)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
    try:
        for _ in range(3):
            aio_loop.call_soon(aio_loop.stop)
            aio_loop.run_forever()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert [errno.EMFILE] == [context['exception'].errno for context in aio_loop.errors]
    del aio_loop.errors[:]
    # Trollius tries again after a second.
    assert b'hello' == _received(run, aio_loop, client, 5)
    client.close()


@pytest.mark.parametrize('tls', [False, True], ids=['plain', 'TLS'])
def test_factory_fails(aio_loop, run, serve, pki, tls):
    """A factory that raises costs that one connection, is reported, and the server goes on."""
    made = []

    def factory():
        if not made:
            made.append(None)
            raise ZeroDivisionError
        made.append(Plain(aio_loop))
        return made[-1]

    port = serve(factory, **({'ssl': pki.server_context()} if tls else {}))
    first = socket.create_connection(('127.0.0.1', port))
    first.settimeout(PATIENCE)
    assert b'' == run(aio_loop.run_in_executor(None, first.recv, 100))
    first.close()
    assert [ZeroDivisionError] == [type(context['exception']) for context in aio_loop.errors]
    del aio_loop.errors[:]
    options = {'ssl': pki.client_context(), 'server_hostname': 'localhost'} if tls else {}
    transport, protocol = run(aio_loop.create_connection(
        lambda: Plain(aio_loop), '127.0.0.1', port, **options))
    transport.write(b'hello')
    transport.close()
    run(protocol.over)
    run(made[1].over)
    assert b'hello' == made[1].data


@pytest.mark.parametrize('debug', [False, True])
def test_strangers_handshake(aio_loop, run, serve, pki, debug):
    """A failed handshake of a connection that came in is no error of the loop's."""
    aio_loop.set_debug(debug)
    port = serve(lambda: Plain(aio_loop), ssl=pki.server_context())
    stranger = socket.create_connection(('127.0.0.1', port))
    stranger.settimeout(PATIENCE)
    stranger.sendall(b'GET / HTTP/1.0\r\n\r\n')
    while run(aio_loop.run_in_executor(None, stranger.recv, 100)):
        pass
    stranger.close()
    assert [] == aio_loop.errors


def test_scanner(aio_loop, run, serve, pki, caplog):
    """In debug mode a connection reset in the handshake is one line, without a traceback."""
    aio_loop.set_debug(True)
    port = serve(lambda: Plain(aio_loop), ssl=pki.server_context())
    caplog.set_level(logging.DEBUG)
    stranger = socket.create_connection(('127.0.0.1', port))
    stranger.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    stranger.close()
    deadline = time.time() + PATIENCE
    while 'TLS handshake with' not in caplog.text and time.time() < deadline:
        run(trollius.sleep(0.01, loop=aio_loop))
    assert [] == aio_loop.errors
    told = [record.getMessage() for record in caplog.records if 'reset' in record.getMessage()]
    assert 1 == len(told) and 'TLS handshake with' in told[0]
    assert 'Traceback' not in caplog.text


@pytest.mark.parametrize('debug', [False, True])
def test_coroutines_called_soon(aio_loop, debug):
    """What a task alone can run is TypeError for call_soon, as for Trollius' own loop."""
    @trollius.coroutine
    def coroutine():
        yield None
    aio_loop.set_debug(debug)
    running = coroutine()
    for callback in (coroutine, running):
        assert TypeError is type(raised(aio_loop.call_soon, callback))
    aio_loop.run_until_complete(running)


def test_source_in_debug_mode(aio_loop):
    """In debug mode a handle names its caller's line."""
    aio_loop.set_debug(True)
    line = sys._getframe().f_lineno + 1
    handle = aio_loop.call_soon(id, None)
    assert (line, 'test_source_in_debug_mode') == handle._source_traceback[-1][1:3]


class Exhausted(object):
    """A listening socket that fails to accept."""

    def __init__(self, error):
        self.accept = lambda: raise_(error)

    def fileno(self):
        """No descriptor that is registered."""
        return 10 ** 6


def raise_(error):
    """Raise *error*."""
    raise error


@pytest.mark.parametrize('error', [
    trollius.BlockingIOError(errno.EAGAIN, ''), socket.error(errno.EAGAIN, ''),
    socket.error(errno.ECONNABORTED, '')])
def test_nobody_to_accept(aio_loop, error):
    """A connection that has gone before it was accepted is no error."""
    assert None is aio_loop._accept_connection(None, Exhausted(error))


def test_retry_to_accept(aio_loop, monkeypatch):
    """Without descriptors a server stops to listen, says so, and tries again later."""
    later = []
    monkeypatch.setattr(aio_loop, 'call_later', lambda *args: later.append(args))
    sock = Exhausted(socket.error(errno.EMFILE, ''))
    aio_loop._accept_connection('factory', sock, None, 'server')
    assert [(1, aio_loop._start_serving, 'factory', sock, None, 'server')] == later
    told = aio_loop.errors.pop()
    assert (errno.EMFILE, sock) == (told['exception'].errno, told['socket'])


def test_upgrade_by_hand(aio_loop, run, pki):
    """An application may make a TLS transport of a socket itself, as on a loop of Trollius'."""
    ends = [Plain(aio_loop), Plain(aio_loop)]
    contexts = [pki.client_context(), pki.server_context('ecdsa')]
    socks, waiters = socket.socketpair(), [trollius.Future(loop=aio_loop) for _ in ends]
    for sock in socks:
        sock.setblocking(False)
    aio_loop._make_ssl_transport(
        socks[0], ends[0], contexts[0], waiters[0], server_hostname='localhost')
    aio_loop._make_ssl_transport(socks[1], ends[1], contexts[1], waiters[1], server_side=True)
    run(trollius.gather(*waiters, loop=aio_loop))
    ends[1].transport.write(b'data')
    ends[1].transport.close()
    run(trollius.gather(*[end.over for end in ends], loop=aio_loop))
    assert b'data' == ends[0].data


@pytest.mark.parametrize('name', ['add_reader', 'add_writer'])
def test_cancelled_handles(aio_loop, name):
    """A descriptor whose handle is cancelled is watched no longer."""
    ours, theirs = socket.socketpair()
    theirs.send(b'x')
    getattr(aio_loop, name)(ours.fileno(), id, None)
    for handle in aio_loop._selector.get_key(ours.fileno()).data:
        if handle is not None:
            handle.cancel()
    for _ in range(3):
        aio_loop.call_soon(aio_loop.stop)
        aio_loop.run_forever()
    assert ours.fileno() not in aio_loop._selector.get_map()
    ours.close()
    theirs.close()


class TestTurns:
    """One turn of a loop: who is called in it, and when."""

    def test_what_a_callback_adds(self, aio_loop):
        """What a callback asks for, soon or by a timer that is due, waits for the next turn."""
        called = []

        def first():
            called.append('first')
            aio_loop.call_soon(called.append, 'soon')
            aio_loop.call_at(0, called.append, 'due')

        aio_loop.call_soon(first)
        turns = []
        for _ in range(2):
            aio_loop._run_once()
            turns.append(list(called))
        assert [['first'], ['first', 'soon', 'due']] == turns

    def test_timers(self):
        """Timers are called once their time has come by the loop's own clock, in their order."""
        class Loop(sslproto27.trollius.SelectorEventLoop):
            now = 1000

            def time(self):
                return self.now

        loop, called = Loop(), []
        for delay in (7, 5, 5000):
            loop.call_later(delay, called.append, delay)
        loop.call_later(6, called.append, 6).cancel()
        turns = []
        for now in (1004, 1005, 1010):
            loop.now = now
            loop.call_soon(called.append, now)
            loop._run_once()
            turns.append(list(called))
        loop.close()
        assert [[1004], [1004, 1005, 5], [1004, 1005, 5, 1010, 7]] == turns

    def test_wait_for_a_timer(self, aio_loop):
        """A loop with nothing to do waits until the first timer is due, and not much longer."""
        start = aio_loop.time()
        aio_loop.call_later(PATIENCE, aio_loop.stop)
        aio_loop.call_later(0.02, aio_loop.stop)
        aio_loop.run_forever()
        assert start + 0.02 - aio_loop._clock_resolution <= aio_loop.time() < start + PATIENCE

    def test_cancelled_timers(self, aio_loop):
        """Cancelled timers behind one that runs do not add up."""
        aio_loop.call_later(PATIENCE, int)
        for _ in range(5000):
            aio_loop.call_later(2 * PATIENCE, int).cancel()
            aio_loop.call_soon(int)
            aio_loop._run_once()
        assert len(aio_loop._scheduled) <= 101  # Trollius' own number

    def test_clock(self, aio_loop):
        """The clock is Trollius' own."""
        from trollius.time_monotonic import time_monotonic
        times = [time_monotonic(), aio_loop.time(), time_monotonic(), aio_loop.time()]
        assert sorted(times) == times
