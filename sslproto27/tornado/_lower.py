"""
What a TLS stream sends and receives through: a socket, or other streams. Nothing here knows of TLS.

Either has receive() and send(), which never wait, and close(). The events that tell when to call
them again come from the IOLoop for a socket, and from a `StreamsLoop` for streams.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket
import ssl

from .._core.compat import as_bytes
from ._framework import ioloop, iostream
from ._socket import plain_socket

__all__ = ['READ_SIZE', 'SocketBelow', 'StreamsBelow', 'StreamsLoop', 'is_connected', 'take_over']

#: The most bytes that one receive() returns: one that returns less has emptied the socket. Four
#: records with 16 KiB of plaintext each, and what may be added to it (RFC 8446 5.2).
READ_SIZE = 4 * (5 + 16384 + 256)

#: Linux sends RST, and throws away what is on its way, when a socket is closed that has not been
#: read to its end: so much of what a peer sends is read for that.
_DISCARD_LIMIT = 4 * READ_SIZE

_WOULD_BLOCK = (errno.EWOULDBLOCK, errno.EAGAIN)


class SocketBelow(object):
    """A plain, non-blocking socket."""

    __slots__ = ('socket',)

    def __init__(self, sock):
        sock.setblocking(False)
        self.socket = sock

    def fileno(self):
        """Return what the IOLoop knows it by: the socket itself."""
        return self.socket

    def receive(self):
        """Return bytes, b'' at the end, None if there is nothing yet."""
        try:
            return self.socket.recv(READ_SIZE)
        except socket.error as error:
            if error.args[0] in _WOULD_BLOCK:
                return None
            raise

    def send(self, data):
        """Return how many bytes of *data* the kernel has taken, 0 if it takes none now."""
        try:
            return self.socket.send(data)
        except socket.error as error:
            if error.args[0] in _WOULD_BLOCK:
                return 0
            raise

    def discard(self):
        """Read what a peer has sent that nobody will read any more."""
        for _ in range(_DISCARD_LIMIT // READ_SIZE):
            if len(self.receive() or b'') < READ_SIZE:
                break

    def close(self):
        """Close it."""
        self.socket.close()


class StreamsBelow(object):
    """
    Any Tornado stream; or two, since a pipe goes one way only.

    Args:
        reader (BaseIOStream): where bytes come from.
        writer (BaseIOStream): where they go: the same one, unless it is a pipe.
    """

    __slots__ = ('reader', 'writer', 'read', 'write', '_write_size')

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self.read = None         # the future of what is being read
        self.write = None        # the future of what is being written
        self._write_size = 0     # how many bytes that is

    @property
    def socket(self):
        """The socket at the bottom of the stack; None under a pipe."""
        return getattr(self.reader, 'socket', None)

    def fileno(self):
        """Return what the stream below is known by."""
        return self.reader.fileno()

    def start_read(self):
        """Let the stream below read; `read` is done once receive() has something to return."""
        if self.read is None:
            self.read = _future_of(self.reader.read_bytes, READ_SIZE, partial=True)

    def receive(self):
        """Return bytes, b'' at the end, None if there is nothing yet."""
        self.start_read()
        if not self.read.done():
            return None
        try:
            data = self.read.result()
        except iostream.StreamClosedError as error:
            if error.real_error is not None:
                raise error.real_error
            return b''  # `read` stays: the end stays the end
        self.read = None
        return data

    def send(self, data):
        """
        Return how many bytes of *data* are with the kernel.

        0 says that they are still on their way: call again with the same, or more, later.
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
        """Do nothing: streams do so themselves."""

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
    """Return the future of a read or a write, also where the stream is found to be closed."""
    try:
        future = call(*args, **kwargs)
    except iostream.StreamClosedError as error:
        return _Failed(error)
    except socket.error as error:  # Tornado raises what ends a read at once
        return _Failed(iostream.StreamClosedError(real_error=error))
    except AssertionError:
        return _Failed(iostream.StreamClosedError(real_error=socket.error(
            errno.EBUSY, 'somebody else reads the stream below')))
    future.add_done_callback(lambda done: done.exception())  # it is looked at here, or not needed
    return future


