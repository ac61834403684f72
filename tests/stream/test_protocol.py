"""`SSLProtocol`, over a loop with a clock of its own and transports in memory."""
from __future__ import absolute_import, division, print_function

import errno
import logging
import socket
import ssl

import pytest

from sslproto27 import SSLCertVerificationError, SSLProtocol
from tests.support.loops import App, Connection, Loop, Waiter, join, types
from tests.support.memory import SPLITS, raised, strided
from tests.support.pipe_pairs import APPLICATION_DATA, HANDSHAKE, pattern, record_types

LARGE = 100000


def errno_of(error):
    """Return the number of an OSError, and that it is one."""
    assert isinstance(error, EnvironmentError)
    return error.errno


class TestArguments(object):
    @pytest.mark.parametrize('context', ['text', object(), 7])
    def test_context(self, context):
        """What is no ssl.SSLContext gets TypeError that names sslcontext."""
        error = raised(SSLProtocol, Loop(), App(), context)
        assert TypeError is type(error)
        assert 'sslcontext' in str(error)

    def test_server_needs_context(self):
        """A server without a context gets TypeError: it has no certificate."""
        assert TypeError is type(raised(SSLProtocol, Loop(), App(), None, server_side=True))

    def test_client_default_context(self):
        """A client without a context verifies certificate and host name."""
        protocol = SSLProtocol(Loop(), App(), None, server_hostname='localhost')
        context = protocol._pipe.ssl_object.context
        assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)

    def test_hostname_is_needed(self, client_context):
        """
        A context that checks host names, and no name, get ValueError: the check cannot be
        forgotten.
        """
        error = raised(SSLProtocol, Loop(), App(), client_context)
        assert ValueError is type(error)
        assert 'server_hostname' in str(error)

    def test_hostname_is_not_needed(self, pki):
        """A client whose context checks no name, and a server, need no name."""
        SSLProtocol(Loop(), App(), pki.client_context(trust=None))
        context = pki.server_context(trust='ca')
        context.check_hostname = True
        SSLProtocol(Loop(), App(), context, server_side=True)

    def test_no_check(self, new_client):
        """server_hostname='' checks no name."""
        connection = new_client(server_hostname='').handshake()
        assert [None] == connection.outcomes

    def test_call_connection_made(self, new):
        """With call_connection_made=False the application is not told again of its connection."""
        connection = new(call_connection_made=False).handshake()
        connection.remote.write(b'x')
        assert (['data_received'], [None]) == (connection.app.names, connection.outcomes)


class TestHandshake(object):
    def test_starts_at_once(self, new_client):
        """A client's first records are sent in connection_made itself, not in a later turn."""
        connection = new_client().start()
        assert [HANDSHAKE] == record_types(connection.lower.sent)

    @pytest.mark.parametrize('split', sorted(SPLITS))
    def test_done(self, new, split):
        """
        However the bytes arrive, the waiter gets one result, and the application one
        connection_made.
        """
        connection = new()
        connection.lower.split = SPLITS[split]()
        connection.handshake()
        assert ([None], ['connection_made']) == (connection.outcomes, connection.app.names)
        assert connection.app.transport.get_extra_info('ssl_object') is not None
        assert [] == connection.loop.errors

    def test_connection_made_comes_first(self, new):
        """
        connection_made comes before the waiter's result, and data after it, even from one segment.
        """
        order = []
        app = App(connection_made=lambda app: order.append(list(connection.outcomes)))
        connection = new(app=app).start()
        connection.loop.run()
        remote = connection.remote
        while not remote.handshake_is_done():
            remote.flush()
        remote.sslobj.write(b'with the last flight')
        remote.flush()
        assert [[]] == order
        assert (['connection_made', 'data_received'], b'with the last flight') == (
            app.names, app.data)

    def test_without_waiter(self, new):
        """Nobody has to wait for the handshake."""
        connection = new(waiter=None).handshake()
        assert ['connection_made'] == connection.app.names

    def test_cancelled_waiter(self, new):
        """A waiter that was cancelled meanwhile is left alone, in success and in failure."""
        connection = new()
        connection.waiter.cancelled = True
        connection.handshake()
        assert [] == connection.outcomes
        connection = new().start()
        connection.waiter.cancelled = True
        connection.protocol.connection_lost(None)
        assert [] == connection.outcomes

    def test_no_timer_afterwards(self, new):
        """No timer is left after the handshake."""
        connection = new().start()
        assert 1 == connection.loop.timers
        connection.remote.handshake()
        assert 0 == connection.loop.timers

    def test_debug_log(self, new, caplog):
        """In debug mode the start and the end of the handshake are logged."""
        connection = new()
        connection.loop.debug = True
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            connection.handshake()
        assert 2 == len([record for record in caplog.records if 'handshake' in record.getMessage()])

    def test_quiet_log(self, new, caplog):
        """Without debug mode a good connection logs nothing."""
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            connection = new().handshake()
            connection.transport.close()
            connection.loop.run()
        assert [] == caplog.records


