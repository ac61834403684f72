"""STARTTLS on Twisted, and `install()`: unchanged users of transport.startTLS and reactor.*SSL."""
from __future__ import absolute_import, division, print_function

import socket
import ssl
import sys
import warnings
from io import BytesIO

import pytest

import sslproto27.twisted
from sslproto27 import SSLCertVerificationError
from sslproto27.twisted import TLSOptions, TLSServerEndpoint, _install
from tests.support.https import ask
from tests.support.twisteds import (
    Listener, Peer, Recorder, defer, end, endpoints, error, global_reactor, implementer, interfaces,
    listening, loopback, protocol, quiet, until)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.internet import posixbase, tcp
    from twisted.protocols import amp


@pytest.fixture
def installed():
    """`install()` in force."""
    sslproto27.twisted.install()
    yield
    sslproto27.twisted.uninstall()


class TestInstall(object):
    """Twisted's own names."""

    def test_uninstall(self):
        """uninstall() restores all; twice is once."""
        places = (tcp.Connection, posixbase.PosixReactorBase, amp.BinaryBoxProtocol)
        before = [dict(vars(place)) for place in places] + [amp.ssl]
        provided = [interface.implementedBy(cls) for cls, interface in (
            (tcp.Server, interfaces.ITLSTransport),
            (posixbase.PosixReactorBase, interfaces.IReactorSSL))]
        sslproto27.twisted.install()
        sslproto27.twisted.install(shutdownTimeout=1)
        assert tcp.Connection.__dict__['startTLS']
        assert interfaces.ITLSTransport.implementedBy(tcp.Server)
        assert interfaces.IReactorSSL.providedBy(global_reactor)
        sslproto27.twisted.uninstall()
        sslproto27.twisted.uninstall()
        for place, names in zip(places, before):
            assert {} == {name: value for name, value in vars(place).items()
                          if value is not names.get(name) and not name.startswith('__')}
        assert before[-1] is amp.ssl
        assert provided == [interface.implementedBy(cls) for cls, interface in (
            (tcp.Server, interfaces.ITLSTransport),
            (posixbase.PosixReactorBase, interfaces.IReactorSSL))]

    def test_every_user_of_pyopenssl(self, monkeypatch):
        """Each module of Twisted that does without TLS, for want of pyOpenSSL, is told of it."""
        import importlib
        import os
        import re

        import twisted
        found = set()
        top = os.path.dirname(twisted.__file__)
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith('.py') and os.sep + 'test' not in path[len(top):]:
                    with open(path, 'rb') as source:
                        if re.search(br'^ *ssl = None', source.read(), re.MULTILINE):
                            found.add(path[len(top) + 1:-3].replace(os.sep, '.'))
        found.discard('internet.posixbase')  # the reactor's methods are replaced
        assert {'protocols.amp', 'words.protocols.jabber.xmlstream'} == found
        modules = [importlib.import_module('twisted.' + name) for name in found]
        for module in modules:
            monkeypatch.setattr(module, 'ssl', None)
        sslproto27.twisted.install()
        assert [True] * len(modules) == [module.ssl.supported for module in modules]
        sslproto27.twisted.uninstall()
        assert [None] * len(modules) == [module.ssl for module in modules]

    def test_kept_method(self, pki, installed):
        """A method of ours that somebody has kept works after uninstall(), too."""
        class Transport(object):
            def startTLS(self, context):
                self.context = context

        context, connection = pki.client_context(), amp.BinaryBoxProtocol(None)
        connection.transport = Transport()
        kept = connection._startTLS
        sslproto27.twisted.uninstall()
        kept(context, [])
        assert context is connection.transport.context

    def test_unknown_option(self):
        """An option that there is none of is a TypeError that names it."""
        with pytest.raises(TypeError) as info:
            sslproto27.twisted.install(hostname='x')
        assert 'hostname' in str(info.value)

    @pytest.mark.parametrize('name, value, kind', [
        ('handshakeTimeout', -1, ValueError), ('handshakeTimeout', 'x', TypeError),
        ('handshakeTimeout', 0, ValueError), ('shutdownTimeout', -1, ValueError),
        ('handshakeLimit', 0, ValueError), ('handshakeLimit', 'x', TypeError)])
    def test_bad_option(self, pki, name, value, kind):
        """A value that cannot be used is refused when it is given, and nothing is installed."""
        for function in (sslproto27.twisted.install, lambda **options: TLSOptions(
                pki.client_context(), **options)):
            with pytest.raises(kind) as info:
                function(**{name: value})
            assert name in str(info.value)
        assert not _install._is_installed()

    @pytest.mark.parametrize('attribute', ['options', 'getContext'])
    def test_context_without_repr(self, attribute):
        """What has no repr, such as a PrivateCertificate of pyOpenSSL's, is a TypeError too."""
        class Odd(object):
            def __repr__(self):
                raise ZeroDivisionError('no repr')
        setattr(Odd, attribute, None)
        with pytest.raises(TypeError) as info:
            TLSOptions(Odd())
        assert 'must be an ssl.SSLContext' in str(info.value)

    @pytest.mark.parametrize('way', ['connectSSL', 'startTLS'])
    @pytest.mark.parametrize('options, kind', [
        ({}, error.ConnectionDone), ({'suppressRaggedEofs': False}, error.ConnectionLost)])
    def test_own_options(self, pki, installed, way, options, kind):
        """The options of TLSOptions override those of install()."""
        sslproto27.twisted.install(suppress_ragged_eofs=True)
        ours, factory = Listener(), protocol.ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda address: ours
        context = TLSOptions(pki.client_context(), 'localhost', **options)
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        port = listener.getsockname()[1]

        def work(_):
            tls = pki.server_context().wrap_socket(listener.accept()[0], server_side=True)
            tls.sendall(b'part of')
            tls.close()
        listener.settimeout(10)
        peer = Peer(socket.socket(), work)
        if way == 'connectSSL':
            global_reactor.connectSSL('localhost', port, factory, context)
        else:
            ours.connectionMade = lambda: ours.transport.startTLS(context)
            ours.events.append('made')
            global_reactor.connectTCP('localhost', port, factory)
        until(lambda: ours.reason is not None and peer.done())
        listener.close()
        assert peer.error is None
        assert (b'part of', kind) == (ours.data, ours.reason.type)

    @pytest.mark.parametrize('way', ['connectSSL', 'startTLS twice'])
    @pytest.mark.parametrize('side', ['client', 'server'])
    def test_options_within_tls(self, pki, installed, way, side):
        """They hold for transport.startTLS on a connection that is TLS already, on both sides."""
        class Server(Listener):
            def connectionMade(self):
                Listener.connectionMade(self)
                if way != 'connectSSL':
                    self.transport.startTLS(pki.server_context())
        theirs, ours, factory = quiet(Server), Listener(), protocol.ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda address: ours
        if way == 'connectSSL':
            port = global_reactor.listenSSL(0, theirs, pki.server_context(), interface='127.0.0.1')
            global_reactor.connectSSL(
                'localhost', port.getHost().port, factory, pki.client_context())
            until(lambda: 'handshake' in ours.events)
        else:
            port = global_reactor.listenTCP(0, theirs, interface='127.0.0.1')
            global_reactor.connectTCP('localhost', port.getHost().port, factory)
            until(lambda: ours.events)
            ours.transport.startTLS(pki.client_context())
        until(lambda: 'handshake' in ours.events and theirs.made[0].events.count('handshake'))
        sslproto27.twisted.install(handshakeTimeout=0.2)
        if side == 'client':
            one, context = ours, TLSOptions(pki.client_context(), 'localhost')
        else:
            one, context = theirs.made[0], pki.server_context()
        one.transport.startTLS(context)  # and the other side does not
        until(lambda: one.reason, patience=5)
        assert one.reason.check(error.TimeoutError)
        until(lambda: ours.reason and theirs.made[0].reason)
        until(defer.maybeDeferred(port.stopListening))

    def test_reactor(self, pki, installed):
        """reactor.listenSSL and connectSSL take an ssl.SSLContext; the host's name is verified."""
        theirs = quiet(Listener)
        port = global_reactor.listenSSL(0, theirs, pki.server_context(), interface='127.0.0.1')
        for host, context, kind in (
                ('localhost', pki.client_context(), None),
                ('127.0.0.1', pki.client_context(), None),
                ('localhost', TLSOptions(pki.client_context(), 'example.org'),
                 SSLCertVerificationError)):
            factory = protocol.ClientFactory()
            factory.noisy = False
            made = Listener()
            factory.buildProtocol = lambda address: made
            global_reactor.connectSSL(host, port.getHost().port, factory, context)
            until(lambda: 'handshake' in made.events or made.reason)
            if kind is None:
                end(made)
            until(lambda: theirs.made[-1].reason is not None)
            assert kind is None or made.reason.check(kind)
        until(defer.maybeDeferred(port.stopListening))

    def test_log(self, pki, installed):
        """The lines about a port of listenSSL tell that it is TLS."""
        from twisted.python import log
        lines = []

        def observe(event):
            lines.append((log.textFromEventDict(event) or '').strip())
        log.addObserver(observe)
        try:
            port = global_reactor.listenSSL(
                0, quiet(Recorder), pki.server_context(), interface='127.0.0.1')
            number = port.getHost().port
            until(defer.maybeDeferred(port.stopListening))
        finally:
            log.removeObserver(observe)
        assert 'Factory (TLS) starting on %d' % number in lines
        assert '(TLS Port %d Closed)' % number in lines

    def test_no_host(self, pki, installed):
        """Where the name is the host's, an empty host is a ValueError, not the end of the check."""
        with pytest.raises(ValueError) as info:
            global_reactor.connectSSL('', 1, protocol.ClientFactory(), pki.client_context())
        assert 'hostname' in str(info.value)
        ours = quiet(Recorder)
        with listening(loopback(), quiet(Recorder)) as port:
            client = until(loopback(port=port).connect(ours))
            client.transport.connector.host = ''
            with pytest.raises(ValueError) as info:
                client.transport.startTLS(pki.client_context())
            assert 'hostname' in str(info.value)
            client.transport.abortConnection()
            until(lambda: client.reason)

    def test_pyopenssl_context(self, pki, installed):
        """Without pyOpenSSL a context factory of its is a TypeError that says what to pass."""
        if posixbase.tls is not None:
            pytest.skip('pyOpenSSL is here, and has it')

        class Factory(object):
            def getContext(self):
                raise AssertionError('not wanted')
        ours = quiet(Recorder)
        with listening(loopback(), quiet(Recorder)) as port:
            client = until(loopback(port=port).connect(ours))
            for call in (lambda: client.transport.startTLS(Factory()),
                         lambda: global_reactor.listenSSL(0, ours, Factory()),
                         lambda: global_reactor.connectSSL('localhost', 1, ours, Factory())):
                with pytest.raises(TypeError) as info:
                    call()
                assert 'ssl.create_default_context()' in str(info.value)
            end(client)

    def test_other_side(self, pki, installed):
        """normal=False makes the side that has connected the server."""
        class Reverse(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                self.transport.startTLS(*self.arguments)

        class Accepting(Reverse):
            arguments = TLSOptions(pki.client_context(), 'localhost'), False

        class Connecting(Reverse):
            arguments = pki.server_context(), False
        theirs = quiet(Accepting)
        with listening(loopback(), theirs) as port:
            ours = until(loopback(port=port).connect(quiet(Connecting)))
            ours.transport.write(b'from the server')
            until(lambda: theirs.made and theirs.made[0].data)
            assert pki.chain('localhost')[0] == theirs.made[0].transport.getPeerCertificate(True)
            end(ours, theirs.made[0])

    def test_unix(self, pki, installed, tmpdir):
        """Unix connections start TLS as well."""
        path = str(tmpdir.join('socket'))

        class Starter(Recorder):
            def __init__(self, context):
                Recorder.__init__(self)
                self.context = context

            def connectionMade(self):
                Recorder.connectionMade(self)
                self.transport.startTLS(self.context)
                self.transport.write(b'hello')
        theirs = quiet(Starter, pki.server_context())
        with listening(endpoints.UNIXServerEndpoint(global_reactor, path), theirs):
            ours = until(endpoints.UNIXClientEndpoint(global_reactor, path).connect(
                quiet(Starter, TLSOptions(pki.client_context(), 'localhost'))))
            until(lambda: ours.data and theirs.made[0].data)
            end(ours, theirs.made[0])
        assert b'hello' == ours.data


class TestSRV(object):
    """A host whose name is in DNS alone."""

    @pytest.fixture
    def lookup(self, monkeypatch):
        """A function that makes DNS tell a port of 'localhost', whatever is asked."""
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            from twisted.names import client, dns

        def answer(port):
            record = dns.Record_SRV(0, 0, port, b'localhost')
            monkeypatch.setattr(client, 'lookupService', lambda name: defer.succeed(
                ([dns.RRHeader(name, dns.SRV, payload=record)], [], [])))
        return answer

    @pytest.mark.parametrize('way', ['connectSSL', 'startTLS'])
    @pytest.mark.parametrize('domain, name', [
        ('other.example.org', 'other'), ('other.example.org', 'localhost')])
    def test_domain(self, pki, installed, lookup, way, domain, name):
        """The domain is verified, not the host that DNS names."""
        from twisted.names.srvconnect import SRVConnector
        theirs, ours, factory = quiet(Listener), Listener(), protocol.ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda address: ours
        options = {}
        if way == 'connectSSL':
            options.update(connectFuncName='connectSSL', connectFuncArgs=[pki.client_context()])
        else:
            ours.connectionMade = lambda: ours.transport.startTLS(pki.client_context())
            ours.events.append('made')
        with listening(TLSServerEndpoint(loopback(), pki.server_context(name)), theirs) as port:
            lookup(port)
            SRVConnector(global_reactor, 'service', domain, factory, **options).connect()
            if name == 'other':
                until(lambda: 'handshake' in ours.events)
                end(ours)
            until(lambda: ours.reason and theirs.made[0].reason)
        assert name == 'other' or ours.reason.check(SSLCertVerificationError)


class TestMail(object):
    """twisted.mail, unchanged."""

    def connect(self, client, port):
        """Connect a protocol to 'localhost', which its transport knows; return it."""
        ours = protocol.ClientFactory()
        ours.noisy = False
        ours.buildProtocol = lambda address: client
        global_reactor.connectTCP('localhost', port, ours)
        return client

    def test_esmtp(self, pki, installed):
        """A message goes through ESMTP with STARTTLS on both sides."""
        from twisted.mail import smtp
        received, secure = [], []

        @implementer(smtp.IMessage)
        class Message(object):
            def lineReceived(self, line):
                received.append(line)

            def eomReceived(self):
                return defer.succeed(None)

            def connectionLost(self):
                received.append(None)

        @implementer(smtp.IMessageDelivery)
        class Delivery(object):
            def receivedHeader(self, helo, origin, recipients):
                return b'Received: by a test'

            def validateTo(self, user):
                return Message

            def validateFrom(self, helo, origin):
                secure.append(interfaces.ISSLTransport.providedBy(made[0].transport))
                return origin
        made = []
        factory = protocol.ServerFactory()
        factory.noisy = False

        def build(address):
            server = smtp.ESMTP(contextFactory=pki.server_context())
            server.delivery = Delivery()
            made.append(server)
            return server
        factory.buildProtocol = build
        with listening(loopback(), factory) as port:
            done = defer.Deferred()
            sender = smtp.ESMTPSenderFactory(
                None, None, b'a@example.org', [b'b@example.org'], BytesIO(b'Subject: x\n\nHello\n'),
                done, contextFactory=TLSOptions(pki.client_context(), 'localhost'),
                requireAuthentication=False, requireTransportSecurity=True)
            sender.noisy = False
            global_reactor.connectTCP('127.0.0.1', port, sender)
            assert (1, [(b'b@example.org', 250, b'Recipient address accepted')]) == until(done)
            until(lambda: made[0].transport.disconnected)
        assert b'Hello' in received
        assert [True] == secure

    def test_imap4(self, pki, installed):
        """IMAP4 with STARTTLS on both sides."""
        from twisted.cred import checkers, portal
        from twisted.mail import imap4

        class Account(imap4.MemoryAccount):
            def _emptyMailbox(self, name, id):
                raise NotImplementedError

        class Realm(object):
            def requestAvatar(self, avatarId, mind, *interfaces):
                return imap4.IAccount, Account(b'test'), lambda: None
        made = []
        factory = protocol.ServerFactory()
        factory.noisy = False

        def build(address):
            server = imap4.IMAP4Server(contextFactory=pki.server_context())
            server.portal = portal.Portal(Realm(), [
                checkers.InMemoryUsernamePasswordDatabaseDontUse(user=b'password')])
            made.append(server)
            return server
        factory.buildProtocol = build
        greeted = defer.Deferred()

        class Client(imap4.IMAP4Client):
            def serverGreeting(self, capabilities):
                greeted.callback(capabilities)
        with listening(loopback(), factory) as port:
            client = self.connect(Client(), port)
            assert b'STARTTLS' in until(greeted)
            until(client.startTLS(pki.client_context()))
            until(client.login(b'user', b'password'))
            assert interfaces.ISSLTransport.providedBy(made[0].transport)
            until(client.logout())
            until(lambda: made[0].transport.disconnected)

    def test_pop3(self, pki, installed):
        """POP3 with STLS, of which Twisted has the client's side: the server's is added."""
        from twisted.mail import pop3

        class Server(pop3.POP3):
            AUTH_CMDS = pop3.POP3.AUTH_CMDS + [b'STLS']

            def do_CAPA(self):
                self.successResponse(b'')
                self.sendLine(b'STLS')
                self.sendLine(b'.')

            def do_STLS(self):
                self.successResponse(b'go ahead')
                self.transport.startTLS(pki.server_context())

            def do_USER(self, user):
                assert interfaces.ISSLTransport.providedBy(self.transport)
                self.successResponse(b'over TLS')
        greeted = defer.Deferred()

        class Client(pop3.AdvancedPOP3Client):
            def serverGreeting(self, challenge):
                greeted.callback(challenge)
        made = quiet(Server)
        with listening(loopback(), made) as port:
            client = self.connect(Client(), port)
            until(greeted)
            until(client.startTLS(pki.client_context()))
            assert b'over TLS' == until(client.user(b'me'))
            until(client.quit())
            until(lambda: made.made[0].transport.disconnected)


NS = 'http://etherx.jabber.org/streams'
NS_TLS = 'urn:ietf:params:xml:ns:xmpp-tls'


class TestXMPP(object):
    """twisted.words' XMPP, unchanged."""

    @pytest.fixture(autouse=True)
    def installed(self, monkeypatch, request):
        """`install()` in force, as without pyOpenSSL."""
        from twisted.words.protocols.jabber import xmlstream
        monkeypatch.setattr(xmlstream, 'ssl', None)
        sslproto27.twisted.install()
        yield
        sslproto27.twisted.uninstall()
        assert xmlstream.ssl is None

    def client(self, port, context):
        """Connect a client whose stream wants TLS; return what it tells, a list of events."""
        from twisted.words.protocols.jabber import xmlstream
        events = []

        class Authenticator(xmlstream.ConnectAuthenticator):
            def __init__(self):
                xmlstream.ConnectAuthenticator.__init__(self, u'localhost')

            def associateWithStream(self, xs):
                xmlstream.ConnectAuthenticator.associateWithStream(self, xs)
                xs.initializers = [xmlstream.TLSInitiatingInitializer(
                    xs, True, configurationForTLS=context)]
                xs.addObserver('/message', lambda message: events.append(
                    (str(message.body), interfaces.ISSLTransport.providedBy(xs.transport))))
        factory = xmlstream.XmlStreamFactory(Authenticator())
        factory.noisy = False
        factory.maxRetries = 0
        for name in (xmlstream.STREAM_AUTHD_EVENT, xmlstream.STREAM_END_EVENT,
                     xmlstream.INIT_FAILED_EVENT):
            factory.addBootstrap(name, lambda what, name=name: events.append((name, what)))
        global_reactor.connectTCP('localhost', port, factory)
        return events

    @pytest.mark.parametrize('given', [True, False], ids=['context', 'no context'])
    def test_start_tls(self, pki, given):
        """STARTTLS on both sides, then a stanza; without a context the system's trust counts."""
        from twisted.words.protocols.jabber import xmlstream
        from twisted.words.xish import domish

        class Authenticator(xmlstream.ListenAuthenticator):
            def streamStarted(self, root):
                xmlstream.ListenAuthenticator.streamStarted(self, root)
                xs = self.xmlstream
                xs.sendHeader()
                features = domish.Element((NS, 'features'))
                if not hasattr(xs.transport, '_sslproto27'):
                    features.addElement((NS_TLS, 'starttls'))
                    xs.addOnetimeObserver('/starttls', self.start)
                xs.send(features)
                if hasattr(xs.transport, '_sslproto27'):
                    message = domish.Element((None, 'message'))
                    message.addElement('body', content=u'hello')
                    xs.send(message)

            def start(self, element):
                xs = self.xmlstream
                xs.send(domish.Element((NS_TLS, 'proceed')))
                xs.transport.startTLS(pki.server_context())
                xs.reset()
        factory = xmlstream.XmlStreamServerFactory(Authenticator)
        factory.noisy = False
        with listening(loopback(), factory) as port:
            events = self.client(port, pki.client_context() if given else None)
            if given:
                until(lambda: ('hello', True) in events)
                dict(events)[xmlstream.STREAM_AUTHD_EVENT].transport.loseConnection()
            until(lambda: events and events[-1][0] == xmlstream.STREAM_END_EVENT)
            assert events[-1][1].check(
                error.ConnectionDone if given else SSLCertVerificationError)

    def test_injected_stanza(self, pki):
        """A stanza that came with <proceed/> is not handled, and ends the connection."""
        from twisted.words.protocols.jabber import xmlstream
        header = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='%s' "
                  "id='1' version='1.0' from='localhost'>" % NS)
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)

        def work(_):
            sock = listener.accept()[0]
            sock.recv(4096)
            sock.sendall((header + "<stream:features><starttls xmlns='%s'/></stream:features>"
                          % NS_TLS).encode('ascii'))
            sock.recv(4096)
            sock.sendall(("<proceed xmlns='%s'/><message><body>injected</body></message>"
                          % NS_TLS).encode('ascii'))
            try:
                while sock.recv(4096):
                    pass
            finally:
                sock.close()
        peer = Peer(socket.socket(), work)
        events = self.client(listener.getsockname()[1], pki.client_context())
        until(lambda: events and events[-1][0] == xmlstream.STREAM_END_EVENT and peer.done())
        listener.close()
        assert not [event for event in events if event[0] == 'injected']
        assert error.ConnectionLost is events[-1][1].type


