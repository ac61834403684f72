"""`start_tls` and `unwrap` on real loops, over everything that TLS can run over, on 2.7 and 3."""
from __future__ import absolute_import, division, print_function

import errno
import os
import socket
import ssl

import pytest

from sslproto27 import SSLCertVerificationError, SSLObject, aio
from sslproto27._aio.compat import framework
from sslproto27.aio import From, Return
from tests.support.aio_helpers import App, Echo, connected_pair
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import pattern

MEGABYTE = 1024 * 1024


@pytest.fixture(params=['TCP', 'unix', 'pipes', 'socket pair'])
def connect(request, aio_loop, run, serve, folder):
    """A function that connects two `App`s without TLS, over each kind of transport."""
    def tcp(client, server):
        port = serve(lambda: server)
        run(aio_loop.create_connection(lambda: client, '127.0.0.1', port))

    def unix(client, server):
        path = os.path.join(folder, 'socket')
        listener = run(aio_loop.create_unix_server(lambda: server, path))
        run(aio_loop.create_unix_connection(lambda: client, path))
        listener.close()

    def pipes(client, server):
        ends = [os.pipe(), os.pipe()]
        for app, reading, writing in ((client, ends[0][0], ends[1][1]),
                                      (server, ends[1][0], ends[0][1])):
            run(aio.connect_pipes(lambda app=app: app, os.fdopen(reading, 'rb', 0),
                                  os.fdopen(writing, 'wb', 0)))

    def pair(client, server):
        run(connected_pair(aio_loop, client, server))

    def make(client, server):
        {'TCP': tcp, 'unix': unix, 'pipes': pipes, 'socket pair': pair}[request.param](
            client, server)
        while server.transport is None:
            run(aio.sleep(0))
    return make


@aio.coroutine
def upgrade(loop, client, server, client_context, server_context, **kwargs):
    """Upgrade both ends at once; the applications then have the new transports."""
    kwargs.setdefault('server_hostname', 'localhost')
    tasks = [loop.start_tls(client.transport, client, client_context, **kwargs),
             loop.start_tls(server.transport, server, server_context, server_side=True)]
    client.transport, server.transport = yield From(aio.gather(*tasks))


