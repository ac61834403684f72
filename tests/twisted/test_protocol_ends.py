"""How a connection ends: which order, which errors, and who is told."""
from __future__ import absolute_import, division, print_function

import gc
import socket
import ssl
import threading
import time
import weakref

import pytest

from sslproto27 import SSLPipe
from sslproto27.twisted import TLSClientEndpoint, TLSFactory, TLSProtocol, TLSServerEndpoint
from tests.support.pipe_pairs import needs_refcounts, pattern
from tests.support.twisteds import (
    Half, Hand, Peer, Producer, Recorder, Source, connected, error, global_reactor, listening,
    logged_errors, loopback, protocol, quiet, receive, reset, until, with_peer)


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
