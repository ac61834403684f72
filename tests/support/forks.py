"""Children of this process that run a function, and a TLS connection behind each face of ours."""
from __future__ import absolute_import, division, print_function

import gc
import os
import select
import signal
import socket
import ssl
import sys

import pytest

from sslproto27 import SSLPipe, SSLSocket
from sslproto27._core import pipe_states as _pipe
from tests.support.buffers import Material
from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY
from tests.support.sockets import PATIENCE, Background, read_exactly

__all__ = ['Child', 'Faces', 'Gate', 'LoopFace', 'MARKS', 'collect_young', 'drop', 'ends_cleanly',
           'forget_loop', 'hear', 'is_open', 'needs_fork', 'refused', 'say', 'stock_peer']

needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')

#: Of each file of tests that fork.
MARKS = [
    needs_fork,
    pytest.mark.filterwarnings('ignore:This process .* is multi-threaded:DeprecationWarning'),
    pytest.mark.filterwarnings('ignore::ResourceWarning' if not PY2 else 'ignore::ImportWarning'),
    pytest.mark.usefixtures('nothing_is_left'),
]


def wait_readable(descriptor):
    """Wait until *descriptor* is readable, not for ever."""
    if not select.select([descriptor], [], [], PATIENCE)[0]:
        raise AssertionError('the other process hangs')


def is_open(number):
    """Return whether a descriptor is open (bool)."""
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


class Gate(object):
    """What processes made by a fork can wait for: made before it, opened once."""

    def __init__(self):
        self._ends = os.pipe()

    def open(self):
        """Let those that wait go on, in whatever process."""
        os.write(self._ends[1], b'.' * 16)

    def wait(self):
        """Wait until it is open."""
        wait_readable(self._ends[0])
        os.read(self._ends[0], 1)


class Child(object):
    """
    A child that calls a function and ends; `result` returns what that returned, as text.

    An exception is returned as 'class: text'.
    """

    def __init__(self, function, fork=None):
        self._reader, writer = os.pipe()
        self.pid = (fork or os.fork)()
        if self.pid:
            os.close(writer)
            return
        text = 'nothing'
        try:
            os.close(self._reader)
            signal.alarm(2 * PATIENCE)
            try:
                text = str(function())
            except BaseException as error:
                text = '%s: %s' % (type(error).__name__, error)
            os.write(writer, text.encode('ascii', 'replace'))
        finally:
            os._exit(0)

    def result(self):
        """Wait for the child's end; return what its function returned."""
        text = b''
        try:
            while True:
                wait_readable(self._reader)
                data = os.read(self._reader, 65536)
                if not data:
                    break
                text += data
        finally:
            os.close(self._reader)
            try:
                os.kill(self.pid, signal.SIGKILL)
            except OSError:
                pass
            os.waitpid(self.pid, 0)
        return text.decode('ascii')


def stock_peer(sock, pki):
    """Return a thread that makes *sock* a server's side of TLS, by the interpreter's own ssl."""
    context = pki.server_context()
    return Background(context.wrap_socket, sock, server_side=True, suppress_ragged_eofs=False)


class PipeFace(object):
    """An `SSLPipe`, carried to and from a socket by hand."""

    can_read_in_child = True

    def __init__(self, sock, context, pki):
        self.sock = sock
        self.pipe = SSLPipe(context, server_hostname='localhost')
        self.pipe.do_handshake()
        self.flush()
        while self.pipe.state is _pipe.HANDSHAKE:
            self.pump()

    def pump(self):
        self.pipe.claim()
        self.pipe.feed_ssldata(self.sock.recv(65536))
        self.flush()

    def flush(self):
        self.sock.sendall(self.pipe.data_to_send())

    def send(self, data):
        self.pipe.feed_appdata(data)
        self.flush()

    def recv(self, size):
        data = self.pipe.appdata_received()
        while len(data) < size:
            self.pump()
            data += self.pipe.appdata_received()
        return data

    def close(self):
        if self.pipe.may_end():
            self.pipe.shutdown()
            self.flush()
        self.sock.close()


class BlockingFace(object):
    """An `SSLSocket`."""

    can_read_in_child = True

    def __init__(self, sock, context, pki):
        self.tls = self.wrap(sock, context, pki)

    def wrap(self, sock, context, pki):
        return SSLSocket(sock, context, server_hostname='localhost')

    @property
    def engine(self):
        """The `BlockingTLS` of it."""
        return getattr(self.tls, '_sslobj', self.tls)

    def send(self, data):
        self.tls.sendall(data)

    def recv(self, size):
        data = b''
        while len(data) < size:
            chunk = self.tls.recv(size - len(data))
            if not chunk:
                break
            data += chunk
        return data

    def close(self):
        self.tls.close()


class InstalledFace(BlockingFace):
    """An ssl.SSLSocket of `sslproto27.sockets`."""

    def wrap(self, sock, context, pki):
        from sslproto27 import sockets
        return sockets.SSLSocket(sock, server_hostname='localhost', _context=context)


