"""
How a Tornado stream shakes hands: what happens until there is TLS. Nothing here moves data.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket as sockets
import ssl

from .._core import pipe_states
from .._stream.report import failed_handshakes
from ._framework import iostream, log
from ._lower import READ_SIZE

__all__ = ['BEFORE', 'Handshaking', 'plain_read', 'plain_reading', 'plain_write']

#: The pipe's states in which there is no TLS yet.
BEFORE = frozenset([pipe_states.PLAINTEXT, pipe_states.HANDSHAKE])

#: What a handshake with somebody who scans ports ends in.
_NOT_CONNECTED = (errno.EBADF, errno.ENOTCONN)

# What a plain stream does. Looking them up each time, with super(), takes longer than some take.
plain_read, plain_write = iostream.IOStream._handle_read, iostream.IOStream._handle_write
plain_reading = iostream.IOStream.reading


class Handshaking(object):
    """The part of `SSLIOStream` that is about the handshake, its clock and its failure."""

    def _do_ssl_handshake(self):
        """Take the handshake as far as it goes, and log its failure as Tornado does."""
        if self._pipe is None:  # nobody has called connect() yet
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
        if self._pipe.ssl_object.server_side:  # any stranger can make that fail
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
            data = self._below.receive()
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
        self._flush_whatever_comes()  # the alert
        if pipe.established:  # it comes after the handshake
            self._failure = pipe.failure
        else:
            raise pipe.failure

    def _established(self):
        self._stop_clock()
        self._run_ssl_connect_callback()
        future, self._start_tls_future = self._start_tls_future, None
        if future is not None:
            future.set_result(self)
        # What has been written meanwhile, and what has been received: nothing more may come that
        # would wake us.
        if self._write_futures or self._write_callback:
            plain_write(self)
        if not self.closed():
            self._plaintext = self._pipe.appdata_received()
            if self._plaintext or self._pipe.state is not pipe_states.OPEN:
                if plain_reading(self):
                    plain_read(self)
                else:  # who waits for the handshake comes first
                    self.io_loop.add_callback(self._read_early)

    def _read_early(self):
        if not self.closed():
            self._handle_events(self.fileno(), self.io_loop.READ)

    def _start_clock(self):
        # Without it a first answer waits for the peer's delayed ACK of the handshake's last flight:
        # 40 ms on Linux. HTTP connections switch it on and off as they go.
        try:
            self._peer = self.socket.getpeername()
            self.set_nodelay(True)
        except (AttributeError, sockets.error):  # of a pipe, or gone already
            pass
        self._timer = self.io_loop.call_later(self._handshake_timeout, self._handshake_timed_out)
        if self._handshakes is not None:
            self._handshakes.running += 1

    def _stop_clock(self):
        timer, self._timer = self._timer, None
        if timer is not None:
            self.io_loop.remove_timeout(timer)
            if self._handshakes is not None:
                self._handshakes.running -= 1

    def _handshake_timed_out(self):
        error = sockets.error(
            errno.ECONNABORTED,
            'the TLS handshake took longer than %s seconds' % self._handshake_timeout)
        self._log_failure(error)
        self.close(exc_info=error)


def _number(fd):
    """Return the number of what fileno() returned; -1, as on Python 3, if that is closed by now."""
    try:
        return fd if isinstance(fd, int) else fd.fileno()
    except sockets.error:
        return -1
