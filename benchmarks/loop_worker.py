"""
One contestant of the event-loop benchmark: a server that load.c uses and loop_bench.py measures.

    python loop_worker.py CONTESTANT FOLDER PACKAGE

FOLDER has the certificates, PACKAGE sslproto27. The server writes its description and its ports to
standard output, in a line of JSON. It ends when standard input does. All contestants run the same
protocols, which set TCP_NODELAY, because not every loop does.

    echo        sends back what it receives
    upload      counts, and answers each MiB with one byte
    download    answers each byte with a MiB, in writes of 64 KiB, and pauses when asked to
    whole       answers each byte with 8 MiB, in one write
"""
from __future__ import absolute_import, division, print_function

import json
import os
import platform
import socket
import ssl
import sys

from engine_worker import settle_malloc
from revisions import ROOT

__all__ = ['ACCELERATOR', 'main']

#: The file that `make accelerator` makes.
ACCELERATOR = os.path.join(ROOT, '.cache', 'bench', 'accelerator.so')

BLOCK = 1024 * 1024
CHUNK = b'x' * (64 * 1024)
WHOLE = b'x' * (8 * BLOCK)
BACKLOG = 4096


class Protocol(object):
    """The common part of the services. Loops like asyncio's call these methods."""

    def connection_made(self, transport):
        """Keep the transport."""
        self.transport = transport
        transport.get_extra_info('socket').setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def eof_received(self):
        """Close, too."""

    def connection_lost(self, error):
        """Do nothing."""

    def pause_writing(self):
        """Do nothing: a service only writes when it is asked to."""

    def resume_writing(self):
        """Do nothing."""


class Echo(Protocol):
    """Sends back what it receives."""

    def data_received(self, data):
        """Send it back."""
        self.transport.write(data)


class Upload(Protocol):
    """Counts, and answers each `BLOCK` with one byte."""

    def __init__(self):
        self._received = 0

    def data_received(self, data):
        """Count, and answer."""
        self._received += len(data)
        while self._received >= BLOCK:
            self._received -= BLOCK
            self.transport.write(b'.')


class Download(Protocol):
    """Answers each byte with a `BLOCK`."""

    def __init__(self):
        self._owed = 0
        self._paused = False

    def data_received(self, data):
        """Note that more blocks are requested."""
        self._owed += len(data) * BLOCK
        self.resume_writing()

    def pause_writing(self):
        """Do not write until resume_writing."""
        self._paused = True

    def resume_writing(self):
        """Write the requested blocks, until asked to pause."""
        self._paused = False
        while self._owed and not self._paused:
            self._owed -= len(CHUNK)
            self.transport.write(CHUNK)


class Whole(Protocol):
    """Answers each byte with `WHOLE`, in one write."""

    def data_received(self, data):
        """Answer."""
        for _ in data:
            self.transport.write(WHOLE)


SERVICES = {'echo': Echo, 'upload': Upload, 'download': Download, 'whole': Whole}


def server_context(folder):
    """Return a context for TLS 1.3 with settings that every Python's ssl has."""
    context = ssl.SSLContext(getattr(ssl, 'PROTOCOL_TLS_SERVER', ssl.PROTOCOL_SSLv23))
    context.load_cert_chain(os.path.join(folder, 'server.pem'))
    return context


def listen():
    """Return a socket that listens on a free port of the loopback device."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    return listener


def serve_asyncio_like(loop, context, description):
    """Serve on *loop*, Trollius' or asyncio's, until standard input ends."""
    description.update(ports={}, openssl=ssl.OPENSSL_VERSION)
    for name, service in sorted(SERVICES.items()):
        listener = listen()
        description['ports'][name] = listener.getsockname()[1]
        loop.run_until_complete(
            loop.create_server(service, sock=listener, ssl=context, backlog=BACKLOG))
    loop.add_reader(sys.stdin.fileno(), loop.stop)
    announce(description)
    loop.run_forever()


def announce(description):
    """Tell the benchmark that all is ready."""
    print(json.dumps(dict(
        description, pid=os.getpid(),
        python='%s %s' % (platform.python_implementation(), platform.python_version()))))
    sys.stdout.flush()


def ours(folder, accelerator=''):
    """Trollius with sslproto27."""
    import sslproto27
    import sslproto27.trollius
    label = 'Trollius, sslproto27 %s%s' % (sslproto27.__version__, accelerator)
    serve_asyncio_like(sslproto27.trollius.SelectorEventLoop(), server_context(folder),
                       {'label': label})


def pair(folder):
    """The same on the engine that only needs ssl."""
    os.environ['SSLPROTO27_ENGINE'] = 'pair'
    ours(folder, ', pair')


def accelerated(folder):
    """The same, but accelerator.c moves messages through the pipe."""
    import imp

    from types import MethodType

    from sslproto27 import SSLObject
    module = imp.load_dynamic('accelerator', ACCELERATOR)
    # A function in C does not become a method by itself.
    SSLObject.receive_records = MethodType(module.receive_records, None, SSLObject)
    SSLObject.send_small = MethodType(module.send_small, None, SSLObject)
    ours(folder, ', C')


def stock(folder):
    """Trollius' own TLS, which on 2.7 wraps the socket."""
    import trollius
    from trollius import selector_events, sslproto
    if sslproto._is_sslproto_available():
        raise SystemExit("Trollius would not take its path of 2.7 here")
    serve_asyncio_like(trollius.SelectorEventLoop(), server_context(folder), {
        'label': 'Trollius, its %s' % selector_events._SelectorSslTransport.__name__})


