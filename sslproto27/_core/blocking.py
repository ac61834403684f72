"""
`BlockingTLS`: TLS over a socket below, for callers that wait. Nothing here knows of OpenSSL.

What waits, and which thread may do what meanwhile, is here; what the bytes mean is the engine's.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import socket
import ssl
import sys
import threading
import time
from collections import deque

from .compat import PY2, PYPY, as_bytes, text_type, to_index, writable_view
from .fork import get_ident, getpid
from .records import HEADER_SIZE
from .unique import Unique

if PY2:
    from itertools import imap as map

__all__ = ['BadWriteRetry', 'BlockingTLS', 'CHUNK', 'OneRecord', 'OwnedFile', 'ReadAhead',
           'Records', 'is_ready', 'of_lower', 'ragged_eof', 'tls_error', 'uninterrupted',
           'want_read', 'want_write']

#: How many bytes are encrypted at a time, and the most that wait to be sent but for one more chunk.
CHUNK = 0x40000

#: How much is read from below at a time: twice as much when that much was there, down to half when
#: little was, twice in a row: the end of a message is little. 96 KiB is more than the 64 that
#: programs like to read at once, which then need not be put together. With 256 KiB the heap shrinks
#: and grows again for each: 3,000 page faults in a download of 8 MiB, none with 96 (observed on
#: 2.7.18 with glibc 2.36).
_LEAST_READ, _MOST_READ = 0x4000, 0x18000

#: For how many bytes a caller must have room to be given several records in one call. httplib has
#: less when it reads the head of an answer: what follows is not to end in its buffer, if a program
#: takes the connection over after that.
_MANY = 0x8000

#: How long the content of a record may be that is taken for an alert: two bytes, and what TLS 1.2's
#: suites add to these (RFC 5246 6.2.3.2).
_SHORT = 0x100

#: By how much a record of TLS 1.3 is longer than its plaintext: header, type and tag.
_OVERHEAD = 22

_GONE = frozenset([errno.EPIPE, errno.ECONNRESET])
_BLOCKS = frozenset([errno.EAGAIN, errno.EWOULDBLOCK])
_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)

#: Seconds: poll() counts milliseconds in an int.
_LONGEST_WAIT = 1000000

#: Seconds after which who waits for another thread's handshake looks whether that still goes on.
_TURN = 0.05


class BadWriteRetry(ssl.SSLError, ValueError):
    """
    A write that has to be repeated was given other data.

    An ssl.SSLError of reason BAD_WRITE_RETRY, as ssl.SSLSocket raises.
    """


def tls_error(text, cls=ssl.SSLError, code=ssl.SSL_ERROR_SSL, reason=None):
    """Return an error that no TLS library has raised, with ssl's attributes."""
    error = cls(code, text)
    error.library = None
    error.reason = reason
    return error


# Waiting

def _clock():
    """Return seconds of a clock that nobody sets; on Python 2 in hundredths (times(2))."""
    return os.times()[4] if PY2 else time.monotonic()


def uninterrupted(results, sock, call, argument, to_send=False):
    """
    Append what a method of *sock* returns to *results*: the one place that waits.

    A signal that has been handled does not end it, nor does it change when it times out (PEP 475,
    which Python 3 follows itself). If the handler raises, either nothing has been done, or the
    result is in the list: C code appends it before Python runs the handler.

    Args:
        results (list or deque): see above.
        sock: what has the timeout, and the file descriptor.
        call (callable): the method.
        argument: of the method.
        to_send (bool): what is waited for.

    Raises:
        ssl.SSLWantReadError, ssl.SSLWantWriteError: it does not block.
    """
    try:
        # 2.7's own socket has this of another one, and finds it anew for each call.
        timeout = (sock._sock if sock.__class__ is _DELEGATING else sock).gettimeout()
    except AttributeError:
        timeout = None
    end = timeout and _clock() + timeout
    while True:
        try:
            results.extend(map(call, (argument,)))
            return
        except socket.error as error:
            if isinstance(error, ssl.SSLError):
                raise  # it has numbers of its own
            if error.errno in _BLOCKS:
                raise want_write() if to_send else want_read()
            if error.errno != errno.EINTR:
                raise
        if timeout:
            _wait(sock, to_send, end)