def is_connected(source):
    """
    Return whether a socket, a stream or a pair of streams has a peer (bool).

    Raises:
        TypeError: *source* is none of these.
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
        tuple: a `SocketBelow` or `StreamsBelow`, and the bytes that have been read of it already.

    Raises:
        StreamClosedError: it is a stream that has been closed, by the peer perhaps.
        ValueError: it is in use, or has done TLS.
    """
    if isinstance(source, ssl.SSLSocket):
        return SocketBelow(plain_socket(source)), b''
    if not isinstance(source, (iostream.BaseIOStream, tuple)):
        return SocketBelow(source), b''
    reader, writer = source if isinstance(source, tuple) else (source, source)
    _require_idle(reader)
    _require_idle(writer)
    if reader is writer and _is_plain(reader):
        return _out_of(reader)
    return StreamsBelow(reader, writer), b''


def _require_idle(stream):
    if stream.closed():
        raise iostream.StreamClosedError(real_error=stream.error)
    if (stream.reading() or stream.writing() or stream._write_callback
            or stream._write_futures or stream._connecting or stream._pending_callbacks):
        raise ValueError('the stream is in use; TLS cannot start on it')


def _is_plain(stream):
    """Return whether what a stream does is what its socket does."""
    return (isinstance(stream, iostream.IOStream)
            and type(stream).read_from_fd == iostream.IOStream.read_from_fd
            and type(stream).write_to_fd == iostream.IOStream.write_to_fd)


def _out_of(stream):
    """Leave a plain IOStream behind, closed, and go on with its socket."""
    read_ahead = stream._consume(stream._read_buffer_size)
    if stream._state is not None:
        stream.io_loop.remove_handler(stream.fileno())
        stream._state = None
    sock, stream.socket = stream.socket, None
    stream._closed = True
    return SocketBelow(sock), read_ahead


class StreamsLoop(object):
    """
    The IOLoop, as far as a stream uses it, with a `StreamsBelow` in the place of its descriptor.

    The events mean what they do for a descriptor: they are repeated for as long as they are asked
    for and are true.
    """

    def __init__(self, io_loop, below):
        self._io_loop = io_loop
        self._below = below
        self._handler = None
        self._events = 0
        self._waited_for = set()  # the futures that will wake us
        self._is_due = False

    def __getattr__(self, name):
        return getattr(self._io_loop, name)

    def add_handler(self, fd, handler, events):
        """Call *handler* with *fd* and those of *events* that are true, until it is removed."""
        self._handler = handler
        self.update_handler(fd, events)

    def update_handler(self, fd, events):
        """Ask for other *events*."""
        self._events = events
        self._wait(fd)

    def remove_handler(self, fd):
        """Ask for no more events."""
        self._handler = None
        self._events = 0

    def _ready(self):
        below, ready = self._below, 0
        if self._events & ioloop.IOLoop.READ:
            below.start_read()
            if below.read.done():
                ready |= ioloop.IOLoop.READ
        if self._events & ioloop.IOLoop.WRITE and (below.write is None or below.write.done()):
            ready |= ioloop.IOLoop.WRITE
        return ready

    def _wait(self, fd):
        """See to it that the handler is called once something is ready."""
        if self._ready():
            if not self._is_due:
                self._is_due = True
                self._io_loop.add_callback(self._tell, fd)
            return
        for future in (self._below.read, self._below.write):
            if future is not None and not future.done() and future not in self._waited_for:
                self._waited_for.add(future)
                self._io_loop.add_future(future, lambda done: self._woken(fd, done))

    def _woken(self, fd, future):
        self._waited_for.discard(future)
        if self._handler is not None:
            self._tell(fd)

    def _tell(self, fd):
        self._is_due = False
        if self._handler is None:
            return
        ready = self._ready()
        if ready:
            self._handler(fd, ready)
        if self._handler is not None:
            self._wait(fd)
