"""`sslproto27.aio` on real loops and sockets, the same on 2.7 and on 3."""
from __future__ import absolute_import, division, print_function

import errno
import gc
import logging
import os
import socket
import ssl
import struct
import weakref

import pytest

from sslproto27 import SSLCertVerificationError, SSLPipe, SSLProtocol, aio
from sslproto27._aio import framework
from sslproto27._stream.transport import SSLTransport
from sslproto27.aio import From, Return
from tests.support.aio_helpers import PATIENCE, App, Echo, connected_pair
from tests.support.leaks import descriptors
from tests.support.memory import PY2, raised, since_python3
from tests.support.pipe_pairs import needs_refcounts, pattern

if PY2:
    import trollius

    import sslproto27.trollius
    from trollius import ConnectionAbortedError, ConnectionResetError

MEGABYTE = 1024 * 1024


@pytest.fixture
def server_context(pki, tls_version):
    """A server's context of one TLS version, whose key makes for quick handshakes."""
    return pki.server_context('ecdsa', version=tls_version)


@pytest.fixture
def connect(aio_loop, run, client_context):
    """A function that connects an application, of `App` unless given, to a port of this host."""
    def make(port, app=None, **kwargs):
        app = app or App(aio_loop)
        kwargs.setdefault('ssl', client_context)
        if kwargs['ssl']:
            kwargs.setdefault('server_hostname', 'localhost')
        run(aio_loop.create_connection(lambda: app, '127.0.0.1', port, **kwargs))
        return app
    return make


class Apps(object):
    """A protocol factory that keeps what it makes."""

    def __init__(self, loop, cls=Echo, **kwargs):
        self.make, self.made = lambda: cls(loop, **kwargs), []

    def __call__(self):
        app = self.make()
        self.made.append(app)
        return app


def end(run, *apps):
    """Wait until the connections of *apps* are over; return what they were told."""
    return [run(app.over) for app in apps]


