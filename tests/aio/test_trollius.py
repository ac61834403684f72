"""`sslproto27.trollius`: real loops, and real sockets on the loopback interface."""
from __future__ import absolute_import, division, print_function

import errno
import gc
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading

import pytest

from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import pattern

if not PY2:
    pytest.skip('Trollius is for Python 2.7', allow_module_level=True)

import trollius
from trollius import From, Return

import sslproto27.trollius
from sslproto27 import SSLCertVerificationError

PATIENCE = 20  # seconds after which a test counts as hanging
FLAGS = {'TLSv1.2': '-tls1_2', 'TLSv1.3': '-tls1_3'}
MEGABYTE = 1024 * 1024


@pytest.fixture
def loop():
    """One of our loops, set as the current one; whatever it reports as unhandled fails the test."""
    made = sslproto27.trollius.SelectorEventLoop()
    errors = []
    made.set_exception_handler(lambda loop, context: errors.append(context))
    trollius.set_event_loop(made)
    yield made
    trollius.set_event_loop(None)
    made.close()
    assert [] == errors


@pytest.fixture
def run(loop):
    """A function that runs a coroutine to its end, not for ever."""
    def run_until_complete(coroutine):
        return loop.run_until_complete(trollius.wait_for(coroutine, PATIENCE, loop=loop))
    return run_until_complete


class Echo(trollius.Protocol):
    """
    A server's protocol that sends back what it gets.

    Attributes:
        made (list): each such object so far that had connection_made, by class.
    """

    made = []

    def connection_made(self, transport):
        """Note the transport."""
        self.transport = transport
        self.lost = []
        self.made.append(self)

    def data_received(self, data):
        """Send it back."""
        self.transport.write(data)

    def eof_received(self):
        """Close."""
        return False

    def connection_lost(self, error):
        """Note it."""
        self.lost.append(error)


class Client(trollius.Protocol):
    """
    A client's protocol.

    Attributes:
        data (bytes): what has come.
    """

    def __init__(self, loop, size=0):
        self.loop = loop
        self.chunks, self.missing = [], size
        self.complete = trollius.Future(loop=loop)
        self.lost = trollius.Future(loop=loop)
        self.made = 0

    @property
    def data(self):
        """What has come."""
        return b''.join(self.chunks)

    def connection_made(self, transport):
        """Note it."""
        self.made += 1

    def data_received(self, data):
        """Keep it."""
        self.chunks.append(data)
        self.missing -= len(data)
        if self.missing <= 0 and not self.complete.done():
            self.complete.set_result(None)

    def connection_lost(self, error):
        """Note it."""
        self.lost.set_result(error)


@pytest.fixture
def echo():
    """A class of `Echo` of this test alone."""
    class Own(Echo):
        made = []
    return Own


@pytest.fixture
def serve(loop, run):
    """
    A function that starts a server of the factory given, and returns its port; it is closed
    afterwards.
    """
    servers = []

    def start(factory, **kwargs):
        server = run(loop.create_server(factory, '127.0.0.1', 0, **kwargs))
        servers.append(server)
        return server.sockets[0].getsockname()[1]
    yield start
    for server in servers:
        server.close()
        run(server.wait_closed())


def in_thread(loop, function):
    """Return a future of what *function* returns, called in a thread."""
    future = trollius.Future(loop=loop)

    def work():
        try:
            result, deliver = function(), future.set_result
        except Exception as error:
            result, deliver = error, future.set_exception
        loop.call_soon_threadsafe(deliver, result)
    threading.Thread(target=work).start()
    return future


def is_nodelay(transport):
    """Return whether the transport's socket has TCP_NODELAY."""
    return bool(
        transport.get_extra_info('socket').getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))


