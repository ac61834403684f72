"""
`SSLProtocol`: TLS between a transport and an application's protocol, on any asyncio-like loop.

It knows when; the pipe knows how. Of the loop it needs call_soon, call_later, get_debug and
call_exception_handler alone, so Trollius on 2.7 and asyncio on 3 drive the same code.

    transport.data_received -> pipe -> application.data_received
    transport.write         <- pipe <- application's SSLTransport.write
"""
from __future__ import absolute_import, division, print_function

import errno
import logging
import socket
import ssl

from . import _pipe
from ._compat import as_bytes
from ._core import create_default_context
from ._pipe import SSLPipe
from ._transport import SSLTransport

__all__ = ['SSLProtocol', 'TRANSITIONS']

logger = logging.getLogger('sslproto27')

# States
NEW = 'NEW'                  # no transport yet
HANDSHAKE = 'HANDSHAKE'      # the application is not told of anything yet
CONNECTED = 'CONNECTED'      # the application has its transport
HALF_CLOSED = 'HALF_CLOSED'  # it has had eof_received, and wants to go on writing
CLOSING = 'CLOSING'          # it has closed: what it wrote goes out, then close_notify
ENDING = 'ENDING'            # the transport below has been told to close
CLOSED = 'CLOSED'            # the transport below is gone

# Events
MADE = 'MADE'
ESTABLISHED = 'ESTABLISHED'
PEER_END = 'PEER_END'
CLOSE = 'CLOSE'
END = 'END'
LOST = 'LOST'

#: Every transition there is.
TRANSITIONS = {
    (NEW, MADE): HANDSHAKE,
    (HANDSHAKE, ESTABLISHED): CONNECTED,
    (CONNECTED, PEER_END): HALF_CLOSED,
    (CONNECTED, CLOSE): CLOSING,
    (HALF_CLOSED, CLOSE): CLOSING,
}
TRANSITIONS.update(((state, END), ENDING)
                   for state in (NEW, HANDSHAKE, CONNECTED, HALF_CLOSED, CLOSING))
TRANSITIONS.update(((state, LOST), CLOSED)
                   for state in (NEW, HANDSHAKE, CONNECTED, HALF_CLOSED, CLOSING, ENDING))

#: Where the application has its transport and may use it.
_OPEN = frozenset([CONNECTED, HALF_CLOSED])
_OVER = frozenset([ENDING, CLOSED])

#: Seconds that a handshake may take, and that the peer has to answer our close_notify.
HANDSHAKE_TIMEOUT = 60.0
SHUTDOWN_TIMEOUT = 30.0

#: Bytes that the application has written and that could not be sent yet: where it is asked to
#: pause, and where it may go on. asyncio's figures.
HIGH_WATER = 512 * 1024
LOW_WATER = 128 * 1024

#: Bytes that a peer may still send after we have closed, before it is cut off.
DRAIN_LIMIT = 1024 * 1024


