"""`SSLProtocol` and its transport, over a loop with a clock of its own and transports in memory."""
from __future__ import absolute_import, division, print_function

import errno
import gc
import logging
import socket
import ssl
import weakref

import pytest

from sslproto27 import SSLCertVerificationError, SSLObject, SSLProtocol
from sslproto27._core.pipe import DRAIN_LIMIT
from sslproto27._stream.transport import LooseTransport
from tests.support.loops import App, Connection, Loop, ModernTransport, Transport, Waiter, join
from tests.support.memory import SPLITS, Pair, raised, strided
from tests.support.pipe_pairs import (
    APPLICATION_DATA, HANDSHAKE, needs_refcounts, pattern, record_types)

LARGE = 100000

#: No longer than any of these does a closed connection live on when nothing more can come.
MOMENT = 1.0


@pytest.fixture
def new_client(client_context, server_context):
    """A function that makes a `Connection` of one TLS version, the protocol being the client."""
    def make(**kwargs):
        return Connection(client_context, server_context, **kwargs)
    return make


def types(outcomes):
    """Return the class of each outcome."""
    return [type(outcome) for outcome in outcomes]


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

    @pytest.mark.parametrize('value', [0, 0.0, -1, -0.5, float('inf'), float('nan')])
    def test_handshake_timeout_value(self, client_context, value):
        """
        A handshake timeout that is zero, negative or no finite number gets ValueError that names
        it.
        """
        error = raised(SSLProtocol, Loop(), App(), client_context, server_hostname='localhost',
                       ssl_handshake_timeout=value)
        assert ValueError is type(error)
        assert 'ssl_handshake_timeout' in str(error)

    @pytest.mark.parametrize('value', [-1, -0.5, float('inf'), float('nan')])
    def test_shutdown_timeout_value(self, client_context, value):
        """A shutdown timeout that is negative or no finite number gets ValueError that names it."""
        error = raised(SSLProtocol, Loop(), App(), client_context, server_hostname='localhost',
                       ssl_shutdown_timeout=value)
        assert ValueError is type(error)
        assert 'ssl_shutdown_timeout' in str(error)

    @pytest.mark.parametrize('name', ['ssl_handshake_timeout', 'ssl_shutdown_timeout'])
    @pytest.mark.parametrize('value', ['1', True, [1]])
    def test_timeout_type(self, client_context, name, value):
        """A timeout that is no number gets TypeError that names it."""
        error = raised(SSLProtocol, Loop(), App(), client_context, server_hostname='localhost',
                       **{name: value})
        assert TypeError is type(error)
        assert name in str(error)

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


