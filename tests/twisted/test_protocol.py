"""`sslproto27.twisted.TLSProtocol` over real reactors and sockets: data, flow, ends, peers."""
from __future__ import absolute_import, division, print_function

import copy
import socket
import ssl

import pytest
from zope.interface.verify import verifyObject

from sslproto27 import SSLCertVerificationError
from sslproto27.twisted import TLSClientEndpoint, TLSProtocol, TLSServerEndpoint
from sslproto27.twisted._settings import Settings
from tests.support.twisteds import (
    Echo, Listener, Producer, Recorder, connected, error, interfaces, listening, loopback, quiet,
    receive, until, with_peer)


class TestTransport(object):
    """What the application's protocol has as its transport."""

    def test_interfaces(self, pki):
        """It provides what Twisted asks of a TLS transport, all of it."""
        with connected(pki) as (client, server):
            for one in (client.transport, server.transport):
                for interface in (interfaces.ISSLTransport, interfaces.INegotiated,
                                  interfaces.ITLSTransport, interfaces.ITCPTransport,
                                  interfaces.IConsumer, interfaces.IPushProducer):
                    assert verifyObject(interface, one)

    def test_below(self, pki):
        """Addresses, options and the descriptor are the TCP connection's."""
        with connected(pki) as (client, server):
            assert client.transport.getPeer() == server.transport.getHost()
            assert client.transport.getTcpNoDelay()
            client.transport.setTcpNoDelay(False)
            client.transport.setTcpKeepAlive(True)
            sock = client.transport.getHandle()
            assert 0 == sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert client.transport.getTcpKeepAlive()
            assert client.transport.TLS is True

    def test_facts(self, pki, tls_version):
        """Version, certificate and ALPN are known once the handshake is done."""
        contexts = [pki.client_context(tls_version), pki.server_context(version=tls_version)]
        for context in contexts:
            context.set_alpn_protocols(['spdy', 'http/1.1'])
        with connected(pki, client_context=contexts[0], server_context=contexts[1]) as (client, _):
            tls = client.transport
            assert b'spdy' == tls.negotiatedProtocol
            assert pki.chain('localhost')[0] == tls.getPeerCertificate(True)
            assert ('DNS', 'localhost') in tls.getPeerCertificate()['subjectAltName']
            assert tls_version == tls.sslObject.version()

    def test_facts_before(self, pki):
        """Before the handshake, and after the end, there are none, and asking raises nothing."""
        seen = []

        class Asker(Recorder):
            def connectionMade(self):
                tls = self.transport
                seen.append((tls.negotiatedProtocol, tls.getPeerCertificate()))
                Recorder.connectionMade(self)
        with connected(pki, Asker) as (client, server):
            pass
        tls = client.transport
        assert [(None, None)] == seen
        assert (None, None, None) == (tls.negotiatedProtocol, tls.getPeerCertificate(),
                                      tls.sslObject)

    def test_client_certificate(self, pki):
        """A server that asks for certificates sees the client's."""
        with connected(pki, client_context=pki.client_context(leaf='client'),
                       server_context=pki.server_context(trust='ca')) as (_, server):
            until(lambda: server.transport.getPeerCertificate(), patience=5)
            names = server.transport.getPeerCertificate()['subjectAltName']
            assert (('DNS', 'client.example.org'),) == names

    @pytest.mark.parametrize('name', ['protocol', 'wrappedProtocol'])
    @pytest.mark.parametrize('in_callback', [True, False])
    def test_other_protocol(self, pki, name, in_callback):
        """Another protocol that is assigned to the transport gets all that follows."""
        other = Recorder()

        class Leaving(Recorder):
            def dataReceived(self, data):
                Recorder.dataReceived(self, data)
                if in_callback:
                    self.hand_over()

            def hand_over(self):
                setattr(self.transport, name, other)
                other.makeConnection(self.transport)
                self.transport.write(b'next')
        with connected(pki, server=Leaving) as (client, server):
            tls = server.transport
            assert server is tls.protocol is tls.wrappedProtocol
            client.transport.write(b'first')
            until(lambda: server.data)
            if not in_callback:
                server.hand_over()
            until(lambda: client.data)
            assert other is tls.protocol is tls.wrappedProtocol
            client.transport.write(b'second')
            client.transport.loseConnection()
            until(lambda: client.reason and other.reason)
            server.reason = other.reason  # connected() waits for that
        assert (b'first', b'second') == (server.data, other.data)
        assert ['made', 'data'] == server.events
        assert error.ConnectionDone is other.reason.type
        assert tls.protocol is tls.wrappedProtocol is None

    def test_no_copy(self, pki):
        """It can be neither copied nor pickled."""
        made = TLSProtocol(Settings(pki.server_context(), True), Recorder())
        for make in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                make(made)

    @pytest.mark.parametrize('data', [u'text', 1, None])
    def test_write_no_bytes(self, pki, data):
        """What is no bytes is a TypeError, and nothing is sent."""
        with connected(pki, server=Echo) as (client, _):
            with pytest.raises(TypeError):
                client.transport.write(data)
            client.transport.write(b'after')
            until(lambda: client.data)
            assert b'after' == client.data

    def test_write_sequence(self, pki):
        """writeSequence sends all of it, in order, from any iterable."""
        with connected(pki, server=Echo) as (client, _):
            client.transport.writeSequence(iter([b'a', b'', b'b', b'c']))
            until(lambda: len(client.data) == 3)
            assert b'abc' == client.data

    def test_mutable_data(self, pki):
        """What can change is copied when it is written."""
        data = bytearray(b'before')
        with connected(pki, server=Echo) as (client, server):
            server.transport.pauseProducing()
            client.transport.write(data)
            data[:] = b'after!'
            server.transport.resumeProducing()
            until(lambda: len(client.data) == 6)
            assert b'before' == client.data

    def test_every_method_after_the_end(self, pki):
        """No method raises once the connection is lost; a new producer is stopped."""
        with connected(pki) as (client, server):
            pass
        tls, producer = client.transport, Producer()
        for name in ('loseConnection', 'abortConnection', 'loseWriteConnection', 'pauseProducing',
                     'resumeProducing', 'stopProducing', 'stopConsuming', 'unregisterProducer'):
            getattr(tls, name)()
        tls.write(b'data')
        tls.writeSequence([b'data'])
        tls.registerProducer(producer, True)
        assert ['stop'] == producer.calls
        tls.connectionLost(client.reason)
        assert 1 == client.events.count('lost')
        repr(tls)

    def test_log_prefix(self, pki):
        """A line of the log says whose it is."""
        with connected(pki) as (client, _):
            assert 'Recorder (TLS)' == client.transport.logPrefix()


