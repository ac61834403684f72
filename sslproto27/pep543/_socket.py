"""
`TLSWrappedSocket`: a socket over any backend's TLSWrappedBuffer.

`BlockingTLS` waits for the network; the buffer does the TLS. We use only the buffer methods that
PEP 543 defines.
"""
from __future__ import absolute_import, division, print_function

import socket as _socket

from .._core.amount import Records
from .._core.blocking import CHUNK, BlockingTLS, of_lower, uninterrupted
from .._core.fork import OneProcess, getpid
from .._core.pipe import DRAIN_LIMIT
from ._errors import TLSError, WantReadError, tls_error

__all__ = ['TLSWrappedSocket']


class _BufferEngine(object):
    """A TLSWrappedBuffer as the engine of a `BlockingTLS`: returns None for WantReadError."""

    outgoing = True       # perhaps: in the PEP you cannot ask without taking a copy
    is_unwritten = False  # the buffer takes nothing before the handshake is done
    kept = 0              # bytes: it hands over at once what it has

    def __init__(self, buffer):
        self.buffer = buffer
        self.receive = buffer.receive_from_network
        self.write = buffer.write
        self.peek_outgoing = buffer.peek_outgoing
        self.consume_outgoing = buffer.consume_outgoing
        self._dropped = 0  # bytes, by unwrap

    def handshake(self):
        """Shake hands."""
        try:
            self.buffer.do_handshake()
        except WantReadError:
            return None
        return True

    def read(self, size):
        """Take at most *size* bytes of plaintext."""
        try:
            return self.buffer.read(size)
        except WantReadError:
            return None

    def unwrap(self):
        """End TLS, dropping the data that comes before the peer ends it."""
        while True:
            try:
                self.buffer.shutdown()
                return True
            except WantReadError:
                data = self.read(CHUNK)
            if not data:
                return None
            self._dropped += len(data)
            if self._dropped > DRAIN_LIMIT:
                raise tls_error('the peer goes on sending')

    def close(self):
        """End our side if there is TLS to end."""
        try:
            self.buffer.shutdown()
        except (RuntimeError, TLSError):
            pass  # we do not wait for the peer's; or TLS has not begun, or is already over


class _User(OneProcess):
    """Decides which process may use the connection, for buffers that do not handle forks."""

    __slots__ = ()

    def claim(self):
        """Take the connection for this process; raise TLSError if another one has it."""
        if self._pid != getpid() and not self.take():
            raise tls_error('another process uses this TLS connection, since a fork: only one may')


def _without_streams(name):
    """Return a stub for a method that makes no sense on a stream, or would bypass TLS."""
    def method(self, *args, **kwargs):
        raise NotImplementedError('%s is not possible on a TLS socket' % name)
    method.__name__ = name
    method.__doc__ = 'Raise NotImplementedError.'
    return method


