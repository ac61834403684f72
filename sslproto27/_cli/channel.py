"""
`Channel`: a blocking connection that starts in plaintext; each layer of TLS is an `SSLSocket`.

It reads lines and lengths, and relays data both ways. Other modules know the protocols.
"""
from __future__ import absolute_import, division, print_function

import errno
import os
import socket
import ssl
import threading

from .._core.socket import SSLSocket
from .._core.waiting import ready
from .console import OutputError, UserError

__all__ = ['Channel']

#: The longest line or header that a peer may send before TLS starts, in bytes.
LIMIT = 65536

#: How many bytes to read at once.
CHUNK = 65536

#: How many of the peer's first bytes we keep for error messages.
_KEPT = 200

#: The peer takes no more data, or we have closed. The reading thread finds out whether the peer's
#: data was complete.
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.EBADF)


#: Errors of a descriptor that is not ready; another process that shares it may have made it
#: non-blocking.
_NOT_NOW = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EINTR)


class Channel(object):
    """
    A connection, in plaintext until `start_tls`, which may be called again for TLS in TLS.

    Args:
        sock (socket.socket): connected.
    """

    def __init__(self, sock):
        self._sock = _OneWay(sock)
        self._below = None    # the connection below the innermost layer of TLS
        self._received = b''  # received bytes that nobody has taken yet
        self._unread = None   # the error that ended the input of `relay`

    @property
    def ssl_object(self):
        """The SSLObject of the innermost layer of TLS, even if its handshake failed."""
        return self._sock.ssl_object

    @property
    def heard(self):
        """The peer's first bytes after the innermost layer of TLS was started."""
        return self._below.heard if self._below else b''

    # Before the data flows, step by step

    def send(self, data):
        """Send *data* (bytes)."""
        self._sock.sendall(data)

    def line(self):
        """Return the next line without its end (bytes)."""
        return self.until(b'\n').rstrip(b'\r\n')

    def until(self, *ends):
        """Return the received bytes up to and including the first of *ends*."""
        while True:
            found = [self._received.index(end) + len(end) for end in ends if end in self._received]
            if found:
                return self._take(min(found))
            if len(self._received) > LIMIT:
                raise UserError('the peer keeps sending: this is not the expected protocol')
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
        Add a layer of TLS, and do its handshake.

        Args:
            context (ssl.SSLContext), **kwargs: as for `SSLSocket`.

        Raises:
            UserError: bytes arrived too early; an attacker may have injected them.
            ssl.SSLError: the handshake failed; the alert has been sent.
        """
        if self._received:
            # CVE-2011-0411, CVE-2021-23222: they must not count as data received through TLS.
            raise UserError('the peer sent %d bytes too many before TLS' % len(self._received))
        self._below = _Remembering(self._sock)
        self._sock = SSLSocket(self._below, context, do_handshake_on_connect=False, **kwargs)
        self._sock.do_handshake()

    # Data, both ways

    def relay(self, source, target, convert=None, shut_down=True):
        """
        Send the data of *source*, write received data to *target*, until the peer ends; close.

        Args:
            source, target (int): file descriptors.
            convert (callable or None): applied to the data of *source* before it is sent.
            shut_down (bool): whether the end of *source* ends our side of TLS.

        Raises:
            OutputError: *target* cannot be written.
            UserError: *source* could not be read to its end.
            ssl.SSLError, socket.error: the connection broke; *target* has all earlier data.
        """
        self._sock.settimeout(None)
        # The sending thread may be waiting for input. Closing one end of this pipe stops it.
        ending, end = os.pipe()
        sender = threading.Thread(target=self._send_all, args=(source, ending, convert, shut_down))
        try:
            _start(sender)
            self._write_all(target)
        finally:
            os.close(end)
            self.close()
            if sender.ident:  # it has been started
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
                if ending in ready([source, ending], []):
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
            pass  # the reading thread gets the error too
        except socket.error as error:
            if error.errno not in _GONE:
                raise

    def _read(self, source):
        try:
            return os.read(source, CHUNK)
        except OSError as error:  # for example, it is a directory: `relay` raises this at its end
            if error.errno in _NOT_NOW:
                return None
            self._unread = error
            return b''

    def shutdown(self):
        """End our side with close_notify; the peer may go on sending (RFC 8446 6.1)."""
        self._sock.shutdown(socket.SHUT_WR)

    def close(self):
        """Close the connection."""
        self._sock.close()


def _start(thread):
    try:
        thread.start()
    except threading.ThreadError as error:
        raise UserError('the input cannot be sent: %s', error)


def _write(target, data):
    """Write all of *data* to a descriptor; raise `OutputError` if that fails."""
    while data:
        try:
            data = data[os.write(target, data):]
        except OSError as error:
            if error.errno not in _NOT_NOW:
                raise OutputError(error)
            ready([], [target])


class _Remembering(object):
    """
    A connection below TLS that keeps the peer's first bytes, in case they are not TLS.

    Attributes:
        heard (bytes): those bytes.
    """

    def __init__(self, sock):
        self._sock = sock
        self.heard = b''

    def recv(self, size):
        """Receive from the connection."""
        data = self._sock.recv(size)
        if len(self.heard) < _KEPT:
            self.heard += data[:_KEPT - len(self.heard)]
        return data

    def __getattr__(self, name):
        return getattr(self._sock, name)


class _OneWay(object):
    """
    A socket below TLS that ignores shutdown(): close_notify is enough to end our side, and proxies
    and servers treat the end of our TCP direction as the end of both. Closing it wakes a thread
    that waits for it.
    """

    def __init__(self, sock):
        self._sock = sock

    def shutdown(self, how):
        """Do nothing."""

    def close(self):
        """Close the connection, even while another thread is sending."""
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except socket.error as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise
        self._sock.close()

    def __getattr__(self, name):
        return getattr(self._sock, name)
