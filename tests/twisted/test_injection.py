"""STARTTLS on Twisted: what came before TLS never reaches the application as protected."""
from __future__ import absolute_import, division, print_function

import ast
import os
import socket
import ssl
import struct
import warnings
from array import array
from collections import deque
from io import BytesIO, StringIO

import pytest
from six.moves import StringIO as OldStringIO
from six.moves import cStringIO
from six.moves.queue import Queue

import sslproto27.twisted
from sslproto27._core.compat import memory_of
from sslproto27.twisted import ConnectEndpoint, startTLS
from tests.support.twisteds import (
    PATIENCE, Peer, Recorder, defer, error, global_reactor, loopback, protocol, quiet, until)

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    from twisted.protocols import amp, basic, policies, stateful
    from twisted.words.protocols import irc


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
    lineLengthExceeded = lengthLimitExceeded = take

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


class Stateful(Starting, stateful.StatefulProtocol):
    """One of messages with a fixed length."""

    def getInitialState(self):
        return self.begin, 2

    def begin(self, message):
        self.take(message)
        return self.take, 8


class StatefulLater(Stateful):
    """The same, but it starts TLS in a later turn."""

    def begin(self, message):
        global_reactor.callLater(0, self.take, message)
        return self.take, 8


class Commands(Starting, irc.IRC):
    """One of the lines of IRC."""

    hostname = 'localhost'

    def handleCommand(self, command, prefix, params):
        self.take(command.lower().encode('ascii'))


class Holding(Starting, protocol.Protocol):
    """One with something in an attribute ``_buffer`` of its own."""

    def __init__(self, context, held):
        Starting.__init__(self, context)
        self._buffer = held

    def dataReceived(self, data):
        self.take(data)


class OnClass(Holding):
    """One whose class has something there: a constant, a method or a property."""

    def __init__(self, context, held):
        Starting.__init__(self, context)
        self.__class__ = type('OnClass', (OnClass,), {'_buffer': held})


class Unusable(list):
    """A list that nobody can read."""

    def __iter__(self):
        raise RuntimeError('not ready')


@property
def unusable(_):
    """Raise an error."""
    raise RuntimeError('not ready')


def read_from(held, data):
    """Return a file of which one byte has been read."""
    held.write(data)
    held.seek(1)
    return held


def closed(held):
    """Return a file that is closed."""
    held.close()
    return held


def queue_of(*items):
    """Return a Queue."""
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
    (Stateful, b'go', b'injected', b''), (Stateful, b'go', b'inje', b'cted'),
    (Stateful, b'go', b'injectedinje', b'cted'), (StatefulLater, b'go', b'inje', b'cted'),
    (Commands, b'go\r\n', b'injected\r\n', b''), (Commands, b'go\r\n', b'in', b'jected\r\n'),
]