class TestReading(object):
    def test_pause(self, new):
        """
        After pause_reading there is no data_received; resume_reading brings what came meanwhile, in
        order.
        """
        connection = new().handshake()
        connection.transport.pause_reading()
        assert not connection.transport.is_reading()
        connection.remote.write(b'one ')
        connection.remote.write(b'two ')
        assert b'' == connection.app.data
        connection.transport.resume_reading()
        assert (b'', True) == (connection.app.data, connection.transport.is_reading())
        connection.loop.run()
        connection.remote.write(b'three')
        assert b'one two three' == connection.app.data

    def test_pause_stops_the_transport_below(self, new):
        """While the application is paused so is the transport below: what comes in is bounded."""
        connection = new().handshake()
        connection.transport.pause_reading()
        assert connection.lower.paused
        connection.transport.resume_reading()
        connection.loop.run()
        assert not connection.lower.paused

    def test_pause_in_data_received(self, new):
        """pause_reading inside data_received holds back what follows, though it has arrived."""
        connection = new(app=App(data_received=lambda app: app.transport.pause_reading()))
        connection.lower.split = SPLITS['byte_by_byte']()
        connection.handshake()
        connection.remote.write(b'one')
        connection.remote.write(b'two')
        assert b'one' == connection.app.data
        connection.transport.resume_reading()
        connection.loop.run()
        assert b'onetwo' == connection.app.data

    def test_pause_in_connection_made(self, new):
        """
        pause_reading inside connection_made holds back even the data that came with the last
        flight.
        """
        connection = new(app=App(connection_made=lambda app: app.transport.pause_reading())).start()
        remote = connection.remote
        connection.loop.run()
        while not remote.handshake_is_done():
            remote.flush()
        remote.sslobj.write(b'last')
        remote.flush()
        assert ['connection_made'] == connection.app.names
        connection.transport.resume_reading()
        connection.loop.run()
        assert b'last' == connection.app.data

    def test_end_with_pause_in_connection_made(self, new):
        """
        The end of data, too, waits behind what pause_reading inside connection_made holds back.
        """
        app = App(connection_made=lambda app: app.transport.pause_reading())
        connection = new(app=app).start()
        connection.remote.handshake().write(b'last').close_notify()
        assert ['connection_made'] == app.names
        connection.transport.resume_reading()
        connection.loop.run()
        assert (b'last', ['connection_made', 'data_received', 'eof_received']) == (
            app.data, app.names[:3])

    def test_pause_in_the_handshake(self, new):
        """pause_reading during the handshake holds up data, not the handshake."""
        connection = new().start()
        connection.transport.pause_reading()
        connection.remote.handshake().write(b'later')
        assert ([None], ['connection_made']) == (connection.outcomes, connection.app.names)
        connection.transport.resume_reading()
        connection.loop.run()
        assert b'later' == connection.app.data

    def test_data_between_resume_and_delivery(self, new):
        """
        Data that comes after resume_reading, before the held data is delivered, stays behind it.
        """
        connection = new().handshake()
        connection.transport.pause_reading()
        for data in (b'one ', b'two'):
            if data == b'two':
                connection.transport.resume_reading()
            connection.remote.sslobj.write(data)
            connection.protocol.data_received(connection.remote.outgoing.read())
        connection.loop.run()
        assert b'one two' == connection.app.data

    def test_data_that_comes_all_the_same(self, new):
        """Data that a transport below delivers though it is paused is held too."""
        connection = new().handshake()
        connection.transport.pause_reading()
        for data in (b'one ', b'two'):
            connection.remote.sslobj.write(data)
            connection.protocol.data_received(connection.remote.outgoing.read())
        assert b'' == connection.app.data
        connection.transport.resume_reading()
        connection.loop.run()
        assert b'one two' == connection.app.data

    def test_held_data_and_pause_again(self, new):
        """
        An application that pauses again at the first held piece gets the second at the next resume.
        """
        connection = new().handshake()
        connection.transport.pause_reading()
        for data in (b'one', b'two'):
            connection.remote.sslobj.write(data)
            connection.protocol.data_received(connection.remote.outgoing.read())
        connection.protocol.eof_received()
        connection.app.hooks['data_received'] = lambda app: app.transport.pause_reading()
        connection.transport.resume_reading()
        connection.loop.run()
        assert (b'one', True, []) == (
            connection.app.data, connection.lower.paused, connection.app.lost)
        connection.transport.resume_reading()
        connection.loop.run()
        assert b'onetwo' == connection.app.data

    def test_lost_between_resume_and_delivery(self, new):
        """A connection that is lost right after resume_reading ends like any other."""
        connection = new().handshake()
        connection.transport.pause_reading()
        connection.transport.resume_reading()
        connection.protocol.connection_lost(None)
        connection.loop.run()
        assert ([None], []) == (connection.app.lost, connection.loop.errors)

    @pytest.mark.parametrize('end', ['close_notify', 'send_eof'])
    def test_end_while_paused(self, new, end):
        """The end of data waits for resume_reading, behind the data."""
        connection = new().handshake()
        connection.transport.pause_reading()
        connection.remote.write(b'last')
        getattr(connection.remote, end)()
        assert ['connection_made'] == connection.app.names
        connection.transport.resume_reading()
        connection.loop.run()
        assert b'last' == connection.app.data
        assert end != 'close_notify' or 'eof_received' in connection.app.names

    def test_held_eof(self, new):
        """
        EOF that a transport below reports though it is paused waits behind the data, and is not
        lost.
        """
        connection = new(suppress_ragged_eofs=True).handshake()
        connection.transport.pause_reading()
        connection.remote.sslobj.write(b'last')
        connection.protocol.data_received(connection.remote.outgoing.read())
        assert connection.protocol.eof_received()
        assert ['connection_made'] == connection.app.names
        connection.transport.resume_reading()
        connection.loop.run()
        assert (b'last', ['connection_made', 'data_received', 'eof_received']) == (
            connection.app.data, connection.app.names[:3])

    @pytest.mark.parametrize('calls', ['pp', 'rr', 'prpr', 'prp', 'prprp', 'pprr', 'ppr'])
    def test_any_sequence(self, new, calls):
        """
        pause_reading and resume_reading can be called in any order and number: the last one counts.
        """
        connection = new().handshake()
        for call in calls:
            getattr(connection.transport, {'p': 'pause_reading', 'r': 'resume_reading'}[call])()
        connection.loop.run()
        connection.remote.write(b'x')
        assert (calls[-1] == 'r') == (connection.app.data == b'x')
        assert (calls[-1] == 'r') == connection.transport.is_reading()
        connection.transport.resume_reading()
        connection.loop.run()
        assert b'x' == connection.app.data

    def test_pause_when_lower_is_closing(self, new):
        """
        pause_reading does nothing, and raises nothing, while the transport below is going away.
        """
        for cls in (Transport, ModernTransport):
            connection = new(cls=cls).handshake()
            connection.lower.break_down(socket.error(errno.ECONNRESET, 'reset'))
            connection.transport.pause_reading()
            connection.transport.resume_reading()
            connection.loop.run()
            assert 1 == len(connection.app.lost)