class TestConnections(object):
    def test_echo(self, loop, run, serve, echo, client_context, server_context, tls_version):
        """
        create_connection and create_server speak TLS over our own engine: both sides know what was
        settled.
        """
        for context in (client_context, server_context):
            context.set_alpn_protocols(['echo'])
        port = serve(echo, ssl=server_context)

        @trollius.coroutine
        def talk():
            transport, protocol = yield From(loop.create_connection(
                lambda: Client(loop, 5), '127.0.0.1', port, ssl=client_context,
                server_hostname='localhost'))
            transport.write(b'hello')
            yield From(protocol.complete)
            for end in (transport, echo.made[0].transport):
                assert (tls_version, 'echo') == (
                    end.get_extra_info('tls_version'), end.get_extra_info('alpn_protocol'))
                assert end.get_extra_info('cipher') == transport.get_extra_info('cipher')
                assert isinstance(end.get_extra_info('ssl_object'), sslproto27.SSLObject)
                assert end.get_extra_info('socket') is not None
            assert ('127.0.0.1', port) == transport.get_extra_info('peername')
            assert transport.get_extra_info('peercert')['subjectAltName'][0] == ('DNS', 'localhost')
            assert None is echo.made[0].transport.get_extra_info('peercert')
            transport.close()
            error = yield From(protocol.lost)
            raise Return(protocol.made, protocol.data, error)
        assert (1, b'hello', None) == run(talk())

    def test_server_name_callback(self, loop, run, serve, echo, client_context, server_context):
        """A callback that was written for 2.7's sockets may ask whom it is for, and remember."""
        seen = []

        def choose(connection, name, context):
            connection.tenant = name
            seen.append((connection.tenant, connection.getpeername()))
        server_context.set_servername_callback(choose)
        client = Client(loop, 1)
        transport, _ = run(loop.create_connection(
            lambda: client, '127.0.0.1', serve(echo, ssl=server_context), ssl=client_context,
            server_hostname='localhost'))
        address = transport.get_extra_info('sockname')
        transport.close()
        run(client.lost)
        assert [('localhost', address)] == seen

    def test_clean_end_on_both_sides(self, loop, run, serve, echo, client_context, server_context):
        """close of one side is a clean end for the other: connection_lost(None), once, on both."""
        ended = trollius.Future(loop=loop)

        class Server(echo):
            def connection_lost(self, error):
                ended.set_result(error)
        port = serve(Server, ssl=server_context)

        @trollius.coroutine
        def talk():
            transport, protocol = yield From(loop.create_connection(
                lambda: Client(loop), '127.0.0.1', port, ssl=client_context,
                server_hostname='localhost'))
            transport.close()
            result = yield From(trollius.gather(protocol.lost, ended, loop=loop))
            raise Return(result)
        assert [None, None] == run(talk())

    def test_unix(self, loop, run, echo, client_context, server_context, tls_version):
        """create_unix_connection and create_unix_server speak TLS too."""
        folder = tempfile.mkdtemp()
        path = os.path.join(folder, 'socket')

        @trollius.coroutine
        def talk():
            server = yield From(loop.create_unix_server(echo, path, ssl=server_context))
            transport, protocol = yield From(loop.create_unix_connection(
                lambda: Client(loop, 5), path, ssl=client_context, server_hostname='localhost'))
            transport.write(b'hello')
            yield From(protocol.complete)
            version = transport.get_extra_info('tls_version')
            transport.close()
            yield From(protocol.lost)
            server.close()
            yield From(server.wait_closed())
            raise Return(version, protocol.data)
        try:
            assert (tls_version, b'hello') == run(talk())
        finally:
            shutil.rmtree(folder)

    def test_streams(self, loop, run, client_context, server_context):
        """
        open_connection and start_server give streams over TLS; the end of one is EOF for the other.
        """
        @trollius.coroutine
        def answer(reader, writer):
            while True:
                line = yield From(reader.readline())
                if not line:
                    break
                writer.write(line.upper())
            writer.close()

        @trollius.coroutine
        def talk():
            server = yield From(
                sslproto27.trollius.start_server(answer, '127.0.0.1', 0, ssl=server_context))
            port = server.sockets[0].getsockname()[1]
            reader, writer = yield From(sslproto27.trollius.open_connection(
                '127.0.0.1', port, ssl=client_context, server_hostname='localhost'))
            lines = []
            for line in (b'one\n', b'two\n'):
                writer.write(line)
                lines.append((yield From(reader.readline())))
            writer.close()
            lines.append((yield From(reader.read())))
            server.close()
            yield From(server.wait_closed())
            raise Return(lines)
        assert [b'ONE\n', b'TWO\n', b''] == run(talk())

    def test_given_socket(self, loop, run, serve, echo, client_context, server_context):
        """create_connection speaks TLS over a connected socket of the caller's."""
        port = serve(echo, ssl=server_context)
        sock = socket.create_connection(('127.0.0.1', port))
        sock.setblocking(False)

        @trollius.coroutine
        def talk():
            transport, protocol = yield From(loop.create_connection(
                lambda: Client(loop, 5), sock=sock, ssl=client_context,
                server_hostname='localhost'))
            transport.write(b'hello')
            yield From(protocol.complete)
            transport.close()
            yield From(protocol.lost)
            raise Return(protocol.data)
        assert b'hello' == run(talk())

    @pytest.mark.parametrize('size', [64 * 1024, 4 * MEGABYTE])
    def test_large_payload(self, loop, run, serve, echo, client_context, server_context, size):
        """Large payloads pass whole, both ways at once."""
        port = serve(echo, ssl=server_context)
        data = pattern(size)

        @trollius.coroutine
        def talk():
            transport, protocol = yield From(loop.create_connection(
                lambda: Client(loop, size), '127.0.0.1', port, ssl=client_context,
                server_hostname='localhost'))
            transport.write(data)
            yield From(protocol.complete)
            transport.close()
            yield From(protocol.lost)
            raise Return(protocol.data == data)
        assert run(talk())

    def test_large_payload_and_close(self, loop, run, client_context, server_context):
        """4 MiB arrive though close follows at once; drain on the way waits, and comes back."""
        @trollius.coroutine
        def answer(reader, writer):
            writer.write(pattern(2 * MEGABYTE))
            yield From(writer.drain())
            writer.write(pattern(2 * MEGABYTE))
            writer.close()

        @trollius.coroutine
        def talk():
            server = yield From(
                sslproto27.trollius.start_server(answer, '127.0.0.1', 0, ssl=server_context))
            port = server.sockets[0].getsockname()[1]
            reader, writer = yield From(sslproto27.trollius.open_connection(
                '127.0.0.1', port, ssl=client_context, server_hostname='localhost'))
            data = yield From(reader.read())
            writer.close()
            server.close()
            yield From(server.wait_closed())
            raise Return(data == pattern(2 * MEGABYTE) * 2)
        assert run(talk())

    def test_many_clients(self, loop, run, serve, echo, pki):
        """Fifty clients at once each get their own answer, and leave no descriptor behind."""
        before = len(os.listdir('/proc/self/fd'))
        port = serve(echo, ssl=pki.server_context('ecdsa'))
        listening = len(os.listdir('/proc/self/fd')) - before
        context = pki.client_context()

        @trollius.coroutine
        def talk(number):
            data = b'%04d' % number * 5000
            transport, protocol = yield From(loop.create_connection(
                lambda: Client(loop, len(data)), '127.0.0.1', port, ssl=context,
                server_hostname='localhost'))
            transport.write(data)
            yield From(protocol.complete)
            transport.close()
            yield From(protocol.lost)
            raise Return(protocol.data == data)

        @trollius.coroutine
        def everybody():
            answers = yield From(
                trollius.gather(*[talk(number) for number in range(50)], loop=loop))
            while [protocol for protocol in echo.made if not protocol.lost]:
                yield None
            raise Return(answers)
        assert [True] * 50 == run(everybody())
        assert before + listening == len(os.listdir('/proc/self/fd'))

    def test_plain(self, loop, run, serve, echo):
        """Connections without TLS still work, over Trollius's own transports."""
        port = serve(echo)

        @trollius.coroutine
        def talk():
            transport, protocol = yield From(loop.create_connection(
                lambda: Client(loop, 5), '127.0.0.1', port))
            transport.write(b'hello')
            yield From(protocol.complete)
            info = transport.get_extra_info('ssl_object')
            transport.close()
            yield From(protocol.lost)
            raise Return(protocol.data, info)
        assert (b'hello', None) == run(talk())

    @pytest.mark.parametrize('tls', [False, True], ids=['plain', 'TLS'])
    def test_nodelay(self, loop, run, serve, echo, client_context, server_context, tls):
        """TCP sockets have TCP_NODELAY, on both sides, with TLS and without."""
        port = serve(echo, ssl=server_context if tls else None)
        kwargs = dict(ssl=client_context, server_hostname='localhost') if tls else {}

        @trollius.coroutine
        def talk():
            transport, protocol = yield From(loop.create_connection(
                lambda: Client(loop, 1), '127.0.0.1', port, **kwargs))
            transport.write(b'x')
            yield From(protocol.complete)
            options = is_nodelay(transport), is_nodelay(echo.made[0].transport)
            transport.close()
            yield From(protocol.lost)
            raise Return(options)
        assert (True, True) == run(talk())