#: The parsers in twisted.protocols: those of `CASES` and what is based on them; those that keep
#: nothing; and two that only keep what comes before all messages.
PARSERS = set("""
    amp.BinaryBoxProtocol basic.IntNStringReceiver basic.LineOnlyReceiver basic.LineReceiver
    basic.NetstringReceiver sip.MessagesParser stateful.StatefulProtocol
    ftp.DTP ftp.FTPFileListProtocol ftp.ProtocolWrapper ftp.SenderProtocol policies.ProtocolWrapper
    policies.SpewingProtocol policies.ThrottlingProtocol policies.TimeoutProtocol
    policies.TrafficLoggingProtocol portforward.Proxy socks.SOCKSv4Incoming socks.SOCKSv4Outgoing
    tls.TLSMemoryBIOProtocol wire.Discard wire.Echo
    _wrapper.HAProxyProtocolWrapper socks.SOCKSv4
""".split())


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

    @pytest.mark.parametrize('kind, go, injected', [
        (LinesOnly, b'go\r\n', b'injected\r\n'), (Strings, string(b'go'), string(b'injected'))])
    def test_too_long(self, pki, kind, go, injected):
        """A message that is too long is not handled either."""
        port, peer = injecting(pki, [go + injected])
        ours = until(loopback(port=port).connect(
            quiet(type('Short', (kind,), {'MAX_LENGTH': 3}), pki.client_context())))
        until(lambda: ours.reason and peer.done())
        assert [] == ours.messages
        assert ours.reason.check(error.ConnectionLost)

    @pytest.mark.parametrize('make', [
        lambda: b'x', lambda: bytearray(b'x'), lambda: bytearray(4096), lambda: memoryview(b'x'),
        lambda: u'x', lambda: array('B', [0]), lambda: [b'', b'x'], lambda: (u'x', 1),
        lambda: deque([b'x']), lambda: BytesIO(b'x'), lambda: StringIO(u'x'),
        lambda: read_from(BytesIO(), b'xyz'), lambda: read_from(BytesIO(), b'x'),
        lambda: memory_of(b'x'), lambda: OldStringIO('x'), lambda: cStringIO('x'),
        lambda: read_from(cStringIO(), 'xyz')])
    def test_any_buffer(self, pki, make):
        """In an attribute ``_buffer``, received data is found however it is kept."""
        port, peer = injecting(pki, [b'go'], b'data')
        ours = until(loopback(port=port).connect(quiet(Holding, pki.client_context(), make())))
        until(lambda: ours.reason and peer.done())
        assert [] == ours.messages
        assert ours.reason.check(error.ConnectionLost, ssl.SSLError)

    @pytest.mark.parametrize('kind, make', [(Holding, make) for make in [
        lambda: b'', bytearray, lambda: memoryview(b''), lambda: u'', lambda: [], lambda: [b''],
        lambda: (b'', 0), deque, dict, BytesIO, StringIO,
        lambda: closed(BytesIO(b'x')), lambda: None, lambda: False, lambda: 4096, lambda: [0],
        lambda: {'out': b'x'}, lambda: queue_of(b'x'), defer.DeferredQueue, object,
        lambda: BytesIO, lambda: len, lambda: Unusable([b'x'])]] + [
        (OnClass, lambda: b'x'), (OnClass, lambda: 'line'), (OnClass, lambda: [b'x']),
        (OnClass, lambda: Starting.__dict__['take']), (OnClass, lambda: unusable)])
    def test_no_evidence(self, pki, kind, make):
        """Anything else there is no reason to refuse: what is read, or in the class, or unknown."""
        port, peer = injecting(pki, [b'go'], b'data')
        ours = until(loopback(port=port).connect(quiet(kind, pki.client_context(), make())))
        until(lambda: ours.messages or ours.reason)
        assert [b'data'] == ours.messages
        ours.transport.loseConnection()
        until(lambda: ours.reason and peer.done())
        assert b'secret' == peer.result

    def test_array_in_use(self, pki):
        """A line receiver's own bytearray is emptied even if a memoryview forbids to resize it."""
        class Viewed(Holding):
            def __init__(self, context):
                Holding.__init__(self, context, bytearray(b'injected'))
                self.view = memoryview(self._buffer)
        port, peer = injecting(pki, [b'go'])
        ours = until(loopback(port=port).connect(quiet(Viewed, pki.client_context())))
        until(lambda: ours.reason and peer.done())
        assert (b'', []) == (ours._buffer, ours.messages)
        assert ours.reason.check(ssl.SSLError)

    def test_all_parsers(self):
        """This Twisted has no other parsers in its protocols: look at a new one."""
        found = set()
        for place, _, names in os.walk(os.path.dirname(basic.__file__)):
            for name in names:
                if name.endswith('.py') and os.path.basename(place) != 'test':
                    with open(os.path.join(place, name), 'rb') as file:
                        tree = ast.parse(file.read())
                    found |= set(name[:-2] + node.name for node in ast.walk(tree)
                                 if isinstance(node, ast.ClassDef) and 'dataReceived' in [
                                     getattr(one, 'name', None) for one in node.body])
        assert 'stateful.StatefulProtocol' in found
        assert set() == found - PARSERS

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

    @pytest.mark.parametrize('kind, go', [
        (Lines, b'go\r\n'), (LinesOnly, b'go\r\n'), (Stateful, b'go')])
    @pytest.mark.parametrize('injected', [b'in', b'injected\r\n'])
    def test_behind_a_proxy(self, pki, kind, go, injected):
        """Behind ConnectEndpoint, which stands between, the application is found as well."""
        port, peer = injecting(pki, [b'HTTP/1.1 200 OK\r\n\r\n', go + injected])
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

    @pytest.mark.parametrize('kind, go', [(LinesOnly, b'go\r\n'), (Stateful, b'go')])
    def test_under_a_policy(self, pki, kind, go):
        """Under Twisted's policies the application is found as well."""
        inner = quiet(kind, pki.client_context())
        port, peer = injecting(pki, [go + b'injected\r\n'])
        until(loopback(port=port).connect(policies.WrappingFactory(inner)))
        until(lambda: inner.made[0].reason and peer.done())
        assert [] == inner.made[0].messages
        assert 'unprotected data' in str(inner.made[0].reason.value)


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
