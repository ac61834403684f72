"""`sslproto27.twisted.TLSProtocol` over real reactors and sockets: data, flow, ends, peers."""
from __future__ import absolute_import, division, print_function

import contextlib
import copy
import gc
import os
import socket
import ssl
import struct
import threading
import time
import weakref

import pytest
from zope.interface.verify import verifyObject

from sslproto27 import SSLCertVerificationError, SSLPipe
from sslproto27.twisted import TLSClientEndpoint, TLSFactory, TLSProtocol, TLSServerEndpoint
from sslproto27.twisted._settings import Settings
from tests.support.pipe_pairs import needs_refcounts, pattern
from tests.support.twisteds import (
    Failure, Half, Listener, Peer, Recorder, a_reactor, connected, endpoints, error, global_reactor,
    implementer, interfaces, listening, loopback, protocol, quiet, reactor_names, task, until,
    with_peer)


class Echo(Recorder):
    """Sends back what comes."""

    def dataReceived(self, data):
        Recorder.dataReceived(self, data)
        self.transport.write(data)


def receive(sock, count):
    """Return *count* bytes of a blocking socket."""
    data = b''
    while len(data) < count:
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data


def reset(sock):
    """Close a socket so that the other end gets RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    sock.close()


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


class TestTransport(object):
    """What the application's protocol has as its transport."""

    def test_interfaces(self, pki):
        """It provides what Twisted asks of a TLS transport, all of it."""
        with connected(pki) as (client, server):
            for one in (client.transport, server.transport):
                for interface in (interfaces.ISSLTransport, interfaces.INegotiated,
                                  interfaces.ITLSTransport, interfaces.ITCPTransport,
                                  interfaces.IConsumer, interfaces.IPushProducer,
                                  interfaces.IHalfCloseableProtocol):
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


class Producer(object):
    """A push producer that remembers what it is asked."""

    def __init__(self):
        self.calls = []

    def pauseProducing(self):
        self.calls.append('pause')

    def resumeProducing(self):
        self.calls.append('resume')

    def stopProducing(self):
        self.calls.append('stop')


class Source(object):
    """A producer of so many bytes; as a push producer it writes until it is paused."""

    def __init__(self, transport, data, streaming):
        self._transport, self._data, self.streaming = transport, data, streaming
        self.paused = False
        self.most = 0
        transport.registerProducer(self, streaming)
        if streaming:
            self.resumeProducing()

    def resumeProducing(self):
        self.paused = False
        while self._data and not self.paused:
            piece, self._data = self._data[:10000], self._data[10000:]
            self._transport.write(piece)
            if not self.streaming:
                break
        if not self._data:
            self._transport.unregisterProducer()

    def pauseProducing(self):
        self.paused = True

    def stopProducing(self):
        self._data = b''


