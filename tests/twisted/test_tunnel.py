"""The transport inside a proxy's tunnel: whose name, whose TLS, whose data."""
from __future__ import absolute_import, division, print_function

import warnings
from io import BytesIO

import pytest
from zope.interface import directlyProvides

import sslproto27.twisted
from sslproto27 import SSLCertVerificationError
from sslproto27.twisted import ConnectEndpoint, TLSClientEndpoint, TLSServerEndpoint
from sslproto27.twisted._tunnel import TunnelTransport
from tests.support.twisteds import (
    Abortable, Failure, Half, Listener, Memory, Producer, Proxy, Recorder, defer, end, endpoints,
    error, global_reactor, idle, implementer, interfaces, listening, logged_errors, loopback,
    protocol, proxy_factory, quiet, until)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.protocols import basic

TARGET = 'other.example.org'


class Talk(basic.LineReceiver):
    """A server that starts TLS when asked to, and tells what it reads."""

    def __init__(self, context):
        self.context, self.lines, self.reason = context, [], None

    def connectionMade(self):
        self.sendLine(b'220 hello')

    def lineReceived(self, line):
        self.lines.append(line)
        if line.startswith(b'EHLO'):
            self.sendLine(b'250-hello')
            self.sendLine(b'250-STARTTLS')
            self.sendLine(b'250 AUTH PLAIN LOGIN')
        elif line == b'STARTTLS':
            self.sendLine(b'220 go ahead')
            sslproto27.twisted.startTLS(self.transport, self.context, True)
        else:
            self.sendLine(b'250 fine')

    def connectionLost(self, reason):
        self.reason = reason


@implementer(interfaces.IHandshakeListener)
class Ask(basic.LineReceiver):
    """A client that asks for TLS, and starts it without a name."""

    def __init__(self, context):
        self.context, self.lines, self.completed, self.reason = context, [], 0, None

    def lineReceived(self, line):
        self.lines.append(line)
        if len(self.lines) == 1:
            self.sendLine(b'STARTTLS')
        elif len(self.lines) == 2:
            self.transport.startTLS(self.context)

    def handshakeCompleted(self):
        self.completed += 1
        self.sendLine(b'secret')

    def connectionLost(self, reason):
        self.reason = reason


class Least(object):
    """An endpoint, as of a process: its transport is a `Memory`."""

    def connect(self, factory):
        self.below, self.protocol = Memory(), factory.buildProtocol('an address')
        self.protocol.makeConnection(self.below)
        return defer.succeed(self.protocol)


class Closing(Half):
    """Closes when the other end has sent all."""

    def readConnectionLost(self):
        Half.readConnectionLost(self)
        self.transport.loseConnection()


@pytest.fixture(params=['TCP', 'TLS'])
def tunnel(request, pki):
    """A function that returns an endpoint through a proxy whose own name is localhost."""
    one = loopback()
    if request.param == 'TLS':
        one = TLSServerEndpoint(one, pki.server_context())
    with listening(one, proxy_factory()) as proxy:
        below = endpoints.TCP4ClientEndpoint(global_reactor, 'localhost', proxy)
        if request.param == 'TLS':
            below = TLSClientEndpoint(below, pki.client_context(), 'localhost')
        yield lambda port: ConnectEndpoint(below, TARGET, port)
        idle()


