"""
`Buffer`: an `SSLPipe` as PEP 543's TLSWrappedBuffer. Nothing here knows of OpenSSL or of sockets.

The pipe works as soon as it can and never waits. The PEP's buffer works when it is called, and
reports what it waits for. Each backend's context provides its pipe.
"""
from __future__ import absolute_import, division, print_function

import collections
import copy

from .._core import pipe_states
from .._core.compat import PY2, as_bytes, to_index, writable_view
from ._configuration import TLSConfiguration, next_protocol
from ._enums import TLSVersion
from ._errors import has_ended, tls_error, want_read, want_write
from ._hello import (
    DECODE_ERROR, HANDSHAKE_FAILURE, INTERNAL_ERROR, UNRECOGNIZED_NAME, ClientHello, alert)
from ._interfaces import TLSWrappedBuffer
from ._names import suite_of

__all__ = ['Buffer', 'OUTGOING_LIMIT']

#: `Buffer.write` takes no more data while this many bytes are outgoing.
OUTGOING_LIMIT = 0x40000

#: Versions by OpenSSL's names, SSL_get_version(3).
_VERSIONS = {'TLSv1': TLSVersion.TLSv1, 'TLSv1.1': TLSVersion.TLSv1_1,
             'TLSv1.2': TLSVersion.TLSv1_2, 'TLSv1.3': TLSVersion.TLSv1_3}

_ESTABLISHED = frozenset([pipe_states.OPEN, pipe_states.PEER_CLOSED, pipe_states.CLOSING,
                          pipe_states.FINISHING, pipe_states.CLOSED])
_ENDED = frozenset([pipe_states.CLOSING, pipe_states.FINISHING, pipe_states.CLOSED])
_WAITING = frozenset([pipe_states.HANDSHAKE, pipe_states.OPEN, pipe_states.CLOSING])


class _Queue(object):
    """Bytes, first in first out."""

    __slots__ = ('_views', 'size')

    def __init__(self):
        self._views = collections.deque()
        self.size = 0

    def append(self, data):
        """Add *data* (bytes)."""
        if data:
            self._views.append(memoryview(data))
            self.size += len(data)

    def peek(self, size):
        """Return the first *size* bytes, or all if there are fewer."""
        found = []
        for view in self._views:
            if size <= 0:
                break
            found.append(view[:size].tobytes())
            size -= len(found[-1])
        return b''.join(found)

    def drop(self, size):
        """Remove the first *size* bytes, which must be there."""
        views = self._views
        self.size -= size
        while size:
            view = views.popleft()
            if len(view) > size:
                views.appendleft(view[size:])
                return
            size -= len(view)


class _Size(int):
    """A number that returns itself when it is called."""

    def __call__(self):
        return int(self)