class TestWriting(object):
    def test_backlog_is_kept(self, new):
        """
        While the transport below is full nothing is handed to it; afterwards all of it, in order.
        """
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'one ')
        before = connection.lower.sent
        connection.transport.write(b'two ')
        connection.transport.write(b'three')
        assert before == connection.lower.sent
        assert 8 + 1 == connection.transport.get_write_buffer_size()
        connection.lower.unblock()
        assert b'one two three' == connection.remote.read()
        assert 0 == connection.transport.get_write_buffer_size()

    def test_limits(self, new):
        """
        The application is asked to pause above the high limit, once, and to go on at the low one,
        once.
        """
        connection = new().handshake()
        connection.transport.set_write_buffer_limits(high=1000, low=100)
        connection.lower.block()
        connection.transport.write(b'fills the transport below')
        connection.transport.write(b'x' * 1000)
        assert ['connection_made'] == connection.app.names
        connection.transport.write(b'x')
        connection.transport.write(b'x')
        assert ['connection_made', 'pause_writing'] == connection.app.names
        connection.lower.unblock()
        assert ['connection_made', 'pause_writing', 'resume_writing'] == connection.app.names

    def test_default_limits(self, new):
        """Unless set, the limits are 128 KiB and 512 KiB."""
        connection = new().handshake()
        assert (128 * 1024, 512 * 1024) == connection.transport.get_write_buffer_limits()
        connection.lower.block()
        connection.transport.write(b'fills the transport below')
        connection.transport.write(b'x' * 512 * 1024)
        assert ['connection_made'] == connection.app.names
        connection.transport.write(b'x')
        assert ['connection_made', 'pause_writing'] == connection.app.names

    @pytest.mark.parametrize('given, expected', [
        (dict(high=1000), (250, 1000)), (dict(low=100), (100, 400)), (dict(high=0), (0, 0)),
        (dict(high=7, low=7), (7, 7)), (dict(), (128 * 1024, 512 * 1024))])
    def test_set_limits(self, new, given, expected):
        """The limit that is not given follows from the other: a quarter, or four times."""
        transport = new().transport
        transport.set_write_buffer_limits(**given)
        assert expected == transport.get_write_buffer_limits()

    @pytest.mark.parametrize(
        'given', [dict(high=1, low=2), dict(high=-1), dict(low=-1), dict(high=3, low=-1)])
    def test_wrong_limits(self, new, given):
        """Limits that make no sense get ValueError and change nothing."""
        transport = new().transport
        assert ValueError is type(raised(transport.set_write_buffer_limits, **given))
        assert (128 * 1024, 512 * 1024) == transport.get_write_buffer_limits()

    def test_limits_of_zero(self, new):
        """
        With limits (0, 0) each byte that waits pauses the application, and each flush lets it go
        on.
        """
        connection = new().handshake()
        connection.transport.set_write_buffer_limits(0, 0)
        connection.transport.write(b'goes through')
        assert ['connection_made'] == connection.app.names
        for number in range(1, 4):
            connection.lower.block()
            connection.transport.write(b'fills the transport below')
            connection.transport.write(b'x')
            connection.lower.unblock()
            assert ['connection_made'] + ['pause_writing', 'resume_writing'] * number == (
                connection.app.names)

    def test_new_limits_count_at_once(self, new):
        """
        Limits that are set below what waits already pause the application at once, and above,
        resume it.
        """
        connection = new().handshake()
        connection.lower.block()
        connection.transport.write(b'fills the transport below')
        connection.transport.write(b'x' * 1000)
        connection.transport.set_write_buffer_limits(high=500)
        assert ['connection_made', 'pause_writing'] == connection.app.names
        connection.transport.set_write_buffer_limits(high=10000)
        assert ['connection_made', 'pause_writing', 'resume_writing'] == connection.app.names

    @pytest.mark.parametrize('callback', ['pause_writing', 'resume_writing'])
    def test_callback_fails(self, new, callback):
        """
        A pause_writing or resume_writing that raises goes to the exception handler; the data still
        arrives.
        """
        failure = KeyError('mistake')

        def fail(app):
            raise failure
        connection = new(app=App(**{callback: fail})).handshake()
        connection.transport.set_write_buffer_limits(0)
        connection.lower.block()
        connection.transport.write(b'one ')
        connection.transport.write(b'two')
        connection.lower.unblock()
        assert [failure] == [context['exception'] for context in connection.loop.errors]
        assert b'one two' == connection.remote.read()

    def test_write_in_resume_writing(self, new):
        """What resume_writing writes goes out after what waited."""
        connection = new(
            app=App(resume_writing=lambda app: app.transport.write(b'three'))).handshake()
        connection.transport.set_write_buffer_limits(0)
        connection.lower.block()
        connection.transport.write(b'one ')
        connection.transport.write(b'two ')
        connection.lower.unblock()
        assert b'one two three' == connection.remote.read()

    def test_handshake_while_lower_is_full(self, new):
        """A transport below that is full delays the handshake, and does not break it."""
        connection = new().start()
        connection.protocol.pause_writing()
        connection.loop.run()
        assert not connection.remote.try_handshake()
        connection.protocol.resume_writing()
        connection.remote.handshake()
        assert [None] == connection.outcomes

    def test_no_pause_before_connection_made(self, new):
        """
        However much is written during the handshake, connection_made comes before pause_writing.
        """
        connection = new().start()
        connection.transport.write(pattern(1024 * 1024))
        assert [] == connection.app.names
        connection.remote.handshake()
        assert pattern(1024 * 1024) == connection.remote.read()
        assert 'connection_made' == connection.app.names[0]

    def test_no_resume_after_abort(self, new):
        """After abort there is nothing to go on with: resume_writing is not called."""
        connection = new().handshake()
        connection.transport.set_write_buffer_limits(0)
        connection.lower.block()
        connection.transport.write(b'fills the transport below')
        connection.transport.write(b'x')
        connection.transport.abort()
        connection.transport.set_write_buffer_limits(1000)
        connection.loop.run()
        assert ['connection_made', 'pause_writing', 'connection_lost'] == connection.app.names

    def test_idempotent_pauses(self, new):
        """The transport below may repeat pause_writing and resume_writing."""
        connection = new().handshake()
        for name in ('pause_writing', 'pause_writing', 'resume_writing', 'resume_writing'):
            getattr(connection.protocol, name)()
        connection.transport.write(b'x')
        assert b'x' == connection.remote.read()


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


