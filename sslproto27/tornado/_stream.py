"""
`SSLIOStream` and `start_tls`: a Tornado stream that does TLS with an `SSLPipe`.

    lower.receive -> pipe -> read_from_fd -> BaseIOStream, Tornado's own: buffers, futures,
    lower.send    <- pipe <- write_to_fd  <- callbacks, limits

Nothing here calls OpenSSL, decides when to repeat such a call, or patches Tornado.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket as sockets
import ssl
import sys

from .._core import pipe_states
from .._core.attributes import set_peername
from .._core.fork import getpid
from .._core.pipe import SSLPipe
from .._core.pipe_states import CAN_END, PEER_ENDED
from .._core.unique import Unique
from .._stream.report import failed_handshakes
from .._stream.timeouts import HANDSHAKE_TIMEOUT, timeouts
from ._clock import HandshakeClock
from ._compat import IS_OLD, concurrent, iostream, log, loop_of, stack_context
from ._lower import READ_SIZE, LowerStreams, StreamsLoop, is_connected, take_over
from ._settings import context_of
from ._socket import TLSSocket

__all__ = ['SSLIOStream', 'start_tls', 'start_tls_stream']

#: How many bytes we encrypt and hand to the kernel at a time: nine records. Four would take 15 %
#: more time. BIOs never shrink, and OpenSSL lets them grow to a third more than is needed: nine
#: records take no more memory than eight, but ten do.
WRITE_SIZE = 9 * 16384

#: More than a read buffer ever holds.
_NEVER = sys.maxsize

#: How often we read the socket before the IOLoop serves others. A coroutine whose reads all succeed
#: at once never yields to the IOLoop, so a peer that never stops sending would block it.
FAIR_SHARE = 16

#: The pipe's states before TLS is established.
BEFORE = frozenset([pipe_states.PLAINTEXT, pipe_states.HANDSHAKE])

#: The errors of a handshake with a port scanner.
_NOT_CONNECTED = (errno.EBADF, errno.ENOTCONN)

# A plain stream's methods. Looking them up each time with super() takes longer than some calls.
plain_read, plain_write = iostream.IOStream._handle_read, iostream.IOStream._handle_write
plain_reading = iostream.IOStream.reading
plain_listen = iostream.IOStream._add_io_state


# Unique comes last: install() changes the class of objects, and 2.7 allows this only if the first
# bases are compatible.
class SSLIOStream(iostream.SSLIOStream, Unique):
    """
    A tornado.iostream.SSLIOStream over memory BIOs: its descriptor stays a plain socket.

    It does everything that Tornado documents for streams. A write's future is done once the kernel
    has its ciphertext. If the peer's data ends without close_notify, reads, including
    read_until_close, fail with StreamClosedError, whose ``real_error`` is ssl.SSLEOFError. close()
    sends close_notify if all written data has been sent, and does not wait. After a fork, in a
    process that only has a copy of the stream, close() just closes the descriptor.

    OpenSSL checks the server's name in the handshake. `connect` always asks for this check, unless
    certificates are not verified at all; otherwise it happens if *ssl_options* is a dict or its
    ``check_hostname`` is true.

    Args:
        socket: one of

            - a socket, not connected: call `connect`;
            - a connected socket: the handshake starts at once;
            - an ssl.SSLSocket that has not done its handshake: we take its connection and settings,
              and close it;
            - a Tornado stream, or a pair of them: one to read and one to write, such as two
              PipeIOStream. Of a plain IOStream we take the connection and the data that it has
              already read; we use any other stream through its methods.

        max_buffer_size, read_chunk_size, max_write_buffer_size (int): bytes, as in Tornado.
        ssl_options (ssl.SSLContext or dict): as in Tornado.
        server_side (bool): True for a server, False for a client.
        server_hostname (text or None): as for `SSLPipe`.
        session (SSLSession or None): the session that a client wants to resume: another stream's
            ``stream.socket.session``.
        suppress_ragged_eofs (bool): see `SSLPipe`.
        ssl_handshake_timeout (float): seconds; default 60.
        handshake_limit (HandshakeLimit or None): the limit of this connection's server.

    Attributes:
        socket (TLSSocket or None): addresses, options and negotiated values; None once closed.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    # Initial values
    _pipe = None
    _unsent = b''     # ciphertext from the pipe that is not sent yet
    _in_flight = 0    # bytes given to write_to_fd whose ciphertext is not sent yet
    _plaintext = b''  # decrypted data for which the last read had no room
    # The size of the read buffer when a receive() emptied the socket. While the buffer is larger,
    # the same read is still going on, and need not try the socket again.
    _empty_at = _NEVER
    _failure = None   # the error that the next read raises
    _will_read = False  # whether a call of `_read_on` is scheduled
    _peer = '(not connected)'  # the peer's address, for the log: it may be gone by then
    _user_read_buffer = False  # Tornado 4.5 has no read_into
    _ssl_connect_callback = None
    _start_tls_future = None

    def __init__(self, socket, *args, **kwargs):
        options = kwargs.pop('ssl_options', None)
        server_side = kwargs.pop('server_side', False)
        server_hostname = kwargs.pop('server_hostname', None)
        self._session = kwargs.pop('session', None)
        self._suppress_ragged_eofs = kwargs.pop('suppress_ragged_eofs', False)
        timeout = kwargs.pop('ssl_handshake_timeout', None)
        self._handshake_timeout = (
            HANDSHAKE_TIMEOUT if timeout is None else timeouts(timeout, None)[0])
        self._clock = HandshakeClock(kwargs.pop('handshake_limit', None))
        # Skip __init__ of Tornado's SSLIOStream and IOStream: they expect a socket that does TLS
        # itself.
        super(iostream.IOStream, self).__init__(*args, **kwargs)
        if isinstance(socket, ssl.SSLSocket):
            options, server_side = socket.context, socket.server_side
            server_hostname = socket.server_hostname
        self._ssl_options = options
        self._share = FAIR_SHARE
        starts_now = server_side or is_connected(socket)
        if starts_now:
            self._pipe = self._new_pipe(server_side, server_hostname)
        self._lower, self._read_ahead = take_over(socket)
        self.socket = TLSSocket(self._lower.socket, self._pipe)
        if isinstance(self._lower, LowerStreams):
            self.io_loop = StreamsLoop(self.io_loop, self._lower)
        if starts_now:
            self._start_handshake()
            # Start from the IOLoop, so that the application can first ask for the result.
            by_read = server_side and not self._read_ahead
            self._add_io_state(self.io_loop.READ if by_read else self.io_loop.WRITE)

    def _new_pipe(self, server_side, server_hostname, check_name=None):
        context = context_of(self._ssl_options, server_side, server_hostname)
        return SSLPipe(context, server_side, server_hostname, self._session,
                       self._suppress_ragged_eofs, check_name=check_name)

    def connect(self, address, callback=None, server_hostname=None):
        """
        Connect, and do the handshake as the client.

        Args:
            address: as for socket.connect.
            callback: Tornado's older way.
            server_hostname (text or None): as for `SSLPipe`.

        Returns:
            a Future of this stream, once the handshake is done.

        Raises:
            TypeError, ValueError: *server_hostname* cannot be used, or is needed and missing.
            StreamClosedError: the stream was closed.
            RuntimeError: it is already connected or connecting.
        """
        self._check_closed()
        if self._pipe is not None:
            raise RuntimeError('connect() has been called, or the socket was connected')
        self._pipe = self.socket.pipe = self._new_pipe(
            False, server_hostname, check_name=None if server_hostname is None else True)
        handshake = self.wait_for_handshake(callback)
        connected = super(iostream.SSLIOStream, self).connect(address)
        connected.add_done_callback(lambda future: future.exception())  # so does the handshake
        return handshake

    def wait_for_handshake(self, callback=None):
        """
        Wait until the handshake is done; it may be done already.

        Args:
            callback: Tornado's older way.

        Returns:
            a Future of this stream.

        Raises:
            StreamClosedError: the stream was closed before the handshake was done.
            RuntimeError: other code is already waiting for it.
        """
        if self._ssl_accepting or self._pipe.state is pipe_states.BROKEN:
            self._check_closed()
        return super(SSLIOStream, self).wait_for_handshake(callback)

    def read_until_close(self, callback=None, streaming_callback=None):
        """
        Read all until the end; see Tornado's.

        Raises:
            StreamClosedError: the stream is closed already, because of an error: the data is not
                complete (RFC 8446 6.1). `read_bytes` has what came before.
        """
        if self.closed() and self.error is not None and not self._suppress_ragged_eofs:
            self._check_closed()
        return super(SSLIOStream, self).read_until_close(callback, streaming_callback)

    def start_tls(self, server_side, ssl_options=None, server_hostname=None):
        """Start TLS within this TLS: see the function `start_tls`."""
        return start_tls(self, server_side, ssl_options, server_hostname, None,
                         self._suppress_ragged_eofs, self._handshake_timeout)

    # Called by BaseIOStream

    def fileno(self):
        """Return the plain socket, which the IOLoop uses as this stream's key."""
        return self._lower.fileno()

    def get_fd_error(self):
        """Return the descriptor's error; None if it has none or is closed."""
        ask = getattr(self.socket, 'getsockopt', None)  # a pipe has none
        return None if ask is None else super(SSLIOStream, self).get_fd_error()

    @property
    def _ssl_accepting(self):
        """Whether TLS is not established yet: Tornado's name for it."""
        return self._pipe is None or self._pipe.state in BEFORE

    def reading(self):
        """Return whether the application or TLS itself waits for the peer (bool)."""
        pipe = self._pipe
        return (pipe is not None and (pipe.state is pipe_states.HANDSHAKE or bool(pipe.backlog))
                or plain_reading(self))

    def writing(self):
        """Return whether there is data that could be sent now (bool)."""
        pipe = self._pipe
        if self._unsent or pipe is None or pipe.state in BEFORE or pipe.backlog:
            return bool(self._unsent)
        return bool(self._write_buffer)

    def read_from_fd(self, buf=None):
        """
        Fill *buf* with plaintext.

        Returns:
            int: how many bytes, 0 at the end; None if there are none yet. Tornado 4.5 calls it
            without *buf*: then it returns the bytes; at the end it closes the stream and returns
            None.
        """
        if IS_OLD:
            return self._read_some()
        try:
            data = self._plaintext or self._receive()
            if not data:
                return None if data is None else 0
            room = len(buf)
            self._plaintext = b''
            if len(data) > room:
                data = memoryview(data)
                data, self._plaintext = data[:room], data[room:]
            buf[:len(data)] = data
            return len(data)
        finally:
            buf = None  # a view of Tornado's buffer: it cannot resize that while a view exists

    def _read_some(self):
        data = self._plaintext or self._receive()
        if data is None:
            return None
        size = self.read_chunk_size
        data, self._plaintext = data[:size], data[size:]
        if not data:
            self.close()
        return data or None

    def _read_to_buffer(self):
        # Tornado's own clears a buffer, lets read_from_fd fill it, and copies it: two copies too
        # many for the usual read. But a subclass that replaces read_from_fd expects us to call it.
        if not (self._user_read_buffer
                or getattr(self.read_from_fd, '__func__', None) is not _READ_FROM_FD):
            try:
                data = self._plaintext or self._receive()
                if data is None:
                    return 0
                self._plaintext = data
                size = len(data)
                if 0 < size <= self.read_chunk_size:
                    buffered = size + self._read_buffer_size
                    if buffered <= self.max_buffer_size:
                        self._plaintext = b''
                        self._read_buffer += data
                        self._read_buffer_size = buffered
                        return size
            except sockets.error as error:
                self._failure = error
        return super(SSLIOStream, self)._read_to_buffer()

    def write_to_fd(self, data):
        """
        Send as much of *data*, a view, as possible without waiting.

        Returns:
            int: how many of its bytes the kernel has as ciphertext. If not all, Tornado calls
            again with the rest.
        """
        try:
            if self._failure is not None:
                raise self._failure
            done, size = 0, len(data)
            while done < size:
                if not self._in_flight:
                    rest = data[done:done + WRITE_SIZE] if size > WRITE_SIZE or done else data
                    self._pipe.feed_appdata(rest.tobytes())
                    self._in_flight = len(rest)
                if not self._send_pending():
                    break
                done += self._in_flight
                self._in_flight = 0
            return done
        finally:
            data = None  # see read_from_fd

    def close_fd(self):
        """Send close_notify if all data has been sent, then close the layer below."""
        self._clock.stop()
        try:
            if self._pipe is not None:
                self._end()
        finally:
            self._lower.close()
            self.socket = None
            future, self._start_tls_future = self._start_tls_future, None
            if future is not None:
                future.set_exception(self.error or iostream.StreamClosedError())

    def close(self, exc_info=False):
        """
        Close the stream at once.

        Unsent data is lost; the peer then gets no close_notify.

        Args:
            exc_info (bool, tuple or exception): the reason; see Tornado's.
        """
        if exc_info or self.error is not None:
            if not self._suppress_ragged_eofs:
                # The data read so far is not complete (RFC 8446 6.1), so the read fails.
                self._read_until_close = False
        if self._pipe is not None and self._pipe.is_inherited() and not self._pipe.may_end():
            self._state = None  # the descriptor is registered in the parent's IOLoop too
        if isinstance(exc_info, BaseException):  # Tornado 4.5 needs a tuple of three
            exc_info = type(exc_info), exc_info, None
        super(SSLIOStream, self).close(exc_info)

    # Events

    def _handle_connect(self):
        # Not Tornado's, which would wrap the socket.
        super(iostream.SSLIOStream, self)._handle_connect()
        if not self.closed():
            if self._pipe is None:  # a subclass has bypassed connect()
                self._pipe = self.socket.pipe = self._new_pipe(False, None)
            self._start_handshake()

    def _handle_read(self):
        pipe = self._pipe
        if pipe is None or pipe.state in BEFORE:
            self._do_ssl_handshake()
        else:
            self._empty_at = _NEVER
            self._share = FAIR_SHARE
            plain_read(self)
            if self._plaintext or pipe.state is not pipe_states.OPEN:
                self._read_soon()

    def _add_io_state(self, state):
        plain_listen(self, state)
        pipe = self._pipe
        if self._plaintext or pipe is not None and pipe.state is not pipe_states.OPEN:
            self._read_soon()

    def _read_soon(self):
        """
        Schedule another read if there is something to read.

        A read stops once it has enough. With Tornado's own streams the rest is still in the kernel,
        and causes an event. With ours it may have been decrypted already, the end included.
        """
        if not self._will_read and self._is_readable():
            self._will_read = True
            self.io_loop.add_callback(self._read_on)

    def _is_readable(self):
        pipe = self._pipe
        return not self.closed() and (
            bool(self._plaintext) or pipe is not None and pipe.state in PEER_ENDED
            or self._failure is not None and plain_reading(self))  # else the next read raises it

    def _read_on(self):
        self._will_read = False
        if self._is_readable() and self._state is not None and self._state & self.io_loop.READ:
            self._handle_events(self.fileno(), self.io_loop.READ)

    def _handle_write(self):
        pipe = self._pipe
        if pipe is None or pipe.state in BEFORE:
            self._do_ssl_handshake()
            return
        if self._unsent and not self._write_buffer:
            try:
                self._flush()
            except sockets.error as error:
                self.close(exc_info=error)
                return
        plain_write(self)

    # The handshake

    def _do_ssl_handshake(self):
        """Take the handshake as far as possible; log a failure as Tornado does."""
        if self._pipe is None:  # connect() has not been called yet
            return
        try:
            self._shake_hands()
        except ssl.SSLError as error:
            if error.args[0] not in (ssl.SSL_ERROR_EOF, ssl.SSL_ERROR_ZERO_RETURN):
                self._log_failure(error)
            self.close(exc_info=error)
        except sockets.error as error:
            if not (self._is_connreset(error) or error.args[0] in _NOT_CONNECTED):
                self._log_failure(error)
            self.close(exc_info=error)
        else:
            if self._pipe.state not in BEFORE:
                self._established()

    def _log_failure(self, error):
        text, args = 'SSL Error on %s %s: %s', (_number(self.fileno()), self._peer, error)
        if self._pipe.ssl_object.server_side:  # any stranger can cause this
            failed_handshakes.warn(log.gen_log, text, self._pipe.ssl_object, *args)
        else:
            log.gen_log.warning(text, *args)

    def _shake_hands(self):
        pipe = self._pipe
        pipe.claim()
        if pipe.state is pipe_states.PLAINTEXT:
            pipe.do_handshake()
            if self._read_ahead:
                pipe.feed_ssldata(self._read_ahead)
                self._read_ahead = b''
        while pipe.state is pipe_states.HANDSHAKE:
            data = self._lower.receive()
            if data is None:
                break
            if not data:
                pipe.feed_eof()
            pipe.feed_ssldata(data)
            if len(data) < READ_SIZE:
                break
        if pipe.failure is None:
            self._flush()
            return
        self._flush_ignoring_errors()  # the alert
        if pipe.established:  # TLS failed after the handshake
            self._failure = pipe.failure
        else:
            raise pipe.failure

    def _established(self):
        self._clock.stop()
        self._run_ssl_connect_callback()
        future, self._start_tls_future = self._start_tls_future, None
        if future is not None:
            future.set_result(self)
        # Handle what was written and received meanwhile: perhaps no further event will wake us.
        if self._write_futures or self._write_callback:
            plain_write(self)
        if not self.closed():
            self._plaintext = self._pipe.appdata_received()
            if self._plaintext or self._pipe.state is not pipe_states.OPEN:
                if plain_reading(self):
                    plain_read(self)
                self._read_soon()  # later, if code that waits for the handshake comes first

    def _start_handshake(self):
        # Without nodelay the first answer waits for the peer's delayed ACK of the handshake's last
        # flight: 40 ms on Linux. HTTP connections later switch it on and off.
        try:
            self._peer = self.socket.getpeername()
            set_peername(self._pipe.ssl_object, self._peer)
            self.set_nodelay(True)
        except (AttributeError, sockets.error):  # a pipe, or a peer that is already gone
            pass
        self._clock.start(self.io_loop, self._handshake_timeout, self._handshake_timed_out)

    def _handshake_timed_out(self):
        error = sockets.error(
            errno.ECONNABORTED,
            'the TLS handshake took longer than %s seconds' % self._handshake_timeout)
        self._log_failure(error)
        self.close(exc_info=error)

    # Data

    def _receive(self):
        """Return plaintext (bytes); b'' at its end; None if there is none yet."""
        pipe = self._pipe
        while True:
            if self._failure is not None:
                error, self._failure = self._failure, None
                raise error
            if pipe is None or pipe.state is not pipe_states.OPEN:
                return b'' if pipe is not None and pipe.state in PEER_ENDED else None
            if self._read_buffer_size > self._empty_at:
                self._empty_at = _NEVER
                return None
            self._share -= 1
            if self._share < 0:  # the IOLoop will call again for the rest
                self._share = FAIR_SHARE
                return None
            if pipe._pid != getpid():
                pipe.claim()
            data = self._lower.receive()
            if data is None:
                return None
            is_empty = 0 < len(data) < READ_SIZE
            self._empty_at = self._read_buffer_size if is_empty else _NEVER
            if data:
                pipe.feed_ssldata(data)
            else:
                pipe.feed_eof()
            self._failure = pipe.failure  # raised after the plaintext that came before it
            if pipe.state is not pipe_states.OPEN:
                self._read_soon()
            if self._unsent or pipe.has_data_to_send:
                self._flush_ignoring_errors()
            plaintext = pipe.appdata_received()
            if plaintext:
                return plaintext
            if is_empty and self._failure is None and pipe.state is pipe_states.OPEN:
                return None

    def _send_pending(self):
        """Send all ciphertext; return whether the kernel has it all and no plaintext waits."""
        pipe, data = self._pipe, self._unsent
        if data:
            pipe.claim()
        else:
            data = pipe.data_to_send()
        while data:
            sent = self._lower.send(data)
            if sent < len(data):
                self._unsent = memoryview(data)[sent:]
                return False
            # If this was left over from an earlier call, the pipe may have more.
            data = self._unsent and pipe.data_to_send()
            self._unsent = b''
        if pipe.state is pipe_states.BROKEN:
            raise pipe.failure
        return not pipe.backlog

    def _flush(self):
        """Send TLS's own messages: its handshake, alerts, and answers to the peer's."""
        if not self._send_pending() and self._unsent:
            self._add_io_state(self.io_loop.WRITE)

    def _flush_ignoring_errors(self):
        """The same, but leave failures to reads, which report the state of the connection."""
        try:
            self._flush()
        except ssl.SSLError:
            self._failure = self._pipe.failure
        except sockets.error:
            pass

    def _end(self):
        """Send close_notify, if all data has been sent, as far as possible without waiting."""
        if not self._pipe.may_end():
            self._pipe.disown()
            return
        all_is_sent = not (self._write_buffer or self._unsent)
        try:
            if self._pipe.state in CAN_END and all_is_sent and self.error is None:
                self._pipe.shutdown()
                self._send_pending()
            self._lower.discard()
        except sockets.error:
            pass  # the peer is gone