def plain(folder):
    """Trollius without TLS: the lower bound."""
    import trollius
    serve_asyncio_like(trollius.SelectorEventLoop(), None, {'label': 'Trollius, plain TCP'})


def stdlib(folder):
    """Python 3's own asyncio."""
    import asyncio
    serve_asyncio_like(asyncio.new_event_loop(), server_context(folder), {'label': 'asyncio'})


class TwistedNames(object):
    """Twisted's names for the same methods; a base class to put before a service."""

    def makeConnection(self, transport):
        """Keep the transport, and register as its producer."""
        self.transport = transport
        transport.setTcpNoDelay(True)
        transport.registerProducer(self, True)

    def connectionLost(self, reason):
        """Do nothing."""

    def stopProducing(self):
        """Do nothing."""


def for_twisted(service):
    """Return *service* as a class of Twisted's protocols, without additional calls."""
    methods = service.__dict__
    inherited = Protocol.__dict__
    return type(service.__name__, (TwistedNames, service), {
        'dataReceived': methods['data_received'],
        'pauseProducing': methods.get('pause_writing', inherited['pause_writing']),
        'resumeProducing': methods.get('resume_writing', inherited['resume_writing']),
    })


def serve_twisted(listen, description):
    """
    Serve on Twisted's reactor until standard input ends.

    Args:
        listen (callable): takes the reactor and a factory; returns an IListeningPort.
    """
    from twisted.internet import protocol, reactor, stdio
    description['ports'] = {}
    for name, service in SERVICES.items():
        factory = protocol.ServerFactory()
        factory.buildProtocol = lambda address, cls=for_twisted(service): cls()
        factory.noisy = False
        description['ports'][name] = listen(reactor, factory).getHost().port
    until_end = protocol.Protocol()
    until_end.connectionLost = lambda reason: reactor.stop()
    announce(description)
    stdio.StandardIO(until_end)
    reactor.run()


def twisted(folder):
    """Twisted's TLS: pyOpenSSL's memory BIOs."""
    import OpenSSL
    import twisted
    from OpenSSL import SSL
    from twisted.internet import ssl as twisted_ssl

    with open(os.path.join(folder, 'server.pem')) as pem:
        options = twisted_ssl.PrivateCertificate.loadPEM(pem.read()).options()
    serve_twisted(
        lambda reactor, factory: reactor.listenSSL(0, factory, options, backlog=BACKLOG,
                                                   interface='127.0.0.1'),
        {'label': 'Twisted %s, pyOpenSSL %s' % (twisted.__version__, OpenSSL.__version__),
         'openssl': SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode('ascii')})


def twisted_ours(folder):
    """Twisted with sslproto27."""
    import sslproto27
    import sslproto27.twisted
    import twisted

    context = server_context(folder)
    serve_twisted(
        lambda reactor, factory: reactor.listenTCP(
            0, sslproto27.twisted.TLSFactory(factory, context, True), backlog=BACKLOG,
            interface='127.0.0.1'),
        {'label': 'Twisted %s, sslproto27 %s' % (twisted.__version__, sslproto27.__version__),
         'openssl': ssl.OPENSSL_VERSION})


CONTESTANTS = {
    'sslproto27': ours, 'accelerated': accelerated, 'stock': stock, 'plain': plain,
    'asyncio': stdlib, 'twisted': twisted, 'twisted-ours': twisted_ours,
    'pair': pair}


def main(kind, folder, package):
    sys.path.insert(0, package)
    settle_malloc()
    CONTESTANTS[kind](folder)


if __name__ == '__main__':
    main(*sys.argv[1:])