# Public methods of the transport: arguments, and what else than None they may do in any state.
CALLS = [
    ('get_extra_info', ('peername',)), ('get_extra_info', ('cipher',)),
    ('get_extra_info', ('peercert',)), ('get_extra_info', ('ssl_object',)), ('get_protocol', ()),
    ('is_closing', ()), ('write', (b'x',)), ('writelines', ([b'x', b'y'],)),
    ('can_write_eof', ()), ('close', ()), ('abort', ()), ('pause_reading', ()),
    ('resume_reading', ()), ('is_reading', ()), ('set_write_buffer_limits', (10, 5)),
    ('get_write_buffer_limits', ()), ('get_write_buffer_size', ()), ('set_protocol', (App(),)),
]


class TestEveryState(object):
    """Every public method in every state."""

    def bring(self, new, state):
        """Return a connection in *state*."""
        connection = new()
        if state == 'new':
            return connection
        connection.start()
        if state == 'handshake':
            return connection
        if state == 'failed':
            connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            connection.loop.turn()
            assert 1 == len(connection.outcomes)
            return connection
        connection.remote.handshake()
        if state == 'paused':
            connection.transport.pause_reading()
        elif state == 'half-closed':
            connection.app.keep_open = True
            connection.remote.close_notify()
        elif state == 'closing':
            connection.transport.close()
        elif state == 'ending':
            connection.transport.abort()
        elif state == 'going':  # the transport below is being lost, and has not said so yet
            connection.lower.break_down(None)
        elif state == 'closed':
            connection.transport.abort()
            connection.loop.run()
            assert 1 == len(connection.app.lost)
        return connection

    @pytest.mark.parametrize('state', ['new', 'handshake', 'failed', 'connected', 'paused',
                                       'half-closed', 'closing', 'ending', 'going', 'closed'])
    def test_no_call_raises(self, pki, state):
        """
        No public method raises in any state, alone or after any other one; nothing is left behind.
        """
        ours, theirs = pki.client_context(), pki.server_context('ecdsa')
        for first, first_args in CALLS:
            for second, second_args in CALLS if first in ('close', 'pause_reading') else CALLS[:1]:
                connection = self.bring(lambda: Connection(ours, theirs), state)
                getattr(connection.transport, first)(*first_args)
                getattr(connection.transport, second)(*second_args)
                if state == 'new':
                    connection.start()
                connection.loop.run()
                connection.transport.resume_reading()
                connection.transport.close()
                connection.loop.advance(200)
                assert ([], 0) == (connection.loop.errors, connection.loop.timers), (first, second)
                assert connection.lower.closed, (first, second)

    def test_write_eof(self, new):
        """write_eof is not offered, and says so."""
        transport = new().handshake().transport
        assert (False, NotImplementedError) == (
            transport.can_write_eof(), type(raised(transport.write_eof)))


