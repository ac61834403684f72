"""
The layer below a TLS stream: a socket, or other streams. Nothing here knows of TLS.

Both kinds have receive() and send(), which never wait, and close(). Events say when to call them
again: a socket's come from the IOLoop, those of streams from a `StreamsLoop`.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket
import ssl

from .._core.compat import as_bytes
from ._compat import ioloop, iostream
from ._socket import plain_socket

__all__ = ['READ_SIZE', 'LowerSocket', 'LowerStreams', 'StreamsLoop', 'is_connected', 'take_over']

#: The most bytes that one receive() returns; if it returns fewer, the socket is empty. Four records
#: of 16 KiB of plaintext each, plus the most that encryption may add (RFC 8446 5.2).
READ_SIZE = 4 * (5 + 16384 + 256)

#: If you close a socket that still has unread data, Linux sends RST and discards the data on its
#: way to the peer. To avoid that, we first read up to this many bytes.
_DISCARD_LIMIT = 4 * READ_SIZE

_WOULD_BLOCK = (errno.EWOULDBLOCK, errno.EAGAIN)


class LowerSocket(object):
    """A plain, non-blocking socket."""

    __slots__ = ('socket',)

    def __init__(self, sock):
        sock.setblocking(False)
        self.socket = sock

    def fileno(self):
        """Return the socket itself, which the IOLoop uses as its key."""
        return self.socket

    def receive(self):
        """Return bytes; b'' at the end; None if there are none yet."""
        try:
            return self.socket.recv(READ_SIZE)
        except socket.error as error:
            if error.args[0] in _WOULD_BLOCK:
                return None
            raise

    def send(self, data):
        """Return how many bytes of *data* the kernel has taken; 0 if it takes none now."""
        try:
            return self.socket.send(data)
        except socket.error as error:
            if error.args[0] in _WOULD_BLOCK:
                return 0
            raise

    def discard(self):
        """Read and drop data that the peer has sent and nobody will read."""
        for _ in range(_DISCARD_LIMIT // READ_SIZE):
            if len(self.receive() or b'') < READ_SIZE:
                break

    def close(self):
        """Close it."""
        self.socket.close()


class LowerStreams(object):
    """
    Any Tornado stream; or two, since a pipe carries data one way only.

    Args:
        reader (BaseIOStream): the stream to read from.
        writer (BaseIOStream): the stream to write to: the same one, except for pipes.
    """

    __slots__ = ('reader', 'writer', 'read', 'write', '_write_size')

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.read = None         # the future of the current read
        self.write = None        # the future of the current write
        self._write_size = 0     # how many bytes that write has

    @property
    def socket(self):
        """The socket at the bottom of the stack; None under a pipe."""
        return getattr(self.reader, 'socket', None)

    def fileno(self):
        """Return the fileno() of the stream below."""
        return self.reader.fileno()

    def start_read(self):
        """Start a read on the stream below; `read` is done once receive() can return a result."""
        if self.read is None:
            self.read = _future_of(self.reader.read_bytes, READ_SIZE, partial=True)

    def receive(self):
        """Return bytes; b'' at the end; None if there are none yet."""
        self.start_read()
        if not self.read.done():
            return None
        try:
            data = self.read.result()
        except iostream.StreamClosedError as error:
            if error.real_error is not None:
                raise error.real_error
            return b''  # keep `read`, so that later calls return the end too
        self.read = None
        return data

    def send(self, data):
        """
        Return how many bytes of *data* the kernel has taken.

        0 means that they are still on their way: call again later, with the same data or more.
        """
        if self.write is None:
            self._write_size = len(data)
            self.write = _future_of(self.writer.write, as_bytes(data, 'data'))
        if not self.write.done():
            return 0
        future, self.write = self.write, None
        try:
            future.result()
        except iostream.StreamClosedError as error:
            raise error.real_error or socket.error(errno.EPIPE, 'the stream below is closed')
        return self._write_size

    def discard(self):
        """Do nothing: streams discard data themselves."""

    def close(self):
        """Close the streams."""
        self.reader.close()
        self.writer.close()


class _Failed(object):
    """A future that has failed already."""

    def __init__(self, error):
        self._error = error

    def done(self):
        return True

    def result(self):
        raise self._error


def _future_of(call, *args, **kwargs):
    """Return the future of a read or write, even if the call finds the stream closed and raises."""
    try:
        future = call(*args, **kwargs)
    except iostream.StreamClosedError as error:
        return _Failed(error)
    except socket.error as error:  # Tornado raises an error that ends a read at once
        return _Failed(iostream.StreamClosedError(real_error=error))
    except AssertionError:
        return _Failed(iostream.StreamClosedError(real_error=socket.error(
            errno.EBUSY, 'other code is reading the stream below')))
    future.add_done_callback(lambda done: done.exception())  # else Tornado logs it as never read
    return future


def is_connected(source):
    """
    Return whether a socket, a stream or a pair of streams has a peer (bool).

    Raises:
        TypeError: *source* is something else.
    """
    if isinstance(source, iostream.BaseIOStream):
        return True
    if isinstance(source, tuple):
        if len(source) == 2 and all(isinstance(one, iostream.BaseIOStream) for one in source):
            return True
    elif hasattr(source, 'getpeername'):
        try:
            source.getpeername()
        except socket.error:
            return False
        return True
    raise TypeError('socket must be a socket, a Tornado stream or a pair of them, not %r'
                    % (source,))


def take_over(source):
    """
    Take the connection out of a socket, a stream or a pair of streams.

    Returns:
        tuple: a `LowerSocket` or `LowerStreams`, and the bytes that were already read from it.

    Raises:
        StreamClosedError: it is a stream that has been closed, perhaps by the peer.
        ValueError: it is in use, or has done TLS.
    """
    if isinstance(source, ssl.SSLSocket):
        return LowerSocket(plain_socket(source)), b''
    if not isinstance(source, (iostream.BaseIOStream, tuple)):
        return LowerSocket(source), b''
    reader, writer = source if isinstance(source, tuple) else (source, source)
    _require_idle(reader)
    _require_idle(writer)
    if reader is writer and _is_plain(reader):
        return _detach_socket(reader)
    return LowerStreams(reader, writer), b''


def _require_idle(stream):
    if stream.closed():
        raise iostream.StreamClosedError(real_error=stream.error)
    if (stream.reading() or stream.writing() or stream._write_callback
            or stream._write_futures or stream._connecting or stream._pending_callbacks):
        raise ValueError('the stream is in use; TLS cannot start on it')


def _is_plain(stream):
    """Return whether a stream only passes on its socket's bytes: the socket can replace it."""
    return (isinstance(stream, iostream.IOStream)
            and type(stream).read_from_fd == iostream.IOStream.read_from_fd
            and type(stream).write_to_fd == iostream.IOStream.write_to_fd)