class TestAMP(object):
    """twisted.protocols.amp, unchanged but for what stands for a certificate."""

    class Add(amp.Command):
        arguments = [(b'a', amp.Integer()), (b'b', amp.Integer())]
        response = [(b'sum', amp.Integer())]

    @pytest.mark.parametrize('authorities', [None, []])
    def test_start_tls(self, pki, installed, authorities):
        """StartTLS with contexts, then a command, over TLS; no authorities, or an empty list."""
        case = self
        server_context = pki.server_context()

        class Server(amp.AMP):
            reason = None

            @case.Add.responder
            def add(self, a, b):
                self.secure = interfaces.ISSLTransport.providedBy(self.transport)
                self.peer = self.peerCertificate
                return {'sum': a + b}

            @amp.StartTLS.responder
            def start(self):
                return {'tls_localCertificate': server_context,
                        'tls_verifyAuthorities': authorities}

            def connectionLost(self, reason):
                self.reason = reason
                amp.AMP.connectionLost(self, reason)
        theirs = quiet(Server)
        with listening(loopback(), theirs) as port:
            ours = until(endpoints.TCP4ClientEndpoint(global_reactor, 'localhost', port).connect(
                quiet(Server)))
            until(ours.callRemote(amp.StartTLS, tls_localCertificate=pki.client_context(),
                                  tls_verifyAuthorities=authorities))
            assert 5 == until(ours.callRemote(self.Add, a=2, b=3))['sum']
            assert theirs.made[0].secure
            assert theirs.made[0].peer is None
            assert ('DNS', 'localhost') in ours.peerCertificate['subjectAltName']
            end(ours, theirs.made[0])

    @pytest.mark.parametrize('policy', [False, True])
    def test_peer_certificate(self, pki, installed, policy):
        """On connections that were TLS from the start, the peer's certificate is known as well."""
        from twisted.protocols import policies
        theirs, ours, factory = quiet(amp.AMP), Listener(), protocol.ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda address: ours
        context, own = pki.server_context(), pki.client_context()
        context.load_verify_locations(pki.path('ca'))
        context.verify_mode = ssl.CERT_REQUIRED
        own.load_cert_chain(pki.path('localhost'))
        port = global_reactor.listenSSL(
            0, policies.WrappingFactory(theirs) if policy else theirs, context,
            interface='127.0.0.1')
        global_reactor.connectSSL('localhost', port.getHost().port, factory, own)
        until(lambda: 'handshake' in ours.events and theirs.made
              and theirs.made[0].peerCertificate)
        server = theirs.made[0]
        assert ('DNS', 'localhost') in server.peerCertificate['subjectAltName']
        end(ours)
        until(lambda: server.transport is None)
        until(defer.maybeDeferred(port.stopListening))

    def test_peer_certificate_without_tls(self, monkeypatch):
        """A plain connection, or one that is lost, has none, if there is no pyOpenSSL either."""
        monkeypatch.setattr(amp, 'ssl', None)
        monkeypatch.delattr(amp, 'Certificate', raising=False)
        sslproto27.twisted.install()
        try:
            with listening(loopback(), quiet(Recorder)) as port:
                ours = until(loopback(port=port).connect(quiet(amp.AMP)))
                assert ours.peerCertificate is None
                ours.transport.loseConnection()
                until(lambda: ours.transport is None)
                assert ours.peerCertificate is None
        finally:
            sslproto27.twisted.uninstall()

    def test_authorities(self, pki, installed):
        """Authorities besides the context's are a TypeError that says so, and nothing starts."""
        theirs = quiet(Recorder)
        with listening(loopback(), theirs) as port:
            ours = until(loopback(port=port).connect(quiet(amp.AMP)))
            with pytest.raises(TypeError) as info:
                ours._startTLS(pki.client_context(), [pki.client_context()])
            assert 'tls_verifyAuthorities' in str(info.value)
            assert not hasattr(ours.transport, '_sslproto27')
            until(lambda: theirs.made)
            ours.transport.loseConnection()
            until(lambda: theirs.made[0].reason)

    def test_no_certificate(self, pki, installed):
        """Without a context for a certificate it is a TypeError that says so."""
        if posixbase.tls is not None:
            pytest.skip('pyOpenSSL is here, and makes one')

        class Server(amp.AMP):
            reason = None

            def connectionLost(self, reason):
                self.reason = reason
                amp.AMP.connectionLost(self, reason)
        theirs = quiet(Server)
        with listening(loopback(), theirs) as port:
            ours = until(loopback(port=port).connect(quiet(Server)))
            with pytest.raises(TypeError) as info:
                ours._startTLS(None, None)
            assert 'tls_localCertificate' in str(info.value)
            until(lambda: theirs.made)
            end(ours, theirs.made[0])


