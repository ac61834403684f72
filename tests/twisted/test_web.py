"""HTTPS over Twisted: Agent, its pool, proxies, Site; treq, klein and Autobahn over them."""
from __future__ import absolute_import, division, print_function

import ssl
import warnings

import pytest

from sslproto27 import SSLCertVerificationError
from sslproto27.twisted import (
    AgentEndpointFactory, ConnectEndpoint, ProxyError, TLSClientEndpoint, TLSServerEndpoint)
from tests.support.twisteds import (
    Proxy, Recorder, defer, error, global_reactor, idle, interfaces, listening, loopback, protocol,
    proxy_factory, quiet, times_out, until)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.test.proto_helpers import MemoryReactorClock
    from twisted.web import client, error as web_error, resource, server


class Page(resource.Resource):
    """Tells about the request; answers a POST with its body."""

    isLeaf = True

    def __init__(self):
        resource.Resource.__init__(self)
        self.transports = []

    def render_GET(self, request):
        self.transports.append(request.transport)
        if request.path == b'/large':
            return b'x' * (1 << 20)
        return b'secure' if request.isSecure() else b'plain'

    def render_POST(self, request):
        return request.content.read()


@pytest.fixture
def site(pki):
    """An HTTPS server as (port, page)."""
    page = Page()
    factory = server.Site(page)
    factory.noisy = False
    with listening(TLSServerEndpoint(loopback(), pki.server_context()), factory) as port:
        yield port, page
    idle()


def get(agent, url, method=b'GET', body=None):
    """Return the response to a request, and its body."""
    response = until(agent.request(method, url, None, body))
    reader = Recorder()
    response.deliverBody(reader)
    until(lambda: reader.reason is not None)
    if not reader.reason.check(client.ResponseDone):
        reader.reason.raiseException()
    return response, reader.data


def agent_of(pki, pool=None, **options):
    """Return an Agent that trusts the tests' authority."""
    options.setdefault('context', pki.client_context())
    return client.Agent.usingEndpointFactory(
        global_reactor, AgentEndpointFactory(global_reactor, **options), pool)