class TestFlow(object):
    """Who is asked to pause, and when."""

    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    def test_producer(self, pki, streaming):
        """A producer's bytes arrive, all of them, while the peer pauses and goes on."""
        data = pattern(6 << 20)
        with connected(pki) as (client, server):
            server.transport.pauseProducing()
            Source(client.transport, data, streaming)
            client.transport.loseConnection()  # comes after the producer's end
            global_reactor.callLater(0.1, server.transport.resumeProducing)
            until(lambda: server.reason is not None)
        assert data == server.data
        assert error.ConnectionDone is server.reason.type

    def test_pause_inside_write(self, pki):
        """A push producer is paused inside the write that is too much, and resumed once it is out.
        """
        producer = Producer()
        with connected(pki) as (client, server):
            server.transport.pauseProducing()
            client.transport.registerProducer(producer, True)
            client.transport.write(b'x' * 1000)
            assert [] == producer.calls
            client.transport.write(b'x' * 65536)
            assert ['pause'] == producer.calls
            client.transport.write(b'more')
            assert ['pause'] == producer.calls
            server.transport.resumeProducing()
            until(lambda: len(server.data) == 66540)
            until(lambda: producer.calls == ['pause', 'resume'])
            client.transport.abortConnection()
            until(lambda: client.reason is not None)
        assert ['pause', 'resume', 'stop'] == producer.calls

    def test_pause_in_handshake(self, pki):
        """What is written before the handshake is done is bounded as well."""
        producers = []

        class Writer(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                producers.append(Producer())
                self.transport.registerProducer(producers[0], True)
                self.transport.write(b'x' * 65536)
                assert [] == producers[0].calls
                self.transport.write(b'x')
                assert ['pause'] == producers[0].calls
        with connected(pki, Writer) as (client, server):
            until(lambda: len(server.data) == 65537)
            until(lambda: producers[0].calls == ['pause', 'resume'])

    def test_one_producer(self, pki):
        """A second producer is a RuntimeError, as on Twisted's own transports."""
        with connected(pki) as (client, _):
            client.transport.registerProducer(Producer(), True)
            with pytest.raises(RuntimeError):
                client.transport.registerProducer(Producer(), True)

    def test_memory_is_bounded(self, pki):
        """A peer that reads nothing costs no more than the limits, whatever is written at once."""
        with connected(pki) as (client, server):
            server.transport.pauseProducing()
            client.transport.write(b'x' * (8 << 20))
            for _ in range(20):
                global_reactor.iterate(0)
            conn = client.transport.transport
            encrypted = len(conn.dataBuffer) + conn._tempDataLen
            assert encrypted <= 4 * 128 * 1024
            server.transport.resumeProducing()
            until(lambda: len(server.data) == 8 << 20)

    def test_pause_reading(self, pki):
        """After pauseProducing nothing is delivered, not even what has been decrypted."""
        class Pauser(Recorder):
            def dataReceived(self, data):
                Recorder.dataReceived(self, data)
                self.transport.pauseProducing()
        with connected(pki, server=Pauser) as (client, server):
            client.transport.write(b'one')
            until(lambda: server.data)
            client.transport.write(b'two')
            for _ in range(10):
                global_reactor.iterate(0.005)
            assert b'one' == server.data
            server.transport.resumeProducing()
            until(lambda: len(server.data) > 3)
            assert b'onetwo' == server.data
            server.transport.resumeProducing()

    def test_pause_before_handshake(self, pki):
        """A protocol that pauses in connectionMade has its handshake, and no data until it goes on.
        """
        class Pauser(Listener):
            def connectionMade(self):
                Listener.connectionMade(self)
                self.transport.pauseProducing()
        with connected(pki, server=Pauser) as (client, server):
            client.transport.write(b'data')
            for _ in range(10):
                global_reactor.iterate(0.005)
            assert ['made', 'handshake'] == server.events
            server.transport.resumeProducing()
            until(lambda: server.data)

    def test_stream_of_paused_reader(self, pki):
        """A reader that pauses at each piece gets every byte, in order, and then the end."""
        data = pattern(1 << 20)

        class Pauser(Recorder):
            def dataReceived(self, data):
                Recorder.dataReceived(self, data)
                self.transport.pauseProducing()
                global_reactor.callLater(0, self.transport.resumeProducing)
        with connected(pki, server=Pauser) as (client, server):
            client.transport.write(data)
            client.transport.loseConnection()
            until(lambda: server.reason is not None)
        assert data == server.data
        assert error.ConnectionDone is server.reason.type

    def test_many_small_writes_share_records(self, pki):
        """What a callback writes leaves as one record."""
        class Chatty(Recorder):
            def dataReceived(self, data):
                for _ in range(100):
                    self.transport.write(b'x' * 10)
        sizes = []
        with connected(pki, server=Chatty, version='TLSv1.2') as (client, server):
            lower = client.transport.transport.protocol
            received = lower.dataReceived

            def count(data):
                sizes.append(len(data))
                received(data)
            lower.dataReceived = count
            client.transport.write(b'go')
            until(lambda: len(client.data) == 1000)
        assert [1000 + 29] == sizes  # a header, a nonce and a tag (RFC 5246 6.2.3.3)

    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    @pytest.mark.parametrize('call', ['loseWriteConnection', 'loseConnection', 'abortConnection',
                                      'lost'])
    def test_late_producer(self, pki, call, streaming):
        """A producer that is registered when nothing can be sent any more is stopped."""
        hand, producer = Hand(pki, clock=global_reactor), Producer()
        hand.turn()
        if call == 'lost':
            hand.tls.pauseProducing()
            hand.peer.feed_appdata(b'data')
            hand.turn()
            hand.end()
        else:
            getattr(hand.tls, call)()
        hand.tls.registerProducer(producer, streaming)
        global_reactor.iterate(0)
        assert ['stop'] == producer.calls
        assert hand.tls.producer is None
        hand.tls.abortConnection()
        until(lambda: hand.application.reason)

    def test_pull_producer_at_the_end(self, pki):
        """A pull producer is not asked for data that can no longer be sent."""
        hand, producer = Hand(pki, clock=global_reactor), Producer()
        hand.turn()
        hand.tls.registerProducer(producer, False)
        until(lambda: producer.calls)
        asked = len(producer.calls)
        hand.tls.dataReceived(b'no TLS')  # ends TLS with an alert, while the transport below stays
        for _ in range(10):
            global_reactor.iterate(0)
        assert hand.below.closed
        assert ['resume'] * asked == producer.calls
        hand.end()
        assert ['resume'] * asked + ['stop'] == producer.calls

    def test_pull_producer_raises(self, pki):
        """A pull producer that raises is logged, and not asked again; the connection stays."""
        class Faulty(Producer):
            def resumeProducing(self):
                Producer.resumeProducing(self)
                if len(self.calls) == 3:
                    raise ZeroDivisionError('a fault')
        producer = Faulty()
        with logged_errors() as logged, connected(pki) as (client, server):
            client.transport.registerProducer(producer, False)
            until(lambda: logged)
            client.transport.write(b'and more')
            until(lambda: server.data)
            assert client.transport.producer is None
        assert ['resume'] * 3 == producer.calls
        assert [ZeroDivisionError] == [event['failure'].type for event in logged]

    def test_pull_producer_raises_at_the_end(self, pki):
        """If the end waits for it, that is no good end: the peer has not got all."""
        class Faulty(Producer):
            def resumeProducing(self):
                Producer.resumeProducing(self)
                raise ZeroDivisionError('a fault')
        with logged_errors(), connected(pki) as (client, server):
            client.transport.registerProducer(Faulty(), False)
            client.transport.write(b'part')
            client.transport.loseConnection()
            until(lambda: client.reason and server.reason)
        assert [ZeroDivisionError, error.ConnectionLost] == [client.reason.type, server.reason.type]


@contextlib.contextmanager
def logged_errors():
    """Give a list to which the log's errors are added."""
    from twisted.python import log
    logged = []

    def observe(event):
        if event['isError']:
            logged.append(event)
    log.addObserver(observe)
    try:
        yield logged
    finally:
        log.removeObserver(observe)


class TestEnds(object):
    """How a connection ends, and what the protocols are told."""

    def test_lose_in_connection_made(self, pki):
        """What is written before loseConnection arrives, even before there is TLS."""
        class Quick(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                self.transport.write(b'hello')
                self.transport.loseConnection()
                self.transport.write(b'too late')
        with connected(pki, Quick) as (client, server):
            until(lambda: client.reason is not None and server.reason is not None)
        assert b'hello' == server.data
        assert [error.ConnectionDone] * 2 == [client.reason.type, server.reason.type]

    def test_lose_with_backlog(self, pki):
        """All that was written before loseConnection arrives."""
        data = pattern(5 << 20)
        with connected(pki) as (client, server):
            client.transport.write(data)
            client.transport.loseConnection()
            assert client.transport.disconnecting
            until(lambda: server.reason is not None)
        assert data == server.data

    def test_no_data_after_lose(self, pki):
        """After loseConnection the application gets no data, and a peer that sends is no error."""
        with connected(pki) as (client, server):
            server.transport.write(b'x' * 100000)
            client.transport.loseConnection()
            until(lambda: client.reason is not None and server.reason is not None)
        assert b'' == client.data
        assert error.ConnectionDone is client.reason.type

    def test_close_notify_is_exchanged(self, pki, tls_version):
        """loseConnection sends close_notify: a stock peer's unwrap() returns."""
        def work(tls):
            assert b'' == tls.recv(10)
            tls.unwrap()
            return 'clean'
        with with_peer(pki, work, tls=tls_version) as (ours, peer):
            until(lambda: ours.transport.sslObject.version())
            ours.transport.loseConnection()
            until(lambda: ours.reason is not None)
        assert ('clean', None) == (peer.result, peer.error)
        assert error.ConnectionDone is ours.reason.type

    def test_silent_peer(self, pki):
        """A peer that never answers close_notify holds the end up for shutdownTimeout alone."""
        def work(tls):
            data = receive(tls, 4)
            tls.recv(1)
            silence.wait()
            return data
        silence = threading.Event()
        with with_peer(pki, work, shutdownTimeout=0.1) as (ours, peer):
            until(lambda: ours.transport.sslObject.version())
            ours.transport.write(b'data')
            ours.transport.loseConnection()
            until(lambda: ours.reason is not None, patience=5)
            silence.set()
        assert b'data' == peer.result
        assert error.ConnectionDone is ours.reason.type

    def test_no_wait(self, pki):
        """shutdownTimeout=0 waits for nothing, once all is sent."""
        data = pattern(3 << 20)
        with connected(pki, shutdownTimeout=0) as (client, server):
            server.transport.pauseProducing()
            client.transport.write(data)
            client.transport.loseConnection()
            global_reactor.callLater(0.05, server.transport.resumeProducing)
            until(lambda: client.reason is not None and server.reason is not None)
        assert data == server.data
        assert error.ConnectionDone is client.reason.type

    def test_peer_that_reads_nothing(self, pki):
        """A peer that takes nothing for shutdownTimeout is cut off: ConnectionAborted."""
        with connected(pki, shutdownTimeout=0.2) as (client, server):
            server.transport.pauseProducing()
            client.transport.write(b'x' * (16 << 20))
            client.transport.loseConnection()
            until(lambda: client.reason is not None, patience=10)
        assert error.ConnectionAborted is client.reason.type

    def test_peer_that_goes_on_sending(self, pki):
        """A peer that never stops sending after our close_notify is cut off."""
        def work(tls):
            while True:
                tls.sendall(b'x' * 65536)
        with with_peer(pki, work) as (ours, peer):
            until(lambda: ours.data)
            ours.transport.loseConnection()
            until(lambda: ours.reason is not None)
        assert error.ConnectionAborted is ours.reason.type

    def test_abort(self, pki):
        """abortConnection ends at once: ConnectionAborted here, ConnectionLost there."""
        with connected(pki) as (client, server):
            client.transport.abortConnection()
            until(lambda: client.reason is not None and server.reason is not None)
        assert [error.ConnectionAborted, error.ConnectionLost] == [
            client.reason.type, server.reason.type]

    def test_reset(self, pki):
        """A reset is ConnectionLost."""
        def work(tls):
            tls.sendall(b'x')
            reset(tls)
        with with_peer(pki, work) as (ours, peer):
            until(lambda: ours.reason is not None)
        assert error.ConnectionLost is ours.reason.type

    def test_suppress_ragged_eofs(self, pki):
        """With suppressRaggedEofs an end without close_notify is ConnectionDone."""
        def work(tls):
            tls.sendall(b'data')
        with with_peer(pki, work, tls='TLSv1.2', suppressRaggedEofs=True) as (ours, peer):
            until(lambda: ours.reason is not None)
        assert (b'data', error.ConnectionDone) == (ours.data, ours.reason.type)

    def test_peer_closes_first(self, pki):
        """What was written before the peer's close_notify still goes out; then both are done."""
        data = pattern(2 << 20)

        def work(tls):
            assert b'g' == tls.recv(1)
            try:
                tls.settimeout(0.2)
                tls.unwrap()
            except (socket.error, ssl.SSLError):
                pass  # close_notify is out, and data comes: not what unwrap() wants
            return True
        with with_peer(pki, work, tls='TLSv1.3') as (ours, peer):
            until(lambda: ours.transport.sslObject.version())
            ours.transport.write(b'g' + data)
            until(lambda: ours.reason is not None)
        assert ours.reason.check(error.ConnectionDone, error.ConnectionLost)

    def test_half_close(self, pki):
        """loseWriteConnection ends one direction; the other goes on until it is ended too."""
        with connected(pki, Half, Half, version='TLSv1.3') as (client, server):
            client.transport.write(b'question')
            client.transport.loseWriteConnection()
            until(lambda: 'read lost' in server.events)
            assert b'question' == server.data
            server.transport.write(b'a long answer')
            server.transport.loseConnection()
            until(lambda: client.reason is not None and server.reason is not None)
        assert b'a long answer' == client.data
        assert ['made', 'handshake', 'write lost', 'data', 'read lost', 'lost'] == client.events
        assert ['made', 'handshake', 'data', 'read lost', 'lost'] == server.events
        assert [error.ConnectionDone] * 2 == [client.reason.type, server.reason.type]

    def test_half_close_of_others(self, pki):
        """A protocol that knows no half close is closed when the peer has ended its side."""
        with connected(pki, Half, Recorder) as (client, server):
            client.transport.loseWriteConnection()
            until(lambda: client.reason is not None and server.reason is not None)
        assert [error.ConnectionDone] * 2 == [client.reason.type, server.reason.type]

    def test_half_close_after_producer(self, pki):
        """loseWriteConnection comes after the producer's last byte."""
        data = pattern(3 << 20)
        with connected(pki, Half, Half) as (client, server):
            Source(client.transport, data, True)
            client.transport.loseWriteConnection()
            until(lambda: 'read lost' in server.events)
            assert data == server.data
            server.transport.loseConnection()
            until(lambda: client.reason is not None and server.reason is not None)

    def test_exception_in_callback(self, pki):
        """What the application raises in dataReceived is logged, and ends the connection."""
        class Faulty(Recorder):
            def dataReceived(self, data):
                raise ZeroDivisionError('a fault')
        with logged_errors() as logged, connected(pki, server=Faulty) as (client, server):
            client.transport.write(b'data')
            until(lambda: client.reason is not None and server.reason is not None)
        assert ZeroDivisionError is server.reason.type
        assert 1 == len(logged)

    @pytest.mark.parametrize('ours_fails', [False, True], ids=['server', 'client'])
    def test_exception_in_connection_made(self, pki, ours_fails):
        """So does connectionMade, on a server too, where Twisted would leave the connection open.
        """
        class Faulty(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                raise ZeroDivisionError('a fault')
        classes = (Faulty, Recorder) if ours_fails else (Recorder, Faulty)
        theirs = quiet(classes[1])
        with logged_errors() as logged, listening(
                TLSServerEndpoint(loopback(), pki.server_context()), theirs) as port:
            client = until(TLSClientEndpoint(
                loopback(port=port), pki.client_context(), 'localhost').connect(quiet(classes[0])))
            until(lambda: client.reason and theirs.made and theirs.made[0].reason, patience=5)
        faulty, other = (client, theirs.made[0]) if ours_fails else (theirs.made[0], client)
        assert ['made', 'lost'] == faulty.events
        assert [ZeroDivisionError, error.ConnectionLost] == [faulty.reason.type, other.reason.type]
        assert [ZeroDivisionError] == [event['failure'].type for event in logged]

    @pytest.mark.parametrize('name', [
        'connectionMade', 'handshakeCompleted', 'dataReceived', 'readConnectionLost',
        'writeConnectionLost', 'connectionLost', 'pauseProducing', 'resumeProducing'])
    def test_exception_in_any_callback(self, pki, name):
        """We log it once, close and tell connectionLost once, whatever the transport below does."""
        class Faulty(Half):
            """A protocol, and its own transport's push producer."""

            def fail(self, *args):
                getattr(Half, name, lambda *_: None)(self, *args)
                raise ZeroDivisionError('a fault')

            pauseProducing = resumeProducing = stopProducing = lambda self: None
        setattr(Faulty, name, Faulty.__dict__['fail'])

        with logged_errors() as logged:
            hand = Hand(pki, Faulty)
            hand.turn()
            hand.tls.registerProducer(hand.application, True)
            hand.tls.pause_sending()
            hand.tls.write(b'answer')
            hand.tls.resume_sending()
            hand.tls.unregisterProducer()
            if not hand.below.closed:
                hand.peer.feed_appdata(b'data')
                hand.turn()
                hand.tls.loseWriteConnection()
                hand.peer.shutdown()
                hand.turn()
            hand.clock.advance(0)
            if name == 'connectionLost':
                hand.end()
            assert hand.below.closed
            assert ['lost'] == hand.application.events[-1:]
            hand.end()
        assert [ZeroDivisionError] == [event['failure'].type for event in logged]
        assert 1 == hand.application.events.count('lost')
        assert hand.application.reason.check(
            error.ConnectionDone if name == 'connectionLost' else ZeroDivisionError)
        assert [] == hand.clock.getDelayedCalls()

    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    @pytest.mark.parametrize('how', ['lost', 'peer ends', 'silent'])
    def test_exception_in_stop_producing(self, pki, how, streaming):
        """We log what stopProducing raises; the end goes on, and connectionLost is told."""
        class Faulty(Producer):
            def stopProducing(self):
                Producer.stopProducing(self)
                raise ZeroDivisionError('a fault')
        hand, producer = Hand(pki, Recorder, shutdownTimeout=1), Faulty()
        hand.turn()
        hand.tls.registerProducer(producer, streaming)
        with logged_errors() as logged:
            if how == 'peer ends':
                hand.peer.shutdown()
                hand.turn()
            elif how == 'silent':
                hand.tls.pause_sending()  # nothing is asked of a pull producer
                hand.tls.loseConnection()
                hand.clock.pump([0.25] * 8)
            hand.end(error.ConnectionLost)
        assert 1 == producer.calls.count('stop')
        assert ['made', 'lost'] == hand.application.events
        assert [ZeroDivisionError] == [event['failure'].type for event in logged]
        assert [] == hand.clock.getDelayedCalls()

    def test_exception_in_connection_lost(self, pki):
        """What connectionLost raises does not keep a connector from telling its factory."""
        class Faulty(Recorder):
            def connectionMade(self):
                self.transport.loseConnection()

            def connectionLost(self, reason):
                raise ZeroDivisionError('a fault')
        lost = []
        factory = protocol.ClientFactory.forProtocol(Faulty)
        factory.noisy = False
        factory.clientConnectionLost = lambda connector, reason: lost.append(reason)
        with logged_errors() as logged, listening(
                TLSServerEndpoint(loopback(), pki.server_context()), quiet(Recorder)) as port:
            global_reactor.connectTCP('127.0.0.1', port, TLSFactory(
                factory, pki.client_context(), hostname='localhost'))
            until(lambda: lost, patience=5)
        assert [ZeroDivisionError] == [event['failure'].type for event in logged]

    @pytest.mark.parametrize('name', ['dataReceived', 'readConnectionLost', 'connectionLost'])
    def test_exception_after_a_pause(self, pki, name):
        """So is what it raises in a callback that a pause has put off."""
        class Faulty(Half):
            def dataReceived(self, data):
                self.call('dataReceived', data)

            def readConnectionLost(self):
                self.call('readConnectionLost')
                self.transport.loseConnection()

            def connectionLost(self, reason):
                self.call('connectionLost', reason)

            def call(self, called, *args):
                getattr(Half, called)(self, *args)
                if called == name:
                    raise ZeroDivisionError('a fault')

        hand = Hand(pki, Faulty)
        hand.turn()
        hand.tls.pauseProducing()
        hand.peer.feed_appdata(b'data')
        hand.peer.shutdown()
        hand.turn()
        if name == 'connectionLost':
            hand.end()
        with logged_errors() as logged:
            hand.tls.resumeProducing()
            hand.clock.advance(0)
            if name != 'connectionLost':
                assert hand.below.closed
                hand.end()
                assert ZeroDivisionError is hand.application.reason.type
        assert [ZeroDivisionError] == [event['failure'].type for event in logged]
        assert 1 == hand.application.events.count('lost')
        assert [] == hand.clock.getDelayedCalls()

    @pytest.mark.parametrize('call', ['abortConnection', 'loseConnection'])
    def test_end_of_a_paused_one(self, pki, call):
        """A connection that ends while its reader pauses is over once that one has closed."""
        hand = Hand(pki)
        hand.turn()
        hand.tls.pauseProducing()
        hand.peer.feed_appdata(b'data')
        hand.turn()
        hand.end()
        assert hand.application.reason is None
        getattr(hand.tls, call)()
        assert hand.application.reason is None  # not from within
        hand.clock.advance(0)
        assert ['made', 'handshake', 'lost'] == hand.application.events
        assert hand.application.reason.check(
            error.ConnectionAborted if call == 'abortConnection' else error.ConnectionDone)

    @pytest.mark.parametrize('when', ['made', 'before', 'again'])
    def test_reset_of_a_paused_one(self, pki, when):
        """A reset is told at once to a reader that has paused, and stops its producer."""
        class Pauser(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                self.transport.registerProducer(producer, True)
                if when == 'made':
                    self.transport.pauseProducing()

            def dataReceived(self, data):
                Recorder.dataReceived(self, data)
                self.transport.pauseProducing()
        producer = Producer()
        hand = Hand(pki, Pauser)
        hand.turn()
        if when != 'made':
            hand.tls.pauseProducing()
        hand.peer.feed_appdata(b'data')
        hand.turn()
        hand.peer.feed_appdata(b'more')
        hand.turn()
        if when == 'again':
            hand.tls.resumeProducing()
        hand.end(error.ConnectionLost)
        hand.clock.advance(0)
        assert ['stop'] == producer.calls
        assert (['made', 'data', 'lost'] if when == 'again' else ['made', 'lost']
                ) == hand.application.events
        assert error.ConnectionLost is hand.application.reason.type
        assert [] == hand.clock.getDelayedCalls()

    def test_orderly_end_after_resume(self, pki):
        """What has been decrypted is delivered, if the end comes just after resumeProducing."""
        hand = Hand(pki)
        hand.tls.pauseProducing()
        hand.peer.feed_appdata(b'data')  # goes out together with Finished
        hand.turn()
        hand.tls.resumeProducing()
        hand.end()
        hand.clock.advance(0)
        assert ['made', 'handshake', 'data', 'lost'] == hand.application.events

    @pytest.mark.parametrize('kind', [error.ConnectionDone, error.ConnectionLost])
    def test_end_under_back_pressure(self, pki, kind):
        """A transport that is its own producer is not paused for ever: nobody would resume it."""
        class Own(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                self.transport.registerProducer(self.transport, True)
                self.transport.write(b'x' * 100000)
        hand = Hand(pki, Own)
        hand.tls.pause_sending()
        hand.turn()
        hand.peer.feed_appdata(b'data')
        hand.tls.resume_sending()
        hand.tls.pause_sending()
        hand.turn()
        hand.end(kind)
        hand.clock.advance(0)
        assert ['made', 'lost'] == hand.application.events
        assert [] == hand.clock.getDelayedCalls()

    @pytest.mark.parametrize('own', [True, False], ids=['back pressure', 'application'])
    def test_reset_under_a_pause(self, pki, own):
        """A peer sends data with its Finished and resets: a server that has paused is told."""
        class Greeter(Recorder):
            def connectionMade(self):
                Recorder.connectionMade(self)
                if own:
                    self.transport.registerProducer(self.transport, True)
                    self.transport.write(b'x' * (8 << 20))
                else:
                    self.transport.pauseProducing()
                    self.again()

            def again(self):
                if self.reason is None:
                    self.transport.write(b'x')
                    global_reactor.callLater(0.02, self.again)

        def work(sock):
            pipe = SSLPipe(pki.client_context(), server_hostname='localhost')
            pipe.do_handshake()
            pipe.feed_appdata(b'data')  # goes out together with Finished
            while not pipe.established or pipe.backlog:
                sock.sendall(pipe.data_to_send())
                pipe.feed_ssldata(sock.recv(65536))
            sock.sendall(pipe.data_to_send())
            time.sleep(0.1)
            reset(sock)
        with with_peer(pki, work, Greeter, tls=None) as (ours, peer):
            until(lambda: ours.reason is not None, patience=5)
        assert (['made', 'lost'], error.ConnectionLost) == (ours.events, ours.reason.type)

    def test_dead_producer(self, pki):
        """A push producer that writes nothing for shutdownTimeout is not waited for any longer."""
        producer = Producer()
        with connected(pki, shutdownTimeout=0.2) as (client, server):
            client.transport.registerProducer(producer, True)
            client.transport.write(b'data')
            client.transport.loseConnection()
            begin = time.time()
            until(lambda: client.reason and server.reason, patience=5)
        assert 0.2 <= time.time() - begin < 2
        assert (b'data', error.ConnectionDone) == (server.data, server.reason.type)
        assert 'stop' in producer.calls

    def test_slow_producer(self, pki):
        """One that does write is waited for, longer than shutdownTimeout."""
        with connected(pki, shutdownTimeout=0.2) as (client, server):
            client.transport.registerProducer(Producer(), True)
            client.transport.loseConnection()
            for number in range(10):
                global_reactor.callLater(number / 10.0, client.transport.write, b'x')
            global_reactor.callLater(1, client.transport.unregisterProducer)
            until(lambda: client.reason and server.reason)
        assert b'x' * 10 == server.data
        assert [error.ConnectionDone] * 2 == [client.reason.type, server.reason.type]

    def test_terminator(self, pki):
        """Twisted's port forwarder behind TLS ends at once when what is behind it ends."""
        from twisted.protocols import portforward

        class Answer(Recorder):
            def dataReceived(self, data):
                self.transport.write(b'answer')
                self.transport.loseConnection()
        with listening(loopback(), quiet(Answer)) as behind:
            factory = portforward.ProxyFactory('127.0.0.1', behind)
            factory.noisy = False
            with listening(TLSServerEndpoint(loopback(), pki.server_context()), factory) as port:
                client = until(TLSClientEndpoint(
                    loopback(port=port), pki.client_context(), 'localhost').connect(
                        quiet(Recorder)))
                client.transport.write(b'question')
                until(lambda: client.reason, patience=5)
        assert (b'answer', error.ConnectionDone) == (client.data, client.reason.type)

    def test_stopped_with_a_paused_producer(self, pki):
        """After stopProducing a paused producer is asked to go on once, as TCP does."""
        class More(Producer):
            def resumeProducing(self):
                Producer.resumeProducing(self)
                client.transport.write(b'the end')
        with connected(pki) as (client, server):
            server.transport.pauseProducing()
            producer = More()
            client.transport.registerProducer(producer, True)
            client.transport.write(b'x' * (4 << 20))
            client.transport.stopProducing()
            global_reactor.iterate(0)
            server.transport.resumeProducing()
            until(lambda: client.reason and server.reason)
        assert ['pause', 'resume', 'stop'] == producer.calls
        assert ((4 << 20) + 7, b'the end') == (len(server.data), server.data[-7:])

    def test_slow_peer(self, pki):
        """A peer that takes a little now and then gets all, however long that takes."""
        size = 200000

        class Narrow(Recorder):
            def connectionMade(self):
                self.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
                Recorder.connectionMade(self)

        def work(tls):
            count = 0
            while count < size:
                count += len(tls.recv(4000))
                time.sleep(0.03)
            tls.unwrap()
            return count
        factory = quiet(Narrow)
        endpoint = TLSServerEndpoint(loopback(), pki.server_context(), shutdownTimeout=0.5)
        with listening(endpoint, factory) as port:
            narrow = socket.socket()
            narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # or it takes much at once
            narrow.connect(('127.0.0.1', port))
            peer = Peer(narrow, work, lambda sock: pki.client_context('TLSv1.2').wrap_socket(
                sock, server_hostname='localhost'))
            until(lambda: factory.made and factory.made[0].transport.sslObject.version())
            ours, = factory.made
            ours.transport.write(b'x' * size)
            ours.transport.loseConnection()
            until(lambda: ours.reason is not None and peer.done())
        assert (size, error.ConnectionDone) == (peer.result, ours.reason.type)

    @pytest.mark.parametrize('size', [10, 3 << 20])
    def test_disconnect(self, pki, size):
        """A connector's disconnect() is loseConnection: all arrives, and close_notify."""
        ours, theirs = quiet(Recorder), quiet(Recorder)
        with listening(TLSServerEndpoint(loopback(), pki.server_context()), theirs) as port:
            lost = []
            factory = protocol.ClientFactory()
            factory.noisy = False
            factory.buildProtocol = ours.buildProtocol
            factory.clientConnectionLost = lambda connector, reason: lost.append(connector)
            connector = global_reactor.connectTCP(
                '127.0.0.1', port, TLSFactory(factory, pki.client_context(), hostname='localhost'))
            until(lambda: ours.made and ours.made[0].transport.sslObject.version())
            ours.made[0].transport.write(b'x' * size)
            connector.disconnect()
            until(lambda: lost and theirs.made[0].reason)
        assert (size, error.ConnectionDone) == (len(theirs.made[0].data),
                                                theirs.made[0].reason.type)
        assert error.ConnectionDone is ours.made[0].reason.type
        assert not isinstance(connector.transport, TLSProtocol)

    def test_closed_below(self, pki):
        """Who closes the connection below ends it, once all that was written is out."""
        with connected(pki) as (client, server):
            client.transport.write(b'x' * (3 << 20))
            client.transport.transport.loseConnection()
            until(lambda: client.reason and server.reason)
        assert 3 << 20 == len(server.data)
        assert [error.ConnectionLost] * 2 == [client.reason.type, server.reason.type]

    @needs_refcounts
    def test_all_is_freed(self, pki):
        """With gc off nothing of a connection stays, once it is lost and its protocols are let go.
        """
        gc.disable()
        try:
            with connected(pki) as (client, server):
                refs = [weakref.ref(one) for side in (client, server)
                        for one in (side.transport, side.transport.sslObject)]
                client.transport.loseConnection()
                until(lambda: client.reason is not None and server.reason is not None)
            for one in (client, server):
                del one.factory.made[:]
            client = server = side = one = None  # noqa: F841: 2.7
            until(lambda: not global_reactor.getDelayedCalls())
            assert [None] * 4 == [ref() for ref in refs]
        finally:
            gc.enable()


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

    @pytest.mark.parametrize('options, kind', [
        (dict(handshakeTimeout=0), ValueError), (dict(handshakeTimeout='1'), TypeError),
        (dict(shutdownTimeout=-1), ValueError), (dict(unknown=1), TypeError),
        (dict(handshakeLimit=0), ValueError), (dict(handshakeLimit=1.5), TypeError)])
    def test_bad_options(self, pki, options, kind):
        """An option that cannot be used is an error that names it."""
        with pytest.raises(kind) as info:
            TLSServerEndpoint(loopback(), pki.server_context(), **options)
        assert list(options)[0] in str(info.value)

    @pytest.mark.parametrize('context', [None, 'context', object()])
    def test_no_context(self, context):
        """What is no ssl.SSLContext is a TypeError."""
        with pytest.raises(TypeError) as info:
            TLSServerEndpoint(loopback(), context)
        assert 'context must be an ssl.SSLContext' in str(info.value)

    def test_pyopenssl_context(self):
        """A context factory for pyOpenSSL is a TypeError that says what to pass."""
        class Factory(object):
            def getContext(self):
                raise AssertionError('not wanted')
        with pytest.raises(TypeError) as info:
            TLSClientEndpoint(loopback(port=1), Factory(), 'localhost')
        assert 'ssl.create_default_context()' in str(info.value)
        assert 'pyOpenSSL' in str(info.value)

    def test_session(self, pki):
        """A client resumes a session that it is given."""
        client_context, server_context = pki.client_context('TLSv1.2'), pki.server_context()
        with connected(pki, client_context=client_context,
                       server_context=server_context) as (client, _):
            session = client.transport.sslObject.session
        with connected(pki, client_context=client_context, server_context=server_context,
                       session=session) as (client, _):
            assert client.transport.sslObject.session_reused


class TestOtherTransports(object):
    """TLS over what is no TCP."""

    def test_unix(self, pki, tmpdir):
        """Over Unix sockets."""
        path = str(tmpdir.join('socket'))
        theirs = quiet(Echo)
        with listening(TLSServerEndpoint(endpoints.UNIXServerEndpoint(global_reactor, path),
                                         pki.server_context()), theirs):
            client = until(TLSClientEndpoint(
                endpoints.UNIXClientEndpoint(global_reactor, path), pki.client_context(),
                'localhost').connect(quiet(Recorder)))
            client.transport.write(b'over a path')
            until(lambda: client.data)
            client.transport.loseConnection()
            until(lambda: client.reason is not None and theirs.made[0].reason is not None)
        assert b'over a path' == client.data

    @pytest.mark.parametrize('size', [1, 2 << 20])
    def test_tls_in_tls(self, pki, size):
        """TLS within TLS: data, flow control and the end go through both."""
        data = pattern(size)
        theirs = quiet(Echo)
        server = TLSServerEndpoint(TLSServerEndpoint(loopback(), pki.server_context()),
                                   pki.server_context('other'))
        with listening(server, theirs) as port:
            outer = TLSClientEndpoint(loopback(port=port), pki.client_context(), 'localhost')
            client = until(TLSClientEndpoint(
                outer, pki.client_context(), 'other.example.org').connect(quiet(Half)))
            client.transport.write(data)
            until(lambda: len(client.data) == size)
            client.transport.loseConnection()
            until(lambda: client.reason is not None and theirs.made[0].reason is not None)
        assert data == client.data
        assert pki.chain('other')[0] != pki.chain('localhost')[0]
        assert [error.ConnectionDone] * 2 == [client.reason.type, theirs.made[0].reason.type]

    def test_tls_in_tls_fails(self, pki):
        """The inner handshake's failure is what the application is told."""
        theirs = quiet(Echo)
        server = TLSServerEndpoint(TLSServerEndpoint(loopback(), pki.server_context()),
                                   pki.server_context('stranger'))
        with listening(server, theirs) as port:
            outer = TLSClientEndpoint(loopback(port=port), pki.client_context(), 'localhost')
            client = until(TLSClientEndpoint(
                outer, pki.client_context(), 'localhost').connect(quiet(Recorder)))
            until(lambda: client.reason is not None and theirs.made[0].reason is not None)
        assert client.reason.check(SSLCertVerificationError)
        assert theirs.made[0].reason.check(ssl.SSLError)

    def test_process(self, run_python):
        """Over the standard streams of a process."""
        assert (0, 'data\n', '') == run_python(_PROCESS % (_PEER, ''), warnings='default')

    @pytest.mark.parametrize('name', ['connectionMade', 'handshakeCompleted', 'dataReceived'])
    def test_exception_over_a_process(self, run_python, name):
        """A callback that raises ends the connection, even if the process does not end."""
        status, output, errors = run_python(_PROCESS % (_PEER + _STAY, name))
        assert (0, 'a fault\n') == (status, output), errors


#: TLS over a process' standard streams: a server that echoes, and a client.
_PEER = """
import os, sys
from sslproto27 import SSLPipe
from tests.support.pki import PKI
pipe = SSLPipe(PKI(sys.argv[1]).server_context(), True)
pipe.do_handshake()
while pipe.state != 'CLOSED':
    data = os.read(0, 65536)
    if not data:
        break
    pipe.feed_ssldata(data)
    pipe.feed_appdata(pipe.appdata_received())
    if pipe.state == 'PEER_CLOSED':
        pipe.shutdown()
    os.write(1, pipe.data_to_send())
"""
_STAY = """
import time
time.sleep(4)
"""
_PROCESS = """
from __future__ import print_function
import sys, warnings
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.internet import endpoints, error, interfaces, protocol, reactor
from sslproto27.twisted import TLSClientEndpoint
from tests.support.pki import PKI
from zope.interface import implementer

@implementer(interfaces.IHandshakeListener)
class Client(protocol.Protocol):
    def connectionMade(self):
        self.transport.write(b'data')

    def handshakeCompleted(self):
        pass

    def dataReceived(self, data):
        print(data.decode('ascii'))
        self.transport.loseConnection()

    def connectionLost(self, reason):
        if not reason.check(error.ConnectionDone):
            print(reason.getErrorMessage())
        reactor.stop()

def main():
    process = endpoints.ProcessEndpoint(
        reactor, sys.executable, [sys.executable, '-W', 'ignore', '-c', %r, sys.argv[1]], env=None)
    faulty = %r
    if faulty:
        def fail(*_):
            raise ZeroDivisionError('a fault')
        setattr(Client, faulty, fail)
        reactor.callLater(3, lambda: (print('too late'), reactor.stop()))
    factory = protocol.Factory.forProtocol(Client)
    d = TLSClientEndpoint(process, PKI(sys.argv[1]).client_context(), 'localhost').connect(factory)
    d.addErrback(lambda failure: (failure.printTraceback(), reactor.stop()))

reactor.callWhenRunning(main)
reactor.run()
"""


class TestFork(object):
    """Two processes never use one connection's keys."""

    @pytest.mark.parametrize('call', ['write', 'loseConnection', 'abortConnection'])
    def test_child_sends_nothing(self, pki, call):
        """A forked child that uses, or ends, the parent's connection does nothing to the peer."""
        with connected(pki, server=Echo) as (client, server):
            client.transport.write(b'before')
            until(lambda: len(client.data) == 6)
            client.transport.write(b' fork')  # the parent uses it
            ready, go = os.pipe()
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    os.read(ready, 1)  # the parent has used it
                    tls = client.transport
                    tls._socket = None
                    tls.transport = Abortable()
                    if call == 'write':
                        tls.write(b'from the child')
                    else:
                        getattr(tls, call)()
                    assert tls.transport.closed
                    status = len(tls.transport.data)
                finally:
                    os._exit(status)
            client.transport.write(b' and after')
            os.write(go, b'.')
            os.close(go)
            os.close(ready)
            assert 0 == os.waitpid(pid, 0)[1]
            until(lambda: len(client.data) == 21)
        assert b'before fork and after' == client.data

    def test_child_first(self, pki):
        """Once a child has used the connection, the parent's use of it ends it, and raises nothing.
        """
        with connected(pki, server=Echo) as (client, server):
            client.transport.write(b'before')
            until(lambda: len(client.data) == 6)
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    tls = client.transport
                    tls._socket = None
                    tls.transport = Memory()
                    tls.write(b'from the child')
                    status = not tls.transport.data
                finally:
                    os._exit(status)
            assert 0 == os.waitpid(pid, 0)[1]
            client.transport.write(b'from the parent')
            until(lambda: client.reason is not None)
        assert client.reason.check(ssl.SSLError)
        assert 'fork' in str(client.reason.value)

    @pytest.mark.parametrize('call', ['loseConnection', 'abortConnection'])
    def test_what_waits_is_the_parents(self, pki, call):
        """What the parent has still to send is not sent by a child that ends its copy, too."""
        with connected(pki, server=Echo) as (client, server):
            below = client.transport.transport
            below.dataBuffer, below.offset = b'records', 2
            pid = os.fork()
            if not pid:
                status = 1
                try:
                    getattr(client.transport, call)()
                    status = len(below.dataBuffer) + below.offset
                finally:
                    os._exit(status)
            assert 0 == os.waitpid(pid, 0)[1]
            assert (b'records', 2) == (below.dataBuffer, below.offset)
            below.dataBuffer, below.offset = b'', 0


class Memory(object):
    """
    A transport of the least that Twisted calls one: it knows no pause, no half close, no abort.

    Attributes:
        data (bytes): what has been written.
        closed (bool): loseConnection has been called.
    """

    def __init__(self, clock=global_reactor):
        self.reactor = clock
        self.data = b''
        self.closed = False
        self.on_write = None

    def write(self, data):
        self.data += data
        if self.on_write is not None:
            self.on_write()

    def loseConnection(self):
        self.closed = True


class Abortable(Memory):
    """The same, with an abort that others can tell of."""

    def abortConnection(self):
        """Tell the peer."""
        self.data += b'reset'


class Hand(object):
    """One of ours, a server, over a `Memory`; its peer is a pipe, driven by hand."""

    def __init__(self, pki, protocol_class=Half, clock=None, **options):
        self.clock = clock or task.Clock()
        self.below = Memory(self.clock)
        self.application = protocol_class()
        self.tls = TLSProtocol(Settings(pki.server_context(), True, reactor=self.clock, **options),
                               self.application)
        self.peer = SSLPipe(pki.client_context(), server_hostname='localhost')
        self.tls.makeConnection(self.below)
        self.peer.do_handshake()

    def turn(self):
        """Carry bytes there and back until there are none."""
        while True:
            data, self.below.data = self.below.data, b''
            self.peer.feed_ssldata(data)
            answer = self.peer.data_to_send()
            if not data and not answer:
                return
            if answer:
                self.tls.dataReceived(answer)

    def end(self, kind=error.ConnectionDone):
        """Let the transport below be lost."""
        self.tls.connectionLost(Failure(kind()))


class TestPlainestTransport(object):
    """Over a transport that does no more than it must."""

    def test_delivers_while_paused(self, pki):
        """What comes while the application has paused waits, and so does the end."""
        hand = Hand(pki)
        hand.turn()
        hand.tls.pauseProducing()
        hand.peer.feed_appdata(b'one')
        hand.turn()
        hand.peer.feed_appdata(b'two')
        hand.peer.shutdown()
        hand.turn()
        hand.tls.readConnectionLost()
        hand.end()
        assert ['made', 'handshake'] == hand.application.events
        hand.tls.resumeProducing()
        hand.clock.advance(0)
        assert b'onetwo' == hand.application.data
        assert ['made', 'handshake', 'data', 'read lost', 'lost'] == hand.application.events
        assert error.ConnectionDone is hand.application.reason.type

    def test_delivers_while_it_is_called(self, pki):
        """What comes in the middle of a callback is handled after it, in order."""
        class Chatty(Half):
            def dataReceived(self, data):
                if data == b'one':
                    self.transport.write(b'x' * 70000)
                    assert b'' == self.data
                Half.dataReceived(self, data)
        hand = Hand(pki, Chatty)
        hand.turn()
        hand.peer.feed_appdata(b'one')
        first = hand.peer.data_to_send()
        hand.peer.feed_appdata(b'two')

        def deliver():
            hand.below.on_write = None
            hand.tls.dataReceived(hand.peer.data_to_send())
        hand.below.on_write = deliver
        hand.tls.dataReceived(first)
        hand.clock.advance(0)
        assert b'onetwo' == hand.application.data

    @pytest.mark.parametrize('shakes, ends, kind', [
        (False, False, error.ConnectionLost), (True, False, error.ConnectionLost),
        (True, True, error.ConnectionDone)])
    def test_is_lost(self, pki, shakes, ends, kind):
        """Its end is the end of the data: ConnectionDone after close_notify alone."""
        hand = Hand(pki)
        if shakes:
            hand.turn()
        if ends:
            hand.peer.shutdown()
            hand.turn()
        hand.end()
        assert kind is hand.application.reason.type

    def test_abort(self, pki):
        """abortConnection closes it, and is told as ConnectionAborted."""
        hand = Hand(pki)
        hand.turn()
        hand.tls.abortConnection()
        assert hand.below.closed
        hand.end()
        assert error.ConnectionAborted is hand.application.reason.type

    def test_second_connection(self, pki):
        """A second makeConnection is a RuntimeError."""
        hand = Hand(pki)
        with pytest.raises(RuntimeError):
            hand.tls.makeConnection(Memory())

    def test_stuck_below(self, pki):
        """A transport that does not close is aborted after shutdownTimeout."""
        hand = Hand(pki, shutdownTimeout=5)
        hand.turn()
        hand.below.abortConnection = lambda: hand.end(error.ConnectionAborted)
        hand.tls.loseConnection()
        hand.clock.advance(5)  # the peer is silent
        assert hand.below.closed
        hand.clock.advance(5)
        assert 'lost' == hand.application.events[-1]
        assert [] == hand.clock.getDelayedCalls()

    def test_pull_producer_stops(self, pki):
        """A pull producer is asked for nothing more once it is unregistered, or the end has come.
        """
        class Pulled(object):
            asked, stopped = 0, 0

            def resumeProducing(self):
                self.asked += 1

            def stopProducing(self):
                self.stopped += 1
        hand, producer = Hand(pki, clock=global_reactor), Pulled()
        hand.turn()
        hand.tls.registerProducer(producer, False)
        until(lambda: producer.asked == 3)
        hand.tls.unregisterProducer()
        global_reactor.iterate(0)
        assert (3, 0) == (producer.asked, producer.stopped)
        hand.tls.registerProducer(producer, False)
        hand.end()
        assert (3, 1) == (producer.asked, producer.stopped)
        until(lambda: not global_reactor.getDelayedCalls())
