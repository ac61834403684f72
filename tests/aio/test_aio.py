"""`sslproto27.aio` on real loops and sockets, the same on 2.7 and on 3."""
from __future__ import absolute_import, division, print_function

import errno
import gc
import logging
import socket
import ssl
import struct
import weakref

import pytest

from sslproto27 import SSLCertVerificationError, SSLPipe, aio
from sslproto27._aio.compat import framework
from sslproto27._stream.transport import SSLTransport
from sslproto27.aio import From, Return
from tests.support.aio_helpers import PATIENCE, App, Apps, connected_pair, end
from tests.support.leaks import descriptors
from tests.support.memory import PY2, raised, since_python3
from tests.support.pipe_pairs import needs_refcounts

if PY2:
    from trollius import ConnectionAbortedError, ConnectionResetError


class TestTruncation(object):
    def cut(self, aio_loop, run, serve, connect, server_context, **kwargs):
        """Return a client whose server ended TCP, and not TLS, after some data."""
        made = Apps(aio_loop, App)
        client = connect(serve(made, ssl=server_context), **kwargs)
        server, = made.made
        server.transport.write(b'cut sh')
        server.transport._protocol._transport.close()
        end(run, server, client)
        assert b'cut sh' == client.data
        return client

    def test_ragged_eof(self, aio_loop, run, serve, connect, server_context):
        """An EOF without close_notify is connection_lost(SSLEOFError), after the data."""
        client = self.cut(aio_loop, run, serve, connect, server_context)
        assert ssl.SSLEOFError is type(client.over.result())
        assert 'eof_received' not in client.names

    def test_suppressed(self, aio_loop, run, serve, connect, server_context):
        """suppress_ragged_eofs takes it for a clean end."""
        client = self.cut(aio_loop, run, serve, connect, server_context, suppress_ragged_eofs=True)
        assert (None, True) == (client.over.result(), 'eof_received' in client.names)

    @pytest.mark.parametrize('loops, own, expected', [
        (True, None, True), (True, False, False), (False, True, True)])
    def test_setting_of_the_loop(self, aio_loop, run, serve, connect, server_context, loops, own,
                                 expected):
        """The loop's setting holds where a connection has none of its own."""
        aio_loop.suppress_ragged_eofs = loops
        client = self.cut(aio_loop, run, serve, connect, server_context, suppress_ragged_eofs=own)
        assert expected is (client.over.result() is None)
        assert expected is ('eof_received' in client.names)

    def test_setting_of_the_loop_for_start_tls(self, aio_loop, run, client_context, server_context):
        """The loop's setting holds for connections that are upgraded, too."""
        aio_loop.suppress_ragged_eofs = True
        client, server = App(aio_loop), App(aio_loop)
        run(connected_pair(aio_loop, client, server))
        lower = server.transport
        run(aio.gather(
            aio_loop.start_tls(client.transport, client, client_context,
                               server_hostname='localhost'),
            aio_loop.start_tls(server.transport, server, server_context, server_side=True)))
        lower.close()
        run(aio.gather(client.over, server.over))
        assert 'eof_received' in client.names

    def test_setting_of_the_process(self):
        """install() has it for the loops of its policy and of run(); later calls change it."""
        @aio.coroutine
        def setting():
            yield None
            raise Return(aio.get_event_loop().suppress_ragged_eofs)
        assert False is aio.run(setting())
        try:
            for expected in (True, False):
                aio.install(suppress_ragged_eofs=expected)
                assert expected is aio.run(setting())
                loop = aio.new_event_loop()
                loop.close()
                assert expected is loop.suppress_ragged_eofs
        finally:
            aio.uninstall()

    def test_stream(self, aio_loop, run, client_context, server_context):
        """A reader raises SSLEOFError rather than end as if all had come."""
        @aio.coroutine
        def answer(reader, writer):
            writer.write(b'cut sh')
            yield None  # until it is sent
            writer.transport._protocol._transport.close()

        @aio.coroutine
        def talk():
            server = yield From(aio.start_server(answer, '127.0.0.1', 0, ssl=server_context))
            reader, writer = yield From(aio.open_connection(
                *server.sockets[0].getsockname(), ssl=client_context, server_hostname='localhost'))
            try:
                outcome = yield From(reader.read())
            except ssl.SSLEOFError:
                outcome = 'error'
            server.close()
            raise Return(outcome)
        assert 'error' == run(talk())


