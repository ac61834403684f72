"""requests over memory BIOs: injected into urllib3, and by an adapter, with real servers."""
from __future__ import absolute_import, division, print_function

import contextlib
import gc
import select
import socket
import ssl
import threading
import time
import warnings

import pytest

from sslproto27 import SSLPipe, SSLSocket
from tests.support.https import Proxy, serving
from tests.support.memory import PY2, raised
from tests.support.signals import Alarm, needs_signals
from tests.support.sockets import PATIENCE, Background, connection

pytest.importorskip('requests', reason='requests is not installed')
pytest.importorskip('urllib3', minversion='1.26', reason='urllib3 1.26 is not installed')

import requests  # noqa: E402
import urllib3  # noqa: E402
import urllib3.util.ssltransport  # noqa: E402

import sslproto27.requests  # noqa: E402
import sslproto27.urllib3  # noqa: E402

pytestmark = pytest.mark.filterwarnings('ignore:Unverified HTTPS request')


@contextlib.contextmanager
def injection(**kwargs):
    """Have sslproto27 injected into urllib3."""
    sslproto27.urllib3.inject_into_urllib3(**kwargs)
    try:
        yield
    finally:
        sslproto27.urllib3.extract_from_urllib3()


@contextlib.contextmanager
def new_session(way, pki, **kwargs):
    """Give a session that trusts the test authority, and whose TLS is ours."""
    with contextlib.closing(requests.Session()) as session:
        session.trust_env = False
        session.verify = pki.path('ca')
        if way == 'adapter':
            session.mount('https://', sslproto27.requests.SSLAdapter(**kwargs))
            yield session
        else:
            with injection(**kwargs):
                yield session


@pytest.fixture(params=['injected', 'adapter'])
def way(request):
    """Each way to give requests our TLS."""
    return request.param


@pytest.fixture
def session(way, pki):
    """A session that trusts the test authority, and whose TLS is ours."""
    with new_session(way, pki) as made:
        yield made


@pytest.fixture
def server(pki):
    """A web server for localhost and 127.0.0.1."""
    with serving(context=pki.server_context()) as made:
        yield made


