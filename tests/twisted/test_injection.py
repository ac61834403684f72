"""STARTTLS on Twisted: what came before TLS never reaches the application as protected."""
from __future__ import absolute_import, division, print_function

import socket
import ssl
import struct
import warnings
from array import array
from collections import deque
from io import BytesIO, StringIO

import pytest

import sslproto27.twisted
from sslproto27.twisted import ConnectEndpoint, startTLS
from tests.support.twisteds import (
    PATIENCE, Peer, Recorder, error, loopback, protocol, quiet, until)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.protocols import amp, basic, policies
try:
    from queue import Queue
except ImportError:  # Python 2
    from Queue import Queue


class Starting(object):
    """
    A client that starts TLS at the first message it gets, and sends something.

    Attributes:
        messages (list): what it has been given since.
    """

    def __init__(self, context):
        self.context = context
        self.messages, self.reason, self.tls = [], None, None

    def take(self, message):
        if self.tls is None:
            self.tls = startTLS(self.transport, self.context, hostname='localhost')
            self.transport.write(b'secret')
        else:
            self.messages.append(message)

    lineReceived = rawDataReceived = stringReceived = take

    def connectionLost(self, reason):
        self.reason = reason


class Lines(Starting, basic.LineReceiver):
    """One of lines, or raw data."""


class LinesOnly(Starting, basic.LineOnlyReceiver):
    """One of lines alone."""


class Strings(Starting, basic.Int16StringReceiver):
    """One of strings with their lengths before them."""


class Netstrings(Starting, basic.NetstringReceiver):
    """One of netstrings."""


class OwnBuffer(Starting, protocol.Protocol):
    """One that splits lines itself."""

    _buffer = b''

    def dataReceived(self, data):
        self._buffer += data
        while b'\n' in self._buffer:
            line, _, self._buffer = self._buffer.partition(b'\n')
            self.take(line)


class OwnArray(Starting, protocol.Protocol):
    """The same with a buffer that it changes in place."""

    def connectionMade(self):
        self._buffer = bytearray()

    def dataReceived(self, data):
        self._buffer += data
        while b'\n' in self._buffer:
            end = self._buffer.index(b'\n')
            line = bytes(self._buffer[:end])
            del self._buffer[:end + 1]
            self.take(line)


class Buffering(Starting, protocol.Protocol):
    """One with something in an attribute ``_buffer``, of its own or of its class."""

    def __init__(self, context, on_class, held):
        Starting.__init__(self, context)
        if on_class:
            self.__class__ = type('WithBuffer', (Buffering,), {'_buffer': held})
        else:
            self._buffer = held

    def dataReceived(self, data):
        self.take(data)


def queue_of(*items):
    """Return a Queue, which has no length."""
    queue = Queue()
    for item in items:
        queue.put(item)
    return queue


def injecting(pki, segments, answer=b''):
    """
    Listen once; return the port and the `Peer`, which then speaks TLS, and sends *answer* there.

    Args:
        segments (list of bytes): what it sends before; it waits for something before each but the
            first, and before that one if it is a proxy's.

    The peer's result is what it has got over TLS.
    """
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(1)

    def work(_):
        sock = listener.accept()[0]
        listener.close()
        sock.settimeout(PATIENCE)
        try:
            for number, segment in enumerate(segments):
                if number or segment.startswith(b'HTTP'):
                    sock.recv(4096)
                sock.sendall(segment)
            sock = pki.server_context().wrap_socket(sock, server_side=True)
            received = sock.recv(100)
            sock.sendall(answer)
            while sock.recv(100):
                pass
            return received
        finally:
            sock.close()
    return listener.getsockname()[1], Peer(socket.socket(), work)


def string(text):
    """Return *text* as Int16StringReceiver has it."""
    return struct.pack('!H', len(text)) + text


CASES = [
    (Lines, b'go\r\n', b'in', b'jected\r\n'), (Lines, b'go\r\n', b'injected\r\n', b''),
    (LinesOnly, b'go\r\n', b'in', b'jected\r\n'), (LinesOnly, b'go\r\n', b'injected\r\n', b''),
    (LinesOnly, b'go\r\n', b'injected\r\npart', b'\r\n'),
    (Strings, string(b'go'), string(b'injected'), b''),
    (Strings, string(b'go'), string(b'injected')[:6], string(b'injected')[6:]),
    (Netstrings, b'2:go,', b'8:injected,', b''), (Netstrings, b'2:go,', b'8:inj', b'ected,'),
    (OwnBuffer, b'go\n', b'in', b'jected\n'), (OwnArray, b'go\n', b'in', b'jected\n'),
    (OwnArray, b'go\n', b'injected\n', b''),
]


