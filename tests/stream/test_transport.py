"""`SSLTransport`: what the application writes to and reads from, in memory."""
from __future__ import absolute_import, division, print_function

import errno
import socket

import pytest

from sslproto27 import SSLObject
from sslproto27._stream import app_protocol
from sslproto27._stream.transport import StandaloneTransport
from tests.support.engines import ENGINE
from tests.support.loops import App, Connection, ModernTransport, Transport
from tests.support.memory import SPLITS, Pair, raised
from tests.support.pipe_pairs import pattern


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

    @pytest.mark.parametrize('side', ['client', 'server'])
    @pytest.mark.parametrize('name', sorted(app_protocol._EXTRA))
    def test_every_name(self, client_context, server_context, name, side):
        """No name raises, on either side and with either engine; what it lacks is the default."""
        contexts = [client_context, server_context]
        if side == 'server':
            contexts.reverse()
        transport = Connection(*contexts, server_side=side == 'server').handshake().transport
        default = object()
        found = transport.get_extra_info(name, default)
        lacks = ENGINE == 'pair' and (name, side) in (
            ('session', 'client'), ('session', 'server'), ('session_reused', 'server'))
        settled = {'sslcontext', 'ssl_object', 'cipher', 'tls_version', 'session_reused'}
        if side == 'client':
            settled |= {'peercert', 'server_hostname'}
        if lacks:
            assert found is default
        elif name in settled:
            assert found is not default and found is not None

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
        assert (StandaloneTransport, True) == (type(transport), transport._start_tls_compatible)
        assert not hasattr(transport, '__dict__')
