"""HTTPS for twisted.web's Agent, and so for treq: directly or through proxies."""
from __future__ import absolute_import, division, print_function

import ssl

from twisted.internet import defer, error, interfaces
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.error import SchemeNotSupported
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from .._core.api import create_default_context
from .._core.servername import encode_hostname
from .._core.unique import Unique
from ._endpoints import TLSClientEndpoint
from ._lower import abort
from ._settings import settings_of
from ._tunnel import TunnelTransport

__all__ = ['AgentEndpointFactory', 'ConnectEndpoint', 'ProxyError']

#: The longest answer of a proxy to CONNECT, in bytes.
ANSWER_LIMIT = 64 * 1024


@implementer(IAgentEndpointFactory)
class AgentEndpointFactory(Unique):
    """
    Endpoints for twisted.web's Agent: https verifies the certificate and the name.

        agent = Agent.usingEndpointFactory(reactor, AgentEndpointFactory(reactor), pool)
        treq.client.HTTPClient(agent).get(...)

    Args:
        reactor: Twisted's reactor; the timeouts use its clock too.
        context (ssl.SSLContext or None): certificates, trust and settings; None means
            `create_default_context`, which then offers http/1.1 by ALPN.
        proxy (IStreamClientEndpoint or None): the endpoint of an HTTP proxy. All requests then go
            through tunnels (CONNECT, RFC 9110 9.3.6). If the proxy itself speaks TLS, pass a
            `TLSClientEndpoint`.
        proxyHeaders (list of (bytes, bytes)): more headers for the proxy, such as
            Proxy-Authorization.
        connectTimeout (float): seconds for TCP's connect and for the proxy's answer; default 30.
        bindAddress (bytes or None): see HostnameEndpoint.
        **options: see `TLSClientEndpoint`.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    def __init__(self, reactor, context=None, proxy=None, proxyHeaders=(), connectTimeout=30,
                 bindAddress=None, **options):
        if context is None:
            context = create_default_context()
            if getattr(ssl, 'HAS_ALPN', False):
                context.set_alpn_protocols(['http/1.1'])
        options['reactor'] = reactor
        settings_of(context, False, 'a-name.invalid', options)
        self._reactor = reactor
        self._context = context
        self._proxy = proxy
        self._proxy_headers = proxyHeaders
        self._timeout = connectTimeout
        self._bind_address = bindAddress
        self._options = options

    def endpointForURI(self, uri):
        """
        Return the endpoint for *uri* (twisted.web.client.URI).

        Raises:
            SchemeNotSupported: the scheme is neither http nor https.
        """
        if uri.scheme not in (b'http', b'https'):
            raise SchemeNotSupported('Unsupported scheme: %r' % (uri.scheme,))
        if self._proxy is None:
            endpoint = HostnameEndpoint(self._reactor, uri.host, uri.port, self._timeout,
                                        self._bind_address)
        else:
            endpoint = ConnectEndpoint(self._proxy, uri.host, uri.port, self._proxy_headers,
                                       self._timeout, self._reactor)
        if uri.scheme == b'http':
            return endpoint
        name = uri.host or None  # '' would turn the name check off
        return TLSClientEndpoint(endpoint, self._context, name, **self._options)


class ProxyError(error.ConnectError):
    """
    The proxy has refused the tunnel.

    Attributes:
        status (int or None): the answer's status; None if the answer is not HTTP.
    """

    def __init__(self, status, text):
        super(ProxyError, self).__init__(None, text)
        self.status = status

    def __str__(self):
        return self.args[0]  # a ConnectError's is its docstring


@implementer(interfaces.IStreamClientEndpoint)
class ConnectEndpoint(Unique):
    """
    A client endpoint through an HTTP proxy's tunnel (CONNECT, RFC 9110 9.3.6).

    Args:
        endpoint (IStreamClientEndpoint): the endpoint of the proxy.
        host (text or bytes), port (int): where the proxy has to connect to.
        headers (list of (bytes, bytes)): more headers for the proxy.
        timeout (float): seconds for the proxy's answer.
        reactor (IReactorTime): the reactor whose clock is used.

    Raises:
        ValueError: *host* is not a name or address, *port* not a port, or a header has line ends.
    """

    def __init__(self, endpoint, host, port, headers=(), timeout=30, reactor=None):
        self._endpoint = endpoint
        self._request = _request(host, port, headers)
        self._host = encode_hostname(host)
        self._timeout = timeout
        self._reactor = reactor

    def connect(self, protocolFactory):
        """Connect; see IStreamClientEndpoint. It fails with `ProxyError` if the proxy refuses."""
        tunnel = _Tunnel(self._host, self._request, protocolFactory)
        d = self._endpoint.connect(_OneProtocol(tunnel, protocolFactory))
        return d.addCallback(lambda _: self._answer_of(tunnel))

    def _answer_of(self, tunnel):
        reactor = self._reactor
        if reactor is None:
            from twisted.internet import reactor
        return tunnel.answered.addTimeout(self._timeout, reactor, lambda result, _: _timed_out(
            self._timeout) if result.check(defer.CancelledError) else result)


def _timed_out(timeout):
    raise error.TimeoutError(None, 'the proxy has not answered in %s seconds' % timeout)


def _request(host, port, headers):
    try:
        name = encode_hostname(host).encode('ascii')
    except (AttributeError, TypeError, ValueError):
        name = b''
    if not name or set(name) & set(b' \t\r\n/?#@[]'):
        raise ValueError('host must be a host name or an IP address, not %r' % (host,))
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ValueError('port must be between 1 and 65535, not %r' % (port,))
    if b':' in name:
        name = b'[' + name + b']'
    target = name + b':' + str(port).encode('ascii')
    lines = [b'CONNECT ' + target + b' HTTP/1.1', b'Host: ' + target]
    for key, value in headers:
        if set(key + value) & set(b'\r\n') or b':' in key:
            raise ValueError('headers must not have line ends: %r' % ((key, value),))
        lines.append(key + b': ' + value)
    return b'\r\n'.join(lines) + b'\r\n\r\n'


class _OneProtocol(object):
    """A factory of one protocol, which starts and stops the application's *factory*."""

    noisy = False

    def __init__(self, protocol, factory):
        self._protocol = protocol
        self.doStart, self.doStop = factory.doStart, factory.doStop

    def buildProtocol(self, addr):
        self._protocol.address = addr
        return self._protocol


