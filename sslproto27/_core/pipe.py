"""
`SSLPipe`: bytes in, bytes out. Nothing here knows of loops, sockets or clocks.

What arrives goes in with `feed_ssldata`, what it decrypts to comes out of `appdata_received`; what
the application writes goes in with `feed_appdata`, what it encrypts to comes out of `data_to_send`.
"""
from __future__ import absolute_import, division, print_function

import errno
import ssl
import weakref

from .api import MemoryBIO, refuse_renegotiation, wrap_bio_and_check, wrap_bio_under_lock
from .compat import PY2, as_bytes
from .fork import OneProcess, getpid
from .notes import explain
from .pipe_states import (
    BROKEN, CLOSE, CLOSE_DONE, CLOSING, ESTABLISHED, FAIL, FINISHING, HANDSHAKE, OPEN, PEER_CLOSE,
    PEER_CLOSED, PLAINTEXT, START, TRANSITIONS, UNWRAP)
from .records import RECORD
from .servername import required_name
from .unique import Unique

__all__ = ['DRAIN_LIMIT', 'OVERHEAD_LIMIT', 'PipeUnderLock', 'SSLPipe']

#: Bytes in a row that a peer may send without a byte of application data among them, and bytes of
#: answers to such that may wait to be sent. OpenSSL takes certificates of 100 KiB, and two hellos
#: and all the rest need not be larger than that; some messages it takes for ever.
OVERHEAD_LIMIT = 256 * 1024

#: Bytes of plaintext that a peer may still send once nobody wants them, see `SSLPipe.discard`.
DRAIN_LIMIT = 1024 * 1024

#: The most plaintext that one call of OpenSSL encrypts: a longer one makes the BIO grow, for no
#: gain in speed.
PIECE = 4 * RECORD

SSL_ERROR_SSL = 1
SSL_ERROR_EOF = 8  # Python's own: ssl.SSLErrorNumber.SSL_ERROR_EOF


def _nobody():
    """Be the weak reference to no owner."""


