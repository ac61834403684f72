"""
`SSLProtocol`: TLS between a transport and an application's protocol, on any asyncio-like loop.

It knows when; the pipe knows how. Of the loop it needs call_soon, call_later, get_debug,
call_exception_handler and, in debug mode, time alone, so Trollius on 2.7 and asyncio on 3 drive the
same code.

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
from .._core.compat import NativeContext, as_bytes
from .._core.notes import add_note
from .._core.pipe import SSLPipe
from .._core.servername import name_of_loop
from .._core.unique import Unique
from . import app_protocol, lower_transport
from .flow import ReadGate, WriteLimits
from .report import address
from .states import (
    CLOSE, CLOSED, CLOSING, CONNECTED, DETACH, EARLY, END, ENDING, ESTABLISHED, HALF_CLOSED,
    HANDSHAKE, LOST, MADE, NEW, OPEN, OVER, PEER_END, READING, SENDING, TRANSITIONS, UNWRAP,
    UNWRAPPING)
from .timeouts import SHUTDOWN_TIMEOUT, Timer, timeouts
from .transport import LooseDebugTransport, LooseTransport

__all__ = ['SSLProtocol']

logger = logging.getLogger('sslproto27')

# Each message needs these: through their module they would take longer.
PIPE_OPEN, PIPE_BROKEN = pipe_states.OPEN, pipe_states.BROKEN

#: Bytes of what the application writes that are encrypted, and given to the transport below, at a
#: time: nothing more is encrypted while that one has too much to send.
CHUNK = 64 * 1024

#: Times that the application is asked to go on writing before the loop sees to others: it may be
#: that the peer reads as fast as it writes.
FAIR_SHARE = 16


class SSLProtocol(Unique):
    """
    TLS as a protocol of the transport below and a transport for the application above.

    Args:
        loop: the event loop of Trollius or asyncio.
        app_protocol: what the decrypted bytes are for; with ``get_buffer`` and ``buffer_updated``
            in place of ``data_received`` (asyncio's BufferedProtocol) its buffers are filled.
        sslcontext (ssl.SSLContext or None): None, on a client, is `create_default_context`.
        waiter (future or None): resolved when the handshake is done, or has failed.
        server_side (bool): which side to be.
        server_hostname (text or None): the name that the server must prove: needed if the context
            checks names; '' to check none.
        call_connection_made (bool): False where *app_protocol* has had connection_made before; it
            then gets connection_lost even if the handshake fails.
        ssl_handshake_timeout (float): seconds, 60 unless given.
        ssl_shutdown_timeout (float): seconds to wait for the peer's close_notify, 30 unless given;
            0 not to wait.
        session (SSLSession or None): what a client would like to resume.
        suppress_ragged_eofs (bool): see `SSLPipe`.
        handshake_limit (HandshakeLimit or None): of the server that this connection is one of.

    Raises:
        TypeError, ValueError: an argument cannot be used; the text names it.
    """

    __slots__ = (
        '_loop', '_app_protocol', '_waiter', '_unwrapped', '_call_connection_made',
        '_handshake_timeout', '_shutdown_timeout', '_pipe', '_state', '_transport',
        '_app_transport', '_timer', '_error', '_early', '_delivering', '_is_buffered',
        '_unread', '_gate', '_limits', '_lower_paused', '_has_eof', '_writes_after_close',
        '_started', '_thread', '_handshakes', '__weakref__')

    _transport_classes = LooseTransport, LooseDebugTransport
    _connection_error = socket.error  # of an errno and a text; on Python 3 one of OSError's classes

    def __init__(self, loop, app_protocol, sslcontext, waiter=None, server_side=False,
                 server_hostname=None, call_connection_made=True, ssl_handshake_timeout=None,
                 ssl_shutdown_timeout=None, session=None, suppress_ragged_eofs=False,
                 handshake_limit=None):
        if sslcontext is None and not server_side:
            sslcontext = create_default_context()
        if not isinstance(sslcontext, NativeContext):
            raise TypeError('sslcontext must be an ssl.SSLContext, not %r' % (sslcontext,))
        self._loop = loop
        self._waiter = waiter         # for the end of the handshake,
        self._unwrapped = None        # and for that of TLS
        self._call_connection_made = call_connection_made
        self._handshake_timeout, self._shutdown_timeout = timeouts(
            ssl_handshake_timeout, ssl_shutdown_timeout)
        name, check = name_of_loop(server_hostname)
        self._pipe = SSLPipe(sslcontext, server_side, name, session, suppress_ragged_eofs,
                             check_name=check)
        self._state = NEW
        self._transport = self._app_transport = None
        self._timer = Timer(loop)
        self._error = None            # what connection_lost will say
        self._early = []              # written before there was a transport
        self._delivering = False      # an event is being handled: it ends with a flush
        self._handshakes = handshake_limit
        self._gate = ReadGate()
        self._limits = WriteLimits()
        self._lower_paused = False    # the transport below takes no data
        self._has_eof = False         # and will give none any more
        self._unread = b''            # plaintext that the application has not taken yet
        self._writes_after_close = 0
        self._started = self._thread = None  # set in debug mode
        self._set_app_protocol(app_protocol)

    @property
    def transport(self):
        """The application's `SSLTransport`: one and the same until the connection is lost."""
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
        """Change the state: the one place that does."""
        before = self._state
        state = self._state = TRANSITIONS[before, event]
        if self._handshakes is not None and HANDSHAKE in (before, state):
            self._handshakes.running += 1 if state is HANDSHAKE else -1

    def _set_app_protocol(self, protocol):
        self._app_protocol = protocol
        self._is_buffered = app_protocol.is_buffered(protocol)

    def _change_app_protocol(self, protocol):
        # Unless nobody is told any more, who never was.
        if self._app_protocol is not None or self._state not in OVER:
            self._set_app_protocol(protocol)

    def _take_over(self, is_writing_paused):
        """Be the protocol of a transport that has, or has not, asked the application to pause."""
        self._lower_paused = self._limits.paused = is_writing_paused

    # Called by the transport below

    def connection_made(self, transport):
        """
        Start the handshake over *transport*, at once.

        Raises:
            RuntimeError: it has been called before, or connection_lost has.
        """
        state = self._state
        if state is not NEW and state is not ENDING:
            raise RuntimeError('connection_made() is not possible in state %s' % state)
        self._transport = transport
        if state is ENDING:  # closed before it began
            transport.abort()
            return
        if self._handshakes is not None and not self._handshakes.admits():
            # The limit has logged it; a reset is not reported for each connection.
            self._error = self._reset('too many TLS handshakes are under way')
            self._abort()
            return
        self._enter(MADE)
        self._timer.start(self._handshake_timeout, self._handshake_timed_out)
        if self._loop.get_debug():
            self._started, self._thread = self._loop.time(), threading.current_thread()
            logger.debug('%r starts the TLS handshake', self)
        self._receive(self._start, None)
        if self._has_eof and self._state not in OVER:
            self._handle(self._feed_eof, None)

    def data_received(self, data):
        """Decrypt *data*, and hand the application what it holds."""
        gate, pipe = self._gate, self._pipe
        if self._state is not CONNECTED or gate.paused or gate.held or self._delivering:
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
                        and not (gate.paused or self._unread or self._is_buffered))
            if is_usual:
                try:
                    data = pipe.appdata_received()
                    if data:
                        self._app_protocol.data_received(data)
                except Exception as error:
                    self._app_failed(error)
        finally:
            self._delivering = False
        if is_usual and pipe.state is PIPE_OPEN:
            self._flush()
        elif self._state not in OVER:
            self._receive(_nothing, None)  # deliver in other ways, or handle the end of TLS

    def eof_received(self):
        """
        Take note that nothing more will come from below.

        Returns:
            True: the transport below is to stay open; it is closed from here, once all is sent.
        """
        self._has_eof = True
        if self._loop.get_debug():
            logger.debug('%r received EOF', self)
        if self._state not in OVER:
            self._handle(self._feed_eof, None)
        return True

    def connection_lost(self, exc):
        """Tell whoever waits, and the application, that the connection is gone."""
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
        """Let nothing refer back to this object any more, nor pin the context through it."""
        self._mark_closed()
        self._app_protocol = self._app_transport = self._transport = self._pipe = None
        self._error = None
        del self._gate.held[:]

    def _mark_closed(self):
        if self._app_transport is not None:
            self._app_transport._mark_closed()

    def pause_writing(self):
        """Keep what is to be sent here: the buffer below is full."""
        self._lower_paused = True

    def resume_writing(self):
        """Go on sending: the buffer below has room."""
        self._lower_paused = False
        self._flush()

    # The way up

    def _handle(self, feed, data):
        """Handle what comes from below: now, or once the application reads again."""
        gate = self._gate
        if gate.held or gate.paused and self._state is not HANDSHAKE:
            gate.held.append((feed, data))
        elif self._delivering:  # a transport that delivers while it is called
            gate.held.append((feed, data))
            self._loop.call_soon(self._deliver_held)
        else:
            self._receive(feed, data)

    def _receive(self, feed, data):
        """
        Handle one event: ``feed(data)``, bring what came of it up, and then down.

        Up goes, in order: connection_made, data_received, eof_received, the failure.
        """
        pipe = self._pipe
        self._delivering = True
        try:
            try:
                feed(data)
            except Exception as error:  # not the peer's fault: another process, say, uses it
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
        """Give the application what has been decrypted, until it pauses; then the end of it."""
        pipe, gate = self._pipe, self._gate
        while not gate.paused:
            data = self._unread or pipe.appdata_received()
            if not data:
                break
            if self._is_buffered:
                self._unread = memoryview(data)  # its callbacks may replace it by another protocol
                size = app_protocol.fill(self._app_protocol, self._unread, self._takes_data)
                self._unread = self._unread[size:]
            else:
                self._unread = b''
                if data.__class__ is memoryview:  # left over by another protocol
                    data = data.tobytes()
                self._app_protocol.data_received(data)
            if self._state not in READING:
                return
        if (pipe.state is pipe_states.PEER_CLOSED and pipe.failure is None and not gate.paused
                and self._state is CONNECTED):
            self._peer_closed()

    def _takes_data(self):
        """Whether the application may get data; a get_buffer() can be the end of that."""
        return self._state in READING and not self._gate.paused

    def _pipe_failed(self, error):
        """End the connection because of the pipe's failure, after what came before it."""
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
            # Cut short: no eof_received. What the application wrote can still go out. After its
            # own close() the end of what it no longer reads is no news to it.
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
        if self._gate.paused:
            self._gate.pause_below(self._transport)
        if self._call_connection_made:
            self._app_protocol.connection_made(self.transport)
        self._resolve_waiter()

    def _peer_closed(self):
        self._enter(PEER_END)
        # TLS 1.3 lets us go on writing (RFC 8446 6.1); the application says so with true.
        if not self._app_protocol.eof_received() and self._state is HALF_CLOSED:
            self._close()

    # The way down

    def _write(self, data):
        state, pipe = self._state, self._pipe
        if (state in OPEN or state is HANDSHAKE) and pipe.state is not PIPE_BROKEN:
            pipe.feed_appdata(data)
            if not self._delivering:
                self._flush()
            elif pipe.backlog_size > self._limits.high:
                # What a callback writes leaves together, once it is over: that has to be soon.
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
        """Bring down what the pipe has: the one place that writes to the transport below."""
        pipe, limits, share = self._pipe, self._limits, FAIR_SHARE
        while self._state in SENDING and not self._lower_paused:
            try:
                data = pipe.data_to_send(CHUNK)
            except ssl.SSLError as error:  # another process uses the connection
                self._fail(error)
                return
            if data:
                self._transport.write(data)
            if (self._state is CONNECTED and pipe.state is PIPE_OPEN
                    and not (pipe.backlog or limits.paused)):
                return  # all is sent, nobody waits, and nothing has ended
            if pipe.state is PIPE_BROKEN:
                self._pipe_failed(pipe.failure)
                return
            if data and pipe.backlog:
                continue
            # Not while the transport below takes nothing: the pipe is done before its last bytes
            # are sent.
            if self._state is CLOSING:
                if self._is_all_said():
                    self._end()
            elif (self._state is UNWRAPPING and pipe.state is pipe_states.CLOSED
                    and not (self._unread or pipe.has_appdata)):
                self._detach()
            # As long as the application, asked to go on, writes more.
            if not (limits.paused or pipe.backlog) or not self._control_writing():
                break
            share -= 1
            if not share:
                self._loop.call_soon(self._flush)
                break
        if self._lower_paused:
            self._control_writing()
        if self._state is not CONNECTED:
            self._limit_shutdown()

    def _is_all_said(self):
        """Whether nothing is left to send, nor, unless the timeout is 0, to wait for."""
        pipe = self._pipe
        return (pipe.state is pipe_states.CLOSED
                or not self._shutdown_timeout and not pipe.backlog)

    def _control_writing(self):
        """
        Ask the application to pause, or to go on, as its backlog has it.

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
            self._gate.paused = True
            if state not in EARLY:
                self._gate.pause_below(self._transport)

    def _resume_reading(self):
        if self._gate.paused:
            self._gate.paused = False
            # Not from here: the application may be in the middle of something.
            self._loop.call_soon(self._deliver_held)

    def _is_reading(self):
        return not self._gate.paused and not self._is_closing()

    def _deliver_held(self):
        """Handle what has come while the application was paused, until it pauses again."""
        gate = self._gate
        if self._state in OVER or gate.paused:
            return
        self._receive(_nothing, None)  # plaintext may be waiting in the pipe
        while gate.held and not gate.paused and self._state not in OVER:
            self._receive(*gate.held.pop(0))
        if not gate.paused and self._state not in OVER:
            gate.resume_below(self._transport)

    # The end: after close() what was written goes out, then close_notify; the peer has
    # ssl_shutdown_timeout seconds to answer it, and the transport below as long again to send what
    # it has. A failure sends its alert first. abort() sends nothing.

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
            if pipe.state is PIPE_BROKEN:  # the application had yet to be told
                self._fail(pipe.failure)
                return
            self._enter(CLOSE)
            if state is UNWRAPPING:
                self._resolve_unwrap(self._error or self._aborted('closed in unwrap()'))
            else:
                pipe.shutdown()
            self._resume_reading()  # the peer's close_notify comes after what nobody reads
            self._send_close_notify()
        elif state in EARLY:
            self._abort()

    def _close_descriptor(self):
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
        """Send our close_notify and give the peer its time to answer."""
        self._timer.stop()
        if not self._delivering:
            self._flush()

    def _limit_shutdown(self):
        """Give the peer its time, if our side is closed, and the flush has not been the end."""
        if self._timer.is_running:
            return
        if self._state is UNWRAPPING:
            self._timer.start(self._shutdown_timeout or SHUTDOWN_TIMEOUT, self._unwrap_timed_out)
        elif self._state is CLOSING and self._shutdown_timeout:
            self._timer.start(self._shutdown_timeout, self._shutdown_timed_out)

    def _detach(self):
        """Give the transport below to the application, after both sides' close_notify."""
        transport, protocol = self._transport, self._app_protocol
        if self._unwrapped.done() or lower_transport.is_closing(transport):
            self._abort()  # nobody is there to take it
            return
        self._timer.stop()
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

    def _end(self):
        """Close the transport below, which sends what it has first, however long that takes."""
        self._enter(END)
        if not self._shutdown_timeout:
            self._timer.stop()
        elif not self._timer.is_running and not lower_transport.closes_at_once(self._transport):
            self._timer.start(self._shutdown_timeout, self._shutdown_timed_out)
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
            self._close_descriptor()
            return
        alert = self._pipe.data_to_send()
        if alert:
            self._transport.write(alert)
        if state is HANDSHAKE:
            self._timer.stop()
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
        if report is not None:  # nobody waits for it; it tells of the peer itself
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
        """Say in the text of *error* with whom it was: who reads it may have many connections."""
        if isinstance(error, ssl.SSLError) and self._transport is not None:
            name = getattr(self._pipe.ssl_object, 'server_hostname', None)
            peer = self._transport.get_extra_info('peername')
            known = [name] if name else []
            if peer:
                known.append(address(peer))
            if known and ' (with ' not in str(error):  # of a TLS below, say
                add_note(error, 'with ' + ', '.join(known))

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

    # What is known

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


def _tell_eof(transport, protocol):
    """Hand on an EOF that the transport below reported while it was not the application's yet."""
    if not protocol.eof_received():
        transport.close()
