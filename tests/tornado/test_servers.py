"""Tornado's servers and clients on our streams, chosen by name: TCP, HTTPS, processes, leaks."""
from __future__ import absolute_import, division, print_function

import datetime
import errno
import gc
import logging
import os
import socket
import struct
import subprocess
import sys

import pytest

from tests.support.tornados import (
    connected_sockets, failure_of, gen, httpserver, iostream, listening, logged,
    on_loop, settled, since_5)


from sslproto27 import context
from sslproto27._stream.report import LINES
from sslproto27.tornado import HTTPServer, SSLIOStream, TCPClient, TCPServer, start_tls
from tests.support.engines import not_in_pair
from tests.support.memory import only_python2
from tests.support.pipe_pairs import PYPY
from tests.support.pki import PKI
from tests.support.leaks import in_use
from tornado import httputil, tcpclient
from tornado.ioloop import IOLoop

no_curl = 'there is no curl here'


class Echo(TCPServer):
    """Sends back what comes; notes the streams that it was given."""

    def __init__(self, *args, **kwargs):
        super(Echo, self).__init__(*args, **kwargs)
        self.streams = []

    @gen.coroutine
    def handle_stream(self, stream, address):
        """Serve one connection."""
        self.streams.append(stream)
        try:
            while True:
                data = yield stream.read_bytes(65536, partial=True)
                yield stream.write(data)
        except iostream.StreamClosedError:
            pass


def echo(request):
    """Answer an HTTP request with its body, or with what is known of the client."""
    certificate = request.get_ssl_certificate(binary_form=True)
    body = request.body or ('%s %s' % (request.protocol, len(certificate or b''))).encode('ascii')
    request.connection.write_headers(
        httputil.ResponseStartLine('HTTP/1.1', 200, 'OK'),
        httputil.HTTPHeaders({'Content-Length': str(len(body))}))
    request.connection.write(body)
    request.connection.finish()


def get(path=b'/', close=False):
    """Return an HTTP request."""
    return (b'GET ' + path + b' HTTP/1.1\r\nHost: localhost\r\n'
            + (b'Connection: close\r\n' if close else b'') + b'\r\n')