class SSLPipe(OneProcess, Unique):
    """
    One side of a TLS connection, without the connection.

    It starts in plaintext; `do_handshake` starts TLS, `shutdown` and `unwrap` end it. After every
    call send what `data_to_send` returns: an alert may be waiting.

    Nothing that the peer does makes a call raise. It sets `failure`; plaintext from before that can
    still be taken. A call raises only for a mistake of the caller's: a wrong state or type. A
    callback of the context's (a server name's, say) is in the middle of a call: what needs TLS then
    raises RuntimeError, and changes nothing.

    After a fork the first process that uses the pipe keeps it; in the other one all that would use
    its keys, or has used them, raises ssl.SSLError, and changes nothing: two processes that
    encrypt with the same keys give them away (RFC 8446 5.3). See `claim` and `may_end`.

    Args:
        context (ssl.SSLContext): certificates, trust and settings.
        server_side (bool): which side to be. A server refuses TLS 1.2 renegotiation unless the
            context's options have SSL_OP_ALLOW_CLIENT_RENEGOTIATION (0x100).
        server_hostname (text, ASCII bytes or None): the name or IP address that the server must
            prove. A client whose context checks names needs one.
        session (SSLSession or None): what a client would like to resume.
        suppress_ragged_eofs (bool): take an EOF without close_notify for a clean end. An attacker
            can then cut the data short (RFC 8446 6.1); off unless the protocol inside tells.
        overhead_limit (int): `OVERHEAD_LIMIT` unless given; it is looked at each time that so many
            bytes have come.
        check_name (bool or None): True: the name is checked even if the context does not, as long
            as it verifies certificates; False: a client can do without one; None: as the context
            has it.
        owner: on 2.7, what server name callbacks are handed instead of the `SSLObject`; kept by a
            weak reference.

    Raises:
        ValueError: *server_hostname* is needed and missing, or can be nobody's name.
        TypeError, ValueError: as `wrap_bio` does.

    Attributes:
        state (str): one of the states of this module.
        failure (Exception or None): the error that ended TLS, or the peer's side of it; set once.
            An ssl.SSLEOFError if the peer's data may have been cut short, else another
            ssl.SSLError: then the state is BROKEN.
        established (bool): the handshake has been done, whatever came after it.
        ssl_object (SSLObject or None): what was negotiated; None after `unwrap`.
        backlog (list of bytes or memoryview): what of `feed_appdata` has not been encrypted yet;
            not to be changed from outside.
        backlog_size (int): how many bytes that is.
    """

    __slots__ = ('state', 'failure', 'established', 'ssl_object', '_arguments', '_check_name',
                 '_owner', '_incoming', '_outgoing', '_received', 'backlog', 'backlog_size',
                 '_allowance', '_suppress_ragged_eofs', '_overhead_limit', '_until_check',
                 '_had_appdata', '_discarded', '_is_advancing', '_do_handshake',
                 '_receive_records', '_send_small')

    _memory_bio = MemoryBIO  # a pipe on another TLS library has this and _new_ssl_object of its own
    _wrap_bio = staticmethod(wrap_bio_and_check)

    def __init__(self, context, server_side=False, server_hostname=None, session=None,
                 suppress_ragged_eofs=False, overhead_limit=OVERHEAD_LIMIT, check_name=None,
                 owner=None):
        server_hostname = required_name(context, server_side, server_hostname, check_name)
        super(SSLPipe, self).__init__()
        self.state = PLAINTEXT
        self.failure = None
        self.established = False
        self._check_name = bool(check_name)
        self._owner = _nobody if owner is None else weakref.ref(owner)
        self._arguments = (context, server_side, server_hostname, session)
        self._suppress_ragged_eofs = suppress_ragged_eofs
        self._overhead_limit = overhead_limit
        self._until_check = overhead_limit  # bytes to come before the limit is looked at,
        self._had_appdata = False   # and whether there was application data among the last ones
        self._is_advancing = False  # OpenSSL is at work, and may call back
        self._discarded = None      # bytes of plaintext that nobody wanted, see discard()
        self._incoming = self._memory_bio()
        self._outgoing = self._memory_bio()
        self._received = []  # plaintext for the application
        self.backlog = []    # plaintext for the peer, not encrypted yet
        self.backlog_size = 0
        self._allowance = 0  # bytes of it that may be encrypted now
        self._use(self._new_ssl_object())

    def _use(self, ssl_object):
        self.ssl_object = ssl_object
        do_handshake, receive_records, send_small = getattr(ssl_object, '_steps', _STEPS)
        self._do_handshake = getattr(ssl_object, do_handshake, None)
        self._receive_records = getattr(ssl_object, receive_records, _receive_nothing)
        self._send_small = getattr(ssl_object, send_small, _send_nothing)

    def _new_ssl_object(self):
        context, server_side, server_hostname, session = self._arguments
        ssl_object = self._wrap_bio(context, self._incoming, self._outgoing, server_side,
                                    server_hostname, session, self._check_name, owner=self._owner())
        if server_side:
            refuse_renegotiation(ssl_object)
        return ssl_object

    # Whose it is

    def claim(self):
        """
        Make this process the one that uses the pipe, before anything is read from the connection.

        Raises:
            ssl.SSLError: another one does, since a fork; or there was a fork of which Python has
                not told, and this process has not made the pipe.
        """
        if self._pid != getpid() and not self.take():
            error = ssl.SSLError(SSL_ERROR_SSL, 'another process uses this TLS connection, since a'
                                 ' fork: only one may')
            error.library = error.reason = None
            raise error

    def may_end(self, is_wanted=False):
        """
        Return whether it is for this process to tell the peer of the end (bool).

        If not, another one may use the connection, since a fork: close the descriptor, and send
        nothing, read nothing, shut nothing down.

        Args:
            is_wanted (bool): there is something to send before the end.
        """
        return (self._pid == getpid()
                or super(SSLPipe, self).may_end(is_wanted or bool(self.backlog)))

    # What goes in

    def do_handshake(self):
        """
        Start TLS. What the application writes from now on waits for the end of the handshake.

        What has arrived before, and has not been taken, is TLS's: plaintext that somebody has
        injected fails the handshake, and is never taken for data that TLS has protected. A client
        whose settings admit no handshake has a `failure` after it.

        Raises:
            RuntimeError: TLS has been started already.
        """
        self.claim()
        self._enter(START)
        if self.ssl_object is None:
            self._use(self._new_ssl_object())
        early = self.appdata_received()
        if early or not self._arguments[1]:  # a server waits for the client to speak first
            self._incoming.write(early)
            self._advance(_TO_RECEIVE)

    def feed_ssldata(self, data):
        """
        Take *data*, received from the peer; `appdata_received` has what it decrypts to.

        `failure` says whether the peer broke the protocol, or goes on and on without application
        data. The pipe is then BROKEN for good, and ignores what comes later.

        Args:
            data (bytes): TLS records, split anywhere; plaintext in PLAINTEXT. May be empty.

        Raises:
            TypeError, BufferError: *data* is text, no buffer, or one with gaps.
        """
        if not data:
            return
        if self._pid != getpid():
            self.claim()
        state, received = self.state, self._received
        if state is OPEN:
            if not self._receive_records(self._incoming, data, received):
                self._advance(_TO_RECEIVE)
        elif state is PLAINTEXT:
            received.append(as_bytes(data, 'data'))
        elif state is not BROKEN:
            self._refuse_reentry()
            self._incoming.write(data)
            self._advance(_TO_RECEIVE)
        if received:
            self._had_appdata = True
            if self._discarded is not None:
                self._discard()
        self._until_check = left = self._until_check - len(data)
        if left < 0:
            self._check_overhead()

    def _check_overhead(self):
        """Give up on a peer that keeps us busy, and does not talk to the application."""
        limit, had_appdata = self._overhead_limit, self._had_appdata
        self._until_check = limit
        self._had_appdata = False
        if had_appdata and self._outgoing.pending <= limit or (self.state, FAIL) not in TRANSITIONS:
            return
        self._fail(_misbehaviour('the peer has sent %d bytes without application data, or does not'
                                 ' read the answers' % limit))

    def feed_eof(self):
        """
        Take note that the peer will send nothing more.

        Without its close_notify the data may have been cut short: `failure` is an ssl.SSLEOFError
        then. After the handshake, what has been fed can still be sent to it.
        """
        self._refuse_reentry()
        state = self.state
        if state is HANDSHAKE:
            self._fail(_ragged_eof())
        elif state is OPEN or state is CLOSING:
            # OpenSSL is not told: it would encrypt nothing more, and each version, under each
            # Python, words the end in another way.
            self._enter(PEER_CLOSE)
            if not self._suppress_ragged_eofs:
                self.failure = _ragged_eof()

    def feed_appdata(self, data):
        """
        Take *data* for the peer. It is encrypted when `data_to_send` is called.

        Args:
            data: any contiguous buffer; copied if it can change.

        Raises:
            RuntimeError: after `shutdown`, or once the pipe is BROKEN.
            TypeError, BufferError: *data* is text, no buffer, or one with gaps.
        """
        if data.__class__ is not bytes:
            data = as_bytes(data, 'data')
        if self._pid < 1:  # open, or lost; data_to_send looks at the rest
            self.claim()
        state = self.state
        if state is OPEN or state is HANDSHAKE or state is PEER_CLOSED:
            if data:
                self.backlog.append(data)
                self.backlog_size += len(data)
        elif state is PLAINTEXT:
            self._outgoing.write(data)
        else:
            raise RuntimeError('feed_appdata() is not possible in state %s' % state)

    def shutdown(self):
        """
        End our side: `data_to_send` encrypts what has been fed, then adds close_notify.

        Data that still arrives can be read until the state is CLOSED, which takes both sides'
        close_notify, or the peer's EOF. Call `discard` too if nobody wants it.

        Raises:
            RuntimeError: the state is neither OPEN nor PEER_CLOSED. In HANDSHAKE this does not
                wait, as feed_appdata does: call it once the state is OPEN, or leave.
        """
        self.claim()
        self._enter(CLOSE)

    def discard(self):
        """
        Drop the plaintext that has not been taken, and what still arrives.

        A peer that has not seen our close_notify yet may go on sending. Beyond `DRAIN_LIMIT` bytes
        it is a `failure`, of errno.ECONNABORTED.
        """
        if self._discarded is None:
            self._discarded = 0
            del self._received[:]

    def _discard(self):
        self._discarded += sum(map(len, self._received))
        del self._received[:]
        if self._discarded > DRAIN_LIMIT and (self.state, FAIL) in TRANSITIONS:
            self._fail(_misbehaviour('the peer goes on sending', errno.ECONNABORTED))

    def unwrap(self):
        """
        Go back to plaintext, after both sides have ended TLS.

        Returns:
            bytes: what the peer has sent after its close_notify: the first plaintext.

        Raises:
            RuntimeError: the state is not CLOSED.
        """
        self.claim()
        self._enter(UNWRAP)
        trailing = self._incoming.read()
        self._use(None)
        self.failure = self._discarded = None
        self.established = False
        return trailing

    # What comes out

    def appdata_received(self):
        """Return the plaintext received since the last call (bytes), b'' if there is none."""
        received = self._received
        if not received:
            return b''
        data = received[0] if len(received) == 1 else b''.join(received)
        del received[:]
        return data

    def records_received(self):
        """
        Return the plaintext received since the last call, as a list of bytes: none, or what records
        held, each at most 16 KiB, or several full ones. See `appdata_received`, which joins them.
        """
        received, self._received = self._received, []
        return received

    @property
    def has_appdata(self):
        """Whether `appdata_received` has something to return (bool)."""
        return bool(self._received)

    @property
    def has_data_to_send(self):
        """Whether `data_to_send` may have something to return (bool): it costs less to ask."""
        return bool(self.backlog) or self.state in _ENDING or self._outgoing.pending > 0

    def data_to_send(self, amount=None):
        """
        Return the bytes that have to go to the peer (bytes), b'' if there are none.

        Args:
            amount (int or None): how many bytes of the backlog to encrypt at most; all of them
                unless given. To hold little more than that in memory, send what is returned, wait
                until it is sent, and call again until there is nothing.
        """
        pid = getpid()
        if self._pid != pid:
            if not (self._pid or self.has_data_to_send):
                return b''  # this is no use: a process that merely looks takes nothing from another
            self.claim()
        backlog = self.backlog
        state = self.state
        records = b''
        if len(backlog) == 1 and state is OPEN:
            records = self._send_small(self._outgoing, backlog[0])
            if records:
                del backlog[0]
                self.backlog_size = 0
        if not records:
            if backlog or state in _ENDING:
                self._allowance = self.backlog_size if amount is None else amount
                self._advance(_TO_SEND)
            records = self._outgoing.read()
        if self._pid != pid:  # another thread has forked: the child must not send them, too
            self.claim()
        return records

    # The machine

    def _enter(self, event):
        """Change the state: the one place that does."""
        try:
            self.state = TRANSITIONS[self.state, event]
        except KeyError:
            raise RuntimeError('%s is not possible in state %s' % (event, self.state))

    def _advance(self, steps):
        """
        Do all that can be done now: the one place that calls OpenSSL and tries again.

        A call of OpenSSL either is done, or wants bytes that have not come yet, or fails for good.
        With BIOs in memory there is nothing else: writing never has to wait, and wanting is no
        state of ours but of OpenSSL's, which goes on where it was when it is called again. So every
        step that the state has is tried, in the order in which a connection needs them, and the one
        that wants bytes is tried again the next time there is something to receive or to send. It
        may want them in any state: a TLS 1.2 peer may start a new handshake, and then even a write
        waits for the peer.

        Args:
            steps (dict): by state, what to do in order to receive, or in order to send.
        """
        todo = steps.get(self.state)
        if todo is None:
            return
        self._refuse_reentry()
        self._is_advancing = True
        try:
            for step in todo:
                try:
                    step(self)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    if self.state is HANDSHAKE:
                        return
        except ssl.SSLError as error:
            self._fail(error)
        except Exception:  # no fault of the peer's: a signal handler has raised, say
            self._fail(_misbehaviour('an exception has cut TLS short', errno.ECONNABORTED))
            raise
        finally:
            self._is_advancing = False

    def _refuse_reentry(self):
        if self._is_advancing:
            raise RuntimeError('a callback of this very pipe is running')

    def _fail(self, error):
        """End TLS because of *error*."""
        is_first = self.failure is None
        if is_first:  # before the state changes: a signal handler may raise in between
            self.failure = error
        self._enter(FAIL)
        del self.backlog[:]
        self.backlog_size = 0
        if is_first:
            if isinstance(error, ssl.SSLError):
                explain(error, self._arguments[0], self.ssl_object, self._incoming)
            if not PY2:  # its traceback holds this very object, by its frames
                error.__traceback__ = error.__context__ = None

    def _handshake(self):
        self._do_handshake()
        self._enter(ESTABLISHED)
        self.established = True

    def _decrypt_rest(self):
        if self._incoming.pending:
            self._decrypt()

    def _decrypt(self):
        incoming, read, received = self._incoming, self.ssl_object.read, self._received
        pending = True
        while pending:
            try:
                data = read(RECORD)
            except ssl.SSLZeroReturnError:  # Python 3's way to say so once we have sent ours
                data = b''
            if not data:
                self._enter(PEER_CLOSE)
                return
            received.append(data)
            # Reading until nothing is there would end each message with an exception. As a read
            # asks for all that a record can hold, no rest of one is in the object.
            pending = incoming.pending

    def _encrypt(self):
        backlog = self.backlog
        while backlog and self._allowance > 0:
            data = self._next_piece()
            taken = self.ssl_object.write(data)
            self._allowance -= taken
            self.backlog_size -= taken
            if taken < len(data):
                backlog[0] = memoryview(data)[taken:]
            else:
                del backlog[0]

    def _next_piece(self):
        """
        Make the first item of the backlog one that is worth a call, and return it.

        Small writes share records. OpenSSL wants a write that it could not do to be repeated with
        at least the same bytes, SSL_write(3): the first item never gets shorter by this.
        """
        backlog = self.backlog
        size = len(backlog[0])
        if size > PIECE:
            view, last = memoryview(backlog[0]), (size - 1) // PIECE * PIECE
            backlog[:1] = [view[start:start + PIECE] for start in range(0, last, PIECE)]
            backlog.insert(last // PIECE, view[last:].tobytes())  # may be small
        elif size < RECORD and len(backlog) > 1:
            count = 1
            while count < len(backlog) and size + len(backlog[count]) <= PIECE:
                size += len(backlog[count])
                count += 1
            backlog[:count] = [b''.join([as_bytes(data, 'data') for data in backlog[:count]])]
        return backlog[0]

    def _close(self):
        if self.backlog:
            return
        try:
            self.ssl_object.unwrap()
        except ssl.SSLWantReadError:
            if self.state is CLOSING:
                return
        except ssl.SSLError as error:
            if error.reason != 'SHUTDOWN_WHILE_IN_INIT':
                raise
            return  # TLS 1.2: the peer has started a new handshake, which has to be done first
        if self.state is FINISHING:
            self._enter(CLOSE_DONE)


#: By state, what brings the bytes that have arrived to the application.
_TO_RECEIVE = {
    HANDSHAKE: (SSLPipe._handshake, SSLPipe._decrypt_rest),
    OPEN: (SSLPipe._decrypt,),
    CLOSING: (SSLPipe._decrypt, SSLPipe._close),
}

#: By state, what brings the application's bytes on their way: data before what ends it.
_TO_SEND = {
    OPEN: (SSLPipe._encrypt,),
    PEER_CLOSED: (SSLPipe._encrypt,),
    CLOSING: (SSLPipe._encrypt, SSLPipe._close),
    FINISHING: (SSLPipe._encrypt, SSLPipe._close),
}

_ENDING = frozenset([CLOSING, FINISHING])


#: The methods of a TLS object that the pipe calls for speed. Where it has none of these names,
#: nothing is quicker than the usual way.
_STEPS = 'do_handshake', 'receive_records', 'send_small'


def _receive_nothing(incoming, data, received):
    incoming.write(data)
    return False


def _send_nothing(outgoing, data):
    return b''


def _ragged_eof():
    return ssl.SSLEOFError(SSL_ERROR_EOF, 'EOF occurred in violation of protocol')


class PipeUnderLock(SSLPipe):
    """An `SSLPipe` for one who calls it under a lock of his own: see `lockedobject`."""

    __slots__ = ()
    _wrap_bio = staticmethod(wrap_bio_under_lock)


def _misbehaviour(text, number=SSL_ERROR_SSL):
    error = ssl.SSLError(number, text)
    error.library = error.reason = None
    return error