class TestStartTLS(object):
    """STARTTLS through a tunnel."""

    @pytest.mark.parametrize('installed', [False, True])
    @pytest.mark.parametrize('name', ['other', 'localhost'])
    def test_name(self, pki, tunnel, name, installed):
        """The other end has to prove its own name: that of the proxy is not enough."""
        if installed:
            sslproto27.twisted.install()
        theirs = quiet(Talk, pki.server_context(name))
        try:
            with listening(loopback(), theirs) as port:
                ours = until(tunnel(port).connect(quiet(Ask, pki.client_context())))
                if name == 'other':
                    until(lambda: len(ours.lines) == 3)
                    assert interfaces.ISSLTransport.providedBy(ours.transport)
                    assert ours.transport.TLS
                    assert pki.chain('other')[0] == ours.transport.getPeerCertificate(True)
                    ours.transport.loseConnection()
                until(lambda: ours.reason and theirs.made[0].reason)
        finally:
            sslproto27.twisted.uninstall()
        if name == 'other':
            assert [b'STARTTLS', b'secret'] == theirs.made[0].lines
            assert (1, error.ConnectionDone) == (ours.completed, ours.reason.type)
        else:
            assert [b'STARTTLS'] == theirs.made[0].lines
            assert ours.reason.check(SSLCertVerificationError)

    def test_mail(self, pki, tunnel):
        """A mail client sends its password to the other end over TLS, and never without."""
        from twisted.mail import smtp
        theirs = quiet(Talk, pki.server_context('other'))
        with listening(loopback(), theirs) as port:
            done = defer.Deferred()
            sender = smtp.ESMTPSenderFactory(
                b'user', b'password', b'a@example.org', b'b@example.org', BytesIO(b'mail'),
                done, retries=0, contextFactory=pki.client_context())
            sender.noisy = False
            done.addErrback(lambda _: None)
            ours = until(tunnel(port).connect(sender))
            until(lambda: theirs.made)
            lines = theirs.made[0].lines
            until(lambda: [line for line in lines if line.startswith(b'AUTH')])
            assert [b'EHLO', b'STARTTLS', b'EHLO', b'AUTH'] == [
                line.split()[0] for line in lines[:4]]
            ours.transport.abortConnection()
            until(lambda: theirs.made[0].reason)

    def test_within_tls(self, pki):
        """TLS within TLS has no name by itself: the outer one's is not taken."""
        ours, theirs = quiet(Recorder), quiet(Recorder)
        with listening(TLSServerEndpoint(loopback(), pki.server_context()), theirs) as port:
            client = until(TLSClientEndpoint(
                loopback(port=port), pki.client_context(), 'localhost').connect(ours))
            with pytest.raises(ValueError) as info:
                client.transport.startTLS(pki.client_context())
            assert 'hostname' in str(info.value)
            until(lambda: theirs.made)
            end(client, theirs.made[0])

    def test_within_starttls(self, pki):
        """The same for TLS within what STARTTLS has begun."""
        ours = quiet(Recorder)
        with listening(loopback(), quiet(Recorder)) as port:
            client = until(loopback(port=port).connect(ours))
            sslproto27.twisted.startTLS(client, pki.client_context(), hostname='localhost')
            with pytest.raises(ValueError) as info:
                client.transport.startTLS(pki.client_context())
            assert 'hostname' in str(info.value)
            client.transport.abortConnection()
            until(lambda: client.reason)


