"""Transports below TLS: of any kind, down to one with nothing but what it must have."""
from __future__ import absolute_import, division, print_function

import os
import ssl

import pytest
from twisted.internet import tcp

from sslproto27 import SSLCertVerificationError
from sslproto27.twisted import TLSClientEndpoint, TLSServerEndpoint
from sslproto27.twisted._lower import unsent
from tests.support.pipe_pairs import pattern
from tests.support.twisteds import (
    Echo, Half, Hand, Memory, Recorder, connected, endpoints, error, global_reactor, listening,
    loopback, quiet, until)


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

    @pytest.mark.parametrize('size', [128 << 10, 1 << 20])
    def test_one_call_sends_what_is_encrypted(self, pki, monkeypatch, size):
        """Over TCP, all records of 128 KiB go to the kernel together, with their overhead."""
        data, sizes = pattern(size), []
        send = tcp.Connection.writeSomeData

        def recording(connection, some):
            sizes.append(min(len(some), connection.SEND_LIMIT))
            return send(connection, some)
        with connected(pki) as (client, server):
            monkeypatch.setattr(tcp.Connection, 'writeSomeData', recording)
            client.transport.write(data)
            until(lambda: len(server.data) == size)
        assert data == server.data
        assert size >> 17 == len([one for one in sizes if one > 128 << 10])

    def test_process(self, run_python):
        """Over the standard streams of a process."""
        assert (0, 'data\n', '') == run_python(_PROCESS % (_PEER, ''), warnings='default')

    @pytest.mark.parametrize('name', ['connectionMade', 'handshakeCompleted', 'dataReceived'])
    def test_exception_over_a_process(self, run_python, name):
        """A callback that raises ends the connection, even if the process does not end."""
        status, output, errors = run_python(_PROCESS % (_PEER + _STAY, name))
        assert (0, 'a fault\n') == (status, output), errors

    @pytest.mark.parametrize('kind', ['TLS', 'tunnel'])
    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    def test_process_ends(self, run_python, streaming, kind):
        """A process that ends stops a producer that does nothing."""
        assert (0, 'stop\nConnectionDone\n', '') == run_python(
            _PRODUCER % (kind, streaming, _ENDING), warnings='default')

    def test_slow_process(self, run_python):
        """A process that takes a little now and then gets all, however long that takes."""
        assert (0, 'ConnectionDone\n300000\n', '') == run_python(
            _SLOW % _SLOW_PEER, warnings='default')

    def test_unsent_to_standard_streams(self):
        """What this process has to send through a pipe counts until it is read there."""
        from twisted.internet import stdio
        (reading, other), (theirs, writing) = os.pipe(), os.pipe()
        ours = Recorder()
        transport = stdio.StandardIO(ours, reading, writing, global_reactor)
        try:
            transport.write(b'x' * 200000)
            assert 200000 == unsent(transport)
            global_reactor.iterate(0)
            assert 200000 == unsent(transport)  # some of it is in the pipe
            assert 1000 == len(os.read(theirs, 1000))
            assert 199000 == unsent(transport)
        finally:
            os.close(theirs)
            os.close(other)
            until(lambda: ours.reason)
        assert 0 == unsent(transport)


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


#: A client over a process; the text after it says what both do.
_CLIENT = """
from __future__ import print_function
import sys, warnings
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.internet import endpoints, protocol, reactor
from sslproto27.twisted import ConnectEndpoint, TLSClientEndpoint
from tests.support.pki import PKI

class Client(protocol.Protocol):
    pauseProducing = resumeProducing = lambda self: None

    def stopProducing(self):
        print('stop')

    def connectionLost(self, reason):
        print(reason.type.__name__)
        reactor.stop()

def tls(endpoint, **options):
    return TLSClientEndpoint(endpoint, PKI(sys.argv[1]).client_context(), 'localhost', **options)

def tunnel(endpoint):
    return ConnectEndpoint(endpoint, 'localhost', 9)

def run(connection_made, kind, code, *args, **options):
    Client.connectionMade = connection_made
    process = endpoints.ProcessEndpoint(reactor, sys.executable, [
        sys.executable, '-W', 'ignore', '-c', code, sys.argv[1]] + list(args), env=None)
    d = kind(process, **options).connect(protocol.Factory.forProtocol(Client))
    d.addErrback(lambda failure: (failure.printTraceback(), reactor.stop()))
    reactor.callLater(20, lambda: (print('too late'), reactor.stop()))
    reactor.run()
"""

#: A process that ends while a producer that does nothing is registered.
_ENDING = """
import os, sys
from sslproto27 import SSLPipe
from tests.support.pki import PKI
if sys.argv[2] == 'tunnel':
    os.read(0, 999)
    os.write(1, b'HTTP/1.1 200 OK' + bytearray([13, 10, 13, 10]))
    os.read(0, 999)
else:
    pipe = SSLPipe(PKI(sys.argv[1]).server_context(), True)
    pipe.do_handshake()
    while not pipe.established:
        pipe.feed_ssldata(os.read(0, 65536))
        os.write(1, pipe.data_to_send())
    pipe.shutdown()
    os.write(1, pipe.data_to_send())
"""
_PRODUCER = _CLIENT + """
kind, streaming, code = %r, %r, %r

def start(client):
    client.transport.registerProducer(client, streaming)
    client.transport.write(b'data')
run(start, {'tunnel': tunnel, 'TLS': tls}[kind], code, kind)
"""

#: More data than the pipes hold, over a process that reads slowly, with a short timeout.
_SLOW_PEER = """
import os, sys, time
from sslproto27 import SSLPipe
from tests.support.pki import PKI
pipe = SSLPipe(PKI(sys.argv[1]).server_context(), True)
pipe.do_handshake()
count = 0
while pipe.state != 'CLOSED':
    data = os.read(0, 4096)
    time.sleep(0.03)
    if not data:
        break
    pipe.feed_ssldata(data)
    count += len(pipe.appdata_received())
    if pipe.state == 'PEER_CLOSED':
        pipe.shutdown()
    os.write(1, pipe.data_to_send())
with open(sys.argv[2], 'w') as file:
    file.write(str(count))
"""
_SLOW = _CLIENT + """
import os, tempfile

def send(client):
    client.transport.write(b'x' * 300000)
    client.transport.loseConnection()
descriptor, path = tempfile.mkstemp()
os.close(descriptor)
run(send, tls, %r, path, shutdownTimeout=0.5)
with open(path) as file:
    print(file.read())
os.remove(path)
"""


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
