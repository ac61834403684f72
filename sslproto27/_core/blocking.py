"""
`BlockingTLS`: TLS over a socket below, for callers that wait. Nothing here knows of OpenSSL.

This module decides when to wait, and what each thread may do meanwhile. The engine knows what the
bytes mean.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import gc
import os
import select
import socket
import ssl
import sys
import threading
import time
from collections import deque

from .amount import LEAST_READ
from .compat import PY2, PYPY, as_bytes, text_type, to_index, writable_view
from .files import SocketFile
from .fork import get_ident, getpid
from .tls_errors import ragged_eof, tls_error, want_read, want_write
from .unique import Unique
from .waiting import is_ready

if PY2:
    from itertools import imap as map

__all__ = ['BadWriteRetry', 'BlockingTLS', 'CHUNK', 'of_lower', 'shutting_down', 'uninterrupted']

#: How many bytes we encrypt at a time. At most this many, plus one more chunk, wait to be sent.
CHUNK = 0x40000

_GONE = frozenset([errno.EPIPE, errno.ECONNRESET])
_BLOCKS = frozenset([errno.EAGAIN, errno.EWOULDBLOCK])
_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)

#: Seconds: poll() takes milliseconds as an int.
_LONGEST_WAIT = 1000000

#: Seconds between two checks of what another thread, or the peer, has to do first.
_TURN = 0.05

#: A thread that must not wait sends this many bytes at a time: a writable socket takes them at once
#: (poll(2) on Linux: a third of its buffer is free; BSD: SO_SNDLOWAT, 2 KiB).
_AT_ONCE = 512

#: More bytes than are ever outgoing, but for the overhead of TLS.
_ALL = 2 * CHUNK


class BadWriteRetry(ssl.SSLError, ValueError):
    """
    A write was to be repeated, but the caller passed different data.

    It is an ssl.SSLError of reason BAD_WRITE_RETRY, as from ssl.SSLSocket.
    """


# Waiting

def _clock():
    """Return seconds of a clock that is never set; on Python 2 in hundredths (times(2))."""
    return os.times()[4] if PY2 else time.monotonic()


def uninterrupted(results, sock, call, argument, to_send=False):
    """
    Append the result of a method of *sock* to *results*. Nothing else waits.

    A signal whose handler returns neither ends the call nor changes its timeout (PEP 475, which
    Python 3 follows itself). If the handler raises, either nothing has been done, or the result is
    in the list: C code appends it before Python runs the handler.

    Args:
        results (list or deque): gets the result.
        sock: the object with the timeout and the file descriptor.
        call (callable): the method.
        argument: the method's argument.
        to_send (bool): whether the method sends.

    Raises:
        ssl.SSLWantReadError, ssl.SSLWantWriteError: *sock* does not block.
    """
    try:
        # 2.7's socket delegates this method, and looks it up for each call.
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
                raise  # its numbers are not errno's
            if error.errno in _BLOCKS:
                raise want_write() if to_send else want_read()
            if error.errno != errno.EINTR:
                raise
        if hasattr(sock, 'fileno'):
            sock.fileno()  # EBADF if the signal's handler has closed it
        if timeout:
            _wait(sock, to_send, end)


#: 2.7's own class of sockets; None if other code has replaced it.
_DELEGATING = getattr(socket, '_socketobject', None)
if getattr(_DELEGATING, '__module__', None) != 'socket':
    _DELEGATING = None

if PY2 and PYPY:
    def _method(sock, name):
        """Return a method of *sock*; here its socket is a Python class that delegates it."""
        return getattr(sock._sock if sock.__class__ is socket.socket else sock, name)
else:
    _method = getattr


def _wait(sock, to_send, end):
    """Wait until *sock* is ready; raise socket.timeout at the time *end*."""
    while True:
        left = end - _clock()
        if left <= 0:
            raise socket.timeout('timed out')
        if is_ready(sock.fileno(), to_send, min(left, _LONGEST_WAIT)):
            return


@contextlib.contextmanager
def shutting_down(sock):
    """
    Send close_notify in this context, then call shutdown() of *sock*.

    A peer that has closed its socket already answers close_notify with a reset, after which
    shutdown() fails with ENOTCONN. Without our close_notify it would not, so that is no failure.
    """
    try:
        sock.getpeername()
    except (AttributeError, socket.error):
        yield
        return
    try:
        yield
    except socket.error as error:
        if error.errno != errno.ENOTCONN:
            raise


# The socket

_GLOBALS = globals()

#: A thread that is in one of these has not taken a lock yet: they check that first.
_BEGINNING = frozenset([
    '_recover', '_refuse_nesting', '_enter', '_in_turn', '_timeout', '_take', 'recv', 'recv_into',
    'send', 'sendall', 'shutdown', 'close', '_close', '_drop', '__exit__'])

#: The locks that a call needs.
_TO_READ, _TO_WRITE = ('_receiving', '_lock'), ('_writing', '_sending', '_lock')


class _Turn(object):
    """
    Takes a lock for a block of code; fails if another thread holds it for longer than *timeout*.

    Args:
        lock (threading.Lock): the lock.
        timeout (float): seconds; None or 0: wait until it is free.
    """

    __slots__ = ('_lock', '_timeout')

    def __init__(self, lock, timeout):
        self._lock = lock
        self._timeout = timeout

    def __enter__(self):
        lock = self._lock
        if not self._timeout:  # nobody waits with the lock of a socket that does not block
            lock.acquire()
            return
        end = _clock() + self._timeout
        while not lock.acquire(False):  # on Python 2 it takes no timeout
            left = end - _clock()
            if left <= 0:
                raise socket.timeout('timed out')
            time.sleep(min(left, _TURN))

    def __exit__(self, *exc_info):
        self._lock.release()


class _Closed(object):
    """Replaces the socket below once we are closed."""

    def __getattr__(self, name):
        raise _bad_descriptor()


def _bad_descriptor():
    return socket.error(errno.EBADF, 'Bad file descriptor')


def _no_flags(flags):
    if flags:
        raise ValueError('flags must be 0 on a TLS socket')


def of_lower(name, is_use=False):
    """
    Return a method that calls the socket below.

    Args:
        is_use (bool): whether it changes what processes share after a fork. The first process that
            calls such a method keeps the connection.
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
    A TLS connection over a socket: it decides who waits, reads, sends and closes.

    There are four locks, taken in this order so that no thread waits for ever:

    - ``_writing``: for the thread whose data is being sent. A thread that reads never takes it.
    - ``_receiving``: for the thread that reads from below. A thread that writes only tries to take
      it, because its holder may be waiting for a peer that waits for us.
    - ``_sending``: for the thread that sends below. A thread that reads only tries to take it: its
      holder may be waiting for the peer, which may be waiting for us to read. The holder also sends
      what reading has produced, because it checks again when it is done. Data is encrypted, and
      records are taken from the engine, under this lock: so they leave in the order in which it
      made them. A thread that reads sends only as much as it can without waiting.
    - ``_lock``: for the engine; never held while waiting.

    We call the engine with ``_lock`` held, and it never waits:

    - ``receive(data)`` takes bytes from below, b'' for their end, and never raises because of them.
    - ``handshake()``, ``read(size)``, ``unwrap()`` and ``written()`` are steps: each returns None
      if it needs more bytes from below.
    - ``kept`` is how many bytes of plaintext such a step keeps until it has enough.
    - ``write(data)`` takes the beginning of *data*, and returns how many bytes it took.
    - ``is_unwritten`` says whether some of that data is not encrypted, because a handshake comes
      first or TLS has failed.
    - ``close()`` ends our side if there is TLS to end.
    - ``outgoing`` is false if there is nothing to send; ``peek_outgoing(size)`` returns at most
      *size* bytes to send, and ``consume_outgoing(size)`` drops bytes that have been sent.

    A signal handler runs in the main thread, and may raise between any two of our steps. The next
    call cleans up what it left behind: see `_recover`.

    Args:
        sock: the socket below.
        engine: see above.
        amount: decides how much to read: a `ReadAhead` or a `Records`.
        user (OneProcess): knows which process may use the connection; `claim` makes it this one.
    """

    _ends_below = False  # whether `_end_below` is called once the peer has ended TLS

    def __init__(self, sock, engine, amount, user):
        self._lower = sock  # in the end a _Closed
        self._engine = engine
        self._amount = amount
        self._user = user
        self._process = getpid()  # the process to which the locks belong
        self._has_send = hasattr(sock, 'send')
        self._lock = threading.Lock()
        self._receiving = threading.Lock()
        self._sending = threading.Lock()
        self._writing = threading.Lock()
        # Not lists: these ask an iterator for its length, and would take its failure for no answer.
        self._arrived = deque()  # received bytes that the engine has not got yet
        self._sent = deque()     # how many bytes were sent, until the engine knows
        self._eof = False       # whether the socket below has ended
        self._threads = set()   # the first two threads that have called
        self._is_shared = False  # whether several threads have called
        self._is_torn = False   # the engine is working, or an exception has interrupted it
        self._is_cut = False    # the same for a sendall below: it may have sent a part
        self._is_over_tls = hasattr(sock, 'pending') or isinstance(sock, BlockingTLS)
        self._has_to_repeat = False  # whether a send of TLS below has failed: it wants all again
        self._repeat = None     # the data that `send` has taken but not yet sent
        self._io_refs, self._closed = 0, False  # Python 3's SocketIO uses these names

    def _claim(self):
        """Make this the process that uses the connection, before anything else is done."""
        if self._process != getpid():
            tight = ['_lock', '_sending', '_writing']
            self._user.replace_locks(self, tight + ['_receiving'], tight)
        self._user.claim()

    def _enter(self, needed):
        """Begin a call that needs the locks *needed*: check for forks, threads and signals."""
        if self._user._pid != getpid():
            self._claim()
        thread = get_ident()
        if not self._is_shared:
            if thread not in self._threads:
                # Before it takes a lock; and of two threads that come at once, the second sees it.
                self._threads.add(thread)
                if len(self._threads) > 1:
                    self._is_shared = True
            elif (self._lock.locked() or self._receiving.locked()
                  or self._sending.locked() or self._writing.locked()):
                self._recover(needed)
        if self._is_shared:
            self._refuse_nesting(needed)

    def _in_turn(self, lock):
        """Return a context manager that takes *lock*, waiting for other threads; see `_Turn`."""
        return _Turn(lock, max(self._timeout() or 0, 0)) if self._is_shared else lock

    def _refuse_nesting(self, needed):
        """
        Refuse a call inside another one of the same thread, since it would wait for itself.

        Args:
            needed (tuple of str): the locks that it needs.
        """
        if (any([getattr(self, name).locked() for name in needed])
                and self._is_in(sys._getframe(), _BEGINNING)):
            raise RuntimeError('this very object is in the middle of a call')

    def _recover(self, needed):
        """
        Release the locks that a signal handler's exception has left taken.

        Python cannot keep a handler from raising between the end of a block and the release of its
        lock. If only one thread has ever used this object, a lock that is taken when a call begins
        was left like that; or the call comes from a handler, in the middle of another call.

        Args:
            needed (tuple of str): the locks that the call needs.

        Raises:
            RuntimeError: the call comes from a handler, and the other call holds one of *needed*.
        """
        self._refuse_nesting(needed)
        if self._is_in(sys._getframe(), _BEGINNING):
            return
        left = [lock for lock in (self._lock, self._receiving, self._sending, self._writing)
                if lock.locked()]
        if self._is_in_greenlet():
            self._is_shared = True
        if not self._is_shared:  # else a thread that has come meanwhile may hold one of them
            for lock in left:
                lock.release()

    def _is_in_greenlet(self):
        """
        Return whether a greenlet that does not run now is in a method of ours (bool).

        Where gevent or eventlet has patched, greenlets count as threads, and no lock is left to
        ask about. This is for those that share a thread.
        """
        greenlet = getattr(sys.modules.get('greenlet'), 'greenlet', None)
        return greenlet is not None and any([
            self._is_in(one.gr_frame) for one in gc.get_objects() if isinstance(one, greenlet)])

    # The engine works with `_lock` held, and `_is_torn` is true until it is done. If it is true
    # already, a signal handler's exception has interrupted the engine: nobody knows what is lost.

    def _refuse(self):
        raise socket.error(errno.ECONNABORTED, 'an exception has cut TLS short')

    def _is_in(self, frame, but=()):
        """Return whether a method of ours, except those in *but*, is in the stack of *frame*."""
        while frame is not None:
            if (frame.f_globals is _GLOBALS and frame.f_locals.get('self') is self
                    and frame.f_code.co_name not in but):
                return True
            frame = frame.f_back
        return False

    def _work(self, call, *args):
        """Let the engine do its part: make a call with `_lock` held, and return its result."""
        with self._lock:
            if self._is_torn:
                self._refuse()
            self._is_torn = True
            try:
                result = call(*args)
            except (socket.error, RuntimeError):
                self._is_torn = False
                raise
            self._is_torn = False
        return result

    def _may_end(self):
        """Return whether this process may tell the peer that the connection ends (bool)."""
        return self._user.may_end(self._repeat is not None)

    # Reading

    def _take(self, answer, step, *size):
        """
        Repeat *step* until it needs nothing more from below; return its result.

        Args:
            answer (bool): whether the peer first waits for our outgoing bytes, so that we must wait
                until they are sent. A plain read must not.
            step (callable): a step of the engine.
            *size (int): for a read: how many bytes to return.
        """
        self._enter(_TO_READ)
        if answer and self._receiving.locked():
            # What it sends first, such as close_notify, must not wait for the thread that reads.
            result = self._work(step, *size)
            self._flush(True)
            if result is not None:
                return result
        with self._in_turn(self._receiving):
            result = self._take_here(answer, step, *size)
        if answer and self._engine.outgoing:
            self._flush(True)  # others may read meanwhile
        return result

    def _take_here(self, answer, step, *size):
        """Do the same with `_receiving` held."""
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
                self._flush_at_once()  # this may be an alert
                raise
            if result is not None:
                break
            if engine.outgoing:
                try:
                    if self._flush(answer) and not arrived and not self._eof:
                        self._flush_until_readable()
                except socket.error as error:
                    # If the peer's last words are here, they say more than that it is gone.
                    if error.errno not in _GONE or not self._is_ready(False, False):
                        raise
            if not arrived:
                if self._eof:
                    raise ragged_eof()
                lower = self._lower
                wanted = self._amount.wanted(size[0] - engine.kept if size else 0)
                try:
                    uninterrupted(arrived, lower, _method(lower, 'recv'), wanted)
                except _WANTS:
                    self._require_open()  # closing lets nothing wait any more
                    raise
        if engine.outgoing and not answer:
            try:
                self._flush(False)
            except socket.error:
                pass  # this call has a result; the next one will report the error
        return result

    def _is_ready(self, to_send, otherwise, seconds=0):
        """
        Return whether the socket below is readable, or writable (bool).

        Args:
            otherwise (bool): the result if we cannot know.
            seconds (float): how long to wait for it.
        """
        try:
            return is_ready(self._lower.fileno(), to_send, seconds)
        except (AttributeError, ValueError, socket.error, select.error):
            return otherwise

    def recv(self, buflen=1024, flags=0):
        """
        Wait for plaintext.

        Args:
            buflen (int): the most bytes to return.
            flags (int): 0.

        Returns:
            bytes: b'' after the peer's close_notify, or if *buflen* is 0.

        Raises:
            ssl.SSLEOFError: the peer has gone without close_notify; the data may be cut short.
            ssl.SSLError: the peer broke the protocol, or sent an alert.
            ssl.SSLWantReadError: the socket does not block, and there is no plaintext.
            socket.error: from the socket below; this includes socket.timeout.
        """
        if flags:
            _no_flags(flags)
        size = buflen if buflen.__class__ is int else to_index(buflen, 'buflen')
        if size < 0:
            raise ValueError('buflen must not be negative')
        self._enter(_TO_READ)
        with self._in_turn(self._receiving):
            return self._take_here(False, self._engine.read, size)

    def _receive_whole(self, size):
        """Like `recv`, but wait until there are *size* bytes, or the end; see `SocketFile`."""
        return self._take(False, self._engine.read_whole, size)

    def _receive_pending(self):
        """Take what TLS below has decrypted already, until there is plaintext; never wait."""
        pending = getattr(self._lower, 'pending', None)
        if pending is None or not pending():
            return
        self._enter(())
        if self._receiving.acquire(False):
            try:
                self._take_here(False, lambda: self._engine.pending or not pending() or None)
            finally:
                self._receiving.release()

    def recv_into(self, buffer, nbytes=0, flags=0):
        """
        Wait for plaintext, and put it into *buffer*.

        Args:
            buffer (writable buffer): gets the plaintext.
            nbytes (int): the most bytes to read; 0 means the whole of *buffer*.
            flags (int): 0.

        Returns:
            int: how many bytes; 0 at the end.

        Raises:
            as `recv`; TypeError: *buffer* cannot be written to.
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

        After a timeout, or if a non-blocking socket could not take all, call again with the same
        data: we do not encrypt again what has been encrypted already.

        Args:
            data: any contiguous buffer; on Python 2 also ASCII text, as for its own sockets.
            flags (int): 0.

        Returns:
            int: how many bytes have been sent.

        Raises:
            ssl.SSLError: the handshake failed, or TLS has failed since.
            ssl.SSLWantWriteError, ssl.SSLWantReadError: the socket does not block: call again.
            BadWriteRetry: the last call must be repeated, but *data* does not begin with its data.
            socket.error: from the socket below; EPIPE if nothing more can be sent.
            TypeError, BufferError: *data* cannot be used.
        """
        if flags:
            _no_flags(flags)
        if data.__class__ is not bytes:
            data = _sendable(data)
        self._enter(_TO_WRITE)
        with self._in_turn(self._writing):
            return self._send(data if len(data) <= CHUNK else data[:CHUNK]) if data else 0

    def sendall(self, data, flags=0):
        """
        Send all of *data*; see `send`.

        Raises:
            as `send`. After an error nobody knows how much has been sent.
        """
        if flags:
            _no_flags(flags)
        if data.__class__ is not bytes:
            data = _sendable(data)
        start, size = 0, len(data)
        self._enter(_TO_WRITE)
        with self._in_turn(self._writing):
            while start < size:
                start += self._send(data[start:start + CHUNK])

    def _send(self, data):
        """Encrypt *data*, and send it; return how many of its bytes."""
        if self._lower.__class__ is _Closed:
            raise _bad_descriptor()
        engine = self._engine
        is_repeated = self._repeat is not None
        with self._in_turn(self._sending):
            if not is_repeated:
                self._encrypt(data)
            # Wait until it is sent: a caller with nothing more to send might never call again.
            self._send_outgoing(True)
        if engine.outgoing:
            self._flush_at_once()  # a thread that reads has left this to us
        if engine.is_unwritten:
            self._wait_for_handshake()
            self._flush(True)
        if is_repeated and not data.startswith(self._repeat):
            raise tls_error('data is not what the send that has to be repeated was given',
                            BadWriteRetry, reason='BAD_WRITE_RETRY')
        repeat, self._repeat = self._repeat, None
        return len(repeat)

    def _encrypt(self, data):
        """Let the engine take the beginning of *data*, with `_sending` held."""
        try:
            self._work(self._take_data, data)
        except (socket.error, RuntimeError):
            if self._closed:  # another thread has closed it meanwhile
                raise _bad_descriptor()
            try:
                self._send_outgoing(False)  # this may be an alert
            except socket.error:
                pass  # the first error says more
            raise

    def _take_data(self, data):
        self._repeat = data[:self._engine.write(data)]

    def _wait_for_handshake(self):
        """
        Wait until all written data is encrypted; a handshake comes first.

        If another thread is reading, that one completes the handshake.
        """
        engine = self._engine
        timeout = self._timeout()
        end = timeout and timeout > 0 and _clock() + timeout
        while True:
            with self._lock:
                if engine.written():
                    return
            if self._receiving.acquire(False):
                try:
                    # Nobody else reads meanwhile, so this must not wait until all is sent.
                    self._take_here(timeout == 0, engine.written)
                finally:
                    self._receiving.release()
            elif timeout == 0:
                raise want_read()
            elif end and _clock() >= end:
                raise socket.timeout('timed out')
            else:
                time.sleep(_TURN)

    def _flush(self, wait, queue=True):
        """
        Send the outgoing bytes. Nothing else does.

        Args:
            wait (bool): wait until they are sent; otherwise send what the socket takes at once, and
                leave the rest to a thread that is sending.
            queue (bool): if *wait* is true and another thread is sending, wait for that one first.

        Returns:
            bool: whether some are left that no other thread sends.

        Raises:
            ssl.SSLWantWriteError: *wait* is true, but the socket does not block.
        """
        if wait and queue:
            with self._in_turn(self._sending):
                return self._send_outgoing(True)
        if not self._sending.acquire(False):
            return False
        try:
            return self._send_outgoing(wait)
        finally:
            self._sending.release()

    def _flush_until_readable(self):
        """Send what the full socket below takes later, until something arrives."""
        timeout = self._timeout()
        pending = getattr(self._lower, 'pending', None)  # data of the TLS below has arrived already
        if timeout is not None and timeout <= 0 or pending is None and self._is_over_tls:
            return
        end = timeout and _clock() + timeout
        while not (pending is not None and pending() or self._is_ready(False, True, _TURN)):
            if end and _clock() >= end:
                raise socket.timeout('timed out')
            if not self._flush(False):
                return

    def _send_outgoing(self, wait):
        """Do the same with `_sending` held."""
        engine = self._engine
        sent = self._sent
        size = _ALL if wait or self._timeout() in (0, -1) else _AT_ONCE
        while True:
            with self._lock:
                if sent:
                    if self._is_torn:
                        self._refuse()
                    self._is_torn = True
                    engine.consume_outgoing(sent.pop())
                    self._is_torn = False
                data = engine.peek_outgoing(size) if engine.outgoing else b''
            if not data or self._is_cut and not wait:
                return False
            if size == _AT_ONCE and (self._has_to_repeat or not self._is_ready(True, True)):
                return True
            try:
                self._send_below(data)
            except _WANTS:
                if wait:
                    self._require_open()
                    raise
                return True

    def _timeout(self):
        """Return the timeout of the socket below; -1 if it has none to ask for, or is closed."""
        try:
            return self._lower.gettimeout()
        except (AttributeError, socket.error):
            return -1

    def _send_below(self, data):
        lower = self._lower
        if self._has_send:
            self._has_to_repeat = self._is_over_tls
            uninterrupted(self._sent, lower, _method(lower, 'send'), data, True)
            if self._sent and not self._sent[0]:
                # an ssl.SSLSocket of Python 2 reports a full socket by 0
                self._sent.pop()
                raise want_write()
            self._has_to_repeat = False
            return
        if self._is_cut:
            raise socket.error(errno.EPIPE, 'an earlier send was cut short')
        self._is_cut = True
        lower.sendall(data)
        self._sent.append(len(data))
        self._is_cut = False

    def _flush_at_once(self):
        """Send the outgoing bytes as far as possible without waiting; ignore failures."""
        try:
            self._flush(False)
        except socket.error:
            pass  # another error is about to be raised, or the connection is being closed

    # Ending

    def shutdown(self, how):
        """
        Close one direction or both, like socket.shutdown; send close_notify before we stop sending.

        Args:
            how (int): socket.SHUT_RD, SHUT_WR or SHUT_RDWR.
        """
        self._enter(_TO_WRITE)
        with shutting_down(self._lower):
            if how != socket.SHUT_RD:
                with self._lock:
                    self._engine.close()
                self._flush(True, queue=False)  # the shutdown ends a send of another thread
            self._lower.shutdown(how)

    def close(self):
        """
        Close, with the socket below, once every file of `makefile` is closed.

        We send close_notify if that does not have to wait, and do not wait for the peer's (RFC 8446
        6.1). A process that has not used the connection since a fork only closes its descriptor,
        unless it is the parent and no child is left.
        """
        self._closed = True
        if self._io_refs <= 0 and self._is_open:
            self._close()

    def _close(self):
        lower = self._lower
        if lower.__class__ is _Closed:  # another thread has been faster
            return
        if self._may_end():
            self._enter(())
            self._end(lower)
        self._user.disown()
        self._forget_lower()
        close = getattr(lower, 'close', None)
        if close is not None:
            close()

    def _end(self, lower):
        """End our side of TLS, without waiting, unless nobody knows what is lost."""
        # A handler, or the garbage collector, may close in the middle of a call of this thread.
        is_inner = self._lock.locked() and self._is_in(sys._getframe(1), _BEGINNING)
        if not self._lock.acquire(not is_inner):
            return
        try:
            if self._is_torn:
                return
            self._engine.close()
        finally:
            self._lock.release()
        self._flush_at_once()
        try:
            # Unread bytes, such as TLS 1.3's session tickets, would turn the close into a reset,
            # and the peer would lose data that is still on its way (RFC 2525 2.17).
            lower.settimeout(0)
            lower.recv(LEAST_READ)
        except (AttributeError, socket.error):
            pass  # the connection is closed in any case, and the peer will notice

    def _forget_lower(self):
        """Mark this object as closed."""
        self._closed = True
        self._lower = _Closed()

    @property
    def _is_open(self):
        return self._lower.__class__ is not _Closed

    def _require_open(self):
        # While another thread closes, the socket below no longer waits, but is still there.
        if self._lower.__class__ is _Closed or self._closed and self._io_refs <= 0:
            raise _bad_descriptor()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    # As files

    def makefile(self, mode='r', *args, **kwargs):
        """
        Return a file of this socket; `close` waits until the file is closed.

        Args:
            mode (str) and the rest: as for socket.makefile of this Python.
        """
        if PY2:
            return SocketFile(self, mode, *args, **kwargs)
        return socket.socket.makefile(self, mode, *args, **kwargs)

    def _reuse(self):
        self._io_refs += 1

    def _drop(self):
        if self._io_refs > 0:
            self._io_refs -= 1
        if self._closed:
            self.close()

    _decref_socketios = _drop  # for Python 3's files; PyPy 2.7's call the two above

    # Methods of the socket below. We list them, and define no __getattr__, so that no method
    # bypasses TLS (sendto, dup, detach, ...).

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
