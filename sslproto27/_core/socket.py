"""
`SSLSocket`: blocking TLS over anything that has ``recv`` and ``sendall``.

`BlockingTLS` decides who waits for bytes; the pipe knows what they mean. Nothing here knows of
OpenSSL, of loops or of HTTP.
"""
from __future__ import absolute_import, division, print_function

import errno
import socket
from collections import deque

from . import pipe_states
from .amount import ReadAhead
from .api import SSLObject
from .attributes import server_hostname, server_side
from .blocking import BlockingTLS
from .channel_binding import require_kind
from .pipe import PipeUnderLock
from .pipe_states import CAN_END, PEER_ENDED
from .records import RECORD
from .tls_errors import tls_error

__all__ = ['SSLSocket']

_OVER = frozenset([pipe_states.PEER_CLOSED, pipe_states.BROKEN])
_CLOSING = frozenset([pipe_states.CLOSING, pipe_states.FINISHING, pipe_states.CLOSED])
_WRITABLE = frozenset([pipe_states.PLAINTEXT, pipe_states.HANDSHAKE, pipe_states.OPEN,
                       pipe_states.PEER_CLOSED])


class _PipeEngine(object):
    """
    An `SSLPipe` as the engine of a `BlockingTLS`, with its results in both directions.

    Args:
        pipe (SSLPipe): a new one.
        keeps_apart (bool): keep messages apart, see `_messages`. False if several records are only
            read for a caller that wants all of them at once.
    """

    def __init__(self, pipe, keeps_apart):
        self.pipe = pipe
        self._keeps_apart = keeps_apart
        self.outgoing = []  # records for the peer, in order
        self._eof = False   # whether the socket below has ended
        self._received, self._position = b'', 0
        self._later = deque()  # plaintext of later messages, see `receive`
        self._later_size = 0   # the number of its bytes
        self.kept = 0       # bytes that `read_whole` keeps until it has enough

    @property
    def is_unwritten(self):
        """Whether some written data waits for a handshake, or is lost."""
        return self.pipe.backlog or self.pipe.state is pipe_states.BROKEN

    @property
    def is_over(self):
        """Whether the peer has ended TLS and we have not, or TLS has failed."""
        return self.pipe.state in _OVER

    @property
    def pending(self):
        """How many bytes of plaintext can be read."""
        return len(self._received) - self._position + self._later_size

    # Steps

    def start(self):
        """Start TLS; data that has arrived already belongs to it, and is not plaintext."""
        early = self._drop_received()
        self.pipe.do_handshake()
        if early:
            self.receive(early)
        else:
            self._collect()

    def handshake(self):
        """Shake hands; do nothing if that is done."""
        self._require_intact()
        return None if self.pipe.state is pipe_states.HANDSHAKE else True

    def _drop_received(self):
        """Remove the plaintext, and return it."""
        received = self._received[self._position:] + b''.join(self._later)
        self._received, self._position = b'', 0
        self._later.clear()
        self._later_size = 0
        return received

    def read(self, size):
        """Return at most *size* bytes of plaintext; b'' means the end."""
        if self._later and not self._keeps_apart:
            self._received = self._drop_received()
        received, start = self._received, self._position
        left = len(received) - start
        if not left and self._later:
            received, start = self._later.popleft(), 0
            self._received, self._position = received, start
            left = len(received)
            self._later_size -= left
        if left:
            if not start and left <= size:
                self._received = b''
                return received
            self._position = end = start + min(size, left)
            return received[start:end]
        if not size:
            return b''
        self.kept = 0
        if self.pipe.failure is not None:
            raise self.pipe.failure
        return b'' if self._eof or self.pipe.state in PEER_ENDED else None

    def read_whole(self, size):
        """Return *size* bytes of plaintext; fewer only at the end, and b'' after it."""
        pending = self.pending
        if not pending:
            return self.read(size)
        pipe = self.pipe
        if pending < size and not (pipe.failure or self._eof or pipe.state in PEER_ENDED):
            self.kept = pending
            return None
        pieces = [self._received[self._position:]]
        missing = size - len(pieces[0])
        while missing > 0 and self._later:
            pieces.append(self._later.popleft())
            self._later_size -= len(pieces[-1])
            missing -= len(pieces[-1])
        end = len(pieces[-1]) + min(missing, 0)
        self._received, self._position = pieces[-1][end:], 0
        pieces[-1] = pieces[-1][:end]
        return b''.join(pieces)

    def unwrap(self):
        """End TLS; drop data that comes before the peer's end. Bytes after it are plaintext."""
        pipe = self.pipe
        self._require_intact()
        if pipe.state is pipe_states.HANDSHAKE:
            raise tls_error('[SSL: SHUTDOWN_WHILE_IN_INIT] shutdown while in init', library='SSL',
                            reason='SHUTDOWN_WHILE_IN_INIT')
        if pipe.state is pipe_states.PLAINTEXT:
            return pipe.unwrap()  # which refuses it
        if pipe.state not in _CLOSING:
            pipe.shutdown()
            self._collect()
        pipe.discard()
        self._drop_received()
        if pipe.failure is not None:
            raise pipe.failure
        if pipe.state is pipe_states.CLOSED:
            self._received = pipe.unwrap()
            return True
        return None

    def written(self):
        """Return True once no written data waits for a handshake."""
        self._require_intact()
        return None if self.pipe.backlog else True

    def _require_intact(self):
        if self.pipe.state is pipe_states.BROKEN:
            raise self.pipe.failure

    # Input and output

    def receive(self, data):
        """Give the pipe bytes from below, and collect its results. Nothing else does."""
        pipe = self.pipe
        if data:
            pipe.feed_ssldata(data)
        else:
            self._eof = True
            pipe.feed_eof()
        if pipe.has_data_to_send:
            self._collect()
        records = pipe.records_received()
        if len(records) > 1 and self._keeps_apart:
            records = _messages(records)
        if records and not self._later and self._position >= len(self._received):
            self._received, self._position = records.pop(0), 0
        if records:
            self._later.extend(records)
            self._later_size += sum(map(len, records))

    def write(self, data):
        """Encrypt *data*, or keep it for after the handshake."""
        pipe = self.pipe
        if pipe.state not in _WRITABLE:
            raise pipe.failure or socket.error(errno.EPIPE, 'TLS has been shut down')
        pipe.feed_appdata(data)
        records = pipe.data_to_send()
        if records:
            self.outgoing.append(records)
        if pipe.state is pipe_states.BROKEN:
            raise pipe.failure
        return len(data)

    def close(self):
        """End our side with close_notify if there is TLS to end."""
        if self.pipe.state in CAN_END:
            self.pipe.shutdown()
        self._collect()

    def _collect(self):
        """Take the bytes that the pipe has to send."""
        data = self.pipe.data_to_send()
        if data:
            self.outgoing.append(data)

    def peek_outgoing(self, size):
        """Return at most *size* bytes to send; b'' if there are none."""
        outgoing = self.outgoing
        if len(outgoing) > 1:
            outgoing[:] = [b''.join(outgoing)]
        return outgoing[0][:size] if outgoing else b''

    def consume_outgoing(self, size):
        """Drop the first *size* bytes that `peek_outgoing` has returned."""
        outgoing = self.outgoing
        if size < len(outgoing[0]):
            outgoing[0] = outgoing[0][size:]
        else:
            del outgoing[0]