class TestFailedHandshake(object):
    def check(self, connection, expected):
        """
        Hold what is common to all failures: one outcome, an application told of nothing, no loose
        ends.
        """
        connection.loop.advance(100)
        assert [expected] == types(connection.outcomes)
        assert ([], []) == (connection.app.names, connection.loop.errors)
        assert (True, 0) == (connection.lower.closed, connection.loop.timers)

    def unverified(self, pki, tls_version, **kwargs):
        """
        Return a client's connection to a server whose certificate it does not trust, after it
        failed.
        """
        connection = Connection(pki.client_context(version=tls_version, trust='stranger-ca'),
                                pki.server_context('ecdsa', version=tls_version), **kwargs).start()
        connection.loop.run()
        connection.remote.handshake_is_done()
        return connection

    def test_certificate(self, pki, tls_version):
        """A certificate that is not trusted reaches the waiter as SSLCertVerificationError."""
        connection = self.unverified(pki, tls_version)
        connection.remote.flush()
        self.check(connection, SSLCertVerificationError)
        assert connection.outcomes[0].verify_code > 0

    def test_alert(self, pki, tls_version):
        """The peer gets the alert that says what was wrong, before the connection closes."""
        connection = self.unverified(pki, tls_version)
        connection.remote.flush()
        error = raised(connection.remote.handshake_is_done)
        assert 'TLSV1_ALERT_UNKNOWN_CA' == error.reason
        assert (True, False) == (connection.remote.eof, connection.lower.aborted)

    def test_alert_while_lower_is_full(self, pki, tls_version):
        """
        The alert is sent, and the connection closed only then, though the transport below is full.
        """
        connection = self.unverified(pki, tls_version)
        connection.protocol.pause_writing()
        connection.lower.block()
        connection.remote.flush()
        assert [SSLCertVerificationError] == types(connection.outcomes)
        connection.lower.unblock()
        connection.loop.run()
        assert 'TLSV1_ALERT_UNKNOWN_CA' == raised(connection.remote.handshake_is_done).reason

    def test_host_name(self, pki, tls_version, server_context):
        """A certificate for another name reaches the waiter as SSLCertVerificationError."""
        connection = Connection(pki.client_context(version=tls_version), server_context,
                                server_hostname='other.example.org').start()
        connection.loop.run()
        connection.remote.handshake_is_done()
        connection.remote.flush()
        self.check(connection, SSLCertVerificationError)

    def test_peers_alert(self, pki, tls_version):
        """A client that does not trust us fails our waiter with its alert."""
        connection = Connection(pki.server_context('ecdsa', version=tls_version),
                                pki.client_context(version=tls_version, trust='stranger-ca'),
                                server_side=True).start()
        raised(connection.remote.handshake)
        connection.remote.flush()
        self.check(connection, ssl.SSLError)
        assert 'TLSV1_ALERT_UNKNOWN_CA' == connection.outcomes[0].reason

    def test_garbage(self, new):
        """What is not TLS fails the waiter with SSLError, and is no data."""
        connection = new().start()
        connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        self.check(connection, ssl.SSLError)

    def test_eof(self, new):
        """EOF before the first byte fails the waiter with a connection reset."""
        connection = new().start()
        connection.remote.send_eof()
        connection.loop.advance(100)
        error, = connection.outcomes
        assert errno.ECONNRESET == errno_of(error)
        assert ([], [], 0) == (connection.app.names, connection.loop.errors, connection.loop.timers)

    def test_eof_where_ragged_ones_are_suppressed(self, new):
        """EOF before the handshake is no clean end even where EOF without close_notify is one."""
        connection = new(suppress_ragged_eofs=True).start()
        connection.remote.send_eof()
        connection.loop.advance(100)
        assert [errno.ECONNRESET] == [errno_of(error) for error in connection.outcomes]
        assert [] == connection.app.names

    def test_eof_in_the_middle(self, new):
        """EOF in mid-handshake fails the waiter with a connection reset."""
        connection = new().start()
        connection.loop.run()
        connection.remote.handshake_is_done()
        connection.remote.flush().send_eof()
        connection.loop.advance(100)
        if connection.outcomes != [None]:
            assert [errno.ECONNRESET] == [errno_of(error) for error in connection.outcomes]
            assert [] == connection.app.names

    def test_lost(self, new):
        """A connection lost in mid-handshake fails the waiter with what the transport said."""
        connection = new().start()
        reset = socket.error(errno.EPIPE, 'broken')
        connection.lower.break_down(reset)
        connection.loop.advance(100)
        assert ([reset], [], 0) == (
            connection.outcomes, connection.app.names, connection.loop.timers)

    def test_lost_without_reason(self, new):
        """
        A connection closed from below in mid-handshake fails the waiter with a connection reset.
        """
        connection = new().start()
        connection.lower.close()
        connection.loop.advance(100)
        assert [errno.ECONNRESET] == [errno_of(error) for error in connection.outcomes]
        assert ([], 0) == (connection.app.names, connection.loop.timers)

    def test_eof_before_connected(self, new):
        """An EOF that comes before connection_made fails the handshake at once."""
        connection = new()
        assert connection.protocol.eof_received()
        connection.start().loop.run()
        assert [errno.ECONNRESET] == [errno_of(error) for error in connection.outcomes]

    def test_bytes_before_connected(self, new):
        """What comes before connection_made is TLS's, and never data for the application."""
        connection = new()
        connection.protocol.data_received(b'injected')
        connection.start().loop.run()
        error, = connection.outcomes
        assert ssl.SSLError is type(error)
        assert ([], b'') == (connection.app.names, connection.app.data)

    @pytest.mark.parametrize('state', ['handshake', 'connected', 'closed'])
    def test_connected_twice(self, new, state):
        """A second connection_made raises RuntimeError, and changes nothing."""
        connection = new().start() if state == 'handshake' else new().handshake()
        if state == 'closed':
            connection.transport.abort()
            connection.loop.run()
        assert RuntimeError is type(raised(connection.protocol.connection_made, object()))
        connection.remote.try_handshake()
        assert [None] == connection.outcomes

    def test_lost_before_connected(self, new):
        """
        A connection that is lost before connection_made fails the waiter with a connection reset.
        """
        connection = new()
        connection.protocol.connection_lost(None)
        connection.loop.run()
        assert [errno.ECONNRESET] == [errno_of(error) for error in connection.outcomes]
        assert ([], []) == (connection.app.names, connection.loop.errors)

    @pytest.mark.parametrize('call', ['close', 'abort'])
    def test_closed_by_us(self, new, call):
        """
        close and abort in mid-handshake fail the waiter and end the connection; the application is
        told nothing.
        """
        connection = new().start()
        getattr(connection.transport, call)()
        connection.loop.run()
        assert 1 == len(connection.outcomes)
        assert isinstance(connection.outcomes[0], EnvironmentError)
        assert ([], [], 0) == (connection.app.names, connection.loop.errors, connection.loop.timers)
        assert connection.lower.closed

    @pytest.mark.parametrize('call', ['close', 'abort'])
    def test_closed_before_connected(self, new, call):
        """close and abort before connection_made end the connection as soon as there is one."""
        connection = new()
        getattr(connection.transport, call)()
        connection.start()
        connection.loop.run()
        assert 1 == len(connection.outcomes)
        assert isinstance(connection.outcomes[0], EnvironmentError)
        assert ([], [], 0) == (connection.app.names, connection.loop.errors, connection.loop.timers)
        assert connection.lower.closed

    def test_timeout(self, new):
        """
        After ssl_handshake_timeout seconds, and not before, the waiter fails and the connection is
        cut.
        """
        connection = new(ssl_handshake_timeout=5).start()
        connection.loop.advance(4.9)
        assert ([], False) == (connection.outcomes, connection.lower.closed)
        connection.loop.advance(0.2)
        error, = connection.outcomes
        assert errno.ECONNABORTED == errno_of(error)
        assert '5' in str(error) and 'handshake' in str(error)
        assert (True, [], [], 0) == (connection.lower.aborted, connection.app.names,
                                     connection.loop.errors, connection.loop.timers)

    def test_default_timeout(self, new):
        """A handshake may take 60 seconds unless told otherwise."""
        connection = new().start()
        connection.loop.advance(59.9)
        assert [] == connection.outcomes
        connection.loop.advance(0.2)
        assert 1 == len(connection.outcomes)

    def test_connection_made_fails(self, new):
        """An application whose connection_made raises does not leave the waiter waiting."""
        failure = KeyError('mistake')

        def fail(app):
            raise failure
        connection = new(app=App(connection_made=fail)).start()
        connection.remote.try_handshake()
        assert [failure] == connection.outcomes
        assert [failure] == [context['exception'] for context in connection.loop.errors]
        assert connection.lower.closed

    def test_reported_once_without_waiter(self, pki, tls_version):
        """Without a waiter the failure goes to the loop's exception handler, once."""
        connection = self.unverified(pki, tls_version, waiter=None)
        connection.remote.flush()
        connection.loop.advance(100)
        context, = connection.loop.errors
        assert SSLCertVerificationError is type(context['exception'])
        assert (connection.app, []) == (context['protocol'], connection.app.names)

    def test_timeout_without_waiter(self, new):
        """A timeout without a waiter goes to the loop's exception handler, once."""
        connection = new(waiter=None).start()
        connection.loop.advance(100)
        assert 1 == len(connection.loop.errors)

    @pytest.mark.parametrize('call', ['close', 'abort'])
    def test_closed_by_us_without_waiter(self, new, call):
        """What the application has ended itself, in the handshake, is no failure to report."""
        connection = new(waiter=None).start()
        getattr(connection.transport, call)()
        connection.loop.advance(100)
        assert ([], [], 0) == (connection.app.names, connection.loop.errors, connection.loop.timers)
        assert connection.lower.closed

    def test_reset_without_waiter(self, new, caplog):
        """A peer that goes away in the handshake is worth a line in debug mode, and no more."""
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            for error in (None, socket.error(errno.ECONNRESET, 'reset')):
                connection = new(waiter=None).start()
                connection.lower.break_down(error)
                connection.loop.advance(100)
                assert ([], []) == (connection.loop.errors, connection.app.names)
            assert [] == caplog.records
            connection = new(waiter=None)
            connection.loop.debug = True
            connection.start().remote.send_eof()
        assert any('failed' in record.getMessage() for record in caplog.records)
        assert [] == connection.loop.errors

    def test_late_bytes(self, new):
        """What arrives after a failure is ignored."""
        connection = new().start()
        connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        connection.loop.turn()
        connection.protocol.data_received(b'more')
        connection.protocol.eof_received()
        self.check(connection, ssl.SSLError)