class SSLProtocol(object):
    """
    TLS as a protocol of the transport below and a transport for the application above.

    Args:
        loop: the event loop of Trollius or asyncio.
        app_protocol: what the decrypted bytes are for.
        sslcontext (ssl.SSLContext or None): None, on a client, is `create_default_context`.
        waiter (future or None): resolved when the handshake is done, or has failed.
        server_side (bool): which side to be.
        server_hostname (text or None): the name that the server must prove; '' to check none.
        call_connection_made (bool): False where *app_protocol* has had connection_made before.
        ssl_handshake_timeout (float): seconds, 60 unless given.
        ssl_shutdown_timeout (float): seconds to wait for the peer's close_notify, 30 unless given;
            0 not to wait.
        session (SSLSession or None): what a client would like to resume.
        suppress_ragged_eofs (bool): see `SSLPipe`.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    def __init__(self, loop, app_protocol, sslcontext, waiter=None, server_side=False,
                 server_hostname=None, call_connection_made=True, ssl_handshake_timeout=None,
                 ssl_shutdown_timeout=None, session=None, suppress_ragged_eofs=False):
        if sslcontext is None and not server_side:
            sslcontext = create_default_context()
        if not isinstance(sslcontext, ssl.SSLContext):
            raise TypeError('sslcontext must be an ssl.SSLContext, not %r' % (sslcontext,))
        if server_hostname is None and not server_side and sslcontext.check_hostname:
            raise ValueError("sslcontext.check_hostname requires server_hostname ('' for no check)")
        self._loop = loop
        self._app_protocol = app_protocol
        self._waiter = waiter
        self._call_connection_made = call_connection_made
        self._handshake_timeout = _seconds(
            'ssl_handshake_timeout', ssl_handshake_timeout, HANDSHAKE_TIMEOUT)
        if not self._handshake_timeout:
            raise ValueError('ssl_handshake_timeout must be positive, not 0')
        self._shutdown_timeout = _seconds(
            'ssl_shutdown_timeout', ssl_shutdown_timeout, SHUTDOWN_TIMEOUT)
        self._pipe = SSLPipe(sslcontext, server_side, server_hostname or None, session,
                             suppress_ragged_eofs)
        self._state = NEW
        self._transport = None
        self._app_transport = None
        self._timer = None
        self._error = None            # what connection_lost will say
        self._early = []              # written before there was a transport
        self._delivering = False      # an event is being handled: it ends with a flush
        self._app_paused = False      # the application wants no data
        self._below_paused = False    # so the transport below has been asked for none
        self._held = []               # what came from there all the same
        self._lower_paused = False    # the transport below takes no data
        self._app_writing_paused = False
        self._high_water = HIGH_WATER
        self._low_water = LOW_WATER
        self._drained = 0             # bytes that came after we had closed
        self._writes_after_close = 0

    @property
    def transport(self):
        """The application's `SSLTransport`: one and the same until the connection is lost."""
        if self._app_transport is None:
            transport = SSLTransport(self)
            if self._state is CLOSED:
                return transport
            self._app_transport = transport
        return self._app_transport

    def _enter(self, event):
        """Change the state: the one place that does."""
        self._state = TRANSITIONS[self._state, event]

    # Called by the transport below

    def connection_made(self, transport):
        """Start the handshake over *transport*, at once."""
        self._transport = transport
        if self._state is ENDING:  # closed before it began
            transport.abort()
            return
        self._enter(MADE)
        self._start_timer(self._handshake_timeout, self._handshake_timed_out)
        if self._loop.get_debug():
            logger.debug('%r starts the TLS handshake', self)
        self._receive(self._start)

    def data_received(self, data):
        """Decrypt *data*, and hand the application what it holds."""
        self._come(self._feed_ssldata, data)

    def eof_received(self):
        """
        Take note that nothing more will come from below.

        Returns:
            True: the transport below is to stay open; it is closed from here, once all is sent.
        """
        self._come(self._feed_eof)
        return True

    def connection_lost(self, exc):
        """Tell whoever waits, and the application, that the connection is gone."""
        state = self._state
        if state is CLOSED:
            return
        self._enter(LOST)
        self._stop_timer()
        error = self._error or exc
        if state is NEW or state is HANDSHAKE:
            self._handshake_failed(error or _connection_reset('Connection lost in the handshake'))
        elif self._app_protocol is not None:
            self._wake(error or _connection_reset('Connection lost'))
            self._loop.call_soon(self._app_protocol.connection_lost, error)
        # Nothing refers back to this object any more, nor pins the context through it.
        self._app_protocol = self._app_transport = self._transport = self._pipe = None
        self._error = None
        del self._held[:]

    def pause_writing(self):
        """Keep what is to be sent here: the buffer below is full."""
        self._lower_paused = True

    def resume_writing(self):
        """Go on sending: the buffer below has room."""
        self._lower_paused = False
        self._flush()

    # The way up

    def _come(self, feed, *args):
        """Handle what comes from below now, or once the application reads again."""
        state = self._state
        if state in _OVER:
            return
        if self._held or self._app_paused and state is not HANDSHAKE:
            self._held.append((feed,) + args)
        else:
            self._receive(feed, *args)

    def _receive(self, feed, *args):
        """Handle one event: feed the pipe, bring what came of it up, and then down."""
        try:
            feed(*args)
        except Exception as error:
            self._deliver()
            self._fail(error)
        else:
            self._deliver()
        self._flush()

    def _deliver(self):
        """Bring up what the pipe has, in order: connection_made, data_received, eof_received."""
        pipe = self._pipe
        self._delivering = True
        try:
            if self._state is HANDSHAKE and pipe.state in _ESTABLISHED_PIPE:
                self._established()
            if self._state is CLOSING:
                self._drain(len(pipe.appdata_received()))
            if self._state is CONNECTED and not self._app_paused:
                data = pipe.appdata_received()
                if data:
                    self._app_protocol.data_received(data)
                if (pipe.state is _pipe.PEER_CLOSED and not self._app_paused
                        and self._state is CONNECTED):
                    self._peer_closed()
        except Exception as error:
            self._app_failed(error)
        finally:
            self._delivering = False

    def _start(self):
        self._pipe.do_handshake()
        for data in self._early:
            self._pipe.feed_appdata(data)
        del self._early[:]

    def _feed_ssldata(self, data):
        self._pipe.feed_ssldata(data)

    def _feed_eof(self):
        if self._state is HANDSHAKE:
            raise _connection_reset('EOF in the TLS handshake')
        try:
            self._pipe.feed_eof()
        except ssl.SSLEOFError as error:
            # Cut short: no eof_received. What the application wrote can still go out. After its
            # own close() the end of what it no longer reads is no news to it.
            if self._state is CONNECTED:
                self._error = error
                self._close()

    def _established(self):
        self._stop_timer()
        self._enter(ESTABLISHED)
        if self._loop.get_debug():
            logger.debug('%r has done the TLS handshake', self)
        if self._app_paused:
            self._pause_below()
        if self._call_connection_made:
            self._app_protocol.connection_made(self.transport)
        self._wake()

    def _peer_closed(self):
        self._enter(PEER_END)
        # TLS 1.3 lets us go on writing (RFC 8446 6.1); the application says so with true.
        if not self._app_protocol.eof_received():
            self._close()

    def _drain(self, size):
        """Ignore what a peer sends that has not seen our close_notify yet; not for ever."""
        self._drained += size
        if self._drained > DRAIN_LIMIT:
            self._abort()

    # The way down

    def _write(self, chunks):
        state = self._state
        if state is NEW:
            self._early.extend(as_bytes(data, 'data') for data in chunks)
        elif state in _OPEN or state is HANDSHAKE:
            feed = self._pipe.feed_appdata
            for data in chunks:
                feed(data)
            if not self._delivering:
                self._flush()
        else:
            if not self._writes_after_close:
                logger.warning('%r: write() on a closed TLS transport', self)
            self._writes_after_close += 1

    def _flush(self):
        """Bring down what the pipe has: the one place that writes to the transport below."""
        pipe = self._pipe
        while self._state not in _OVER and self._state is not NEW:
            if not self._lower_paused:
                try:
                    data = pipe.data_to_send()
                except Exception as error:
                    self._fail(error)
                    return
                if data:
                    self._transport.write(data)
            if self._state is CLOSING and self._is_all_said():
                self._end()
            # As long as the application, asked to go on, writes more.
            if not self._control_writing() or self._lower_paused:
                return

    def _is_all_said(self):
        """Whether nothing is left to send, nor, unless the timeout is 0, to wait for."""
        pipe = self._pipe
        return (pipe.state is _pipe.CLOSED
                or not self._shutdown_timeout and not pipe.backlog_size)

    def _write_buffer_size(self):
        return self._pipe.backlog_size if self._pipe is not None else 0

    def _set_write_buffer_limits(self, high, low):
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError('high (%r) must be >= low (%r) must be >= 0' % (high, low))
        self._high_water = high
        self._low_water = low
        self._control_writing()

    def _control_writing(self):
        """
        Ask the application to pause, or to go on, as its backlog has it.

        Returns:
            bool: whether it was asked to go on, so that there may be more to send.
        """
        if self._pipe is None or not (self._app_writing_paused or self._pipe.has_backlog):
            return False
        size = self._pipe.backlog_size
        if self._app_writing_paused:
            if size <= self._low_water and self._state not in _OVER:
                self._app_writing_paused = False
                self._call_app('resume_writing')
                return True
        elif size > self._high_water and self._state in _OPEN:
            self._app_writing_paused = True
            self._call_app('pause_writing')
        return False

    def _call_app(self, name):
        delivering, self._delivering = self._delivering, True
        try:
            getattr(self._app_protocol, name)()
        except Exception as error:
            self._loop.call_exception_handler({
                'message': 'protocol.%s() failed' % name, 'exception': error,
                'protocol': self._app_protocol, 'transport': self.transport})
        finally:
            self._delivering = delivering

    # Flow control of the way up

    def _pause_reading(self):
        if not self._is_closing():
            self._app_paused = True
            if self._state in _OPEN:
                self._pause_below()

    def _pause_below(self):
        if not self._below_paused and not self._is_lower_closing():
            self._below_paused = True
            self._transport.pause_reading()

    def _resume_reading(self):
        if self._app_paused:
            self._app_paused = False
            # Not from here: the application may be in the middle of something.
            self._loop.call_soon(self._deliver_held)

    def _is_reading(self):
        return not self._app_paused and not self._is_closing()

    def _deliver_held(self):
        """Handle what has come while the application was paused, until it pauses again."""
        if self._state in _OVER or self._app_paused:
            return
        self._receive(_nothing)  # plaintext may be waiting in the pipe
        while self._held and not self._app_paused and self._state not in _OVER:
            self._receive(*self._held.pop(0))
        if self._below_paused and not self._app_paused and self._state not in _OVER:
            self._below_paused = False
            if not self._is_lower_closing():
                self._transport.resume_reading()

    # The end

    def _close(self):
        if self._state in _OPEN:
            self._enter(CLOSE)
            self._pipe.shutdown()
            if self._app_paused:  # the answer has to come through
                self._resume_reading()
            if self._shutdown_timeout:
                self._start_timer(self._shutdown_timeout, self._shutdown_timed_out)
            if not self._delivering:
                self._flush()
        elif self._state is HANDSHAKE or self._state is NEW:
            self._abort()

    def _abort(self):
        state = self._state
        if state is CLOSED:
            return
        if state is not ENDING:
            self._enter(END)
        if self._transport is not None:
            self._transport.abort()
        if state is HANDSHAKE or state is NEW:
            self._stop_timer()
            self._handshake_failed(self._error or socket.error(
                errno.ECONNABORTED, 'closed in the TLS handshake'))

    def _end(self):
        """Close the transport below, which sends what it has first, however long that takes."""
        self._enter(END)
        if not self._shutdown_timeout:
            self._stop_timer()
        elif self._timer is None:
            self._start_timer(self._shutdown_timeout, self._shutdown_timed_out)
        self._transport.close()

    def _fail(self, error):
        """End the connection because TLS has failed, once the alert that says so is sent."""
        if self._state in _OVER:
            return
        self._error = error
        alert = self._pipe.data_to_send()
        if alert:
            self._transport.write(alert)
        if self._state is HANDSHAKE:
            self._stop_timer()
            self._end()
            self._handshake_failed(error)
        else:
            self._end()

    def _app_failed(self, error):
        """End the connection because the application's protocol raised."""
        self._loop.call_exception_handler({
            'message': 'Fatal error: a callback of the protocol failed', 'exception': error,
            'protocol': self._app_protocol, 'transport': self.transport})
        self._error = self._error or error
        self._abort()

    def _handshake_failed(self, error):
        """Report *error* once: to who waits for the handshake, else to the loop."""
        protocol, self._app_protocol = self._app_protocol, None  # it is never told of anything
        if self._loop.get_debug():
            logger.debug('%r: the TLS handshake failed: %s', self, error)
        if self._waiter is not None:
            self._wake(error)
        elif getattr(error, 'errno', None) != errno.ECONNRESET:
            self._loop.call_exception_handler({
                'message': 'TLS handshake failed', 'exception': error, 'protocol': protocol})

    def _wake(self, error=None):
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    def _start_timer(self, delay, callback):
        self._stop_timer()
        self._timer = self._loop.call_later(delay, callback)

    def _stop_timer(self):
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _handshake_timed_out(self):
        self._timer = None
        self._error = socket.error(errno.ECONNABORTED, 'the TLS handshake took longer than %s'
                                   ' seconds' % self._handshake_timeout)
        self._abort()

    def _shutdown_timed_out(self):
        self._timer = None
        self._abort()

    # What is known

    def _is_closing(self):
        if self._state in _OPEN or self._state is HANDSHAKE:
            return self._is_lower_closing()
        return self._state is not NEW

    def _is_lower_closing(self):
        is_closing = getattr(self._transport, 'is_closing', None)
        if is_closing is not None:
            return is_closing()
        return getattr(self._transport, '_closing', False)  # Trollius 2.2.1 has only this

    def _get_extra_info(self, name, default):
        if self._pipe is None or self._transport is None:
            return default
        if name in _EXTRA:
            value = _EXTRA[name](self._pipe.ssl_object)
            return default if value is None else value
        return self._transport.get_extra_info(name, default)

    def __repr__(self):
        return '<%s %s at %#x>' % (type(self).__name__, self._state, id(self))