class TestTCP(object):
    """`TCPServer` and `TCPClient`."""

    @on_loop
    def test_echo(self, pki, tls_version):
        """A server and a client of ours talk TLS, on streams of ours."""
        server = Echo(ssl_options=pki.server_context(version=tls_version))
        with listening(server) as port:
            stream = yield TCPClient().connect('127.0.0.1', port,
                                               ssl_options=pki.client_context(tls_version))
            yield stream.write(b'data')
            assert b'data' == (yield stream.read_bytes(4))
            assert [SSLIOStream] * 2 == [type(stream), type(server.streams[0])]
            stream.close()

    @only_python2
    @on_loop
    def test_server_name_callback(self, pki):
        """A callback that was written for 2.7's sockets may ask whom it is for, and remember."""
        seen, context = [], pki.server_context()

        def choose(connection, name, context):
            connection.tenant = name
            seen.append((connection.tenant, connection.getpeername()))
        context.set_servername_callback(choose)
        with listening(Echo(ssl_options=context)) as port:
            stream = yield TCPClient().connect('localhost', port, ssl_options=pki.client_context())
            assert [('localhost', stream.socket.getsockname())] == seen
            stream.close()

    @on_loop
    def test_plain(self):
        """Without ssl_options there is no TLS."""
        server = Echo()
        with listening(server) as port:
            stream = yield TCPClient().connect('127.0.0.1', port)
            yield stream.write(b'data')
            assert b'data' == (yield stream.read_bytes(4))
            assert [iostream.IOStream] * 2 == [type(stream), type(server.streams[0])]
            stream.close()

    @on_loop
    def test_name_is_checked(self, pki):
        """The client checks that the server is the host it asked for."""
        with listening(Echo(ssl_options=pki.server_context('other'))) as port:
            with logged():
                error = yield failure_of(TCPClient().connect(
                    '127.0.0.1', port, ssl_options=pki.client_context()))
            assert 'mismatch' in str(error)

    @on_loop
    def test_options_as_dict(self, pki):
        """A dict of ssl_options becomes one context, so that sessions can be resumed."""
        server = Echo(ssl_options=dict(certfile=pki.path('localhost')))
        context, session = pki.client_context('TLSv1.2'), None
        with listening(server) as port:
            for resumed in (False, True):
                stream = yield TCPClient().connect('127.0.0.1', port, ssl_options=context,
                                                   session=session)
                assert resumed == stream.socket.session_reused
                session = stream.socket.session
                stream.close()
            server.ssl_options = dict(certfile=pki.path('other'))
            with logged():
                error = yield failure_of(TCPClient().connect('127.0.0.1', port,
                                                             ssl_options=pki.client_context()))
            assert 'mismatch' in str(error)

    @on_loop
    def test_slow_loris(self, pki):
        """A server cuts off who connects and says nothing; others are served meanwhile."""
        server = Echo(ssl_options=pki.server_context(), ssl_handshake_timeout=0.3)
        with listening(server) as port:
            silent = [iostream.IOStream(socket.create_connection(('127.0.0.1', port)))
                      for _ in range(20)]
            ends = [silent_one.read_until_close() for silent_one in silent]
            stream = yield TCPClient().connect('127.0.0.1', port,
                                               ssl_options=pki.client_context())
            yield stream.write(b'data')
            assert b'data' == (yield stream.read_bytes(4))
            with logged():
                assert [b''] * 20 == (yield ends)
            stream.close()

    @since_5
    @pytest.mark.parametrize('timeout', [0.2, datetime.timedelta(seconds=0.2)])
    @on_loop
    def test_client_timeout(self, pki, timeout):
        """The client's timeout is for the handshake as well, and ends the connection."""
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        error = yield failure_of(TCPClient().connect(
            *listener.getsockname(), ssl_options=pki.client_context(), timeout=timeout))
        assert type(error) is gen.TimeoutError
        sock, _ = listener.accept()
        listener.close()
        sock.settimeout(20)
        while sock.recv(65536):
            pass
        sock.close()

    @on_loop
    def test_gone_before_tls(self, pki, monkeypatch):
        """A connection that is lost between TCP and TLS is a closed stream, not a wrong use."""
        connect = tcpclient.TCPClient.connect

        @gen.coroutine
        def connect_and_lose(*args, **kwargs):
            stream = yield connect(*args, **kwargs)
            stream.close()
            raise gen.Return(stream)
        monkeypatch.setattr(tcpclient.TCPClient, 'connect', connect_and_lose)
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        error = yield failure_of(TCPClient().connect(
            *listener.getsockname(), ssl_options=pki.client_context()))
        assert type(error) is iostream.StreamClosedError
        listener.close()

    @pytest.mark.parametrize('cut', ['client', 'server'])
    @on_loop
    def test_ragged_eofs(self, pki, cut):
        """Server and client take an end without close_notify as they are told."""
        server = Echo(ssl_options=pki.server_context(), suppress_ragged_eofs=True)
        with listening(server) as port:
            stream = yield TCPClient().connect('127.0.0.1', port, ssl_options=pki.client_context(),
                                               suppress_ragged_eofs=True)
            yield stream.write(b'x')
            yield stream.read_bytes(1)
            other, = server.streams
            reading = stream.read_until_close()
            (stream if cut == 'client' else other).fileno().shutdown(socket.SHUT_WR)
            assert b'' == (yield reading)
            yield settled(other.closed)
            assert [None, None] == [stream.error, other.error]

    @on_loop
    def test_failing_handler(self, pki):
        """A handler that raises is logged as Tornado logs it."""
        class Failing(TCPServer):
            def handle_stream(self, stream, address):
                stream.close()
                raise RuntimeError('on purpose')
        with listening(Failing(ssl_options=pki.server_context())) as port:
            with logged('tornado.application') as texts:
                with logged():
                    yield failure_of(TCPClient().connect('127.0.0.1', port,
                                                         ssl_options=pki.client_context()))
        assert ['ERROR: Error in connection callback'] == texts


@gen.coroutine
def talk(pki, port):
    """Be a client who is served; return its stream."""
    stream = yield TCPClient().connect('127.0.0.1', port, ssl_options=pki.client_context())
    yield stream.write(b'data')
    assert b'data' == (yield stream.read_bytes(4))
    raise gen.Return(stream)


def silent_client(port):
    """Return the plain stream of a client that does not speak TLS."""
    return iostream.IOStream(socket.create_connection(('127.0.0.1', port)))