class TestData(object):
    @pytest.mark.parametrize('split', sorted(SPLITS))
    def test_both_ways(self, new, split):
        """Data arrives whole and in order both ways, however it is split."""
        connection = new()
        connection.lower.split = connection.remote.transport.split = SPLITS[split]()
        connection.handshake()
        data = pattern(40000 if split != 'byte_by_byte' else 5000)
        connection.remote.write(data)
        connection.transport.write(data)
        assert (data, data) == (connection.app.data, connection.remote.read())

    def test_one_event_one_call(self, new):
        """What one segment decrypts to, of any number of records, is one data_received."""
        connection = new().handshake()
        connection.remote.write(pattern(60000))
        assert [pattern(60000)] == connection.app.chunks

    def test_writes_in_a_callback_share_a_record(self, new):
        """
        Writes from inside a callback leave together, in one write of one record, when it is over.
        """
        def answer(app):
            for _ in range(50):
                app.transport.write(b'0123456789')
        connection = new(app=App(data_received=answer)).handshake()
        before = len(connection.lower.sent)
        connection.remote.write(b'x')
        assert [APPLICATION_DATA] == record_types(connection.lower.sent[before:])
        assert b'0123456789' * 50 == connection.remote.read()

    def test_writes_in_connection_made(self, new):
        """What connection_made writes is the first that the peer reads."""
        connection = new(
            app=App(connection_made=lambda app: app.transport.write(b'hello'))).handshake()
        connection.transport.write(b' world')
        assert b'hello world' == connection.remote.read()

    def test_order_of_writes(self, new):
        """Writes inside and outside of callbacks arrive in the order in which they were made."""
        connection = new(app=App(data_received=lambda app: app.transport.write(b'in'))).handshake()
        for number in range(3):
            connection.transport.write(b'out')
            connection.remote.write(b'x')
        assert b'outin' * 3 == connection.remote.read()

    def test_write_before_handshake_is_done(self, new):
        """What is written before the handshake is done arrives after it."""
        connection = new().start()
        connection.transport.write(b'early')
        connection.remote.handshake()
        assert b'early' == connection.remote.read()

    def test_write_before_connected(self, new):
        """
        What is written before there is a connection arrives once there is, as it was, and never as
        plaintext.
        """
        connection = new()
        data = bytearray(b'very ')
        connection.transport.write(data)
        data[:] = b'other'
        connection.transport.writelines([b'early', b' '])
        connection.start()
        connection.transport.write(b'indeed')
        connection.remote.handshake()
        assert b'\x16\x03' == connection.lower.sent[:2]
        assert b'very early indeed' == connection.remote.read()

    def test_writelines(self, new):
        """writelines sends every buffer, in order, in one record if they fit."""
        connection = new().handshake()
        before = len(connection.lower.sent)
        connection.transport.writelines([b'one ', bytearray(b'two '), memoryview(b'three')])
        assert [APPLICATION_DATA] == record_types(connection.lower.sent[before:])
        assert b'one two three' == connection.remote.read()

    def test_write_copies(self, new):
        """A buffer that changes after write is sent as it was."""
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'fills the buffer')
        data = bytearray(b'before')
        connection.transport.write(data)
        data[:] = b'after!'
        connection.lower.unblock()
        assert b'fills the bufferbefore' == connection.remote.read()

    @pytest.mark.parametrize('data', [u'text', None, 7])
    def test_write_type(self, new, data):
        """What is no buffer gets TypeError, and the connection goes on."""
        connection = new().handshake()
        assert TypeError is type(raised(connection.transport.write, data))
        connection.transport.write(b'good')
        assert b'good' == connection.remote.read()

    def test_write_gaps(self, new):
        """A buffer with gaps gets BufferError."""
        assert BufferError is type(raised(new().handshake().transport.write, strided()))

    def test_empty_write(self, new):
        """b'' sends nothing."""
        connection = new().handshake()
        before = connection.lower.sent
        connection.transport.write(b'')
        connection.transport.writelines([])
        assert before == connection.lower.sent

    def test_set_protocol(self, new):
        """
        set_protocol is visible at once, and the new protocol has what arrives from then on, and the
        end.
        """
        connection, other = new().handshake(), App()
        assert connection.app is connection.transport.get_protocol()
        connection.remote.write(b'first')
        connection.transport.set_protocol(other)
        assert other is connection.transport.get_protocol()
        connection.remote.write(b'second').close_notify()
        connection.loop.run()
        assert (b'first', b'second', [None]) == (connection.app.data, other.data, other.lost)
        assert [] == connection.app.lost

    @pytest.mark.parametrize('callback', ['data_received', 'eof_received'])
    def test_callback_fails(self, new, callback):
        """
        An application's callback that raises goes to the exception handler once, and ends the
        connection.
        """
        failure = KeyError('mistake')

        def fail(app):
            raise failure
        connection = new(app=App(**{callback: fail})).handshake()
        connection.remote.write(b'x').close_notify()
        connection.loop.run()
        assert [failure] == [context['exception'] for context in connection.loop.errors]
        assert [failure] == connection.app.lost
        assert connection.lower.closed

    def test_broken_record(self, new):
        """
        A record that cannot be decrypted ends the connection with SSLError; data before it is
        delivered, and the alert sent.
        """
        connection = new().handshake()
        remote = connection.remote
        remote.sslobj.write(b'good')
        remote.transport.write(remote.outgoing.read() + b'\x17\x03\x03\x00\x40' + b'\x5a' * 64)
        connection.loop.run()
        assert (b'good', [ssl.SSLError]) == (connection.app.data, types(connection.app.lost))
        remote.read()
        assert (ssl.SSLError, 'SSLV3_ALERT_BAD_RECORD_MAC') == remote.error
        assert [] == connection.loop.errors


