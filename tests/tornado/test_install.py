"""`sslproto27.tornado.install`: unchanged Tornado applications on our streams."""
from __future__ import absolute_import, division, print_function

import socket
import ssl
import threading

import pytest

from tests.support.tornados import (
    connected_sockets, failure_of, gen, httpclient, httpserver, iostream, listening, logged,
    netutil, on_loop, settled, web, websocket)

from sslproto27.tornado import SSLIOStream, _install, install, uninstall
from sslproto27.tornado._compat import IS_OLD
from tornado.tcpclient import TCPClient
from tornado.tcpserver import TCPServer

PLACES = [iostream, netutil, httpserver, httpclient, ssl, ssl.SSLSocket, TCPServer, TCPClient,
          iostream.BaseIOStream, iostream.IOStream, iostream.SSLIOStream, httpserver.HTTPServer]


def contents():
    """Return what Tornado's modules and classes are made of."""
    return [{name: id(value) for name, value in vars(place).items()
             if not name.startswith('__') or name == '__init__'} for place in PLACES]


@pytest.fixture
def installed():
    """Install for one test."""
    install()
    yield
    uninstall()


@pytest.fixture
def no_ssl_socket(monkeypatch):
    """Let every TLS of ssl's own sockets fail the test."""
    def refuse(*args, **kwargs):
        raise AssertionError('a socket of ssl did TLS')
    for name in ('do_handshake', 'recv_into', 'recv', 'send', 'sendall', 'read', 'write'):
        monkeypatch.setattr(ssl.SSLSocket, name, refuse)


class Hello(web.RequestHandler):
    """Says what it knows of the connection."""

    def get(self):
        """Answer."""
        assert type(self.request.connection.stream) is SSLIOStream
        certificate = self.request.get_ssl_certificate()
        self.write('%s %s' % (self.request.protocol,
                              certificate and certificate['subjectAltName'][0][1]))


class Shout(websocket.WebSocketHandler):
    """Sends every message back, in capitals."""

    def on_message(self, message):
        """Answer."""
        self.write_message(message.upper())


def application(context):
    """Return an unchanged Tornado server."""
    handlers = [('/', Hello), ('/shout', Shout)]
    return httpserver.HTTPServer(web.Application(handlers, log_function=str), ssl_options=context)


class Reply(TCPServer):
    """Sends five bytes back."""

    @gen.coroutine
    def handle_stream(self, stream, address):
        """Serve one connection."""
        try:
            yield stream.write((yield stream.read_bytes(5)))
        except iostream.StreamClosedError:
            pass
        stream.close()


