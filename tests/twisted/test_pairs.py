"""
Each call of the application against each thing that can be under way: how does it all end?

The right values are those of plain TCP, and of TLS by pyOpenSSL where TCP has none.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import itertools
import ssl

import pytest

from sslproto27 import SSLPipe
from sslproto27._core import pipe_states
from sslproto27.twisted import ConnectEndpoint, TLSClientEndpoint, TLSProtocol, TLSServerEndpoint
from sslproto27.twisted._settings import Settings
from tests.support.twisteds import (
    Failure, Half, Memory, Producer, Recorder, error, global_reactor, implementer, interfaces,
    listening, loopback, protocol, quiet, task, until)

ANSWER = b'HTTP/1.1 200 OK\r\n\r\n'
DONE, LOST, ABORTED = error.ConnectionDone, error.ConnectionLost, error.ConnectionAborted
CLOSES = ['loseConnection', 'loseWriteConnection', 'abortConnection']
CODES = {'TCP': '', 'TLS': 's', 'TLS in TLS': 'ss', 'tunnel': 'c', 'TLS tunnel': 'sc',
         'tunnel in a tunnel': 'cc'}


def ways(pki, name, port=0, **options):
    """Return an endpoint of one of the ways in `CODES`: a server's if *port* is 0."""
    endpoint = loopback(port=port)
    for code in CODES[name]:
        if code == 's':
            endpoint = (TLSClientEndpoint(endpoint, pki.client_context(), 'localhost', **options)
                        if port else TLSServerEndpoint(endpoint, pki.server_context()))
        elif port:
            endpoint = ConnectEndpoint(endpoint, 'localhost', 9)
    return endpoint


class Far(protocol.Protocol):
    """
    The other end, which is also the proxies on the way to it; it says b'hello' first.

    Attributes:
        data (bytes): what it has got, without the requests for tunnels.
    """

    def __init__(self, tunnels):
        self.tunnels, self.data, self.reason, self.ready = tunnels, b'', None, False

    def connectionMade(self):
        self._greet(b'')

    def _greet(self, answer):
        if not self.tunnels:
            self.ready = True
            answer += b'hello'
        if answer:
            self.transport.write(answer)

    def dataReceived(self, data):
        self.data += data
        while self.tunnels and b'\r\n\r\n' in self.data:
            self.data = self.data.partition(b'\r\n\r\n')[2]
            self.tunnels -= 1
            self._greet(ANSWER)

    def connectionLost(self, reason):
        self.reason = reason


class Pauser(Recorder):
    """One that pauses at once; then it acts, and is told the call with which it closes."""

    def __init__(self, close):
        Recorder.__init__(self)
        self.close, self.in_data = close, ()

    def connectionMade(self):
        Recorder.connectionMade(self)
        self.transport.pauseProducing()

    def act(self, actions):
        for action in actions:
            if action == 'close':
                self.transport.write(b'answer')
                getattr(self.transport, self.close)()
            elif action == 'later':
                global_reactor.callLater(0, self.transport.resumeProducing)
            else:
                getattr(self.transport, action + 'Producing')()

    def dataReceived(self, data):
        Recorder.dataReceived(self, data)
        actions, self.in_data = self.in_data, ()
        self.act(actions)


#: What it does at once, and what in the dataReceived that follows.
ORDERS = [
    (['resume'], ['close']), (['resume'], ['pause', 'close', 'later']),
    (['resume', 'close'], []), (['close', 'resume'], []),
    (['resume', 'pause', 'close', 'later'], []), (['resume', 'pause', 'resume', 'close'], []),
    (['resume', 'close', 'pause', 'resume'], [])]