_ESTABLISHED_PIPE = frozenset([_pipe.OPEN, _pipe.PEER_CLOSED])


def _peercert(ssl_object):
    return ssl_object.getpeercert() if ssl_object.version() else None


_EXTRA = {
    'ssl_object': lambda ssl_object: ssl_object,
    'sslcontext': lambda ssl_object: ssl_object.context,
    'peercert': _peercert,
    'cipher': lambda ssl_object: ssl_object.cipher(),
    'compression': lambda ssl_object: ssl_object.compression(),
    'alpn_protocol': lambda ssl_object: ssl_object.selected_alpn_protocol(),
    'tls_version': lambda ssl_object: ssl_object.version(),
    'server_hostname': lambda ssl_object: ssl_object.server_hostname,
    'session_reused': lambda ssl_object: ssl_object.session_reused,
}


def _nothing():
    """Feed nothing."""


def _seconds(name, value, default):
    if value is None:
        return default
    if isinstance(value, bool) or not hasattr(value, '__float__'):
        raise TypeError('%s must be a number of seconds, not %r' % (name, value))
    if not 0 <= value < float('inf'):
        raise ValueError('%s must not be negative or infinite, not %r' % (name, value))
    return value


def _connection_reset(text):
    return socket.error(errno.ECONNRESET, text)  # on Python 3 a ConnectionResetError
