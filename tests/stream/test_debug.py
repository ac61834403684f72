"""What transports tell in debug mode, and how the application's protocol is called, in memory."""
from __future__ import absolute_import, division, print_function

import ctypes
import errno
import gc
import logging
import socket
import ssl
import sys
import threading
import types
import warnings
import weakref

import pytest

from sslproto27 import SSLProtocol
from sslproto27._core.compat import ResourceWarning
from sslproto27._stream.flow import HIGH_WATER, LOW_WATER, WriteLimits
from sslproto27._stream.states import (
    CLOSED, ENDING, EARLY, OPEN, OVER, READING, SENDING, TRANSITIONS)
from sslproto27._stream.transport import LooseTransport
from tests.support.engines import only_graft
from tests.support.loops import App, Connection, Loop, Waiter, join
from tests.support.memory import SPLITS, raised
from tests.support.pipe_pairs import native_call, needs_refcounts, pattern


@pytest.fixture
def unheld(new):  # noqa: F811
    """A function that makes a connection on a loop in debug mode."""
    def make(**kwargs):
        loop = Loop()
        loop.debug = True
        return new(loop=loop, **kwargs)
    return make


@pytest.fixture
def debug(unheld):
    """The same; what it made is closed afterwards."""
    made = []

    def make(**kwargs):
        made.append(unheld(**kwargs))
        return made[-1]
    yield make
    for connection in made:
        connection.transport.abort()
        connection.loop.run()


def in_thread(call, *args):
    """Return the exception that a call in another thread ends in, or None."""
    outcome = []

    def run():
        try:
            call(*args)
        except Exception as error:
            outcome.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome[0] if outcome else None


class TestThreads(object):
    CALLS = [('write', (b'x',)), ('writelines', ([b'x'],)), ('close', ()), ('abort', ()),
             ('unwrap', ()), ('pause_reading', ()), ('resume_reading', ()),
             ('set_protocol', (App(),)), ('set_write_buffer_limits', (1,))]

    @pytest.mark.parametrize('name, args', CALLS)
    def test_wrong_thread(self, debug, name, args):
        """In debug mode a call from another thread is RuntimeError, and does nothing."""
        connection = debug().handshake()
        sent = connection.lower.sent
        error = in_thread(getattr(connection.transport, name), *args)
        assert (RuntimeError, True) == (type(error), name in str(error))
        assert (sent, False) == (connection.lower.sent, connection.transport.is_closing())

    @pytest.mark.parametrize('name, args', CALLS)
    def test_right_thread(self, debug, name, args):
        """The loop's own thread may call everything."""
        getattr(debug().handshake().transport, name)(*args)

    def test_without_debug(self, new):  # noqa: F811
        """Without debug mode nothing is checked: that costs time."""
        connection = new().handshake()
        assert None is in_thread(connection.transport.write, b'x')
        assert LooseTransport is type(connection.transport)


