"""
`SSLProtocol`: TLS between a transport and an application's protocol, on any asyncio-like loop.

It decides when to call the pipe; the pipe does the TLS. Of the loop it needs only call_soon,
call_later, get_debug, call_exception_handler and, in debug mode, time. So the same code runs on
Trollius on 2.7 and on asyncio on 3.

    transport.data_received -> pipe -> application.data_received
    transport.write         <- pipe <- application's SSLTransport.write
"""
from __future__ import absolute_import, division, print_function

import errno
import logging
import socket
import ssl
import threading

from .._core import pipe_states
from .._core.api import create_default_context
from .._core.attributes import set_peername
from .._core.compat import NativeContext, as_bytes
from .._core.notes import add_note
from .._core.pipe import SSLPipe
from .._core.servername import name_of_loop
from .._core.unique import Unique
from . import app_protocol, lower_transport
from .flow import ReadFlow, WriteLimits
from .report import address
from .states import (
    CLOSE, CLOSED, CLOSING, CONNECTED, DETACH, EARLY, END, ENDING, ESTABLISHED, HALF_CLOSED,
    HANDSHAKE, LOST, MADE, NEW, OPEN, OVER, PEER_END, READING, SENDING, TRANSITIONS, UNWRAP,
    UNWRAPPING)
from .timeouts import SHUTDOWN_TIMEOUT, Timer, timeouts
from .transport import StandaloneDebugTransport, StandaloneTransport

__all__ = ['SSLProtocol']

logger = logging.getLogger('sslproto27')

# Every message needs these two; looking them up in their module would take longer.
PIPE_OPEN, PIPE_BROKEN = pipe_states.OPEN, pipe_states.BROKEN

#: How many bytes are encrypted and given to the transport below at a time. While that transport has
#: too much to send, nothing more is encrypted.
CHUNK = 64 * 1024

#: How often the application may be asked to go on writing before the loop serves others: if the
#: peer reads as fast as the application writes, that would never end.
FAIR_SHARE = 16