#: 2.7's own class of sockets, unless somebody has put another one in its place.
_DELEGATING = getattr(socket, '_socketobject', None)
if getattr(_DELEGATING, '__module__', None) != 'socket':
    _DELEGATING = None

if PY2 and PYPY:
    def _method(sock, name):
        """Return a method of *sock*: here its socket, a class of Python, has it from another."""
        return getattr(sock._sock if sock.__class__ is socket.socket else sock, name)
else:
    _method = getattr


def _wait(sock, to_send, end):
    """Wait until *sock* is ready; raise socket.timeout at the time *end*."""
    while True:
        left = end - _clock()
        if left <= 0:
            raise socket.timeout('timed out')
        try:
            if is_ready(sock.fileno(), to_send, min(left, _LONGEST_WAIT)):
                return
        except select.error as error:
            if error.args[0] != errno.EINTR:
                raise


def is_ready(fileno, to_send, seconds):
    """Wait until a descriptor can be read, or written to; return whether it can after *seconds*."""
    if not hasattr(select, 'poll'):
        both = [], []
        both[to_send].append(fileno)
        return any(select.select(both[0], both[1], [], seconds))
    poll = select.poll()
    poll.register(fileno, select.POLLOUT if to_send else select.POLLIN)
    return poll.poll(int(seconds * 1000) + 1)


def want_read():
    """Return the error of a call that waits for the peer."""
    return tls_error('more data from the network is needed', ssl.SSLWantReadError,
                     ssl.SSL_ERROR_WANT_READ)


def want_write():
    """Return the error of a call that waits until data has been sent."""
    return tls_error('data has to be sent first', ssl.SSLWantWriteError, ssl.SSL_ERROR_WANT_WRITE)


def ragged_eof():
    """Return the error of a peer that has gone without close_notify."""
    return tls_error('EOF occurred in violation of protocol', ssl.SSLEOFError, ssl.SSL_ERROR_EOF)


# How much to read from below

