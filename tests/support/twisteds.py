"""
Twisted in the tests: reactors that run until a Deferred fires, protocols that remember, real peers.

Import this before Twisted: where it is not installed, the test module is skipped.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import socket
import ssl
import struct
import threading
import time
import warnings

import pytest

with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    pytest.importorskip('twisted.internet', reason='Twisted is not installed here')
    from twisted.internet import defer, endpoints, error, interfaces, pollreactor, protocol
    from twisted.internet import reactor as global_reactor
    from twisted.internet import selectreactor, task
    from twisted.python.failure import Failure

from zope.interface import implementer  # noqa: E402

from sslproto27 import SSLPipe  # noqa: E402
from sslproto27.twisted import TLSClientEndpoint, TLSProtocol, TLSServerEndpoint  # noqa: E402
from sslproto27.twisted._settings import Settings  # noqa: E402

__all__ = ['Abortable', 'Echo', 'Failure', 'Half', 'Hand', 'Listener', 'Memory', 'PATIENCE',
           'Peer', 'Producer', 'Proxy', 'Recorder', 'Source', 'a_reactor', 'connected', 'defer',
           'end', 'endpoints', 'error', 'global_reactor', 'idle', 'implementer', 'interfaces',
           'listening', 'logged_errors', 'loopback', 'protocol', 'proxy_factory', 'quiet',
           'reactor_names', 'receive', 'reset', 'task', 'times_out', 'until', 'with_peer']

PATIENCE = 20  # seconds until a test that waits has failed


def reactor_names():
    """Return the reactors that can be had here (list of str)."""
    names = ['epoll', 'poll', 'select']
    try:
        from twisted.internet import epollreactor
        epollreactor
    except ImportError:
        names.remove('epoll')
    try:
        import asyncio
        asyncio
    except ImportError:
        return names
    return names + ['asyncio']


@contextlib.contextmanager
def a_reactor(name):
    """Make a reactor of that name; give it; close what it has opened."""
    loop = None
    if name == 'epoll':
        from twisted.internet import epollreactor
        made = epollreactor.EPollReactor()
    elif name == 'poll':
        made = pollreactor.PollReactor()
    elif name == 'select':
        made = selectreactor.SelectReactor()
    else:
        import asyncio

        from twisted.internet import asyncioreactor
        loop = asyncio.new_event_loop()
        made = asyncioreactor.AsyncioSelectorReactor(loop)
    yield made
    if made.threadpool is not None:
        made._stopThreadPool()
    for call in made.getDelayedCalls():
        call.cancel()
    for reader in made.removeAll() + list(made._internalReaders):
        made.removeReader(reader)
        reader.connectionLost(Failure(error.ConnectionDone()))
    if loop is not None:
        loop.close()
    if name == 'epoll':
        made._poller.close()


_started = set()


def until(condition, reactor=global_reactor, patience=PATIENCE):
    """
    Let *reactor* turn until something is so.

    Args:
        condition (Deferred or callable): what fires, or returns true.

    Returns:
        the Deferred's result; its failure is raised.
    """
    if id(reactor) not in _started:
        _started.add(id(reactor))
        reactor.startRunning(installSignalHandlers=False)
    results = []
    if isinstance(condition, defer.Deferred):
        condition.addBoth(results.append)
        condition = lambda: results  # noqa: E731
    end = time.time() + patience
    while not condition():
        assert time.time() < end, 'it takes too long'
        reactor.iterate(0.02)
    if results and isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0] if results else None


class Recorder(protocol.Protocol):
    """
    A protocol that remembers what it is told.

    Attributes:
        events (list): names, data as bytes in one piece, the reason's type last.
        reason (Failure or None): of connectionLost.
    """

    def __init__(self):
        self.events = []
        self.data = b''
        self.reason = None

    def connectionMade(self):
        self.events.append('made')

    def dataReceived(self, data):
        self.data += data
        if self.events[-1] != 'data':
            self.events.append('data')

    def connectionLost(self, reason):
        self.reason = reason
        self.events.append('lost')


@implementer(interfaces.IHandshakeListener)
class Listener(Recorder):
    """One that is told of the end of the handshake."""

    def handshakeCompleted(self):
        self.events.append('handshake')


@implementer(interfaces.IHalfCloseableProtocol)
class Half(Listener):
    """One that goes on when one side has ended."""

    def readConnectionLost(self):
        self.events.append('read lost')

    def writeConnectionLost(self):
        self.events.append('write lost')


def quiet(protocol_class, *args):
    """Return a factory of *protocol_class*(*args) whose protocols are in its list ``made``."""
    factory = protocol.Factory()
    factory.noisy = False
    factory.made = []

    def build(address):
        made = protocol_class(*args)
        made.factory = factory
        factory.made.append(made)
        return made
    factory.buildProtocol = build
    return factory


@contextlib.contextmanager
def listening(endpoint, factory, reactor=global_reactor):
    """Listen until the block ends; give the port's number, or the address if there is none."""
    port = until(endpoint.listen(factory), reactor)
    try:
        address = port.getHost()
        yield getattr(address, 'port', address)
    finally:
        until(defer.maybeDeferred(port.stopListening), reactor)


def loopback(reactor=global_reactor, port=0):
    """Return an endpoint of 127.0.0.1: a server's if *port* is 0, else a client's."""
    if port:
        return endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', port)
    return endpoints.TCP4ServerEndpoint(reactor, 0, interface='127.0.0.1')