class TestUnclosed(object):
    def told(self, end):
        """Return the warnings of a connection that *end* ended and that was thrown away."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            end()
            gc.collect()
        return [warning.category for warning in told if 'unclosed' in str(warning.message)]

    def test_unclosed(self, unheld):
        """A transport that is thrown away unclosed is warned of, once."""
        connection = [unheld().handshake()]
        assert [ResourceWarning] == self.told(connection.pop)

    @pytest.mark.parametrize('call', ['close', 'abort'])
    def test_closed(self, unheld, call):
        """A transport that was closed or aborted before is not."""
        connection = [unheld().handshake()]
        getattr(connection[0].transport, call)()
        assert [] == self.told(connection.pop)

    def test_lost(self, unheld):
        """A transport whose connection was lost is not, either."""
        connection = [unheld().handshake()]
        connection[0].lower.break_down(None)
        connection[0].loop.run()
        connection[0].protocol.transport.is_closing()
        assert [] == self.told(connection.pop)

    def test_without_debug(self, new):  # noqa: F811
        """Without debug mode nobody looks."""
        connection = [new().handshake()]
        assert [] == self.told(connection.pop)


class TestTold(object):
    @pytest.mark.parametrize('name', ['cipher', 'alpn_protocol', 'peercert'])
    def test_early(self, debug, caplog, name):
        """What is asked for before the handshake has settled it is warned of."""
        connection = debug().start()
        with caplog.at_level(logging.WARNING, 'sslproto27'):
            assert 'default' == connection.transport.get_extra_info(name, 'default')
        record, = caplog.records
        assert name in record.getMessage()
        caplog.clear()
        connection.remote.handshake()
        with caplog.at_level(logging.WARNING, 'sslproto27'):
            connection.transport.get_extra_info(name)
        assert [] == caplog.records

    def test_early_certificate(self, new):  # noqa: F811
        """The TLS object itself raises ValueError for a certificate before the handshake."""
        ssl_object = new().start().transport.get_extra_info('ssl_object')
        assert ValueError is type(raised(ssl_object.getpeercert))
        assert (None, None) == (ssl_object.cipher(), ssl_object.version())

    def test_duration_and_eof(self, debug, caplog):
        """How long the handshake took is logged, and EOF."""
        connection = debug()
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            connection.start()
            connection.loop._now += 1.5
            connection.remote.handshake().send_eof()
        messages = [record.getMessage() for record in caplog.records]
        assert [1, 1] == [len([text for text in messages if part in text])
                          for part in ('took 1500.0 ms', 'received EOF')]

    def test_reason(self, debug, caplog):
        """Why the handshake failed is logged."""
        connection = debug().start()
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            connection.loop.run()
        assert 1 == len([record for record in caplog.records
                         if 'failed' in record.getMessage()
                         and str(connection.outcomes[0]) in record.getMessage()])


class Buffered(object):
    """
    An application that brings its own buffers, as asyncio's BufferedProtocol does.

    Attributes:
        buffer (bytearray): where data is put; taken out as soon as it has come.
        pause_at (set of int): after how many updates to pause reading.
    """

    def __init__(self, size, pause_at=()):
        self.buffer, self.data, self.sizes = bytearray(size), b'', []
        self.pause_at, self.updates = set(pause_at), 0
        self.names = []

    def connection_made(self, transport):
        """Keep it."""
        self.transport = transport

    def get_buffer(self, sizehint):
        """Give the buffer."""
        self.sizes.append(sizehint)
        return self.buffer

    def buffer_updated(self, count):
        """Take what has come."""
        self.data += bytes(self.buffer[:count])
        self.updates += 1
        if self.updates in self.pause_at:
            self.transport.pause_reading()

    def eof_received(self):
        """Note it."""
        self.names.append('eof_received')

    def connection_lost(self, error):
        """Note it."""
        self.names.append('connection_lost')


class TestBuffered(object):
    @pytest.mark.parametrize('size', [1, 7, 1000, 100000])
    def test_data(self, new, size):  # noqa: F811
        """The application's buffers are filled in place, however large they are."""
        app = Buffered(size)
        connection = new(app=app).handshake()
        buffer = app.buffer
        connection.remote.write(pattern(5000)).write(b'more')
        assert (pattern(5000) + b'more', True) == (app.data, app.buffer is buffer)
        connection.remote.close_notify()
        assert ['eof_received', 'connection_lost'] == app.names

    @pytest.mark.parametrize('kind', [bytearray, lambda size: memoryview(bytearray(size))],
                             ids=['bytearray', 'memoryview'])
    def test_kinds(self, new, kind):  # noqa: F811
        """Any writable buffer does."""
        app = Buffered(1)
        app.buffer = kind(10)
        connection = new(app=app).handshake()
        connection.remote.write(b'0123456789abc')
        assert 2 == app.updates
        assert b'abc3456789' == bytes(bytearray(app.buffer.tobytes() if hasattr(
            app.buffer, 'tobytes') else app.buffer))

    def test_pause(self, new):  # noqa: F811
        """After pause_reading no buffer is filled any more; what is left, and the end, wait."""
        app = Buffered(10, pause_at=[1, 2])
        connection = new(app=app).handshake()
        connection.remote.write(pattern(45)).close_notify()
        for seen in (10, 20):
            assert (pattern(seen), []) == (app.data, app.names)
            app.transport.resume_reading()
            connection.loop.run()
        assert (pattern(45), 'eof_received') == (app.data, app.names[0])

    def test_empty_buffer(self, new):  # noqa: F811
        """A buffer without room is the application's mistake: reported, and the end."""
        app = Buffered(0)
        connection = new(app=app).handshake()
        connection.remote.write(b'x')
        assert [RuntimeError] == [type(context['exception']) for context in connection.loop.errors]
        assert connection.lower.closed

    def test_set_protocol(self, new):  # noqa: F811
        """set_protocol changes from one kind of application to the other, and back."""
        connection, first, second = new().handshake(), App(), Buffered(10)
        for app in (second, first, second):
            connection.transport.set_protocol(app)
            connection.remote.write(b'x')
        assert (b'xx', b'x') == (second.data, first.data)


