"""
How a connection ends: the part of `SSLProtocol` that closes, unwraps, aborts and fails.

Nothing here handles data; what the methods use is `SSLProtocol`'s.
"""
from __future__ import absolute_import, division, print_function

import errno
import logging
import socket
import ssl

from .._core import pipe_states
from . import lower_transport
from .states import (
    CLOSE, CLOSED, CLOSING, DETACH, EARLY, END, ENDING, HANDSHAKE, OPEN, OVER, UNWRAP, UNWRAPPING)

__all__ = ['HANDSHAKE_TIMEOUT', 'SHUTDOWN_TIMEOUT', 'Ending', 'timeouts']

logger = logging.getLogger('sslproto27')

#: Seconds that a handshake may take, and that the peer has to answer our close_notify.
HANDSHAKE_TIMEOUT = 60.0
SHUTDOWN_TIMEOUT = 30.0


class Ending(object):
    """
    What a connection's end needs.

    After close() what was written goes out, then close_notify; the peer has ssl_shutdown_timeout
    seconds to answer it, and the transport below as long again to send what it has. A failure sends
    its alert first. abort() sends nothing.
    """

    __slots__ = ()

    _connection_error = socket.error  # of an errno and a text; on Python 3 one of OSError's classes

    def _reset(self, text):
        return self._connection_error(errno.ECONNRESET, text)

    def _aborted(self, text):
        return self._connection_error(errno.ECONNABORTED, text)

    def _close(self):
        state = self._state
        self._settle()
        if state not in OVER and not self._pipe.may_end():
            self._leave_alone()
        elif state in OPEN or state is UNWRAPPING:
            pipe = self._pipe
            self._unread = b''
            pipe.discard()
            if pipe.state is pipe_states.BROKEN:  # the application had yet to be told
                self._fail(pipe.failure)
                return
            self._enter(CLOSE)
            if state is UNWRAPPING:
                self._wake_unwrapped(self._error or self._aborted('closed in unwrap()'))
            else:
                pipe.shutdown()
            self._resume_reading()  # the peer's close_notify comes after what nobody reads
            self._leave()
        elif state in EARLY:
            self._abort()

    def _leave_alone(self):
        """
        Close our descriptor alone: another process may use the connection, since a fork.

        What was encrypted before the fork is the parent's to send.
        """
        self._pipe.let_go()
        if self._state in EARLY or self._pipe.came_by_fork():
            self._abort()
        else:
            lower_transport.pause_reading(self._transport)  # what comes is not ours
            self._end()

    def _unwrap(self, waiter):
        """Resolve *waiter* with (transport below, trailing bytes) once TLS has ended."""
        if self._state not in OPEN or self._pipe.state is pipe_states.BROKEN:
            waiter.set_exception(RuntimeError('unwrap() is not possible in state %s' % self._state))
            return
        try:
            self._pipe.claim()
        except ssl.SSLError as error:
            waiter.set_exception(error)
            return
        self._unwrapped = waiter
        self._enter(UNWRAP)
        self._pipe.shutdown()
        self._leave()

    def _leave(self):
        """Send our close_notify and give the peer its time to answer."""
        self._stop_timer()
        if not self._delivering:
            self._flush()

    def _limit_leaving(self):
        """Give the peer its time, if our side is closed, and the flush has not been the end."""
        if self._timer is not None:
            return
        if self._state is UNWRAPPING:
            self._start_timer(self._shutdown_timeout or SHUTDOWN_TIMEOUT, self._unwrap_timed_out)
        elif self._state is CLOSING and self._shutdown_timeout:
            self._start_timer(self._shutdown_timeout, self._shutdown_timed_out)

    def _detach(self):
        """Give the transport below to the application, after both sides' close_notify."""
        transport, protocol = self._transport, self._app_protocol
        if self._unwrapped.done() or lower_transport.is_closing(transport):
            self._abort()  # nobody is there to take it
            return
        self._stop_timer()
        self._enter(DETACH)
        trailing = self._pipe.unwrap() + b''.join(data for _, data in self._gate.held
                                                  if data is not None)
        lower_transport.pause_reading(transport)
        if self._lower_paused != self._limits.paused:
            self._call_app('pause_writing' if self._lower_paused else 'resume_writing')
        lower_transport.set_protocol(transport, protocol)
        if self._has_eof:
            self._loop.call_soon(_tell_eof, transport, protocol)
        self._release()
        self._wake_unwrapped(result=(transport, trailing))

    def _abort(self):
        state = self._state
        if state is CLOSED:
            return
        self._settle()
        if state is not ENDING:
            self._enter(END)
        if self._transport is not None:
            self._transport.abort()
        if state in EARLY:
            self._stop_timer()
            self._handshake_failed(self._error or self._aborted('closed in the TLS handshake'),
                                   is_own=self._error is None)

    def _end(self):
        """Close the transport below, which sends what it has first, however long that takes."""
        self._enter(END)
        if not self._shutdown_timeout:
            self._stop_timer()
        elif self._timer is None and not lower_transport.closes_at_once(self._transport):
            self._start_timer(self._shutdown_timeout, self._shutdown_timed_out)
        # Not from here, which may be its call of resume_writing: observed on Trollius 2.2.1 and
        # asyncio 3.13, it would then tell of its loss twice, and fail the second time.
        self._loop.call_soon(self._transport.close)

    def _fail(self, error):
        """End the connection because TLS has failed, once the alert that says so is sent."""
        state = self._state
        if state in OVER:
            return
        self._error = error
        if not self._pipe.may_end():
            self._leave_alone()
            return
        alert = self._pipe.data_to_send()
        if alert:
            self._transport.write(alert)
        if state is HANDSHAKE:
            self._stop_timer()
        self._end()
        if state is HANDSHAKE:
            self._handshake_failed(error)

    def _app_failed(self, error):
        """End the connection because the application's protocol raised."""
        self._error = self._error or error
        self._loop.call_exception_handler({
            'message': 'Fatal error: a callback of the protocol failed', 'exception': error,
            'protocol': self._app_protocol, 'transport': self.transport})
        self._abort()

    def _handshake_failed(self, error, is_own=False):
        """
        Report *error* once: to who waits for the handshake, else to the loop.

        Not to the loop if *is_own*: the application has closed its transport, and knows.
        """
        self._error = error
        protocol = self._app_protocol
        if self._call_connection_made:  # then it was never told of anything, and will not be
            self._app_protocol = None
        report = getattr(self._waiter, 'report', None)
        if report is not None:  # nobody waits for it
            report(self, error)
        elif self._loop.get_debug():
            logger.debug('%r: the TLS handshake failed: %s', self, error)
        if self._waiter is not None:
            self._wake(error)
        elif not is_own and getattr(error, 'errno', None) != errno.ECONNRESET:
            self._loop.call_exception_handler({
                'message': 'TLS handshake failed', 'exception': error, 'protocol': protocol})

    def _wake(self, error=None):
        waiter, self._waiter = self._waiter, None
        _resolve(waiter, error)

    def _wake_unwrapped(self, error=None, result=None):
        waiter, self._unwrapped = self._unwrapped, None
        _resolve(waiter, error, result)

    def _start_timer(self, delay, callback):
        self._stop_timer()
        self._timer = self._loop.call_later(delay, callback)

    def _stop_timer(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _handshake_timed_out(self):
        self._timer = None
        self._error = self._aborted(
            'the TLS handshake took longer than %s seconds' % self._handshake_timeout)
        self._abort()

    def _shutdown_timed_out(self):
        self._timer = None
        self._abort()

    def _unwrap_timed_out(self):
        self._error = self._aborted('the peer has not ended TLS in time')
        self._shutdown_timed_out()


def timeouts(handshake, shutdown):
    """
    Return both timeouts in seconds, the defaults where they are None.

    Raises:
        TypeError, ValueError: one is no number, or out of range; the text names it.
    """
    handshake = _seconds('ssl_handshake_timeout', handshake, HANDSHAKE_TIMEOUT)
    if not handshake:
        raise ValueError('ssl_handshake_timeout must be positive, not 0')
    return handshake, _seconds('ssl_shutdown_timeout', shutdown, SHUTDOWN_TIMEOUT)


def _seconds(name, value, default):
    if value is None:
        return default
    if isinstance(value, bool) or not hasattr(value, '__float__'):
        raise TypeError('%s must be a number of seconds, not %r' % (name, value))
    if not 0 <= value < float('inf'):
        raise ValueError('%s must not be negative or infinite, not %r' % (name, value))
    return value


def _resolve(waiter, error=None, result=None):
    if waiter is None or waiter.done():
        return
    if error is None:
        waiter.set_result(result)
    else:
        waiter.set_exception(error)


def _tell_eof(transport, protocol):
    """Hand on an EOF that the transport below reported while it was not the application's yet."""
    if not protocol.eof_received():
        transport.close()
