"""
`Channel`: a blocking connection with any number of TLS layers inside of each other.

What TLS is, the pipes know; what is said through it, others. Here is when to wait for the socket.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import socket

from .. import _pipe
from .console import UserError

__all__ = ['Channel']

#: The longest line or header that a peer may send before TLS starts, in bytes.
LIMIT = 65536

#: How much to read at once, and to hold back for a slow receiver.
CHUNK = 65536

_ENDED = frozenset([_pipe.PEER_CLOSED, _pipe.FINISHING, _pipe.CLOSED])
_GONE = (errno.EPIPE, errno.ECONNRESET)


class Channel(object):
    """
    A connection, in plaintext until `start_tls`, which may be called again for TLS in TLS.

    Args:
        sock (socket.socket): connected, with a timeout.
    """

    def __init__(self, sock):
        self._sock = sock
        self._pipes = []      # the outermost layer first
        self._received = b''  # that nobody has taken yet
        self._ended = False   # nothing will follow it

    # Before the data flows: one step after another

    def send(self, data):
        """Send *data* (bytes), through all layers."""
        self._sock.sendall(self._down(data))

    def line(self):
        """Return the next line without its end (bytes)."""
        return self.until(b'\n').rstrip(b'\r\n')

    def until(self, *ends):
        """Return what comes up to and with the first of *ends* (bytes)."""
        while True:
            found = [self._received.index(end) + len(end) for end in ends if end in self._received]
            if found:
                return self._take(min(found))
            if len(self._received) > LIMIT:
                raise UserError('the peer talks on and on: not the protocol that was expected')
            self._fill()

    def exactly(self, size):
        """Return the next *size* bytes."""
        while len(self._received) < size:
            self._fill()
        return self._take(size)

    def _take(self, size):
        data, self._received = self._received[:size], self._received[size:]
        return data

    def start_tls(self, pipe):
        """
        Add a layer: shake hands through *pipe*, an `SSLPipe` that has not been started.

        Raises:
            UserError: bytes came before that somebody on the way may have put there.
            ssl.SSLError: the handshake failed; the peer has been sent the alert.
        """
        if self._received:
            # CVE-2011-0411, CVE-2021-23222: they must not be taken for what came through TLS.
            raise UserError('the peer sent %d bytes too many before TLS' % len(self._received))
        self._pipes.append(pipe)
        pipe.do_handshake()
        while pipe.state is _pipe.HANDSHAKE:
            self.send(b'')
            self._fill()
        self.send(b'')

    def _fill(self):
        if self._ended:
            raise UserError('the peer has closed the connection')
        data = self._sock.recv(CHUNK)
        try:
            self._received += self._up(data)
        except Exception:
            self._try_to_send()  # the alert
            raise

    def _try_to_send(self, before=b''):
        """Send *before* and what the pipes still have, if the peer still takes it."""
        try:
            self._sock.sendall(before + self._down(b''))
        except socket.error as error:
            if not isinstance(error, socket.timeout) and error.errno not in _GONE:
                raise

    # Through the layers

    def _down(self, data):
        """Return what has to be sent for *data* (bytes), b'' included, to get to the peer."""
        for pipe in reversed(self._pipes):
            if data:
                pipe.feed_appdata(data)
            data = pipe.data_to_send()
        return data

    def _up(self, data):
        """Return what is in *data* (bytes) from the socket; b'' is its end."""
        ended = not data
        for pipe in self._pipes:
            pipe.feed_ssldata(data)
            if ended:
                pipe.feed_eof()
            data = pipe.appdata_received()
            ended = pipe.state in _ENDED
        self._ended = ended
        return data

    def shutdown(self):
        """End our side: close_notify is sent, the peer may go on (RFC 8446 6.1)."""
        pipe = self._pipes[-1]
        if pipe.state in (_pipe.OPEN, _pipe.PEER_CLOSED):
            pipe.shutdown()

    def close(self):
        """Close the connection."""
        self._sock.close()

    # Data, both ways

    def relay(self, source, target, convert=None, shut_down=True):
        """
        Send what *source* has, and write to *target* what comes, until the peer has ended.

        Args:
            source, target (int): file descriptors.
            convert (callable or None): from what was read to what is sent.
            shut_down (bool): whether the end of *source* ends our side of TLS.

        Raises:
            ssl.SSLError, socket.error: the connection broke; what had come before is in *target*.
        """
        relay = _Relay(self, source, target, convert, shut_down)
        try:
            while not relay.is_done():
                relay.step()
        except Exception:
            relay.finish()
            raise
        relay.finish()


class _Relay(object):
    """The state of `Channel.relay`: neither direction ever waits for the other one."""

    def __init__(self, channel, source, target, convert, shut_down):
        self._channel = channel
        self._sock = channel._sock
        self._source = source
        self._target = target
        self._convert = convert
        self._shut_down = shut_down
        self._outgoing = channel._down(b'')
        self._sock.setblocking(False)

    def is_done(self):
        """Whether the peer has ended, and *target* has it all."""
        return self._channel._ended and not self._channel._received

    def step(self):
        """Wait until something can go on, and let it."""
        channel, sock = self._channel, self._sock
        reads, writes = [], []
        if len(channel._received) < CHUNK and not channel._ended:
            reads.append(sock)
        if self._source is not None and not self._outgoing:
            reads.append(self._source)
        if self._outgoing:
            writes.append(sock)
        if channel._received:
            writes.append(self._target)
        try:
            readable, writable, _ = select.select(reads, writes, [])
        except select.error as error:
            if error.args[0] == errno.EINTR:  # Python 2, when it was stopped and goes on
                return
            raise
        if self._target in writable:
            self._write(select.PIPE_BUF)  # as much as a pipe takes without waiting
        if sock in readable:
            self._receive()
        if self._source in readable:
            self._read()
        if self._outgoing:
            self._send()

    def _receive(self):
        channel = self._channel
        data = self._sock.recv(CHUNK)
        try:
            channel._received += channel._up(data)
        except Exception:
            # The pipe has kept what it decrypted before that.
            channel._received += channel._pipes[-1].appdata_received()
            raise
        if channel._ended:
            self._source = None
            channel.shutdown()
        self._outgoing += channel._down(b'')

    def _read(self):
        data = os.read(self._source, CHUNK)
        if not data:
            self._source = None
            if self._shut_down:
                self._channel.shutdown()
        elif self._convert:
            data = self._convert(data)
        self._outgoing += self._channel._down(data)

    def _send(self):
        try:
            sent = self._sock.send(self._outgoing)
        except socket.error as error:
            if error.errno in _GONE:  # it may have said something before it went
                self._source, self._outgoing = None, b''
                return
            if error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK):
                raise
            return
        self._outgoing = self._outgoing[sent:]

    def _write(self, size):
        channel = self._channel
        written = os.write(self._target, channel._received[:size])
        channel._received = channel._received[written:]

    def finish(self):
        """Write what came before the end, or the error, and send the answer to that."""
        while self._channel._received:
            self._write(CHUNK)
        self._sock.settimeout(1)
        self._channel._try_to_send(self._outgoing)