@implementer(interfaces.IHalfCloseableProtocol)
class _Tunnel(Protocol):
    """Asks a proxy for a tunnel, then passes on data between it and the application's protocol."""

    def __init__(self, host, request, factory):
        self._host = host
        self._request = request
        self._factory = factory
        self._answer = b''
        self.address = None  # as the endpoint gave it: a process's transport does not tell
        self._tunnel = None  # the application's transport, once there is a tunnel
        self.answered = defer.Deferred(lambda _: abort(self.transport))

    @property
    def tunnelled(self):
        """The application's protocol; None before there is a tunnel, and after its loss."""
        return None if self._tunnel is None else self._tunnel.protocol

    def connectionMade(self):
        self.transport.write(self._request)

    def dataReceived(self, data):
        if self._tunnel is not None:
            self._tunnel.dataReceived(data)
            return
        if self._factory is None:
            return
        self._answer += data
        head, end, rest = self._answer.partition(b'\r\n\r\n')
        if end:
            self._answer = b''
            self._take(head, rest)
        elif len(self._answer) > ANSWER_LIMIT:
            self._fail(ProxyError(None, 'the answer of the proxy is too long'))

    def _take(self, head, rest):
        words = head.split(b'\r\n', 1)[0].split(None, 2)
        if len(words) < 2 or not words[0].startswith(b'HTTP/1.') or not words[1].isdigit():
            self._fail(ProxyError(None, 'the answer of the proxy is not HTTP: %r' % head[:80]))
            return
        status = int(words[1])
        if 100 <= status < 200:  # RFC 9110 15.2: the answer is still to come
            self.dataReceived(rest)
            return
        if not 200 <= status < 300:
            self._fail(ProxyError(status, 'the proxy answers %r' % b' '.join(words[1:])))
            return
        factory, self._factory = self._factory, None
        try:
            inner = factory.buildProtocol(self.address)
            if inner is None:
                raise error.NoProtocol()
            self._tunnel = TunnelTransport(self.transport, self._host)
            self._tunnel.protocol = inner
            inner.makeConnection(self._tunnel)
        except Exception:
            self.answered.errback(Failure())
            abort(self.transport)
            return
        self.answered.callback(inner)
        if rest:
            self._tunnel.dataReceived(rest)

    def _fail(self, reason):
        self._factory = None
        self.transport.loseConnection()
        self.answered.errback(Failure(reason))

    def readConnectionLost(self):
        if self._tunnel is None:
            self.transport.loseConnection()
        else:
            self._tunnel.readConnectionLost()

    def writeConnectionLost(self):
        if interfaces.IHalfCloseableProtocol.providedBy(self.tunnelled):
            self.tunnelled.writeConnectionLost()

    def connectionLost(self, reason):
        if self._tunnel is not None:
            self._tunnel.connectionLost(reason)
        elif self._factory is not None:
            self._factory = None
            if not self.answered.called:
                self.answered.errback(Failure(ProxyError(
                    None, 'the proxy has closed the connection')))