class TestUpgrade(object):
    def test_echo(self, aio_loop, run, connect, client_context, server_context, tls_version):
        """start_tls returns the TLS transport; data goes both ways, and close is a clean end."""
        client, server = App(aio_loop), Echo(aio_loop)
        connect(client, server)

        @aio.coroutine
        def talk():
            yield From(upgrade(aio_loop, client, server, client_context, server_context))
            client.transport.write(b'hello')
            yield From(client.has(5))
            facts = (client.transport.get_extra_info('tls_version'),
                     isinstance(client.transport.get_extra_info('ssl_object'), SSLObject))
            client.transport.close()
            errors = yield From(aio.gather(client.over, server.over))
            raise Return((facts, errors))
        assert ((tls_version, True), [None, None]) == run(talk())
        assert (b'hello', b'hello') == (client.data, server.data)
        assert ['connection_made', 'data_received', 'connection_lost'] == client.names

    def test_large(self, aio_loop, run, connect, client_context, server_context):
        """4 MiB pass whole both ways, and nothing of them in plaintext."""
        client, server = App(aio_loop), Echo(aio_loop)
        connect(client, server)
        data = pattern(4 * MEGABYTE)

        @aio.coroutine
        def talk():
            yield From(upgrade(aio_loop, client, server, client_context, server_context))
            client.transport.write(data)
            yield From(client.has(len(data)))
            client.transport.close()
            yield From(aio.gather(client.over, server.over))
        run(talk())
        assert data == client.data

    @pytest.mark.parametrize('depth', [2, 3])
    def test_nested(self, aio_loop, run, connect, client_context, server_context, depth):
        """TLS inside of TLS, three deep, carries data both ways and ends cleanly."""
        client, server = App(aio_loop), Echo(aio_loop)
        connect(client, server)
        data = pattern(200000)

        @aio.coroutine
        def talk():
            for _ in range(depth):
                yield From(upgrade(aio_loop, client, server, client_context, server_context))
            client.transport.write(data)
            yield From(client.has(len(data)))
            client.transport.close()
            raise Return((yield From(aio.gather(client.over, server.over))))
        assert [None, None] == run(talk())
        assert data == client.data

    def test_nested_exception(self, aio_loop, run, connect, client_context, server_context):
        """A certificate that fails in the inner TLS reaches the caller as what it is."""
        client, server = App(aio_loop), App(aio_loop)
        connect(client, server)

        @aio.coroutine
        def talk():
            yield From(upgrade(aio_loop, client, server, client_context, server_context))
            task = aio.ensure_future(aio_loop.start_tls(
                server.transport, server, server_context, server_side=True))
            try:
                yield From(aio_loop.start_tls(client.transport, client, client_context,
                                              server_hostname='other.example.org'))
            except ssl.SSLError as error:
                kind = type(error)
            try:
                yield From(task)
            except (ssl.SSLError, EnvironmentError):
                pass
            yield From(aio.gather(client.over, server.over))
            raise Return(kind)
        assert SSLCertVerificationError is run(talk())

    def test_garbage(self, aio_loop, run, connect, client_context):
        """What is not TLS fails the upgrade with SSLError; both are told of the end."""
        client, server = App(aio_loop), App(aio_loop)
        connect(client, server)

        @aio.coroutine
        def talk():
            server.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            try:
                yield From(aio_loop.start_tls(
                    client.transport, client, client_context, server_hostname='localhost'))
            except ssl.SSLError as error:
                reason = error.reason
            lost = yield From(client.over)
            server.transport.close()
            yield From(server.over)
            raise Return((reason, type(lost), client.data))
        assert ('WRONG_VERSION_NUMBER', ssl.SSLError, b'') == run(talk())

    def test_peer_that_hangs_up(self, aio_loop, run, connect, client_context):
        """EOF in mid-upgrade is a connection reset, for the caller and for the protocol."""
        client, server = App(aio_loop), App(aio_loop)
        connect(client, server)
        server.transport.close()
        error = raised(run, aio_loop.start_tls(
            client.transport, client, client_context, server_hostname='localhost'))
        assert isinstance(error, EnvironmentError)
        assert error.errno in (errno.ECONNRESET, errno.EPIPE)
        assert isinstance(run(client.over), EnvironmentError)

    @pytest.mark.parametrize('how', ['timeout', 'cancel'])
    def test_given_up(self, aio_loop, run, connect, client_context, how):
        """A timeout or a cancellation in mid-upgrade cuts the connection and leaves nothing."""
        client, server = App(aio_loop), App(aio_loop)
        connect(client, server)

        @aio.coroutine
        def talk():
            kwargs = dict(ssl_handshake_timeout=0.05) if how == 'timeout' else {}
            task = aio.ensure_future(aio_loop.start_tls(
                client.transport, client, client_context, server_hostname='localhost', **kwargs))
            yield From(server.has(1))
            if how == 'cancel':
                task.cancel()
            try:
                yield From(task)
            except aio.CancelledError:
                outcome = 'cancel'
            except EnvironmentError as error:
                outcome = 'timeout' if error.errno == errno.ECONNABORTED else error
            lost, _ = yield From(aio.gather(client.over, server.over))
            raise Return((outcome, isinstance(lost, EnvironmentError), client.names))
        assert (how, True, ['connection_made', 'connection_lost']) == run(talk())


class TestArguments(object):
    @pytest.fixture
    def ends(self, aio_loop, run):
        """Two connected `App`s."""
        ends = App(aio_loop), App(aio_loop)
        run(connected_pair(aio_loop, *ends))
        yield ends
        for end in ends:
            end.transport.close()
        run(aio.gather(*[end.over for end in ends]))

    @pytest.mark.parametrize('context', [None, True, 'text', object()])
    def test_context(self, aio_loop, run, ends, context):
        """What is no ssl.SSLContext gets TypeError; the connection goes on as it was."""
        error = raised(run, aio_loop.start_tls(ends[0].transport, ends[0], context))
        assert TypeError is type(error)
        assert 'sslcontext' in str(error)
        ends[1].transport.write(b'plain')
        run(ends[0].has(5))
        assert b'plain' == ends[0].data

    def test_transport(self, aio_loop, run, client_context):
        """What TLS cannot run over gets TypeError."""
        error = raised(run, aio_loop.start_tls(object(), App(aio_loop), client_context))
        assert TypeError is type(error)
        assert 'transport' in str(error)

    @pytest.mark.parametrize('name', ['ssl_handshake_timeout', 'ssl_shutdown_timeout'])
    @pytest.mark.parametrize('value, error', [(-1, ValueError), ('1', TypeError)])
    def test_timeouts(self, aio_loop, run, ends, client_context, name, value, error):
        """Timeouts that make no sense are refused by name; the connection goes on as it was."""
        refused = raised(run, aio_loop.start_tls(
            ends[0].transport, ends[0], client_context, server_hostname='localhost',
            **{name: value}))
        assert (error, True) == (type(refused), name in str(refused))
        ends[1].transport.write(b'plain')
        run(ends[0].has(5))

    def test_host_name_is_needed(self, aio_loop, run, ends, client_context):
        """A context that checks names, and none given, is ValueError."""
        error = raised(run, aio_loop.start_tls(ends[0].transport, ends[0], client_context))
        assert ValueError is type(error)

    def test_closing(self, aio_loop, run, ends, client_context):
        """A transport that is closing already is a connection reset, and no hang."""
        ends[0].transport.close()
        error = raised(run, aio_loop.start_tls(
            ends[0].transport, ends[0], client_context, server_hostname='localhost'))
        assert errno.ECONNRESET == error.errno