class TestFailures(object):
    @pytest.mark.parametrize('name, trust', [('other.example.org', 'ca'),
                                             ('localhost', 'stranger-ca')])
    def test_certificate(self, aio_loop, run, serve, pki, tls_version, name, trust):
        """A wrong name and an unknown authority reach the caller, who is told where they were."""
        made, client = Apps(aio_loop), App(aio_loop)
        port = serve(made, ssl=pki.server_context('ecdsa', version=tls_version))
        error = raised(run, aio_loop.create_connection(
            lambda: client, '127.0.0.1', port, server_hostname=name,
            ssl=pki.client_context(version=tls_version, trust=trust)))
        assert (SSLCertVerificationError, []) == (type(error), client.names)
        assert str(error).endswith(' (peer: %s, 127.0.0.1:%d)' % (name, port))

    def test_address_is_named_once(self, aio_loop, run, serve, pki):
        """A server that has no other name than its address is not named twice."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('ecdsa'))
        error = raised(run, aio_loop.create_connection(
            lambda: App(aio_loop), '127.0.0.1', port, ssl=pki.client_context(trust='stranger-ca')))
        assert str(error).endswith(' (peer: 127.0.0.1:%d)' % port)

    def test_no_descriptor_is_left(self, aio_loop, run, serve, pki):
        """After 500 failed handshakes there are as many descriptors as before."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('ecdsa'))
        gc.collect()  # what earlier tests have left
        context, before = pki.client_context(trust='stranger-ca'), descriptors()

        @aio.coroutine
        def fail():
            try:
                yield From(aio_loop.create_connection(
                    lambda: App(aio_loop), '127.0.0.1', port, ssl=context,
                    server_hostname='localhost'))
            except ssl.SSLError:
                raise Return(1)

        @aio.coroutine
        def fail_all():
            count = 0
            for _ in range(50):
                count += sum((yield From(aio.gather(*[fail() for _ in range(10)]))))
            while descriptors() > before:
                yield From(aio.sleep(0.001))
            raise Return(count)
        assert 500 == run(fail_all())

    def test_reset_in_the_handshake(self, aio_loop, run, serve, server_context):
        """A peer's reset in mid-handshake troubles nobody but it: no report, no application."""
        made = Apps(aio_loop)
        port = serve(made, ssl=server_context)
        sock = socket.create_connection(('127.0.0.1', port))
        sock.sendall(b'\x16\x03\x01')
        while not made.made:
            run(aio.sleep(0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        sock.close()
        reference = weakref.ref(made.made[0])
        assert [] == made.made[0].names
        del made.made[:]
        run(aio.sleep(0.01))
        gc.collect()
        assert None is reference()

    @needs_refcounts
    @pytest.mark.parametrize('way', ['success'] + [
        pytest.param(way, marks=since_python3(
            13, "the end of asyncio's own cycle in create_connection, seen on 3.7"))
        for way in ('failure', 'timeout')])
    def test_context_dies(self, aio_loop, run, serve, pki, way):
        """With the collector off the client's context dies with its last connection."""
        port = serve(Apps(aio_loop), ssl=None if way == 'timeout' else pki.server_context('ecdsa'))
        kwargs = dict(ssl_handshake_timeout=0.02) if way == 'timeout' else {}
        context = pki.client_context(trust='stranger-ca' if way == 'failure' else 'ca')
        reference = weakref.ref(context)
        gc.disable()
        try:
            self.use(aio_loop, run, port, context, kwargs)
            del context
            for _ in range(20):
                run(aio.sleep(0.005))
                if reference() is None:
                    break
            assert None is reference()
        finally:
            gc.enable()

    def use(self, loop, run, port, context, kwargs):
        """Connect, and close; or fail to."""
        client = App(loop)
        try:
            run(loop.create_connection(lambda: client, '127.0.0.1', port, ssl=context,
                                       server_hostname='localhost', **kwargs))
        except EnvironmentError as error:
            error.__traceback__ = None  # its frames hold the context
        else:
            client.transport.close()
            run(client.over)
        client.transport = None


class TestCoroutines(object):
    """Trollius' style of coroutines, on either framework."""

    def test_return(self, run):
        """Return gives its value; several are a tuple; without it the result is None."""
        @aio.coroutine
        def give(*values):
            yield None
            if values:
                raise Return(*values)
        assert (None, 1, (1, 2)) == (run(give()), run(give(1)), run(give(1, 2)))

    def test_exceptions(self, run):
        """What an awaited coroutine raises can be caught, and goes on if it is not."""
        @aio.coroutine
        def fail():
            yield From(aio.sleep(0))
            raise KeyError('mistake')

        @aio.coroutine
        def catch():
            try:
                yield From(fail())
            except KeyError:
                raise Return('caught')
        assert 'caught' == run(catch())
        assert KeyError is type(raised(run, fail()))

    def test_cancel(self, aio_loop, run):
        """Cancelling raises CancelledError where the coroutine waits."""
        told = []

        @aio.coroutine
        def wait():
            try:
                yield From(aio.Future(loop=aio_loop))
            except aio.CancelledError:
                told.append('cancelled')
                raise

        @aio.coroutine
        def cancel():
            task = aio.ensure_future(wait())
            yield None
            task.cancel()
            try:
                yield From(task)
            except aio.CancelledError:
                raise Return('over')
        assert ('over', ['cancelled']) == (run(cancel()), told)

    def test_run(self):
        """aio.run makes a loop, runs a coroutine on it, closes it, and returns the result."""
        loops = []

        @aio.coroutine
        def main():
            loops.append(aio.get_event_loop())
            yield None
            raise Return('result')
        assert 'result' == aio.run(main())
        assert (aio.SelectorEventLoop, True) == (type(loops[0]), loops[0].is_closed())


class Breaker(App):
    """
    A peer that does TLS by hand; to its flight with Finished it adds a record that is bad.

    Args:
        pipe (SSLPipe): its side of TLS.
        flight (int): which of its flights has Finished.
    """

    def __init__(self, loop, pipe, flight):
        super(Breaker, self).__init__(loop)
        self.pipe, self.flight = pipe, flight

    def connection_made(self, transport):
        """Begin."""
        super(Breaker, self).connection_made(transport)
        self.pipe.do_handshake()
        self.say()

    def data_received(self, data):
        """Go on."""
        self.pipe.feed_ssldata(data)
        self.say()

    def say(self):
        """Send a flight."""
        flight = self.pipe.data_to_send()
        self.flight -= bool(flight)
        if flight and not self.flight:
            if self.pipe.established:
                self.pipe.feed_appdata(b'before')
                flight += self.pipe.data_to_send()
            flight += b'\x17\x03\x03\x00\x20' + b'x' * 32
        self.transport.write(flight)


class TestBadRecordBehindFinished(object):
    """A record that is bad, in one segment with the peer's Finished."""

    def check(self, run, app, peer, breaks_established):
        """The application was connected, had what came before, and then lost the connection."""
        error = run(app.over)
        assert ssl.SSLError is type(error)
        assert 'BAD_RECORD_MAC' in error.reason
        assert (b'before' if breaks_established else b'') == app.data
        assert ('connection_made', 'connection_lost') == (app.names[0], app.names[-1])
        run(peer.over)

    def test_server(self, aio_loop, run, serve, client_context, server_context, tls_version):
        """A server has done the handshake, and delivers what came before the bad record."""
        made = Apps(aio_loop, App)
        pipe = SSLPipe(client_context, server_hostname='localhost')
        peer = Breaker(aio_loop, pipe, 2)
        run(aio_loop.create_connection(
            lambda: peer, '127.0.0.1', serve(made, ssl=server_context)))
        run(peer.over)
        self.check(run, made.made[0], peer, tls_version == 'TLSv1.3')

    def test_client(self, aio_loop, run, serve, connect, server_context, tls_version):
        """A client's handshake succeeds, and it gets what came before the bad record."""
        peer = Breaker(aio_loop, SSLPipe(server_context, server_side=True),
                       2 if tls_version == 'TLSv1.2' else 1)
        client = connect(serve(lambda: peer))
        self.check(run, client, peer, tls_version == 'TLSv1.2')


class TestOperators(object):
    """What a server's log says of handshakes that fail."""

    def stranger(self, run, serve, aio_loop, server_context, data):
        """Let somebody send *data*, and be gone; return the peer's address as the log has it."""
        port = serve(Apps(aio_loop), ssl=server_context)
        sock = socket.create_connection(('127.0.0.1', port))
        sock.settimeout(PATIENCE)
        name = '%s:%s' % sock.getsockname()
        sock.sendall(data)
        while run(aio_loop.run_in_executor(None, sock.recv, 1000)):
            pass
        sock.close()
        return name

    @pytest.mark.parametrize('debug', [False, True])
    def test_one_line(self, aio_loop, run, serve, server_context, caplog, debug):
        """A handshake that fails is one warning, with peer and reason, and no error of the loop."""
        aio_loop.set_debug(debug)
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            peer = self.stranger(
                run, serve, aio_loop, server_context, b'GET / HTTP/1.0\r\n\r\n')
        lines = [record for record in caplog.records if 'failed' in record.getMessage()]
        assert [logging.WARNING] == [record.levelno for record in lines]
        text = lines[0].getMessage()
        assert peer in text and 'HTTP_REQUEST' in text
        assert [] == aio_loop.errors

    @pytest.mark.parametrize('way', ['probe', 'cut'])
    def test_gone(self, aio_loop, run, serve, connect, server_context, caplog, way):
        """A peer that is just gone is no warning."""
        made = Apps(aio_loop)
        port = serve(made, ssl=server_context)
        with caplog.at_level(logging.INFO, 'sslproto27'):
            gone = connect(port, ssl=None)
            gone.transport.write(b'' if way == 'probe' else b'\x16\x03')
            gone.transport.close()
            end(run, gone)
            client = connect(port)  # the server has seen the other one by now
            client.transport.close()
            end(run, client)
        assert [] == [record.getMessage() for record in caplog.records]

    def test_name(self, aio_loop, run, serve, client_context, server_context, caplog):
        """On 2.7 the line has the server name that the client has asked for."""
        port = serve(Apps(aio_loop), ssl=server_context)
        error = raised(run, aio_loop.create_connection(
            lambda: App(aio_loop), '127.0.0.1', port, ssl=client_context,
            server_hostname='elsewhere.example'))
        assert SSLCertVerificationError is type(error)
        while not caplog.records:
            run(aio.sleep(0))
        text = caplog.records[-1].getMessage()
        assert 'failed' in text
        assert PY2 is ("asked for 'elsewhere.example'" in text)

    def test_awaited(self, aio_loop, run, server_context, caplog):
        """What is raised where somebody waits is not logged as well."""
        ours, theirs = socket.socketpair()
        theirs.sendall(b'GET / HTTP/1.0\r\n\r\n')
        error = raised(run, aio_loop.connect_accepted_socket(
            lambda: App(aio_loop), ours, ssl=server_context))
        theirs.close()
        assert isinstance(error, ssl.SSLError)
        assert [] == caplog.records


class TestClasses(object):
    """What is ours belongs to the framework's classes, and to those that 2.7 has."""

    @pytest.mark.parametrize('debug', [False, True])
    def test_transport(self, aio_loop, run, serve, connect, server_context, debug):
        """A TLS transport is one of the framework's transports; it has weak references."""
        aio_loop.set_debug(debug)
        made = Apps(aio_loop)
        client = connect(serve(made, ssl=server_context))
        for transport in (client.transport, made.made[0].transport):
            assert isinstance(transport, framework.Transport)
            assert isinstance(transport, SSLTransport)
            assert transport is weakref.ref(transport)()
        client.transport.close()
        end(run, client, made.made[0])

    def failure(self, run, talk, cls):
        """What *talk* ends in has to be of *cls*, and a socket.error."""
        error = raised(run, talk)
        assert isinstance(error, cls)
        assert isinstance(error, socket.error)
        return error

    @pytest.mark.parametrize('how', ['FIN', 'RST'])
    def test_lost(self, aio_loop, run, serve, client_context, how):
        """A handshake that is lost is ConnectionResetError, and a socket.error."""
        class Leaver(App):
            def data_received(self, data):
                if how == 'RST':
                    self.transport.get_extra_info('socket').setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                    self.transport.abort()
                self.transport.close()
        self.failure(run, aio_loop.create_connection(
            lambda: App(aio_loop), '127.0.0.1', serve(lambda: Leaver(aio_loop)),
            ssl=client_context, server_hostname='localhost'), ConnectionResetError)

    def test_late(self, aio_loop, run, serve, client_context):
        """A handshake that takes too long is ConnectionAbortedError, and a socket.error."""
        made = Apps(aio_loop, App)
        error = self.failure(run, aio_loop.create_connection(
            lambda: App(aio_loop), '127.0.0.1', serve(made), ssl=client_context,
            server_hostname='localhost', ssl_handshake_timeout=0.05), ConnectionAbortedError)
        assert errno.ECONNABORTED == error.errno
        end(run, made.made[0])

    def test_closing(self, aio_loop, run, client_context):
        """start_tls on a transport that is closing is ConnectionResetError, and a socket.error."""
        client, server = App(aio_loop), App(aio_loop)
        run(connected_pair(aio_loop, client, server))
        client.transport.close()
        self.failure(run, aio_loop.start_tls(
            client.transport, client, client_context, server_hostname='localhost'),
            ConnectionResetError)
        end(run, client, server)

    def test_awaited(self, aio_loop, run):
        """A wrong argument is an error where the coroutine is awaited, not where it is made."""
        for call in (aio_loop.create_connection, aio_loop.create_server, aio_loop.start_tls,
                     aio_loop.create_unix_server, aio_loop.create_unix_connection):
            coroutine = call(App, 'there', 0, ssl=object()) if call != aio_loop.start_tls else call(
                object(), App, object())
            assert framework.iscoroutine(coroutine)
            assert TypeError is type(raised(run, coroutine))