class TestProgram(object):
    """Twisted's own program."""

    def test_twistd_web(self, pki, tmpdir):
        """``twistd web --listen tls27:...`` serves a folder."""
        import os
        import subprocess

        from tests.support.programs import ROOT
        tmpdir.mkdir('www').join('index.html').write('from twistd')
        probe = socket.socket()
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
        probe.close()
        plugins = tmpdir.mkdir('twisted').mkdir('plugins')
        with open(os.path.join(ROOT, 'contrib', 'twisted', 'plugins',
                               'sslproto27_endpoints.py')) as source:
            plugins.join('sslproto27_endpoints.py').write(source.read())
        program = subprocess.Popen(
            [sys.executable, '-W', 'ignore', '-c',
             'from twisted.scripts.twistd import run; run()', '--nodaemon', '--pidfile=', 'web',
             '--path', str(tmpdir.join('www')), '--listen',
             'tls27:%d:interface=127.0.0.1:certificate=%s' % (port, pki.path('localhost'))],
            env=dict(os.environ, PYTHONPATH=os.pathsep.join([ROOT, str(tmpdir)])),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=str(tmpdir))
        try:
            line = b' '
            while line and b'starting on' not in line:
                line = program.stdout.readline()
            assert line
            answer = ask(pki, port, b'GET / HTTP/1.0\r\n\r\n')
        finally:
            if program.poll() is None:
                program.terminate()
            program.stdout.close()
            program.wait()
        assert answer.endswith(b'from twistd')
