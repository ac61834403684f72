"""
Loops, applications and servers for the tests of `sslproto27.aio`: real sockets, on 2.7 and on 3.

conftest.py takes the fixtures from here.
"""
from __future__ import absolute_import, division, print_function

import gc
import os
import shutil
import socket
import tempfile

import pytest

from sslproto27 import aio

__all__ = ['PATIENCE', 'App', 'Echo', 'aio_loop', 'connected_pair', 'folder', 'run', 'serve']

PATIENCE = 20  # seconds after which a test counts as hanging


@pytest.fixture
def aio_loop():
    """One of our loops, the current one; whatever it reports as unhandled fails the test."""
    made = aio.SelectorEventLoop()
    errors = made.errors = []
    made.set_exception_handler(lambda loop, context: errors.append(context))
    aio.set_event_loop(made)
    yield made
    for _ in range(3):  # let closed transports say so
        made.call_soon(made.stop)
        made.run_forever()
    aio.set_event_loop(None)
    made.close()
    gc.collect()
    assert [] == errors, errors


@pytest.fixture
def run(aio_loop):
    """A function that runs a coroutine or future to its end, not for ever."""
    def run_until_complete(awaitable):
        return aio_loop.run_until_complete(aio.wait_for(awaitable, PATIENCE))
    return run_until_complete


@pytest.fixture
def folder():
    """The path of a folder of this test alone, short enough for unix sockets."""
    path = tempfile.mkdtemp()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def serve(aio_loop, run):
    """
    A function that starts a server of the factory given, on TCP, and returns its port; it is closed
    afterwards.
    """
    servers = []

    def start(factory, **kwargs):
        server = run(aio_loop.create_server(factory, '127.0.0.1', 0, **kwargs))
        servers.append(server)
        return server.sockets[0].getsockname()[1]
    yield start
    for server in servers:
        server.close()


class App(aio.Protocol):
    """
    An application's protocol that notes what it is told.

    Attributes:
        names (list of str): the callbacks, in order; data_received once for a run of them.
        data (bytes): all that was received.
        over (future): what connection_lost said.
        keep_open (bool): what eof_received returns.
        lines (dict): what to do when all that was received equals the key: called with this object.
    """

    def __init__(self, loop, keep_open=False, lines=None):
        self.loop, self.keep_open, self.lines = loop, keep_open, lines or {}
        self.names, self.chunks, self._awaited = [], [], []
        self.transport = None
        self.over = aio.Future(loop=loop)

    @property
    def data(self):
        """All that was received."""
        return b''.join(self.chunks)

    def has(self, size):
        """Return a future that is done once *size* bytes have been received."""
        future = aio.Future(loop=self.loop)
        self._awaited.append((size, future))
        self._look()
        return future

    def _look(self):
        received = sum(map(len, self.chunks))
        for size, future in self._awaited:
            if received >= size and not future.done():
                future.set_result(None)

    def _note(self, name):
        if name != 'data_received' or self.names[-1:] != [name]:
            self.names.append(name)

    def connection_made(self, transport):
        """Keep the transport."""
        self.transport = transport
        self._note('connection_made')

    def data_received(self, data):
        """Keep the data."""
        self.chunks.append(data)
        self._note('data_received')
        if self.data in self.lines:
            self.lines[self.data](self)
        self._look()

    def eof_received(self):
        """Say whether to stay open."""
        self._note('eof_received')
        return self.keep_open

    def connection_lost(self, error):
        """Note it."""
        self._note('connection_lost')
        self.over.set_result(error)


class Echo(App):
    """An application that sends back what it gets."""

    def data_received(self, data):
        """Send it back."""
        super(Echo, self).data_received(data)
        self.transport.write(data)


@aio.coroutine
def connected_pair(loop, one, other):
    """Connect two applications by a unix socket pair without TLS; return nothing."""
    for sock, app in zip(socket.socketpair(), (one, other)):
        sock.setblocking(False)
        yield aio.From(loop.create_unix_connection(lambda app=app: app, None, sock=sock))


def descriptors():
    """Return how many file descriptors this process has."""
    return len(os.listdir('/proc/self/fd'))
