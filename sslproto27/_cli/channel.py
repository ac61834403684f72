"""
`Channel`: a blocking connection that starts in plaintext; each layer of TLS is an `SSLSocket`.

What is said through it, others know. Here are lines, lengths, and data both ways.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import select
import socket
import ssl
import threading

from .._core.socket import SSLSocket
from .console import OutputError, UserError

__all__ = ['Channel']

#: The longest line or header that a peer may send before TLS starts, in bytes.
LIMIT = 65536

#: How much to read at once.
CHUNK = 65536

#: How much of what the peer says first is kept for who wonders what it was, in bytes.
_KEPT = 200

#: The peer takes no more, or we have closed; whether it had said all, who reads will see.
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.EBADF)


#: A descriptor is not blocking, as whoever shares it wants it, and not ready.
_NOT_NOW = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class Channel(object):
    """
    A connection, in plaintext until `start_tls`, which may be called again for TLS in TLS.

    Args:
        sock (socket.socket): connected.
    """

    def __init__(self, sock):
        self._sock = _OneWay(sock)
        self._below = None    # what the innermost layer of TLS reads from
        self._received = b''  # that nobody has taken yet
        self._unread = None   # why the input of `relay` ended early

    @property
    def ssl_object(self):
        """The SSLObject of the innermost layer of TLS, also of one whose handshake failed."""
        return self._sock.ssl_object

    @property
    def heard(self):
        """What the peer said first where the innermost layer of TLS should have begun (bytes)."""
        return self._below.heard if self._below else b''

    # Before the data flows: one step after another

    def send(self, data):
        """Send *data* (bytes)."""
        self._sock.sendall(data)

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

    def _fill(self):
        data = self._sock.recv(CHUNK)
        if not data:
            raise UserError('the peer has closed the connection')
        self._received += data

    def start_tls(self, context, **kwargs):
        """
        Add a layer of TLS: shake hands.

        Args:
            context (ssl.SSLContext), **kwargs: those of `SSLSocket`.

        Raises:
            UserError: bytes came before that somebody on the way may have put there.
            ssl.SSLError: the handshake failed; the peer has been sent the alert.
        """
        if self._received:
            # CVE-2011-0411, CVE-2021-23222: they must not be taken for what came through TLS.
            raise UserError('the peer sent %d bytes too many before TLS' % len(self._received))
        self._below = _Remembering(self._sock)
        self._sock = SSLSocket(self._below, context, do_handshake_on_connect=False, **kwargs)
        self._sock.do_handshake()

    # Data, both ways

    def relay(self, source, target, convert=None, shut_down=True):
        """
        Send what *source* has, and write to *target* what comes, until the peer has ended; close.

        Args:
            source, target (int): file descriptors.
            convert (callable or None): from what was read to what is sent.
            shut_down (bool): whether the end of *source* ends our side of TLS.

        Raises:
            OutputError: *target* cannot be written.
            UserError: *source* could not be read to its end.
            ssl.SSLError, socket.error: the connection broke; what had come before is in *target*.
        """
        self._sock.settimeout(None)
        # Closing the one end of this pipe calls the sender off, which may wait for the input.
        ending, end = os.pipe()
        sender = threading.Thread(target=self._send_all, args=(source, ending, convert, shut_down))
        sender.start()
        try:
            self._write_all(target)
        finally:
            os.close(end)
            self.close()
            sender.join()
            os.close(ending)
        if self._unread is not None:
            raise UserError('the input cannot be read: %s', self._unread)

    def _write_all(self, target):
        data = self._received
        while True:
            _write(target, data)
            data = self._sock.recv(CHUNK)
            if not data:
                return

    def _send_all(self, source, ending, convert, shut_down):
        try:
            while True:
                if ending in select.select([source, ending], [], [])[0]:
                    return
                data = self._read(source)
                if data is None:
                    continue
                if not data:
                    break
                self._sock.sendall(convert(data) if convert else data)
            if shut_down:
                self.shutdown()
        except ssl.SSLError:
            pass  # who reads gets it, too
        except socket.error as error:
            if error.errno not in _GONE:
                raise

    def _read(self, source):
        try:
            return os.read(source, CHUNK)
        except OSError as error:  # a directory, say: `relay` raises it in the end
            if error.errno in _NOT_NOW:
                return None
            self._unread = error
            return b''

    def shutdown(self):
        """End our side: close_notify is sent, the peer may go on (RFC 8446 6.1)."""
        self._sock.shutdown(socket.SHUT_WR)

    def close(self):
        """Close the connection."""
        self._sock.close()


def _write(target, data):
    """Write all of *data* to a descriptor; `OutputError` if that cannot be."""
    while data:
        try:
            data = data[os.write(target, data):]
        except OSError as error:
            if error.errno not in _NOT_NOW:
                raise OutputError(error)
            select.select([], [target], [])


class _Remembering(object):
    """
    A connection below TLS, of which the beginning is kept: it may be something else than TLS.

    Attributes:
        heard (bytes): that.
    """

    def __init__(self, sock):
        self._sock = sock
        self.heard = b''

    def recv(self, size):
        """Do as the connection."""
        data = self._sock.recv(size)
        if len(self.heard) < _KEPT:
            self.heard += data[:_KEPT - len(self.heard)]
        return data

    def __getattr__(self, name):
        return getattr(self._sock, name)


class _OneWay(object):
    """
    A socket below TLS that is not shut down with it: close_notify says all that there is to say,
    while proxies and servers take the end of TCP for the end of both directions. Closing it wakes
    whoever waits for it.
    """

    def __init__(self, sock):
        self._sock = sock

    def shutdown(self, how):
        """Do nothing."""

    def close(self):
        """Close the connection, also for a thread that is just sending."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except socket.error as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise
        self._sock.close()

    def __getattr__(self, name):
        return getattr(self._sock, name)