class TestHandshakeLimit(object):
    """``ssl_handshake_limit``."""

    @on_loop
    def test_connections_are_refused(self, pki, caplog):
        """
        Silent connections take up no more than the limit; those beyond it are closed, and a line is
        logged; when they go others are served.
        """
        server = Echo(ssl_options=pki.server_context(), ssl_handshake_limit=3)
        with listening(server) as port, caplog.at_level(logging.WARNING, 'sslproto27'):
            silent = [silent_client(port) for _ in range(5)]
            assert [b'', b''] == (yield [one.read_until_close() for one in silent[3:]])
            assert isinstance((yield failure_of(talk(pki, port))), EnvironmentError)
            assert 3 == len(server.streams)
            for one in silent:
                one.close()
            stream = None
            while stream is None:
                try:
                    stream = yield talk(pki, port)
                except EnvironmentError:
                    pass
            stream.close()
        messages = [record.getMessage() for record in caplog.records
                    if record.name == 'sslproto27']
        assert [True, True] == ['refusing new' in messages[0], 'room for' in messages[-1]]

    @pytest.mark.parametrize('said', [b'GET / HTTP/1.1\r\n\r\n', b''])
    @on_loop
    def test_failures(self, pki, said):
        """A handshake that fails, or takes too long, makes room."""
        server = Echo(ssl_options=pki.server_context(), ssl_handshake_limit=1,
                      ssl_handshake_timeout=5 if said else 0.2)
        with listening(server) as port, logged():
            for _ in range(2):
                client = silent_client(port)
                client.write(said)
                yield client.read_until_close()
            stream = yield talk(pki, port)
            stream.close()

    @on_loop
    def test_done(self, pki):
        """A handshake that is done makes room, and once only."""
        server = Echo(ssl_options=pki.server_context(), ssl_handshake_limit=1)
        with listening(server) as port:
            streams = []
            for _ in range(3):
                streams.append((yield talk(pki, port)))
            for stream in streams:
                stream.close()
            yield settled(lambda: all(stream.closed() for stream in server.streams))
            first, second = silent_client(port), silent_client(port)
            assert b'' == (yield second.read_until_close())
            first.close()

    @pytest.mark.parametrize('server', [TCPServer, HTTPServer])
    @pytest.mark.parametrize('limit', [0, 1.5, True])
    def test_wrong(self, server, limit):
        """What is no positive integer is refused, by its name."""
        with pytest.raises((TypeError, ValueError), match='ssl_handshake_limit'):
            server(str, ssl_handshake_limit=limit)


