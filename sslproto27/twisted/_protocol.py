"""
`TLSProtocol`: a transport for the application's protocol, over the transport below.

This class decides when to act, the pipe knows how. Nothing here calls OpenSSL or patches Twisted.

    transport.dataReceived -> pipe -> application.dataReceived
    transport.write        <- pipe <- application's transport.write
"""
from __future__ import absolute_import, division, print_function

import errno
import ssl

from twisted.internet import error, interfaces
from twisted.python.failure import Failure
from zope.interface import implementer

from .._core import pipe_states
from .._core.pipe_states import CAN_END, PEER_ENDED
from .._core.unique import Unique
from .._stream.report import address, failed_handshakes
from .._stream.timeouts import SHUTDOWN_TIMEOUT
from .._stream.states import (
    CLOSE, CLOSED, CLOSING, CONNECTED, END, ENDING, ESTABLISHED, HANDSHAKE, LOST, MADE, NEW, OPEN,
    OVER, PEER_END, SENDING, TRANSITIONS)
from ._lower import (
    abort, beneath, drop_unsent, half_closer, has_unsent, plain_socket, reactor_of, receive_now,
    send_now, unregister, unsent)
from ._producers import PullProducer, Throttle
from ._settings import TwistedLog, settings_of, with_installed
from ._upgrade import upgrade

__all__ = ['TLSProtocol']

#: How many plaintext bytes we encrypt and hand to the transport below at a time; and how many bytes
#: that may hand to the kernel at a time, so that the records go together. Twisted's own figure is
#: the same as our first; a second call would then follow for the overhead of the records.
CHUNK = 128 * 1024
SEND_LIMIT = CHUNK + CHUNK // 16

#: If more written bytes than this wait, the application's producer is paused. Twisted's figure.
HIGH_WATER = 64 * 1024

#: How many bytes Twisted's connections read at a time, and how often we read again before the
#: reactor serves other connections.
READ_SIZE = 64 * 1024
FAIR_SHARE = 3

#: While we wait for the end, we check for progress this many times in each timeout.
LOOKS = 4

#: The pipe's states that accept data from the application.
_WRITABLE = frozenset([pipe_states.HANDSHAKE, pipe_states.OPEN, pipe_states.PEER_CLOSED])

_log = TwistedLog()


@implementer(interfaces.INegotiated, interfaces.ITLSTransport, interfaces.IConsumer,
             interfaces.IPushProducer)
