"""`SSLTransport.unwrap`, over a loop with a clock of its own and transports in memory."""
from __future__ import absolute_import, division, print_function

import errno
import socket
import ssl

import pytest

from tests.support.loops import App
from tests.support.memory import SPLITS
from tests.support.pipe_pairs import pattern

LARGE = 100000


@pytest.fixture
def unwrapping(new):  # noqa: F811
    """A connection whose application has called unwrap; with ``future``, what that returned."""
    def make(**kwargs):
        connection = new(**kwargs).handshake()
        connection.future = connection.transport.unwrap()
        connection.loop.run()
        return connection
    return make


def error_of(connection):
    """Return the exception that the future of unwrap has, and that nothing is left behind."""
    error, = connection.future.outcomes
    assert isinstance(error, Exception), error
    assert (0, []) == (connection.loop.timers, connection.loop.errors)
    return error


class TestSuccess(object):
    @pytest.mark.parametrize('split', sorted(SPLITS))
    def test_both_ends(self, unwrapping, split):
        """
        After both close_notify the future has the transport below and the bytes that came behind,
        however the wire splits them.
        """
        connection = unwrapping()
        assert ([], False) == (connection.future.outcomes, connection.lower.closed)
        remote = connection.remote
        remote.read()
        assert remote.closed
        remote.sslobj.unwrap()
        remote.transport.split = connection.lower.split = SPLITS[split]()
        remote.transport.write(remote.outgoing.read() + b'plaintext')
        connection.loop.run()
        (transport, trailing), = connection.future.outcomes
        assert (connection.lower, False, True) == (
            transport, connection.lower.closed, connection.lower.paused)
        connection.lower.resume_reading()
        connection.loop.run()
        assert b'plaintext' == trailing + connection.app.data
        assert ['connection_made'] == connection.app.names[:1]
        assert 0 == connection.loop.timers

    def test_protocol_below(self, unwrapping):
        """The transport below then belongs to the application: its data, its EOF, its loss."""
        connection = unwrapping()
        connection.remote.close_notify()
        connection.lower.resume_reading()
        connection.remote.transport.write(b'plain')
        connection.loop.run()
        connection.remote.transport.close()
        connection.loop.run()
        assert (b'plain', [None]) == (connection.app.data, connection.app.lost)
        assert ['connection_made', 'data_received', 'eof_received', 'connection_lost'] == (
            connection.app.names)

    def test_written_before(self, new):  # noqa: F811
        """What was written before goes out first, though the transport below is full."""
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'fills the transport below;')
        connection.transport.write(pattern(LARGE))
        future = connection.transport.unwrap()
        connection.lower.unblock()
        assert b'fills the transport below;' + pattern(LARGE) == connection.remote.read()
        connection.remote.close_notify()
        assert 1 == len(future.outcomes)

    def test_data_meanwhile(self, unwrapping):
        """What the peer still sends before its close_notify is delivered."""
        connection = unwrapping()
        connection.remote.sslobj.write(b'still data')
        connection.remote.flush()
        connection.remote.close_notify()
        assert (b'still data', ['connection_made', 'data_received']) == (
            connection.app.data, connection.app.names)
        assert b'' == connection.future.outcomes[0][1]

    def test_peer_first(self, new):  # noqa: F811
        """An application that is asked to end TLS can unwrap inside of eof_received, or later."""
        for late in (False, True):
            futures = []

            def unwrap(app):
                futures.append(app.transport.unwrap())
            hooks = {} if late else dict(eof_received=unwrap)
            connection = new(app=App(keep_open=True, **hooks)).handshake()
            connection.remote.close_notify()
            if late:
                connection.transport.write(b'bye')
                unwrap(connection.app)
            assert b'bye' * late == connection.remote.read()
            assert connection.remote.closed
            assert [(connection.lower, b'')] == futures[0].outcomes
            assert ['connection_made', 'eof_received'] == connection.app.names

    def test_eof_received_that_returns_false(self, new):  # noqa: F811
        """unwrap inside of eof_received counts, whatever that returns."""
        app = App(eof_received=lambda app: app.transport.unwrap())
        connection = new(app=app).handshake()
        connection.remote.close_notify()
        assert not connection.lower.closed

    def test_paused_reader(self, new):  # noqa: F811
        """unwrap leaves the application's pause alone: it ends once all has been read."""
        connection = new().handshake()
        connection.transport.pause_reading()
        connection.remote.write(b'unread')
        future = connection.transport.unwrap()
        connection.loop.run()
        connection.remote.close_notify()
        assert (b'', False, []) == (
            connection.app.data, connection.transport.is_reading(), future.outcomes)
        connection.transport.resume_reading()
        connection.loop.run()
        assert (b'unread', 1) == (connection.app.data, len(future.outcomes))

    def test_eof_behind_close_notify(self, new):  # noqa: F811
        """An EOF that came while the transport below was full is told once it is handed over."""
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'fills the transport below')
        future = connection.transport.unwrap()
        connection.remote.close_notify().send_eof()
        assert [] == future.outcomes
        connection.lower.unblock()
        connection.loop.run()
        assert ([(connection.lower, b'')], ['connection_made', 'eof_received']) == (
            future.outcomes, connection.app.names[:2])
        assert connection.lower.closed

    def test_in_connection_made(self, new):  # noqa: F811
        """unwrap() in connection_made is another wait than the one for the handshake."""
        futures = []
        connection = new(app=App(
            connection_made=lambda app: futures.append(app.transport.unwrap())))
        connection.handshake()
        assert ([None], []) == (connection.outcomes, futures[0].outcomes)
        connection.remote.close_notify()
        assert [(connection.lower, b'')] == futures[0].outcomes
        assert ([None], False) == (connection.outcomes, connection.lower.closed)

    def test_flow_control_is_handed_over(self, new):  # noqa: F811
        """
        An application that gets a transport which is full is asked to pause, so that resume_writing
        does not surprise it.
        """
        connection = new(app=App(keep_open=True)).handshake()
        connection.remote.close_notify()
        connection.lower.block()
        future = connection.transport.unwrap()
        assert ([(connection.lower, b'')], 'pause_writing') == (
            future.outcomes, connection.app.names[-1])
        connection.lower.unblock()
        assert ['pause_writing', 'resume_writing'] == connection.app.names[-2:]

    def test_paused_application_goes_on(self, new):  # noqa: F811
        """An application that was asked to pause goes on with a transport that has room."""
        connection = new(app=App(keep_open=True)).handshake()
        connection.transport.set_write_buffer_limits(0)
        connection.remote.close_notify()
        connection.lower.block()
        connection.transport.write(b'fills the transport below')
        connection.transport.write(b'x')
        future = connection.transport.unwrap()
        assert ([], 'pause_writing') == (future.outcomes, connection.app.names[-1])
        connection.lower.unblock()
        assert (1, ['pause_writing', 'resume_writing']) == (
            len(future.outcomes), connection.app.names[-2:])

    def test_afterwards(self, unwrapping):
        """The TLS transport is of no use afterwards, and says so; nothing it does reaches below."""
        connection = unwrapping()
        connection.remote.close_notify()
        transport, sent = connection.transport, connection.lower.sent
        transport.write(b'late')
        transport.pause_reading()
        transport.resume_reading()
        transport.close()
        transport.abort()
        connection.loop.advance(100)
        assert (sent, False, True) == (
            connection.lower.sent, connection.lower.closed, transport.is_closing())
        assert RuntimeError is type(transport.unwrap().outcomes[0])
        assert 'default' == transport.get_extra_info('cipher', 'default')