class TestPatching(object):
    """What is replaced, and given back."""

    def test_uninstall(self):
        """uninstall() gives everything back, however often either was called."""
        before = contents()
        uninstall()
        assert before == contents()
        for _ in range(2):
            install()
            install()
            assert before != contents()
            uninstall()
            assert before == contents()
            uninstall()
            assert before == contents()

    def test_three_methods(self):
        """Three methods are replaced, and no name that anybody may have imported."""
        before = contents()
        install()
        changed = [(place.__name__, name) for place, old, new in zip(PLACES, before, contents())
                   for name in new if old.get(name) != new[name]]
        uninstall()
        assert [('IOStream', 'start_tls'), ('SSLIOStream', '__init__'),
                ('TCPServer', '_handle_connection')] == sorted(changed)

    @on_loop
    def test_handshake_limit(self, pki, caplog):
        """Each unchanged server has its own limit, as large as install() was told last."""
        install(ssl_handshake_limit=100)
        first, second = application(pki.server_context()), application(pki.server_context())
        with listening(first) as port, listening(second) as other:
            install(ssl_handshake_limit=2)
            silent = [iostream.IOStream(socket.create_connection(('127.0.0.1', number)))
                      for number in (port, port, other, other, port, other)]
            assert [b'', b''] == (yield [one.read_until_close() for one in silent[4:]])
            assert 2 == len([record for record in caplog.records
                             if 'ssl_handshake_limit' in record.getMessage()])
            for one in silent:
                one.close()
        uninstall()

    def test_wrong_handshake_limit(self):
        """Where the limit cannot be used nothing is installed."""
        before = contents()
        with pytest.raises(ValueError, match='ssl_handshake_limit'):
            install(ssl_handshake_limit=0)
        assert before == contents()

    @on_loop
    def test_own_again(self, pki):
        """After uninstall() Tornado's streams are its own; ours stay ours."""
        ours, theirs = connected_sockets()
        install()
        context = pki.client_context()
        client = iostream.SSLIOStream(ours, ssl_options=context, server_hostname='localhost')
        uninstall()
        server = iostream.SSLIOStream(pki.server_context().wrap_socket(
            theirs, server_side=True, do_handshake_on_connect=False))
        assert [SSLIOStream, iostream.SSLIOStream] == [type(client), type(server)]
        yield [client.wait_for_handshake(), server.wait_for_handshake()]
        client.write(b'data')
        assert b'data' == (yield server.read_bytes(4))
        client.close()
        server.close()

    @on_loop
    def test_servers_after_uninstall(self, pki):
        """Servers that listen when uninstall() is called go on, with TLS and without."""
        client = TCPClient()
        install()
        with listening(Reply()) as plain, listening(Reply(ssl_options=pki.server_context())) as tls:
            for step in (lambda: None, uninstall, install, uninstall):
                step()
                for port, context in ((plain, None), (tls, pki.client_context())):
                    stream = yield client.connect('localhost', port, ssl_options=context)
                    stream.write(b'hello')
                    assert b'hello' == (yield stream.read_until_close())

    @on_loop
    def test_handshake_done_before(self, pki, installed, monkeypatch):
        """A stream over an SSLSocket whose handshake is done is Tornado's; one line says so."""
        monkeypatch.setattr(_install, '_warned', [])
        with listening(Reply(ssl_options=pki.server_context())) as port, logged() as texts:
            for _ in range(2):
                sock = socket.create_connection(('127.0.0.1', port))
                wrapped = pki.client_context().wrap_socket(
                    sock, server_hostname='localhost', do_handshake_on_connect=False)
                thread = threading.Thread(target=wrapped.do_handshake)
                thread.start()
                yield settled(lambda: not thread.is_alive())
                wrapped.setblocking(False)
                client = iostream.SSLIOStream(wrapped)
                assert iostream.SSLIOStream is type(client)
                client.write(b'hello')
                assert b'hello' == (yield client.read_bytes(5))
                client.close()
        assert ['WARNING: a stream stays on the TLS of Tornado itself, since its SSLSocket has done'
                ' its handshake: wrap it with do_handshake_on_connect=False'] == texts

    @pytest.mark.parametrize('checked', [True, False])
    @on_loop
    def test_check_names(self, pki, checked):
        """A dict of ssl_options checks the server's name, unless install() is told not to."""
        install(check_names=checked)
        try:
            with listening(Reply(ssl_options=pki.server_context('other'))) as port, logged():
                connecting = TCPClient().connect('localhost', port, ssl_options=dict(
                    cert_reqs=ssl.CERT_REQUIRED, ca_certs=pki.path('ca')))
                outcome = yield failure_of(connecting, or_result=True)
            assert checked == isinstance(outcome, ssl.SSLError)
            if not checked:
                outcome.write(b'hello')
                assert b'hello' == (yield outcome.read_bytes(5))
                outcome.close()
        finally:
            uninstall()

    @on_loop
    def test_streams_from_before(self, pki):
        """A stream that Tornado made before goes on as it was."""
        ours, theirs = connected_sockets()
        wrapped = pki.server_context().wrap_socket(theirs, server_side=True,
                                                   do_handshake_on_connect=False)
        server = iostream.SSLIOStream(wrapped)
        install()
        try:
            client = iostream.SSLIOStream(ours, ssl_options=pki.client_context(),
                                          server_hostname='localhost')
            yield [client.wait_for_handshake(), server.wait_for_handshake()]
            assert [SSLIOStream, iostream.SSLIOStream] == [type(client), type(server)]
            server.write(b'data')
            assert b'data' == (yield client.read_bytes(4))
            client.close()
            server.close()
        finally:
            uninstall()

    @on_loop
    def test_settings(self, pki):
        """What install() is given holds for streams that say nothing else."""
        install(suppress_ragged_eofs=True, ssl_handshake_timeout=5)
        try:
            sockets = connected_sockets()
            server = iostream.SSLIOStream(sockets[1], ssl_options=pki.server_context(),
                                          server_side=True)
            client = iostream.SSLIOStream(sockets[0], ssl_options=pki.client_context(),
                                          server_hostname='localhost', ssl_handshake_timeout=7)
            yield [client.wait_for_handshake(), server.wait_for_handshake()]
            assert [7, 5] == [client._handshake_timeout, server._handshake_timeout]
            client.fileno().shutdown(socket.SHUT_WR)
            assert b'' == (yield server.read_until_close())
            client.close()
        finally:
            uninstall()