class ReadAhead(object):
    """As much as there is."""

    __slots__ = ('_size', '_was_little')

    def __init__(self):
        self._size = _LEAST_READ
        self._was_little = False

    def wanted(self, size):
        """Return how many bytes to read for a caller that waits for *size* bytes of plaintext."""
        return self._size

    def count(self, data):
        """Take note of *data*, which has been read."""
        size = self._size
        if len(data) == size:
            self._size = min(2 * size, _MOST_READ)
        elif len(data) < size // 4 and size > _LEAST_READ:
            if self._was_little:
                self._size = max(size // 2, _LEAST_READ)
            self._was_little = not self._was_little
            return
        self._was_little = False


class Records(object):
    """
    No more than to the end of a record, as OpenSSL does over a socket of its own.

    Args:
        whole (bool): where the caller has room for that, take several records and the beginning of
            the next: all that they decrypt to is handed over in the same call, and of the next
            there is more to come. So the socket below stays readable, as with OpenSSL, as long as
            there is data to come that the object does not know of.
    """

    __slots__ = ('_whole', '_header', '_length', '_left')

    def __init__(self, whole):
        self._whole = whole
        self._header = b''  # what has come of one that is not complete
        self._length = 0    # of the content of the record that has begun,
        self._left = 0      # and how much of that is to come

    def wanted(self, size):
        """Return how many bytes to read for a caller that waits for *size* bytes of plaintext."""
        left = self._left
        if not self._whole:
            return left or HEADER_SIZE - len(self._header)
        # No split of so many bytes into records carries more than *size*: TLS adds 22 to each, but
        # for one suite of TLS 1.2 that adds 21, and they are no larger than 16 KiB.
        most = size + (size + 0x3FFF >> 14) * _OVERHEAD if size >= _MANY else 0
        if left:
            return max(left + HEADER_SIZE, most - self._length + left - HEADER_SIZE)
        return max(HEADER_SIZE, most) - len(self._header)

    def count(self, data):
        """Take note of *data*, which has been read."""
        size = len(data)
        position = self._left
        header = self._header
        while position < size:
            missing = HEADER_SIZE - len(header)
            header += data[position:position + missing]
            position += missing
            if len(header) < HEADER_SIZE:
                break
            numbers = bytearray(header)
            self._length = numbers[3] << 8 | numbers[4]
            position += self._length
            header = b''
        self._header = header
        self._left = 0 if header else position - size


class OneRecord(Records):
    """
    A record and, where that is long, the next one's header: half the calls, for who reads much.

    So the socket below is readable whenever there is data that the object does not know of, the
    peer's close_notify among them; and of what may follow that in plaintext nothing is read, as
    close_notify is short.
    """

    __slots__ = ()

    def __init__(self):
        super(OneRecord, self).__init__(whole=False)

    def wanted(self, size=0):
        """Return how many bytes to read, whatever the caller has room for."""
        left = self._left
        if left and self._length > _SHORT:
            return left + HEADER_SIZE
        return left or HEADER_SIZE - len(self._header)


# The socket

_GLOBALS = globals()

#: Methods that look for that before they take a lock: in the thread that looks they do not count.
_BEGINNING = frozenset(['_recover', '_refuse_nesting', '_enter', '_take', 'recv', 'recv_into',
                        'send', 'sendall', 'shutdown', 'close', '_close', '_drop', '__exit__'])

#: The locks that a call takes.
_TO_READ, _TO_WRITE = ('_receiving', '_lock'), ('_writing', '_sending', '_lock')


class _Closed(object):
    """What is below a closed socket."""

    def __getattr__(self, name):
        raise _bad_descriptor()


def _bad_descriptor():
    return socket.error(errno.EBADF, 'Bad file descriptor')


def _no_flags(flags):
    if flags:
        raise ValueError('flags must be 0 on a TLS socket')


def of_lower(name, is_use=False):
    """
    Return a method that is the lower socket's.

    Args:
        is_use (bool): it changes what processes share after a fork, so the first that calls it
            keeps the connection.
    """
    def method(self, *args):
        if is_use and self._user._pid != getpid() and self._is_open:
            self._claim()
        return getattr(self._lower, name)(*args)
    method.__name__ = name
    method.__doc__ = "Do what the socket below does: see socket's ``%s``." % name
    return method


class BlockingTLS(Unique):
    """
    A TLS connection over a socket: who waits, who reads, who sends, who closes.

    Four locks, taken in this order, so that nobody waits for ever:

    - ``_writing``: of the thread whose data is being sent. One that reads never takes it.
    - ``_receiving``: of the thread that reads from below. One that writes only tries to take it,
      since who has it may be waiting for a peer that waits for us.
    - ``_sending``: of the thread that sends below. One that reads only tries to take it: who has it
      may be waiting for the peer, which may be waiting for us to read. It sends what reading made,
      too, as it looks again when it is done. Records leave in the order in which the engine made
      them, as they are taken from it under this lock.
    - ``_lock``: over the engine, never held while waiting.

    The engine is called with ``_lock`` held, and waits for nothing:

    - ``receive(data)`` takes what has come, b'' for its end, and never raises for it.
    - ``handshake()``, ``read(size)``, ``unwrap()`` and ``written()`` are steps: each returns None
      if it wants more from below.
    - ``kept`` is how many bytes a step has that wants more before it returns any.
    - ``write(data)`` takes the beginning of *data*, and returns how many bytes that is.
    - ``is_unwritten`` tells whether something of that is not encrypted, as a handshake comes first
      or TLS has failed; ``backlog_size`` is how many bytes wait.
    - ``close()`` ends our side if there is TLS to end.
    - ``outgoing`` is false if nothing is to be sent; ``peek_outgoing(size)`` returns what is, and
      ``consume_outgoing(size)`` drops what has been sent.

    A signal handler that raises does so between any two steps of ours, in the main thread. What it
    leaves behind is found by the next call: see `_recover`.

    Args:
        sock: the socket below.
        engine: see above.
        amount: how much to read: a `ReadAhead` or a `Records`.
        user (OneProcess): which process may use the connection; `claim` makes it this one.
    """

    _ends_below = False  # whether `_end_below` is called once the peer has ended TLS

    def __init__(self, sock, engine, amount, user):
        self._lower = sock  # a _Closed in the end
        self._engine = engine
        self._amount = amount
        self._user = user
        self._process = getpid()  # that the locks are of
        self._has_send = hasattr(sock, 'send')
        self._lock = threading.Lock()
        self._receiving = threading.Lock()
        self._sending = threading.Lock()
        self._writing = threading.Lock()
        # Not lists, which ask what extends them how long it is, and take a failure for no answer.
        self._arrived = deque()  # what has been received and not been given to the engine
        self._sent = deque()     # how much has been sent of what the engine still has
        self._eof = False       # of the socket below
        self._thread = None     # who was here last,
        self._is_shared = False  # and whether others have been before
        self._is_torn = False   # the engine is at work, or an exception has ended that
        self._is_cut = False    # the same of a sendall: nobody knows how much it has sent
        self._repeat = None     # what `send` has taken, and could not send yet
        self._io_refs, self._closed = 0, False  # names that Python 3's SocketIO wants

    def _claim(self):
        """Make this the process that uses the connection; called before anything else is done."""
        if self._process != getpid():
            tight = ['_lock', '_sending', '_writing']
            self._user.replace_locks(self, tight + ['_receiving'], tight)
        self._user.claim()

    def _enter(self, needed):
        """Begin a call that takes the locks *needed*: what has happened since the last one?"""
        if self._user._pid != getpid():
            self._claim()
        thread = get_ident()
        if self._thread != thread:
            self._is_shared = self._is_shared or self._thread is not None
            self._thread = thread
        elif not self._is_shared and (self._lock.locked() or self._receiving.locked()
                                      or self._sending.locked() or self._writing.locked()):
            self._recover(needed)
        if self._is_shared:
            self._refuse_nesting(needed)

    def _refuse_nesting(self, needed):
        """
        Refuse a call in the middle of one of the same thread: it would wait for itself.

        Args:
            needed (tuple of str): the locks that it will take.
        """
        if (any([getattr(self, name).locked() for name in needed])
                and self._is_in(sys._getframe(), _BEGINNING)):
            raise RuntimeError('this very object is in the middle of a call')

    def _recover(self, needed):
        """
        Release the locks that a signal handler's exception has left taken.

        Nothing in Python keeps a handler from raising between the end of a block and the release of
        its lock. Where one thread alone has ever been here, a lock that is taken when a call begins
        is such a one, or the call is a handler's, in the middle of another call.

        Args:
            needed (tuple of str): the locks that the call will take.

        Raises:
            RuntimeError: it is a handler's, and the other call has what it needs.
        """
        self._refuse_nesting(needed)
        if not self._is_in(sys._getframe(), _BEGINNING):
            for lock in (self._lock, self._receiving, self._sending, self._writing):
                if lock.locked():
                    lock.release()

    # The engine works with `_lock` held, and `_is_torn` until it is done. If that is so already, an
    # exception of a signal handler's has ended its work in the middle: nobody knows what is lost.

    def _refuse(self):
        raise socket.error(errno.ECONNABORTED, 'an exception has cut TLS short')

    def _is_in(self, frame, but=()):
        """Return whether a method of ours is among the callers of *frame*, *but* these aside."""
        while frame is not None:
            if (frame.f_globals is _GLOBALS and frame.f_locals.get('self') is self
                    and frame.f_code.co_name not in but):
                return True
            frame = frame.f_back
        return False

    def _may_end(self):
        """Return whether it is for this process to send anything in the end (bool)."""
        return self._user.may_end(self._repeat is not None)

    # Reading

    def _take(self, answer, step, *size):
        """
        Take *step* until it wants nothing more from below.

        Args:
            answer (bool): the peer says nothing before it has got what is outgoing, so wait until
                that is sent. Who just reads must not.
            step (callable): of the engine.
            *size (int): how many bytes it is to return, if it is to read.
        """
        self._enter(_TO_READ)
        with self._receiving:
            return self._take_here(answer, step, *size)

    def _take_here(self, answer, step, *size):
        """Do as `_take`; `_receiving` is held."""
        engine = self._engine
        arrived = self._arrived
        while True:
            if self._lower.__class__ is _Closed:
                raise _bad_descriptor()
            try:
                with self._lock:
                    if self._is_torn:
                        self._refuse()
                    self._is_torn = True
                    if arrived:
                        data = arrived.pop()
                        if data:
                            self._amount.count(data)
                        else:
                            self._eof = True
                        engine.receive(data)
                        if self._ends_below and engine.is_over:
                            self._end_below()
                    try:
                        result = step(*size)
                    except (ssl.SSLError, RuntimeError):
                        self._is_torn = False
                        raise
                    self._is_torn = False
            except (ssl.SSLError, RuntimeError):
                self._flush_at_once()  # that may be an alert
                raise
            if result is not None:
                break
            if engine.outgoing:
                try:
                    self._flush(answer)
                except socket.error as error:
                    # The peer's last words, if they are here, tell more than that it is gone.
                    if error.errno not in _GONE or not self._has_arrived():
                        raise
            if not arrived:
                if self._eof:
                    raise ragged_eof()
                lower = self._lower
                wanted = self._amount.wanted(size[0] - engine.kept if size else 0)
                uninterrupted(arrived, lower, _method(lower, 'recv'), wanted)
        if engine.outgoing:
            if answer:
                self._flush(True)
            else:
                try:
                    self._flush(False)
                except socket.error:
                    pass  # the next call tells: this one has something to return
        return result

    def _has_arrived(self):
        try:
            return bool(is_ready(self._lower.fileno(), False, 0))
        except (AttributeError, ValueError, socket.error, select.error):  # nobody can tell
            return False

    def recv(self, buflen=1024, flags=0):
        """
        Wait for plaintext.

        Args:
            buflen (int): how many bytes at most.
            flags (int): 0.

        Returns:
            bytes: b'' at the end: the peer's close_notify, or *buflen* is 0.

        Raises:
            ssl.SSLEOFError: the peer has gone without close_notify; the data may be cut short.
            ssl.SSLError: the peer broke the protocol, or sent an alert.
            ssl.SSLWantReadError: the socket does not block, and there is nothing.
            socket.error: from below; socket.timeout among them.
        """
        if flags:
            _no_flags(flags)
        size = buflen if buflen.__class__ is int else to_index(buflen, 'buflen')
        if size < 0:
            raise ValueError('buflen must not be negative')
        self._enter(_TO_READ)
        with self._receiving:
            return self._take_here(False, self._engine.read, size)

    def _receive_whole(self, size):
        """Do as `recv`, but wait until there are *size* bytes, or the end; see `_File`."""
        self._enter(_TO_READ)
        with self._receiving:
            return self._take_here(False, self._engine.read_whole, size)

    def recv_into(self, buffer, nbytes=0, flags=0):
        """
        Wait for plaintext, and put it into *buffer*.

        Args:
            buffer (writable buffer): where it goes.
            nbytes (int): how many bytes at most; 0 for the whole of *buffer*.
            flags (int): 0.

        Returns:
            int: how many bytes; 0 at the end.

        Raises:
            as `recv` does; TypeError: *buffer* cannot be written to.
        """
        view = writable_view(buffer, 'buffer') if PY2 else memoryview(buffer).cast('B')
        if not PY2 and view.readonly:
            raise TypeError('buffer must be writable')
        nbytes = to_index(nbytes or 0, 'nbytes')
        if nbytes < 0:
            raise ValueError('nbytes must not be negative')
        data = self.recv(self._room(nbytes, len(view)), flags)
        view[:len(data)] = data
        return len(data)

    def _room(self, nbytes, size):
        return min(nbytes, size) or size

    # Writing

    def send(self, data, flags=0):
        """
        Send the beginning of *data*, at most 256 KiB.

        After a timeout, or where the socket does not block and could not take all, call again with
        the same data: what has been encrypted already is not encrypted again.

        Args:
            data: any contiguous buffer; on Python 2 ASCII text too, as for its own sockets.
            flags (int): 0.

        Returns:
            int: how many bytes have been sent.

        Raises:
            ssl.SSLError: the handshake failed, or TLS has failed since.
            ssl.SSLWantWriteError, ssl.SSLWantReadError: the socket does not block: call again.
            BadWriteRetry: this was to be a call again, but *data* begins with something else.
            socket.error: from below; EPIPE if nothing more can be sent.
            TypeError, BufferError: *data* cannot be used.
        """
        if flags:
            _no_flags(flags)
        if data.__class__ is not bytes:
            data = _sendable(data)
        self._enter(_TO_WRITE)
        with self._writing:
            return self._send(data if len(data) <= CHUNK else data[:CHUNK]) if data else 0

    def sendall(self, data, flags=0):
        """
        Send all of *data*; see `send`.

        Raises:
            as `send` does. After an error nobody knows how much has been sent.
        """
        if flags:
            _no_flags(flags)
        if data.__class__ is not bytes:
            data = _sendable(data)
        start, size = 0, len(data)
        self._enter(_TO_WRITE)
        with self._writing:
            while start < size:
                start += self._send(
                    data if size <= CHUNK else data[start:start + CHUNK])

    def _send(self, data):
        """Encrypt *data*, and send it; return how many bytes of it that were."""
        if self._lower.__class__ is _Closed:
            raise _bad_descriptor()
        is_repeated = self._repeat is not None
        if not is_repeated:
            try:
                with self._lock:
                    if self._is_torn:
                        self._refuse()
                    self._is_torn = True
                    try:
                        self._repeat = data[:self._engine.write(data)]
                    except (socket.error, RuntimeError):
                        self._is_torn = False
                        raise
                    self._is_torn = False
            except (socket.error, RuntimeError):
                if self._closed:  # meanwhile, by another thread
                    raise _bad_descriptor()
                self._flush_at_once()
                raise
        # Not told before it is out: who has sent all that there is might never call again.
        with self._sending:
            self._send_outgoing(True)
        if self._engine.is_unwritten:
            self._wait_for_handshake()
        repeat, self._repeat = self._repeat, None
        if is_repeated and not data.startswith(repeat):
            raise tls_error('data is not what the send that has to be repeated was given',
                            BadWriteRetry, reason='BAD_WRITE_RETRY')
        return len(repeat)

    def _wait_for_handshake(self):
        """
        Wait until what has been written is encrypted: a handshake comes first.

        Who reads at the moment brings it, and then this data, along; so only more than `CHUNK` has
        to wait for that.
        """
        engine = self._engine
        while True:
            with self._lock:
                if engine.written():
                    return
            if self._receiving.acquire(False):
                try:
                    self._take_here(True, engine.written)
                finally:
                    self._receiving.release()
            elif engine.backlog_size <= CHUNK:
                return
            else:
                time.sleep(_TURN)

    def _flush(self, wait):
        """
        Send what is outgoing: the one place that does.

        Args:
            wait (bool): until it is sent; else leave it to whoever is sending already.

        Raises:
            ssl.SSLWantWriteError: *wait*, but the socket does not block.
        """
        if wait:
            with self._sending:
                self._send_outgoing(True)
        elif self._sending.acquire(False):
            try:
                self._send_outgoing(False)
            finally:
                self._sending.release()

    def _send_outgoing(self, wait):
        """Do as `_flush`; `_sending` is held."""
        engine = self._engine
        sent = self._sent
        while True:
            with self._lock:
                if sent:
                    if self._is_torn:
                        self._refuse()
                    self._is_torn = True
                    engine.consume_outgoing(sent.pop())
                    self._is_torn = False
                data = engine.peek_outgoing(CHUNK) if engine.outgoing else b''
            if not data or self._is_cut and not wait:
                return
            try:
                self._send_below(data)
            except _WANTS:
                if wait:
                    raise
                return

    def _send_below(self, data):
        lower = self._lower
        if self._has_send:
            uninterrupted(self._sent, lower, _method(lower, 'send'), data, True)
            if self._sent and not self._sent[0]:
                # Python 2's ssl.SSLSocket has no other way to say so
                self._sent.pop()
                raise want_write()
            return
        if self._is_cut:
            raise socket.error(errno.EPIPE, 'an earlier send was cut short')
        self._is_cut = True
        lower.sendall(data)
        self._sent.append(len(data))
        self._is_cut = False

    def _flush_at_once(self):
        """Send what is outgoing if that does not take waiting, and whatever becomes of it."""
        lower = self._lower
        try:
            try:
                timeout = lower.gettimeout()
                lower.settimeout(0)
            except AttributeError:  # then nobody can tell whether it waits
                self._flush(False)
                return
            try:
                self._flush(False)
            finally:
                lower.settimeout(timeout)
        except socket.error:
            pass  # there is something else to raise, or nobody who cares

    # Ending

    def shutdown(self, how):
        """
        Close one direction or both, as socket.shutdown does; close_notify ends what we send.

        Args:
            how (int): socket.SHUT_RD, SHUT_WR or SHUT_RDWR.
        """
        self._enter(_TO_WRITE)
        if how != socket.SHUT_RD:
            with self._lock:
                self._engine.close()
            self._flush(True)
        self._lower.shutdown(how)

    def close(self):
        """
        Close the socket below too, once every file of `makefile` is closed.

        The peer gets our close_notify if that does not have to wait; its own is not waited for
        (RFC 8446 6.1). In a process that has not used the connection since a fork, nothing is done
        to it, unless this is the parent and no child is left.
        """
        self._closed = True
        if self._io_refs <= 0 and self._is_open:
            self._close()

    def _close(self):
        lower = self._lower
        if not self._is_shared:
            self._recover(())
        if self._may_end() and not self._is_torn:
            with self._lock:
                self._engine.close()
            self._flush_at_once()
            try:
                # Unread bytes, TLS 1.3's session tickets say, would turn the close into a reset,
                # and the peer would lose what is still on its way to it (RFC 2525 2.17).
                lower.settimeout(0)
                lower.recv(_LEAST_READ)
            except (AttributeError, socket.error):
                pass  # whoever closes does not care; the peer learns as much from the close
        self._user.let_go()
        self._forget_lower()
        close = getattr(lower, 'close', None)
        if close is not None:
            close()

    def _forget_lower(self):
        """Be closed, as far as this object goes."""
        self._closed = True
        self._lower = _Closed()

    @property
    def _is_open(self):
        return self._lower.__class__ is not _Closed

    def _require_open(self):
        if self._lower.__class__ is _Closed:
            raise _bad_descriptor()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    # As files

    def makefile(self, mode='r', *args, **kwargs):
        """
        Return a file of this socket; `close` waits until it is closed.

        Args:
            mode (str) and what follows: as for socket.makefile of this Python.
        """
        if PY2:
            return _File(self, mode, *args, **kwargs)
        return socket.socket.makefile(self, mode, *args, **kwargs)

    def _reuse(self):
        self._io_refs += 1

    def _drop(self):
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._closed:
            self.close()

    _decref_socketios = _drop  # what Python 3's files call; PyPy 2.7's call the two above

    # What the socket below knows. By name, and not by __getattr__: nothing must get past TLS
    # (sendto, dup, detach, ...).

    fileno = of_lower('fileno')
    getpeername = of_lower('getpeername')
    getsockname = of_lower('getsockname')
    getsockopt = of_lower('getsockopt')
    gettimeout = of_lower('gettimeout')
    setblocking = of_lower('setblocking', is_use=True)
    setsockopt = of_lower('setsockopt', is_use=True)
    settimeout = of_lower('settimeout', is_use=True)

    @property
    def family(self):
        """The address family of the socket below (int)."""
        return self._lower.family

    @property
    def type(self):
        """The type of the socket below (int)."""
        return self._lower.type


def _sendable(data):
    if PY2 and isinstance(data, text_type):
        return data.encode('ascii')
    return as_bytes(data, 'data')


if PY2 and PYPY:
    class _File(Unique, socket._fileobject):
        """The interpreter's own file."""

    OwnedFile = _File
elif PY2:
    class OwnedFile(Unique, socket._fileobject):
        """A file whose unsent data is lost with it in a process that does not use the socket."""

        def __del__(self):
            # After a fork, what it holds is for the process to send that uses the connection.
            sock = getattr(self, '_sock', None)  # None if it could not be made
            if sock is None:
                return
            if not sock._may_end():
                self._wbuf, self._wbuf_len = [], 0
            socket._fileobject.__del__(self)

    class _File(OwnedFile):
        """A file that holds its socket open as long as it is open: PyPy's, and Python 3's, do."""

        def __init__(self, sock, *args, **kwargs):
            socket._fileobject.__init__(self, sock, *args, **kwargs)
            sock._reuse()
            # Who has a recv of his own wants it called.
            by_recv = [vars(cls) for cls in type(sock).__mro__ if 'recv' in vars(cls)][0]
            self._receive_whole = by_recv.get('_receive_whole')

        def read(self, size=-1):
            """Read *size* bytes, or to the end: large pieces not recv by recv."""
            receive = self._receive_whole
            if receive is not None and size >= _MANY:
                buffered = self._rbuf
                buffered.seek(0, 2)
                missing = size - buffered.tell()
                if missing > 0:
                    data = receive(self._sock, missing)
                    if missing < size:
                        data = buffered.getvalue() + data
                        self._rbuf = socket.StringIO()
                    return data
            return socket._fileobject.read(self, size)

        def close(self):
            """Close the file, and the socket if that waits for it."""
            sock = self._sock
            if sock is None:
                return
            try:
                socket._fileobject.close(self)
            finally:
                sock._drop()
else:
    OwnedFile = None  # Python 3's own sockets make files otherwise