class TestFailures(object):
    def connect(self, loop, port, protocol=None, **kwargs):
        """Return the coroutine of a connection to *port*."""
        return loop.create_connection(lambda: protocol or Client(loop), '127.0.0.1', port, **kwargs)

    def test_default_context(self, loop, run, serve, echo, pki):
        """ssl=True verifies: a server of an unknown authority is refused."""
        port = serve(echo, ssl=pki.server_context('ecdsa'))
        client = Client(loop)
        error = raised(run, self.connect(loop, port, client, ssl=True, server_hostname='localhost'))
        assert SSLCertVerificationError is type(error)
        assert ([], 0) == (echo.made, client.made)

    def test_default_host_name(self, loop, run, serve, echo, client_context, server_context):
        """Without server_hostname the host that was connected to is what the server must prove."""
        port = serve(echo, ssl=server_context)
        transport, protocol = run(self.connect(loop, port, ssl=client_context))
        assert '127.0.0.1' == transport.get_extra_info('server_hostname')
        transport.close()
        run(protocol.lost)

    def test_host_name(self, loop, run, serve, echo, client_context, server_context):
        """
        A certificate for another name reaches the caller as SSLCertVerificationError; nobody is
        told of a connection.
        """
        port = serve(echo, ssl=server_context)
        client = Client(loop)
        error = raised(run, self.connect(
            loop, port, client, ssl=client_context, server_hostname='other.example.org'))
        assert (SSLCertVerificationError, 62) == (type(error), error.verify_code)
        assert (0, False) == (client.made, client.lost.done())

    def test_no_check(self, loop, run, serve, echo, client_context, pki, tls_version):
        """server_hostname='' checks no name."""
        port = serve(echo, ssl=pki.server_context('other', version=tls_version))
        transport, protocol = run(self.connect(loop, port, ssl=client_context, server_hostname=''))
        assert tls_version == transport.get_extra_info('tls_version')
        transport.close()
        run(protocol.lost)

    def test_plain_client(self, loop, run, serve, echo, client_context, server_context):
        """A client that speaks plain HTTP to a TLS server gets nothing and hurts nobody else."""
        port = serve(echo, ssl=server_context)

        @trollius.coroutine
        def talk():
            transport, protocol = yield From(self.connect(
                loop, port, Client(loop, 10), ssl=client_context, server_hostname='localhost'))
            transport.write(b'first')
            reader, writer = yield From(trollius.open_connection('127.0.0.1', port, loop=loop))
            writer.write(b'GET / HTTP/1.0\r\n\r\n')
            answer = yield From(reader.read())
            writer.close()
            transport.write(b'other')
            yield From(protocol.complete)
            transport.close()
            yield From(protocol.lost)
            raise Return(b'HTTP' in answer, protocol.data, len(echo.made))
        assert (False, b'firstother', 1) == run(talk())

    def test_plain_server(self, loop, run, serve, client_context):
        """A server that does not speak TLS is an SSLError for the caller."""
        class Greeter(trollius.Protocol):
            def connection_made(self, transport):
                transport.write(b'220 example.org ESMTP\r\n')
        port = serve(Greeter)
        error = raised(
            run, self.connect(loop, port, ssl=client_context, server_hostname='localhost'))
        assert (ssl.SSLError, 'WRONG_VERSION_NUMBER') == (type(error), error.reason)

    def test_server_that_hangs_up(self, loop, run, serve, client_context):
        """A server that closes before it says anything is a connection reset for the caller."""
        class Rude(trollius.Protocol):
            def connection_made(self, transport):
                transport.close()
        port = serve(Rude)
        error = raised(
            run, self.connect(loop, port, ssl=client_context, server_hostname='localhost'))
        assert isinstance(error, EnvironmentError)
        assert errno.ECONNRESET == error.errno

    def test_over_at_once(self, loop, run, serve, echo):
        """A connection that is over in connection_made leaves nothing behind in the loop."""
        port = serve(echo)
        before = set(loop._selector.get_map())

        class Hasty(Client):
            def connection_made(self, transport):
                transport.abort()

        @trollius.coroutine
        def talk():
            _, protocol = yield From(self.connect(loop, port, Hasty(loop)))
            yield From(protocol.lost)
            while not (echo.made and echo.made[0].lost):
                yield None
        run(talk())
        assert before == set(loop._selector.get_map())

    def test_cancel(self, loop, run, serve, client_context):
        """
        Cancelling create_connection in mid-handshake closes the connection; the peer sees its end.
        """
        accepted, lost = trollius.Future(loop=loop), trollius.Future(loop=loop)
        client = Client(loop)

        class Silent(trollius.Protocol):
            def connection_made(self, transport):
                accepted.set_result(None)

            def connection_lost(self, error):
                lost.set_result(None)
        port = serve(Silent)

        @trollius.coroutine
        def talk():
            task = loop.create_task(self.connect(
                loop, port, client, ssl=client_context, server_hostname='localhost'))
            yield From(accepted)
            task.cancel()
            try:
                yield From(task)
            except trollius.CancelledError:
                # Observed on Trollius 2.2.1: cancelled between TCP's connect and the first step of
                # TLS, it leaves the socket to the garbage collector, which is later on PyPy.
                gc.collect()
                yield From(lost)
                raise Return(client.made, client.lost.done())
        assert (0, False) == run(talk())