class TestHeldData(object):
    """The application has paused, data waits, and then it closes."""

    @pytest.mark.parametrize('close', CLOSES)
    @pytest.mark.parametrize('at_once, in_data', ORDERS)
    @pytest.mark.parametrize('name', sorted(CODES))
    def test_order(self, pki, name, at_once, in_data, close):
        """Whatever the order, both ends end at once, and what was written arrives."""
        tunnels = CODES[name].count('c')
        pausing, other = quiet(Pauser, close), quiet(Far, tunnels)
        # A TLS server gets data together with Finished, a client with the proxy's answer.
        server, client = (other, pausing) if tunnels else (pausing, other)
        with listening(ways(pki, name), server) as port:
            until(ways(pki, name, port).connect(client))
            until(lambda: server.made)
            ours, theirs = pausing.made + other.made
            until(lambda: theirs.ready)
            for _ in range(5):
                global_reactor.iterate(0.005)
            assert ['made'] == ours.events
            ours.in_data = in_data
            ours.act(at_once)
            until(lambda: ours.reason and theirs.reason, patience=5)
        plain = name == 'TCP' and not in_data  # the kernel answers unread data with a reset
        if close == 'abortConnection':
            assert (ABORTED, LOST) == (ours.reason.type, theirs.reason.type)
        elif not plain:
            assert (DONE, DONE) == (ours.reason.type, theirs.reason.type)
            assert b'answer' == theirs.data
        if in_data or close == 'loseWriteConnection':
            assert b'hello' == ours.data
        elif close == 'loseConnection':
            assert b'' == ours.data

    @pytest.mark.parametrize('paused', [True, False])
    @pytest.mark.parametrize('close', CLOSES)
    def test_all_orders(self, pki, close, paused):
        """All short orders over a transport that obeys a pause; no timeout has to end them."""
        for actions in itertools.product(
                ['pause', 'resume', 'turn', 'peer writes', 'time'], repeat=3):
            one = Ordered(pki, paused)
            for action in actions:
                one.act(action)
            one.finish(close)
            assert (actions, ABORTED if close == 'abortConnection' else DONE) == (
                actions, one.application.reason and one.application.reason.type)
            assert one.sent.startswith(one.application.data), actions
            if close == 'loseWriteConnection':
                assert one.sent == one.application.data, actions
            if close != 'abortConnection':
                assert b'answer' == one.peer.appdata_received(), actions


class Obedient(Memory):
    """A transport that knows whether it may deliver."""

    paused = False

    def pauseProducing(self):
        self.paused = True

    def resumeProducing(self):
        self.paused = False


class Strict(Recorder):
    """One that gets no data while it has paused, or after a close."""

    quiet = False

    def dataReceived(self, data):
        assert not self.quiet
        Recorder.dataReceived(self, data)


class Ordered(object):
    """A server of ours over an `Obedient` transport, and its peer."""

    def __init__(self, pki, paused, application=None):
        self.clock, self.application = task.Clock(), application or Strict()
        self.below = Obedient(self.clock)
        self.tls = TLSProtocol(Settings(pki.server_context(), True, reactor=self.clock),
                               self.application)
        self.peer = SSLPipe(pki.client_context(), server_hostname='localhost')
        self.sent = b''
        self.tls.makeConnection(self.below)
        if paused:
            self.act('pause')
        self.peer.do_handshake()
        self.act('peer writes')  # with Finished
        for _ in range(3):
            self.act('turn')
        assert self.peer.established

    def act(self, action):
        if action == 'peer writes':
            self.peer.feed_appdata(b'data')
            self.sent += b'data'
        elif action == 'time':
            self.clock.advance(0)
        elif action == 'turn':
            data, self.below.data = self.below.data, b''
            self.peer.feed_ssldata(data)
            if not self.below.paused and self.peer.has_data_to_send:
                self.tls.dataReceived(self.answer())
        else:
            self.application.quiet = action == 'pause'
            getattr(self.tls, action + 'Producing')()

    def answer(self):
        return self.peer.data_to_send()

    def finish(self, close):
        """Answer and close; then let the peer read and close as well."""
        self.tls.write(b'answer')
        getattr(self.tls, close)()
        if close == 'loseWriteConnection':
            self.act('resume')
        else:
            self.application.quiet = True
        for _ in range(4):
            self.act('turn')
            self.act('time')
            if self.peer.state == pipe_states.PEER_CLOSED:
                self.peer.shutdown()
        if self.below.closed and self.application.reason is None:
            self.tls.connectionLost(Failure(error.ConnectionDone()))


