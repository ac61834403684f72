"""How a connection ends, over a loop with a clock of its own and transports in memory."""
from __future__ import absolute_import, division, print_function

import errno
import logging
import socket
import ssl

import pytest

from sslproto27._core.pipe import DRAIN_LIMIT
from sslproto27._stream.protocol import CHUNK
from tests.support.loops import App, ModernTransport, types
from tests.support.memory import raised
from tests.support.pipe_pairs import pattern

LARGE = 100000

#: No longer than any of these does a closed connection live on when nothing more can come.
MOMENT = 1.0


class TestClosing(object):
    def check_end(self, connection, error=None):
        """Hold that connection_lost came once and last, with *error*, and that nothing is left."""
        assert ([error], 'connection_lost') == (connection.app.lost, connection.app.names[-1])
        assert ([], 0) == (connection.loop.errors, connection.loop.timers)

    def test_we_close(self, new):
        """
        close sends close_notify, waits for the peer's, closes below, then says
        connection_lost(None).
        """
        connection = new().handshake()
        connection.transport.close()
        connection.remote.read()
        assert (True, False, False) == (
            connection.remote.closed, connection.lower.closed, connection.remote.eof)
        assert ['connection_made'] == connection.app.names
        connection.remote.close_notify()
        assert (True, False) == (connection.lower.closed, connection.lower.aborted)
        self.check_end(connection)
        assert ['connection_made', 'connection_lost'] == connection.app.names

    def test_peer_closes(self, new):
        """
        The peer's close_notify is eof_received; if that does not return true we close too, cleanly.
        """
        connection = new().handshake()
        connection.remote.close_notify()
        connection.remote.read()
        assert (True, True) == (connection.remote.closed, connection.remote.eof)
        assert ['connection_made', 'eof_received', 'connection_lost'] == connection.app.names
        self.check_end(connection)

    def test_half_close(self, new):
        """An application whose eof_received returns true may go on writing, until it closes."""
        connection = new(app=App(keep_open=True)).handshake()
        connection.remote.close_notify()
        assert (['connection_made', 'eof_received'], False) == (
            connection.app.names, connection.lower.closed)
        connection.transport.write(b'still here')
        assert b'still here' == connection.remote.read()
        connection.transport.close()
        connection.loop.run()
        connection.remote.read()
        assert connection.remote.closed
        self.check_end(connection)

    def test_eof_received_once(self, new):
        """
        However much follows the peer's close_notify, FIN included, eof_received is called once.
        """
        connection = new(app=App(keep_open=True)).handshake()
        connection.remote.close_notify()
        connection.remote.transport.write(b'whatever')
        connection.loop.run()
        connection.remote.send_eof()
        assert ['connection_made', 'eof_received'] == connection.app.names

    def test_data_with_close_notify(self, new):
        """
        Data, close_notify and FIN in one segment: all data, then eof_received, then a clean end.
        """
        connection = new().handshake()
        remote = connection.remote
        remote.sslobj.write(pattern(LARGE))
        raised(remote.sslobj.unwrap)
        remote.transport.write(remote.outgoing.read())
        remote.send_eof()
        assert pattern(LARGE) == connection.app.data
        assert ['connection_made', 'data_received', 'eof_received', 'connection_lost'] == (
            connection.app.names)
        self.check_end(connection)

    @pytest.mark.parametrize('end', ['close_notify', 'send_eof', 'both'])
    def test_peer_ends_while_lower_is_full(self, new, end):
        """
        When the peer ends while the transport below is full, all that was written still arrives,
        then close_notify.
        """
        connection = new(suppress_ragged_eofs=True).handshake()
        connection.lower.block()
        connection.transport.write(b'fills the transport below;')
        connection.transport.write(pattern(LARGE))
        if end != 'send_eof':
            connection.remote.close_notify()
        if end != 'close_notify':
            connection.remote.send_eof()
        assert (False, []) == (connection.lower.closed, connection.app.lost)
        connection.lower.unblock()
        connection.loop.run()
        assert b'fills the transport below;' + pattern(LARGE) == connection.remote.read()
        assert connection.remote.closed
        connection.loop.advance(MOMENT)
        self.check_end(connection)

    def test_close_while_lower_is_full(self, new):
        """
        close while the transport below is full: all that was written arrives, then close_notify.
        """
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'fills the transport below;')
        connection.transport.write(pattern(4 * 1024 * 1024))
        connection.transport.close()
        connection.loop.run()
        assert (False, True) == (connection.lower.closed, connection.transport.is_closing())
        connection.lower.unblock()
        assert b'fills the transport below;' + pattern(4 * 1024 * 1024) == connection.remote.read()
        assert connection.remote.closed
        connection.remote.close_notify()
        self.check_end(connection)

    @pytest.mark.parametrize('timeout', [30, 0])
    def test_close_crosses_while_lower_is_full(self, new, timeout):
        """
        The peer's close_notify, come after our close while the transport below is full, loses
        nothing of what was written, nor our own close_notify.
        """
        connection = new(ssl_shutdown_timeout=timeout).handshake()
        connection.lower.block()
        connection.transport.write(b'fills the transport below;')
        connection.transport.write(pattern(LARGE))
        connection.transport.close()
        connection.remote.close_notify()
        connection.loop.run()
        assert not connection.lower.closed
        connection.lower.unblock()
        connection.loop.run()
        assert b'fills the transport below;' + pattern(LARGE) == connection.remote.read()
        assert connection.remote.closed
        self.check_end(connection)

    def test_close_at_once(self, new):
        """What is written in the very turn of close arrives before close_notify."""
        connection = new().handshake()
        connection.transport.write(pattern(LARGE))
        connection.transport.close()
        assert pattern(LARGE) == connection.remote.read()
        assert connection.remote.closed

    def test_close_in_a_callback(self, new):
        """
        close inside data_received sends what was written there before it, and delivers nothing
        more.
        """
        def answer(app):
            app.transport.write(b'answer')
            app.transport.close()
        connection = new(app=App(data_received=answer)).handshake()
        connection.remote.write(b'one')
        connection.remote.write(b'two')
        assert (b'one', b'answer') == (connection.app.data, connection.remote.read())
        connection.remote.close_notify()
        self.check_end(connection)

    def test_abort_in_connection_made(self, new):
        """abort inside connection_made ends the connection like anywhere else."""
        connection = new(app=App(connection_made=lambda app: app.transport.abort())).start()
        connection.remote.try_handshake()
        assert (['connection_made', 'connection_lost'], 1) == (
            connection.app.names, len(connection.outcomes))
        self.check_end(connection)

    def test_ragged_eof(self, new):
        """FIN without close_notify gives connection_lost(SSLEOFError) soon, and no eof_received."""
        connection = new().handshake()
        connection.remote.write(b'cut sh')
        connection.remote.send_eof()
        connection.loop.advance(MOMENT)
        assert [ssl.SSLEOFError] == types(connection.app.lost)
        assert ['connection_made', 'data_received', 'connection_lost'] == connection.app.names
        assert ([], 0) == (connection.loop.errors, connection.loop.timers)

    def test_ragged_eof_and_backlog(self, new):
        """
        After FIN without close_notify, what we had written still arrives, and our close_notify.
        """
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'fills the transport below;')
        connection.transport.write(pattern(LARGE))
        connection.remote.send_eof()
        assert [] == connection.app.lost
        connection.lower.unblock()
        assert b'fills the transport below;' + pattern(LARGE) == connection.remote.read()
        assert connection.remote.closed
        connection.loop.advance(MOMENT)
        assert [ssl.SSLEOFError] == types(connection.app.lost)

    def test_ragged_eof_suppressed(self, new):
        """With suppress_ragged_eofs, FIN without close_notify is a clean end, soon."""
        connection = new(suppress_ragged_eofs=True).handshake()
        connection.remote.send_eof()
        connection.loop.advance(MOMENT)
        assert ['connection_made', 'eof_received', 'connection_lost'] == connection.app.names
        self.check_end(connection)

    def test_ragged_eof_after_close(self, new):
        """
        A peer that answers our close_notify with FIN alone ends the wait: connection_lost(None),
        soon.
        """
        connection = new().handshake()
        connection.transport.close()
        connection.remote.send_eof()
        connection.loop.advance(MOMENT)
        self.check_end(connection)

    def test_lost(self, new):
        """A transport below that is lost says so to the application, with its error."""
        connection = new().handshake()
        error = socket.error(errno.ECONNRESET, 'reset')
        connection.lower.break_down(error)
        connection.loop.run()
        self.check_end(connection, error)

    def test_lost_while_closing(self, new):
        """A transport below that is lost while we wait for close_notify ends the wait."""
        connection = new().handshake()
        connection.transport.close()
        connection.lower.break_down(None)
        connection.loop.run()
        self.check_end(connection)

    def test_abort(self, new):
        """abort cuts the connection at once and says connection_lost(None)."""
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'x')
        connection.transport.write(b'never sent')
        connection.transport.abort()
        assert connection.lower.aborted
        connection.loop.run()
        self.check_end(connection)

    def test_abort_while_closing(self, new):
        """abort ends the wait for the peer's close_notify."""
        connection = new().handshake()
        connection.transport.close()
        connection.transport.abort()
        connection.loop.run()
        assert connection.lower.aborted
        self.check_end(connection)

    def test_shutdown_timeout(self, new):
        """
        A peer that never answers our close_notify is cut off after ssl_shutdown_timeout:
        connection_lost(None).
        """
        connection = new(ssl_shutdown_timeout=5).handshake()
        connection.transport.close()
        connection.loop.advance(4.9)
        assert [] == connection.app.lost
        connection.loop.advance(0.2)
        self.check_end(connection)
        assert connection.lower.aborted

    def test_default_shutdown_timeout(self, new):
        """The peer has 30 seconds to answer unless told otherwise."""
        connection = new().handshake()
        connection.transport.close()
        connection.loop.advance(29.9)
        assert [] == connection.app.lost
        connection.loop.advance(0.2)
        self.check_end(connection)

    def test_shutdown_timeout_of_zero(self, new):
        """With ssl_shutdown_timeout=0 our close_notify is sent and nobody waits for the peer's."""
        connection = new(ssl_shutdown_timeout=0).handshake()
        connection.transport.write(b'bye')
        connection.transport.close()
        connection.loop.run()
        self.check_end(connection)
        assert (b'bye', True, False) == (
            connection.remote.read(), connection.remote.closed, connection.lower.aborted)

    def test_shutdown_timeout_of_zero_and_backlog(self, new):
        """With ssl_shutdown_timeout=0 what waits is still sent."""
        connection = new(ssl_shutdown_timeout=0).handshake()
        connection.lower.block()
        connection.transport.write(b'one ')
        connection.transport.write(pattern(LARGE))
        connection.transport.close()
        connection.loop.run()
        assert not connection.lower.closed
        connection.lower.unblock()
        assert b'one ' + pattern(LARGE) == connection.remote.read()
        connection.loop.run()
        self.check_end(connection)

    def test_lower_that_never_drains(self, new):
        """A peer that takes nothing any more is cut off after ssl_shutdown_timeout."""
        connection = new(ssl_shutdown_timeout=5).handshake()
        connection.lower.block()
        connection.transport.write(b'one')
        connection.transport.write(b'two')
        connection.transport.close()
        connection.loop.advance(5.1)
        assert connection.lower.aborted
        self.check_end(connection)

    @pytest.mark.parametrize('buffered, writes', [([], 1), ([b'before'], 8)])
    def test_lost_below_while_writing(self, new, buffered, writes):
        """A transport that has failed gets no more; one that closes once it has sent all does."""
        connection = new().handshake()
        written = []
        connection.lower.write = written.append
        connection.lower.closed, connection.lower._buffer = True, buffered
        connection.transport.write(pattern(8 * CHUNK))
        assert writes == len(written)

    @pytest.mark.parametrize('timeout, seconds', [(5, 5), (None, 30), (0, 30)])
    def test_limited_answer(self, new, timeout, seconds):
        """An application that may answer in a limited time, and does not close, is cut off."""
        connection = new(app=App(keep_open=True), ssl_shutdown_timeout=timeout).handshake()
        connection.remote.close_notify()
        connection.protocol._limit_answer()
        connection.loop.advance(seconds - 0.1)
        connection.transport.write(b'one')  # gives it no more time
        connection.loop.advance(0)
        assert [] == connection.app.lost
        connection.loop.advance(0.2)
        self.check_end(connection)
        assert (b'one', False, True) == (
            connection.remote.read(), connection.remote.closed, connection.lower.aborted)

    def test_limited_answer_that_is_closed(self, new):
        """Once the application has closed in time, sending has the whole timeout."""
        connection = new(app=App(keep_open=True), ssl_shutdown_timeout=5).handshake()
        connection.remote.close_notify()
        connection.protocol._limit_answer()
        connection.loop.advance(4.9)
        connection.lower.block()
        connection.transport.write(pattern(LARGE))
        connection.transport.close()
        connection.loop.advance(4.9)
        assert [] == connection.app.lost
        connection.lower.unblock()
        assert pattern(LARGE) == connection.remote.read()
        assert connection.remote.closed
        connection.loop.run()
        self.check_end(connection)

    @pytest.mark.parametrize('in_handshake', [False, True])
    def test_alert_that_cannot_be_sent(self, new, in_handshake):
        """A peer that breaks TLS and takes nothing is cut off after ssl_shutdown_timeout."""
        connection = new(ssl_shutdown_timeout=5)
        if in_handshake:
            connection.start()
            connection.loop.run()
        else:
            connection.handshake()
        connection.lower.block()
        # A handshake message that may not come: the answer is an alert.
        connection.remote.transport.write(b'\x16\x03\x03\x00\x04\xff\x00\x00\x00')
        connection.loop.advance(4.9)
        assert (False, 1) == (connection.lower.aborted, connection.loop.timers)
        connection.loop.advance(0.2)
        assert (True, 0) == (connection.lower.aborted, connection.loop.timers)
        assert [ssl.SSLError] == types(
            connection.outcomes if in_handshake else connection.app.lost)

    def test_lower_that_never_closes(self, new):
        """
        A transport below that cannot send what it has after both close_notify is cut off in time,
        too.
        """
        connection = new(ssl_shutdown_timeout=5).handshake()
        connection.lower.block()
        connection.remote.close_notify()
        assert (True, []) == (
            connection.lower.closed or connection.transport.is_closing(), connection.app.lost)
        connection.loop.advance(10.1)
        assert connection.lower.aborted
        self.check_end(connection)

    def test_data_after_close(self, new):
        """
        Data that still arrives after close is no error and is not delivered; the peer's
        close_notify ends it.
        """
        connection = new().handshake()
        connection.transport.close()
        for _ in range(5):
            connection.remote.sslobj.write(pattern(10000))
            connection.remote.transport.write(connection.remote.outgoing.read())
        connection.loop.run()
        connection.remote.read()
        connection.remote.close_notify()
        assert b'' == connection.app.data
        self.check_end(connection)

    def test_drain_is_capped(self, new):
        """
        A peer that goes on sending after our close is cut off after DRAIN_LIMIT bytes, not before.
        """
        connection = new().handshake()
        connection.transport.close()
        sent, chunk = 0, b'x' * 65536
        while sent + len(chunk) <= DRAIN_LIMIT:
            connection.remote.sslobj.write(chunk)
            connection.remote.flush()
            sent += len(chunk)
        assert not connection.lower.closed
        connection.remote.sslobj.write(chunk)
        connection.remote.flush()
        assert connection.lower.aborted
        self.check_end(connection)

    def test_close_while_paused(self, new):
        """close while the application has paused reading still ends cleanly."""
        connection = new().handshake()
        connection.transport.pause_reading()
        connection.remote.write(b'unread')
        connection.transport.close()
        connection.remote.read()
        connection.remote.close_notify()
        assert b'' == connection.app.data
        self.check_end(connection)

    def test_crossing(self, new):
        """When both sides close at once both end cleanly, and eof_received is not called."""
        connection = new().handshake()
        connection.transport.close()
        connection.remote.close_notify()
        assert ['connection_made', 'connection_lost'] == connection.app.names
        self.check_end(connection)

    def test_write_after_close(self, new, caplog):
        """Writing after close warns once, raises nothing and sends nothing."""
        connection = new().handshake()
        connection.transport.close()
        sent = connection.lower.sent
        with caplog.at_level(logging.WARNING, 'sslproto27'):
            for _ in range(10):
                connection.transport.write(b'late')
            connection.transport.writelines([b'late'])
            connection.remote.close_notify()
            connection.transport.write(b'late')
        assert (sent, 1) == (connection.lower.sent, len(caplog.records))
        assert logging.WARNING == caplog.records[0].levelno

    def test_close_fails(self, new):
        """When the pipe cannot close, connection_lost says why, and the connection is closed."""
        connection = new().handshake()
        connection.remote.sslobj.write(b'x')
        # No transport can do this: data that OpenSSL meets where it looks for close_notify.
        connection.protocol._pipe._incoming.write(connection.remote.outgoing.read())
        connection.transport.close()
        connection.loop.run()
        assert [ssl.SSLError] == types(connection.app.lost)
        assert (True, 0) == (connection.lower.closed, connection.loop.timers)

    def test_close_twice(self, new):
        """close can be called again, at any time."""
        connection = new().handshake()
        connection.transport.close()
        connection.transport.close()
        connection.remote.close_notify()
        connection.transport.close()
        self.check_end(connection)

    def test_is_closing(self, new):
        """is_closing is true from close on, for good."""
        connection = new()
        assert not connection.transport.is_closing()
        connection.handshake()
        assert not connection.transport.is_closing()
        connection.transport.close()
        assert connection.transport.is_closing()
        connection.remote.close_notify()
        assert connection.transport.is_closing()

    def test_is_closing_with_lower(self, new):
        """is_closing is true once the transport below is closing, where that can tell."""
        connection = new(cls=ModernTransport).handshake()
        assert not connection.transport.is_closing()
        connection.lower.close()
        assert (True, False) == (
            connection.transport.is_closing(), connection.transport.is_reading())

    def test_late_calls_from_below(self, new):
        """Whatever the transport below still calls after connection_lost does nothing."""
        connection = new().handshake()
        connection.transport.abort()
        connection.loop.run()
        names = list(connection.app.names)
        connection.protocol.data_received(b'late')
        connection.protocol.eof_received()
        connection.protocol.pause_writing()
        connection.protocol.resume_writing()
        connection.protocol.connection_lost(None)
        connection.loop.run()
        assert (names, []) == (connection.app.names, connection.loop.errors)
