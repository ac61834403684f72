"""Endpoints and factories with TLS, on each reactor."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27.twisted import TLSClientEndpoint, TLSFactory, TLSServerEndpoint
from tests.support.pipe_pairs import pattern
from tests.support.twisteds import (
    Echo, Listener, Recorder, a_reactor, connected, error, implementer, interfaces, listening,
    loopback, protocol, quiet, reactor_names, receive, task, until, with_peer)


@pytest.fixture(scope='module', params=reactor_names())
def reactor(request):
    """Each reactor in turn."""
    with a_reactor(request.param) as made:
        yield made


class TestReactors(object):
    """The same on every reactor."""

    def test_echo(self, pki, reactor):
        """4 MiB go there and back, and the end is ConnectionDone on both sides."""
        data = pattern(4 << 20)
        with connected(pki, Listener, Echo, reactor) as (client, server):
            client.transport.write(data)
            until(lambda: len(client.data) == len(data), reactor)
            client.transport.loseConnection()
            until(lambda: client.reason is not None and server.reason is not None, reactor)
        assert data == client.data
        assert ['made', 'handshake', 'data', 'lost'] == client.events
        assert [error.ConnectionDone] * 2 == [client.reason.type, server.reason.type]

    def test_stock_peers(self, pki, reactor, tls_version):
        """ssl's own sockets of this Python talk to it, as clients and as servers."""
        for server_side in (True, False):
            def work(tls):
                tls.sendall(b'from the peer')
                data = receive(tls, 9)
                tls.unwrap()
                return data
            with with_peer(pki, work, Recorder, server_side, tls_version,
                           reactor=reactor) as (ours, peer):
                ours.transport.write(b'from us :')
                until(lambda: ours.reason is not None, reactor)
            assert (b'from us :', b'from the peer', error.ConnectionDone) == (
                peer.result, ours.data, ours.reason.type)

    def test_truncation(self, pki, reactor):
        """An end without close_notify is ConnectionLost, and says so, after the data."""
        def work(tls):
            tls.sendall(b'data')
        with with_peer(pki, work, tls='TLSv1.2', reactor=reactor) as (ours, peer):
            until(lambda: ours.reason is not None, reactor)
        assert b'data' == ours.data
        assert error.ConnectionLost is ours.reason.type
        assert 'close_notify' in str(ours.reason.value.args)


class TestClocks(object):
    """The option ``reactor``."""

    def test_in_tls(self, pki):
        """TLS within TLS uses the clock of the outer one."""
        clock = task.Clock()
        with connected(pki, server_options={'reactor': clock}) as (client, server):
            server.transport.startTLS(pki.server_context(), handshakeTimeout=5)
            assert clock is server.transport.reactor
            clock.advance(6)
            until(lambda: server.reason is not None)
        assert server.reason.check(error.TimeoutError)


class TestNegotiation(object):
    """The protocols that a factory offers (ALPN)."""

    def test_negotiation_factory(self, pki):
        """The protocols of an IProtocolNegotiationFactory are offered by ALPN."""
        @implementer(interfaces.IProtocolNegotiationFactory)
        class Factory(protocol.Factory):
            noisy = False

            def acceptableProtocols(self):
                return [b'h3', b'chosen']
        context, made = pki.client_context(), []
        context.set_alpn_protocols(['chosen'])
        server_context = pki.server_context()
        factory = Factory()
        factory.buildProtocol = lambda address: made.append(Recorder()) or made[0]
        with listening(TLSServerEndpoint(loopback(), server_context), factory) as port:
            client = until(TLSClientEndpoint(loopback(port=port), context, 'localhost').connect(
                quiet(Recorder)))
            until(lambda: client.transport.negotiatedProtocol)
            assert b'chosen' == client.transport.negotiatedProtocol
            client.transport.loseConnection()
            until(lambda: client.reason and made[0].reason)

    def test_negotiation_conflict(self, pki):
        """A context cannot have the protocols of two factories: ValueError."""
        @implementer(interfaces.IProtocolNegotiationFactory)
        class Factory(protocol.Factory):
            def __init__(self, names):
                self.acceptableProtocols = lambda: names
        context = pki.server_context()
        TLSFactory(Factory([b'a']), context, True)
        TLSFactory(Factory([b'a']), context, True)
        with pytest.raises(ValueError) as info:
            TLSFactory(Factory([b'b']), context, True)
        assert 'ALPN' in str(info.value)