class TestFailure(object):
    @pytest.mark.parametrize('state', ['new', 'handshake', 'closing', 'closed', 'unwrapping'])
    def test_state(self, new, state):  # noqa: F811
        """unwrap where there is no TLS to end, or while it is being ended, is RuntimeError."""
        connection = new()
        if state != 'new':
            connection.start()
        if state not in ('new', 'handshake'):
            connection.remote.handshake()
        if state in ('closing', 'closed'):
            connection.transport.close()
        if state == 'closed':
            connection.remote.close_notify()
        if state == 'unwrapping':
            connection.transport.unwrap()
        assert RuntimeError is type(connection.transport.unwrap().outcomes[0])

    @pytest.mark.parametrize('given, seconds', [({}, 30), (dict(ssl_shutdown_timeout=5), 5),
                                                (dict(ssl_shutdown_timeout=0), 30)])
    def test_timeout(self, unwrapping, given, seconds):
        """A peer that does not end TLS in ssl_shutdown_timeout is cut off; so says the future."""
        connection = unwrapping(**given)
        connection.loop.advance(seconds - 0.1)
        assert [] == connection.future.outcomes
        connection.loop.advance(0.2)
        error = error_of(connection)
        assert errno.ECONNABORTED == error.errno
        assert ([error], True) == (connection.app.lost, connection.lower.aborted)

    def test_ragged_eof(self, unwrapping):
        """A peer that ends TCP alone is SSLEOFError, for the future and for the application."""
        connection = unwrapping()
        connection.remote.send_eof()
        connection.loop.advance(1)
        assert ssl.SSLEOFError is type(error_of(connection))
        assert [connection.future.outcomes[0]] == connection.app.lost

    def test_lost(self, unwrapping):
        """A transport below that is lost meanwhile is what the future says."""
        connection = unwrapping()
        reset = socket.error(errno.ECONNRESET, 'reset')
        connection.lower.break_down(reset)
        connection.loop.run()
        assert (reset, [reset]) == (error_of(connection), connection.app.lost)

    def test_broken(self, unwrapping):
        """A peer that breaks TLS meanwhile is what the future says."""
        connection = unwrapping()
        connection.remote.transport.write(b'\x17\x03\x03\x00\x40' + b'\x5a' * 64)
        connection.loop.advance(100)
        assert ssl.SSLError is type(error_of(connection))

    @pytest.mark.parametrize('call', ['close', 'abort'])
    def test_closed(self, unwrapping, call):
        """close and abort end the wait; close still waits for the peer's close_notify."""
        connection = unwrapping()
        getattr(connection.transport, call)()
        connection.loop.run()
        assert (call == 'abort') == connection.lower.closed
        connection.remote.close_notify()
        assert isinstance(error_of(connection), EnvironmentError)
        assert [None] == connection.app.lost

    def test_cancelled(self, unwrapping):
        """If nobody waits any more when TLS has ended, the connection is cut: none could use it."""
        connection = unwrapping()
        connection.future.cancelled = True
        connection.remote.close_notify()
        assert (True, [None]) == (connection.lower.aborted, connection.app.lost)

    def test_callback_fails(self, new):  # noqa: F811
        """A data_received that raises meanwhile ends the connection and the wait."""
        def fail(app):
            raise KeyError('mistake')
        connection = new(app=App(data_received=fail)).handshake()
        future = connection.transport.unwrap()
        connection.remote.sslobj.write(b'x')
        connection.remote.flush()
        assert KeyError is type(future.outcomes[0])
        assert connection.lower.aborted