class TestReadAhead(object):
    """What was read before the upgrade is TLS' own, whoever has read it."""

    @pytest.fixture
    def ends(self, aio_loop, run):
        """Two connected `App`s."""
        ends = App(aio_loop), App(aio_loop)
        run(connected_pair(aio_loop, *ends))
        return ends

    def test_given(self, aio_loop, run, ends, client_context, server_context):
        """A PROXY header and ClientHello in one segment: what follows the header is handed over."""
        client, server = ends
        header = b'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n'

        @aio.coroutine
        def talk():
            client.transport.write(header)
            task = aio.ensure_future(aio_loop.start_tls(
                client.transport, client, client_context, server_hostname='localhost'))
            yield From(server.has(len(header) + 100))
            read_ahead = server.data[len(header):]
            server.transport = yield From(aio_loop.start_tls(
                server.transport, server, server_context, server_side=True,
                read_ahead=read_ahead))
            client.transport = yield From(task)
            del server.chunks[:]
            client.transport.write(b'inside')
            yield From(server.has(6))
            client.transport.close()
            yield From(aio.gather(client.over, server.over))
        run(talk())
        assert b'inside' == server.data

    def test_at_the_call(self, aio_loop, run, ends, client_context, server_context):
        """TLS starts at the call of start_tls, however late its result is awaited."""
        client, server = ends
        pending = aio_loop.start_tls(
            server.transport, server, server_context, server_side=True)
        client.transport = run(aio_loop.start_tls(
            client.transport, client, client_context, server_hostname='localhost'))
        server.transport = run(pending)
        client.transport.write(b'inside')
        run(server.has(6))
        client.transport.close()
        run(aio.gather(client.over, server.over))
        assert b'inside' == server.data

    @pytest.mark.parametrize('sees_hello', [True, False])
    def test_new_streams(self, aio_loop, run, client_context, server_context, sees_hello):
        """
        A StreamReaderProtocol that is not connected yet can have the connection; what the reader
        before it has read ahead is TLS.
        """
        done = aio.Future(loop=aio_loop)

        @aio.coroutine
        def answer(reader, writer):
            yield From(reader.readline())
            while sees_hello and len(reader._buffer) < 100:
                yield None
            if not sees_hello:
                writer.write(b'go\n')
            inner = aio.StreamReader(loop=aio_loop)
            protocol = framework.StreamReaderProtocol(inner, loop=aio_loop)
            transport = yield From(aio_loop.start_tls(
                writer.transport, protocol, server_context, server_side=True))
            protocol.connection_made(transport)
            line = yield From(inner.readline())
            transport.write(line.upper())
            transport.close()
            done.set_result(bytes(reader._buffer))

        @aio.coroutine
        def talk():
            server = yield From(aio.start_server(answer, '127.0.0.1', 0))
            reader, writer = yield From(aio.open_connection(*server.sockets[0].getsockname()))
            writer.write(b'start\n')
            if not sees_hello:
                yield From(reader.readline())
            yield From(writer.start_tls(client_context, server_hostname='localhost'))
            writer.write(b'inside\n')
            data = yield From(reader.read())
            writer.close()
            yield From(writer.wait_closed())
            server.close()
            raise Return((data, (yield From(done))))
        assert (b'INSIDE\n', b'') == run(talk())

    def test_injected(self, aio_loop, run, ends, client_context):
        """Plaintext that came before the handshake breaks it, and is never data."""
        client, server = ends
        error = raised(run, aio_loop.start_tls(
            client.transport, client, client_context, server_hostname='localhost',
            read_ahead=b'250 injected\r\n'))
        assert ssl.SSLError is type(error)
        assert ssl.SSLError is type(run(client.over))
        assert b'' == client.data
        server.transport.close()
        run(server.over)

    @pytest.mark.parametrize('limit', [2 ** 16, 8], ids=['reading', 'paused'])
    def test_stream_reader(self, aio_loop, run, client_context, server_context, limit):
        """A ClientHello in a StreamReader's buffer goes to TLS, also if the reader has paused."""
        done = aio.Future(loop=aio_loop)

        @aio.coroutine
        def answer(reader, writer):
            line = yield From(reader.readline())
            while len(reader._buffer) < 100:
                yield None
            yield From(writer.start_tls(server_context))
            line += yield From(reader.readline())
            writer.write(line.upper())
            writer.close()
            done.set_result(len(reader._buffer))

        @aio.coroutine
        def talk():
            server = yield From(aio.start_server(answer, '127.0.0.1', 0, limit=limit))
            reader, writer = yield From(aio.open_connection(*server.sockets[0].getsockname()))
            writer.write(b'start\r\n')
            yield From(writer.start_tls(client_context, server_hostname='localhost'))
            writer.write(b'inside\n')
            data = yield From(reader.read())
            writer.close()
            yield From(writer.wait_closed())
            server.close()
            raise Return((data, (yield From(done))))
        assert (b'START\r\nINSIDE\n', 0) == run(talk())

    def test_stream_injected(self, aio_loop, run, client_context):
        """
        An answer that is injected behind the go-ahead breaks the handshake, and no reader gets it.
        """
        @aio.coroutine
        def answer(reader, writer):
            yield From(reader.readline())
            writer.write(b'220 go ahead\r\n250 injected\r\n')
            yield From(reader.read())
            writer.close()

        @aio.coroutine
        def talk():
            server = yield From(aio.start_server(answer, '127.0.0.1', 0))
            reader, writer = yield From(aio.open_connection(*server.sockets[0].getsockname()))
            writer.write(b'STARTTLS\r\n')
            yield From(reader.readline())
            try:
                yield From(writer.start_tls(client_context, server_hostname='localhost'))
            except ssl.SSLError as error:
                reason = error.reason
            try:
                rest = yield From(reader.read())
            except ssl.SSLError:
                rest = 'error'
            server.close()
            raise Return((reason, rest, writer.is_closing()))
        assert ('WRONG_VERSION_NUMBER', 'error', True) == run(talk())


