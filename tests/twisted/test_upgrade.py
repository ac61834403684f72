"""startTLS on a connection that is in plaintext, by install()."""
from __future__ import absolute_import, division, print_function

import socket
import ssl
import warnings

import pytest

from sslproto27 import SSLCertVerificationError
from sslproto27.twisted import (
    TLSClientEndpoint, TLSOptions, TLSServerEndpoint, install, startTLS, uninstall)
from sslproto27.twisted import _upgrade
from tests.support.pipe_pairs import pattern
from tests.support.twisteds import (
    Peer, Recorder, end, error, global_reactor, implementer, interfaces, listening, loopback,
    protocol, quiet, until)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.protocols import basic, policies


class Asked(basic.LineReceiver):
    """A server that starts TLS when asked to, then echoes lines."""

    def __init__(self, context, **options):
        self.context, self.options = context, options
        self.lines, self.reason = [], None

    def lineReceived(self, line):
        self.lines.append(line)
        if line == b'STARTTLS':
            self.sendLine(b'go ahead')
            startTLS(self.transport, self.context, True, **self.options)
        else:
            self.sendLine(b'you said ' + line)

    def connectionLost(self, reason):
        self.reason = reason


class Asking(basic.LineReceiver):
    """A client that asks for TLS, then says something."""

    def __init__(self, context, **options):
        self.context, self.options = context, options
        self.lines, self.reason, self.completed = [], None, 0

    def connectionMade(self):
        self.sendLine(b'STARTTLS')

    def lineReceived(self, line):
        self.lines.append(line)
        if line == b'go ahead':
            self.held = self.transport
            self.tls = startTLS(self, self.context, hostname='localhost', **self.options)
            self.sendLine(b'hello')

    def connectionLost(self, reason):
        self.reason = reason


def starttls_pair(pki, client=Asking, server=Asked, context=None):
    """Connect the two above; return (client, server) once the client has its connection."""
    theirs = quiet(server, pki.server_context())
    with listening(loopback(), theirs) as port:
        ours = until(loopback(port=port).connect(
            quiet(client, context or pki.client_context())))
        until(lambda: theirs.made)
    return ours, theirs.made[0]