class TestHTTP(object):
    """`HTTPServer`."""

    @on_loop
    def test_keep_alive(self, pki, tls_version):
        """Requests follow each other on one connection; the protocol is https."""
        server = HTTPServer(echo, ssl_options=pki.server_context(version=tls_version))
        assert isinstance(server, httpserver.HTTPServer)
        with listening(server) as port:
            stream = yield TCPClient().connect('127.0.0.1', port,
                                               ssl_options=pki.client_context(tls_version))
            for _ in range(3):
                stream.write(get())
                head = yield stream.read_until(b'\r\n\r\n')
                assert head.startswith(b'HTTP/1.1 200 OK\r\n')
                assert b'https 0' == (yield stream.read_bytes(7))
            stream.write(get(close=True))
            assert (yield stream.read_until_close()).endswith(b'https 0')
            assert stream.error is None  # it ended with close_notify

    @on_loop
    def test_client_certificate(self, pki):
        """A request knows its client's certificate."""
        server = HTTPServer(echo, ssl_options=pki.server_context(trust='ca'))
        with listening(server) as port:
            stream = yield TCPClient().connect('127.0.0.1', port,
                                               ssl_options=pki.client_context(leaf='client'))
            stream.write(get(close=True))
            answer = yield stream.read_until_close()
            size = len(pki.chain('client')[0])
            assert answer.endswith(('https %d' % size).encode('ascii'))

    @on_loop
    def test_http_on_the_https_port(self, pki):
        """A request without TLS is logged as Tornado logs it, and not answered."""
        with listening(HTTPServer(echo, ssl_options=pki.server_context())) as port:
            stream = iostream.IOStream(socket.create_connection(('127.0.0.1', port)))
            with logged() as texts:
                stream.write(get())
                answer = yield stream.read_until_close()
        assert b'HTTP' not in answer[7:]
        assert 1 == len(texts)
        assert texts[0].startswith('WARNING: SSL Error on ')
        assert "('127.0.0.1', %d)" % stream_port(texts[0]) in texts[0]

    @pytest.mark.parametrize('when', ['before accept', 'afterwards'])
    @on_loop
    def test_peer_that_has_gone(self, pki, when, monkeypatch):
        """A failed handshake's line names its peer also if that has gone by then, with a reset."""
        server = HTTPServer(echo, ssl_options=pki.server_context())
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname())
        address = client.getsockname()
        client.send(b'GET / HTTP/1.0\r\n\r\n')
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        accepted, peer = listener.accept()
        data = accepted.recv(100)
        streams = []
        server.handle_stream = lambda stream, _: streams.append(stream)
        if when == 'before accept':
            client.close()
        server._handle_connection(accepted, peer)
        client.close()
        stream, = streams
        # As if it had been read just before the reset.
        monkeypatch.setattr(type(stream._lower), 'receive', lambda self: data)
        with logged() as texts:
            with pytest.raises(iostream.StreamClosedError):
                yield stream.wait_for_handshake()
        assert 1 == len(texts)
        assert str(address) in texts[0]
        listener.close()

    @only_python2
    @not_in_pair('by_server_name with contexts of other verify modes, flags or versions')
    @on_loop
    def test_refused_name(self, pki):
        """A client whose version the context of its server name refuses: the line has the name."""
        chosen = pki.server_context()
        context.set_minimum_version(chosen, context.TLSVersion.TLSv1_3)
        default = context.by_server_name(pki.server_context(version='TLSv1.2'),
                                         {'www.example.org': chosen})
        client = pki.client_context()
        client.check_hostname = False
        with listening(HTTPServer(echo, ssl_options=default)) as port:
            with logged() as texts:
                error = yield failure_of(start_tls(
                    iostream.IOStream(socket.create_connection(('127.0.0.1', port))), False, client,
                    'www.example.org'))
                yield settled(lambda: len(texts) == 2)
        assert 'PROTOCOL_VERSION' in error.reason
        assert 1 == len([text for text in texts
                         if text.endswith("(the client asked for 'www.example.org')")])

    @on_loop
    def test_slow_handshake(self, pki):
        """A handshake that takes too long is a warning of the same form, with the peer."""
        server = HTTPServer(echo, ssl_options=pki.server_context(), ssl_handshake_timeout=0.05)
        with listening(server) as port:
            client = iostream.IOStream(socket.create_connection(('127.0.0.1', port)))
            with logged() as texts:
                yield client.read_until_close()
        text, = texts
        assert text.startswith('WARNING: SSL Error on ')
        assert "('127.0.0.1', " in text
        assert 'took longer than 0.05 seconds' in text

    @on_loop
    def test_scanner(self, pki):
        """However many handshakes fail, there are ten lines a minute, and the last says so."""
        with listening(HTTPServer(echo, ssl_options=pki.server_context())) as port:
            with logged() as texts:
                for _ in range(LINES + 5):
                    stream = iostream.IOStream(socket.create_connection(('127.0.0.1', port)))
                    stream.write(get())
                    yield stream.read_until_close()
        assert LINES == len(texts)
        assert [True] * LINES == [text.startswith('WARNING: SSL Error on ') for text in texts]
        assert texts[-1].endswith('are only counted')

    @on_loop
    def test_timeouts_of_tornado(self, pki):
        """Tornado's own limit for idle connections still holds."""
        server = HTTPServer(echo, ssl_options=pki.server_context(), idle_connection_timeout=0.1)
        with listening(server) as port:
            stream = yield TCPClient().connect('127.0.0.1', port,
                                               ssl_options=pki.client_context())
            assert b'' == (yield stream.read_until_close())

    @pytest.mark.parametrize('options', [[], ['--tlsv1.2', '--tls-max', '1.2'], ['--http1.0']])
    @on_loop
    def test_curl(self, pki, options):
        """curl is content with the server, its certificate, and how connections end."""
        size = 3000000
        server = HTTPServer(echo, ssl_options=pki.server_context())
        with listening(server) as port:
            url = 'https://localhost:%d/' % port
            resolve = ['--resolve', 'localhost:%d:127.0.0.1' % port, '--cacert', pki.path('ca')]
            status, out, err = yield run(['curl', '-sS'] + resolve + options + [url, url])
            assert (0, b'https 0' * 2, b'') == (status, out, err)
            status, out, err = yield run(['curl', '-sS', '--data-binary', '@-'] + resolve + options
                                         + [url], b'x' * size)
            assert (0, size, b'') == (status, len(out), err)


def stream_port(text):
    """Return the port in a text that Tornado logs."""
    return int(text.partition("', ")[2].partition(')')[0])


@gen.coroutine
def run(command, data=b''):
    """Run a program with the IOLoop going on; return (exit status, stdout, stderr)."""
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        pytest.skip(no_curl)
    streams = [iostream.PipeIOStream(os.dup(file.fileno()))
               for file in (process.stdin, process.stdout, process.stderr)]
    for file in (process.stdin, process.stdout, process.stderr):
        file.close()
    reading = [streams[1].read_until_close(), streams[2].read_until_close()]
    try:
        if data:
            yield streams[0].write(data)
        streams[0].close()
        out, err = yield reading
    finally:
        if process.poll() is None and not all(future.done() for future in reading):
            process.kill()
        process.wait()
    raise gen.Return((process.returncode, out, err))