class TestAgent(object):
    """twisted.web's Agent."""

    def test_get(self, pki, site):
        """A request over https is answered; the server knows that it is secure."""
        port, page = site
        response, body = get(agent_of(pki), b'https://localhost:%d/' % port)
        assert (200, b'secure') == (response.code, body)
        assert interfaces.ISSLTransport.providedBy(page.transports[0])

    def test_large(self, pki, site):
        """A megabyte comes, all of it."""
        port, _ = site
        assert b'x' * (1 << 20) == get(agent_of(pki), b'https://localhost:%d/large' % port)[1]

    def test_post(self, pki, site):
        """A body goes there and comes back."""
        from io import BytesIO
        port, _ = site
        body = client.FileBodyProducer(BytesIO(b'y' * 300000))
        assert b'y' * 300000 == get(
            agent_of(pki), b'https://localhost:%d/' % port, b'POST', body)[1]

    def test_pool(self, pki, site):
        """A connection pool uses one connection for two requests."""
        port, page = site
        pool = client.HTTPConnectionPool(global_reactor)
        agent = agent_of(pki, pool)
        for _ in range(2):
            get(agent, b'https://localhost:%d/' % port)
        assert page.transports[0] is page.transports[1]
        until(pool.closeCachedConnections())

    def test_verifies_by_default(self, site):
        """Without a context certificates are verified, by the system's authorities."""
        port, _ = site
        agent = client.Agent.usingEndpointFactory(
            global_reactor, AgentEndpointFactory(global_reactor))
        with pytest.raises(client.ResponseNeverReceived) as info:
            get(agent, b'https://localhost:%d/' % port)
        assert info.value.reasons[0].check(SSLCertVerificationError)

    @pytest.mark.filterwarnings('ignore:Passing HostnameEndpoint')  # MemoryReactorClock on 2.7
    def test_clock(self, pki):
        """Timeouts use the clock of the reactor that is passed."""
        clock = MemoryReactorClock()
        factory = AgentEndpointFactory(clock, pki.client_context(), handshakeTimeout=5)
        uri = client.URI.fromBytes(b'https://127.0.0.1/')
        factory.endpointForURI(uri).connect(quiet(Recorder))
        until(lambda: clock.tcpClients)  # 2.7 looks the address up in a thread
        assert times_out(clock, clock.tcpClients[0][2], 5)

    def test_name(self, pki, site):
        """The name in the URL is verified."""
        port, _ = site
        with listening(TLSServerEndpoint(loopback(), pki.server_context('other')),
                       server.Site(Page())) as other:
            with pytest.raises(client.ResponseNeverReceived) as info:
                get(agent_of(pki), b'https://localhost:%d/' % other)
        assert info.value.reasons[0].check(SSLCertVerificationError)
        assert b'secure' == get(agent_of(pki), b'https://127.0.0.1:%d/' % port)[1]

    def test_alpn(self, pki):
        """The default context offers http/1.1."""
        factory = AgentEndpointFactory(global_reactor)
        factory._context.load_verify_locations(pki.path('ca'))
        context = pki.server_context()
        context.set_alpn_protocols(['http/1.1'])
        page = Page()
        with listening(TLSServerEndpoint(loopback(), context), server.Site(page)) as port:
            agent = client.Agent.usingEndpointFactory(global_reactor, factory)
            seen = []
            page.render_GET = lambda request: seen.append(
                request.transport.negotiatedProtocol) or b''
            get(agent, b'https://localhost:%d/' % port)
        assert [b'http/1.1'] == seen

    def test_plain(self, pki):
        """http stays plain, and other schemes are refused."""
        with listening(loopback(), server.Site(Page())) as port:
            assert b'plain' == get(agent_of(pki), b'http://127.0.0.1:%d/' % port)[1]
        with pytest.raises(web_error.SchemeNotSupported):
            get(agent_of(pki), b'ftp://127.0.0.1/')

    def test_truncated(self, pki):
        """A body that is cut short by an end without close_notify is an error."""
        class Cutter(protocol.Protocol):
            def dataReceived(self, data):
                self.transport.write(b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf')
                global_reactor.callLater(0.05, self.transport.transport.loseConnection)
        with listening(TLSServerEndpoint(loopback(), pki.server_context()), quiet(Cutter)) as port:
            with pytest.raises(client.ResponseFailed) as info:
                get(agent_of(pki), b'https://localhost:%d/' % port)
        assert info.value.reasons[0].check(error.ConnectionLost)

    @pytest.mark.parametrize('options, kind', [
        (dict(context='context'), TypeError), (dict(handshakeTimeout=0), ValueError)])
    def test_bad_options(self, options, kind):
        """An argument that cannot be used is an error that names it."""
        with pytest.raises(kind) as info:
            AgentEndpointFactory(global_reactor, **options)
        assert list(options)[0] in str(info.value)

    def test_no_host(self, pki):
        """A URL without a host is a ValueError: '' would turn the name check off."""
        factory = AgentEndpointFactory(global_reactor, pki.client_context())
        with pytest.raises(ValueError) as info:
            factory.endpointForURI(client.URI.fromBytes(b'https:///path'))
        assert 'hostname' in str(info.value)


class TestProxy(object):
    """HTTPS through a tunnel."""

    def test_tunnel(self, pki, site):
        """The request goes through CONNECT, and the origin is verified."""
        port, page = site
        factory = proxy_factory()
        with listening(loopback(), factory) as proxy:
            agent = agent_of(pki, proxy=loopback(port=proxy), proxyHeaders=[
                (b'Proxy-Authorization', b'Basic abc')])
            assert b'secure' == get(agent, b'https://localhost:%d/' % port)[1]
            idle()
        assert [b'CONNECT localhost:%d HTTP/1.1\r\nHost: localhost:%d\r\n'
                b'Proxy-Authorization: Basic abc\r\n\r\n' % (port, port)] == factory.heads

    def test_tls_to_the_proxy(self, pki, site):
        """The proxy speaks TLS itself: TLS in TLS, each verified by its own name."""
        port, _ = site
        factory = proxy_factory()
        with listening(TLSServerEndpoint(loopback(), pki.server_context('other')),
                       factory) as proxy:
            agent = agent_of(pki, proxy=TLSClientEndpoint(
                loopback(port=proxy), pki.client_context(), 'other.example.org'))
            assert b'secure' == get(agent, b'https://localhost:%d/' % port)[1]
            assert b'x' * (1 << 20) == get(agent, b'https://localhost:%d/large' % port)[1]
            idle()

    @pytest.mark.parametrize('answer, status', [
        (b'HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n', 407),
        (b'HTTP/1.1 502\r\n\r\n', 502), (b'nonsense\r\n\r\n', None),
        (b'x' * 70000, None)])
    def test_refused(self, pki, answer, status):
        """A proxy that makes no tunnel is a ProxyError, with its status."""
        factory = proxy_factory(type('Refuser', (Proxy, object), {'answer': answer}))
        with listening(loopback(), factory) as proxy:
            with pytest.raises(ProxyError) as info:
                until(ConnectEndpoint(loopback(port=proxy), 'localhost', 1).connect(
                    quiet(Recorder)))
            assert status == info.value.status
            assert str(info.value).startswith('the ')
            assert 'proxy' in str(info.value) and 'Attributes' not in str(info.value)
            idle()

    def test_exception_in_connection_made(self):
        """What connectionMade raises fails connect(), and ends the connection."""
        class Faulty(Recorder):
            def connectionMade(self):
                raise ZeroDivisionError('a fault')
        ours = quiet(Faulty)
        with listening(loopback(), quiet(Recorder)) as port:
            with listening(loopback(), proxy_factory(Proxy)) as proxy:
                d = ConnectEndpoint(loopback(port=proxy), 'localhost', port).connect(ours)
                with pytest.raises(ZeroDivisionError):
                    until(d)
                until(lambda: ours.made[0].reason, patience=5)
                idle()

    def test_proxy_leaves(self):
        """A proxy that closes the connection is a ProxyError."""
        class Leaver(protocol.Protocol):
            def dataReceived(self, data):
                self.transport.loseConnection()
        with listening(loopback(), quiet(Leaver)) as proxy:
            with pytest.raises(ProxyError):
                until(ConnectEndpoint(loopback(port=proxy), 'localhost', 1).connect(
                    quiet(Recorder)))

    def test_silent_proxy(self):
        """A proxy that does not answer in time is a TimeoutError; the connection is closed."""
        factory = quiet(Recorder)
        with listening(loopback(), factory) as proxy:
            with pytest.raises(error.TimeoutError):
                until(ConnectEndpoint(loopback(port=proxy), 'localhost', 1, timeout=0.1).connect(
                    quiet(Recorder)))
            until(lambda: factory.made[0].reason is not None)

    def test_informational_answer(self, pki, site):
        """An informational answer is not the answer, and what follows it at once is the origin's.
        """
        port, _ = site
        factory = proxy_factory(type('Early', (Proxy, object), {
            'answer': b'HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'}))
        with listening(loopback(), factory) as proxy:
            assert b'secure' == get(agent_of(pki, proxy=loopback(port=proxy)),
                                    b'https://localhost:%d/' % port)[1]
            idle()

    @pytest.mark.parametrize('host, port, headers', [
        ('a host', 1, ()), ('', 1, ()), ('host\r\nX: y', 1, ()), (None, 1, ()), ('host', 0, ()),
        ('host', '1', ()), ('host', 1, [(b'a', b'b\r\nc: d')]), ('host', 1, [(b'a: b', b'c')])])
    def test_bad_target(self, host, port, headers):
        """A target or a header that would say something else to the proxy is a ValueError."""
        with pytest.raises(ValueError):
            ConnectEndpoint(loopback(port=1), host, port, headers)

    def test_ipv6(self):
        """An IPv6 address has brackets."""
        assert ConnectEndpoint(loopback(port=1), '::1', 443)._request.startswith(
            b'CONNECT [::1]:443 HTTP/1.1\r\n')


class TestOthers(object):
    """What is built on Twisted."""

    def test_treq(self, pki, site):
        """treq over the Agent."""
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            treq_client = pytest.importorskip('treq.client', reason='treq is not installed here')
        port, _ = site
        http = treq_client.HTTPClient(agent_of(pki))
        response = until(http.get('https://localhost:%d/' % port))
        assert b'secure' == until(response.content())
        response = until(http.post('https://localhost:%d/' % port, data=b'a body'))
        assert b'a body' == until(response.content())

    def test_klein(self, pki):
        """A klein application behind a server endpoint."""
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            klein = pytest.importorskip('klein', reason='klein is not installed here')
        app = klein.Klein()

        @app.route('/<name>')
        def hello(request, name):
            return defer.succeed('%s, %s' % (name, request.isSecure()))
        with listening(TLSServerEndpoint(loopback(), pki.server_context()),
                       server.Site(app.resource())) as port:
            assert b'you, True' == get(agent_of(pki), b'https://localhost:%d/you' % port)[1]
            idle()

    @pytest.mark.parametrize('served', [
        'factory', 'server.Site(resource.WebSocketResource(factory))'])
    def test_autobahn(self, run_python, served):
        """
        Autobahn over wss, both sides, also where it takes the transport over from a Site.

        In a process of its own, as it is for one loop alone.
        """
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            pytest.importorskip('autobahn', reason='Autobahn is not installed here')
        assert (0, '200000 True\n', '') == run_python(
            _AUTOBAHN.replace('SERVED', served), warnings='ignore')

    def test_http2(self, pki):
        """The protocols of a Site, HTTP/2 among them if it can be had, are offered by ALPN."""
        site = server.Site(Page())
        context, wish = pki.server_context(), pki.client_context()
        wish.set_alpn_protocols(['http/1.1'])
        made = []

        class Asker(Recorder):
            def dataReceived(self, data):
                made.append(self.transport.negotiatedProtocol)
                self.transport.loseConnection()
        with listening(TLSServerEndpoint(loopback(), context), site) as port:
            ours = until(TLSClientEndpoint(loopback(port=port), wish, 'localhost').connect(
                quiet(Asker)))
            ours.transport.write(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
            until(lambda: ours.reason is not None)
            idle()
        assert b'http/1.1' == made[0]
        assert ssl.HAS_ALPN


_AUTOBAHN = """
from __future__ import print_function
import sys
from autobahn.twisted import resource, websocket
from twisted.web import server
from sslproto27.twisted import TLSClientEndpoint, TLSServerEndpoint
from tests.support.pki import PKI
from tests.support.twisteds import listening, loopback, until

pki = PKI(sys.argv[1])

class Server(websocket.WebSocketServerProtocol):
    def onMessage(self, payload, isBinary):
        self.sendMessage(payload, isBinary)

got = []

class Client(websocket.WebSocketClientProtocol):
    def onOpen(self):
        self.sendMessage(b'z' * 200000, True)

    def onMessage(self, payload, isBinary):
        got.append(len(payload))
        self.sendClose()

    def onClose(self, wasClean, code, reason):
        got.append(wasClean)

factory = websocket.WebSocketServerFactory()
factory.protocol = Server
with listening(TLSServerEndpoint(loopback(), pki.server_context()), SERVED) as port:
    other = websocket.WebSocketClientFactory('wss://localhost:%d' % port)
    other.protocol = Client
    until(TLSClientEndpoint(loopback(port=port), pki.client_context(), 'localhost').connect(other))
    until(lambda: len(got) == 2)
print(*got)
"""