class TestTransport(object):
    """What the transport says and does."""

    def test_is_not_tls(self, pki, tunnel):
        """A plain tunnel does not claim the TLS of the proxy, nor its certificate."""
        theirs = quiet(Recorder)
        with listening(loopback(), theirs) as port:
            ours = until(tunnel(port).connect(quiet(Recorder)))
            transport = ours.transport
            assert not interfaces.ISSLTransport.providedBy(transport)
            assert not interfaces.INegotiated.providedBy(transport)
            assert interfaces.ITCPTransport.providedBy(transport)
            for name in 'getPeerCertificate', 'negotiatedProtocol', 'sslObject':
                assert not hasattr(transport, name)
            assert not transport.TLS
            transport.setTcpNoDelay(True)
            transport.write(b'one ')
            transport.writeSequence([b'two ', b'three'])
            until(lambda: theirs.made and theirs.made[0].data == b'one two three')
            end(ours)

    @pytest.mark.parametrize('method, expected', [
        ('pauseProducing', b'greeting'), ('loseConnection', b''), ('abortConnection', b''),
        ('stopProducing', b'')])
    def test_data_with_the_answer(self, pki, method, expected):
        """Data that came with the proxy's answer waits for resumeProducing; a close drops it."""
        class Greeting(Proxy):
            answer = Proxy.answer + b'greeting'

        class Acting(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                getattr(self.transport, method)()
        with listening(loopback(), quiet(Recorder)) as port:
            with listening(loopback(), proxy_factory(Greeting)) as proxy:
                ours = until(ConnectEndpoint(loopback(port=proxy), 'localhost', port).connect(
                    quiet(Acting)))
                for _ in range(5):
                    global_reactor.iterate(0.005)
                assert b'' == ours.data
                if ours.reason is None:
                    ours.transport.resumeProducing()
                    assert b'' == ours.data  # not during the call
                until(lambda: ours.data == expected)
                end(ours)

    @pytest.mark.parametrize('over_tls', [False, True])
    @pytest.mark.parametrize('kind, last', [
        (Recorder, ['lost']), (Closing, ['read lost', 'lost'])])
    @pytest.mark.parametrize('method', [
        'resumeProducing', 'loseConnection', 'abortConnection', 'stopProducing'])
    def test_end_with_the_answer(self, pki, over_tls, kind, last, method):
        """An end that came with it waits too, and for the data; a close needs no data."""
        class Ending(protocol.Protocol):
            def dataReceived(self, data):
                self.transport.write(Proxy.answer + b'greeting')
                self.transport.loseConnection()

        class Pausing(kind):
            def connectionMade(self):
                kind.connectionMade(self)
                self.transport.pauseProducing()
        server, client = loopback(), lambda port: loopback(port=port)
        if over_tls:
            server = TLSServerEndpoint(server, pki.server_context())
            client = lambda port: TLSClientEndpoint(  # noqa: E731
                loopback(port=port), pki.client_context(), 'localhost')
        with listening(server, quiet(Ending)) as proxy:
            ours = until(ConnectEndpoint(client(proxy), TARGET, 25).connect(quiet(Pausing)))
            for _ in range(10):
                global_reactor.iterate(0.005)
            assert ['made'] == ours.events
            getattr(ours.transport, method)()
            assert ['made'] == ours.events  # not during the call
            until(lambda: ours.reason)
        if method == 'resumeProducing':
            assert ['made', 'data'] + last == ours.events
            assert (b'greeting', error.ConnectionDone) == (ours.data, ours.reason.type)
        else:
            assert ['made', 'lost'] == ours.events

    @pytest.mark.parametrize('reason, at_once', [
        (error.ConnectionLost(), True), (error.ConnectionDone(), False)])
    def test_loss_in_pause(self, reason, at_once):
        """As on a TLS connection, a reset does not wait for resumeProducing."""
        below, ours = Memory(), Recorder()
        transport = TunnelTransport(below, TARGET)
        transport.protocol = ours
        ours.makeConnection(transport)
        transport.pauseProducing()
        transport.dataReceived(b'data')
        transport.connectionLost(Failure(reason))
        assert (['made', 'lost'] if at_once else ['made']) == ours.events
        transport.resumeProducing()
        until(lambda: ours.reason)
        idle()
        assert (['made', 'lost'] if at_once else ['made', 'data', 'lost']) == ours.events

    @pytest.mark.parametrize('method, kind', [
        ('loseConnection', error.ConnectionDone), ('abortConnection', error.ConnectionAborted)])
    def test_close_after_loss(self, method, kind):
        """A close tells of an earlier loss that has waited for the data, which is dropped."""
        ours = Recorder()
        transport = TunnelTransport(Abortable(), TARGET)
        transport.protocol = ours
        ours.makeConnection(transport)
        transport.pauseProducing()
        transport.dataReceived(b'data')
        transport.connectionLost(Failure(error.ConnectionDone()))
        getattr(transport, method)()
        transport.pauseProducing()  # too late
        until(lambda: ours.reason)
        assert (['made', 'lost'], kind) == (ours.events, ours.reason.type)

    @pytest.mark.parametrize('claims', [False, True])
    def test_peer_ends_over_others(self, claims):
        """Over a transport that nobody knows, the producer is stopped, and then it is closed."""
        class Registering(Abortable):
            producer = None

            def registerProducer(self, producer, streaming):
                self.producer = producer

            def unregisterProducer(self):
                self.producer = None

            def loseConnection(self):
                self.closed = self.producer is None

            dataReceived = None  # a wrapper's

        below, ours, producer = Registering(), Recorder(), Producer()
        if claims:
            directlyProvides(below, interfaces.IHalfCloseableDescriptor)
        transport = TunnelTransport(below, TARGET)
        transport.protocol = ours
        ours.makeConnection(transport)
        transport.registerProducer(producer, True)
        transport.readConnectionLost()
        assert (True, ['stop'], ['made']) == (below.closed, producer.calls, ours.events)

    def test_exception_on_resumption(self, pki):
        """What dataReceived raises then is logged, and ends the connection."""
        class Greeting(Proxy):
            answer = Proxy.answer + b'greeting'

        class Faulty(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                self.transport.pauseProducing()
                global_reactor.callLater(0, self.transport.resumeProducing)

            def dataReceived(self, data):
                raise ZeroDivisionError('a fault')
        with logged_errors() as logged, listening(loopback(), quiet(Recorder)) as port:
            with listening(loopback(), proxy_factory(Greeting)) as proxy:
                ours = until(ConnectEndpoint(loopback(port=proxy), 'localhost', port).connect(
                    quiet(Faulty)))
                until(lambda: ours.reason)
        assert [ZeroDivisionError] == [one['failure'].type for one in logged]

    def test_least(self):
        """The proxy may be reached over a transport without getPeer, abort, disconnecting."""
        endpoint, ours, addresses = Least(), quiet(Talk, None), []
        ours.buildProtocol = lambda address: addresses.append(address) or Talk(None)
        waiting = ConnectEndpoint(endpoint, TARGET, 25).connect(ours)
        endpoint.protocol.dataReceived(Proxy.answer + b'EHLO\r\nHELP\r\n')
        client = until(waiting)
        assert [b'EHLO', b'HELP'] == client.lines  # a LineReceiver asks for disconnecting
        assert ['an address'] == addresses
        assert not client.transport.disconnecting
        client.transport.abortConnection()
        assert endpoint.below.closed and client.transport.disconnecting
        until(lambda: client.reason)
        assert client.reason.check(error.ConnectionAborted)
        endpoint.protocol.dataReceived(b'late\r\n')
        endpoint.protocol.connectionLost(Failure(error.ConnectionDone()))
        assert client.reason.check(error.ConnectionAborted)
        assert 2 == len(client.lines)

    def test_least_and_silent(self):
        """There, too, a proxy that does not answer is closed, and that is a TimeoutError."""
        endpoint = Least()
        with logged_errors() as logged, pytest.raises(error.TimeoutError):
            until(ConnectEndpoint(endpoint, TARGET, 25, timeout=0.1).connect(quiet(Recorder)))
        assert endpoint.below.closed
        assert [] == logged

    def test_least_and_refused(self):
        """There, too, the connection to the proxy is closed if the application wants none."""
        endpoint, ours = Least(), quiet(Recorder)
        ours.buildProtocol = lambda address: None
        waiting = ConnectEndpoint(endpoint, TARGET, 25).connect(ours)
        endpoint.protocol.dataReceived(Proxy.answer)
        with pytest.raises(error.NoProtocol):
            until(waiting)
        assert endpoint.below.closed

    def test_factory(self, pki, tunnel):
        """The factory is told of its start and its stop, as by every endpoint."""
        told = []

        class Factory(protocol.ClientFactory):
            noisy = False
            protocol = Listener

            def startFactory(self):
                told.append('start')

            def stopFactory(self):
                told.append('stop')
        factory = Factory()
        factory.buildProtocol = lambda address: Recorder()
        with listening(loopback(), quiet(Recorder)) as port:
            ours = until(tunnel(port).connect(factory))
            assert ['start'] == told
            end(ours)
            until(lambda: len(told) > 1)
        assert ['start', 'stop'] == told