def _detach_socket(stream):
    """Take the socket out of a plain IOStream, and leave the stream closed."""
    read_ahead = stream._consume(stream._read_buffer_size)
    if stream._state is not None:
        stream.io_loop.remove_handler(stream.fileno())
        stream._state = None
    sock, stream.socket = stream.socket, None
    stream._closed = True
    return LowerSocket(sock), read_ahead


class StreamsLoop(object):
    """
    The part of an IOLoop that a stream uses, for a `LowerStreams` instead of a descriptor.

    Events work as for a descriptor: they repeat as long as they are requested and true.
    """

    def __init__(self, io_loop, lower):
        self._io_loop = io_loop
        self._lower = lower
        self._handler = None
        self._events = 0
        self._waited_for = set()  # the futures that will wake us
        self._is_due = False

    def __getattr__(self, name):
        return getattr(self._io_loop, name)

    def add_handler(self, fd, handler, events):
        """Call *handler* with *fd* and the true ones of *events*, until it is removed."""
        self._handler = handler
        self.update_handler(fd, events)

    def update_handler(self, fd, events):
        """Request other *events*."""
        self._events = events
        self._wait(fd)

    def remove_handler(self, fd):
        """Stop all events."""
        self._handler = None
        self._events = 0

    def _ready(self):
        lower, ready = self._lower, 0
        if self._events & ioloop.IOLoop.READ:
            lower.start_read()
            if lower.read.done():
                ready |= ioloop.IOLoop.READ
        if self._events & ioloop.IOLoop.WRITE and (lower.write is None or lower.write.done()):
            ready |= ioloop.IOLoop.WRITE
        return ready

    def _wait(self, fd):
        """Make sure that the handler is called once an event is true."""
        if self._ready():
            if not self._is_due:
                self._is_due = True
                self._io_loop.add_callback(self._call_handler, fd)
            return
        for future in (self._lower.read, self._lower.write):
            if future is not None and not future.done() and future not in self._waited_for:
                self._waited_for.add(future)
                self._io_loop.add_future(future, lambda done: self._future_done(fd, done))

    def _future_done(self, fd, future):
        self._waited_for.discard(future)
        if self._handler is not None:
            self._call_handler(fd)

    def _call_handler(self, fd):
        self._is_due = False
        if self._handler is None:
            return
        ready = self._ready()
        if ready:
            self._handler(fd, ready)
        if self._handler is not None:
            self._wait(fd)