class TestEvents(object):
    def test_transport_that_delivers_while_it_is_called(self, new):  # noqa: F811
        """Data that comes while a callback runs is delivered after it, in order."""
        deep = []

        def receive(app):
            deep.append(len(deep))
            if len(deep) == 1:
                connection.remote.sslobj.write(b'two')
                connection.protocol.data_received(connection.remote.outgoing.read())
                assert b'one' == app.data
        connection = new(app=App(data_received=receive)).handshake()
        connection.remote.write(b'one')
        assert (b'onetwo', [0, 1]) == (connection.app.data, deep)

    @pytest.mark.parametrize('end', ['garbage', 'eof', 'lost', 'timeout', 'abort'])
    def test_failed_upgrade(self, new, end):  # noqa: F811
        """
        A protocol that had its connection before is told when the upgrade fails: connection_lost,
        once, with the waiter's error.
        """
        connection = new(call_connection_made=False).start()
        if end == 'garbage':
            connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        elif end == 'eof':
            connection.remote.send_eof()
        elif end == 'lost':
            connection.lower.break_down(socket.error(errno.ECONNRESET, 'reset'))
        elif end == 'abort':
            connection.transport.abort()
        connection.loop.advance(100)
        error, = connection.outcomes
        assert (['connection_lost'], [error], []) == (
            connection.app.names, connection.app.lost, connection.loop.errors)

    def test_failed_upgrade_without_waiter(self, new):  # noqa: F811
        """Without a waiter the loop's handler has it, too, once."""
        connection = new(call_connection_made=False, waiter=None).start()
        connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        connection.loop.run()
        assert (1, 1) == (len(connection.loop.errors), len(connection.app.lost))

    def test_tickets_over_no_buffer(self, client_context, server_context):  # noqa: F811
        """
        A server that only reads, over a transport that takes nothing until the other side reads,
        does not wait for its session tickets to be taken (trio#819).
        """
        loop, client, server = Loop(), App(), App()
        waiters = Waiter(), Waiter()
        ends = (SSLProtocol(loop, client, client_context, waiters[0], server_hostname='localhost'),
                SSLProtocol(loop, server, server_context, waiters[1], server_side=True))
        lowers = join(loop, *ends)
        for end, lower in zip(ends[::-1], lowers[::-1]):
            end.connection_made(lower)
        while not waiters[0].outcomes:
            loop.turn()
        lowers[1].block()  # the client takes nothing any more, tickets included
        client.transport.write(b'request')
        loop.run()
        client.transport.write(b', all of it')
        loop.run()
        assert b'request, all of it' == server.data

    @pytest.mark.parametrize('seconds', [7, 5.25])
    def test_handshake_timer_dies(self, new, seconds):  # noqa: F811
        """A timer that was cancelled refers to nothing, so it pins no context."""
        connection = new(ssl_handshake_timeout=seconds).start()
        timer = connection.protocol._timer
        connection.remote.handshake()
        assert (None, None) == (timer.callback, connection.protocol._timer)


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