class Ending(Ordered):
    """
    One whose peer writes b'data' and ends, in the segment with Finished, while ours has paused.

    Args:
        end (str): how: 'close_notify', 'cut' without that, or 'garbage'.
    """

    def __init__(self, pki, application, end):
        self.end = end
        Ordered.__init__(self, pki, False, application)
        assert ['made'] == application.events
        if end == 'cut':
            self.tls.readConnectionLost()

    def answer(self):
        is_last = self.peer.state == pipe_states.OPEN
        if is_last and self.end == 'close_notify':
            self.peer.shutdown()
        answer = self.peer.data_to_send()
        if is_last and self.end == 'garbage':
            answer += b'\x17\x03\x03\x00\x20' + b'x' * 32
        return answer

    def act(self, action):
        if action == 'lost' and not self.below.closed:
            self.below.closed = True
            self.tls.connectionLost(Failure(error.ConnectionDone()))
        elif action in ('write', 'loseWriteConnection', 'unregisterProducer') or (
                action == 'registerProducer' and self.tls.producer is None):
            self.application.act([action])
        elif action not in ('lost', 'registerProducer'):
            Ordered.act(self, action)

    def finish(self):
        """Resume, and let both sides end."""
        self.act('resume')
        self.act('unregisterProducer')
        for _ in range(3):
            self.act('time')
            if not self.below.closed:
                self.act('turn')
        assert self.below.closed
        self.tls.connectionLost(Failure(error.ConnectionDone()))
        self.act('time')


@implementer(interfaces.IHalfCloseableProtocol)
class Going(Recorder):
    """A `Half`, but no IHandshakeListener: of two claims, Twisted's endpoints repeat only one."""

    readConnectionLost, writeConnectionLost = Half.__dict__['readConnectionLost'], lambda self: None


@contextlib.contextmanager
def registered(pki, name, kind, streaming):
    """Connect; give our protocol, the other one, and a registered producer that does nothing."""
    far = quiet(Far, CODES[name].count('c'))
    with listening(ways(pki, name), far) as port:
        ours = until(ways(pki, name, port, shutdownTimeout=0.5).connect(quiet(kind)))
        until(lambda: ours.data == b'hello')
        theirs, = far.made
        producer = Producer()
        ours.transport.registerProducer(producer, streaming)
        yield ours, theirs, producer
        for one in ours, theirs:
            if one.reason is None:
                one.transport.abortConnection()
        until(lambda: ours.reason and theirs.reason)


class Parting(Far):
    """A `Far` that ends its side behind b'hello', in the same segment."""

    def _greet(self, answer):
        Far._greet(self, answer)
        if self.ready:
            self.transport.loseWriteConnection()


class Reader(Pauser):
    """A `Pauser` that does what it is told, with a producer that does nothing."""

    def __init__(self):
        Pauser.__init__(self, None)

    def act(self, actions):
        for action in actions:
            arguments = {'write': (b'answer',), 'registerProducer': (Producer(), True)}
            getattr(self.transport, action)(*arguments.get(action, ()))


@implementer(interfaces.IHalfCloseableProtocol)
class GoingReader(Reader):
    """One that goes on after the peer's end, and closes then."""

    def readConnectionLost(self):
        self.events.append('read lost')
        self.transport.loseConnection()

    def writeConnectionLost(self):
        """Do nothing."""


#: All orders of what a reader does in one turn.
IN_ONE_TURN = [order for actions in (
    ['resumeProducing', 'loseWriteConnection'],
    ['resumeProducing', 'write', 'loseWriteConnection'],
    ['resumeProducing', 'loseWriteConnection', 'pauseProducing', 'resumeProducing'],
) for order in sorted(set(itertools.permutations(actions)))]

#: The same after registerProducer and loseWriteConnection, which waits for the producer.
WITH_PRODUCER = sorted(itertools.permutations(['resumeProducing', 'write', 'unregisterProducer']))