@pytest.fixture
def openssl():
    """A function that starts the openssl program; it is killed in time, and gone afterwards."""
    processes, killers = [], []

    def start(*args):
        process = subprocess.Popen(
            ('openssl',) + args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, close_fds=True)
        killer = threading.Timer(PATIENCE, process.kill)
        killer.start()
        processes.append(process)
        killers.append(killer)
        return process
    yield start
    for process, killer in zip(processes, killers):
        killer.cancel()
        killer.join()
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout):
            stream.close()
        process.wait()


class TestTrolliusStreams(object):
    """Trollius' own StreamReader, which neither looks for an error again nor hands data out."""

    @pytest.fixture
    def installed(self):
        """install(), and uninstall() afterwards."""
        sslproto27.trollius.install()
        yield
        sslproto27.trollius.uninstall()

    def test_mended(self, loop, run, installed):
        """After install() Trollius' own reader hands out what has come, then raises the error."""
        reader = trollius.StreamReader(loop=loop)
        reader.feed_data(b'line\nand')
        reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        assert b'line\n' == run(reader.readline())
        assert ssl.SSLEOFError is type(raised(run, reader.read()))
        assert b'and' == run(reader.read(100))

    def test_subclass(self, loop, run, installed):
        """A subclass that waits with Trollius' own method gets the error there, too."""
        class Reader(trollius.StreamReader):
            @trollius.coroutine
            def all(self):
                yield From(self._wait_for_data('all'))
                yield From(self._wait_for_data('all'))
                raise Return(bytes(self._buffer))
        reader = Reader(loop=loop)
        task = loop.create_task(reader.all())
        run(trollius.sleep(0, loop=loop))
        reader.feed_data(b'data')
        assert b'data' == run(task)
        del reader._buffer[:]
        reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        assert ssl.SSLEOFError is type(raised(run, reader.all()))

    def test_restored(self):
        """uninstall() leaves Trollius' own reader as it was; doing either twice changes nothing."""
        before = dict(vars(trollius.StreamReader))
        for _ in range(2):
            sslproto27.trollius.install()
        assert before != dict(vars(trollius.StreamReader))
        for _ in range(2):
            sslproto27.trollius.uninstall()
        assert before == dict(vars(trollius.StreamReader))

    @pytest.mark.parametrize('name, args', [('read', (1,)), ('read', ()), ('readline', ()),
                                            ('readexactly', (5,))])
    def test_restored_meanwhile(self, loop, run, installed, name, args):
        """A call that waits when uninstall() is called goes on."""
        reader = trollius.StreamReader(loop=loop)
        task = loop.create_task(getattr(reader, name)(*args))
        run(trollius.sleep(0, loop=loop))
        sslproto27.trollius.uninstall()
        data = b'line\n'
        for start in range(5):
            reader.feed_data(data[start:start + 1])
            run(trollius.sleep(0, loop=loop))
        reader.feed_eof()
        assert run(task) in (b'line\n', b'l')

    def test_connection_made_meanwhile(self, loop, run, installed):
        """A stream protocol gets the transport that it was to get before uninstall()."""
        made, protocol = [], trollius.StreamReaderProtocol(
            trollius.StreamReader(loop=loop), lambda reader, writer: made.append(writer), loop=loop)
        loop.call_soon(protocol.connection_made, trollius.Transport())
        sslproto27.trollius.uninstall()
        run(trollius.sleep(0, loop=loop))
        assert 1 == len(made)

    def test_stock_transport(self, loop, run, installed, server_context):
        """A handler over TLS of Trollius' own, of a loop that is not ours, learns of the end."""
        @trollius.coroutine
        def handle(reader, writer):
            assert b'' == (yield From(reader.read()))

        class Stock(trollius.Transport):
            def close(self):
                closed.set_result(True)
        closed = trollius.Future(loop=loop)
        protocol = trollius.StreamReaderProtocol(
            trollius.StreamReader(loop=loop), handle, loop=loop)
        protocol.connection_made(Stock({'sslcontext': server_context}))
        assert protocol.eof_received()
        assert run(closed)

    @pytest.mark.parametrize('side', ['client', 'plain function'])
    def test_nobody_closes(self, loop, run, installed, client_context, server_context, side):
        """Without a handler that may answer, TLS ends with the peer's end, as in stock Trollius."""
        writers = []

        def accepted(reader, writer):
            writers.append(writer)
            if side == 'client':
                writer.close()

        @trollius.coroutine
        def talk():
            server = yield From(trollius.start_server(
                accepted, '127.0.0.1', 0, ssl=server_context, loop=loop))
            writers.append((yield From(trollius.open_connection(
                *server.sockets[0].getsockname(), ssl=client_context, server_hostname='localhost',
                loop=loop)))[1])
            if side != 'client':
                writers[-1].close()
            while not all(writer.transport.is_closing() for writer in writers):
                yield From(trollius.sleep(0.01, loop=loop))
            server.close()
        run(talk())

    def test_replaced_read(self, loop, run, installed):
        """readexactly() and read() of a subclass use the read() that it has, as Trollius' do."""
        class Counting(trollius.StreamReader):
            total = 0

            @trollius.coroutine
            def read(self, n=-1):
                data = yield From(super(Counting, self).read(n))
                if n > 0:
                    self.total += len(data)
                raise Return(data)
        reader = Counting(loop=loop)
        reader.feed_data(b'0123456789')
        assert (b'0123456', 7) == (run(reader.readexactly(7)), reader.total)
        reader.feed_eof()
        assert (b'789', 10) == (run(reader.read()), reader.total)
        assert trollius.IncompleteReadError is type(raised(run, reader.readexactly(1)))

    @pytest.mark.parametrize('name, args', [('read', (1,)), ('read', ()), ('readline', ()),
                                            ('readexactly', (5,))])
    def test_replaced_wait(self, loop, run, installed, name, args):
        """Reads of a subclass wait as it says: with a limit in time, for example."""
        class Limited(trollius.StreamReader):
            @trollius.coroutine
            def _wait_for_data(self, func_name):
                yield From(trollius.wait_for(
                    super(Limited, self)._wait_for_data(func_name), 0.01, loop=self._loop))

        class Patient(trollius.StreamReader):
            @trollius.coroutine
            def _wait_for_data(self, func_name):
                raise Return(None)
                yield
        error = raised(run, trollius.wait_for(
            getattr(Limited(loop=loop), name)(*args), PATIENCE, loop=loop))
        assert trollius.TimeoutError is type(error)
        assert b'' == run(Patient(loop=loop).read(1))

    @pytest.mark.parametrize('turns', range(5))
    @pytest.mark.parametrize('tls', [True, False])
    @pytest.mark.parametrize('name, args', [('read', (1,)), ('read', ()), ('readline', ()),
                                            ('readexactly', (5,))])
    def test_not_mended(self, loop, run, client_context, server_context, turns, tls, name, args):
        """Without install(), too, a read by Trollius' own reader ends when the connection does."""
        reader = trollius.StreamReader(loop=loop)
        Echo.made = []

        @trollius.coroutine
        def talk():
            server = yield From(loop.create_server(
                Echo, '127.0.0.1', 0, ssl=server_context if tls else None))
            transport, _ = yield From(loop.create_connection(
                lambda: trollius.StreamReaderProtocol(reader, loop=loop),
                *server.sockets[0].getsockname(), ssl=client_context if tls else None,
                server_hostname='localhost' if tls else None))
            server.close()
            lower = transport._protocol._transport if tls else transport
            error = trollius.ConnectionResetError(errno.ECONNRESET, 'by the peer')
            loop.call_soon(lower._force_close, error)
            for _ in range(turns):
                yield From(trollius.sleep(0, loop=loop))
            yield From(getattr(reader, name)(*args))
        assert isinstance(raised(run, talk()), trollius.ConnectionResetError)