class TestInjection(object):
    """Somebody in the middle adds to the segment that lets TLS start."""

    @pytest.mark.parametrize('kind, go, injected, rest', CASES)
    def test_refused(self, pki, kind, go, injected, rest):
        """Whole messages and parts of one: the connection ends, and nothing is handled."""
        port, peer = injecting(pki, [go + injected], rest)
        ours = until(loopback(port=port).connect(quiet(kind, pki.client_context())))
        until(lambda: ours.reason and peer.done())
        assert [] == ours.messages
        assert ours.reason.check(error.ConnectionLost, ssl.SSLError)
        assert peer.result is None

    @pytest.mark.parametrize('kind, go, injected, rest', CASES)
    def test_not_refused(self, pki, kind, go, injected, rest):
        """The same bytes over TLS are handled, and the protocol has its own methods back."""
        port, peer = injecting(pki, [go], injected + rest)
        ours = until(loopback(port=port).connect(quiet(kind, pki.client_context())))
        until(lambda: ours.messages or ours.reason)
        assert b'injected' == ours.messages[0]
        assert {'dataReceived', 'lineReceived', 'stringReceived'}.isdisjoint(vars(ours))
        ours.transport.loseConnection()
        until(lambda: ours.reason and peer.done())
        assert b'secret' == peer.result

    @pytest.mark.parametrize('on_class', [False, True], ids=['own', 'class'])
    @pytest.mark.parametrize('make', [
        lambda: b'x', lambda: bytearray(b'x'), lambda: memoryview(b'x'), lambda: u'x',
        lambda: array('B', [0]), lambda: [b'', b'x'], lambda: [0], lambda: deque([b'x']),
        lambda: {1: b'x'}, lambda: BytesIO(b'x'), lambda: StringIO(u'x'), lambda: queue_of(b'x'),
        object])
    def test_any_buffer(self, pki, make, on_class):
        """A ``_buffer`` of any kind counts if it has something, or if nobody can tell."""
        port, peer = injecting(pki, [b'go'], b'data')
        ours = until(loopback(port=port).connect(
            quiet(Buffering, pki.client_context(), on_class, make())))
        until(lambda: ours.reason and peer.done())
        assert [] == ours.messages
        assert ours.reason.check(error.ConnectionLost, ssl.SSLError)

    @pytest.mark.parametrize('on_class', [False, True], ids=['own', 'class'])
    @pytest.mark.parametrize('make', [
        lambda: b'', bytearray, lambda: memoryview(b''), lambda: u'', lambda: [], lambda: [b''],
        lambda: (u'', []), deque, dict, BytesIO, StringIO, queue_of, lambda: None, lambda: False,
        lambda: 4096])
    def test_empty_buffer(self, pki, make, on_class):
        """One without data is no reason to refuse; neither is a number, such as a size."""
        port, peer = injecting(pki, [b'go'], b'data')
        ours = until(loopback(port=port).connect(
            quiet(Buffering, pki.client_context(), on_class, make())))
        until(lambda: ours.messages or ours.reason)
        assert [b'data'] == ours.messages
        ours.transport.loseConnection()
        until(lambda: ours.reason and peer.done())
        assert b'secret' == peer.result

    def test_own_methods(self, pki):
        """A method that the protocol has been given as an attribute is one of its again."""
        port, peer = injecting(pki, [b'go\r\n'], b'line\r\n')
        lines = []

        def start(line):
            ours.lineReceived = lines.append
            startTLS(ours, pki.client_context(), hostname='localhost')
            ours.sendLine(b'secret')
        ours = until(loopback(port=port).connect(quiet(Lines, pki.client_context())))
        ours.lineReceived = start
        until(lambda: lines)
        assert [b'line'] == lines
        ours.transport.loseConnection()
        until(lambda: ours.reason and peer.done())

    @pytest.mark.parametrize('kind', [Lines, LinesOnly])
    @pytest.mark.parametrize('injected', [b'in', b'injected\r\n'])
    def test_behind_a_proxy(self, pki, kind, injected):
        """Behind ConnectEndpoint, which stands between, the application is found as well."""
        port, peer = injecting(pki, [b'HTTP/1.1 200 OK\r\n\r\n', b'go\r\n' + injected])
        endpoint = ConnectEndpoint(loopback(port=port), 'localhost', 25)
        ours = until(endpoint.connect(quiet(kind, pki.client_context())))
        ours.transport.write(b'hello')
        until(lambda: ours.reason and peer.done())
        assert [] == ours.messages
        assert ours.reason.check(error.ConnectionLost, ssl.SSLError)
        assert peer.result is None

    def test_rest_of_a_proxy(self, pki):
        """What came with the proxy's answer is no TLS, so TLS that starts at once fails."""
        class AtOnce(Starting, Recorder):
            def __init__(self, context):
                Recorder.__init__(self)
                Starting.__init__(self, context)

            def connectionMade(self):
                Recorder.connectionMade(self)
                self.take(None)

            connectionLost = Recorder.connectionLost
        port, peer = injecting(pki, [b'HTTP/1.1 200 OK\r\n\r\ninjected'])
        endpoint = ConnectEndpoint(loopback(port=port), 'localhost', 25)
        ours = until(endpoint.connect(quiet(AtOnce, pki.client_context())))
        until(lambda: ours.reason and peer.done())
        assert b'' == ours.data
        assert ours.reason.check(ssl.SSLError)

    def test_behind_a_stranger(self, pki):
        """A wrapper that nobody knows, with any names, is seen through."""
        class Stranger(protocol.Protocol):
            def __init__(self, inside):
                self.inside_of_me = inside
                self.friend = Recorder()

            def connectionMade(self):
                self.inside_of_me.makeConnection(self)

            def dataReceived(self, data):
                self.inside_of_me.dataReceived(data)

            def connectionLost(self, reason):
                self.inside_of_me.connectionLost(reason)

            def __getattr__(self, name):
                if name == 'transport' or name.startswith('_'):
                    raise AttributeError(name)
                return getattr(self.transport, name)
        ours = LinesOnly(pki.client_context())
        port, peer = injecting(pki, [b'go\r\ninjected\r\n'])
        stranger = until(loopback(port=port).connect(quiet(Stranger, ours)))
        until(lambda: ours.reason and peer.done())
        assert stranger.inside_of_me is ours
        assert [] == ours.messages

    def test_for_a_stranger(self, pki):
        """Whoever asks for it, the protocol of the connection is guarded."""
        class Friend(object):
            pass

        class Befriended(LinesOnly):
            def take(self, line):
                if self.tls is None:
                    friend = Friend()
                    friend.transport = self.transport
                    self.tls = startTLS(friend, self.context, hostname='localhost')
                else:
                    self.messages.append(line)

            lineReceived = take
        port, peer = injecting(pki, [b'go\r\ninjected\r\n'])
        ours = until(loopback(port=port).connect(quiet(Befriended, pki.client_context())))
        until(lambda: ours.reason and peer.done())
        assert [] == ours.messages

    def test_under_a_policy(self, pki):
        """Under Twisted's policies the application is found as well."""
        inner = quiet(LinesOnly, pki.client_context())
        port, peer = injecting(pki, [b'go\r\ninjected\r\n'])
        until(loopback(port=port).connect(policies.WrappingFactory(inner)))
        until(lambda: inner.made[0].reason and peer.done())
        assert [] == inner.made[0].messages


class TestUnchangedUsers(object):
    """Twisted's own protocols that start TLS by themselves."""

    @pytest.fixture(autouse=True)
    def installed(self):
        """`install()` in force."""
        sslproto27.twisted.install()
        yield
        sslproto27.twisted.uninstall()

    def test_amp(self, pki):
        """A box that came with AMP's answer to StartTLS is not handled."""
        called = []

        class Ping(amp.Command):
            pass

        class Client(amp.AMP):
            reason = None

            @Ping.responder
            def ping(self):
                called.append(self.transport)
                return {}

            def connectionLost(self, reason):
                self.reason = reason
                amp.AMP.connectionLost(self, reason)
        box = amp.AmpBox({b'_command': b'Ping', b'_ask': b'1'}).serialize()
        port, peer = injecting(pki, [amp.AmpBox({b'_answer': b'1'}).serialize() + box])
        ours = until(loopback(port=port).connect(quiet(Client)))
        done = ours.callRemote(
            amp.StartTLS, tls_localCertificate=sslproto27.twisted.TLSOptions(
                pki.client_context(), 'localhost'))
        until(lambda: ours.reason and peer.done())
        until(done)
        assert [] == called
        assert error.ConnectionLost is ours.reason.type