class TestStates(object):
    def test_table(self):
        """Every state is reached; only CLOSED is final; each but that can be lost and, if it is
        not over, ended."""
        states = SENDING | EARLY | OVER
        assert states == {before for before, _ in TRANSITIONS} | {CLOSED}
        assert states - {'NEW'} == set(TRANSITIONS.values())
        for state in states - {CLOSED}:
            assert CLOSED == TRANSITIONS[state, 'LOST']
            assert (state, 'END') in TRANSITIONS or state is ENDING
        assert OPEN | READING <= SENDING

    def test_nothing_else(self, new):  # noqa: F811
        """An event that has no place in a state is an error, and changes nothing."""
        protocol = new().protocol
        assert KeyError is type(raised(protocol._enter, 'PEER_END'))
        assert 'NEW' == protocol._state


def size_of(roots, foreign):
    """Return the bytes of all objects that belong to *roots* alone, and not to *foreign*."""
    seen = {id(one) for one in foreign} | {id(None), id(True), id(False)}
    shared = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, ssl.SSLContext)
    todo, total = list(roots), 0
    while todo:
        one = todo.pop()
        if id(one) not in seen and not isinstance(one, shared):
            seen.add(id(one))
            total += sys.getsizeof(one)
            todo += gc.get_referents(one)
    return total


class TestMemory(object):
    @needs_refcounts
    def test_idle(self, new):  # noqa: F811
        """The Python objects of an idle connection take less than 8 KiB, without any buffer."""
        connection = new(waiter=None).handshake()
        connection.remote.write(pattern(100000))
        connection.transport.write(pattern(100000))
        connection.remote.read()
        del connection.app.chunks[:]
        size = size_of([connection.protocol, connection.transport], [
            connection.loop, connection.app, connection.lower, connection.remote])
        assert 500 < size < 8 * 1024

    @only_graft
    def test_release_buffers(self, new):  # noqa: F811
        """SSL_MODE_RELEASE_BUFFERS is on, so OpenSSL keeps no record buffers either."""
        ssl_object = new().handshake().transport.get_extra_info('ssl_object')
        mode = native_call(ssl_object, 'SSL_ctrl', 33, ctypes.c_long(0), None)
        assert mode & 0x10

    def test_closed_loop(self, new):  # noqa: F811
        """What is thrown away after its loop was closed asks nothing of that loop any more."""
        connection = new().handshake()
        loop = connection.loop

        def fail(*args):
            raise RuntimeError('the loop is closed')
        loop.call_soon = loop.call_later = loop.call_exception_handler = fail
        reference = weakref.ref(connection.protocol)
        del connection
        gc.collect()
        gc.collect()
        assert None is reference()

    def test_no_dict(self, new):  # noqa: F811
        """Neither the protocol nor its transport has a __dict__: thousands of them wait."""
        connection = new()
        assert [False, False] == [hasattr(one, '__dict__')
                                  for one in (connection.protocol, connection.transport)]

    def test_weakref(self, new):  # noqa: F811
        """Both can be referred to weakly."""
        connection = new()
        assert connection.transport is weakref.ref(connection.transport)()
        assert connection.protocol is weakref.ref(connection.protocol)()


def test_every_way_of_splitting(client_context, server_context):  # noqa: F811
    """One connection, however the wire splits what comes: the application cannot tell."""
    seen = []
    for name in sorted(SPLITS):
        connection = Connection(client_context, server_context)
        connection.lower.split = SPLITS[name]()
        connection.handshake()
        connection.remote.write(pattern(3000)).close_notify()
        seen.append((connection.app.data, connection.app.names, connection.app.lost))
    assert seen[1:] == seen[:-1]
    assert ssl.SSLError not in seen