class TLSWrappedSocket(BlockingTLS):
    """
    A TLS connection with the API of a socket; made by a context's ``wrap_socket``.

    Call `do_handshake` once it is connected, before anything else: no other method does. Blocking
    sockets wait, and those with a timeout raise socket.timeout. Non-blocking ones raise
    `WantReadError` or `WantWriteError`: wait until the socket is readable or writable, then call
    again, `send` with the same data.

    One thread may read while another one writes.

    After a fork the first process that reads or writes keeps the connection; in the other one
    reading and writing raise `TLSError`.

    Args:
        socket (socket.socket): a stream; do not use it until `unwrap` returns it.
        buffer (TLSWrappedBuffer): a new one.

    Raises:
        TypeError: *socket* is not a stream.
    """

    def __init__(self, socket, buffer):
        # Not ==: on some systems the type includes flags (observed on 2.7.18, Linux).
        kind = getattr(socket, 'type', _socket.SOCK_STREAM)
        if kind & 0xF != _socket.SOCK_STREAM:
            raise TypeError('socket must be of SOCK_STREAM')
        self._buffer = buffer
        super(TLSWrappedSocket, self).__init__(
            socket, _BufferEngine(buffer), Records(whole=False), _User())

    # TLS

    def do_handshake(self):
        """
        Shake hands, and verify the peer.

        Raises:
            TLSError, RaggedEOF: the handshake failed, for good.
            WantReadError, WantWriteError: the socket does not block: call again.
        """
        self._take(True, self._engine.handshake)

    def cipher(self):
        """Return the `CipherSuite` (or int) in use; None before the handshake."""
        return self._buffer.cipher()

    def negotiated_protocol(self):
        """Return the `NextProtocol` (or bytes) negotiated by ALPN; None if there is none."""
        return self._buffer.negotiated_protocol()

    def negotiated_tls_version(self):
        """Return the `TLSVersion` in use; None before the handshake. A method, as in the PEP."""
        return self._buffer.negotiated_tls_version

    @property
    def context(self):
        """The context that made this socket."""
        return self._buffer.context

    @property
    def buffer(self):
        """The buffer inside, for a backend's features beyond the PEP."""
        return self._buffer

    def unwrap(self):
        """
        End TLS: send close_notify and wait for the peer's. Data that arrives before it is dropped.

        Returns:
            socket.socket: the socket below, for plaintext. No bytes after the peer's close_notify
            have been read from it.

        Raises:
            RaggedEOF: the peer has gone without close_notify.
            TLSError: TLS has failed, or the peer goes on sending.
            WantReadError, WantWriteError: the socket does not block: call again.
        """
        self._take(True, self._engine.unwrap)
        lower = self._lower
        self._forget_lower()
        return lower

    # Bytes

    def recv(self, bufsize, flags=0):
        """Wait for at most *bufsize* bytes of plaintext; see `BlockingTLS.recv`."""
        return super(TLSWrappedSocket, self).recv(bufsize, flags)

    def _room(self, nbytes, size):
        if nbytes > size:
            raise ValueError('nbytes is more than the buffer has room for')
        return nbytes or size

    def sendfile(self, file, offset=0, count=None):
        """
        Send a file, like Python 3's socket.sendfile.

        Args:
            file: opened in binary mode.
            offset (int): where to begin.
            count (int or None): the most bytes to send; None for all.

        Returns:
            int: how many bytes have been sent; the file's position is after them.
        """
        file.seek(offset)
        sent = 0
        while count is None or sent < count:
            data = file.read(CHUNK if count is None else min(CHUNK, count - sent))
            if not data:
                break
            self.sendall(data)
            sent += len(data)
        return sent

    # The rest of a socket

    def accept(self):
        """Return (a `TLSWrappedSocket` of the same context, address) of a new connection."""
        found = []
        uninterrupted(found, self._lower, lambda _: self._lower.accept(), None)
        connection, address = found[0]
        return self.context.wrap_socket(connection), address

    bind = of_lower('bind')
    connect = of_lower('connect')
    connect_ex = of_lower('connect_ex')
    get_inheritable = of_lower('get_inheritable')
    getblocking = of_lower('getblocking')
    ioctl = of_lower('ioctl', is_use=True)
    listen = of_lower('listen')
    set_inheritable = of_lower('set_inheritable')

    detach = _without_streams('detach')
    dup = _without_streams('dup')
    recvfrom = _without_streams('recvfrom')
    recvfrom_into = _without_streams('recvfrom_into')
    recvmsg = _without_streams('recvmsg')
    recvmsg_into = _without_streams('recvmsg_into')
    sendmsg = _without_streams('sendmsg')
    sendmsg_afalg = _without_streams('sendmsg_afalg')
    sendto = _without_streams('sendto')
    share = _without_streams('share')

    @property
    def proto(self):
        """The protocol of the socket below (int)."""
        return self._lower.proto

    @property
    def timeout(self):
        """How long the socket below waits, in seconds; None means for ever."""
        return self._lower.gettimeout()

    def __repr__(self):
        return '<%s over %r>' % (type(self).__name__, self._lower)
