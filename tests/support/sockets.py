"""Both ends of a connection, and threads to work them. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

import contextlib
import socket
import threading

__all__ = ['Background', 'PATIENCE', 'connection', 'read_exactly']

PATIENCE = 30  # seconds after which a peer counts as hanging


class Background(threading.Thread):
    """A function in a thread; `result` waits for what it returns, or raises what it raised."""

    def __init__(self, function, *args, **kwargs):
        super(Background, self).__init__()
        self.daemon = True
        self.work = function, args, kwargs
        self.returned = self.error = None
        self.start()

    def run(self):
        function, args, kwargs = self.work
        try:
            self.returned = function(*args, **kwargs)
        except Exception as error:
            self.error = error

    def result(self):
        """Return what the function returned; raise what it raised."""
        self.join(PATIENCE)
        if self.is_alive():
            raise AssertionError('the peer hangs')
        if self.error is not None:
            raise self.error
        return self.returned


@contextlib.contextmanager
def connection():
    """Give both ends of a connection; they time out rather than hang."""
    listener = socket.socket()
    try:
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        near = socket.create_connection(listener.getsockname(), PATIENCE)
        ends = near, listener.accept()[0]
    finally:
        listener.close()
    for end in ends:
        end.settimeout(PATIENCE)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        yield ends
    finally:
        for end in ends:
            end.close()


def read_exactly(sock, size):
    """Return *size* bytes that *sock* receives."""
    chunks = []
    while size:
        chunk = sock.recv(size)
        if not chunk:
            raise AssertionError('the peer closed %d bytes too early' % size)
        chunks.append(chunk)
        size -= len(chunk)
    return b''.join(chunks)