class TestConnections(object):
    def test_echo(self, aio_loop, run, serve, connect, server_context, tls_version):
        """create_connection and create_server carry TLS by our own protocol, on both sides."""
        made = Apps(aio_loop)
        client = connect(serve(made, ssl=server_context))
        client.transport.write(b'hello')
        run(client.has(5))
        for app in (client, made.made[0]):
            assert tls_version == app.transport.get_extra_info('tls_version')
            assert isinstance(app.transport._protocol, SSLProtocol)
            assert '127.0.0.1' == app.transport.get_extra_info('peername')[0]
        client.transport.close()
        assert [None, None] == end(run, client, made.made[0])

    @pytest.mark.parametrize('name', ['connection_made', 'data_received', 'eof_received'])
    def test_callback_that_raises(self, aio_loop, run, serve, connect, server_context, name):
        """It is reported; then Trollius' TLS goes on, and asyncio's ends: each as its own does."""
        def fail(self, *args):
            getattr(Echo, name)(self, *args)
            setattr(self, name, lambda *args: getattr(Echo, name)(self, *args))
            raise KeyError('mistake')

        made = Apps(aio_loop, type('Failing', (Echo,), {name: fail}))
        client, port = App(aio_loop), serve(made, ssl=server_context)
        try:
            connect(port, client)
            client.transport.write(b'bad')
        except EnvironmentError:  # the server has aborted before the client was done, in TLS 1.2
            assert not PY2 and name == 'connection_made'
        if PY2:
            run(client.has(3))
            client.transport.write(b'good')
            run(client.has(7))
        if PY2 or name == 'eof_received':
            client.transport.close()
        outcome = end(run, made.made[0])[0]
        if client.transport is not None:
            client.transport.abort()
        errors = [error['exception'] for error in aio_loop.errors]
        del aio_loop.errors[:]
        assert [KeyError] == [type(error) for error in errors]
        assert outcome is (None if PY2 else errors[0])

    def test_unix(self, aio_loop, run, folder, client_context, server_context):
        """The unix twins carry TLS, too."""
        path, made = os.path.join(folder, 'socket'), Apps(aio_loop)
        server = run(aio_loop.create_unix_server(made, path, ssl=server_context))
        client = App(aio_loop)
        run(aio_loop.create_unix_connection(
            lambda: client, path, ssl=client_context, server_hostname='localhost'))
        client.transport.write(b'hello')
        run(client.has(5))
        client.transport.close()
        assert [None, None] == end(run, client, made.made[0])
        server.close()

    @pytest.mark.parametrize('tls', [False, True], ids=['plain', 'TLS'])
    def test_accepted_socket(self, aio_loop, run, client_context, server_context, tls):
        """connect_accepted_socket serves a connection that was accepted elsewhere."""
        ours, theirs = socket.socketpair()
        client, server = App(aio_loop), Echo(aio_loop)
        kwargs = dict(ssl=client_context, server_hostname='localhost') if tls else {}
        theirs.setblocking(False)
        (transport, protocol), _ = run(aio.gather(
            aio_loop.connect_accepted_socket(
                lambda: server, ours, ssl=server_context if tls else None),
            aio_loop.create_unix_connection(lambda: client, sock=theirs, **kwargs)))
        assert (server, server.transport) == (protocol, transport)
        client.transport.write(b'hello')
        run(client.has(5))
        assert tls == (transport.get_extra_info('ssl_object') is not None)
        client.transport.close()
        assert [None, None] == end(run, client, server)

    def test_accepted_stranger(self, aio_loop, run, server_context):
        """Where its handshake fails the caller is told, and the connection is closed."""
        ours, theirs = socket.socketpair()
        theirs.sendall(b'GET / HTTP/1.0\r\n\r\n')
        error = raised(run, aio_loop.connect_accepted_socket(
            lambda: App(aio_loop), ours, ssl=server_context))
        assert (ssl.SSLError, 'HTTP_REQUEST') == (type(error), error.reason)
        theirs.settimeout(PATIENCE)
        while theirs.recv(100):  # the alert, then the end
            pass
        theirs.close()

    def test_given_socket(self, aio_loop, run, serve, connect, client_context, server_context):
        """create_connection speaks TLS over a connected socket of the caller's."""
        port = serve(Apps(aio_loop), ssl=server_context)
        sock = socket.create_connection(('127.0.0.1', port))
        client = App(aio_loop)
        run(aio_loop.create_connection(
            lambda: client, sock=sock, ssl=client_context, server_hostname='localhost'))
        client.transport.write(b'hello')
        run(client.has(5))
        client.transport.close()
        assert [None] == end(run, client)

    def test_many_clients(self, aio_loop, run, serve, connect, pki):
        """Thirty clients, 100 KiB each way, each get their own answer; no descriptor is left."""
        gc.collect()  # what earlier tests have left
        made, before = Apps(aio_loop), descriptors()
        port, context = serve(made, ssl=pki.server_context('ecdsa')), pki.client_context()
        clients = [App(aio_loop) for _ in range(30)]
        run(aio.gather(*[aio_loop.create_connection(
            lambda client=client: client, '127.0.0.1', port, ssl=context,
            server_hostname='localhost') for client in clients]))
        for number, client in enumerate(clients):
            client.transport.write(b'%04d' % number * 25600)
        for number, client in enumerate(clients):
            run(client.has(102400))
            assert b'%04d' % number * 25600 == client.data
            client.transport.close()
        assert [None] * 60 == end(run, *(clients + made.made))
        run(aio.sleep(0))
        assert before + 1 == descriptors()

    def test_idna(self, aio_loop, run, serve, connect, pki, client_context, tls_version):
        """A host name in any language is looked for in its certificate by its A-label."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('idna', version=tls_version))
        client = connect(port, server_hostname=u'b\xfccher.example.org')
        assert 'xn--bcher-kva.example.org' == client.transport.get_extra_info('server_hostname')
        client.transport.close()
        end(run, client)

    def test_full_duplex(self, aio_loop, run, serve, connect, server_context):
        """Both sides send 2 MiB at once, and both get all of it."""
        made, data = Apps(aio_loop, App), pattern(2 * MEGABYTE)
        client = connect(serve(made, ssl=server_context))
        server, = made.made
        client.transport.write(data)
        server.transport.write(data[::-1])
        run(client.has(len(data)))
        run(server.has(len(data)))
        assert (data, data[::-1]) == (server.data, client.data)
        client.transport.close()
        end(run, client, server)

    def test_paused_and_closed(self, aio_loop, run, serve, connect, server_context):
        """4 MiB that are written to a peer that reads nothing, then close(): all arrives."""
        made, data = Apps(aio_loop, App), pattern(4 * MEGABYTE)
        client = connect(serve(made, ssl=server_context))
        server, = made.made
        server.transport.pause_reading()
        client.transport.write(data)
        client.transport.close()
        run(aio.sleep(0))
        server.transport.resume_reading()
        assert [None, None] == end(run, client, server)
        assert data == server.data

    def test_ends_while_paused(self, aio_loop, run, serve, connect, server_context):
        """Data and the end that come while reading is paused are delivered on resume."""
        made = Apps(aio_loop, App)
        client = connect(serve(made, ssl=server_context))
        server, = made.made
        client.transport.pause_reading()
        server.transport.write(b'last')
        server.transport.close()
        run(aio.sleep(0.02))
        assert ['connection_made'] == client.names
        client.transport.resume_reading()
        assert [None, None] == end(run, client, server)
        assert (b'last', ['connection_made', 'data_received', 'eof_received',
                          'connection_lost']) == (client.data, client.names)

    def test_half_closed(self, aio_loop, run, serve, connect, server_context):
        """A peer that has ended its side still gets the answer."""
        made = Apps(aio_loop, App, keep_open=True)
        client = connect(serve(made, ssl=server_context), App(aio_loop))
        server, = made.made
        unwrapping = client.transport.unwrap()  # sends close_notify, and still takes data
        while 'eof_received' not in server.names:
            run(aio.sleep(0))
        server.transport.write(b'the answer')
        server.transport.close()
        run(client.has(10))
        lower, _ = run(unwrapping)
        lower.close()
        assert [None, None] == end(run, client, server)
        assert b'the answer' == client.data

    def test_stream_answers_after_the_end(self, aio_loop, run, client_context, server_context):
        """A stream's reader ends at the peer's close_notify; its writer can still answer."""
        @aio.coroutine
        def answer(reader, writer):
            data = yield From(reader.read())
            writer.write(data.upper())
            writer.close()

        @aio.coroutine
        def talk():
            server = yield From(aio.start_server(answer, '127.0.0.1', 0, ssl=server_context))
            client = App(aio_loop)
            yield From(aio_loop.create_connection(
                lambda: client, *server.sockets[0].getsockname(), ssl=client_context,
                server_hostname='localhost'))
            client.transport.write(b'question')
            transport_and_rest = client.transport.unwrap()
            yield From(client.has(8))
            yield From(transport_and_rest)
            client.transport.abort()
            transport_and_rest.result()[0].close()
            yield From(client.over)
            server.close()
            raise Return(client.data)
        assert b'QUESTION' == run(talk())

    @pytest.mark.parametrize('reads_to_the_end', [True, False])
    @pytest.mark.parametrize('start_server', [
        pytest.param(aio.start_server, id='ours'),
        pytest.param(framework.start_server, id='framework', marks=pytest.mark.skipif(
            not PY2, reason="asyncio's own streams end TLS at the peer's end, always"))])
    def test_handler_that_closes_nothing(self, aio_loop, run, client_context, server_context,
                                         start_server, reads_to_the_end, request):
        """Once the peer has ended TLS and the handler is over, TLS ends; not before."""
        aio.install()
        request.addfinalizer(aio.uninstall)
        aio.set_event_loop(aio_loop)  # of the new policy, too

        @aio.coroutine
        def handle(reader, writer):
            yield From(reader.read() if reads_to_the_end else reader.readexactly(8))
            writer.write(b'answer')

        @aio.coroutine
        def talk():
            server = yield From(start_server(handle, '127.0.0.1', 0, ssl=server_context))
            client = App(aio_loop)
            yield From(aio_loop.create_connection(
                lambda: client, *server.sockets[0].getsockname(), ssl=client_context,
                server_hostname='localhost'))
            client.transport.write(b'question')
            if not reads_to_the_end:
                yield From(client.has(6))
            below, rest = yield From(client.transport.unwrap())
            below.abort()
            server.close()
            raise Return((client.data, rest))
        assert (b'answer', b'') == run(talk())

    def test_plain_handler(self, aio_loop, run):
        """Without TLS a connection outlives its handler, and can be used after the peer's end."""
        writers = []

        @aio.coroutine
        def handle(reader, writer):
            writers.append(writer)
            yield From(reader.read())

        @aio.coroutine
        def talk():
            server = yield From(aio.start_server(handle, '127.0.0.1', 0))
            reader, writer = yield From(aio.open_connection(*server.sockets[0].getsockname()))
            writer.write_eof()
            yield From(aio.sleep(.05))
            writers[0].write(b'late')
            writers[0].close()
            data = yield From(reader.read())
            writer.close()
            server.close()
            raise Return(data)
        assert b'late' == run(talk())

    @pytest.mark.parametrize('is_coroutine', [False, True])
    def test_unix_streams(self, aio_loop, run, folder, client_context, server_context,
                          is_coroutine):
        """Streams over unix sockets carry TLS; who serves them may be a plain function."""
        path = os.path.join(folder, 'socket')

        def greet(reader, writer):
            writer.write(b'hello\n')
            writer.close()

        @aio.coroutine
        def greet_later(reader, writer):
            yield None
            greet(reader, writer)

        @aio.coroutine
        def talk():
            server = yield From(aio.start_unix_server(
                greet_later if is_coroutine else greet, path, ssl=server_context))
            reader, writer = yield From(aio.open_unix_connection(
                path, ssl=client_context, server_hostname='localhost'))
            received = yield From(reader.read())
            writer.close()
            for waiter in [aio.ensure_future(writer.wait_closed()) for _ in range(2)]:
                yield From(waiter)
            yield From(writer.wait_closed())
            server.close()
            raise Return(received)
        assert b'hello\n' == run(talk())