def pattern(size):
    """Return the body of that many bytes."""
    return (b'0123456789abcdef' * (size // 16 + 1))[:size]


class TestRequests(object):
    """What works."""

    def test_socket(self, session, server):
        """The connection is an SSLSocket over a plain socket."""
        response = session.get(server.url('/bytes/100000'), stream=True)
        sock = response.raw._connection.sock
        assert (True, 'localhost') == (isinstance(sock, SSLSocket), sock.server_hostname)
        assert not isinstance(sock._lower, ssl.SSLSocket)
        assert pattern(100000) == response.content

    def test_keep_alive(self, session, server):
        """One connection serves many requests, redirected ones too."""
        for _ in range(3):
            assert b'hello' == session.get(server.url()).content
        assert b'hello' == session.get(server.url('/redirect')).content
        assert (1, 5) == (server.connections, len(server.requests))

    def test_large_body(self, session, server):
        """A body of megabytes arrives whole, at once and in pieces."""
        size = 3000001
        assert pattern(size) == session.get(server.url('/bytes/%d' % size)).content
        response = session.get(server.url('/bytes/%d' % size), stream=True)
        assert pattern(size) == b''.join(response.iter_content(10000))
        assert 1 == server.connections

    def test_chunked(self, session, server):
        """A chunked body arrives whole, and the connection goes on."""
        response = session.get(server.url('/chunked/25'), stream=True)
        chunks = list(response.iter_content(None))
        assert b''.join((b'%d' % (number % 10)) * 1000 for number in range(25)) == b''.join(chunks)
        assert b'hello' == session.get(server.url()).content
        assert 1 == server.connections

    @pytest.mark.parametrize('chunked', [False, True], ids=['measured', 'chunked'])
    def test_upload(self, session, server, chunked):
        """Bodies go up, also in chunks of unknown number."""
        body = pattern(1000003)
        pieces = (body[start:start + 70000] for start in range(0, len(body), 70000))
        response = session.post(server.url('/echo'), data=pieces if chunked else body)
        assert body == response.content

    def test_end_of_the_connection(self, session, server):
        """A body that ends with the connection is whole if close_notify has come."""
        assert b'x' * 1000 == session.get(server.url('/unmeasured')).content

    def test_client_certificate(self, session, pki):
        """The server gets *cert*."""
        with serving(context=pki.server_context(trust='ca')) as server:
            response = session.get(server.url('/peer'), cert=pki.path('client'))
        assert pki.chain('client')[0] == response.content

    def test_address(self, session, pki):
        """A certificate for an IP address is good for a URL with that address."""
        with serving(context=pki.server_context('network')) as server:
            assert b'hello' == session.get(server.url(host='127.0.0.1')).content

    def test_unverified(self, session, pki):
        """verify=False takes any certificate; the next connection with verify=True does not."""
        with serving(context=pki.server_context('stranger')) as server:
            assert b'hello' == session.get(server.url(), verify=False).content
            session.close()  # requests 2.27 would go on with the connection it has
            assert requests.exceptions.SSLError is type(raised(session.get, server.url()))

    def test_threads(self, session, server):
        """A session serves many threads at a time."""
        def fetch(size):
            return [session.get(server.url('/bytes/%d' % size)).content for _ in range(5)]
        threads = [Background(fetch, 1000 * number) for number in range(1, 9)]
        for number, thread in enumerate(threads, 1):
            assert [pattern(1000 * number)] * 5 == thread.result()


class TestRefusals(object):
    """What must not work."""

    @pytest.mark.parametrize('leaf, host', [
        ('stranger', 'localhost'), ('other', 'localhost'), ('expired', 'localhost'),
        ('nothing', '127.0.0.1'), ('ip_as_dns', '127.0.0.1')])
    def test_certificate(self, session, pki, leaf, host):
        """An unknown authority, another name or a bygone date is an SSLError, and no request."""
        with serving(context=pki.server_context(leaf)) as server:
            error = raised(session.get, server.url(host=host))
            assert requests.exceptions.SSLError is type(error)
            assert [] == server.requests

    def test_no_client_certificate(self, session, pki):
        """A server that insists on a certificate gets none: an error of requests."""
        with serving(context=pki.server_context(trust='ca')) as server:
            assert isinstance(raised(session.get, server.url('/peer')),
                              requests.exceptions.ConnectionError)
            assert [] == server.requests

    def test_no_tls(self, session):
        """A server without TLS is an SSLError."""
        with serving() as server:
            error = raised(session.get, server.url().replace('http', 'https'))
            assert isinstance(error, requests.exceptions.ConnectionError)

    @pytest.mark.parametrize('path', ['/truncated', '/short'])
    def test_truncation(self, session, server, path):
        """A body that is cut off is an error, read at once or in pieces."""
        assert isinstance(raised(session.get, server.url(path)),
                          requests.exceptions.ChunkedEncodingError)
        response = session.get(server.url(path), stream=True)
        assert isinstance(raised(list, response.iter_content(100)),
                          requests.exceptions.ChunkedEncodingError)

    def test_truncation_suppressed(self, way, pki, server):
        """With suppress_ragged_eofs a body that ends with the connection is taken as it is."""
        with new_session(way, pki, suppress_ragged_eofs=True) as session:
            assert b'x' * 1000 == session.get(server.url('/truncated')).content

    def test_setting_of_the_last_injection(self, pki, server):
        """Injected once more, suppress_ragged_eofs is what it is then; not after an extraction."""
        seen = []
        for suppress in (None, True, False, None):
            with new_session('injected', pki) as session:
                if suppress is not None:
                    sslproto27.urllib3.inject_into_urllib3(suppress_ragged_eofs=suppress)
                try:
                    seen.append(session.get(server.url('/truncated')).content == b'x' * 1000)
                except requests.exceptions.ChunkedEncodingError:
                    seen.append(False)
        assert [False, True, False, False] == seen

    @pytest.mark.parametrize('method', ['get', 'post'])
    def test_no_answer(self, session, server, method):
        """A connection that ends before the answer is a ConnectionError; nothing is repeated."""
        error = raised(getattr(session, method), server.url('/nothing'))
        assert requests.exceptions.ConnectionError is type(error)
        assert ['/nothing'] == server.requests

    def test_slow_handshake(self, session):
        """A server that does not shake hands is a timeout."""
        with contextlib.closing(socket.socket()) as listener:
            listener.bind(('127.0.0.1', 0))
            listener.listen(1)
            error = raised(session.get, 'https://localhost:%d/' % listener.getsockname()[1],
                           timeout=0.05)
        assert isinstance(error, requests.exceptions.Timeout)

    def test_slow_answer(self, session, server):
        """A server that does not answer is a ReadTimeout; the next request has a new connection."""
        session.get(server.url())
        assert requests.exceptions.ReadTimeout is type(
            raised(session.get, server.url('/slow'), timeout=0.05))
        assert b'hello' == session.get(server.url()).content
        assert 2 == server.connections

    def test_slow_body(self, session, server):
        """A body that stops half way is a ConnectionError that says so."""
        response = session.get(server.url('/halting'), stream=True, timeout=0.05)
        error = raised(list, response.iter_content(500))
        assert (requests.exceptions.ConnectionError, True) == (
            type(error), 'timed out' in str(error).lower())


@needs_signals
class TestSignals(object):
    """Signals with handlers of Python end no request, wherever it waits."""

    def test_wait_for_the_answer(self, session, server):
        """It is received after signals."""
        assert b'hello' == session.get(server.url()).content  # connects: that is the system's
        with Alarm(0.002) as alarm:
            timer = threading.Timer(0.1, server.release.set)
            timer.start()
            assert 200 == session.get(server.url('/slow'), timeout=PATIENCE).status_code
            timer.join()
        assert (1, True) == (server.connections, alarm.count > 10)

    def test_large_bodies(self, session, server):
        """So are bodies of megabytes, up and down."""
        body = pattern(5000003)
        assert b'hello' == session.get(server.url()).content
        with Alarm(0.001) as alarm:
            assert body == session.post(server.url('/echo'), data=body).content
        assert (1, True) == (server.connections, alarm.count > 10)

    def test_handshake(self, session, pki):
        """So is an answer whose handshake waits."""
        with contextlib.closing(socket.socket()) as listener, Alarm(0.002) as alarm:
            alarm.stop()  # to connect is the system's, which a signal may interrupt
            listener.bind(('127.0.0.1', 0))
            listener.listen(1)

            def serve():
                sock = listener.accept()[0]
                time.sleep(0.05)
                alarm.start()
                alarm.wait(10)
                tls = pki.server_context().wrap_socket(sock, server_side=True)
                tls.recv(10000)
                alarm.wait(10)
                tls.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
                tls.close()
            peer = Background(serve)
            assert b'ok' == session.get(
                'https://localhost:%d/' % listener.getsockname()[1]).content
            peer.result()


class PipeServer(object):
    """
    A server of connections that are pipes: the test decides what is sent together.

    Args:
        answer (callable): called with the pipe, once a request has come; what it returns goes out
            in one call. The connection stays open until the server is closed.
    """

    def __init__(self, context, answer):
        self.context, self.answer = context, answer
        self.listener = socket.socket()
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(5)
        self.url = 'https://localhost:%d/' % self.listener.getsockname()[1]
        self.ends = []
        self.thread = threading.Thread(target=self.run)
        self.thread.daemon = True
        self.thread.start()

    def run(self):
        """Serve one connection after the other."""
        while True:
            try:
                end = self.listener.accept()[0]
            except socket.error:
                return
            self.ends.append(end)
            pipe = SSLPipe(self.context, server_side=True)
            pipe.do_handshake()
            end.sendall(pipe.data_to_send())
            request = b''
            while b'\r\n\r\n' not in request:
                pipe.feed_ssldata(end.recv(65536))
                request += pipe.appdata_received()
                end.sendall(pipe.data_to_send())
            end.sendall(self.answer(pipe))

    def close(self):
        """End all connections."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)
        for end in self.ends:
            end.close()


class TestReadiness(object):
    """select() on a socket that the program did not choose tells what it tells of ssl's."""

    @pytest.mark.parametrize('size', [2, 20000, 200000])
    @pytest.mark.parametrize('end', ['close_notify', 'garbage'])
    def test_kept_connection_has_ended(self, session, pki, tls_version, size, end):
        """
        A connection that is kept, but whose TLS has ended right after the answer, is not used
        again.
        """
        def answer(pipe):
            pipe.feed_appdata(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % size
                              + pattern(size))
            if end == 'garbage':
                return pipe.data_to_send() + b'\x17\x03\x03\x00\x20' + b'broken' * 6
            pipe.shutdown()
            return pipe.data_to_send()
        with contextlib.closing(
                PipeServer(pki.server_context(version=tls_version), answer)) as server:
            for _ in range(2):
                response = session.get(server.url, timeout=PATIENCE, stream=True)
                assert pattern(size) == b''.join(response.iter_content(1 << 20))
            assert 2 == len(server.ends)

    @pytest.mark.parametrize('size', [1, 7, 100, 20000, 100000])
    def test_select(self, session, pki, tls_version, size):
        """Who reads when select() says so gets all that has come, however much he reads at once."""
        frames = [pattern(length) for length in (7, 1, 16384, 16383, 40000, 16384, 5)]

        def answer(pipe):
            records = []
            for frame in [b'HTTP/1.1 101 UPGRADED\r\n\r\n'] + frames:
                pipe.feed_appdata(frame)
                records.append(pipe.data_to_send())
            return b''.join(records)
        with contextlib.closing(
                PipeServer(pki.server_context(version=tls_version), answer)) as server:
            response = session.get(server.url, stream=True, timeout=PATIENCE)
            sock = response.raw._connection.sock
            received = b''
            while len(received) < len(b''.join(frames)):
                if size < 16384:  # the rest of a record is nothing that select() could know of
                    assert sock.pending() or [sock] == select.select([sock], [], [], PATIENCE)[0]
                else:
                    assert [sock] == select.select([sock], [], [], PATIENCE)[0]
                received += sock.recv(size)
            assert b''.join(frames) == received
            response.close()

    def test_end_is_readable(self, session, pki, tls_version):
        """Who has read all before close_notify, and that along, is told that there is an end."""
        def answer(pipe):
            pipe.feed_appdata(b'HTTP/1.1 101 UPGRADED\r\n\r\n')
            records = pipe.data_to_send()
            pipe.feed_appdata(b'last words')
            pipe.shutdown()
            return records + pipe.data_to_send()
        with contextlib.closing(
                PipeServer(pki.server_context(version=tls_version), answer)) as server:
            response = session.get(server.url, stream=True, timeout=PATIENCE)
            sock = response.raw._connection.sock
            assert b'last words' == sock.recv(100000)
            assert [sock] == select.select([sock], [], [], 0)[0]
            assert b'' == sock.recv(1)
            response.close()


class TestProxies(object):
    """HTTPS through proxies."""

    @pytest.fixture(params=['http', 'https'])
    def proxy(self, request, pki):
        """A proxy, with and without TLS of its own."""
        context = pki.server_context() if request.param == 'https' else None
        with serving(Proxy, context) as made:
            yield made

    def test_proxy(self, session, server, proxy):
        """Requests go through a proxy, over TLS in TLS if it has TLS, and keep the connection."""
        session.proxies = {'https': proxy.url()}
        for size in (10, 2000000):
            response = session.get(server.url('/bytes/%d' % size))
            assert pattern(size) == response.content
        assert pattern(500000) == session.post(server.url('/echo'), data=pattern(500000)).content
        assert (['localhost:%d' % server.server_port], 1) == (proxy.requests, server.connections)

    def test_layers(self, session, server, proxy):
        """Each layer has its own end and its own verification."""
        session.proxies = {'https': proxy.url()}
        response = session.get(server.url(), stream=True)
        sock = response.raw._connection.sock
        assert isinstance(sock, SSLSocket)
        assert isinstance(sock._lower, (SSLSocket, ssl.SSLSocket)) == (proxy.context is not None)
        assert b'hello' == response.content

    def test_server_is_verified(self, session, pki, proxy):
        """Behind a proxy, too, a server must prove its name."""
        session.proxies = {'https': proxy.url()}
        with serving(context=pki.server_context('other')) as server:
            assert requests.exceptions.SSLError is type(raised(session.get, server.url()))
            assert [] == server.requests

    @pytest.mark.parametrize('leaf', ['other', 'stranger'])
    def test_proxy_is_verified(self, session, pki, server, leaf):
        """A proxy must prove its name before it is told where to connect."""
        with serving(Proxy, pki.server_context(leaf)) as proxy:
            session.proxies = {'https': proxy.url()}
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # urllib3 leaves the socket to the collector
                error = raised(session.get, server.url())
                assert isinstance(error, requests.exceptions.ConnectionError)
                del error
                gc.collect()
            assert [] == proxy.requests

    def test_refused(self, session, proxy):
        """What the proxy cannot reach is a ConnectionError."""
        session.proxies = {'https': proxy.url()}
        with connection() as ends:
            port = ends[0].getsockname()[1]
        assert isinstance(raised(session.get, 'https://localhost:%d/' % port),
                          requests.exceptions.ConnectionError)


class TestInjection(object):
    """inject_into_urllib3 and extract_from_urllib3."""

    def contents(self):
        """Return all that the modules have, and PoolManager."""
        modules = [urllib3.util, urllib3.util.ssl_, urllib3.util.ssltransport, urllib3.connection,
                   urllib3.poolmanager, urllib3.poolmanager.PoolManager]
        return [dict(vars(module)) for module in modules]

    def test_extract(self):
        """extract puts everything back, once, however often it was injected."""
        before = self.contents()
        sslproto27.urllib3.extract_from_urllib3()
        assert before == self.contents()
        sslproto27.urllib3.inject_into_urllib3()
        injected = self.contents()
        assert before != injected
        sslproto27.urllib3.inject_into_urllib3()
        assert injected == self.contents()
        sslproto27.urllib3.extract_from_urllib3()
        assert before == self.contents()

    def test_other_name(self):
        """requests' other name for urllib3 is not another copy."""
        before = self.contents()
        sslproto27.urllib3.inject_into_urllib3('urllib3')
        injected = self.contents()
        sslproto27.urllib3.inject_into_urllib3('requests.packages.urllib3')
        assert injected == self.contents()
        sslproto27.urllib3.extract_from_urllib3('requests.packages.urllib3')
        assert before == self.contents()

    PLACES = [(urllib3.util.ssl_, '_ssl_wrap_socket_impl'), (urllib3.connection, 'match_hostname'),
              (urllib3.util.ssl_, 'SSLTransport'), (urllib3.util.ssltransport, 'SSLTransport'),
              (urllib3.util, 'SSLContext'), (urllib3.util.ssl_, 'SSLContext')] + PY2 * [
        (urllib3.poolmanager.PoolManager, '_validate_proxy_scheme_url_selection')]

    @pytest.mark.parametrize('target, name', PLACES, ids=[name for _, name in PLACES])
    def test_all_or_nothing(self, monkeypatch, target, name):
        """A copy that lacks any name that has to be replaced is refused, and left as it was."""
        with monkeypatch.context() as patch:
            patch.delattr(target, name)
            before = self.contents()
            for _ in range(2):
                error = raised(sslproto27.urllib3.inject_into_urllib3)
                assert type(error) is ValueError
                assert name in str(error)
            assert before == self.contents()
        with injection():
            assert before != self.contents()

    @pytest.mark.parametrize('way', ['inject', 'extract'])
    def test_failure_half_way(self, monkeypatch, way):
        """What fails in the middle puts all back, a KeyboardInterrupt too."""
        class Owner(type):
            def __setattr__(cls, name, value):
                if armed:
                    armed.pop()
                    raise KeyboardInterrupt
                type.__setattr__(cls, name, value)
        armed = []
        owner = Owner('PoolManager', (urllib3.poolmanager.PoolManager,), {
            '_validate_proxy_scheme_url_selection': None})
        monkeypatch.setattr(urllib3.poolmanager, 'PoolManager', owner)
        if not PY2:
            monkeypatch.setattr(sslproto27.urllib3, '_PLACES', sslproto27.urllib3._PLACES + [
                ('.poolmanager', 'PoolManager', '_validate_proxy_scheme_url_selection')])
            replacements = sslproto27.urllib3._replacements
            monkeypatch.setattr(sslproto27.urllib3, '_replacements',
                                lambda *args: replacements(*args)[:6] + [len])
        call = sslproto27.urllib3.inject_into_urllib3
        if way == 'extract':
            call()
            call = sslproto27.urllib3.extract_from_urllib3
        before, before_owner = self.contents(), dict(vars(owner))
        armed.append(True)
        with pytest.raises(KeyboardInterrupt):
            call()
        assert (before, before_owner) == (self.contents(), dict(vars(owner)))
        call()
        assert before != self.contents()
        sslproto27.urllib3.extract_from_urllib3()

    def test_adapter_patches_nothing(self, pki, server):
        """The adapter changes nothing in urllib3."""
        before = self.contents()
        with new_session('adapter', pki) as session:
            session.get(server.url())
            assert before == self.contents()

    @pytest.mark.parametrize('package', ['requests', 'json'])
    def test_other_packages(self, package):
        """What is no urllib3 1.26 is refused."""
        assert ValueError is type(raised(sslproto27.urllib3.inject_into_urllib3, package))
        assert isinstance(raised(sslproto27.urllib3.inject_into_urllib3, 'nowhere.urllib3'),
                          ImportError)

    @pytest.mark.parametrize('module, version, supported', [
        ('requests', '2.24.0', '2.25 to 2.99'), ('requests', '3.0', '2.25 to 2.99'),
        ('urllib3', '1.25.11', '1.26'), ('urllib3', '2.0.1', '1.26')])
    def test_other_versions(self, run_python, module, version, supported):
        """The adapter cannot be imported with versions that it is not written for."""
        finished = run_python('''
import requests, urllib3
%s.__version__ = %r
try:
    import sslproto27.requests
except ImportError as error:
    print(error)
''' % (module, version), warnings='ignore')
        assert '%s %s is not supported, but %s\n' % (module, version, supported) == finished.stdout

    @pytest.mark.parametrize('make', [
        ssl.create_default_context, sslproto27.create_default_context], ids=['stock', 'ours'])
    def test_custom_context(self, pki, server, make):
        """A context of the user's own, which checks names itself, is used in memory too."""
        with injection(), urllib3.PoolManager(
                ssl_context=make(cafile=pki.path('ca'))) as manager:
            response = manager.request('GET', server.url(), preload_content=False)
            assert isinstance(response._connection.sock, SSLSocket)
            assert b'hello' == response.read()

    def test_name_is_checked_in_the_handshake(self, pki):
        """Such a context refuses a server of another name before the handshake is done."""
        with serving(context=pki.server_context('other')) as server, injection(), \
                urllib3.PoolManager(ssl_context=ssl.create_default_context(
                    cafile=pki.path('ca')), retries=False) as manager:
            assert urllib3.exceptions.SSLError is type(
                raised(manager.request, 'GET', server.url()))
            assert [] == server.requests

    def test_address_is_asserted(self, pki, server):
        """An address that urllib3 is to assert has to be in the certificate."""
        with injection():
            with self.asserting(pki, '127.0.0.1') as manager:
                assert b'hello' == manager.request('GET', server.url()).data
            with self.asserting(pki, '127.0.0.2') as manager:
                error = raised(manager.request, 'GET', server.url())
        assert urllib3.exceptions.SSLError is type(error)
        assert '127.0.0.2' in str(error)

    def asserting(self, pki, name):
        """Return a manager of connections whose certificates have to be for *name*."""
        return urllib3.PoolManager(ca_certs=pki.path('ca'), assert_hostname=name, retries=False)

    def test_contexts_of_others(self):
        """A context that is none of ssl's, pyOpenSSL's say, wraps sockets itself, as before."""
        class Context(object):
            def set_alpn_protocols(self, protocols):
                pass

            def wrap_socket(self, sock, server_hostname=None):
                return 'wrapped', sock, server_hostname
        with injection():
            assert ('wrapped', 'a socket', 'localhost') == urllib3.util.ssl_.ssl_wrap_socket(
                'a socket', ssl_context=Context(), server_hostname='localhost')

    def test_tls_in_tls_of_others(self):
        """With such a context there is no TLS in TLS, and urllib3's own error says so."""
        with injection():
            transport = urllib3.util.ssl_.SSLTransport
            error = raised(transport._validate_ssl_context_for_tls_in_tls, object())
            transport._validate_ssl_context_for_tls_in_tls(ssl.create_default_context())
        assert urllib3.exceptions.ProxySchemeUnsupported is type(error)

    def test_thread_pool(self, pki, server):
        """A pool shared by threads hands each a connection of its own."""
        barrier = threading.Semaphore(0)
        with injection(), urllib3.PoolManager(ca_certs=pki.path('ca'), maxsize=4) as manager:
            def fetch():
                response = manager.request('GET', server.url('/halting'), preload_content=False)
                barrier.release()
                return response.read()
            threads = [Background(fetch) for _ in range(4)]
            for _ in threads:
                barrier.acquire()
            assert 4 == server.connections
            server.release.set()
            for thread in threads:
                assert b'x' * 1000 + b'y' * 1000 == thread.result()