class TestHandshake(object):
    """Handshakes that fail, or take too long, and what is said of them."""

    def failing(self, pki, client_context=None, server_context=None, hostname='localhost',
                server_options={}):
        """Connect a pair whose handshake fails; return both protocols, once both are lost."""
        ours, theirs = quiet(Listener), quiet(Listener)
        endpoint = TLSServerEndpoint(
            loopback(), server_context or pki.server_context(), **server_options)
        with listening(endpoint, theirs) as port:
            client = until(TLSClientEndpoint(
                loopback(port=port), client_context or pki.client_context(), hostname
            ).connect(ours))
            until(lambda: client.reason is not None and theirs.made
                  and theirs.made[0].reason is not None)
        return client, theirs.made[0]

    def test_untrusted(self, pki, tls_version):
        """A certificate that is not trusted: the client has the error itself, the server the alert.
        """
        client, server = self.failing(pki, pki.client_context(tls_version, trust='stranger-ca'))
        assert client.reason.check(SSLCertVerificationError)
        assert 'CERTIFICATE_VERIFY_FAILED' == client.reason.value.reason
        assert server.reason.check(ssl.SSLError)
        assert ['made', 'lost'] == client.events

    def test_wrong_name(self, pki):
        """A certificate of another name is refused in the handshake."""
        client, server = self.failing(pki, hostname='example.org')
        assert client.reason.check(SSLCertVerificationError)
        assert server.reason.check(ssl.SSLError)

    def test_client_without_certificate(self, pki):
        """A client without a certificate that is wanted: the server has the error itself."""
        client, server = self.failing(
            pki, pki.client_context('TLSv1.2'), pki.server_context(trust='ca'))
        assert server.reason.check(ssl.SSLError)
        assert 'PEER_DID_NOT_RETURN_A_CERTIFICATE' == server.reason.value.reason
        assert client.reason.check(ssl.SSLError)

    def test_no_common_version(self, pki):
        """Two sides without a common version: ssl.SSLError on both."""
        client, server = self.failing(
            pki, pki.client_context('TLSv1.2'), pki.server_context(version='TLSv1.3'))
        assert client.reason.check(ssl.SSLError)
        assert server.reason.check(ssl.SSLError)

    def test_no_name(self, pki):
        """A context that checks names needs one: ValueError, before anything is sent."""
        with pytest.raises(ValueError) as info:
            TLSClientEndpoint(loopback(port=1), pki.client_context(), None)
        assert 'hostname' in str(info.value)

    def test_waived_name(self, pki):
        """The name '' waives the check of names, not that of certificates."""
        with connected(pki, hostname='') as (client, _):
            assert client.transport.getPeerCertificate()

    def test_failure_is_reported(self, pki):
        """A server's failed handshake is one warning in Twisted's log."""
        from twisted.logger import globalLogPublisher
        events = []
        globalLogPublisher.addObserver(events.append)
        try:
            self.failing(pki, pki.client_context(trust='stranger-ca'))
        finally:
            globalLogPublisher.removeObserver(events.append)
        texts = [event['text'] for event in events if event.get('log_namespace') == 'sslproto27']
        assert 1 == len(texts)
        assert texts[0].startswith('TLS handshake with 127.0.0.1:')
        assert not [event for event in events if event.get('log_failure')]

    def test_garbage(self, pki):
        """A peer that speaks no TLS: the server has the error, the peer an alert."""
        def work(sock):
            sock.sendall(b'\x16\x03\x01\x00\x05hello')
            return receive(sock, 1000)
        with with_peer(pki, work, Listener, tls=None) as (ours, peer):
            until(lambda: ours.reason is not None)
        assert ours.reason.check(ssl.SSLError)
        assert ['made', 'lost'] == ours.events
        assert b'\x15' == peer.result[:1]  # RFC 8446 5.1: an alert

    def test_eof(self, pki):
        """A peer that leaves in the handshake: ConnectionLost, and no line in the log."""
        with with_peer(pki, lambda sock: None, Listener, tls=None) as (ours, peer):
            until(lambda: ours.reason is not None)
        assert error.ConnectionLost is ours.reason.type
        assert 'handshake' in str(ours.reason.value.args)

    def test_timeout(self, pki):
        """A handshake that takes longer than handshakeTimeout ends in TimeoutError, and a reset."""
        def work(sock):
            return sock.recv(1)
        with with_peer(pki, work, Listener, tls=None, handshakeTimeout=0.1) as (ours, peer):
            until(lambda: ours.reason is not None)
        assert error.TimeoutError is ours.reason.type
        assert isinstance(peer.error, socket.error)

    def test_timeout_with_lose(self, pki):
        """loseConnection in the handshake waits for it, no longer than handshakeTimeout."""
        with with_peer(pki, lambda sock: receive(sock, 1 << 20), server_side=False, tls=None,
                       handshakeTimeout=0.1) as (ours, peer):
            ours.transport.loseConnection()
            until(lambda: ours.reason is not None)
        assert error.TimeoutError is ours.reason.type

    def test_limit(self, pki):
        """Beyond handshakeLimit connections are closed at once; when there is room they are not."""
        theirs = quiet(Recorder)
        endpoint = TLSServerEndpoint(loopback(), pki.server_context(), handshakeLimit=1)
        with listening(endpoint, theirs) as port:
            idle = socket.create_connection(('127.0.0.1', port))
            until(lambda: len(theirs.made) == 1)
            refused = socket.create_connection(('127.0.0.1', port))
            refused.setblocking(False)

            def ended():
                try:
                    return refused.recv(1) == b''
                except socket.error as failure:
                    return failure.errno == 104  # ECONNRESET
            until(ended)
            assert 1 == len(theirs.made)
            refused.close()
            idle.close()
            until(lambda: theirs.made[0].reason is not None)
            client = until(TLSClientEndpoint(
                loopback(port=port), pki.client_context(), 'localhost').connect(quiet(Recorder)))
            until(lambda: client.transport.getPeerCertificate())
            client.transport.loseConnection()
            until(lambda: client.reason is not None and theirs.made[-1].reason is not None)

    def test_session(self, pki):
        """A client resumes a session that it is given."""
        client_context, server_context = pki.client_context('TLSv1.2'), pki.server_context()
        with connected(pki, client_context=client_context,
                       server_context=server_context) as (client, _):
            session = client.transport.sslObject.session
        with connected(pki, client_context=client_context, server_context=server_context,
                       session=session) as (client, _):
            assert client.transport.sslObject.session_reused