PROCESSES = '''
from __future__ import print_function
import os, socket, ssl, sys
import sslproto27
from tornado import gen, ioloop, iostream, netutil, process, tcpserver

import sslproto27.tornado as ours
from tests.support.pipe_pairs import PYPY
from tests.support.pki import PKI
if %(install)r:
    ours.install()
    from tornado.tcpserver import TCPServer
else:
    TCPServer = ours.TCPServer

class Server(TCPServer):
    @gen.coroutine
    def handle_stream(self, stream, address):
        assert type(stream) is ours.SSLIOStream
        yield stream.read_until(b'\\n')
        yield stream.write(('%%d\\n' %% os.getpid()).encode('ascii'))
        stream.close()

pki = PKI(sys.argv[1])
server = Server(ssl_options=pki.server_context())
sockets = netutil.bind_sockets(0, '127.0.0.1')
port = sockets[0].getsockname()[1]
parent = os.getpid()
client = os.fork()
if not client:
    found = set()
    context = pki.client_context()
    for _ in range(200):
        sock = context.wrap_socket(socket.create_connection(('127.0.0.1', port)),
                                   server_hostname='localhost')
        sock.sendall(b'\\n')
        found.add(int(sock.makefile().readline()))
        sock.close()
        if len(found) > 1:
            break
    print(len(found), parent in found)
    sys.stdout.flush()
    for pid in found:
        os.kill(pid, 15)
    os._exit(0)
try:
    process.fork_processes(2, max_restarts=0)
except (RuntimeError, SystemExit):
    os.waitpid(client, 0)
    sys.exit(0)
server.add_sockets(sockets)
ioloop.IOLoop.current().start()
'''


@pytest.mark.parametrize('install', [True, False])
def test_processes(run_python, install):
    """A server of several processes, the context made before they part, is served by each."""
    finished = run_python(PROCESSES % dict(install=install), warnings='ignore')
    assert '2 False\n' == finished.stdout, finished.stderr


class TestLeaks(object):
    """Descriptors and memory, after many connections."""

    @on_loop
    def test_descriptors(self, pki):
        """Failed handshakes of every kind leave no descriptor open."""
        server = Echo(ssl_options=pki.server_context(), ssl_handshake_timeout=0.5)
        gc.collect()  # PyPy closes what earlier tests have left then
        before = len(os.listdir('/proc/self/fd'))
        with listening(server) as port:
            with logged():
                for number in range(300):
                    client = iostream.IOStream(socket.create_connection(('127.0.0.1', port)))
                    if number % 3 == 0:
                        client.write(b'garbage that is no TLS')
                        yield client.read_until_close()
                    elif number % 3 == 1:
                        yield failure_of(start_refusing(client, pki))
                    client.close()
                yield settled(lambda: len(server.streams) == 300
                              and all(stream.closed() for stream in server.streams))
        assert before == len(os.listdir('/proc/self/fd'))

    @pytest.mark.skipif(not os.path.exists('/proc/self/statm'), reason='no /proc here')
    def test_memory(self, run_python):
        """Hundreds of connections later memory is what it was."""
        finished = run_python('from tests.tornado.test_servers import main; main()',
                              warnings='ignore')
        assert 0 == finished.returncode, finished.stderr
        grown = [float(number) for number in finished.stdout.split()]
        # PyPy compiles as it goes: 1,700 bytes each, after 2,000 connections with the pair engine.
        assert max(grown) < (16384 if PYPY else 1024), grown


def start_refusing(stream, pki):
    """Start TLS as a client that does not trust the server."""
    return start_tls(stream, False, pki.client_context(trust='stranger-ca'),
                     server_hostname='localhost')


def main():
    """Print how many bytes each connection leaves behind, by the system's and malloc's count."""
    pki = PKI(sys.argv[1])
    contexts = pki.client_context(), pki.server_context('ecdsa')

    @gen.coroutine
    def connections(count):
        for _ in range(count):
            ours, theirs = connected_sockets()
            server = SSLIOStream(theirs, ssl_options=contexts[1], server_side=True)
            client = SSLIOStream(ours, ssl_options=contexts[0], server_hostname='localhost')
            client.write(b'x' * 20000)
            yield server.read_bytes(20000)
            client.close()
            server.close()

    loop = IOLoop.current()
    loop.run_sync(lambda: connections(150))
    readings = [in_use()]
    for _ in range(5):
        loop.run_sync(lambda: connections(50))
        readings.append(in_use())
    for series in zip(*readings):
        print(sorted(after - before for before, after in zip(series, series[1:]))[2] / 50)