class Buffer(TLSWrappedBuffer):
    """
    One side of a TLS connection; made by a context's ``wrap_buffers``. See the base class.

    Args:
        context: the context that makes it.
        connect (callable): takes a `TLSConfiguration`, returns a new `SSLPipe` for this side.
        sni_callback (callable or None): the configuration's, on a server.
    """

    __slots__ = ('_context', '_connect', '_pipe', '_sni_callback', '_hello', '_early', '_arrived',
                 '_eof', '_plaintext', '_outgoing', '_failure', '_facts', '__weakref__')

    def __init__(self, context, connect, sni_callback=None):
        self._context = context
        self._connect = connect
        self._pipe = connect(context.configuration)
        self._sni_callback = sni_callback
        self._hello = None if sni_callback is None else ClientHello()
        self._early = []     # bytes that arrive until the ClientHello, _hello, is complete
        self._arrived = []   # ciphertext that no call has processed yet
        self._eof = False
        self._plaintext = _Queue()
        self._outgoing = _Queue()
        self._failure = None  # raised once all plaintext has been read
        self._facts = None    # (cipher, protocol, version), once negotiated

    # The PEP's methods

    def do_handshake(self):
        """See TLSWrappedBuffer; a server's sni_callback is called here, and may raise."""
        self._pipe.claim()
        if self._pipe.state is pipe_states.PLAINTEXT:
            self._do(self._pipe.do_handshake)
        self._advance()
        if self._failure is not None and self._facts is None:
            raise self._error()
        if self._pipe.state is pipe_states.HANDSHAKE:
            raise want_read()

    def read(self, amt):
        """See TLSWrappedBuffer."""
        amt = _count(amt)
        self._require_start('read')
        self._advance()
        data = self._plaintext.peek(amt)
        if not data and amt:
            self._raise_why_nothing()
        self._plaintext.drop(len(data))
        return data

    def readinto(self, buffer, amt):
        """See TLSWrappedBuffer."""
        amt = _count(amt)
        view = writable_view(buffer, 'buffer') if PY2 else _view(buffer)
        data = self.read(min(amt, len(view)))
        view[:len(data)] = data
        return len(data)

    def write(self, buf):
        """See TLSWrappedBuffer."""
        self._require_start('write')
        self._advance()
        state = self._pipe.state
        if state is pipe_states.BROKEN or self._facts is None and self._failure is not None:
            raise self._error()
        if state is pipe_states.HANDSHAKE:
            raise want_read()
        if state in _ENDED:
            raise has_ended()
        room = OUTGOING_LIMIT - self._outgoing.size
        data = _beginning(buf, max(room, 0))
        if room <= 0:
            raise want_write()
        self._pipe.feed_appdata(data)
        self._collect()
        if self._pipe.state is pipe_states.BROKEN:
            raise self._error()
        return len(data)

    def shutdown(self):
        """See TLSWrappedBuffer."""
        self._require_start('shutdown')
        self._advance()
        if self._failure is not None and self._facts is None:
            raise self._error()
        if self._pipe.state is pipe_states.HANDSHAKE:
            raise RuntimeError('shutdown() is not possible before the handshake is done')
        if self._pipe.state in (pipe_states.OPEN, pipe_states.PEER_CLOSED):
            self._do(self._pipe.shutdown)
        if self._failure is not None:
            raise self._error()
        if self._pipe.state is not pipe_states.CLOSED:
            raise want_read()

    def receive_from_network(self, data):
        """See TLSWrappedBuffer."""
        data = as_bytes(data, 'data')
        if not data:
            self._eof = True
        elif self._eof:
            raise ValueError('data follows the end of the network')
        else:
            self._arrived.append(data)

    def peek_outgoing(self, amt):
        """See TLSWrappedBuffer."""
        self._pipe.claim()
        return self._outgoing.peek(_count(amt))

    def consume_outgoing(self, amt):
        """See TLSWrappedBuffer."""
        amt = _count(amt)
        if amt > self._outgoing.size:
            raise ValueError('amt is more than the %d bytes that are outgoing'
                             % self._outgoing.size)
        self._outgoing.drop(amt)

    @property
    def context(self):
        """See TLSWrappedBuffer."""
        return self._context

    def cipher(self):
        """See TLSWrappedBuffer."""
        return self._facts and self._facts[0]

    def negotiated_protocol(self):
        """See TLSWrappedBuffer."""
        return self._facts and self._facts[1]

    @property
    def negotiated_tls_version(self):
        """See TLSWrappedBuffer."""
        return self._facts and self._facts[2]

    # Beyond the PEP

    @property
    def bytes_buffered(self):
        """How many bytes are outgoing (int). It may be called too, as in the PEP authors' code."""
        return _Size(self._outgoing.size)

    @property
    def ssl_object(self):
        """The pipe's `SSLObject`, for certificates and sessions."""
        return self._pipe.ssl_object

    def __repr__(self):
        return '<%s %s, %d bytes outgoing>' % (type(self).__name__, self._pipe.state,
                                               self._outgoing.size)

    # Internals

    def _require_start(self, name):
        self._pipe.claim()
        if self._pipe.state is pipe_states.PLAINTEXT:
            raise RuntimeError('%s() is not possible before do_handshake()' % name)

    def _advance(self):
        """Process the bytes that have arrived; not before do_handshake(): they belong to TLS."""
        if not self._arrived and not self._eof:
            return
        arrived = b''.join(self._arrived)
        del self._arrived[:]
        if self._failure is not None:
            return
        if self._hello is not None:
            arrived = self._choose(arrived)
        if self._failure is None:
            self._do(self._pipe.feed_ssldata, arrived)
        if self._eof and self._failure is None:
            self._do(self._pipe.feed_eof)

    def _do(self, call, *args):
        """Call the pipe, and collect its output."""
        call(*args)
        self._plaintext.append(self._pipe.appdata_received())
        self._collect()

    def _collect(self):
        self._outgoing.append(self._pipe.data_to_send())
        self._failure = self._failure or self._pipe.failure
        if self._facts is None and self._pipe.state in _ESTABLISHED:
            self._facts = _facts(self._pipe.ssl_object)

    def _error(self):
        """Return a copy of the failure, because raising adds a traceback to the exception."""
        return copy.copy(self._failure)

    def _raise_why_nothing(self):
        """Raise the reason why there is no plaintext, unless the peer has ended its side."""
        if self._failure is not None:
            raise self._error()
        if self._pipe.state in _WAITING:
            raise want_read()

    # SNI

    def _choose(self, data):
        """
        Let sni_callback choose the configuration, once the whole ClientHello has arrived.

        Returns:
            bytes: the input for the pipe; b'' until then.
        """
        self._early.append(data)
        try:
            if not self._hello.feed(data):
                return b''
        except ValueError as error:
            self._refuse(DECODE_ERROR, str(error))
            return b''
        name, self._hello = self._hello.server_name, None
        early = b''.join(self._early)
        del self._early[:]
        try:
            self._use(self._sni_callback(self, name, self._context.configuration), name)
        except Exception:
            self._refuse(INTERNAL_ERROR, 'sni_callback failed')
            raise
        return early

    def _use(self, configuration, name):
        if not isinstance(configuration, TLSConfiguration):
            self._refuse(UNRECOGNIZED_NAME, 'sni_callback refused %r' % (name,))
        elif configuration.certificate_chain is None:  # OpenSSL's own error would mislead
            self._refuse(HANDSHAKE_FAILURE, 'this server has no certificate_chain')
        elif configuration != self._context.configuration:
            self._pipe = self._connect(configuration)
            self._do(self._pipe.do_handshake)

    def _refuse(self, description, text):
        self._outgoing.append(alert(description))
        self._failure = tls_error(text)


def _facts(ssl_object):
    protocol = ssl_object.selected_alpn_protocol()
    if protocol is not None:
        protocol = next_protocol(protocol.encode('ascii'))
    return suite_of(ssl_object.cipher()[0]), protocol, _VERSIONS[ssl_object.version()]


def _count(amt):
    amt = to_index(amt, 'amt')
    if amt < 0:
        raise ValueError('amt must not be negative')
    return amt


def _view(buffer):
    view = memoryview(buffer).cast('B')
    if view.readonly:
        raise TypeError('buffer must be writable')
    return view


def _beginning(buf, size):
    """Return at most *size* bytes of *buf*, without copying all of a mutable buffer."""
    if isinstance(buf, bytearray):
        buf = memoryview(buf)
    if isinstance(buf, memoryview) and buf.itemsize == 1 and buf.ndim == 1:
        buf = buf[:size]
    return as_bytes(buf, 'buf')[:size]