class TestReader(object):
    @pytest.mark.parametrize('turns', range(5))
    def test_data_as_it_waits(self, aio_loop, run, turns):
        """Data is returned by the read that is going on, however far that has come."""
        reader = aio.StreamReader(loop=aio_loop)

        @aio.coroutine
        def read():
            raise Return((yield From(reader.read(1))))
        task = aio.ensure_future(read())
        for _ in range(turns):
            aio_loop.call_soon(aio_loop.stop)
            aio_loop.run_forever()
        reader.feed_data(b'xy')
        assert b'x' == run(task)

    def test_two_at_once(self, aio_loop, run):
        """A second read while one waits is RuntimeError, and does not disturb the first."""
        reader = aio.StreamReader(loop=aio_loop)

        @aio.coroutine
        def read():
            raise Return((yield From(reader.read(1))))
        first = aio.ensure_future(read())
        assert RuntimeError is type(raised(run, read()))
        reader.feed_data(b'x')
        assert b'x' == run(first)

    @pytest.mark.parametrize('turns', range(5))
    def test_error_as_it_waits(self, aio_loop, run, turns):
        """An error is raised by the read that is going on, however far that has come."""
        reader = aio.StreamReader(loop=aio_loop)

        @aio.coroutine
        def read():
            try:
                yield From(reader.read(1))
            except ssl.SSLEOFError:
                raise Return('error')
        task = aio.ensure_future(read())
        for _ in range(turns):
            aio_loop.call_soon(aio_loop.stop)
            aio_loop.run_forever()
        reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        assert 'error' == run(task)

    @pytest.fixture
    def cut(self, aio_loop):
        """A reader of a connection that was cut after a line and a half."""
        reader = aio.StreamReader(loop=aio_loop)
        reader.feed_data(b'line\nand')
        reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        return reader

    def test_lines_before_an_error(self, cut, run):
        """What has arrived before an error is handed out, in lines or pieces, then the error."""
        assert b'line\n' == run(cut.readline())
        assert ssl.SSLEOFError is type(raised(run, cut.readline()))
        assert b'an' == run(cut.read(2))
        assert b'd' == run(cut.readexactly(1))
        assert b'' == run(cut.read(0))
        assert ssl.SSLEOFError is type(raised(run, cut.read(1)))
        assert ssl.SSLEOFError is type(cut.exception())

    @pytest.mark.parametrize('name, args', [
        ('read', ()), ('readexactly', (9,)), ('readexactly', (100,))])
    def test_what_an_error_leaves(self, cut, run, name, args):
        """A call that needs more raises the error, and leaves the data to one that does not."""
        for _ in range(2):
            assert ssl.SSLEOFError is type(raised(run, getattr(cut, name)(*args)))
        assert b'line\nand' == run(cut.read(100))

    @pytest.mark.parametrize('name, args', [('read', ()), ('readexactly', (9,)), ('readline', ())])
    @pytest.mark.parametrize('how', ['error', 'cancel'])
    def test_what_a_wait_leaves(self, aio_loop, run, name, args, how):
        """A call that fails, or is cancelled, as it waits leaves what it had to the next one."""
        reader = aio.StreamReader(loop=aio_loop)
        task = aio.ensure_future(getattr(reader, name)(*args))
        for piece in (b'one', b' two'):
            reader.feed_data(piece)
            for _ in range(3):
                run(aio.sleep(0))
        if how == 'error':
            reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        else:
            task.cancel()
        with pytest.raises(ssl.SSLEOFError if how == 'error' else aio.CancelledError):
            run(task)
        assert b'one two' == run(reader.read(100))

    @pytest.mark.parametrize('name, args, expected', [
        ('read', (), b'a line\nrest'), ('read', (4,), b'a li'), ('readexactly', (8,), b'a line\nr'),
        ('readline', (), b'a line\n')])
    def test_pieces(self, aio_loop, run, name, args, expected):
        """Each call puts together what comes byte by byte."""
        reader = aio.StreamReader(loop=aio_loop)
        if name == 'read' and args:
            reader.feed_data(b'a li')
        task = aio.ensure_future(getattr(reader, name)(*args))
        for index in range(0 if reader._buffer else 11):
            reader.feed_data(b'a line\nrest'[index:index + 1])
            run(aio.sleep(0))
        reader.feed_eof()
        assert expected == run(task)

    def test_the_end(self, aio_loop, run):
        """At the end there is what is left, then nothing; readexactly says how much it had."""
        reader = aio.StreamReader(loop=aio_loop)
        reader.feed_data(b'rest')
        reader.feed_eof()
        assert b're' == run(reader.read(2))
        error = raised(run, reader.readexactly(3))
        assert (b'st', 3) == (error.partial, error.expected)
        assert [b'', b'', b''] == [run(reader.readline()), run(reader.read()), run(reader.read(1))]

    def test_long_lines(self, aio_loop, run):
        """A line beyond the limit is ValueError, whether its end has come or not."""
        reader = aio.StreamReader(limit=4, loop=aio_loop)
        reader.feed_data(b'12345\nab\n67890')
        assert ValueError is type(raised(run, reader.readline()))
        assert b'ab\n' == run(reader.readline())
        assert ValueError is type(raised(run, reader.readline()))


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