def _number(fd):
    """Return the descriptor number of fileno()'s result; -1, as on Python 3, if it is closed."""
    try:
        return fd if isinstance(fd, int) else fd.fileno()
    except sockets.error:
        return -1


_READ_FROM_FD = vars(SSLIOStream)['read_from_fd']


def start_tls(stream, server_side, ssl_options=None, server_hostname=None, session=None,
              suppress_ragged_eofs=False, ssl_handshake_timeout=None):
    """
    Start TLS on *stream*: Tornado's IOStream.start_tls for any stream, TLS ones included.

    Data that the stream has already read and nobody has asked for counts as TLS: a ClientHello that
    came with a PROXY header is used, and injected plaintext makes the handshake fail.

    Args:
        stream: a stream, or a pair of them: see `SSLIOStream`. Use the new one from now on.
        others: see `SSLIOStream`.

    Returns:
        a Future of the new `SSLIOStream`, once the handshake is done; it fails with the
        ssl.SSLError or socket.error itself.

    Raises:
        TypeError, ValueError: an argument cannot be used, or *stream* is in use.
        StreamClosedError: *stream* has been closed, perhaps by the peer.
    """
    return start_tls_stream(stream, server_side, ssl_options, server_hostname, session,
                            suppress_ragged_eofs, ssl_handshake_timeout)[1]


def start_tls_stream(stream, server_side, ssl_options=None, server_hostname=None, session=None,
                     suppress_ragged_eofs=False, ssl_handshake_timeout=None):
    """Do what `start_tls` does; return the new stream, so that you can close it, and the Future."""
    first = stream[0] if isinstance(stream, tuple) else stream
    future = concurrent.Future()
    tls = SSLIOStream(
        stream, max_buffer_size=first.max_buffer_size, read_chunk_size=first.read_chunk_size,
        max_write_buffer_size=first.max_write_buffer_size, ssl_options=ssl_options,
        server_side=server_side, server_hostname=server_hostname, session=session,
        suppress_ragged_eofs=suppress_ragged_eofs, ssl_handshake_timeout=ssl_handshake_timeout,
        **loop_of(first))
    tls._start_tls_future = future
    callback, first._close_callback = first._close_callback, None
    if callback is not None:
        with stack_context.NullContext():  # it has its own context
            tls.set_close_callback(callback)
    return tls, future