class TestFlow(object):
    @pytest.mark.parametrize('size', [2 * MEGABYTE])
    def test_paused_writing(self, aio_loop, run, client_context, server_context, size):
        """
        start_tls on a transport that has asked to pause writing works, and lets the application go
        on.
        """
        client, server = App(aio_loop), App(aio_loop)
        resumed = aio.Future(loop=aio_loop)
        client.pause_writing = lambda: client.names.append('pause_writing')
        client.resume_writing = lambda: resumed.done() or resumed.set_result(None)

        @aio.coroutine
        def talk():
            yield From(connected_pair(aio_loop, client, server))
            server.transport.pause_reading()
            client.transport.write(pattern(size))
            assert ['connection_made', 'pause_writing'] == client.names
            task = aio.ensure_future(aio_loop.start_tls(
                client.transport, client, client_context, server_hostname='localhost'))
            yield From(aio.sleep(0))
            server.transport.resume_reading()
            yield From(server.has(size + 100))
            hello = server.data[size:]
            plain = server.data[:size] == pattern(size)
            server.transport = yield From(aio_loop.start_tls(
                server.transport, server, server_context, server_side=True, read_ahead=hello))
            client.transport = yield From(task)
            yield From(resumed)
            client.transport.close()
            yield From(aio.gather(client.over, server.over))
            raise Return(plain)
        assert run(talk())

    def test_paused_reading(self, aio_loop, run, client_context, server_context):
        """start_tls on a transport whose reading is paused resumes it: the handshake needs it."""
        client, server = App(aio_loop), Echo(aio_loop)

        @aio.coroutine
        def talk():
            yield From(connected_pair(aio_loop, client, server))
            client.transport.pause_reading()
            server.transport.pause_reading()
            yield From(upgrade(aio_loop, client, server, client_context, server_context))
            client.transport.write(b'hello')
            yield From(client.has(5))
            client.transport.close()
            yield From(aio.gather(client.over, server.over))
        run(talk())