class TestOptions(object):
    def test_handshake_timeout(self, aio_loop, run, serve, client_context):
        """A silent server fails the connection after ssl_handshake_timeout; it sees the end."""
        made = Apps(aio_loop, App)
        port = serve(made)
        error = raised(run, aio_loop.create_connection(
            lambda: App(aio_loop), '127.0.0.1', port, ssl=client_context,
            server_hostname='localhost', ssl_handshake_timeout=0.05))
        assert isinstance(error, EnvironmentError)
        assert errno.ECONNABORTED == error.errno
        assert '0.05' in str(error)
        end(run, made.made[0])

    def test_servers_handshake_timeout(self, aio_loop, run, serve, connect, server_context):
        """A server drops a client that never shakes hands; its application is told of nothing."""
        made = Apps(aio_loop, App)
        port = serve(made, ssl=server_context, ssl_handshake_timeout=0.05)
        silent = connect(port, ssl=None)
        end(run, silent)
        assert [] == made.made[0].names

    @pytest.mark.parametrize('timeout', [0, 0.05])
    def test_shutdown_timeout(self, aio_loop, run, serve, connect, server_context, timeout):
        """A peer that never answers close_notify is left after ssl_shutdown_timeout; 0: at once."""
        made = Apps(aio_loop, App)
        client = connect(serve(made, ssl=server_context), ssl_shutdown_timeout=timeout)
        server, = made.made
        server.transport.pause_reading()
        client.transport.close()
        assert [None] == end(run, client)
        server.transport.abort()
        end(run, server)

    def test_session(self, aio_loop, run, serve, connect, pki, tls_version):
        """A session read from one connection is resumed by the next."""
        made = Apps(aio_loop)
        port = serve(made, ssl=pki.server_context('ecdsa', version=tls_version))
        context = pki.client_context(version=tls_version)
        reused, session = [], None
        for _ in range(2):
            client = connect(port, ssl=context, session=session)
            client.transport.write(b'x')
            run(client.has(1))
            session = client.transport.get_extra_info('session')
            reused.append(client.transport.get_extra_info('session_reused'))
            client.transport.close()
            end(run, client)
        assert [False, True] == reused

    @pytest.mark.parametrize('name, value', [
        ('ssl_handshake_timeout', 1), ('ssl_shutdown_timeout', 1), ('session', object()),
        ('suppress_ragged_eofs', True)])
    def test_without_tls(self, aio_loop, run, folder, name, value):
        """Options of TLS without TLS are ValueError that names them, whatever takes them."""
        sock = socket.socket()
        option = {name: value}
        for call, args in (
                (aio_loop.create_connection, (App, '127.0.0.1', 1)),
                (aio_loop.create_server, (App, '127.0.0.1', 0)),
                (aio_loop.create_unix_connection, (App, folder)),
                (aio_loop.create_unix_server, (App, folder)),
                (aio_loop.connect_accepted_socket, (App, sock)),
                (aio.open_connection, ('127.0.0.1', 1)),
                (aio.start_server, (None, '127.0.0.1', 0))):
            error = raised(run, call(*args, **option))
            assert (ValueError, True) == (type(error), name in str(error))
        sock.close()

    @pytest.mark.parametrize('value, error', [(0, ValueError), (-1, ValueError), ('1', TypeError)])
    def test_wrong_timeout(self, aio_loop, run, server_context, value, error):
        """A handshake timeout that makes no sense is refused before there is a connection."""
        for call, kwargs in ((aio_loop.create_server, {}),
                             (aio_loop.create_connection, dict(server_hostname='localhost'))):
            assert error is type(raised(run, call(App, '127.0.0.1', 0, ssl=server_context,
                                                  ssl_handshake_timeout=value, **kwargs)))

    def test_server_needs_a_context(self, aio_loop, run):
        """ssl=True is TypeError for servers: they need a certificate."""
        sock = socket.socket()
        for call, args in ((aio_loop.create_server, (App, '127.0.0.1', 0)),
                           (aio_loop.create_unix_server, (App, 'socket')),
                           (aio_loop.connect_accepted_socket, (App, sock))):
            assert TypeError is type(raised(run, call(*args, ssl=True)))
        sock.close()

    @pytest.mark.parametrize('context', ['text', object(), 7])
    def test_no_context(self, aio_loop, run, context):
        """What is no context is TypeError."""
        for call in (aio_loop.create_server, aio_loop.create_connection):
            assert TypeError is type(raised(run, call(App, '127.0.0.1', 0, ssl=context)))

    def test_host_name(self, aio_loop, run, client_context):
        """server_hostname without ssl, and ssl with neither it nor a host, are ValueError."""
        assert ValueError is type(raised(run, aio_loop.create_connection(
            App, '127.0.0.1', 1, server_hostname='localhost')))
        assert ValueError is type(raised(run, aio_loop.create_connection(
            App, None, 1, ssl=client_context)))
        assert ValueError is type(raised(run, aio_loop.create_unix_connection(
            App, 'socket', ssl=client_context)))

    def test_no_host_name_to_check(self, aio_loop, run, serve, connect, pki, tls_version):
        """server_hostname='' checks no name."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('other', version=tls_version))
        client = connect(port, server_hostname='')
        client.transport.close()
        end(run, client)

    def test_default_context(self, aio_loop, run, serve, pki):
        """ssl=True verifies certificate and name."""
        port = serve(Apps(aio_loop), ssl=pki.server_context('ecdsa'))
        error = raised(run, aio_loop.create_connection(
            lambda: App(aio_loop), 'localhost', port, ssl=True, family=socket.AF_INET))
        assert SSLCertVerificationError is type(error)

    def test_wrong_host_name(self, aio_loop, run, client_context):
        """A server_hostname that no host can have is refused, and the connection is closed."""
        ours, theirs = socket.socketpair()
        with pytest.raises(ValueError):
            run(aio_loop.create_connection(
                lambda: App(aio_loop), sock=ours, ssl=client_context, server_hostname=u'a..b'))
        theirs.settimeout(PATIENCE)
        assert b'' == theirs.recv(1)
        theirs.close()

    def test_tls_socket(self, aio_loop, run, client_context, server_context):
        """connect_accepted_socket takes no socket that does TLS itself."""
        sock = client_context.wrap_socket(socket.socket(), server_hostname='localhost')
        error = raised(run, aio_loop.connect_accepted_socket(App, sock, ssl=server_context))
        sock.close()
        assert (ValueError, True) == (type(error), 'plain socket' in str(error))

    def test_datagram_socket(self, aio_loop, run, server_context):
        """connect_accepted_socket takes stream sockets alone."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        error = raised(run, aio_loop.connect_accepted_socket(App, sock, ssl=server_context))
        sock.close()
        assert ValueError is type(error)


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
        assert str(error).endswith(' (with %s, 127.0.0.1:%d)' % (name, port))

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


