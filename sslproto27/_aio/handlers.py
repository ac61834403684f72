"""
When streams end TLS after the peer has ended it.

TLS 1.3 lets us go on writing after the peer's close_notify (RFC 8446 6.1), so a handler can still
answer. But stock Trollius ended the connection then, and applications rely on it: their handlers
and clients never close their writer. Without this module each of them would leave a connection
open. So TLS ends with a server's handler. With Trollius' own streams, a handler has the shutdown
timeout to answer, because some wait for an event, and never end by themselves; and without a
handler TLS ends at once, as before.
"""
from __future__ import absolute_import, division, print_function

from .._core.compat import PY2
from .._core.patches import Patches
from .._stream.transport import SSLTransport
from .compat import framework

__all__ = ['patch', 'start', 'unpatch', 'wants_to_write']


def start(protocol, coroutine, loop, writer):
    """
    Run a server's handler as a task.

    Args:
        protocol: the handler's StreamReaderProtocol.
        coroutine: what the server's callback has returned.
        writer: the handler's StreamWriter.
    """
    def done(_):
        if getattr(protocol, '_peer_has_ended', False) and _is_tls(writer):
            writer.close()

    protocol._handler = loop.create_task(coroutine)
    protocol._handler.add_done_callback(done)


def wants_to_write(protocol):
    """Note that the peer has ended its side; return whether to keep ours open (bool)."""
    protocol._peer_has_ended = True
    handler = getattr(protocol, '_handler', None)  # None for a client's
    return handler is None or not handler.done() or not _is_tls(protocol._stream_writer)


def _is_tls(stream):
    """Return whether a StreamWriter, or a transport or None, is of a TLS connection (bool)."""
    return stream is not None and stream.get_extra_info('sslcontext') is not None


def _connection_made(self, transport):
    # Without its callback, the original starts no task that we do not know of.
    callback, self._client_connected_cb = self._client_connected_cb, None
    _original('connection_made')(self, transport)
    self._client_connected_cb = callback
    if callback is not None:
        self._stream_writer = framework.StreamWriter(
            transport, self, self._stream_reader, self._loop)
        result = callback(self._stream_reader, self._stream_writer)
        if framework.iscoroutine(result):
            start(self, result, self._loop, self._stream_writer)


def _eof_received(self):
    _original('eof_received')(self)
    is_wanted, transport = wants_to_write(self), self._stream_reader._transport
    if not is_wanted or not _is_tls(transport):
        return is_wanted
    if not hasattr(self, '_handler'):
        return False  # clients, and servers with a plain function, close even less often
    if isinstance(transport, SSLTransport):  # not Trollius' own, of a loop that is not ours
        transport._protocol._limit_answer()
    return True


def _original(name):
    return _patches.original(framework.StreamReaderProtocol, name)


_patches = Patches()


def patch():
    """Let Trollius' own StreamReaderProtocol end TLS with its handler, too."""
    if PY2 and not _patches:
        owner = framework.StreamReaderProtocol
        _patches.replace(owner, 'connection_made', _connection_made)
        _patches.replace(owner, 'eof_received', _eof_received)


def unpatch():
    """Give Trollius' own StreamReaderProtocol its methods back, if `patch` is in effect."""
    _patches.undo()
