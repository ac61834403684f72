"""
`TLSProtocol`: a protocol for the transport below, a transport for the application's protocol.

It knows when; the pipe knows how. Nothing here calls OpenSSL, or patches Twisted.

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
from ._below import drop_unsent, has_unsent, plain_socket, receive_now, send_now, unsent
from ._producers import PullProducer, Throttle
from ._settings import TwistedLog, settings_of
from ._upgrade import upgrade

__all__ = ['TLSProtocol']

#: Bytes of what the application writes that are encrypted, and given to the transport below, at a
#: time: what Twisted's own transports give to the kernel at a time.
CHUNK = 128 * 1024

#: Bytes that the application has written above which its producer is paused: Twisted's own figure.
HIGH_WATER = 64 * 1024

#: What Twisted's connections read at a time, and how often more is read at once before the reactor
#: sees to others.
READ_SIZE = 64 * 1024
FAIR_SHARE = 3

#: How often it is seen, while the end is awaited, whether something moves: in each time that the
#: peer has.
LOOKS = 4

#: The pipe's states in which the application's bytes are welcome.
_WRITABLE = frozenset([pipe_states.HANDSHAKE, pipe_states.OPEN, pipe_states.PEER_CLOSED])

_log = TwistedLog()


@implementer(interfaces.INegotiated, interfaces.ITLSTransport, interfaces.IConsumer,
             interfaces.IPushProducer, interfaces.IHalfCloseableProtocol,
             interfaces.ILoggingContext, interfaces.IProtocol)
class TLSProtocol(Unique):
    """
    TLS over any transport: for it a protocol, for the application's protocol the transport.

    The application's protocol has its connectionMade when the transport below has been made; what
    it writes waits for the end of the handshake, of which an IHandshakeListener is told. Then
    connectionLost says

    - ConnectionDone: both sides have ended in good order, or this side has and the peer was silent;
    - ConnectionLost: the peer's data may have been cut short (RFC 8446 6.1), or so may ours;
    - ConnectionAborted: of abortConnection;
    - ssl.SSLError: TLS has failed, in the handshake (ssl.SSLCertVerificationError of this package
      for a certificate or a name) or after it;
    - TimeoutError of twisted.internet.error: of the handshake.

    What is not here is the transport's below: setTcpNoDelay, getHandle, ...

    Args:
        settings (Settings): context and what goes with it.
        wrappedProtocol (IProtocol): the application's protocol.

    Attributes:
        wrappedProtocol (IProtocol or None): the application's; None once its connection is lost.
        transport (ITransport): what is below.
        disconnecting (bool): loseConnection has been called.
        producer (IProducer or None), streamingProducer (bool): what registerProducer was given.
        producerPaused (bool): it has been asked to pause.
        TLS (bool): True, as Twisted's own connections say it.
    """

    TLS = True
    _sslproto27 = None  # the TLS within this one, once `startTLS` has made that

    # A dict only for those that get such a TLS: its methods take the place of this one's.
    __slots__ = ('wrappedProtocol', 'transport', 'factory', 'disconnecting', 'producer',
                 'streamingProducer', 'producerPaused', '_settings', '_pipe', '_state', '_timer',
                 '_reason', '_push', '_lower_paused', '_reading_paused', '_delivering',
                 '_write_end', '_held', '_upgrade', '_socket', '_stopped', '_watched', '__dict__',
                 '__weakref__')

    def __init__(self, settings, wrappedProtocol):
        self._settings = settings
        self.wrappedProtocol = wrappedProtocol
        self._pipe = settings.new_pipe()
        self._state = NEW
        self.transport = self.factory = self._timer = None
        self._socket = None         # what is below, if it is Twisted's own TCP connection
        self.disconnecting = False
        self.producer = self._push = None  # as it is, and as a push producer
        self.streamingProducer = self.producerPaused = False
        self._reason = None         # what connectionLost will say, a Failure
        self._lower_paused = False  # the transport below takes no data
        self._reading_paused = False
        self._delivering = False    # an event is being handled: it ends with a flush
        self._write_end = None      # of loseWriteConnection: WANTED, then TOLD
        self._held = ()             # what has come while the application had paused
        self._stopped = False       # stopProducing has been called
        self._watched = None        # what was unsent when, while the end is awaited
        self._upgrade = None        # how this has become the TLS of a transport that was in use

    def _enter(self, event):
        """Change the state: the one place that does."""
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
            connector.transport = self  # whose disconnect() would cut off what is below
        self._start(transport, True, b'')

    def _start(self, transport, is_new, early):
        """
        Start TLS.

        Args:
            transport (ITransport): what is below.
            is_new (bool): the application's protocol is not connected yet.
            early (bytes): what has been received already, and is TLS.
        """
        if self._state is not NEW:
            raise RuntimeError('TLS cannot start in state %s' % self._state)
        self.transport = transport
        self._socket = plain_socket(transport)
        self._enter(MADE)
        self._start_timer(self._settings.handshakeTimeout, self._handshake_timed_out)
        # Without it a first answer waits for the peer's delayed ACK of the handshake's last flight:
        # 40 ms on Linux. What Twisted sends it has joined before.
        set_no_delay = getattr(transport, 'setTcpNoDelay', None)
        if set_no_delay is not None:
            try:
                set_no_delay(True)
            except (AttributeError, EnvironmentError):
                pass  # no TCP: a Unix socket is asked through the same class
        self._register_below()
        self._delivering = True
        try:
            if early:
                self._pipe.feed_ssldata(early)
            self._pipe.do_handshake()
            if is_new:
                self.wrappedProtocol.makeConnection(self)
        finally:
            self._delivering = False
        self._receive(_nothing, None)

    def _register_below(self):
        register = getattr(self.transport, 'registerProducer', None)
        if register is not None:
            register(Throttle(self), True)

    def dataReceived(self, data):
        """Decrypt *data*, and give the application what it holds."""
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
                self.wrappedProtocol.dataReceived(plaintext)
            finally:
                self._delivering = False
        if pipe.state is not pipe_states.OPEN or pipe.failure is not None:
            self._receive(_nothing, None)
        else:
            self._flush(True)

    def readConnectionLost(self):
        """Take note that nothing more will come from below, which can still send."""
        if self._delivering or self._held or self._reading_paused and self._state is not HANDSHAKE:
            self._hold(self._feed_eof, None)
        elif self._state not in OVER:
            self._receive(self._feed_eof, None)

    def writeConnectionLost(self):
        """Take note of what this side has asked for: nothing of TLS hangs on it."""

    def connectionLost(self, reason):
        """Tell the application that its connection is gone, after what has come before."""
        if self._state is CLOSED:
            return
        if self._state not in OVER and (self._held or self._has_unread()):
            self._hold(self._lost, reason)
        else:
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
        protocol, self.wrappedProtocol = self.wrappedProtocol, None
        self._stop_producer()
        # So that nothing refers back, nor pins the context.
        if self._upgrade is not None:
            self._upgrade.lost()
        self._pipe = self._reason = self._upgrade = self._watched = None
        self._held = ()
        connector = getattr(self.transport, 'connector', None)
        if connector is not None and connector.transport is self:
            while isinstance(connector.transport, TLSProtocol):
                connector.transport = connector.transport.transport
        if protocol is not None:
            protocol.connectionLost(reason)

    def pause_sending(self):
        """The transport below has too much to send."""
        self._lower_paused = True
        self._control_producer()

    def resume_sending(self):
        """It has sent it."""
        self._lower_paused = False
        if self._state not in OVER:
            self._flush()
            if not self._lower_paused and getattr(self.transport, 'disconnecting', False):
                self._unregister_below()  # somebody has closed it, and it waits for this

    # The way up

    def _hold_or_receive(self, data):
        if self._state in OVER:
            return
        if self._state is HANDSHAKE and not (self._delivering or self._held):
            self._receive(self._pipe.feed_ssldata, data)
        else:
            self._hold(self._pipe.feed_ssldata, data)

    def _hold(self, feed, data):
        """Keep what has come until the application wants it, or is done with what it has."""
        if not self._held:
            self._held = []
            if not self._reading_paused:
                self._call_later(0, self._deliver_held)
        self._held.append((feed, data))

    def _deliver_held(self):
        """Handle what has been held, until the application pauses again."""
        if self._pipe is None:
            return
        self._receive(_nothing, None)  # plaintext may be waiting in the pipe
        while self._held and not self._reading_paused and self._pipe is not None:
            feed, data = self._held.pop(0)
            if feed == self._lost:
                self._lost(data)
            elif self._state not in OVER:
                self._receive(feed, data)
        if not self._reading_paused and self._state is CONNECTED:
            self._resume_reading_below()

    def _receive(self, feed, data):
        """
        Handle one event: ``feed(data)``, bring what came of it up, and then down.

        Up goes, in order: handshakeCompleted, dataReceived, readConnectionLost, the failure. What
        the application raises goes to the transport below, which tells the reactor.
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
                self.wrappedProtocol.dataReceived(pipe.appdata_received())
            if (self._state is CONNECTED and pipe.failure is None and pipe.state in PEER_ENDED
                    and not self._has_unread()):
                self._peer_closed()
        finally:
            self._delivering = False
        if pipe.failure is not None:
            self._pipe_failed(pipe.failure)
        self._flush(True)

    def _has_unread(self):
        """Return whether there is data that the application has paused before (bool)."""
        return (self._reading_paused and self._pipe.has_appdata
                and self._state in OPEN)

    def _established(self):
        self._stop_timer()
        self._enter(ESTABLISHED)
        if self._reading_paused:
            self._pause_reading_below()
        if self._upgrade is not None:
            self._upgrade.established()
            if self._state in OVER:
                return
        if interfaces.IHandshakeListener.providedBy(self.wrappedProtocol):
            self.wrappedProtocol.handshakeCompleted()
        self._end_our_side()

    def _feed_eof(self, _):
        if self._state is HANDSHAKE:
            self._reason = _lost_in('in the TLS handshake')
            self._end()
        else:
            self._pipe.feed_eof()

    def _peer_closed(self):
        """The peer has ended its side, in good order; ours may go on (RFC 8446 6.1)."""
        self._enter(PEER_END)
        if self.disconnecting:  # a producer is writing still
            return
        protocol = interfaces.IHalfCloseableProtocol(self.wrappedProtocol, None)
        if protocol is not None:
            protocol.readConnectionLost()
        else:
            self._wind_up()

    def _pipe_failed(self, failure):
        """End the connection because of the pipe's failure, after what came before it."""
        if self._state in OVER or self._has_unread():
            return
        if self._pipe.state is not pipe_states.BROKEN:
            if self._state in OPEN and not self.disconnecting:
                # Cut short. What the application wrote can still go out. After its own
                # loseConnection the end of what it no longer reads is no news to it.
                self._reason = _truncated()
                self._wind_up()
        elif failure.args[:1] == (errno.ECONNABORTED,):
            self._abort(None if self.disconnecting else Failure(failure))
        else:
            self._fail(failure)

    def _wind_up(self):
        """Send what is there, then close: nothing more is asked of the application."""
        self._stop_producer()
        self._lose()
        self._end_our_side()

    # The way down

    def write(self, data):
        """
        Send *data*, any contiguous buffer; copied if it can change.

        Raises:
            TypeError: it is text or no buffer.
        """
        pipe = self._pipe
        if (pipe is None or pipe.state not in _WRITABLE or self._state in OVER
                or self.disconnecting and self.producer is None):
            return
        try:
            pipe.feed_appdata(data)
        except ssl.SSLError as failure:  # another process uses the connection
            self._fail(failure)
            return
        if self.disconnecting:  # a producer goes on
            self._watched = None
        # What a callback writes leaves together, once it is over, unless that is much.
        if not self._delivering or pipe.backlog_size > HIGH_WATER:
            self._flush()

    def writeSequence(self, data):
        """Send each of *data*, an iterable of bytes, in as few records as they fit in."""
        TLSProtocol.write(self, b''.join(data))

    def _flush(self, is_answer=False):
        """
        Bring down what the pipe has: the one place that writes to the transport below.

        Args:
            is_answer (bool): an event has been handled, so that nothing more is to come with it.
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
            protocol = interfaces.IHalfCloseableProtocol(self.wrappedProtocol, None)
            if protocol is not None:
                protocol.writeConnectionLost()
        # What callbacks have written meanwhile comes first; the flush at their end is to come.
        if (self._state in SENDING and not pipe.backlog
                and (pipe.state is pipe_states.CLOSED and not self._has_unread()
                     or self._state is CLOSING and not self._settings.shutdownTimeout)):
            if self._reason is None and pipe.state is pipe_states.CLOSED and not pipe.failure:
                # Whatever becomes of the rest: a peer that is gone may answer with a reset.
                self._reason = Failure(error.ConnectionDone())
            self._end()

    # Flow control, called by the application

    def registerProducer(self, producer, streaming):
        """
        Let *producer* write as fast as the peer reads.

        Args:
            producer (IPushProducer or IPullProducer): what will write.
            streaming (bool): it is a push producer.

        Raises:
            RuntimeError: there is one already.
        """
        if self.producer is not None:
            raise RuntimeError('cannot register %r: %r has not been unregistered'
                               % (producer, self.producer))
        if self._state in OVER:
            producer.stopProducing()
            return
        self.producer, self.streamingProducer = producer, streaming
        self.producerPaused = not streaming
        self._push = producer if streaming else PullProducer(
            producer, self._call_later, self._producer_failed)
        self._control_producer()

    def unregisterProducer(self):
        """Forget the producer; what waited for its end goes on."""
        self._forget_producer()

    def _drop_producer(self):
        push, self._push, self.producer = self._push, None, None
        if not self.streamingProducer and push is not None:
            push.pauseProducing()

    def _forget_producer(self):
        self._drop_producer()
        self._end_our_side()

    def _producer_failed(self, failure):
        """Forget a pull producer that has raised."""
        _log.failed(failure)
        if self.disconnecting or self._write_end is WANTED:
            self._drop_producer()
            self._abort(failure)  # close_notify would say that this was all
        else:
            self._forget_producer()

    def stopConsuming(self):
        """Forget the producer, and close."""
        self._forget_producer()
        self._lose()

    def _stop_producer(self):
        push, self._push, self.producer = self._push, None, None
        if push is not None:
            push.stopProducing()

    def _control_producer(self):
        """Ask the producer to pause, or to go on, as what waits to be sent has it."""
        push, pipe = self._push, self._pipe
        if push is None or pipe is None:
            return
        if self._lower_paused or pipe.backlog_size > HIGH_WATER:
            if not self.producerPaused:
                self.producerPaused = True
                push.pauseProducing()
        elif self.producerPaused and not pipe.backlog:
            self.producerPaused = False
            push.resumeProducing()
            if self._stopped:
                self._end_our_side()

    def pauseProducing(self):
        """Stop dataReceived: it is not called again until `resumeProducing`."""
        if not self.disconnecting:
            self._reading_paused = True
            if self._state in OPEN:
                self._pause_reading_below()

    def resumeProducing(self):
        """Go on after `pauseProducing`."""
        self._resume_reading()

    def _resume_reading(self):
        if not self._reading_paused:
            return
        self._reading_paused = False
        if self._pipe is None:
            return
        if self._held or self._pipe.has_appdata or self._pipe.failure is not None:
            # Not from here: the application may be in the middle of something.
            self._call_later(0, self._deliver_held)
        else:
            self._resume_reading_below()

    def stopProducing(self):
        """
        Close: nothing more is wanted.

        A push producer is waited for only while it is paused: it may be gone.
        """
        self._stopped = True
        self._lose()
        self._end_our_side()

    def _pause_reading_below(self):
        pause = getattr(self.transport, 'pauseProducing', None)
        if pause is not None:
            pause()

    def _resume_reading_below(self):
        resume = getattr(self.transport, 'resumeProducing', None)
        if resume is not None:
            resume()

    # The end

    def loseConnection(self):
        """
        Close: what was written is sent, then close_notify; the application gets no more data.

        A producer that is registered goes on writing until it is unregistered. Whenever nothing
        moves for 30 seconds, or those that ``shutdownTimeout`` says, this is over: the producer
        writes nothing, the peer takes nothing of what is sent, or does not answer close_notify.
        """
        self._lose()

    # What is called from here must not be a method that a TLS within this one has replaced.

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
        self._resume_reading()  # the peer's close_notify comes after what nobody reads
        self._end_our_side()

    def loseWriteConnection(self):
        """
        End our side: what was written is sent, then close_notify; data can still be received.

        An IHalfCloseableProtocol is told when it is done. A producer comes first.
        """
        if self._write_end is None and self._state not in OVER:
            self._write_end = WANTED
            self._end_our_side()

    def _end_our_side(self):
        """Send close_notify, if the application wants it by now, and nothing has to come before."""
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
            if pipe.state is pipe_states.BROKEN:  # the application had yet to be told
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
        Close at once; what has not been sent is lost.

        Args:
            reason (Failure or None): what connectionLost will say, unless that is settled.
        """
        self._abort(reason)

    def _abort(self, reason=None):
        if self._state is CLOSED:
            return
        self._reason = self._reason or reason
        self._stop_timer()
        if self._state is not ENDING:
            self._begin_end(Failure(error.ConnectionAborted()))
        transport = self.transport
        if transport is None:
            return
        abort = getattr(transport, 'abortConnection', None)
        if not self._pipe.may_end():
            self._reason = self._reason or Failure(error.ConnectionAborted())
            self._close_descriptor()
        elif abort is not None:
            abort()
        else:  # a process, say
            self._reason = self._reason or Failure(error.ConnectionAborted())
            self._unregister_below()
            transport.loseConnection()

    def _begin_end(self, reason):
        """
        Take leave of the application; what it has not been given is dropped.

        Args:
            reason (Failure or None): what it is told, if the transport below is lost already; None
                for what that one said.
        """
        self._enter(END)
        held, self._held = self._held, ()
        for feed, data in held:
            if feed == self._lost:
                self._call_later(0, lambda: self._lost(reason or data))

    def _end(self):
        """Close the transport below, which sends what it has first."""
        self._begin_end(None)
        if self._socket is not None and not has_unsent(self._socket):
            self._stop_timer()
        else:  # it may be stuck
            self._watch_end()
        self._unregister_below()
        self.transport.loseConnection()

    def _unregister_below(self):
        unregister = getattr(self.transport, 'unregisterProducer', None)
        if unregister is not None:
            unregister()

    def _fail(self, failure):
        """End the connection because TLS has failed, once the alert that says so is sent."""
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
        if state is HANDSHAKE and self._settings.serverSide:  # any stranger can make that fail
            failed_handshakes.warn(_log, 'TLS handshake with %s failed: %s', pipe.ssl_object,
                                   self._peer(), failure)
        self._end()

    def _peer(self):
        peer = self.transport.getPeer()
        return address((peer.host, peer.port)) if hasattr(peer, 'port') else str(peer)

    def _leave_alone(self):
        """
        Close our descriptor alone: another process may use the connection, since a fork.

        What was encrypted before the fork is the parent's to send.
        """
        self._begin_end(None)
        self._stop_timer()
        self._close_descriptor()

    def _close_descriptor(self):
        self._pipe.let_go()
        if self._socket is not None and self._pipe.came_by_fork():
            drop_unsent(self._socket)
        below = getattr(self.transport, 'original', self.transport)
        if hasattr(below, '_shouldShutdown'):
            below._shouldShutdown = False  # Twisted 20.3: that would end the other one's, too
        self._unregister_below()
        self.transport.loseConnection()

    def _reactor(self):
        reactor = self._settings.reactor or getattr(self.transport, 'reactor', None)
        if reactor is None:
            from twisted.internet import reactor
        return reactor

    def _call_later(self, delay, callback):
        """Have *callback* called; what the application raises in it ends the connection."""
        return self._reactor().callLater(delay, self._call, callback)

    def _call(self, callback):
        try:
            callback()
        except BaseException:  # as the reactor does, for what it calls on a connection's behalf
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
        """See to it that the end comes, though a producer, or the peer, does nothing."""
        self._watched = self._unsent(), self._reactor().seconds()
        self._start_timer(self._shutdown_timeout() / LOOKS, self._look)

    def _look(self):
        """Give up if nothing has moved for too long."""
        if self._watched is None or self._watched[0] != self._unsent():
            self._watch_end()
            return
        limit = self._shutdown_timeout()
        left = self._watched[1] + limit - self._reactor().seconds()
        if left > 0:
            self._start_timer(min(left, limit / LOOKS), self._look)
        else:
            self._shutdown_timed_out()

    def _shutdown_timeout(self):
        return self._settings.shutdownTimeout or SHUTDOWN_TIMEOUT

    def _unsent(self):
        """Return how many bytes are on their way down, here and below (int)."""
        below = getattr(self.transport, '_unsent', None)  # another TLS
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
        else:  # all is sent
            self._end()

    # What is known

    @property
    def negotiatedProtocol(self):
        """The protocol chosen by ALPN (bytes), None if there is none, or not yet."""
        if self._sslproto27 is not None:
            return self._sslproto27.negotiatedProtocol
        name = self._of_tls('selected_alpn_protocol')
        return None if name is None else name.encode('ascii')

    def getPeerCertificate(self, binaryForm=False):
        """
        Return the peer's certificate.

        Args:
            binaryForm (bool): as DER, whether it was verified or not.

        Returns:
            dict or bytes: as ``getpeercert`` of Python's ssl; None if there is none, or not yet.
        """
        if not self._of_tls('version'):
            return None
        return self._pipe.ssl_object.getpeercert(binaryForm)

    @property
    def sslObject(self):
        """What TLS has settled (SSLObject): cipher, version, session; None once it is lost."""
        return None if self._pipe is None else self._pipe.ssl_object

    def _of_tls(self, name):
        pipe = self._pipe
        return getattr(pipe.ssl_object, name)() if pipe is not None and pipe.established else None

    def getPeer(self):
        """Return the address of the peer, as the transport below knows it."""
        return self.transport.getPeer()

    def getHost(self):
        """Return the address of this side, as the transport below knows it."""
        return self.transport.getHost()

    def startTLS(self, context, normal=True, hostname=None, **options):
        """Start TLS within this TLS: Twisted's name for what the function `startTLS` does."""
        upgrade(self, TLSProtocol, self.settings_within(context, normal, hostname, options))

    def settings_within(self, context, normal, hostname, options):
        """Return the `Settings` of a TLS within this one: the side and the name are its own."""
        settings = self._settings
        serverSide = settings.serverSide if normal else not settings.serverSide
        return settings_of(
            context, serverSide, settings.name if hostname is None else hostname, options)

    def logPrefix(self):
        """Return what log lines about this connection begin with (str)."""
        protocol = self.wrappedProtocol
        if interfaces.ILoggingContext.providedBy(protocol):
            return '%s (TLS)' % protocol.logPrefix()
        return '%s (TLS)' % type(protocol).__name__

    def __getattr__(self, name):
        if name.startswith('__') or self.transport is None:
            raise AttributeError('%s has no attribute %r' % (type(self).__name__, name))
        return getattr(self.transport, name)

    def __repr__(self):
        return '<%s %s of %r at %#x>' % (
            type(self).__name__, self._state, self.wrappedProtocol, id(self))


# What has become of a loseWriteConnection
WANTED = 'WANTED'
TOLD = 'TOLD'


def _lost_in(where):
    return Failure(error.ConnectionLost('the peer closed the connection ' + where))


def _truncated():
    return Failure(error.ConnectionLost(
        "the connection ended without TLS's close_notify: data may have been cut short"))


def _nothing(_):
    """Feed nothing."""