class TestExtraInfo(object):
    NAMES = ('sslcontext', 'ssl_object', 'peercert', 'cipher', 'alpn_protocol', 'tls_version',
             'server_hostname', 'session_reused')

    def test_connected(self, client_context, server_context, tls_version):
        """get_extra_info knows all that TLS has settled, and what the transport below knows."""
        for context in (client_context, server_context):
            context.set_alpn_protocols(['h2', 'http/1.1'])
        transport = Connection(client_context, server_context).handshake().transport
        ssl_object = transport.get_extra_info('ssl_object')
        assert isinstance(ssl_object, SSLObject)
        assert client_context is transport.get_extra_info('sslcontext')
        assert ssl_object.getpeercert() == transport.get_extra_info('peercert')
        assert 'localhost' in [
            name for _, name in transport.get_extra_info('peercert')['subjectAltName']]
        assert ssl_object.cipher() == transport.get_extra_info('cipher')
        assert ('h2', tls_version, 'localhost', False) == tuple(
            transport.get_extra_info(name)
            for name in ('alpn_protocol', 'tls_version', 'server_hostname', 'session_reused'))
        assert ('192.0.2.1', 443) == transport.get_extra_info('peername')
        assert ('none', 'nothing') == (transport.get_extra_info('compression', 'none'),
                                       transport.get_extra_info('other', 'nothing'))

    def test_early(self, new_client):
        """Before the handshake is done what is not settled yet is the default."""
        transport = new_client().start().transport
        for name in ('peercert', 'cipher', 'alpn_protocol', 'tls_version', 'session'):
            assert 'default' == transport.get_extra_info(name, 'default')
        assert None is transport.get_extra_info('peercert')

    def test_half_of_a_handshake(self, client_context, server_context):
        """Nor does a handshake that has begun, and goes on, settle anything."""
        connection = Connection(server_context, client_context, server_side=True).start()
        end = Pair(client_context, server_context).client_end
        end.handshake_is_done()
        connection.protocol.data_received(end.outgoing.read())
        for name in ('peercert', 'alpn_protocol', 'tls_version', 'session'):
            assert 'default' == connection.transport.get_extra_info(name, 'default')

    def test_after_the_end(self, new_client):
        """After the connection's end everything is the default."""
        connection = new_client().handshake()
        connection.transport.abort()
        connection.loop.run()
        for name in self.NAMES + ('peername',):
            assert 'default' == connection.transport.get_extra_info(name, 'default')

    def test_session(self, client_context, server_context):
        """A client that is given a session resumes it, and session_reused says so."""
        first = Connection(client_context, server_context).handshake()
        session = first.transport.get_extra_info('ssl_object').session
        first.transport.close()
        first.remote.close_notify()
        second = Connection(client_context, server_context, session=session).handshake()
        assert second.transport.get_extra_info('session_reused')

    def test_one_and_the_same(self, new):
        """
        The protocol has one transport until its end; then it still gives one, and refers to none.
        """
        connection = new().handshake()
        assert connection.transport is connection.protocol.transport is connection.app.transport
        connection.transport.abort()
        connection.loop.run()
        transport = connection.protocol.transport
        assert (True, False) == (transport.is_closing(), transport is connection.protocol.transport)

    def test_class(self, new):
        """
        The application's transport says that TLS may run inside of it, and holds nothing of its
        own.
        """
        transport = new().transport
        assert (LooseTransport, True) == (type(transport), transport._start_tls_compatible)
        assert not hasattr(transport, '__dict__')


