"""requests over memory BIOs: injected into urllib3, and by an adapter, with real servers."""
from __future__ import absolute_import, division, print_function

import contextlib
import gc
import socket
import ssl
import warnings

import pytest

from sslproto27 import SSLSocket
from tests.support.https import Proxy, serving
from tests.support.memory import raised
from tests.support.sessions import new_session, pattern
from tests.support.sockets import Background, connection

import requests

import sslproto27.requests
import sslproto27.urllib3

pytestmark = pytest.mark.filterwarnings('ignore:Unverified HTTPS request')


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
