"""Applications for the tests of `sslproto27.aio`: real sockets, on 2.7 and on 3."""
from __future__ import absolute_import, division, print_function

import socket

from sslproto27 import aio

__all__ = ['App', 'Apps', 'Echo', 'MEGABYTE', 'PATIENCE', 'connected_pair', 'end']

PATIENCE = 20  # seconds after which a test counts as hanging
MEGABYTE = 1024 * 1024


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


class Apps(object):
    """A protocol factory that keeps what it makes."""

    def __init__(self, loop, cls=Echo, **kwargs):
        self.make, self.made = lambda: cls(loop, **kwargs), []

    def __call__(self):
        app = self.make()
        self.made.append(app)
        return app


def end(run, *apps):
    """Wait until the connections of *apps* are over; return what they were told."""
    return [run(app.over) for app in apps]