class TestPolicy(object):
    def test_install(self):
        """install makes new loops ours, as often as it is called; uninstall undoes it."""
        for _ in range(2):
            aio.install()
            loop = aio.new_event_loop()
            loop.close()
            assert aio.SelectorEventLoop is type(loop)
        for _ in range(2):
            aio.uninstall()
        loop = aio.new_event_loop()
        loop.close()
        assert aio.SelectorEventLoop is not type(loop)


class TestReaduntil(object):
    """StreamReader.readuntil, which asyncio has and Trollius lacks."""

    @pytest.fixture(params=['ours'] + ["Trollius'"] * PY2)
    def reader(self, request, aio_loop):
        """A reader with a limit of 10 bytes: ours, and Trollius' own after install()."""
        if request.param == 'ours':
            yield aio.StreamReader(limit=10, loop=aio_loop)
            return
        sslproto27.trollius.install()
        aio.set_event_loop(aio_loop)  # of the new policy, too
        yield trollius.StreamReader(limit=10, loop=aio_loop)
        sslproto27.trollius.uninstall()

    def feed_later(self, aio_loop, reader, *chunks):
        """Feed *chunks*, each in a turn of its own; None is the end."""
        for number, chunk in enumerate(chunks):
            call = reader.feed_eof if chunk is None else reader.feed_data
            aio_loop.call_later(number * 0.001, call, *([] if chunk is None else [chunk]))

    @pytest.mark.parametrize('chunks', [
        [b'one\r\ntwo\r\n'], [b'one\r', b'\ntwo', b'\r\n'],
        [b'o', b'n', b'e', b'\r', b'\n', b't', b'w', b'o', b'\r', b'\n']])
    def test_split(self, aio_loop, run, reader, chunks):
        """A separator is found however it arrives; what follows stays."""
        self.feed_later(aio_loop, reader, *chunks)
        assert b'one\r\n' == run(reader.readuntil(b'\r\n'))
        assert b'two\r\n' == run(reader.readuntil(separator=b'\r\n'))

    def test_default(self, aio_loop, run, reader):
        """Unless told otherwise it reads a line."""
        reader.feed_data(b'a\nb')
        assert b'a\n' == run(reader.readuntil())

    def test_end(self, aio_loop, run, reader):
        """At the end IncompleteReadError has what was left, which is taken."""
        self.feed_later(aio_loop, reader, b'rest', None)
        error = raised(run, reader.readuntil(b'|'))
        assert (aio.IncompleteReadError, b'rest', None) == (
            type(error), error.partial, error.expected)
        assert b'' == run(reader.read())

    def test_end_with_separator(self, run, reader):
        """What is complete is returned at the end, too."""
        reader.feed_data(b'last|')
        reader.feed_eof()
        assert b'last|' == run(reader.readuntil(b'|'))

    @pytest.mark.parametrize('chunks, consumed', [
        ([b'01234567890123456'], 17), ([b'01234567890123456|'], 17), ([b'0123456789', b'012'], 13)])
    def test_limit(self, aio_loop, run, reader, chunks, consumed):
        """Beyond the limit it is LimitOverrunError, which says how much to skip; none is lost."""
        self.feed_later(aio_loop, reader, *chunks)
        error = raised(run, reader.readuntil(b'|'))
        assert (aio.LimitOverrunError, consumed) == (type(error), error.consumed)
        assert b''.join(chunks)[:consumed] == run(reader.readexactly(consumed))

    def test_at_the_limit(self, run, reader):
        """Ten bytes before the separator are within a limit of ten."""
        reader.feed_data(b'0123456789||')
        assert b'0123456789||' == run(reader.readuntil(b'||'))

    def test_error(self, aio_loop, run, reader):
        """What ends the connection is raised."""
        aio_loop.call_soon(reader.set_exception, ssl.SSLError('gone'))
        assert ssl.SSLError is type(raised(run, reader.readuntil(b'|')))

    def test_no_separator(self, run, reader):
        """An empty separator is a ValueError."""
        assert ValueError is type(raised(run, reader.readuntil(b'')))
        assert TypeError is type(raised(run, reader.readuntil(None)))
