"""What a TLS connection claims to be: to the transport below, and to the application's wrappers."""
from __future__ import absolute_import, division, print_function

import warnings

import pytest
from zope.interface.verify import verifyObject

from sslproto27.twisted import TLSClientEndpoint, TLSFactory, TLSServerEndpoint
from tests.support.twisteds import (
    Half, Recorder, error, global_reactor, implementer, interfaces, listening, loopback, protocol,
    quiet, until)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.protocols import policies


def limit(factory):
    """Return a LimitTotalConnectionsFactory: it has a protocol, not another factory."""
    made = policies.LimitTotalConnectionsFactory()
    made.protocol = lambda: factory.buildProtocol(None)
    return made


class OwnWrapper(policies.ProtocolWrapper):
    """An application's own."""


def own(factory):
    """Return a factory with the wrapper above."""
    made = policies.WrappingFactory(factory)
    made.protocol = OwnWrapper
    return made


WRAPPERS = {
    'wrapping': policies.WrappingFactory,
    'timeout': lambda factory: policies.TimeoutFactory(factory, 20),
    'throttling': policies.ThrottlingFactory,
    'limit': limit,
    'own': own,
    'two': lambda factory: own(policies.WrappingFactory(factory)),
}


def wrapped(name, factory):
    """Return *factory* behind the wrapper of that name."""
    made = WRAPPERS[name](factory)
    made.noisy = False
    return made


@pytest.mark.parametrize('name', sorted(WRAPPERS))
class TestWrappers(object):
    """Twisted's policies between TLS and the application, which copy the claims of TLS."""

    @pytest.mark.parametrize('application', [Recorder, Half])
    def test_peer_ends(self, pki, name, application):
        """The peer's close_notify ends the connection; one comes back."""
        ours, theirs = quiet(application), quiet(Recorder)
        with listening(TLSServerEndpoint(loopback(), pki.server_context()),
                       wrapped(name, ours)) as port:
            client = until(TLSClientEndpoint(
                loopback(port=port), pki.client_context(), 'localhost').connect(theirs))
            client.transport.write(b'data')
            until(lambda: ours.made and ours.made[0].data)
            client.transport.loseConnection()
            until(lambda: client.reason and ours.made[0].reason, patience=5)
        assert [error.ConnectionDone] * 2 == [client.reason.type, ours.made[0].reason.type]
        assert ['made', 'data', 'lost'] == ours.made[0].events

    def test_server_ends(self, pki, name):
        """So does a client's connection behind a wrapper, with the data before its end."""
        ours, theirs = quiet(Recorder), quiet(Recorder)
        with listening(TLSServerEndpoint(loopback(), pki.server_context()), theirs) as port:
            until(TLSClientEndpoint(loopback(port=port), pki.client_context(),
                                    'localhost').connect(wrapped(name, ours)))
            until(lambda: theirs.made)
            theirs.made[0].transport.write(b'data')
            theirs.made[0].transport.loseConnection()
            until(lambda: ours.made[0].reason and theirs.made[0].reason, patience=5)
        assert b'data' == ours.made[0].data
        assert error.ConnectionDone is ours.made[0].reason.type

    def test_claims(self, pki, name):
        """Wrappers claim what the transport is; neither is a protocol that handles a half-close."""
        ours = quiet(Recorder)
        with listening(TLSServerEndpoint(loopback(), pki.server_context()),
                       wrapped(name, ours)) as port:
            client = until(TLSClientEndpoint(
                loopback(port=port), pki.client_context(), 'localhost').connect(quiet(Recorder)))
            until(lambda: ours.made)
            wrapper = ours.made[0].transport
            for one in (client.transport, wrapper):
                assert interfaces.INegotiated.providedBy(one)
                assert interfaces.IHalfCloseableProtocol(one, None) is None
            assert not interfaces.IProtocol.providedBy(client.transport)
            client.transport.abortConnection()
            until(lambda: client.reason and ours.made[0].reason)


@implementer(interfaces.IHalfCloseableProtocol)
class HalfWrapper(policies.ProtocolWrapper):
    """A wrapper that handles half-closed connections itself."""

    told = ()

    def readConnectionLost(self):
        self.told += ('read lost',)
        self.write(b'last')
        self.transport.loseWriteConnection()

    def writeConnectionLost(self):
        self.told += ('write lost',)


class HalfEnd(Half):
    """Ends its side of TLS, then of TCP."""

    def handshakeCompleted(self):
        self.transport.loseWriteConnection()

    def writeConnectionLost(self):
        self.transport.transport.loseWriteConnection()


class TestHalfClose(object):
    """Who handles half-closed connections."""

    def test_wrapper(self, pki):
        """A wrapper that handles them itself is told of both ends."""
        ours, wrappers = quiet(Recorder), []
        factory = policies.WrappingFactory(ours)
        factory.noisy = False
        factory.protocol = lambda *args: wrappers.append(HalfWrapper(*args)) or wrappers[0]
        with listening(TLSServerEndpoint(loopback(), pki.server_context()), factory) as port:
            client = until(TLSClientEndpoint(
                loopback(port=port), pki.client_context(), 'localhost').connect(quiet(Half)))
            client.transport.loseWriteConnection()
            until(lambda: client.reason and ours.made[0].reason)
        assert ('read lost', 'write lost') == wrappers[0].told
        assert b'last' == client.data

    @pytest.mark.parametrize('serverSide', [True, False])
    def test_below(self, pki, serverSide):
        """TCP's own end behind close_notify leaves our side open, also below Twisted's endpoints.
        """
        answer = b'x' * 300000

        class Late(Half):
            def readConnectionLost(self):
                Half.readConnectionLost(self)
                global_reactor.callLater(0.1, self.finish)

            def finish(self):
                self.transport.write(answer)
                self.transport.loseConnection()
        ours = quiet(Late)
        theirs = quiet(HalfEnd)
        server, client = (ours, theirs) if serverSide else (theirs, ours)
        with listening(TLSServerEndpoint(loopback(), pki.server_context()), server) as port:
            until(TLSClientEndpoint(loopback(port=port), pki.client_context(),
                                    'localhost').connect(client))
            until(lambda: theirs.made and ours.made and ours.made[0].reason
                  and theirs.made[0].reason)
        assert answer == theirs.made[0].data
        assert error.ConnectionDone is ours.made[0].reason.type


class TestReceiver(object):
    """The object that a factory builds for the transport below."""

    def test_attributes(self, pki):
        """It leads to the application's protocol, and to the transport below."""
        application = Recorder()
        factory = protocol.Factory()
        factory.buildProtocol = lambda address: application
        made = TLSFactory(factory, pki.server_context(), True).buildProtocol(None)
        assert (application, None) == (made.wrappedProtocol, made.transport)
        assert 'Recorder (TLS)' == made.logPrefix()
        assert 'Recorder' in repr(made)
        for interface in (interfaces.IProtocol, interfaces.IHalfCloseableProtocol,
                          interfaces.ILoggingContext):
            assert verifyObject(interface, made)