class TestMemory(object):
    """With the collector off, all that a connection used is gone when the connection is."""

    def contexts(self, pki, version):
        """Return two contexts of this test alone."""
        return pki.client_context(version=version), pki.server_context('ecdsa', version=version)

    def succeed(self, connection):
        """Live and end well."""
        connection.handshake()
        connection.transport.write(b'x')
        connection.remote.write(b'x')
        connection.transport.close()
        connection.remote.close_notify()
        connection.loop.run()

    def distrust(self, connection):
        """Fail in the handshake."""
        connection.start()
        connection.loop.run()
        connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
        connection.loop.run()

    def time_out(self, connection):
        """Never finish the handshake."""
        connection.start()
        connection.loop.advance(60.1)

    def abort(self, connection):
        """Be cut."""
        connection.handshake()
        connection.transport.abort()
        connection.loop.run()

    def cut_short(self, connection):
        """End with EOF alone."""
        connection.handshake()
        connection.remote.send_eof()
        connection.loop.advance(30.1)

    def break_record(self, connection):
        """Fail after the handshake."""
        connection.handshake()
        connection.remote.transport.write(b'\x17\x03\x03\x00\x40' + b'\x5a' * 64)
        connection.loop.run()

    def hold(self, connection):
        """Be cut while what has come waits for an application that has paused."""
        connection.handshake()
        connection.transport.pause_reading()
        connection.remote.sslobj.write(b'unread')
        connection.protocol.data_received(connection.remote.outgoing.read())
        connection.transport.abort()
        connection.loop.run()

    def stay_silent(self, connection):
        """Close, and get no answer."""
        connection.handshake()
        connection.transport.close()
        connection.loop.advance(30.1)

    @needs_refcounts
    @pytest.mark.parametrize('way', ['succeed', 'distrust', 'time_out', 'abort', 'cut_short',
                                     'break_record', 'hold', 'stay_silent'])
    def test_context_dies(self, pki, tls_version, way):
        """
        The contexts and the protocol die with the connection, whichever way it ends: no cycle, no
        timer holds them.
        """
        gc.collect()
        gc.disable()
        try:
            loop = Loop()
            contexts = self.contexts(pki, tls_version)
            connection = Connection(*contexts, loop=loop)
            references = list(map(weakref.ref, contexts + (connection.protocol,)))
            del contexts
            getattr(self, way)(connection)
            assert connection.lower.protocol is None
            connection.remote.transport.abort()
            loop.run()
            # On Python 3 an exception keeps the frames that it went through, these here among them.
            del connection.app.lost[:], connection.outcomes[:]
            del connection
            loop.errors = []
            assert [None, None, None] == [reference() for reference in references]
        finally:
            gc.enable()

    @needs_refcounts
    def test_context_dies_though_transport_is_kept(self, pki, tls_version):
        """An application that keeps its transport after the end does not keep the context."""
        gc.collect()
        gc.disable()
        try:
            contexts = self.contexts(pki, tls_version)
            connection = Connection(*contexts)
            reference = weakref.ref(contexts[0])
            del contexts
            self.abort(connection)
            transport = connection.transport
            del connection
            assert (None, True) == (reference(), transport.is_closing())
        finally:
            gc.enable()


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