class TestStartTLS(object):
    """The function."""

    def test_line_protocol(self, pki):
        """Both sides go on over TLS; the transport stays the same object, and is TLS."""
        ours, theirs = starttls_pair(pki)
        until(lambda: len(ours.lines) == 2)
        assert [b'go ahead', b'you said hello'] == ours.lines
        assert [b'STARTTLS', b'hello'] == theirs.lines
        assert ours.transport is ours.held
        assert interfaces.ISSLTransport.providedBy(ours.transport)
        assert pki.chain('localhost')[0] == ours.transport.getPeerCertificate(True)
        end(ours, theirs)
        assert [error.ConnectionDone] * 2 == [ours.reason.type, theirs.reason.type]

    def test_nothing_is_plain(self, pki):
        """Whoever holds the transport, or a method of it taken later, writes TLS alone."""
        received = []

        def serve(sock):
            sock.sendall(b'go ahead\r\n')
            while True:
                data = sock.recv(65536)
                if not data:
                    return
                received.append(data)
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        ours = until(loopback(port=listener.getsockname()[1]).connect(
            quiet(Asking, pki.client_context())))
        peer = Peer(listener.accept()[0], serve)
        listener.close()
        until(lambda: ours.lines)
        ours.held.write(b'a secret')
        ours.held.writeSequence([b'a secret'])
        until(lambda: len(b''.join(received)) > 100)
        ours.transport.abortConnection()
        until(lambda: peer.done() and ours.reason is not None)
        assert b'STARTTLS' in b''.join(received)
        assert b'secret' not in b''.join(received)

    def test_untrusted(self, pki):
        """A certificate that is not trusted ends the connection with the error itself."""
        ours, theirs = starttls_pair(pki, context=pki.client_context(trust='stranger-ca'))
        until(lambda: ours.reason and theirs.reason)
        assert ours.reason.check(SSLCertVerificationError)
        assert [b'STARTTLS'] == theirs.lines

    def test_injected_line(self, pki):
        """A line that comes with the one that starts TLS fails the handshake, and is not handled.
        """
        theirs = quiet(Asked, pki.server_context())
        with listening(loopback(), theirs) as port:
            ours = until(loopback(port=port).connect(quiet(Recorder)))
            ours.transport.write(b'STARTTLS\r\nRSET\r\n')
            until(lambda: ours.reason and theirs.made[0].reason)
        assert [b'STARTTLS'] == theirs.made[0].lines
        assert theirs.made[0].reason.check(ssl.SSLError)

    def test_injected_line_only(self, pki):
        """The same for a LineOnlyReceiver, which cannot give its lines back."""
        class Only(basic.LineOnlyReceiver):
            __init__, lineReceived, connectionLost = [
                Asked.__dict__[name] for name in ('__init__', 'lineReceived', 'connectionLost')]
        theirs = quiet(Only, pki.server_context())
        with listening(loopback(), theirs) as port:
            ours = until(loopback(port=port).connect(quiet(Recorder)))
            ours.transport.write(b'STARTTLS\r\nRSET\r\n')
            until(lambda: ours.reason and theirs.made[0].reason)
        assert [b'STARTTLS'] == theirs.made[0].lines
        assert error.ConnectionLost is theirs.made[0].reason.type

    @pytest.mark.parametrize('in_tls', [False, True], ids=['plain', 'TLS'])
    def test_paused(self, pki, in_tls):
        """On a paused connection the handshake is done, and no data comes until it goes on."""
        class Pausing(Asked):
            def lineReceived(self, line):
                if line == b'STARTTLS':
                    self.pauseProducing()
                    self.sendLine(b'go ahead')
                    global_reactor.callLater(0.05, startTLS, self, self.context, True)
                else:
                    Asked.lineReceived(self, line)
        theirs = quiet(Pausing, pki.server_context())
        one = TLSServerEndpoint(loopback(), pki.server_context()) if in_tls else loopback()
        with listening(one, theirs) as port:
            other = loopback(port=port)
            if in_tls:
                other = TLSClientEndpoint(other, pki.client_context(), 'localhost')
            ours = until(other.connect(quiet(Asking, pki.client_context())))
            until(lambda: ours.lines and ours.tls.sslObject.version())
            for _ in range(10):
                global_reactor.iterate(0.005)
            assert [] == theirs.made[0].lines
            theirs.made[0].resumeProducing()
            until(lambda: len(ours.lines) == 2)
            assert [b'hello'] == theirs.made[0].lines
            end(ours, theirs.made[0])

    def test_says_that_it_is_tls(self, pki):
        """The transport's TLS is true then, as Twisted's own startTLS has it, and all goes on."""
        ours, theirs = starttls_pair(pki)
        until(lambda: len(ours.lines) == 2)
        assert [True, True] == [one.transport.TLS for one in (ours, theirs)]
        ours.sendLine(b'x' * 10000)
        until(lambda: len(ours.lines) == 3)
        end(ours, theirs)

    def test_early_hello(self, pki):
        """A ClientHello that comes with the line that starts TLS is used."""
        theirs = quiet(Asked, pki.server_context())
        hello = []

        class Catcher(protocol.Protocol):
            def dataReceived(self, data):
                hello.append(data)
        with listening(loopback(), quiet(Catcher)) as port:
            ours = until(TLSClientEndpoint(loopback(port=port), pki.client_context(),
                                           'localhost').connect(quiet(Recorder)))
            until(lambda: hello)
            ours.transport.abortConnection()
            until(lambda: ours.reason)
        with listening(loopback(), theirs) as port:
            ours = until(loopback(port=port).connect(quiet(Recorder)))
            ours.transport.write(b'STARTTLS\r\n' + b''.join(hello))
            until(lambda: len(ours.data) > 500)
            assert ours.data.startswith(b'go ahead\r\n\x16\x03\x03')  # RFC 8446 5.1: a handshake
            end(ours, theirs.made[0])

    def test_producer_goes_on(self, pki):
        """A producer that was registered before is the producer of TLS."""
        data = pattern(3 << 20)

        class Sending(Asking):
            def lineReceived(self, line):
                calls = []

                class Source(object):
                    def resumeProducing(source):
                        calls.append('resume')

                    def pauseProducing(source):
                        calls.append('pause')

                    stopProducing = pauseProducing
                self.transport.registerProducer(Source(), True)
                self.calls = calls
                self.tls = startTLS(self.transport, self.context, hostname='localhost')
                self.transport.write(data)

        class Counting(Asked):
            count = 0

            def startTLS(self):
                self.setRawMode()

            def lineReceived(self, line):
                Asked.lineReceived(self, line)
                self.setRawMode()

            def rawDataReceived(self, received):
                self.count += len(received)
        ours, theirs = starttls_pair(pki, Sending, Counting)
        until(lambda: theirs.count == len(data))
        until(lambda: ours.calls[-1] == 'resume')
        assert ['pause', 'resume'] == ours.calls[:2]
        ours.transport.unregisterProducer()
        end(ours, theirs)

    def test_in_tls(self, pki):
        """TLS starts within TLS, by the function and by the method; and again within that."""
        class Nested(Asked):
            def lineReceived(self, line):
                self.lines.append(line)
                if line == b'STARTTLS':
                    self.sendLine(b'go ahead')
                    self.transport.startTLS(self.context)
                else:
                    self.sendLine(b'you said ' + line)

        class Nesting(Asking):
            def lineReceived(self, line):
                self.lines.append(line)
                if line == b'go ahead':
                    startTLS(self, self.context, hostname='localhost')
                    self.sendLine(b'hello' if self.lines.count(b'go ahead') == 2 else b'STARTTLS')
        theirs = quiet(Nested, pki.server_context())
        with listening(TLSServerEndpoint(loopback(), pki.server_context()), theirs) as port:
            ours = until(TLSClientEndpoint(
                loopback(port=port), pki.client_context(), 'localhost').connect(
                    quiet(Nesting, pki.client_context())))
            until(lambda: len(ours.lines) == 3)
        assert [b'go ahead', b'go ahead', b'you said hello'] == ours.lines
        assert ours is ours.transport.protocol
        other = ours.transport.protocol = Recorder()
        other.makeConnection(ours.transport)
        assert other is ours.transport.protocol
        ours.sendLine(b'again')
        until(lambda: other.data)
        assert b'you said again\r\n' == other.data
        end(other, theirs.made[0])
        assert [error.ConnectionDone] * 2 == [other.reason.type, theirs.made[0].reason.type]

    def test_slots(self, pki):
        """A protocol whose methods cannot be replaced starts TLS; a parser of such is refused."""
        @implementer(interfaces.IProtocol)
        class Slotted(object):
            __slots__ = ('transport', 'factory', 'data', 'reason')

            def __init__(self):
                self.data, self.reason = b'', None

            def makeConnection(self, transport):
                self.transport = transport

            def dataReceived(self, data):
                self.data += data
                if data == b'start':
                    startTLS(self.transport, pki.server_context(), True)

            def connectionLost(self, reason):
                self.reason = reason

        class Parser(Slotted):
            __slots__ = ()

            def lineReceived(self, line):
                """Is not called."""
        theirs = quiet(Slotted)
        with listening(loopback(), theirs) as port:
            ours = until(loopback(port=port).connect(quiet(Recorder)))
            ours.transport.write(b'start')
            until(lambda: theirs.made and theirs.made[0].data)
            startTLS(ours, pki.client_context(), hostname='localhost')
            ours.transport.write(b' and on')
            until(lambda: theirs.made[0].data == b'start and on')
            parser = until(loopback(port=port).connect(quiet(Parser)))
            with pytest.raises(TypeError) as info:
                startTLS(parser.transport, pki.client_context(), hostname='localhost')
            assert '__slots__' in str(info.value)
            assert 'write' not in vars(parser.transport)
            end(ours, theirs.made[0], parser)

    def test_slots_of_a_wrapper(self, pki):
        """The protocols within one with __slots__ are found, and what they hold."""
        class Outer(object):
            __slots__ = ('transport', '__inner', '_buffer')

            def __init__(self, inner):
                self.__inner, self._buffer = inner, b'held'

        inner = protocol.Protocol()
        outer = Outer(inner)
        inner.transport = outer
        assert [outer, inner] == _upgrade._within(outer)
        assert _upgrade._holds_data(outer)

    def test_under_a_policy(self, pki):
        """A protocol under Twisted's policies, and its transport, start TLS below these."""
        theirs = quiet(Asked, pki.server_context())
        ours = quiet(Asking, pki.client_context())
        with listening(loopback(), policies.WrappingFactory(theirs)) as port:
            client = until(loopback(port=port).connect(policies.WrappingFactory(ours)))
            until(lambda: len(ours.made[0].lines) == 2)
            assert interfaces.ISSLTransport.providedBy(client.transport)
            end(ours.made[0], theirs.made[0])

    def test_handshake_listener(self, pki):
        """An IHandshakeListener is told when TLS is there."""
        @implementer(interfaces.IHandshakeListener)
        class Told(Asking):
            def handshakeCompleted(self):
                self.completed += 1
        ours, theirs = starttls_pair(pki, Told)
        until(lambda: len(ours.lines) == 2)
        assert 1 == ours.completed
        end(ours, theirs)

    @pytest.mark.parametrize('way', ['option', 'TLSOptions', 'install'])
    def test_handshake_limit(self, pki, way):
        """Connections beyond the limit of one context are closed; room that is left is used."""
        context, options = pki.server_context(), {}
        if way == 'option':
            options['handshakeLimit'] = 2
        elif way == 'TLSOptions':
            context = TLSOptions(context, handshakeLimit=2)

        class Starter(Recorder):
            def dataReceived(self, data):
                Recorder.dataReceived(self, data)
                if way == 'install':
                    self.transport.startTLS(context)
                else:
                    startTLS(self.transport, context, True, **options)
                self.transport.write(b'a secret')
        if way == 'install':
            install(handshakeLimit=2)
        try:
            theirs, ours = quiet(Starter), []
            with listening(loopback(), theirs) as port:
                for count in range(1, 7):
                    ours.append(until(loopback(port=port).connect(quiet(Recorder))))
                    ours[-1].transport.write(b'start')
                    until(lambda: len(theirs.made) == count and theirs.made[-1].data)
                until(lambda: [one.reason is not None for one in ours] == [False] * 2 + [True] * 4)
                assert [None] * 2 == [one.reason for one in theirs.made[:2]]
                assert [error.ConnectionAborted] * 4 == [
                    one.reason.type for one in theirs.made[2:]]
                assert [b''] * 6 == [one.data for one in ours]
                end(ours[0])
                until(lambda: theirs.made[0].reason)
                client = until(loopback(port=port).connect(quiet(Recorder)))
                client.transport.write(b'start')
                until(lambda: len(theirs.made) == 7 and theirs.made[-1].data)
                startTLS(client, pki.client_context(), hostname='localhost')
                until(lambda: client.data == b'a secret')
                end(ours[1], client)
                until(lambda: all(one.reason for one in theirs.made))
        finally:
            uninstall()

    def test_closed(self, pki):
        """On a connection that is closed it is a RuntimeError."""
        ours = Recorder()
        with listening(loopback(), quiet(Recorder)) as port:
            ours = until(loopback(port=port).connect(quiet(Recorder)))
            end(ours)
            with pytest.raises(RuntimeError) as info:
                startTLS(ours.transport, pki.client_context(), hostname='localhost')
        assert 'open connection' in str(info.value)

    def test_bad_context(self, pki):
        """What is no ssl.SSLContext is a TypeError, and nothing is changed."""
        with listening(loopback(), quiet(Recorder)) as port:
            ours = until(loopback(port=port).connect(quiet(Recorder)))
            for call in (lambda: startTLS(ours.transport, object()),
                         lambda: startTLS(ours.transport, pki.client_context(), wrong=1)):
                with pytest.raises(TypeError):
                    call()
            with pytest.raises(ValueError):
                startTLS(ours.transport, pki.client_context())
            assert 'write' not in vars(ours.transport)
            end(ours)