class SSLProtocol(Unique):
    """
    TLS as a protocol of the transport below and a transport for the application above.

    Args:
        loop: the event loop of Trollius or asyncio.
        app_protocol: the protocol that gets the decrypted bytes. If it has ``get_buffer`` and
            ``buffer_updated`` but no ``data_received`` (asyncio's BufferedProtocol), its buffers
            are filled.
        sslcontext (ssl.SSLContext or None): on a client, None means `create_default_context`.
        waiter (future or None): resolved when the handshake is done or has failed.
        server_side (bool): True for a server, False for a client.
        server_hostname (text or None): the name that the server must prove; needed if the context
            checks names. '' disables the name check, not certificate verification.
        call_connection_made (bool): False if *app_protocol* has had connection_made before; it then
            gets connection_lost even if the handshake fails.
        ssl_handshake_timeout (float): seconds; default 60.
        ssl_shutdown_timeout (float): seconds to wait for the peer's close_notify; default 30. With
            0 it does not wait.
        session (SSLSession or None): the session that a client wants to resume.
        suppress_ragged_eofs (bool): see `SSLPipe`.
        handshake_limit (HandshakeLimit or None): the limit of this connection's server.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    __slots__ = (
        '_loop', '_app_protocol', '_waiter', '_unwrapped', '_call_connection_made',
        '_handshake_timeout', '_shutdown_timeout', '_pipe', '_state', '_transport',
        '_app_transport', '_timer', '_error', '_early', '_delivering', '_is_buffered',
        '_unread', '_read_flow', '_limits', '_lower_paused', '_has_eof', '_writes_after_close',
        '_started', '_thread', '_handshakes', '__weakref__')

    _transport_classes = StandaloneTransport, StandaloneDebugTransport
    _survives_app = False  # whether the connection goes on after the protocol's callback has raised
    # Called with an errno and a text; Python 3 then makes the subclass of OSError for that errno.
    _connection_error = socket.error

    def __init__(self, loop, app_protocol, sslcontext, waiter=None, server_side=False,
                 server_hostname=None, call_connection_made=True, ssl_handshake_timeout=None,
                 ssl_shutdown_timeout=None, session=None, suppress_ragged_eofs=False,
                 handshake_limit=None):
        if sslcontext is None and not server_side:
            sslcontext = create_default_context()
        if not isinstance(sslcontext, NativeContext):
            raise TypeError('sslcontext must be an ssl.SSLContext, not %r' % (sslcontext,))
        self._loop = loop
        self._waiter = waiter         # resolved when the handshake ends
        self._unwrapped = None        # resolved when TLS ends
        self._call_connection_made = call_connection_made
        self._handshake_timeout, self._shutdown_timeout = timeouts(
            ssl_handshake_timeout, ssl_shutdown_timeout)
        name, check = name_of_loop(server_hostname)
        self._pipe = SSLPipe(sslcontext, server_side, name, session, suppress_ragged_eofs,
                             check_name=check)
        self._state = NEW
        self._transport = self._app_transport = None
        self._timer = Timer(loop)
        self._error = None            # the argument for connection_lost
        self._early = []              # data written before there was a transport
        self._delivering = False      # an event is being handled; a flush will follow
        self._handshakes = handshake_limit
        self._read_flow = ReadFlow()
        self._limits = WriteLimits()
        self._lower_paused = False    # the transport below takes no data
        self._has_eof = False         # the transport below has reported EOF
        self._unread = b''            # plaintext that the application has not taken yet
        self._writes_after_close = 0
        self._started = self._thread = None  # set in debug mode
        self._set_app_protocol(app_protocol)

    @property
    def transport(self):
        """The application's `SSLTransport`: the same object until the connection is lost."""
        if self._app_transport is None:
            transport = self._transport_classes[bool(self._loop.get_debug())](self)
            if self._state is CLOSED:
                transport._mark_closed()
                return transport
            self._app_transport = transport
        return self._app_transport

    def _new_future(self):
        return self._loop.create_future()

    def _enter(self, event):
        """Change the state; nothing else does."""
        before = self._state
        state = self._state = TRANSITIONS[before, event]
        if self._handshakes is not None and HANDSHAKE in (before, state):
            self._handshakes.running += 1 if state is HANDSHAKE else -1

    def _set_app_protocol(self, protocol):
        self._app_protocol = protocol
        self._is_buffered = app_protocol.is_buffered(protocol)

    def _change_app_protocol(self, protocol):
        # A protocol that was dropped before connection_made gets no successor: it is never called.
        if self._app_protocol is not None or self._state not in OVER:
            self._set_app_protocol(protocol)

    def _take_over(self, is_writing_paused):
        """Adopt a transport that may already have asked the application to pause writing."""
        self._lower_paused = self._limits.paused = is_writing_paused

    # Called by the transport below

    def connection_made(self, transport):
        """
        Start the handshake over *transport* at once.

        Raises:
            RuntimeError: connection_made or connection_lost has been called before.
        """
        state = self._state
        if state is not NEW and state is not ENDING:
            raise RuntimeError('connection_made() is not possible in state %s' % state)
        self._transport = transport
        if state is ENDING:  # closed before it began
            transport.abort()
            return
        if self._handshakes is not None and not self._handshakes.admits():
            # The limit has logged it. A reset error is not reported for each connection.
            self._error = self._reset('too many TLS handshakes are under way')
            self._abort()
            return
        set_peername(self._pipe.ssl_object, transport.get_extra_info('peername'))
        self._enter(MADE)
        self._timer.start(self._handshake_timeout, self._handshake_timed_out)
        if self._loop.get_debug():
            self._started, self._thread = self._loop.time(), threading.current_thread()
            logger.debug('%r starts the TLS handshake', self)
        self._receive(self._start, None)
        if self._has_eof and self._state not in OVER:
            self._handle(self._feed_eof, None)

    def data_received(self, data):
        """Decrypt *data*, and pass the plaintext to the application."""
        flow, pipe = self._read_flow, self._pipe
        if self._state is not CONNECTED or flow.paused or flow.held or self._delivering:
            if self._state not in OVER:
                self._handle(pipe.feed_ssldata, data)
            return
        self._delivering = True
        try:
            try:
                pipe.feed_ssldata(data)
            except Exception as error:
                self._fail(error)
                return
            # The usual case: no TLS callback has closed or paused, and the application takes bytes.
            is_usual = (self._state is CONNECTED
                        and not (flow.paused or self._unread or self._is_buffered))
            if is_usual:
                try:
                    data = pipe.appdata_received()
                    if data:
                        self._app_protocol.data_received(data)
                except Exception as error:
                    self._app_raised(error)
        finally:
            self._delivering = False
        if is_usual and pipe.state is PIPE_OPEN:
            self._flush()
        elif self._state not in OVER:
            self._receive(_nothing, None)  # deliver in other ways, or handle the end of TLS

    def eof_received(self):
        """
        Note that no more data will come from below.

        Returns:
            True: the transport below stays open; we close it once all data is sent.
        """
        self._has_eof = True
        if self._loop.get_debug():
            logger.debug('%r received EOF', self)
        if self._state not in OVER:
            self._handle(self._feed_eof, None)
        return True

    @property
    def will_report(self):
        """Whether the log gets a line if the connection is lost now (bool): in the handshake."""
        return self._state in EARLY

    def connection_lost(self, exc):
        """Resolve the waiting futures, and tell the application that the connection is lost."""
        state = self._state
        if state is CLOSED:
            return
        self._enter(LOST)
        self._timer.stop()
        if state in EARLY:
            self._handshake_failed(
                self._error or exc or self._reset('Connection lost in the TLS handshake'))
        error = self._error or exc
        if self._app_protocol is not None:
            if self._waiter is not None:
                self._resolve_waiter(error or self._reset('Connection lost'))
            if self._unwrapped is not None:
                self._resolve_unwrap(error or self._reset('Connection lost'))
            self._loop.call_soon(self._app_protocol.connection_lost, error)
        self._release()

    def _release(self):
        """Drop references, so that no cycle remains and the context is not kept alive."""
        self._mark_closed()
        self._app_protocol = self._app_transport = self._transport = self._pipe = None
        self._error = None
        del self._read_flow.held[:]

    def _mark_closed(self):
        if self._app_transport is not None:
            self._app_transport._mark_closed()

    def pause_writing(self):
        """Stop sending: the buffer below is full."""
        self._lower_paused = True

    def resume_writing(self):
        """Go on sending: the buffer below has room."""
        self._lower_paused = False
        self._flush()

    # From the transport below to the application

    def _handle(self, feed, data):
        """Handle an event from below: now, or once the application reads again."""
        flow = self._read_flow
        if flow.held or flow.paused and self._state is not HANDSHAKE:
            flow.held.append((feed, data))
        elif self._delivering:  # the transport delivers data from within one of our calls
            flow.held.append((feed, data))
            self._loop.call_soon(self._deliver_held)
        else:
            self._receive(feed, data)

    def _receive(self, feed, data):
        """
        Handle one event: call ``feed(data)``, then the application, then send.

        The application is called in this order: connection_made, data_received, eof_received; then
        a failure is handled.
        """
        pipe = self._pipe
        self._delivering = True
        try:
            try:
                feed(data)
            except Exception as error:  # not the peer's fault; after a fork, for example
                self._fail(error)
                return
            try:
                if self._state is HANDSHAKE and pipe.established:
                    self._established()
                if self._state in READING:
                    self._deliver()
            except Exception as error:
                self._app_failed(error)
        finally:
            self._delivering = False
        if pipe.failure is not None:
            self._pipe_failed(pipe.failure)
        self._flush()

    def _deliver(self):
        """Give the application the plaintext, until it pauses; then the peer's end of data."""
        pipe, flow = self._pipe, self._read_flow
        while not flow.paused:
            data = self._unread or pipe.appdata_received()
            if not data:
                break
            if self._is_buffered:
                self._unread = memoryview(data)  # a callback may set another protocol
                size = app_protocol.fill(self._app_protocol, self._unread, self._takes_data)
                self._unread = self._unread[size:]
            else:
                self._unread = b''
                if data.__class__ is memoryview:  # left over by another protocol
                    data = data.tobytes()
                self._call_protocol(self._app_protocol.data_received, data)
            if self._state not in READING:
                return
        if (pipe.state is pipe_states.PEER_CLOSED and pipe.failure is None and not flow.paused
                and self._state is CONNECTED):
            self._peer_closed()

    def _takes_data(self):
        """Return whether the application may get data (bool); get_buffer() can change this."""
        return self._state in READING and not self._read_flow.paused

    def _pipe_failed(self, error):
        """End the connection because the pipe failed, once earlier data has been delivered."""
        pipe, state = self._pipe, self._state
        if state in OVER:
            return
        if state in READING and (self._unread or pipe.has_appdata):
            return  # the application has paused
        if pipe.state is PIPE_BROKEN:
            if error.args[:1] == (errno.ECONNABORTED,):  # after our own close()
                self._abort()
            else:
                self._fail(error)
        elif state in READING:
            # The data was cut short, so eof_received is not called. The application's own data can
            # still be sent. After its close() it no longer reads, so this is not reported to it.
            self._error = error
            self._close()

    def _start(self, _):
        self._pipe.do_handshake()
        for data in self._early:
            self._pipe.feed_appdata(data)
        del self._early[:]

    def _feed_eof(self, _):
        if self._state is HANDSHAKE:
            self._fail(self._reset('EOF in the TLS handshake'))
        else:
            self._pipe.feed_eof()

    def _established(self):
        self._timer.stop()
        self._enter(ESTABLISHED)
        if self._started is not None:
            logger.debug('%r: the TLS handshake took %.1f ms', self,
                         (self._loop.time() - self._started) * 1e3)
        if self._read_flow.paused:
            self._read_flow.pause_lower(self._transport)
        if self._call_connection_made:
            self._call_protocol(self._app_protocol.connection_made, self.transport)
        self._resolve_waiter()

    def _peer_closed(self):
        self._enter(PEER_END)
        # TLS 1.3 lets us go on writing (RFC 8446 6.1), if eof_received returns true.
        if not self._call_protocol(self._app_protocol.eof_received) and self._state is HALF_CLOSED:
            self._close()

    def _limit_answer(self):
        """
        Abort if the application has not closed within the shutdown timeout.

        The peer has ended its side. The application has not ended ours, so no close_notify is sent:
        the peer must not take what it has got for a complete answer.
        """
        self._timer.start(self._shutdown_timeout or SHUTDOWN_TIMEOUT, self._shutdown_timed_out)

    # From the application to the transport below

    def _write(self, data):
        state, pipe = self._state, self._pipe
        if (state in OPEN or state is HANDSHAKE) and pipe.state is not PIPE_BROKEN:
            pipe.feed_appdata(data)
            if not self._delivering:
                self._flush()
                return
            backlog = pipe.backlog
            if backlog and len(backlog[0]) + pipe.backlog_rest > self._limits.high:  # backlog_size
                # Data written in a callback is sent together after it, unless the limit is small.
                if self._limits.high < CHUNK:
                    self._flush()
                else:
                    self._control_writing()
        elif state is NEW:
            self._early.append(as_bytes(data, 'data'))
        else:
            if not self._writes_after_close:
                logger.warning('%r: write() on a closed TLS transport', self)
            self._writes_after_close += 1

    def _flush(self):
        """Send the pipe's data: apart from alerts, only this writes to the transport below."""
        pipe, limits, share = self._pipe, self._limits, FAIR_SHARE
        while self._state in SENDING and not self._lower_paused:
            try:
                data = pipe.data_to_send(CHUNK)
            except ssl.SSLError as error:  # another process uses the connection, after a fork
                self._fail(error)
                return
            if data:
                self._transport.write(data)
            if (self._state is CONNECTED and pipe.state is PIPE_OPEN
                    and not (pipe.backlog or limits.paused)):
                return  # the usual case: all is sent, nothing is paused, nothing has ended
            if pipe.state is PIPE_BROKEN:
                self._pipe_failed(pipe.failure)
                return
            if data and pipe.backlog:
                if lower_transport.is_lost(self._transport):
                    return  # connection_lost follows
                continue
            # Not while the transport below is full: the pipe is done before its last bytes are
            # sent.
            if self._state is CLOSING:
                if self._is_shutdown_complete():
                    self._close_lower()
            elif (self._state is UNWRAPPING and pipe.state is pipe_states.CLOSED
                    and not (self._unread or pipe.has_appdata)):
                self._detach()
            # Repeat if the application, asked to go on, may have written more.
            if not (limits.paused or pipe.backlog) or not self._control_writing():
                break
            share -= 1
            if not share:
                self._loop.call_soon(self._flush)
                break
        if self._lower_paused:
            self._control_writing()
        if self._state is not CONNECTED:
            self._start_shutdown_timer()

    def _is_shutdown_complete(self):
        """
        Return whether the shutdown is complete (bool).

        With a timeout of 0 that means that all data is sent; otherwise the peer's close_notify must
        have come too.
        """
        pipe = self._pipe
        return (pipe.state is pipe_states.CLOSED
                or not self._shutdown_timeout and not pipe.backlog)

    def _control_writing(self):
        """
        Ask the application to pause or to go on, depending on the backlog.

        Returns:
            bool: whether there may be more to send: it was asked to go on, or has closed.
        """
        limits, pipe, state = self._limits, self._pipe, self._state
        if pipe is None or not (limits.paused or pipe.backlog) or state in OVER:
            return False
        name = limits.callback(pipe.backlog_size, state in OPEN)
        if name is None:
            return False
        self._call_app(name)
        return name == 'resume_writing' or self._state is not state

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

    # Flow control, called by the application's transport

    def _write_buffer_size(self):
        return self._pipe.backlog_size if self._pipe is not None else 0

    def _set_write_buffer_limits(self, high, low):
        self._limits.set(high, low)
        if self._control_writing() and not self._delivering:
            self._flush()

    def _pause_reading(self):
        state = self._state
        if state in EARLY or state in OPEN or state is UNWRAPPING:
            self._read_flow.paused = True
            if state not in EARLY:
                self._read_flow.pause_lower(self._transport)

    def _resume_reading(self):
        if self._read_flow.paused:
            self._read_flow.paused = False
            # Not from within this call: the application may be in the middle of something.
            self._loop.call_soon(self._deliver_held)

    def _is_reading(self):
        return not self._read_flow.paused and not self._is_closing()

    def _deliver_held(self):
        """Handle the events that came while the application paused, until it pauses again."""
        flow = self._read_flow
        if self._state in OVER or flow.paused:
            return
        self._receive(self._claim_unread, None)
        while flow.held and not flow.paused and self._state not in OVER:
            self._receive(*flow.held.pop(0))
        if not flow.paused and self._state not in OVER:
            flow.resume_lower(self._transport)

    def _claim_unread(self, _):
        """Make plaintext that waits in the pipe this process's, if there is any."""
        if self._unread or self._pipe.has_appdata:
            self._pipe.claim()

    # The end. After close(), the written data is sent, then close_notify. The peer has
    # ssl_shutdown_timeout seconds to answer; then the transport below has as long again to send its
    # data. After a failure, the alert is sent first. abort() sends nothing.

    def _reset(self, text):
        return self._connection_error(errno.ECONNRESET, text)

    def _aborted(self, text):
        return self._connection_error(errno.ECONNABORTED, text)

    def _close(self):
        state = self._state
        self._mark_closed()
        if state not in OVER and not self._pipe.may_end():
            self._close_descriptor()
        elif state in OPEN or state is UNWRAPPING:
            pipe = self._pipe
            self._unread = b''
            pipe.discard()
            if pipe.state is PIPE_BROKEN:  # a failure that was not reported yet
                self._fail(pipe.failure)
                return
            self._enter(CLOSE)
            if state is UNWRAPPING:
                self._resolve_unwrap(self._error or self._aborted('closed in unwrap()'))
            else:
                pipe.shutdown()
            self._resume_reading()  # the peer's close_notify may come after unread data
            self._send_close_notify()
        elif state in EARLY:
            self._abort()

    def _close_descriptor(self):
        """
        Close only our descriptor: after a fork, another process may use the connection.

        The parent sends the data that was encrypted before the fork.
        """
        self._pipe.disown()
        if self._state in EARLY or self._pipe.is_inherited():
            self._abort()
        else:
            lower_transport.pause_reading(self._transport)  # the data is for the other process
            self._close_lower()

    def _unwrap(self, waiter):
        """Resolve *waiter* with (transport below, trailing bytes) once TLS has ended."""
        if self._state not in OPEN or self._pipe.state is PIPE_BROKEN:
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
        self._send_close_notify()

    def _send_close_notify(self):
        """Send our close_notify; the flush starts the timer for the peer's answer."""
        self._timer.stop()
        if not self._delivering:
            self._flush()

    def _start_shutdown_timer(self):
        """Start the timer for the peer's close_notify, if our side has ended TLS."""
        if self._timer.is_running:
            return
        if self._state is UNWRAPPING:
            self._timer.start(self._shutdown_timeout or SHUTDOWN_TIMEOUT, self._unwrap_timed_out)
        elif self._state is CLOSING and self._shutdown_timeout:
            self._timer.start(self._shutdown_timeout, self._shutdown_timed_out)

    def _detach(self):
        """Give the transport below to the application, after both sides sent close_notify."""
        transport, protocol = self._transport, self._app_protocol
        if self._unwrapped.done() or lower_transport.is_closing(transport):
            self._abort()  # the future was cancelled, or the transport is closing
            return
        self._timer.stop()
        self._enter(DETACH)
        trailing = self._pipe.unwrap() + b''.join(data for _, data in self._read_flow.held
                                                  if data is not None)
        lower_transport.pause_reading(transport)
        if self._lower_paused != self._limits.paused:
            self._call_app('pause_writing' if self._lower_paused else 'resume_writing')
        lower_transport.set_protocol(transport, protocol)
        if self._has_eof:
            self._loop.call_soon(_pass_on_eof, transport, protocol)
        self._release()
        self._resolve_unwrap(result=(transport, trailing))

    def _abort(self):
        state = self._state
        if state is CLOSED:
            return
        self._mark_closed()
        if state is not ENDING:
            self._enter(END)
        if self._transport is not None:
            self._transport.abort()
        if state in EARLY:
            self._timer.stop()
            self._handshake_failed(self._error or self._aborted('closed in the TLS handshake'),
                                   is_own=self._error is None)

    def _close_lower(self):
        """Close the transport below; it sends its buffer first, in the shutdown timeout if any."""
        self._enter(END)
        if not self._shutdown_timeout:
            self._timer.stop()
        elif not self._timer.is_running and not lower_transport.closes_at_once(self._transport):
            self._timer.start(self._shutdown_timeout, self._shutdown_timed_out)
        # Not from within this call, since the transport may have called our resume_writing.
        # Trollius' and asyncio's would then call connection_lost twice, and fail the second time.
        self._loop.call_soon(self._transport.close)

    def _fail(self, error):
        """End the connection because TLS has failed; send the alert first."""
        state = self._state
        if state in OVER:
            return
        self._error = error
        if not self._pipe.may_end():
            self._close_descriptor()
            return
        alert = self._pipe.data_to_send()
        if alert:
            self._transport.write(alert)
        if state is HANDSHAKE:
            self._timer.stop()
        self._close_lower()
        if state is HANDSHAKE:
            self._handshake_failed(error)

    def _call_protocol(self, callback, *args):
        """Call the application's protocol; return its result, None if it raised and we go on."""
        try:
            return callback(*args)
        except Exception as error:
            if not self._survives_app:
                raise
            self._app_raised(error)

    def _app_raised(self, error):
        """Report that the application's protocol raised; go on, or end the connection."""
        if not self._survives_app:
            self._app_failed(error)
            return
        self._report_app('A callback of the protocol failed', error)

    def _app_failed(self, error):
        """End the connection because the application's protocol raised."""
        self._error = self._error or error
        self._report_app('Fatal error: a callback of the protocol failed', error)
        self._abort()

    def _report_app(self, message, error):
        self._loop.call_exception_handler({
            'message': message, 'exception': error, 'protocol': self._app_protocol,
            'transport': self.transport})

    def _handshake_failed(self, error, is_own=False):
        """
        Report *error* once: to the handshake's waiter, or without one to the loop.

        If *is_own*, the application has closed its transport itself, so the loop is not told.
        """
        self._error = error
        protocol = self._app_protocol
        if self._call_connection_made:  # it was never called, and will not be
            self._app_protocol = None
        report = getattr(self._waiter, 'report', None)
        if report is not None:  # a waiter that logs, and names the peer itself
            report(self, error)
        else:
            self._note_peer(error)
            if self._loop.get_debug():
                logger.debug('%r: the TLS handshake failed: %s', self, error)
        if self._waiter is not None:
            self._resolve_waiter(error)
        elif not is_own and getattr(error, 'errno', None) != errno.ECONNRESET:
            self._loop.call_exception_handler({
                'message': 'TLS handshake failed', 'exception': error, 'protocol': protocol})

    def _note_peer(self, error):
        """Add the peer to the text of *error*, since a program may have many connections."""
        if isinstance(error, ssl.SSLError) and self._transport is not None:
            name = getattr(self._pipe.ssl_object, 'server_hostname', None)
            peer = self._transport.get_extra_info('peername')
            known = [address(peer)] if peer else []
            if name and not (isinstance(peer, tuple) and name == peer[0]):
                known.insert(0, name)
            if known and ' (peer: ' not in str(error):  # an inner TLS layer may have added it
                add_note(error, 'peer: ' + ', '.join(known))

    def _resolve_waiter(self, error=None):
        waiter, self._waiter = self._waiter, None
        _resolve(waiter, error)

    def _resolve_unwrap(self, error=None, result=None):
        waiter, self._unwrapped = self._unwrapped, None
        _resolve(waiter, error, result)

    def _handshake_timed_out(self):
        self._error = self._aborted(
            'the TLS handshake took longer than %s seconds' % self._handshake_timeout)
        self._abort()

    def _shutdown_timed_out(self):
        self._abort()

    def _unwrap_timed_out(self):
        self._error = self._aborted('the peer has not ended TLS in time')
        self._shutdown_timed_out()

    # Facts about the connection

    def _is_closing(self):
        if self._state in OPEN or self._state is HANDSHAKE:
            return lower_transport.is_closing(self._transport)
        return self._state is not NEW

    def _is_early(self):
        return self._state in EARLY

    def _get_extra_info(self, name, default):
        if self._pipe is None or self._transport is None:
            return default
        if app_protocol.knows(name):
            value = app_protocol.extra_info(self._pipe.ssl_object, name)
            return default if value is None else value
        return self._transport.get_extra_info(name, default)

    def __repr__(self):
        return '<%s %s at %#x>' % (type(self).__name__, self._state, id(self))


def _nothing(_):
    """Feed nothing."""


def _resolve(waiter, error=None, result=None):
    if waiter is None or waiter.done():
        return
    if error is None:
        waiter.set_result(result)
    else:
        waiter.set_exception(error)


def _pass_on_eof(transport, protocol):
    """Pass on an EOF that came before the application got the transport below."""
    if not protocol.eof_received():
        transport.close()