@pytest.mark.usefixtures('installed', 'no_ssl_socket')
class TestApplications(object):
    """Tornado's own classes, unchanged."""

    @on_loop
    def test_https(self, pki, tls_version):
        """HTTPServer and AsyncHTTPClient speak https."""
        with listening(application(pki.server_context(version=tls_version))) as port:
            client = httpclient.AsyncHTTPClient(force_instance=True)
            answer = yield client.fetch('https://localhost:%d/' % port, ca_certs=pki.path('ca'))
            assert b'https None' == answer.body
            answer = yield client.fetch('https://127.0.0.1:%d/' % port, validate_cert=False)
            assert 200 == answer.code
            client.close()

    @on_loop
    def test_client_certificate(self, pki):
        """AsyncHTTPClient shows its certificate, and the handler gets it."""
        with listening(application(pki.server_context(trust='ca'))) as port:
            client = httpclient.AsyncHTTPClient(force_instance=True)
            answer = yield client.fetch(
                'https://localhost:%d/' % port, ca_certs=pki.path('ca'),
                client_cert=pki.path('client'), client_key=pki.path('client'))
            assert b'https client.example.org' == answer.body
            client.close()

    @pytest.mark.parametrize('leaf, ca', [('stranger', 'ca'), ('other', 'ca')])
    @on_loop
    def test_refused(self, pki, leaf, ca):
        """AsyncHTTPClient refuses a stranger, and another's name."""
        with listening(application(pki.server_context(leaf))) as port:
            client = httpclient.AsyncHTTPClient(force_instance=True)
            with logged() as texts:
                error = yield failure_of(client.fetch('https://localhost:%d/' % port,
                                                      ca_certs=pki.path(ca)))
            assert isinstance(error, ssl.SSLError)
            assert 'CERTIFICATE_VERIFY_FAILED' in str(error)
            assert all(text.startswith('WARNING: SSL Error on') for text in texts)
            client.close()

    @on_loop
    def test_wss(self, pki):
        """WebSockets work over wss://, with large messages as well."""
        with listening(application(pki.server_context())) as port:
            request = httpclient.HTTPRequest('wss://localhost:%d/shout' % port,
                                             ca_certs=pki.path('ca'))
            connection = yield websocket.websocket_connect(request)
            for size in (3, 100000):
                connection.write_message('x' * size)
                assert u'X' * size == (yield connection.read_message())
            connection.close()
            assert (yield connection.read_message()) is None

    @on_loop
    def test_tcp(self, pki):
        """TCPServer and TCPClient do, with streams that TCPServer's subclass sees as ours."""
        streams = []

        class Server(TCPServer):
            def handle_stream(self, stream, address):
                streams.append(stream)
                stream.write(b'hello')

        with listening(Server(ssl_options=dict(certfile=pki.path('localhost')))) as port:
            stream = yield TCPClient().connect('localhost', port, ssl_options=pki.client_context())
            assert b'hello' == (yield stream.read_bytes(5))
            assert [SSLIOStream] * 2 == [type(stream), type(streams[0])]
            stream.close()

    @on_loop
    def test_plain_tcp(self):
        """A server without ssl_options stays as it is."""
        class Server(TCPServer):
            def handle_stream(self, stream, address):
                assert type(stream) is iostream.IOStream
                stream.write(b'hello')

        with listening(Server()) as port:
            stream = yield TCPClient().connect('localhost', port)
            assert b'hello' == (yield stream.read_bytes(5))
            stream.close()

    @on_loop
    def test_start_tls(self, pki):
        """IOStream.start_tls gives streams of ours."""
        client, server = [iostream.IOStream(sock) for sock in connected_sockets()]
        streams = yield [client.start_tls(False, pki.client_context(), 'localhost'),
                         server.start_tls(True, pki.server_context())]
        assert [SSLIOStream] * 2 == [type(stream) for stream in streams]
        for stream in streams:
            stream.close()

    @on_loop
    def test_wrapped_sockets(self, pki):
        """What netutil.ssl_wrap_socket has wrapped runs on our streams."""
        ours, theirs = connected_sockets()
        server = iostream.SSLIOStream(netutil.ssl_wrap_socket(
            theirs, pki.server_context(), server_side=True, do_handshake_on_connect=False))
        client = iostream.SSLIOStream(netutil.ssl_wrap_socket(
            ours, pki.client_context(), 'localhost', do_handshake_on_connect=False))
        yield [client.wait_for_handshake(), server.wait_for_handshake()]
        assert [SSLIOStream] * 2 == [type(client), type(server)]
        client.close()
        server.close()

    @on_loop
    def test_subclass(self, pki):
        """A subclass of Tornado's stream, made before or after, keeps what it adds."""
        class Counting(iostream.SSLIOStream):
            def __init__(self, sock, **kwargs):
                super(Counting, self).__init__(sock, **kwargs)
                self.bytes = 0

            def read_from_fd(self, *args):
                size = super(Counting, self).read_from_fd(*args)
                self.bytes += (len(size) if IS_OLD and size else size) or 0
                return size

        ours, theirs = connected_sockets()
        server = Counting(theirs, ssl_options=pki.server_context(), server_side=True)
        client = iostream.SSLIOStream(ours, ssl_options=pki.client_context(),
                                      server_hostname='localhost')
        client.write(b'data')
        assert b'data' == (yield server.read_bytes(4))
        assert isinstance(server, Counting) and isinstance(server, SSLIOStream)
        assert 'Counting' == type(server).__name__
        assert 4 == server.bytes
        client.close()
        server.close()