class TestNested(object):
    """TLS in TLS: an application's protocol that hands its transport to another `SSLProtocol`."""

    def connect(self, loop, client_context, server_context, depth, names=None, **apps):
        """
        Return (client's app, server's app, their waiters, transports below) of a stack *depth*
        layers deep.
        """
        client, server = App(**apps), App(**apps)
        waiters = [Waiter(), Waiter()]
        names = names or ['localhost'] * depth
        bottom = []
        for app, context, waiter, is_server in ((client, client_context, waiters[0], False),
                                                (server, server_context, waiters[1], True)):
            protocol = app
            for number in range(depth):
                inner = protocol
                protocol = SSLProtocol(
                    loop, inner, context, waiter if not number else None, server_side=is_server,
                    server_hostname=None if is_server else names[number])
            bottom.append(protocol)
        lowers = join(loop, *bottom)
        bottom[1].connection_made(lowers[1])
        bottom[0].connection_made(lowers[0])
        loop.run()
        return client, server, waiters, lowers

    @pytest.mark.parametrize('depth', [2, 3])
    def test_echo(self, client_context, server_context, depth):
        """TLS inside of TLS carries data both ways and ends cleanly, layer by layer."""
        loop = Loop()
        client, server, waiters, lowers = self.connect(loop, client_context, server_context, depth)
        assert [[None], [None]] == [waiter.outcomes for waiter in waiters]
        client.transport.write(pattern(LARGE))
        loop.run()
        server.transport.write(server.data)
        loop.run()
        assert pattern(LARGE) == client.data
        client.transport.close()
        loop.run()
        assert ([None], [None], []) == (client.lost, server.lost, loop.errors)
        assert [True, True] == [lower.closed for lower in lowers]
        assert 0 == loop.timers

    def test_backpressure(self, client_context, server_context):
        """
        A full transport at the bottom holds back the application at the top, and then lets it go
        on.
        """
        loop = Loop()
        client, server, _, lowers = self.connect(loop, client_context, server_context, 3)
        lowers[0].block()
        written = 0
        while 'pause_writing' not in client.names and written < 20 * 1024 * 1024:
            client.transport.write(b'x' * 65536)
            written += 65536
        assert 'pause_writing' == client.names[-1]
        lowers[0].unblock()
        loop.run()
        assert ('resume_writing', written) == (client.names[-1], len(server.data))

    def test_pause_reading(self, client_context, server_context):
        """pause_reading at the top holds back the data, whatever lies between."""
        loop = Loop()
        client, server, _, lowers = self.connect(loop, client_context, server_context, 3)
        client.transport.pause_reading()
        server.transport.write(pattern(LARGE))
        loop.run()
        assert (b'', True) == (client.data, lowers[0].paused)
        client.transport.resume_reading()
        loop.run()
        assert (pattern(LARGE), False) == (client.data, lowers[0].paused)

    def test_exception_is_kept(self, client_context, server_context):
        """A certificate that fails deep inside reaches the waiter at the top as what it is."""
        loop = Loop()
        client, server, waiters, lowers = self.connect(
            loop, client_context, server_context, 2, names=['other.example.org', 'localhost'])
        assert [SSLCertVerificationError] == types(waiters[0].outcomes)
        assert ([], []) == (client.names, server.names)

    def test_exception_of_the_layer_below(self, client_context, server_context):
        """
        A failure of a layer below ends the one above with its own exception, not with a made-up
        one.
        """
        loop = Loop()
        client, server, waiters, lowers = self.connect(loop, client_context, server_context, 2)
        lowers[0].other._arrive(b'\x17\x03\x03\x00\x40' + b'\x5a' * 64)
        loop.run()
        error, = server.lost
        assert (ssl.SSLError, 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC') == (type(error), error.reason)

    def test_abort_goes_down(self, client_context, server_context):
        """abort at the top cuts the connection at the bottom."""
        loop = Loop()
        client, _, _, lowers = self.connect(loop, client_context, server_context, 3)
        client.transport.abort()
        loop.run()
        assert ([None], True, 0) == (client.lost, lowers[0].aborted, loop.timers)


class TestEvents(object):
    def test_transport_that_delivers_while_it_is_called(self, new):
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
    def test_failed_upgrade(self, new, end):
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

    def test_failed_upgrade_without_waiter(self, new):
        """Without a waiter the loop's handler has it, too, once."""
        connection = new(call_connection_made=False, waiter=None).start()
        connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        connection.loop.run()
        assert (1, 1) == (len(connection.loop.errors), len(connection.app.lost))

    def test_tickets_over_no_buffer(self, client_context, server_context):
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


def test_every_way_of_splitting(client_context, server_context):
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
