"""
`TLSWrappedSocket`: a socket over any TLSWrappedBuffer, of whatever backend.

What waits for the network is here; what the bytes mean is the buffer's. It asks of a buffer only
what PEP 543 gives it.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket as _socket
import threading

from .._compat import as_bytes, memory_of, to_index
from .._fork import OneProcess, getpid
from .._socketface import Closed, no_flags
from ._errors import (
    TLSError, WantReadError, WantWriteError, ragged_eof, tls_error, want_read, want_write)
from ._streamface import StreamFace

__all__ = ['TLSWrappedSocket']

#: How much is sent to the network in one call.
_CHUNK = 0x40000

#: How much plaintext may still come between our close_notify and the peer's.
_DRAIN_LIMIT = 0x100000

_BLOCKS = frozenset([errno.EAGAIN, errno.EWOULDBLOCK])
_HEADER = 5  # bytes of a record before its content (RFC 8446 5.1)


class _Records(object):
    """Counts bytes from the network into records, so that nothing after the last is taken."""

    __slots__ = ('wanted', '_header')

    def __init__(self):
        self.wanted = _HEADER  # how many bytes may be read now
        self._header = b''

    def count(self, data):
        """Take note of *data*, at most as much as was wanted."""
        self.wanted -= len(data)
        if len(self._header) < _HEADER:
            self._header += data
            if not self.wanted:
                size = bytearray(self._header)
                self.wanted = size[3] << 8 | size[4]
        if not self.wanted:
            self.wanted, self._header = _HEADER, b''


class TLSWrappedSocket(StreamFace):
    """
    A TLS connection with the API of a socket; made by a context's ``wrap_socket``.

    Call `do_handshake` once it is connected, before anything else: no other method does. Blocking
    sockets wait, those with a timeout raise socket.timeout; others raise `WantReadError` and
    `WantWriteError`: wait until the socket is readable or writable, then call again, in the case
    of `send` with the same data.

    One thread may read while another one writes.

    After a fork the first process that reads or writes keeps the connection, and in the other one
    both raise `TLSError`. `close`, in a process that has not used it since, closes the descriptor
    and does nothing to the connection, unless it is the parent and no child is left.

    Args:
        socket (socket.socket): a stream; not to be used any more until `unwrap` returns it.
        buffer (TLSWrappedBuffer): new.

    Raises:
        TypeError: *socket* is no stream.
    """

    def __init__(self, socket, buffer):
        # Not ==: on some systems flags are among the bits of a type (observed on 2.7.18, Linux).
        kind = getattr(socket, 'type', _socket.SOCK_STREAM)
        if kind & 0xF != _socket.SOCK_STREAM:
            raise TypeError('socket must be of SOCK_STREAM')
        self._lower = socket  # a Closed in the end
        self._buffer = buffer
        self._records = _Records()
        self._user = OneProcess()           # whatever the buffer knows of forks
        self._process = getpid()            # that the locks are of
        self._lock = threading.Lock()       # over the buffer: never while waiting
        self._receiving = threading.Lock()  # of who reads from below
        self._sending = threading.Lock()    # of who sends below
        self._writing = threading.Lock()    # of who calls send
        self._taken = 0                     # what send has encrypted and could not send
        self._dropped = 0                   # bytes, by unwrap
        self._eof = False                   # of the socket below
        self._io_refs, self._closed = 0, False  # names that Python 3's SocketIO wants

    # TLS

    def do_handshake(self):
        """
        Shake hands, and verify the peer.

        Raises:
            TLSError, RaggedEOF: the handshake failed, for good.
            WantReadError, WantWriteError: the socket does not block: call again.
        """
        self._claim()
        with self._receiving:
            self._wait_for(True, self._buffer.do_handshake)
        self._flush(True)

    def cipher(self):
        """Return the `CipherSuite` (or int) in use; None before the handshake."""
        return self._buffer.cipher()

    def negotiated_protocol(self):
        """Return the `NextProtocol` (or bytes) that ALPN settled on; None if it did on none."""
        return self._buffer.negotiated_protocol()

    def negotiated_tls_version(self):
        """Return the `TLSVersion` in use; None before the handshake. The PEP has a method here."""
        return self._buffer.negotiated_tls_version

    @property
    def context(self):
        """The context that made this socket."""
        return self._buffer.context

    @property
    def buffer(self):
        """The buffer inside, for what a backend offers beyond the PEP."""
        return self._buffer

    def unwrap(self):
        """
        End TLS: send close_notify and wait for the peer's. What it sends until then is dropped.

        Returns:
            socket.socket: the socket below, to go on with in plaintext: nothing that followed the
            peer's close_notify has been taken from it.

        Raises:
            RaggedEOF: the peer has gone without close_notify.
            TLSError: TLS has failed, or the peer goes on sending.
            WantReadError, WantWriteError: the socket does not block: call again.
        """
        self._claim()
        with self._receiving:
            self._wait_for(True, self._end)
        self._flush(True)
        lower, self._lower = self._lower, Closed()
        self._closed = True
        return lower

    def _claim(self):
        """Make this the process that uses the connection; called before anything else is done."""
        if self._process != getpid():
            self._user.replace_locks(self, ['_lock', '_sending', '_receiving', '_writing'],
                                     ['_lock', '_sending', '_writing'])
        if not self._user.take():
            raise tls_error('another process uses this TLS connection, since a fork: only one may')

    def _end(self):
        """Do a step of the closing, dropping what has come before the peer's."""
        while True:
            try:
                return self._buffer.shutdown()
            except WantReadError:
                data = self._read_or_nothing()
            if not data:
                raise want_read()
            self._dropped += len(data)
            if self._dropped > _DRAIN_LIMIT:
                raise tls_error('the peer goes on sending')

    def _read_or_nothing(self):
        try:
            return self._buffer.read(_CHUNK)
        except WantReadError:
            return b''

    # Waiting

    def _wait_for(self, answer, step, *args):
        """
        Take *step* until it wants nothing more, feeding it; `_receiving` is held.

        What it leaves to be sent goes out before anything is waited for, and if it fails as well,
        since that may be an alert.

        Args:
            answer (bool): the peer says nothing before it has got what is outgoing. Who just reads
                must not wait for that: another thread may be sending to a peer that waits for us
                to read. It sends ours, too.
        """
        self._require_open()
        while True:
            try:
                with self._lock:
                    return step(*args)
            except WantReadError:
                self._flush(answer)
            except Exception:
                self._send_alert()
                raise
            self._receive()

    def _require_open(self):
        if self._lower.__class__ is Closed:
            raise _socket.error(errno.EBADF, 'Bad file descriptor')

    def _receive(self):
        """Bring what comes from below into the buffer, no more than to the end of a record."""
        if self._eof:
            raise ragged_eof()
        try:
            data = self._lower.recv(self._records.wanted)
        except _socket.error as error:
            if _blocks(error):
                raise want_read()
            raise
        with self._lock:
            if data:
                self._records.count(data)
            else:
                self._eof = True
            self._buffer.receive_from_network(data)

    def _flush(self, wait):
        """
        Send what is outgoing: the one place that does.

        Args:
            wait (bool): until it is sent; else leave it to whoever is sending already.

        Raises:
            WantWriteError: *wait*, but the socket does not block.
        """
        if not self._sending.acquire(wait):
            return  # whoever is sending sends ours, too
        try:
            while True:
                with self._lock:
                    data = self._buffer.peek_outgoing(_CHUNK)
                if not data:
                    return
                try:
                    sent = self._lower.send(data)
                except _socket.error as error:
                    if not _blocks(error):
                        raise
                    if wait:
                        raise want_write()
                    return
                with self._lock:
                    self._buffer.consume_outgoing(sent)
        finally:
            self._sending.release()

    def _send_alert(self):
        """Tell the peer why, if that does not take waiting."""
        try:
            timeout = self._lower.gettimeout()
            self._lower.settimeout(0)
            try:
                self._flush(False)
            finally:
                self._lower.settimeout(timeout)
        except _socket.error:
            pass  # what is being raised already is what matters

    # Reading

    def recv(self, bufsize, flags=0):
        """
        Receive plaintext.

        Args:
            bufsize (int): how many bytes at most.
            flags (int): 0.

        Returns:
            bytes: b'' once the peer has ended its side.

        Raises:
            RaggedEOF: the peer has gone without close_notify; the data may be cut short.
            TLSError, socket.error: TLS, or the socket below, has failed.
            WantReadError: the socket does not block, and there is nothing.
        """
        no_flags(flags)
        self._claim()
        with self._receiving:
            data = self._wait_for(False, self._buffer.read, bufsize)
        self._flush(False)
        return data

    def recv_into(self, buffer, nbytes=0, flags=0):
        """
        Receive plaintext into *buffer*; return how many bytes. See `recv`.

        Args:
            buffer (writable buffer): where it goes.
            nbytes (int): how many bytes at most; 0 for the whole of *buffer*.
            flags (int): 0.
        """
        no_flags(flags)
        self._claim()
        size = to_index(nbytes or 0, 'nbytes')
        if not size:
            memory = memory_of(buffer)
            size = getattr(memory, 'nbytes', len(memory))
        with self._receiving:
            count = self._wait_for(False, self._buffer.readinto, buffer, size)
        self._flush(False)
        return count

    # Writing

    def send(self, data, flags=0):
        """
        Send the beginning of *data*.

        Args:
            data: any contiguous buffer.
            flags (int): 0.

        Returns:
            int: how many bytes have been sent.

        Raises:
            WantWriteError: the socket does not block: call again with the same data.
            TLSError, socket.error: TLS, or the socket below, has failed.
        """
        no_flags(flags)
        self._claim()
        with self._writing:
            return self._send(data)

    def sendall(self, data, flags=0):
        """
        Send all of *data*; see `send`. Not for sockets that do not block, as on Python 3.

        Raises:
            as `send`; after an error nobody knows how much has been sent.
        """
        no_flags(flags)
        self._claim()
        data = as_bytes(data, 'data')
        start = 0
        with self._writing:
            while start < len(data):
                start += self._send(data[start:start + _CHUNK])

    def _send(self, data):
        self._require_open()
        if not self._taken:
            self._flush(True)
            try:
                with self._lock:
                    self._taken = self._buffer.write(data)
            except Exception:
                self._send_alert()
                raise
        # Not told before it is out: who has sent all that there is might never call again.
        self._flush(True)
        taken, self._taken = self._taken, 0
        if taken > len(data):
            raise ValueError('data is not what the send that has to be repeated was given')
        return taken

    def sendfile(self, file, offset=0, count=None):
        """
        Send a file, as Python 3's socket.sendfile.

        Args:
            file: opened in binary mode.
            offset (int): where to begin.
            count (int or None): how many bytes at most; None for all.

        Returns:
            int: how many bytes have been sent; the file's position is after them.
        """
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            data = file.read(_CHUNK if count is None else min(_CHUNK, count - sent))
            if not data:
                break
            self.sendall(data)
            sent += len(data)
        return sent

    # The rest of a socket

    def accept(self):
        """Return (a `TLSWrappedSocket` of the same context, address) of a new connection."""
        connection, address = self._lower.accept()
        return self.context.wrap_socket(connection), address

    def shutdown(self, how):
        """
        Close one direction or both, as socket.shutdown does; close_notify ends what we send.

        Args:
            how (int): socket.SHUT_RD, SHUT_WR or SHUT_RDWR.
        """
        self._claim()
        if how != _socket.SHUT_RD:
            self._say_goodbye()
            self._flush(True)
        self._lower.shutdown(how)

    def close(self):
        """
        Close the socket below too, once every file of `makefile` is closed.

        The peer gets our close_notify if that does not have to wait; its own is not waited for.
        """
        self._closed = True
        if self._io_refs <= 0 and self._lower.__class__ is not Closed:
            if self._may_end():
                self._say_goodbye()
                self._send_alert()
            self._user.let_go()
            lower, self._lower = self._lower, Closed()
            lower.close()

    def _may_end(self):
        return self._user.may_end(bool(self._taken))

    def _say_goodbye(self):
        try:
            with self._lock:
                self._buffer.shutdown()
        except (RuntimeError, TLSError):
            pass  # the peer's is not waited for; or there is no TLS to end, any more or yet

    def __repr__(self):
        return '<%s over %r>' % (type(self).__name__, self._lower)


def _blocks(error):
    # The latter is what a TLS socket below says: TLS in TLS.
    return error.errno in _BLOCKS or isinstance(error, (WantReadError, WantWriteError))
