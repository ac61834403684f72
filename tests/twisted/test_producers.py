"""Flow control: who is asked to pause, and when."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.pipe_pairs import pattern
from tests.support.twisteds import (
    Half, Hand, Listener, Producer, Recorder, Source, connected, error, global_reactor,
    logged_errors, until)


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

    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    def test_both_sides_close(self, pki, streaming):
        """If the peer closes as well, an endless producer is stopped at once."""
        class Endless(Producer):
            def resumeProducing(self):
                Producer.resumeProducing(self)
                client.transport.write(b'x')
        with connected(pki) as (client, server):
            producer = Endless()
            client.transport.registerProducer(producer, streaming)
            client.transport.loseConnection()
            server.transport.loseConnection()
            until(lambda: client.reason and server.reason, patience=5)
        assert ['stop'] == producer.calls[-1:]
        assert [error.ConnectionDone] * 2 == [client.reason.type, server.reason.type]

    def test_half_closing_peer(self, pki):
        """For an IHalfCloseableProtocol the peer's end is no reason to stop the producer."""
        with connected(pki, Half, Half) as (client, server):
            producer = Producer()
            client.transport.registerProducer(producer, True)
            client.transport.loseConnection()
            server.transport.loseWriteConnection()
            until(lambda: 'write lost' in server.events)
            for _ in range(5):
                global_reactor.iterate(0.005)
            client.transport.write(b'the rest')
            assert [] == producer.calls
            client.transport.unregisterProducer()
            until(lambda: client.reason and server.reason)
            assert b'the rest' == server.data

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