class TestHeldEnd(object):
    """The application has paused; data waits, and the peer's end behind it."""

    @pytest.mark.parametrize('kind', [Reader, GoingReader])
    @pytest.mark.parametrize('name', sorted(CODES))
    def test_in_one_turn(self, pki, name, kind):
        """All data comes, then the end, in whatever order the application acts."""
        tunnels = CODES[name].count('c')
        pausing, other = quiet(kind), quiet(Parting, tunnels)
        server, client = (other, pausing) if tunnels else (pausing, other)
        expected = ['made', 'data'] + (['read lost'] if kind is GoingReader else []) + ['lost']
        with listening(ways(pki, name), server) as port:
            for before, order in ([([], order) for order in IN_ONE_TURN]
                                  + [(['registerProducer', 'loseWriteConnection'], order)
                                     for order in WITH_PRODUCER]):
                order += ('resumeProducing',)
                ours, theirs = self._connect(ways(pki, name, port), server, client, pausing)
                ours.act(before)
                ours.act(order)
                until(lambda: ours.reason and theirs.reason, patience=5)
                assert (order, expected, b'hello', DONE) == (
                    order, ours.events, ours.data, ours.reason.type)

    @staticmethod
    def _connect(endpoint, server, client, pausing):
        del server.made[:], client.made[:]
        until(endpoint.connect(client))
        until(lambda: server.made)
        ours, theirs = server.made + client.made
        if pausing is client:
            ours, theirs = theirs, ours
        until(lambda: theirs.ready)
        for _ in range(5):
            global_reactor.iterate(0.005)
        assert ['made'] == ours.events
        return ours, theirs

    @pytest.mark.parametrize('kind, end, reason', [
        (Reader, 'close_notify', DONE), (GoingReader, 'close_notify', DONE),
        (GoingReader, 'cut', LOST), (GoingReader, 'garbage', ssl.SSLError)])
    def test_all_orders(self, pki, kind, end, reason):
        """All short orders over a transport that obeys a pause and may be lost, for any end."""
        for actions in itertools.product(
                ['pause', 'resume', 'time', 'write', 'loseWriteConnection', 'registerProducer',
                 'unregisterProducer', 'lost'], repeat=3):
            one = Ending(pki, kind(), end)
            for action in actions:
                one.act(action)
            one.finish()
            assert (actions, b'data', reason) == (
                actions, one.application.data, one.application.reason.type)
            events = ['made', 'data'] + (
                ['read lost'] if kind is GoingReader and reason is DONE else []) + ['lost']
            assert (actions, events) == (actions, one.application.events)


ENDS = {'half-close': 'loseWriteConnection', 'close': 'loseConnection', 'reset': 'abortConnection'}


class TestProducers(object):
    """The peer ends while a producer is registered that does nothing."""

    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    @pytest.mark.parametrize('end', sorted(ENDS))
    @pytest.mark.parametrize('name', sorted(CODES))
    def test_peer_ends(self, pki, name, end, streaming):
        """The producer is stopped, and the connection ends at once."""
        with registered(pki, name, Recorder, streaming) as (ours, theirs, producer):
            getattr(theirs.transport, ENDS[end])()
            until(lambda: ours.reason, patience=5)
        assert 1 == producer.calls.count('stop')
        assert (LOST if end == 'reset' else DONE) is ours.reason.type

    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    @pytest.mark.parametrize('kind', [Recorder, Going])
    @pytest.mark.parametrize('name', sorted(name for name in CODES if 's' in CODES[name]))
    def test_both_close(self, pki, name, kind, streaming):
        """So it is after loseConnection, where TCP reads no more; a Going's producer goes on."""
        with registered(pki, name, kind, streaming) as (ours, theirs, producer):
            ours.transport.loseConnection()
            theirs.transport.loseWriteConnection()
            if kind is Going:
                for _ in range(10):
                    global_reactor.iterate(0.005)
                assert 'stop' not in producer.calls
                assert 'read lost' not in ours.events
                ours.transport.write(b'rest')
                ours.transport.unregisterProducer()
            until(lambda: ours.reason and theirs.reason, patience=5)
        assert (0 if kind is Going else 1) == producer.calls.count('stop')
        assert (DONE, b'rest' if kind is Going else b'') == (ours.reason.type, theirs.data)

    @pytest.mark.parametrize('streaming', [True, False], ids=['push', 'pull'])
    @pytest.mark.parametrize('name', sorted(CODES))
    def test_half_closing(self, pki, name, streaming):
        """A protocol that goes on after the peer's half-close keeps its producer."""
        with registered(pki, name, Going, streaming) as (ours, theirs, producer):
            theirs.transport.loseWriteConnection()
            until(lambda: 'read lost' in ours.events, patience=5)
            ours.transport.write(b'rest')
            until(lambda: theirs.data == b'rest', patience=5)
            assert 'stop' not in producer.calls
            ours.transport.unregisterProducer()
            ours.transport.loseConnection()
            until(lambda: ours.reason, patience=5)
        assert DONE is ours.reason.type

    @pytest.mark.parametrize('name', sorted(CODES))
    def test_unsent(self, pki, name):
        """Data that the peer does not read: TCP ends at once, TLS after shutdownTimeout."""
        with registered(pki, name, Recorder, True) as (ours, theirs, producer):
            theirs.transport.pauseProducing()
            ours.transport.write(b'x' * (16 << 20))
            theirs.transport.loseWriteConnection()
            until(lambda: ours.reason, patience=5)
        assert 1 == producer.calls.count('stop')
        assert (ABORTED if 's' in CODES[name] else DONE) is ours.reason.type
