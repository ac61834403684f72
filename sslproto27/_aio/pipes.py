"""Two pipes as one transport. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from .._stream import lower_transport
from . import repeat_error
from .compat import From, Return, coroutine, framework
from .streams import LIMIT, open_streams

__all__ = ['PipeTransport', 'connect_pipes', 'open_pipes']


class PipeTransport(object):
    """
    One transport made of a pipe to read and a pipe to write, such as a subprocess's.

    It calls eof_received at the end of the input, and connection_lost when both pipes are gone. If
    the reader at the far end goes away, you still receive what the far end had written.
    """

    _start_tls_compatible = True  # asyncio's mark: TLS may run over this

    def __init__(self, loop, protocol):
        self._loop = loop
        self._protocol = protocol
        self._reading = self._writing = None
        self._is_closing = self._is_paused = False
        self._left = 2  # how many pipes are still open
        self._error = None

    # Called by the two pipes' protocols

    def _pipe_made(self, name, transport):
        setattr(self, name, transport)
        if name == '_reading':  # the second one
            self._protocol.connection_made(self)

    def _eof_received(self):
        if self._reading is not None and not self._protocol.eof_received():
            self.close()

    def _pipe_lost(self, name, error):
        was_paused = self._protocol_paused
        setattr(self, name, None)
        self._error = self._error or error
        self._left -= 1
        if was_paused and not self._protocol_paused:
            self._protocol.resume_writing()  # data is now discarded: nobody need wait for room
        if not self._left:
            self._is_closing = True
            protocol, self._protocol = self._protocol, None
            protocol.connection_lost(self._error)
            if self._error is not None:
                repeat_error(self._loop, protocol)

    # asyncio's transport

    def get_extra_info(self, name, default=None):
        """Return the files (to read, to write) if *name* is 'pipes'; otherwise *default*."""
        if name == 'pipes' and self._reading is not None and self._writing is not None:
            return tuple(half.get_extra_info('pipe') for half in (self._reading, self._writing))
        return default

    def is_closing(self):
        """Return whether it is closing or closed (bool)."""
        return self._is_closing

    def get_protocol(self):
        """Return the protocol."""
        return self._protocol

    def set_protocol(self, protocol):
        """Give *protocol* the data that arrives from now on."""
        self._protocol = protocol

    def pause_reading(self):
        """Stop calling data_received until `resume_reading`."""
        if not self._is_paused and self._reading is not None and not self._is_closing:
            self._is_paused = True
            self._reading.pause_reading()

    def resume_reading(self):
        """Continue after `pause_reading`."""
        if self._is_paused and self._reading is not None and not self._is_closing:
            self._is_paused = False
            self._reading.resume_reading()

    def is_reading(self):
        """Return whether data_received may be called (bool)."""
        return not self._is_paused and not self._is_closing

    def write(self, data):
        """Send bytes; do nothing once the pipe is gone."""
        if self._writing is not None:
            self._writing.write(data)

    def writelines(self, list_of_data):
        """Send each of *list_of_data*."""
        self.write(b''.join(list_of_data))

    def can_write_eof(self):
        """Return True."""
        return True

    def write_eof(self):
        """Close the pipe for writing, once all is sent."""
        if self._writing is not None:
            self._writing.close()

    def set_write_buffer_limits(self, high=None, low=None):
        """Set the limits, in bytes, for the protocol's pause_writing and resume_writing."""
        if self._writing is not None:
            self._writing.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self):
        """Return how many bytes wait to be sent."""
        return self._writing.get_write_buffer_size() if self._writing is not None else 0

    @property
    def _protocol_paused(self):
        return getattr(self._writing, '_protocol_paused', False)

    def close(self):
        """Send what waits, then close both pipes."""
        self._is_closing = True
        for half in (self._reading, self._writing):
            if half is not None:
                half.close()

    def abort(self):
        """Close both pipes at once."""
        writing = self._writing
        # Do not abort a pipe that is already closing: both frameworks would call connection_lost
        # twice, and fail the second time.
        if writing is not None and (writing.get_write_buffer_size()
                                    or not lower_transport.is_closing(writing)):
            writing.abort()
        self.close()


class _PipeProtocol(framework.Protocol):
    """The protocol of one of the two pipes."""

    def __init__(self, pair, name):
        self._pair, self._name = pair, name

    def connection_made(self, transport):
        """Pass it on, once both halves have it."""
        self._pair._pipe_made(self._name, transport)

    def data_received(self, data):
        """Pass it on."""
        if not self._pair._is_closing:
            self._pair._protocol.data_received(data)

    def eof_received(self):
        """Pass it on."""
        self._pair._eof_received()

    def pause_writing(self):
        """Pass it on."""
        self._pair._protocol.pause_writing()

    def resume_writing(self):
        """Pass it on."""
        self._pair._protocol.resume_writing()

    def connection_lost(self, error):
        """Pass it on, once both halves have it."""
        self._pair._pipe_lost(self._name, error)


@coroutine
def _connect(loop, protocol_factory, read_pipe, write_pipe):
    protocol = protocol_factory()
    pair = PipeTransport(loop, protocol)
    writing, _ = yield From(
        loop.connect_write_pipe(lambda: _PipeProtocol(pair, '_writing'), write_pipe))
    try:
        yield From(loop.connect_read_pipe(lambda: _PipeProtocol(pair, '_reading'), read_pipe))
    except BaseException:
        writing.abort()
        raise
    raise Return((pair, protocol))


def connect_pipes(protocol_factory, read_pipe, write_pipe, loop=None):
    """
    Make one transport of two pipes, over which `start_tls` can run TLS.

    Args:
        protocol_factory (callable): returns the application's protocol.
        read_pipe, write_pipe (files): such as a subprocess's stdout and stdin. The transport closes
            them.
        loop: any loop of the framework; the current one by default.

    Returns:
        a coroutine; its result is (transport, protocol).
    """
    return _connect(loop or framework.get_event_loop(), protocol_factory, read_pipe, write_pipe)


def open_pipes(read_pipe, write_pipe, loop=None, limit=LIMIT):
    """
    Open (StreamReader, StreamWriter) over two pipes, as a coroutine's result; see `connect_pipes`.
    """
    loop = loop or framework.get_event_loop()
    return open_streams(
        loop, limit, lambda factory: connect_pipes(factory, read_pipe, write_pipe, loop))
