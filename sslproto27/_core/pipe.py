"""
`SSLPipe`: bytes in, bytes out. Nothing here knows of loops, sockets or clocks.

Give it bytes from the peer by `feed_ssldata`, and take their plaintext by `appdata_received`. Give
it the application's data by `feed_appdata`, and take the ciphertext by `data_to_send`.
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
from .tls_errors import ragged_eof, tls_error
from .unique import Unique

__all__ = ['DRAIN_LIMIT', 'OVERHEAD_LIMIT', 'PipeUnderLock', 'SSLPipe']

#: If a peer sends this many bytes in a row without application data, or leaves this many bytes of
#: answers unread, the pipe gives up. OpenSSL accepts certificates of 100 KiB, and a whole handshake
#: need not be larger; but OpenSSL accepts some messages without any limit.
OVERHEAD_LIMIT = 256 * 1024

#: How many plaintext bytes a peer may send once nobody wants them, see `SSLPipe.discard`.
DRAIN_LIMIT = 1024 * 1024

#: The most plaintext for one call of OpenSSL: more makes the BIO grow, and is not faster.
PIECE = 4 * RECORD


def _nobody():
    """Replaces the weak reference if there is no owner."""


class SSLPipe(OneProcess, Unique):
    """
    One side of a TLS connection, without the connection.

    It starts in plaintext. `do_handshake` starts TLS, `shutdown` and `unwrap` end it. After every
    call, send what `data_to_send` returns: it may be an alert.

    The peer never makes a call raise. Its faults set `failure`; you can still take the plaintext
    from before. A call raises only for the caller's own mistake: a wrong state or type. A callback
    of the context (for a server name, for example) runs inside a call: if it uses this pipe for
    TLS, it gets a RuntimeError, and nothing changes.

    After a fork the first process that uses the pipe keeps it. In the other one, every call that
    uses or has used the connection's keys raises ssl.SSLError and changes nothing: if two processes
    encrypt with the same keys, an attacker can recover their data (RFC 8446 5.3). See `claim` and
    `may_end`.

    Args:
        context (ssl.SSLContext): certificates, trust and settings.
        server_side (bool): True for a server, False for a client. A server refuses TLS 1.2
            renegotiation unless the context's options have SSL_OP_ALLOW_CLIENT_RENEGOTIATION
            (0x100).
        server_hostname (text, ASCII bytes or None): the name or IP address that the server must
            prove. A client whose context checks names needs one.
        session (SSLSession or None): the session that a client wants to resume.
        suppress_ragged_eofs (bool): accept an EOF without close_notify as a clean end. An attacker
            can then cut the data short (RFC 8446 6.1). Set it only if the protocol inside shows
            where its data ends.
        overhead_limit (int): default `OVERHEAD_LIMIT`; checked each time that so many bytes have
            arrived.
        check_name (bool or None): True checks the name even if the context does not, as long as
            the context verifies certificates. False allows a client without a name. None does what
            the context says.
        owner: on 2.7, the argument for server name callbacks instead of the `SSLObject`; kept by a
            weak reference.

    Raises:
        ValueError: *server_hostname* is required and missing, or malformed.
        TypeError, ValueError: as from `wrap_bio`.

    Attributes:
        state (str): one of the states of this module.
        failure (Exception or None): the error that ended TLS, or the peer's side of it; set once.
            It is an ssl.SSLEOFError if the peer's data may have been cut short. Otherwise it is
            another ssl.SSLError, and the state is BROKEN.
        established (bool): whether the handshake was completed, whatever came after it.
        ssl_object (SSLObject or None): the results of the handshake; None after `unwrap`.
        backlog (list of bytes or memoryview): data from `feed_appdata` that is not encrypted yet;
            do not change it.
        backlog_rest (int): the number of its bytes after the first item; see `backlog_size`.
    """

    __slots__ = ('state', 'failure', 'established', 'ssl_object', '_arguments', '_check_name',
                 '_owner', '_incoming', '_outgoing', '_received', 'backlog', 'backlog_rest',
                 '_allowance', '_suppress_ragged_eofs', '_overhead_limit', '_until_check',
                 '_appdata_at', '_discarded', '_is_advancing', '_do_handshake',
                 '_receive_records', '_send_small')

    _memory_bio = MemoryBIO  # a subclass for another TLS library replaces this and _new_ssl_object
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
        self._until_check = overhead_limit  # bytes until the next check of the limit
        self._appdata_at = None     # how many those were at the last application data, if any
        self._is_advancing = False  # OpenSSL is working, and may call back
        self._discarded = None      # bytes of unwanted plaintext, see discard()
        self._incoming = self._memory_bio()
        self._outgoing = self._memory_bio()
        self._received = []  # plaintext for the application
        self.backlog = []    # plaintext for the peer, not encrypted yet
        self.backlog_rest = 0
        self._allowance = 0  # how many bytes of it may be encrypted now
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

    # Forks

    def claim(self):
        """
        Make this process the user of the pipe, before anything is read from the connection.

        Raises:
            ssl.SSLError: another process has used the pipe since a fork; or Python has not reported
                a fork, and this process did not make the pipe.
        """
        if self._pid != getpid() and not self.take():
            raise tls_error('another process uses this TLS connection, since a fork: only one may')

    def may_end(self, is_wanted=False):
        """
        Return whether this process may tell the peer that the connection ends (bool).

        If not, another process may be using the connection since a fork: only close the descriptor.
        Do not send, read or shut down anything.

        Args:
            is_wanted (bool): whether there is something to send before the end.
        """
        return (self._pid == getpid()
                or super(SSLPipe, self).may_end(is_wanted or bool(self.backlog)))

    # Input

    def do_handshake(self):
        """
        Start TLS. Data that the application writes from now on waits for the end of the handshake.

        Data that has arrived and was not taken belongs to TLS. So if an attacker injects plaintext
        before the handshake, the handshake fails; we never mistake that plaintext for protected
        data. If a client's settings allow no handshake, `failure` is set afterwards.

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
        Take *data* from the peer; its plaintext comes out of `appdata_received`.

        If the peer breaks the protocol, or keeps sending without application data, this sets
        `failure`. The pipe is then BROKEN for good, and ignores further data.

        Args:
            data (bytes): TLS records, split anywhere; plaintext in PLAINTEXT. May be empty.

        Raises:
            TypeError, BufferError: *data* is text, or not a contiguous buffer.
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
        self._until_check = left = self._until_check - len(data)
        if received:
            self._appdata_at = left
        if left < 0:
            self._check_overhead()

    def _check_overhead(self):
        """Give up on a peer that keeps us busy without talking to the application."""
        limit, had_appdata = self._overhead_limit, self._appdata_at is not None
        self._until_check = limit
        self._appdata_at = None
        if had_appdata and self._outgoing.pending <= limit or (self.state, FAIL) not in TRANSITIONS:
            return
        self._fail(tls_error('the peer has sent %d bytes without application data, or does not'
                             ' read the answers' % limit))

    def feed_eof(self):
        """
        Note that the peer will send nothing more.

        Without its close_notify the data may have been cut short: `failure` is then an
        ssl.SSLEOFError. After the handshake, the pipe can still send the data that it was fed.
        """
        self._refuse_reentry()
        state = self.state
        if state is HANDSHAKE:
            self._fail(ragged_eof())
        elif state is OPEN or state is CLOSING:
            # We do not tell OpenSSL: it would refuse to encrypt, and the error depends on the
            # versions of OpenSSL and Python.
            self._enter(PEER_CLOSE)
            if not self._suppress_ragged_eofs:
                self.failure = ragged_eof()

    def feed_appdata(self, data):
        """
        Take *data* for the peer. `data_to_send` will encrypt it.

        Args:
            data: any contiguous buffer; if it is mutable, it is copied.

        Raises:
            RuntimeError: called after `shutdown`, or the pipe is BROKEN.
            TypeError, BufferError: *data* is text, or not a contiguous buffer.
        """
        if data.__class__ is not bytes:
            data = as_bytes(data, 'data')
        if self._pid < 1:  # open, or lost; data_to_send handles the rest
            self.claim()
        state = self.state
        if state is OPEN or state is HANDSHAKE or state is PEER_CLOSED:
            if data:
                backlog = self.backlog
                if backlog:
                    self.backlog_rest += len(data)
                backlog.append(data)
        elif state is PLAINTEXT:
            self._outgoing.write(data)
        else:
            raise RuntimeError('feed_appdata() is not possible in state %s' % state)

    def shutdown(self):
        """
        End our side: `data_to_send` encrypts all data that was fed, then adds close_notify.

        You can read data that still arrives until the state is CLOSED: both sides have sent
        close_notify, or the peer's EOF has come. If nobody wants that data, call `discard` too.

        Raises:
            RuntimeError: the state is neither OPEN nor PEER_CLOSED. In HANDSHAKE this does not
                wait, unlike feed_appdata: call it once the state is OPEN, or just close.
        """
        self.claim()
        self._enter(CLOSE)

    def discard(self):
        """
        Drop all plaintext that was not taken or still arrives.

        A peer that has not seen our close_notify yet may still be sending. More than `DRAIN_LIMIT`
        bytes set `failure`, with errno.ECONNABORTED.
        """
        if self._discarded is None:
            self._discarded = 0
            del self._received[:]
            self._receive_records = _receive_nothing  # _decrypt gets all

    def unwrap(self):
        """
        Return to plaintext, after both sides have ended TLS.

        Returns:
            bytes: the data behind the peer's close_notify: the first plaintext.

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

    # Output

    def appdata_received(self):
        """Return the plaintext received since the last call (bytes); b'' if there is none."""
        received = self._received
        if not received:
            return b''
        try:
            data, = received  # the usual case; to count them takes longer
        except ValueError:
            data = b''.join(received)
        del received[:]
        return data

    def records_received(self):
        """
        Return the same as a list of bytes. An item is one record's content, of at most 16 KiB, or
        that of several full records.
        """
        received, self._received = self._received, []
        return received

    @property
    def has_appdata(self):
        """Whether `appdata_received` has something to return (bool)."""
        return bool(self._received)

    @property
    def backlog_size(self):
        """How many bytes of `feed_appdata` have not been encrypted yet (int)."""
        backlog = self.backlog
        return len(backlog[0]) + self.backlog_rest if backlog else 0

    @property
    def has_data_to_send(self):
        """Whether `data_to_send` may return something (bool); cheaper than calling it."""
        return bool(self.backlog) or self.state in _ENDING or self._outgoing.pending > 0

    def data_to_send(self, amount=None):
        """
        Return the bytes to send to the peer, b'' if there are none.

        Args:
            amount (int or None): the most bytes of the backlog to encrypt; None means all. To save
                memory, pass an amount, send the result, wait until it is sent, and call again until
                nothing is left.
        """
        pid = getpid()
        if self._pid != pid:
            if not (self._pid or self.has_data_to_send):
                return b''  # merely looking does not count as use after a fork
            self.claim()
        backlog = self.backlog
        state = self.state
        records = b''
        if state is OPEN and backlog and not self.backlog_rest:
            records = self._send_small(self._outgoing, backlog[0])
            if records:
                del backlog[0]
        if not records:
            if backlog or state in _ENDING:
                self._allowance = _ALL if amount is None else amount
                self._advance(_TO_SEND)
            records = self._outgoing.read()
        if self._pid != pid:  # another thread has forked: only one of us may send this
            self.claim()
        return records

    # Internals

    def _enter(self, event):
        """Change the state. Nothing else does."""
        try:
            self.state = TRANSITIONS[self.state, event]
        except KeyError:
            raise RuntimeError('%s is not possible in state %s' % (event, self.state))

    def _advance(self, steps):
        """
        Do everything that is possible now. Nothing else repeats calls of OpenSSL.

        Each call of OpenSSL succeeds, needs more bytes, or fails for good. There is no other case,
        because writing to a memory BIO never waits. We need no state for "needs more bytes":
        OpenSSL remembers where it was, and continues when called again. So we try all steps of
        the current state, in the order in which a connection needs them. A step that needs bytes
        is tried again at the next chance. This can happen in any state: a TLS 1.2 peer may start a
        new handshake, and then even a write waits for the peer.

        Args:
            steps (dict): for each state, the steps to receive, or those to send.
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
        except Exception:  # not the peer's fault: for example, a signal handler has raised
            self._fail(tls_error('an exception has cut TLS short', code=errno.ECONNABORTED))
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
        self.backlog_rest = 0
        if is_first:
            if isinstance(error, ssl.SSLError):
                explain(error, self._arguments[0], self.ssl_object, self._incoming)
            if not PY2:  # the traceback's frames would reference this object
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
            except ssl.SSLZeroReturnError:  # Python 3 raises this if we have sent ours already
                data = b''
            if not data:
                self._enter(PEER_CLOSE)
                return
            if self._discarded is None:
                received.append(data)
            else:
                self._appdata_at = self._until_check
                self._discarded += len(data)
                if self._discarded > DRAIN_LIMIT:
                    raise tls_error('the peer goes on sending', code=errno.ECONNABORTED)
            # We stop here: another read would raise SSLWantReadError for each message. As each
            # read asks for a whole record, no part of one is left in the object.
            pending = incoming.pending

    def _encrypt(self):
        backlog = self.backlog
        while backlog and self._allowance > 0:
            data = self._next_piece()
            taken = self.ssl_object.write(data)
            self._allowance -= taken
            if taken < len(data):
                backlog[0] = memoryview(data)[taken:]
            else:
                del backlog[0]
                if backlog:
                    self.backlog_rest -= len(backlog[0])

    def _next_piece(self):
        """
        Make the first item of the backlog large enough for a call, but not too large; return it.

        Small writes share records. OpenSSL requires that a failed write is repeated with at least
        the same bytes, SSL_write(3): so the first item never gets shorter.
        """
        backlog = self.backlog
        before = size = len(backlog[0])
        if size > PIECE:
            view, last = memoryview(backlog[0]), (size - 1) // PIECE * PIECE
            backlog[:1] = [view[start:start + PIECE] for start in range(0, last, PIECE)]
            backlog.insert(last // PIECE, view[last:].tobytes())  # this one may be small
        elif size < RECORD and len(backlog) > 1:
            count = 1
            while count < len(backlog) and size + len(backlog[count]) <= PIECE:
                size += len(backlog[count])
                count += 1
            backlog[:count] = [b''.join([as_bytes(data, 'data') for data in backlog[:count]])]
        self.backlog_rest += before - len(backlog[0])
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
            return  # TLS 1.2: the peer has started a new handshake; complete it first
        if self.state is FINISHING:
            self._enter(CLOSE_DONE)


#: For each state, the steps that bring received bytes to the application.
_TO_RECEIVE = {
    HANDSHAKE: (SSLPipe._handshake, SSLPipe._decrypt_rest),
    OPEN: (SSLPipe._decrypt,),
    CLOSING: (SSLPipe._decrypt, SSLPipe._close),
}

#: For each state, the steps that send: data comes before close_notify.
_TO_SEND = {
    OPEN: (SSLPipe._encrypt,),
    PEER_CLOSED: (SSLPipe._encrypt,),
    CLOSING: (SSLPipe._encrypt, SSLPipe._close),
    FINISHING: (SSLPipe._encrypt, SSLPipe._close),
}

_ENDING = frozenset([CLOSING, FINISHING])

_ALL = float('inf')


#: The methods of a TLS object that the pipe prefers because they are faster. If the object lacks
#: them, the pipe uses the usual ones.
_STEPS = 'do_handshake', 'receive_records', 'send_small'


def _receive_nothing(incoming, data, received):
    incoming.write(data)
    return False


def _send_nothing(outgoing, data):
    return b''


class PipeUnderLock(SSLPipe):
    """An `SSLPipe` whose caller holds a lock over it: see `lockedobject`."""

    __slots__ = ()
    _wrap_bio = staticmethod(wrap_bio_under_lock)
