"""
`SSLSocket`: blocking TLS over anything that has ``recv`` and ``sendall``.

What waits for bytes is here; what they mean is the pipe's. Nothing here knows of OpenSSL, of loops
or of HTTP.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket
import threading

from . import _pipe
from ._compat import PY2, as_bytes, text_type, to_index, writable_view
from ._fork import getpid
from ._pipe import SSLPipe
from ._socketface import Closed, SocketFace, no_flags

__all__ = ['SSLSocket']

#: How much is encrypted before it is sent.
_CHUNK = 0x40000

#: How much is read from below at a time: twice as much when that much was there, down to half when
#: little was. 96 KiB is more than the 64 that programs like to read at once, which then need not be
#: put together. With 256 KiB the heap shrinks and grows again for each: 3,000 page faults in a
#: download of 8 MiB, none with 96 (observed on 2.7.18 with glibc 2.36).
_LEAST_READ, _MOST_READ = 0x4000, 0x18000

_ENDED = frozenset([_pipe.PEER_CLOSED, _pipe.FINISHING, _pipe.CLOSED])
_CLOSING = frozenset([_pipe.CLOSING, _pipe.FINISHING, _pipe.CLOSED])
_WRITABLE = frozenset([_pipe.PLAINTEXT, _pipe.HANDSHAKE, _pipe.OPEN, _pipe.PEER_CLOSED])


class SSLSocket(SocketFace):
    """
    A TLS connection over a connected socket: what ssl.SSLSocket is, but in memory.

    *sock* is any object with a blocking ``recv(size)`` and ``sendall(data)``: another `SSLSocket`
    too, which gives TLS in TLS. Its other methods are used where it has them.

    One thread may read while another one writes. Errors of *sock*, timeouts among them, come
    through as they are: after one in reading, read on; after one in writing nothing more is sent,
    as nobody knows how much of a record is out. (Python 2's ssl.SSLSocket raises an SSLError after
    a timeout; socket.timeout is Python 3's.)

    After a fork the first process that reads or writes keeps the connection, and in the other one
    both raise ssl.SSLError. `close`, in a process that has not used it since, closes the descriptor
    and does nothing to the connection, unless it is the parent and no child is left.

    Args:
        sock: the connection.
        context (ssl.SSLContext): certificates, trust and settings.
        server_side (bool): which side to be.
        server_hostname (text or None): as for `SSLPipe`.
        session (SSLSession or None): what a client would like to resume.
        do_handshake_on_connect (bool): shake hands now, not with the first read or write.
        suppress_ragged_eofs (bool): take an EOF without close_notify for a clean end. An attacker
            can then cut the data short (RFC 8446 6.1), so that it is off, unlike ssl.SSLSocket's.

    Raises:
        TypeError, ValueError: as `SSLPipe` does.
        ssl.SSLError, socket.error: the handshake failed. *sock* is left open.
    """

    def __init__(self, sock, context, server_side=False, server_hostname=None, session=None,
                 do_handshake_on_connect=True, suppress_ragged_eofs=False):
        self._lower = sock  # a Closed in the end
        self._pipe = SSLPipe(context, server_side, server_hostname, session, suppress_ragged_eofs)
        self._process = getpid()            # that the locks are of
        self._lock = threading.Lock()       # over the pipe and what follows: never while waiting
        self._unsent = []                   # records for the peer, in order
        self._error = None                  # why there is no more to read, but for what is here
        self._eof = False                   # of the lower socket
        self._receiving = threading.Lock()  # of who reads from below; over the plaintext here
        self._received, self._position = b'', 0
        self._size = _LEAST_READ
        self._sending = threading.Lock()    # of who sends below
        self._torn = False                  # a send has been cut short
        self._io_refs, self._closed = 0, False  # names that Python 3's SocketIO wants
        self._start()
        if do_handshake_on_connect:
            self.do_handshake()

    # TLS

    def do_handshake(self):
        """
        Shake hands; nothing to do if that is done. After `unwrap`, start TLS anew.

        Raises:
            ssl.SSLError: the handshake failed, for good.
        """
        self._claim()
        if self._pipe.state is _pipe.PLAINTEXT:
            self._start()
        with self._receiving:
            while self._pipe.state is _pipe.HANDSHAKE:
                self._pump()
        if self._pipe.state is _pipe.BROKEN:
            raise self._error

    def unwrap(self):
        """
        End TLS: send close_notify and wait for the peer's. What it sends until then is dropped.

        Returns:
            what to go on with in plaintext: the socket below, or this object itself if bytes that
            follow the peer's close_notify are here already: it then passes everything through.

        Raises:
            RuntimeError: there is no TLS to end.
            ssl.SSLEOFError: the peer has gone without close_notify.
            ssl.SSLError: ECONNABORTED, the peer goes on sending.
        """
        self._claim()
        self._end()
        self._flush(True)
        with self._receiving:
            self._received, self._position = b'', 0
            self._pipe.discard()
            while self._pipe.state is not _pipe.CLOSED:
                if self._error is not None:
                    raise self._error
                self._pump()
            if self._error is not None:
                raise self._error
            with self._lock:
                self._received = self._pipe.unwrap()
            return self if self._received else self._lower

    def _claim(self):
        """Make this the process that uses the connection; called before anything else is done."""
        if self._process != getpid():
            self._pipe.replace_locks(self, ['_lock', '_sending', '_receiving'],
                                     ['_lock', '_sending'])
        self._pipe.claim()

    def _start(self):
        early = self._received[self._position:]
        self._received, self._position = b'', 0
        with self._lock:
            self._pipe.do_handshake()
            if early:
                self._feed(early)  # what has come is TLS's, and no plaintext any more
            else:
                self._collect()

    def _end(self):
        with self._lock:
            if self._pipe.state not in _CLOSING:
                self._pipe.shutdown()
            self._collect()

    # Reading

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
            socket.error: from below; socket.timeout among them.
        """
        if flags:
            no_flags(flags)
        size = buflen if buflen.__class__ is int else to_index(buflen, 'buflen')
        if size < 0:
            raise ValueError('buflen must not be negative')
        self._claim()
        with self._receiving:
            start = self._position
            if start >= len(self._received):
                if not size:
                    return b''
                self._fill()
                start = 0
            received = self._received
            if not start and len(received) <= size:
                self._received = b''
                return received
            self._position = end = min(start + size, len(received))
            return received[start:end]

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
        data = self.recv(min(nbytes, len(view)) if nbytes else len(view), flags)
        view[:len(data)] = data
        return len(data)

    def read(self, len=1024, buffer=None):
        """Do as `recv`, or with *buffer* as `recv_into`: ssl.SSLSocket's other name for them."""
        return self.recv(len) if buffer is None else self.recv_into(buffer, max(len or 0, 0))

    def pending(self):
        """Return how many bytes can be read without waiting; there may be more."""
        return len(self._received) - self._position

    def _fill(self):
        """Wait until there is plaintext, or no more to come."""
        self._received, self._position = b'', 0
        while not self._received:
            if self._error is not None:
                raise self._error
            if self._eof or self._pipe.state in _ENDED:
                return
            self._pump()

    def _pump(self):
        """Bring what comes from below into the pipe, and what comes of it both ways."""
        if self._unsent:
            self._flush(False)
        size = self._size
        data = self._lower.recv(size)
        if len(data) == size:
            self._size = min(2 * size, _MOST_READ)
        elif len(data) < size // 4:
            self._size = max(size // 2, _LEAST_READ)
        with self._lock:
            self._eof = not data
            self._feed(data)
            plaintext = self._pipe.appdata_received()
        if plaintext:
            self._received = self._received[self._position:] + plaintext
            self._position = 0
        if self._unsent:
            try:
                self._flush(False)
            except socket.error:
                if self._error is None:  # else it is what the peer left because of
                    raise

    def _feed(self, data):
        """Give the pipe what has come, and take what it says to that; the lock is held."""
        if self._eof:
            self._pipe.feed_eof()
        else:
            self._pipe.feed_ssldata(data)
        self._collect()

    # Writing

    def sendall(self, data, flags=0):
        """
        Send all of *data*.

        Args:
            data: any contiguous buffer; on Python 2 ASCII text too, as for its own sockets.
            flags (int): 0.

        Raises:
            ssl.SSLError: the handshake failed, or TLS has failed since.
            socket.error: from below; EPIPE if nothing more can be sent.
            TypeError, BufferError: *data* cannot be used.
        """
        if flags:
            no_flags(flags)
        if data.__class__ is not bytes:
            data = _sendable(data)
        if len(data) <= _CHUNK:
            if data:
                self._send(data)
            return
        for start in range(0, len(data), _CHUNK):
            self._send(data[start:start + _CHUNK])

    def send(self, data, flags=0):
        """Send the beginning of *data*, at most 256 KiB; return how many bytes. See `sendall`."""
        if flags:
            no_flags(flags)
        data = _sendable(data)[:_CHUNK]
        if data:
            self._send(data)
        return len(data)

    write = send

    def _send(self, data):
        self._claim()
        with self._lock:
            if self._pipe.state not in _WRITABLE:
                raise self._error or socket.error(errno.EPIPE, 'TLS has been shut down')
            self._pipe.feed_appdata(data)
            self._collect()
        self._flush(True)
        # A handshake comes first. Who reads at the moment brings it, and then this data, along.
        if self._pipe.backlog and self._receiving.acquire(False):
            try:
                while self._pipe.backlog and self._error is None:
                    self._pump()
            finally:
                self._receiving.release()
        if self._error is not None and self._pipe.state is _pipe.BROKEN:
            raise self._error

    def _collect(self):
        """Take what the pipe has to send; the lock is held."""
        data = self._pipe.data_to_send()
        if data:
            self._unsent.append(data)
        self._error = self._error or self._pipe.failure  # raised once the plaintext before is read

    def _flush(self, wait):
        """
        Send what there is: the one place that does.

        Args:
            wait (bool): until it is sent. Who reads must not: the thread that is just sending may
                be waiting for the peer, which may be waiting for us to read. It sends ours, too.
        """
        while wait or self._unsent:
            if not self._sending.acquire(wait):
                return
            try:
                with self._lock:
                    data = b''.join(self._unsent)
                    del self._unsent[:]
                if data:
                    if self._torn:
                        raise socket.error(errno.EPIPE, 'an earlier send was cut short')
                    self._torn = True
                    self._lower.sendall(data)
                    self._torn = False
            finally:
                self._sending.release()
            wait = False  # what came since then, from who did not wait

    # Closing

    def shutdown(self, how):
        """
        Close one direction or both, as socket.shutdown does; close_notify ends what we send.

        Args:
            how (int): socket.SHUT_RD, SHUT_WR or SHUT_RDWR.
        """
        self._claim()
        if how != socket.SHUT_RD:
            self._say_goodbye()
            self._flush(True)
        self._lower.shutdown(how)

    def close(self):
        """
        Close the socket below too, once every file of `makefile` is closed.

        The peer gets our close_notify if that does not have to wait; its own is not waited for
        (RFC 8446 6.1).
        """
        self._closed = True
        if self._io_refs <= 0:
            self._close()

    def _close(self):
        lower = self._lower
        if lower.__class__ is Closed:
            return
        if self._may_end():
            self._say_goodbye()
            try:
                self._flush_at_once(lower)
            except socket.error:
                pass  # whoever closes does not care; the peer learns as much from the close
        self._pipe.let_go()
        self._lower = Closed()
        self._error = socket.error(errno.EBADF, 'Bad file descriptor')
        self._received, self._position = b'', 0
        _call(lower, 'close')

    def _may_end(self):
        return self._pipe.may_end()

    def _flush_at_once(self, lower):
        try:
            lower.settimeout(0)
        except AttributeError:  # then nobody can tell whether it waits
            self._flush(False)
            return
        self._flush(False)
        # Unread bytes, TLS 1.3's session tickets say, would turn the close into a reset, and the
        # peer would lose what is still on its way to it (RFC 2525 2.17).
        lower.recv(_LEAST_READ)

    def _say_goodbye(self):
        with self._lock:
            if self._pipe.state is _pipe.OPEN or self._pipe.state is _pipe.PEER_CLOSED:
                self._pipe.shutdown()
            self._collect()

    def __repr__(self):
        return '<%s %s over %r>' % (type(self).__name__, self._pipe.state, self._lower)


def _sendable(data):
    if PY2 and isinstance(data, text_type):
        return data.encode('ascii')
    return as_bytes(data, 'data')


def _call(sock, name, *args):
    """Call a method that *sock* need not have."""
    method = getattr(sock, name, None)
    if method is not None:
        method(*args)