class TestOpenSSLPrograms(object):
    def test_s_client(self, loop, run, pki, openssl, server_context, tls_version):
        """
        openssl s_client verifies our server, sends a line and gets its answer, and a clean end.
        """
        @trollius.coroutine
        def answer(reader, writer):
            line = yield From(reader.readline())
            writer.write(line.upper() * 5000)
            writer.close()

        @trollius.coroutine
        def talk():
            server = yield From(
                sslproto27.trollius.start_server(answer, '127.0.0.1', 0, ssl=server_context))
            port = server.sockets[0].getsockname()[1]
            process = openssl(
                's_client', '-connect', '127.0.0.1:%d' % port, '-quiet', FLAGS[tls_version],
                '-servername', 'localhost', '-verify_hostname', 'localhost',
                '-verify_return_error', '-CAfile', pki.path('ca'))
            output, _ = yield From(in_thread(loop, lambda: process.communicate(b'hello\n')))
            server.close()
            yield From(server.wait_closed())
            raise Return(output.count(b'HELLO\n'), process.returncode)
        assert (5000, 0) == run(talk())

    def test_s_server(self, loop, run, pki, openssl, client_context, tls_version):
        """Our client verifies openssl s_server, which sends each line back reversed."""
        process = openssl('s_server', '-accept', '127.0.0.1:0', '-naccept', '1', FLAGS[tls_version],
                          '-cert', pki.path('localhost'), '-rev')
        line = b'none'
        while line and not line.startswith(b'ACCEPT'):
            line = process.stdout.readline()
        port = int(re.search(b':([0-9]+)\\s*$', line).group(1))

        @trollius.coroutine
        def talk():
            reader, writer = yield From(sslproto27.trollius.open_connection(
                '127.0.0.1', port, ssl=client_context, server_hostname='localhost'))
            writer.write(b'stressed\n')
            answer = yield From(reader.readline())
            version = writer.get_extra_info('tls_version')
            writer.close()
            rest = yield From(reader.read())
            raise Return(answer, version, rest)
        assert (b'desserts\n', tls_version, b'') == run(talk())