def _messages(records):
    """
    Join full records (an item may be several) with the record that follows them.

    A record that is not full ends one write of the peer. Since ssl.SSLSocket never returns more
    than one record, we must not return the next message in the same recv().
    """
    messages, message = [], []
    for record in records:
        message.append(record)
        if len(record) % RECORD:
            messages.append(b''.join(message))
            message = []
    if message:
        messages.append(b''.join(message))
    return messages


def _of_tls(name, default=None):
    """
    Return a method that calls the TLS object.

    Without TLS, after `unwrap` and `close`, the method returns None. With *default* ValueError it
    raises that, in the cases in which Python 3.13's ssl.SSLSocket fails on its own None.
    """
    def method(self, *args, **kwargs):
        ssl_object = self.ssl_object
        if ssl_object is not None:
            return getattr(ssl_object, name)(*args, **kwargs)
        if default is not None:
            raise default('%s() of a closed or unwrapped TLS socket' % name)
    method.__name__ = name
    method.__doc__ = getattr(getattr(SSLObject, name, None), '__doc__', None)
    return method


class SSLSocket(BlockingTLS):
    """
    A TLS connection over a connected socket: like ssl.SSLSocket, but in memory.

    *sock* is any object with ``recv(size)``, and ``send(data)`` or ``sendall(data)``. It can be
    another `SSLSocket`: that gives TLS in TLS. We use its other methods if it has them.

    One thread may read while another one writes. Errors of *sock*, including timeouts, are passed
    on. After a timeout in reading, just read again. After one in writing, write the same data
    again, see `send`; but if *sock* has no ``send``, nothing more can be sent, because nobody knows
    how much of a record has been sent. (After a timeout, Python 2's ssl.SSLSocket raises an
    SSLError; socket.timeout is what Python 3 raises.) If *sock* does not block, calls raise
    ssl.SSLWantReadError and ssl.SSLWantWriteError, as those of ssl.SSLSocket do.

    After a fork the first process that reads or writes keeps the connection; in the other one,
    reading and writing raise ssl.SSLError.

    We read more from *sock* than you ask for: look at `pending` before select() and the like.

    Args:
        sock: the connection.
        context (ssl.SSLContext): certificates, trust and settings.
        server_side (bool): True for a server, False for a client.
        server_hostname (text or None): as for `SSLPipe`.
        session (SSLSession or None): the session that a client wants to resume.
        do_handshake_on_connect (bool): shake hands now, not at the first read or write.
        suppress_ragged_eofs (bool): accept an EOF without close_notify as a clean end. An attacker
            can then cut the data short (RFC 8446 6.1), so the default is False, unlike
            ssl.SSLSocket's.
        owner: see `SSLPipe`.

    Raises:
        TypeError, ValueError: as from `SSLPipe`; or *do_handshake_on_connect* is true and *sock*
            does not block.
        ssl.SSLError, socket.error: the handshake failed. *sock* is left open.
    """

    _new_amount = ReadAhead  # decides how much to read from below

    def __init__(self, sock, context, server_side=False, server_hostname=None, session=None,
                 do_handshake_on_connect=True, suppress_ragged_eofs=False, owner=None):
        gettimeout = getattr(sock, 'gettimeout', None)
        if do_handshake_on_connect and gettimeout is not None and gettimeout() == 0:
            raise ValueError('do_handshake_on_connect must be false if sock does not block')
        self._pipe = PipeUnderLock(context, server_side, server_hostname, session,
                                   suppress_ragged_eofs, owner=owner)
        self._context = context
        self._server_side = bool(server_side)
        self._server_hostname = self._pipe.ssl_object.server_hostname
        keeps_apart = self._new_amount is ReadAhead
        super(SSLSocket, self).__init__(sock, _PipeEngine(self._pipe, keeps_apart), None,
                                        self._pipe)
        self._start()
        if do_handshake_on_connect:
            self.do_handshake()

    # TLS

    def do_handshake(self):
        """
        Shake hands; do nothing if that is done. After `unwrap`, start TLS again.

        Raises:
            ssl.SSLError: the handshake failed, for good.
            ssl.SSLWantReadError, ssl.SSLWantWriteError: the socket does not block: call again.
        """
        self._require_open()
        if self._pipe.state is pipe_states.PLAINTEXT:
            self._start()
        self._take(True, self._engine.handshake)

    def _start(self):
        with self._lock:
            self._amount = self._new_amount()
            self._engine.start()

    def unwrap(self):
        """
        End TLS: send close_notify and wait for the peer's. Data that arrives before it is dropped.

        Returns:
            the object to use for plaintext: the socket below; or this object itself if it has
            already read bytes that follow the peer's close_notify: it then passes everything
            through.

        Raises:
            RuntimeError: TLS has ended already.
            ssl.SSLEOFError: the peer has gone without close_notify.
            ssl.SSLWantReadError, ssl.SSLWantWriteError: the socket does not block: call again.
            ssl.SSLError: the handshake is not done; ECONNABORTED: the peer goes on sending.
        """
        self._take(True, self._engine.unwrap)
        self._amount = ReadAhead()  # plaintext has no records
        return self if self._engine.pending else self._lower

    # Bytes

    def read(self, len=1024, buffer=None):
        """Like `recv`, or with *buffer* like `recv_into`: ssl.SSLSocket's other name for them."""
        return self.recv(len) if buffer is None else self.recv_into(buffer, max(len or 0, 0))

    def pending(self):
        """
        Return how many bytes can be read without waiting; there may be more.

        If there are any, the socket below need not be readable. TLS below may have decrypted data
        of ours already: it counts, too.
        """
        if not self._is_open:
            return 0
        if self._is_over_tls and not self._engine.pending:
            self._receive_pending()
        return self._engine.pending

    write = BlockingTLS.send

    # Information

    @property
    def ssl_object(self):
        """The `SSLObject` (Python 3: ssl.SSLObject) inside; None after `unwrap` and `close`."""
        return self._pipe.ssl_object if self._is_open else None

    @property
    def context(self):
        """The ssl.SSLContext in use."""
        ssl_object = self.ssl_object
        return self._context if ssl_object is None else ssl_object.context

    @context.setter
    def context(self, context):
        self._context = context
        if self.ssl_object is not None:
            self.ssl_object.context = context

    @property
    def session(self):
        """The current `SSLSession` or None; with TLS 1.3 a client has none before data has come."""
        ssl_object = self.ssl_object
        return None if ssl_object is None else ssl_object.session

    @property
    def session_reused(self):
        """Whether a session was resumed (bool); None after `unwrap` and `close`."""
        ssl_object = self.ssl_object
        return None if ssl_object is None else ssl_object.session_reused

    server_side = server_side
    server_hostname = server_hostname

    def selected_npn_protocol(self):
        """Return None: nobody uses NPN any more (RFC 7301 replaced it)."""

    def get_channel_binding(self, cb_type='tls-unique'):
        """Return bytes that identify this connection: see `SSLObject`; None without TLS."""
        require_kind(cb_type)
        ssl_object = self.ssl_object
        return None if ssl_object is None else ssl_object.get_channel_binding(cb_type)

    cipher = _of_tls('cipher')
    compression = _of_tls('compression')
    get_unverified_chain = _of_tls('get_unverified_chain', ValueError)
    get_verified_chain = _of_tls('get_verified_chain', ValueError)
    getpeercert = _of_tls('getpeercert', ValueError)
    selected_alpn_protocol = _of_tls('selected_alpn_protocol')
    shared_ciphers = _of_tls('shared_ciphers')
    version = _of_tls('version')

    def __repr__(self):
        return '<%s %s over %r>' % (type(self).__name__, self._pipe.state, self._lower)