class TLSProtocol(Unique):
    """
    TLS over any transport: a transport for the application. The transport below calls it through a
    `Receiver`.

    We call the application's connectionMade when the transport below is connected. Data that it
    writes then waits for the end of the handshake; an IHandshakeListener is told of that end.
    connectionLost gets one of these reasons:

    - ConnectionDone: both sides ended TLS properly, or we did and the peer did not answer;
    - ConnectionLost: the peer's data, or ours, may have been cut short (RFC 8446 6.1);
    - ConnectionAborted: abortConnection was called;
    - ssl.SSLError: TLS failed, during the handshake or after it; for a certificate or a name it is
      this package's ssl.SSLCertVerificationError;
    - twisted.internet.error.TimeoutError: the handshake took too long.

    All other attributes (setTcpNoDelay, getHandle, ...) are those of the transport below.

    Args:
        settings (Settings): the context and the options.
        wrappedProtocol (IProtocol): the application's protocol.

    Attributes:
        protocol, wrappedProtocol (IProtocol or None): the application's; None once its connection
            is lost. The application may assign another one: it gets all that follows.
        transport (ITransport): the transport below.
        disconnecting (bool): whether loseConnection has been called.
        producer (IProducer or None), streamingProducer (bool): the arguments of registerProducer.
        producerPaused (bool): whether the producer was told to pause.
        TLS (bool): True, as on Twisted's own connections.
    """

    TLS = True
    _sslproto27 = None  # the TLS inside this one, once `startTLS` has been called

    # __dict__ is for connections with such an inner TLS: its methods replace ours on the instance.
    __slots__ = ('_protocol', 'transport', 'factory', 'disconnecting', 'producer',
                 'streamingProducer', 'producerPaused', '_settings', '_pipe', '_state', '_timer',
                 '_reason', '_push', '_lower_paused', '_reading_paused', '_delivering',
                 '_write_end', '_held', '_upgrade', '_socket', '_stopped', '_watched', '__dict__',
                 '__weakref__')

    def __init__(self, settings, wrappedProtocol):
        self._settings = settings
        self._protocol = wrappedProtocol
        self._pipe = settings.new_pipe()
        self._state = NEW
        self.transport = self.factory = self._timer = None
        self._socket = None         # the transport below if it is Twisted's own TCP connection
        self.disconnecting = False
        self.producer = self._push = None  # as registered; as a push producer
        self.streamingProducer = self.producerPaused = False
        self._reason = None         # the Failure for connectionLost
        self._lower_paused = False  # the transport below accepts no data
        self._reading_paused = False
        self._delivering = False    # an event is being handled, and a flush will follow
        self._write_end = None      # of loseWriteConnection: WANTED, then TOLD
        self._held = ()             # events that came while the application had paused
        self._stopped = False       # stopProducing has been called
        self._watched = None        # (unsent bytes, time of the last progress), at the end
        self._upgrade = None        # the `Upgrade`, if TLS was started on a transport in use

    def _enter(self, event):
        """Change the state. Nothing else does."""
        before = self._state
        state = self._state = TRANSITIONS[before, event]
        handshakes = self._settings.handshakes
        if handshakes is not None and HANDSHAKE in (before, state):
            handshakes.running += 1 if state is HANDSHAKE else -1

    # Called by the transport below

    def makeConnection(self, transport):
        """Start the handshake over *transport*, and give the application its connection."""
        connector = getattr(transport, 'connector', None)
        if connector is not None:
            connector.transport = self  # its disconnect() would cut off the transport below
        self._start(transport, True, b'')

    def _start(self, transport, is_new, early):
        """
        Start TLS.

        Args:
            transport (ITransport): the transport below.
            is_new (bool): whether the application's protocol is not connected yet.
            early (bytes): TLS data that was received before.
        """
        if self._state is not NEW:
            raise RuntimeError('TLS cannot start in state %s' % self._state)
        self.transport = transport
        self._socket = plain_socket(transport)
        if self._socket is not None:
            self._socket.SEND_LIMIT = SEND_LIMIT
        self._enter(MADE)
        self._start_timer(self._settings.handshakeTimeout, self._handshake_timed_out)
        # Without this, the first answer waits for the peer's delayed ACK of the handshake's last
        # flight: 40 ms on Linux. Twisted joins small writes itself, so we need no delay.
        set_no_delay = getattr(transport, 'setTcpNoDelay', None)
        if set_no_delay is not None:
            try:
                set_no_delay(True)
            except (AttributeError, EnvironmentError):
                pass  # a Unix socket, whose class has the method too
        self._register_lower()
        self._delivering = True
        try:
            if early:
                self._pipe.feed_ssldata(early)
            self._pipe.do_handshake()
            if is_new:
                self._tell(self._protocol.makeConnection, self)
        finally:
            self._delivering = False
        self._receive(_nothing, None)

    def _register_lower(self):
        register = getattr(self.transport, 'registerProducer', None)
        if register is not None:
            register(Throttle(self), True)

    def dataReceived(self, data):
        """Decrypt *data*, and pass the plaintext to the application."""
        self._take(data)
        if len(data) == READ_SIZE and self._socket is not None:
            share = FAIR_SHARE
            while (data and share and self._state is CONNECTED and not self._reading_paused
                   and not self.disconnecting):
                data = receive_now(self._socket)
                if data:
                    self._take(data)
                share -= 1

    def _take(self, data):
        if self._delivering or self._reading_paused or self._held:
            self._hold_or_receive(data)
            return
        if self._state is not CONNECTED:
            if self._state not in OVER:
                self._receive(self._pipe.feed_ssldata, data)
            return
        # What _receive does, with fewer calls.
        pipe = self._pipe
        try:
            pipe.feed_ssldata(data)
        except ssl.SSLError as failure:  # not the peer's fault: another process uses it
            self._fail(failure)
            return
        plaintext = pipe.appdata_received()
        if plaintext:
            self._delivering = True
            try:
                self._protocol.dataReceived(plaintext)
            except BaseException:
                self._application_failed()
            finally:
                self._delivering = False
        if pipe.state is not pipe_states.OPEN or pipe.failure is not None:
            self._receive(_nothing, None)
        else:
            self._flush(True)

    def readConnectionLost(self):
        """Note that the transport below will receive nothing more; it can still send."""
        if self._delivering or self._held or self._reading_paused and self._state is not HANDSHAKE:
            self._hold(self._feed_eof, None)
        elif self._state not in OVER:
            self._receive(self._feed_eof, None)

    def connectionLost(self, reason):
        """
        Tell the application that the connection is gone, once it has the data from before.

        If it has paused, that data waits only after an orderly end. Over TCP, too, a reset is told
        at once, and a loss that only reading finds once it reads again.
        """
        if self._state is CLOSED:
            return
        if self._state in OVER or not (self._held or self._has_unread()):
            self._lost(reason)
            return
        self._hold(self._lost, reason)
        self._stop_producer()  # if it has paused us, it must not keep us paused for ever
        self._end_pause_after_reset()

    def _is_gone(self):
        """Return whether the transport below is lost, and that is still to be told (bool)."""
        return bool(self._held) and self._held[-1][0] == self._lost

    def _end_pause_after_reset(self):
        if self._reading_paused and self._is_gone():
            reason = self._held[-1][1]
            if not reason.check(error.ConnectionDone):
                self._lost(reason)

    def _lost(self, reason):
        state, pipe = self._state, self._pipe
        if state is CLOSED:
            return
        if self._reason is None and reason.check(error.ConnectionDone):
            if state is HANDSHAKE or state is NEW:
                self._reason = _lost_in('in the TLS handshake')
            elif state is CONNECTED and pipe.state not in PEER_ENDED:
                if not self._settings.suppressRaggedEofs:
                    self._reason = _truncated()
        self._enter(LOST)
        self._stop_timer()
        reason = self._reason or reason
        protocol, self._protocol = self._protocol, None
        self._stop_producer()
        # Break all references that could pin the context.
        if self._upgrade is not None:
            self._upgrade.lost()
        self._pipe = self._reason = self._upgrade = self._watched = None
        self._held = ()
        connector = getattr(self.transport, 'connector', None)
        if connector is not None and connector.transport is self:
            while isinstance(connector.transport, TLSProtocol):
                connector.transport = beneath(connector.transport.transport)
        if protocol is not None:
            self._tell(protocol.connectionLost, reason)

    def pause_sending(self):
        """Pause: too much data waits in the transport below."""
        self._lower_paused = True
        self._control_producer()

    def resume_sending(self):
        """Resume: the transport below has sent it."""
        self._lower_paused = False
        if self._state not in OVER:
            self._flush()
            if not self._lower_paused and getattr(self.transport, 'disconnecting', False):
                unregister(self.transport)  # other code has closed it: it waits for its producer

    # From the peer to the application

    def _hold_or_receive(self, data):
        if self._state in OVER:
            return
        if self._state is HANDSHAKE and not (self._delivering or self._held):
            self._receive(self._pipe.feed_ssldata, data)
        else:
            self._hold(self._pipe.feed_ssldata, data)

    def _hold(self, feed, data):
        """Keep an event until the application resumes, or has handled the current one."""
        if not self._held:
            self._held = []
            if not self._reading_paused:
                self._call_later(0, self._deliver_held)
        self._held.append((feed, data))

    def _deliver_held(self):
        """Handle the kept events, until the application pauses again."""
        if self._pipe is None:
            return
        self._receive(_nothing, None)  # plaintext may be waiting in the pipe
        while self._held and not self._reading_paused and self._pipe is not None:
            feed, data = self._held.pop(0)
            if feed == self._lost:
                self._lost(data)
            elif self._state not in OVER:
                self._receive(feed, data)
        self._end_pause_after_reset()

    def _receive(self, feed, data):
        """
        Handle one event: call ``feed(data)``, inform the application, then send.

        The application learns, in this order, of the end of the handshake, data, the end of the
        peer's side, and a failure.
        """
        pipe = self._pipe
        if pipe is None:
            return
        self._delivering = True
        try:
            try:
                feed(data)
            except ssl.SSLError as failure:
                self._fail(failure)
                return
            if self._state is HANDSHAKE and pipe.established:
                self._established()
            if self._state in OPEN and not self._reading_paused and pipe.has_appdata:
                self._tell(self._protocol.dataReceived, pipe.appdata_received())
            if (self._state is CONNECTED and pipe.failure is None and pipe.state in PEER_ENDED
                    and not self._has_unread()):
                self._peer_closed()
        finally:
            self._delivering = False
        if pipe.failure is not None:
            self._pipe_failed(pipe.failure)
        self._flush(True)

    def _has_unread(self):
        """
        Return whether plaintext waits that the application will get (bool).

        It has paused, or has resumed in this turn. Every end of reading has to wait for that.
        """
        return self._state in OPEN and self._pipe.has_appdata

    def _established(self):
        self._stop_timer()
        self._enter(ESTABLISHED)
        if self._reading_paused:
            self._pause_lower()
        if self._upgrade is not None:
            self._upgrade.established()
            if self._state in OVER:
                return
        if interfaces.IHandshakeListener.providedBy(self._protocol):
            self._tell(self._protocol.handshakeCompleted)
        self._end_our_side()

    def _feed_eof(self, _):
        if self._state is HANDSHAKE:
            self._reason = _lost_in('in the TLS handshake')
            self._end()
        else:
            self._pipe.feed_eof()

    def _peer_closed(self):
        """Handle the proper end of the peer's side; ours may stay open (RFC 8446 6.1)."""
        self._enter(PEER_END)
        protocol = interfaces.IHalfCloseableProtocol(self._protocol, None)
        if protocol is None:
            self._wind_up()
        elif not self.disconnecting or half_closer(protocol) is None:  # else a producer may go on
            self._tell(protocol.readConnectionLost)

    def _pipe_failed(self, failure):
        """End the connection because the pipe has failed, once all earlier events are handled."""
        if self._state in OVER or self._has_unread():
            return
        if self._pipe.state is not pipe_states.BROKEN:
            if self._state in OPEN and not self.disconnecting:
                # The peer's data is cut short, but the application's data can still be sent. After
                # loseConnection the application reads nothing, so the cut does not matter.
                self._reason = _truncated()
                self._wind_up()
        elif failure.args[:1] == (errno.ECONNABORTED,):
            self._abort(None if self.disconnecting else Failure(failure))
        else:
            self._fail(failure)

    def _wind_up(self):
        """Send the data that waits, then close. The application can do nothing more."""
        self._stop_producer()
        self._lose()
        self._end_our_side()

    # From the application to the peer

    def write(self, data):
        """
        Send *data*, any contiguous buffer. If it is mutable, it is copied.

        Raises:
            TypeError: *data* is text, or not a buffer.
        """
        if not self._can_write() or self.disconnecting and self.producer is None:
            return
        pipe = self._pipe
        try:
            pipe.feed_appdata(data)
        except ssl.SSLError as failure:  # another process uses the connection
            self._fail(failure)
            return
        if self.disconnecting:  # a registered producer continues
            self._watched = None
        # Data written in a callback is sent together after the callback, unless it is large.
        if not self._delivering or pipe.backlog_size > HIGH_WATER:
            self._flush()

    def _can_write(self):
        """Return whether data can still be sent; once it cannot, it never can again (bool)."""
        pipe = self._pipe
        return (pipe is not None and pipe.state in _WRITABLE and self._state not in OVER
                and not self._is_gone())

    def writeSequence(self, data):
        """Send an iterable of bytes, in as few records as possible."""
        TLSProtocol.write(self, b''.join(data))

    def _flush(self, is_answer=False):
        """
        Encrypt, and write to the transport below. Nothing else does.

        Args:
            is_answer (bool): whether an event has just been handled, so that no more data will be
                added soon.
        """
        pipe = self._pipe
        while self._state in SENDING and not self._lower_paused:
            try:
                records = data = pipe.data_to_send(CHUNK)
            except ssl.SSLError as failure:  # another process uses the connection
                self._fail(failure)
                return
            if data and is_answer and self._socket is not None:
                data = send_now(self._socket, data)
            if data:
                self.transport.write(data)
            if pipe.state is pipe_states.BROKEN:
                self._pipe_failed(pipe.failure)
                return
            if not (records and pipe.backlog):
                break
        if (self._state is not CONNECTED or self._write_end is not None) and (
                self._state in SENDING and not self._lower_paused and not pipe.backlog):
            self._all_is_sent(pipe)
        if self._push is not None:
            self._control_producer()
        if self._state is CLOSING and self._timer is None:
            self._watch_end()

    def _all_is_sent(self, pipe):
        if self._write_end is WANTED and pipe.state not in _WRITABLE:
            self._write_end = TOLD
            protocol = interfaces.IHalfCloseableProtocol(self._protocol, None)
            if protocol is not None:
                self._tell(protocol.writeConnectionLost)
        # Data that the callbacks have written comes first; a flush follows at their end.
        if (self._state in SENDING and not pipe.backlog
                and (pipe.state is pipe_states.CLOSED and not self._has_unread()
                     or self._state is CLOSING and not self._settings.shutdownTimeout)):
            if self._reason is None and pipe.state is pipe_states.CLOSED and not pipe.failure:
                # Settle the reason now: a peer that is gone may answer the rest with a reset.
                self._reason = Failure(error.ConnectionDone())
            self._end()

    # Flow control, called by the application

    def registerProducer(self, producer, streaming):
        """
        Let *producer* write as fast as the peer reads.

        If nothing can be sent any more, its stopProducing is called instead.

        Args:
            producer (IPushProducer or IPullProducer): the source of the data.
            streaming (bool): True for a push producer.

        Raises:
            RuntimeError: a producer is registered already.
        """
        if self.producer is not None:
            raise RuntimeError('cannot register %r: %r has not been unregistered'
                               % (producer, self.producer))
        if not self._can_write():
            producer.stopProducing()
            return
        self.producer, self.streamingProducer = producer, streaming
        self.producerPaused = not streaming
        self._push = producer if streaming else PullProducer(
            producer, self._call_later, self._can_write, self._producer_failed)
        self._control_producer()

    def unregisterProducer(self):
        """Forget the producer; continue with a close that waited for its end."""
        self._forget_producer()

    def _drop_producer(self):
        push, self._push, self.producer = self._push, None, None
        if not self.streamingProducer and push is not None:
            push.pauseProducing()

    def _forget_producer(self):
        self._drop_producer()
        self._end_our_side()

    def _producer_failed(self, failure):
        """Forget a pull producer that has raised an exception."""
        _log.failed(failure)
        if self.disconnecting or self._write_end is WANTED:
            self._drop_producer()
            self._abort(failure)  # close_notify would claim that the data is complete
        else:
            self._forget_producer()

    def stopConsuming(self):
        """Forget the producer, and close."""
        self._forget_producer()
        self._lose()

    def _stop_producer(self):
        push, self._push, self.producer = self._push, None, None
        if push is not None:
            try:
                push.stopProducing()
            except BaseException:  # the connection ends anyway
                _log.failed(Failure())

    def _control_producer(self):
        """Pause or resume the producer, depending on how much unsent data waits."""
        push, pipe = self._push, self._pipe
        if push is None or pipe is None:
            return
        if self._lower_paused or pipe.backlog_size > HIGH_WATER:
            if not self.producerPaused:
                self.producerPaused = True
                self._tell(push.pauseProducing)
        elif self.producerPaused and not pipe.backlog:
            self.producerPaused = False
            self._tell(push.resumeProducing)
            if self._stopped:
                self._end_our_side()

    def pauseProducing(self):
        """Stop calling dataReceived until `resumeProducing`."""
        if not self.disconnecting:
            self._reading_paused = True
            if self._state in OPEN:
                self._pause_lower()

    def resumeProducing(self):
        """Continue after `pauseProducing`."""
        self._resume_reading()

    def _resume_reading(self):
        if not self._reading_paused:
            return
        self._reading_paused = False
        if self._pipe is None:
            return
        if self._held or self._pipe.has_appdata or self._pipe.failure is not None:
            # Not during this call: the application may not expect data now.
            self._call_later(0, self._deliver_held)
        self._resume_lower()

    def stopProducing(self):
        """
        Close: the consumer of the received data wants no more.

        We wait for a push producer only while it is paused: otherwise it may be gone.
        """
        self._stopped = True
        self._lose()
        self._end_our_side()

    def _pause_lower(self):
        pause = getattr(self.transport, 'pauseProducing', None)
        if pause is not None:
            pause()

    def _resume_lower(self):
        resume = getattr(self.transport, 'resumeProducing', None)
        if resume is not None:
            resume()

    # The end

    def loseConnection(self):
        """
        Close: send all written data, then close_notify. The application gets no more data.

        A registered producer may write until it is unregistered, or until the peer closes too, if
        the protocol is no IHalfCloseableProtocol. The wait ends if there is no progress for
        ``shutdownTimeout`` seconds (30 by default): the producer writes nothing, or the peer
        accepts no data, or it does not answer close_notify.
        """
        self._lose()

    # Below, do not call methods that a TLS inside this one may have replaced on the instance.

    def _lose(self):
        if self.disconnecting or self._state in OVER:
            return
        self.disconnecting = True
        pipe = self._pipe
        if not pipe.may_end():
            self._leave_alone()
            return
        pipe.discard()
        self._write_end = TOLD
        self._resume_reading()  # the peer's close_notify follows the unread data
        self._end_our_side()

    def loseWriteConnection(self):
        """
        End our side: send all written data, then close_notify. We can still receive data.

        An IHalfCloseableProtocol is told when this is done. A registered producer finishes first.
        """
        if self._write_end is None and self._state not in OVER:
            self._write_end = WANTED
            self._end_our_side()

    def _end_our_side(self):
        """Send close_notify if the application wants that, and nothing has to be sent before it."""
        if (self._state not in OPEN
                or not self.disconnecting and self._write_end is not WANTED):
            return
        if self.producer is not None and not (
                self._stopped and self.streamingProducer and not self.producerPaused):
            if self.disconnecting and self._timer is None:
                self._watch_end()
            return
        pipe = self._pipe
        if self.disconnecting:
            if pipe.state is pipe_states.BROKEN:  # the application has not been told yet
                self._fail(pipe.failure)
                return
            self._enter(CLOSE)
            self._stop_timer()
        try:
            if pipe.state in CAN_END:
                pipe.shutdown()
        except ssl.SSLError as failure:  # another process uses the connection
            self._fail(failure)
            return
        if not self._delivering:
            self._flush()

    def abortConnection(self, reason=None):
        """
        Close at once; unsent data is lost.

        Args:
            reason (Failure or None): the reason for connectionLost, if there is none yet.
        """
        self._abort(reason)

    def _abort(self, reason=None):
        if self._state is CLOSED:
            return
        self._reason = self._reason or reason
        self._stop_timer()
        if self._state is not ENDING:
            self._start_closing(Failure(error.ConnectionAborted()))
        transport = self.transport
        if transport is None:
            return
        self._reason = self._reason or Failure(error.ConnectionAborted())
        if not self._pipe.may_end():
            self._close_descriptor()
        elif not abort(transport):
            self._call_later(0, lambda: self._lost(self._reason))

    def _start_closing(self, reason):
        """
        Begin to close: the application gets no more data.

        Args:
            reason (Failure or None): the reason for connectionLost if the transport below is gone
                already; None for that transport's own reason.
        """
        self._enter(END)
        held, self._held = self._held, ()
        for feed, data in held:
            if feed == self._lost:
                self._call_later(0, lambda: self._lost(reason or data))

    def _end(self):
        """Close the transport below, which first sends the data that it has."""
        self._start_closing(None)
        if self._socket is not None and not has_unsent(self._socket):
            self._stop_timer()
        else:  # the peer may have stopped reading
            self._watch_end()
        unregister(self.transport)
        self.transport.loseConnection()

    def _fail(self, failure):
        """End the connection because TLS failed; send the alert first."""
        state, pipe = self._state, self._pipe
        if state in OVER:
            return
        self._reason = Failure(failure)
        if not pipe.may_end():
            self._leave_alone()
            return
        alert = pipe.data_to_send()
        if alert:
            self.transport.write(alert)
        if state is HANDSHAKE and self._settings.serverSide:  # any stranger can cause this
            failed_handshakes.warn(_log, 'TLS handshake with %s failed: %s', pipe.ssl_object,
                                   self._peer(), failure)
        self._end()

    def _peer(self):
        peer = self.transport.getPeer()
        return address((peer.host, peer.port)) if hasattr(peer, 'port') else str(peer)

    def _leave_alone(self):
        """
        Close only our descriptor: after a fork, another process may use the connection.

        Data that was encrypted before the fork is sent by the parent.
        """
        self._start_closing(None)
        self._stop_timer()
        self._close_descriptor()

    def _close_descriptor(self):
        self._pipe.disown()
        if self._socket is not None and self._pipe.is_inherited():
            drop_unsent(self._socket)
        below = beneath(self.transport)
        if hasattr(below, '_shouldShutdown'):
            below._shouldShutdown = False  # it would end the other process's too
        unregister(self.transport)
        self.transport.loseConnection()

    def _call_later(self, delay, callback):
        return self.reactor.callLater(delay, self._tell, callback)

    def _tell(self, method, *args):
        """
        Call a method of the application. If it raises, log that and end the connection.

        Not every caller of ours does so: a process' transport, or a server's connectionMade.
        """
        try:
            method(*args)
        except BaseException:  # like the reactor, when it calls a connection's methods
            self._application_failed()

    def _application_failed(self):
        failure = Failure()
        _log.failed(failure)
        self._abort(failure)

    def _start_timer(self, delay, callback):
        self._stop_timer()
        self._timer = self._call_later(delay, callback)

    def _stop_timer(self):
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    def _handshake_timed_out(self):
        self._abort(Failure(error.TimeoutError(
            None, 'the TLS handshake took longer than %s seconds'
            % self._settings.handshakeTimeout)))

    def _watch_end(self):
        """Make sure that the connection ends even if the producer or the peer does nothing."""
        self._watched = self._unsent(), self.reactor.seconds()
        self._start_timer(self._shutdown_timeout() / LOOKS, self._look)

    def _look(self):
        """Give up if there was no progress for too long."""
        if self._watched is None or self._watched[0] != self._unsent():
            self._watch_end()
            return
        limit = self._shutdown_timeout()
        left = self._watched[1] + limit - self.reactor.seconds()
        if left > 0:
            self._start_timer(min(left, limit / LOOKS), self._look)
        else:
            self._shutdown_timed_out()

    def _shutdown_timeout(self):
        return self._settings.shutdownTimeout or SHUTDOWN_TIMEOUT

    def _unsent(self):
        """Return how many unsent bytes there are, here and below (int)."""
        below = getattr(self.transport, '_unsent', None)  # for TLS in TLS
        count = unsent(self.transport) if below is None else below()
        return count if self._pipe is None else count + self._pipe.backlog_size

    def _shutdown_timed_out(self):
        self._stop_timer()
        if self._state is ENDING:
            self._abort()
        elif self._lower_paused or self._pipe.backlog:
            self._abort(Failure(error.ConnectionAborted('the peer reads nothing')))
        elif self._state in OPEN:
            self._stop_producer()
            self._end_our_side()
        else:  # all data is sent
            self._end()

    # Information

    @property
    def reactor(self):
        """The reactor whose clock the timeouts use: the option's, or the transport's below."""
        return self._settings.reactor or reactor_of(self.transport)

    @property
    def protocol(self):
        """The application's protocol; None once its connection is lost."""
        inner = self._sslproto27
        return self._protocol if inner is None else inner.protocol

    @protocol.setter
    def protocol(self, protocol):
        inner = self._sslproto27
        if inner is None:
            self._protocol = protocol
        else:
            inner.protocol = protocol

    wrappedProtocol = protocol  # its name in Twisted's own TLS

    @property
    def negotiatedProtocol(self):
        """The protocol chosen by ALPN (bytes); None if there is none, or not yet."""
        if self._sslproto27 is not None:
            return self._sslproto27.negotiatedProtocol
        name = self._of_tls('selected_alpn_protocol')
        return None if name is None else name.encode('ascii')

    def getPeerCertificate(self, binaryForm=False):
        """
        Return the peer's certificate.

        Args:
            binaryForm (bool): True for DER, whether or not the certificate was verified.

        Returns:
            dict or bytes: like ``getpeercert`` of Python's ssl; None if there is none, or not yet.
        """
        if not self._of_tls('version'):
            return None
        return self._pipe.ssl_object.getpeercert(binaryForm)

    @property
    def sslObject(self):
        """The `SSLObject`: cipher, version, session and so on; None once the connection is lost."""
        return None if self._pipe is None else self._pipe.ssl_object

    def _of_tls(self, name):
        pipe = self._pipe
        return getattr(pipe.ssl_object, name)() if pipe is not None and pipe.established else None

    def getPeer(self):
        """Return the address of the peer; the transport below knows it."""
        return self.transport.getPeer()

    def getHost(self):
        """Return the address of this side; the transport below knows it."""
        return self.transport.getHost()

    def startTLS(self, context, normal=True, hostname=None, **options):
        """Start TLS inside this TLS: Twisted's name for the function `startTLS`."""
        upgrade(self, TLSProtocol, self.settings_within(context, normal, hostname, options))

    def settings_within(self, context, normal, hostname, options):
        """
        Return the `Settings` for TLS inside this TLS, by default with our side.

        Our name is not the default: TLS inside another one usually has another end.
        """
        return settings_of(with_installed(context), self._settings.serverSide == bool(normal),
                           hostname, options)

    def logPrefix(self):
        """Return the prefix of log lines about this connection (str)."""
        protocol = self._protocol
        if interfaces.ILoggingContext.providedBy(protocol):
            return '%s (TLS)' % protocol.logPrefix()
        return '%s (TLS)' % type(protocol).__name__

    def __getattr__(self, name):
        if name.startswith('__') or self.transport is None:
            raise AttributeError('%s has no attribute %r' % (type(self).__name__, name))
        return getattr(self.transport, name)

    def __repr__(self):
        return '<%s %s of %r at %#x>' % (
            type(self).__name__, self._state, self._protocol, id(self))


# The stages of loseWriteConnection
WANTED = 'WANTED'
TOLD = 'TOLD'


def _lost_in(where):
    return Failure(error.ConnectionLost('the peer closed the connection ' + where))


def _truncated():
    return Failure(error.ConnectionLost(
        "the connection ended without TLS's close_notify: data may have been cut short"))


def _nothing(_):
    """Feed nothing."""
