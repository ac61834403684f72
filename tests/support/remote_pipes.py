"""The other end of a blocking connection: a pipe that reads and sends when the test says so."""
from __future__ import absolute_import, division, print_function

import threading

import pytest

from sslproto27 import SSLPipe
from tests.support.engines import ENGINE
from tests.support.pipe_pairs import attempt
from tests.support.sockets import PATIENCE, Background

__all__ = ['Bare', 'Gate', 'RemotePipe', 'in_parallel', 'renegotiates']

renegotiates = pytest.mark.skipif(
    ENGINE == 'pair', reason='a client that checks names refuses renegotiation with this engine')


class Bare(object):
    """A socket with nothing but recv and sendall."""

    def __init__(self, sock):
        self.recv = sock.recv
        self.sendall = sock.sendall


class Gate(object):
    """
    A socket whose sendall waits while the gate is shut, or fails.

    Attributes:
        open (threading.Event): whether sendall goes on; `waiting` is set as long as one waits.
        failure (Exception or None): what sendall raises.
    """

    def __init__(self, sock):
        self.sock = sock
        self.recv = sock.recv
        self.open, self.waiting = threading.Event(), threading.Event()
        self.open.set()
        self.failure = None

    def sendall(self, data):
        """Send, once the gate is open."""
        if not self.open.is_set():
            self.waiting.set()
            assert self.open.wait(PATIENCE)
        if self.failure is not None:
            raise self.failure
        self.sock.sendall(data)


class RemotePipe(object):
    """The other end of a connection: a pipe that reads and sends when the test says so."""

    def __init__(self, sock, context, **kwargs):
        self.sock = sock
        self.pipe = SSLPipe(context, **kwargs)
        self.pipe.do_handshake()

    def flush(self):
        """Send what there is."""
        data = self.pipe.data_to_send()
        if data:
            self.sock.sendall(data)

    def handshake(self):
        """Shake hands."""
        self.flush()
        while self.pipe.state == 'HANDSHAKE':
            self.step()
        return self

    def step(self):
        """Wait for bytes, and answer them."""
        data = self.sock.recv(65536)
        if data:
            attempt(self.pipe.feed_ssldata, data)
        else:
            attempt(self.pipe.feed_eof)
        self.flush()

    def drain(self):
        """Go on until the connection ends."""
        while self.pipe.state == 'OPEN':
            self.step()

    def read(self, size):
        """Return *size* bytes of plaintext."""
        data = self.pipe.appdata_received()
        while len(data) < size:
            self.step()
            data += self.pipe.appdata_received()
        return data

    def write(self, data):
        """Send plaintext."""
        self.pipe.feed_appdata(data)
        self.flush()


def in_parallel(ours, theirs):
    """Run *theirs* in a thread and *ours* here; return what both return."""
    background = Background(theirs)
    result = ours()
    return result, background.result()