ORDER = '''
import ssl, sys
if %(before)r:
    import sslproto27.tornado
    sslproto27.tornado.install()
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import IOStream, SSLIOStream
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
if not %(before)r:
    import sslproto27.tornado
    sslproto27.tornado.install()
from tests.support.pki import PKI

class Handler(RequestHandler):
    def get(self):
        stream = self.request.connection.stream
        assert isinstance(stream, SSLIOStream)
        self.write(type(stream).__module__)

def refuse(*args):
    raise AssertionError('a socket of ssl did TLS')

ssl.SSLSocket.do_handshake = refuse
pki = PKI(sys.argv[1])
server = HTTPServer(Application([('/', Handler)]), ssl_options=pki.server_context())
sock, = bind_sockets(0, '127.0.0.1')
server.add_socket(sock)
url = 'https://localhost:%%d/' %% sock.getsockname()[1]
answer = IOLoop.current().run_sync(
    lambda: AsyncHTTPClient().fetch(url, ca_certs=pki.path('ca')), timeout=20)
sys.stdout.write(answer.body.decode('ascii'))
'''


@pytest.mark.parametrize('before', [True, False])
def test_order(run_python, before):
    """It does not matter whether Tornado was imported before install() or after."""
    finished = run_python(ORDER % dict(before=before), warnings='ignore')
    assert 'sslproto27.tornado._stream' == finished.stdout, finished.stderr
