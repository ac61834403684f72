"""Applications that bring their own buffers, in memory."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.loops import App
from tests.support.pipe_pairs import pattern


class Buffered(object):
    """
    An application that brings its own buffers, as asyncio's BufferedProtocol does.

    Attributes:
        buffer (bytearray): where data is put; taken out as soon as it has come.
        pause_at (set of int): after how many updates to pause reading.
    """

    def __init__(self, size, pause_at=()):
        self.buffer, self.data, self.sizes = bytearray(size), b'', []
        self.pause_at, self.updates = set(pause_at), 0
        self.names = []

    def connection_made(self, transport):
        """Keep it."""
        self.transport = transport

    def get_buffer(self, sizehint):
        """Give the buffer."""
        self.sizes.append(sizehint)
        return self.buffer

    def buffer_updated(self, count):
        """Take what has come."""
        self.data += bytes(self.buffer[:count])
        self.updates += 1
        if self.updates in self.pause_at:
            self.transport.pause_reading()

    def eof_received(self):
        """Note it."""
        self.names.append('eof_received')

    def connection_lost(self, error):
        """Note it."""
        self.names.append('connection_lost')


class TestBuffered(object):
    @pytest.mark.parametrize('size', [1, 7, 1000, 100000])
    def test_data(self, new, size):
        """The application's buffers are filled in place, however large they are."""
        app = Buffered(size)
        connection = new(app=app).handshake()
        buffer = app.buffer
        connection.remote.write(pattern(5000)).write(b'more')
        assert (pattern(5000) + b'more', True) == (app.data, app.buffer is buffer)
        connection.remote.close_notify()
        assert ['eof_received', 'connection_lost'] == app.names

    @pytest.mark.parametrize('kind', [bytearray, lambda size: memoryview(bytearray(size))],
                             ids=['bytearray', 'memoryview'])
    def test_kinds(self, new, kind):
        """Any writable buffer does."""
        app = Buffered(1)
        app.buffer = kind(10)
        connection = new(app=app).handshake()
        connection.remote.write(b'0123456789abc')
        assert 2 == app.updates
        assert b'abc3456789' == bytes(bytearray(app.buffer.tobytes() if hasattr(
            app.buffer, 'tobytes') else app.buffer))

    def test_pause(self, new):
        """After pause_reading no buffer is filled any more; what is left, and the end, wait."""
        app = Buffered(10, pause_at=[1, 2])
        connection = new(app=app).handshake()
        connection.remote.write(pattern(45)).close_notify()
        for seen in (10, 20):
            assert (pattern(seen), []) == (app.data, app.names)
            app.transport.resume_reading()
            connection.loop.run()
        assert (pattern(45), 'eof_received') == (app.data, app.names[0])

    def test_empty_buffer(self, new):
        """A buffer without room is the application's mistake: reported, and the end."""
        app = Buffered(0)
        connection = new(app=app).handshake()
        connection.remote.write(b'x')
        assert [RuntimeError] == [type(context['exception']) for context in connection.loop.errors]
        assert connection.lower.closed

    def test_set_protocol(self, new):
        """set_protocol changes from one kind of application to the other, and back."""
        connection, first, second = new().handshake(), App(), Buffered(10)
        for app in (second, first, second):
            connection.transport.set_protocol(app)
            connection.remote.write(b'x')
        assert (b'xx', b'x') == (second.data, first.data)