class TestUnwrap(object):
    """STARTTLS, and the way back."""

    def test_down_and_up_again(self, aio_loop, run, connect, client_context, server_context):
        """
        After unwrap both go on in plaintext over the same transports, and can start TLS again.
        """
        client, server = App(aio_loop), App(aio_loop, keep_open=True)
        connect(client, server)
        lowers = client.transport, server.transport

        @aio.coroutine
        def talk():
            for _ in range(3):
                yield From(upgrade(aio_loop, client, server, client_context, server_context))
                client.transport.write(b'secret')
                waiting = client.transport.unwrap()
                yield From(server.has(6))
                while 'eof_received' not in server.names:
                    yield None
                server.transport, trailing = yield From(server.transport.unwrap())
                client.transport, more = yield From(waiting)
                assert (b'', b'') == (trailing, more)
                assert lowers == (client.transport, server.transport)
                for end in (client, server):
                    end.transport.resume_reading()
                    end.transport.write(b'plain')
                yield From(client.has(5))
                yield From(server.has(11))
                assert (b'plain', b'secretplain') == (client.data, server.data)
                for end in (client, server):
                    del end.chunks[:], end.names[:]
            client.transport.close()
            yield From(client.over)
            server.transport.close()
            yield From(server.over)
        run(talk())

    def test_trailing(self, aio_loop, run, client_context, server_context):
        """What follows the peer's close_notify, in the same segment, is the trailing bytes."""
        client, server = App(aio_loop), App(aio_loop, keep_open=True)

        @aio.coroutine
        def talk():
            yield From(connected_pair(aio_loop, client, server))
            yield From(upgrade(aio_loop, client, server, client_context, server_context))
            waiting = client.transport.unwrap()
            while 'eof_received' not in server.names:
                yield None
            server.transport, _ = yield From(server.transport.unwrap())
            server.transport.write(b'first plain bytes')
            client.transport, trailing = yield From(waiting)
            client.transport.resume_reading()
            if not trailing:  # they came in a segment of their own
                yield From(client.has(17))
            server.transport.write(b', and more')
            yield From(client.has(27 - len(trailing)))
            for end in (client, server):
                end.transport.close()
                yield From(end.over)
            raise Return(trailing + client.data)
        assert b'first plain bytes, and more' == run(talk())

    def test_streams(self, aio_loop, run, client_context, server_context):
        """Readers and writers go up to TLS, back to plaintext, and up again."""
        @aio.coroutine
        def answer(reader, writer):
            while True:
                line = yield From(reader.readline())
                if line == b'STARTTLS\n':
                    writer.write(b'go\n')
                    yield From(writer.start_tls(server_context))
                elif line:
                    writer.write(line.upper())
                elif writer.get_extra_info('ssl_object') is not None:
                    yield From(writer.unwrap())
                    writer.write(b'plain\n')
                else:
                    break
            writer.close()

        @aio.coroutine
        def talk():
            server = yield From(aio.start_server(answer, '127.0.0.1', 0))
            reader, writer = yield From(aio.open_connection(*server.sockets[0].getsockname()))
            lines = []
            for _ in range(2):
                writer.write(b'STARTTLS\n')
                lines.append((yield From(reader.readline())))
                yield From(writer.start_tls(client_context, server_hostname='localhost'))
                writer.write(b'hello\n')
                lines.append((yield From(reader.readline())))
                yield From(writer.unwrap())
                lines.append((yield From(reader.readline())))
            writer.close()
            yield From(writer.wait_closed())
            server.close()
            raise Return(lines)
        assert [b'go\n', b'HELLO\n', b'plain\n'] * 2 == run(talk())


@pytest.mark.skipif(not PY2, reason='Trollius is for Python 2.7')
class TestForeignLoop(object):
    def test_stock_loop(self, client_context, server_context):
        """sslproto27.trollius.start_tls works on a loop of Trollius' own."""
        import trollius

        import sslproto27.trollius
        loop = trollius.SelectorEventLoop()
        client, server = App(loop), Echo(loop)

        @trollius.coroutine
        def talk():
            for sock, app in zip(socket.socketpair(), (client, server)):
                yield From(loop.create_unix_connection(lambda app=app: app, None, sock=sock))
            client.transport, server.transport = yield From(trollius.gather(
                sslproto27.trollius.start_tls(client.transport, client, client_context,
                                              server_hostname='localhost', loop=loop),
                sslproto27.trollius.start_tls(server.transport, server, server_context,
                                              server_side=True, loop=loop), loop=loop))
            client.transport.write(b'hello')
            yield From(client.has(5))
            client.transport.close()
            yield From(client.over)
        try:
            loop.run_until_complete(trollius.wait_for(talk(), 20, loop=loop))
        finally:
            loop.close()
        assert b'hello' == client.data