@contextlib.contextmanager
def connected(pki, client=Recorder, server=Recorder, reactor=global_reactor, version=None,
              client_context=None, server_context=None, server_options={}, **options):
    """
    Connect two protocols over TLS; give them, after the handshake, as (client, server).

    Both are closed when the block ends, and must then have been told so.
    """
    client_context = client_context or pki.client_context(version)
    server_context = server_context or pki.server_context(version=version)
    options.setdefault('hostname', 'localhost')
    ours, theirs = quiet(client), quiet(server)
    with listening(TLSServerEndpoint(loopback(reactor), server_context, **server_options), theirs,
                   reactor) as port:
        hostname = options.pop('hostname')
        endpoint = TLSClientEndpoint(loopback(reactor, port), client_context, hostname, **options)
        first = until(endpoint.connect(ours), reactor)
        until(lambda: theirs.made, reactor)
        second, = theirs.made
        until(lambda: all(one.reason is not None or one.transport.sslObject.version()
                          for one in (first, second)), reactor)
        yield first, second
        for one in first, second:
            if one.reason is None:
                one.transport.abortConnection()
        until(lambda: first.reason is not None and second.reason is not None, reactor)


class Peer(object):
    """
    A blocking peer in a thread of its own, with ssl's own sockets.

    Args:
        sock (socket): it is closed in the end.
        work (callable): is given *sock*, or TLS over it; what it returns is `result`.
        wrap (callable or None): makes a TLS socket of *sock*.
    """

    def __init__(self, sock, work, wrap=None):
        self.result = self.error = None
        self._sock = sock
        self._work = work
        self._wrap = wrap
        self._thread = threading.Thread(target=self._run)
        self._thread.daemon = True
        self._thread.start()

    def _run(self):
        self._sock.settimeout(PATIENCE)
        try:
            if self._wrap is not None:
                self._sock = self._wrap(self._sock)
            self.result = self._work(self._sock)
        except (socket.error, ssl.SSLError, ValueError) as failure:
            self.error = failure
        finally:
            self._sock.close()

    def done(self):
        """Return whether it has ended (bool)."""
        return not self._thread.is_alive()


@contextlib.contextmanager
def with_peer(pki, work, protocol_class=Recorder, server_side=True, tls='any', context=None,
              reactor=global_reactor, **options):
    """
    Connect a protocol of ours to a `Peer`.

    Args:
        work (callable): the peer's, see `Peer`.
        server_side (bool): which side is ours.
        tls (str or None): the version that the peer speaks; None if it speaks none by itself.

    Gives (protocol, peer); both have ended when the block ends.
    """
    def wrap(sock):
        version = None if tls == 'any' else tls
        if server_side:
            return pki.client_context(version).wrap_socket(sock, server_hostname='localhost')
        return pki.server_context(version=version).wrap_socket(sock, server_side=True)

    factory = quiet(protocol_class)
    wrap = wrap if tls else None
    if server_side:
        endpoint = TLSServerEndpoint(loopback(reactor), context or pki.server_context(), **options)
        with listening(endpoint, factory, reactor) as port:
            peer = Peer(socket.create_connection(('127.0.0.1', port)), work, wrap)
            until(lambda: factory.made, reactor)
            yield factory.made[0], peer
            until(peer.done, reactor)
            until(lambda: factory.made[0].reason is not None, reactor)
        return
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(1)
    hostname = options.pop('hostname', 'localhost')
    endpoint = TLSClientEndpoint(loopback(reactor, listener.getsockname()[1]),
                                 context or pki.client_context(), hostname, **options)
    made = until(endpoint.connect(factory), reactor)
    peer = Peer(listener.accept()[0], work, wrap)
    listener.close()
    yield made, peer
    until(peer.done, reactor)
    until(lambda: made.reason is not None, reactor)


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


def times_out(clock, factory, seconds):
    """Return whether a handshake over a silent peer is over once *clock* has reached *seconds*."""
    below = Abortable()
    factory.buildProtocol(None).makeConnection(below)
    clock.advance(seconds - 0.5)
    assert not below.data.endswith(b'reset')
    clock.advance(1)
    return below.data.endswith(b'reset')


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


def end(*protocols):
    """Close, and wait until the protocols know."""
    for one in protocols:
        if one.reason is None:
            one.transport.loseConnection()
    until(lambda: all(one.reason is not None for one in protocols))


def idle():
    """Turn the reactor until nothing is scheduled, and no connection is left."""
    until(lambda: not [call for call in global_reactor.getDelayedCalls()
                       if call.func.__name__ != '_updateLogDateTime'])  # of a Site


class Proxy(protocol.Protocol):
    """An HTTP proxy that makes tunnels to 127.0.0.1, and does what the test says else."""

    answer = b'HTTP/1.1 200 Connection established\r\nServer: a proxy\r\n\r\n'

    def connectionMade(self):
        self._other = None
        self._head = b''

    def dataReceived(self, data):
        if self._other is not None:
            self._other.transport.write(data)
            return
        self._head += data
        if not self._head.endswith(b'\r\n\r\n'):
            return
        self.factory.heads.append(self._head)
        if b' 200 ' not in self.answer:
            self.transport.write(self.answer)
            return
        proxy = self

        class Other(protocol.Protocol):
            def connectionMade(self):
                proxy._other = self
                proxy.transport.write(proxy.answer)

            def dataReceived(self, data):
                proxy.transport.write(data)

            def connectionLost(self, reason):
                proxy.transport.loseConnection()
        port = int(self._head.split(b' ')[1].rpartition(b':')[2])
        loopback(port=port).connect(quiet(Other))

    def connectionLost(self, reason):
        if self._other is not None:
            self._other.transport.loseConnection()


def proxy_factory(cls=Proxy):
    """Return a factory of proxies, which has the requests that they got."""
    factory = quiet(cls)
    factory.heads = []
    return factory