class PEP543Face(BlockingFace):
    """A TLSWrappedSocket of PEP 543."""

    def wrap(self, sock, context, pki):
        made = Material(pki).client()
        tls = made.wrap_socket(sock, u'localhost')
        tls.do_handshake()
        return tls


class TornadoFace(object):
    """A Tornado stream, on an IOLoop of its own."""

    can_read_in_child = False

    def __init__(self, sock, context, pki):
        from tests.support import tornados
        from tornado.ioloop import IOLoop
        self.loop = IOLoop(make_current=False)
        self.loop.make_current()
        self.stream = tornados.SSLIOStream(sock, ssl_options=context, server_hostname='localhost')
        self.loop.run_sync(self.stream.wait_for_handshake, PATIENCE)
        self.tls = self.stream.socket

    def send(self, data):
        try:
            future = self.stream.write(data)
        except IOError as error:
            raise getattr(error, 'real_error', error)
        if self.stream.error is not None:
            raise self.stream.error
        if not future.done():
            self.loop.run_sync(lambda: future, PATIENCE)

    def recv(self, size):
        def read():
            return self.stream.read_bytes(size)
        try:
            return self.loop.run_sync(read, PATIENCE)
        except IOError:
            raise self.stream.error or sys.exc_info()[1]

    def close(self):
        self.stream.close()


class LoopFace(object):
    """A transport of Trollius, or of asyncio on Python 3."""

    can_read_in_child = sys.version_info[0] == 2  # asyncio's selector is its parent's

    def __init__(self, sock, context, pki):
        from sslproto27 import aio
        self.loop = aio.SelectorEventLoop()
        aio.set_event_loop(self.loop)
        self.loop.set_exception_handler(lambda loop, context: None)
        self.process = os.getpid()
        self.received = b''
        self.wanted = None
        self.lost = False
        face = self

        class Application(aio.Protocol):
            def data_received(self, data):
                face.received += data
                if face.wanted is not None and len(face.received) >= face.wanted:
                    face.loop.stop()

            def connection_lost(self, error):
                face.lost = error or True
                face.loop.stop()

        sock.setblocking(False)
        self.transport, _ = self.loop.run_until_complete(aio.wait_for(
            self.loop.create_connection(Application, sock=sock, ssl=context,
                                        server_hostname='localhost'), PATIENCE))

    def send(self, data):
        self.transport.write(data)

    def recv(self, size):
        self.wanted = size
        timer = self.loop.call_later(PATIENCE, self.loop.stop)
        if len(self.received) < size:
            self.loop.run_forever()
        timer.cancel()
        if isinstance(self.lost, Exception):
            raise self.lost
        data, self.received = self.received, b''
        return data

    def close(self):
        self.transport.close()
        if not self.can_read_in_child and os.getpid() != self.process:
            return
        timer = self.loop.call_later(PATIENCE, self.loop.stop)
        self.loop.call_soon(self.loop.call_soon, self.loop.stop)
        if not self.lost:
            self.loop.run_forever()
        timer.cancel()


class Faces(object):
    """By name, the classes above: each takes a connected socket, a context and the PKI."""

    ALL = {'pipe': PipeFace, 'socket': BlockingFace, 'pep543': PEP543Face, 'tornado': TornadoFace,
           'loop': LoopFace}
    if sys.version_info[0] == 2:
        ALL['installed'] = InstalledFace

    @staticmethod
    def connect(name, ends, context, pki):
        """Return (the face called *name*, its peer of the interpreter's ssl) of a connection."""
        if name == 'tornado':
            from tests.support import tornados  # noqa: F401: skips where there is no Tornado
        if name == 'loop' and sys.version_info[0] == 2:
            pytest.importorskip('trollius')
        peer = stock_peer(ends[1], pki)
        face = Faces.ALL[name](ends[0], context, pki)
        return face, peer.result()


def ends_cleanly(peer):
    """Return whether the peer of a connection sees a close_notify next, not the mere end (bool)."""
    try:
        return peer.recv(100) == b''
    except (ssl.SSLError, socket.error):
        return False


def forget_loop():
    """Let the loop of a `LoopFace` be garbage: it is the current one, and nobody closes it."""
    aio = sys.modules.get('sslproto27.aio')
    if aio is not None:
        aio.set_event_loop(None)


def drop(face):
    """Throw a face away without closing it."""
    vars(face).clear()
    collect_young()


def collect_young():
    """
    Free the garbage of a test before which automatic collections were disabled.

    Nothing of such a test can be old yet. To look at all old objects too takes ten times as long,
    and a child would copy the memory of each.
    """
    if PYPY or hasattr(gc, 'freeze'):  # there, a full collection is fast or needed
        gc.collect()
    else:
        gc.collect(1)


def say(face, peer, data):
    """Let *face* send *data*; return what its peer gets."""
    face.send(data)
    return read_exactly(peer, len(data))


def hear(face, peer, data):
    """Let *peer* send *data*; return what *face* gets."""
    peer.sendall(data)
    return face.recv(len(data))


def refused(call, *args):
    """Return whether a call fails because another process uses the connection (bool)."""
    try:
        call(*args)
    except ssl.SSLError as error:
        return 'another process uses this TLS connection' in str(error)
    return False
