"""
`SSLTransport`: the application's handle on a connection. `SSLProtocol` holds its state.

The classes with the methods have no place for anything, so that a framework's own transports can be
bases beside them.
"""
from __future__ import absolute_import, division, print_function

import functools
import logging
import threading
import warnings
import weakref

from .._core.compat import ResourceWarning, as_bytes
from .._core.unique import Unique

__all__ = ['DebugTransport', 'LooseDebugTransport', 'LooseTransport', 'SSLTransport']

logger = logging.getLogger('sslproto27')


class SSLTransport(Unique):
    """
    What the application writes to: asyncio's transport, over TLS. Made by `SSLProtocol`.

    Every method can be called in every state; after the connection's end they do nothing.
    """

    _start_tls_compatible = True  # asyncio's name for: TLS may run inside of this one too

    __slots__ = ()

    def __init__(self, protocol):
        self._protocol = protocol

    def get_extra_info(self, name, default=None):
        """
        Return what is known of the connection.

        Args:
            name (str): 'sslcontext', 'ssl_object', 'peercert', 'cipher', 'compression',
                'alpn_protocol', 'tls_version', 'server_hostname', 'session', 'session_reused', or
                what the transport below knows ('peername', 'socket').
            default: what to return when it is not known: not yet, or not any more.
        """
        return self._protocol._get_extra_info(name, default)

    def set_protocol(self, protocol):
        """Let *protocol* have what arrives from now on."""
        self._protocol._change_app_protocol(protocol)

    def get_protocol(self):
        """Return the application's protocol."""
        return self._protocol._app_protocol

    def is_closing(self):
        """Return whether this transport, or the one below, is closing or closed (bool)."""
        return self._protocol._is_closing()

    def write(self, data):
        """
        Send *data*, any contiguous buffer; copied if it can change.

        Raises:
            TypeError, BufferError: it is text, no buffer, or one with gaps.
        """
        self._protocol._write(data)

    def writelines(self, list_of_data):
        """Send each of *list_of_data*, in as few records as they fit in."""
        self._protocol._write(b''.join([as_bytes(data, 'data') for data in list_of_data]))

    def can_write_eof(self):
        """Return False: closing one direction alone is not offered, as in asyncio's TLS."""
        return False

    def write_eof(self):
        """Raise NotImplementedError: see `can_write_eof`."""
        raise NotImplementedError('TLS transports have no write_eof()')

    def close(self):
        """Send what has been written, then close_notify; the application gets no more data."""
        self._protocol._close()

    def abort(self):
        """Close at once; what has not been sent is lost."""
        self._protocol._abort()

    def unwrap(self):
        """
        End TLS, and go on in plaintext over the transport below.

        What was written is sent, then close_notify; what still arrives until the peer's own
        close_notify is delivered as ever. The peer has ssl_shutdown_timeout seconds for that (30 if
        that is 0), then the connection is cut. This object is of no use afterwards.

        Returns:
            a future, of (transport, bytes): the transport below, whose protocol is the
            application's again and whose reading is paused, so that nothing can overtake the bytes:
            what the peer has sent after its close_notify. Call resume_reading() once they have been
            dealt with. The future ends in RuntimeError where there is no TLS to end, else in what
            connection_lost says.
        """
        waiter = self._protocol._new_future()
        self._protocol._unwrap(waiter)
        return waiter

    def pause_reading(self):
        """Stop data_received: it is not called again until `resume_reading`."""
        self._protocol._pause_reading()

    def resume_reading(self):
        """Go on after `pause_reading`."""
        self._protocol._resume_reading()

    def is_reading(self):
        """Return whether data_received may be called (bool)."""
        return self._protocol._is_reading()

    def set_write_buffer_limits(self, high=None, low=None):
        """
        Set when the application is asked to pause writing and when to go on.

        Args:
            high (int): bytes waiting to be sent above which it pauses; 512 KiB, or 4 times *low*.
            low (int): bytes at or below which it goes on; a quarter of *high*.

        Raises:
            ValueError: not ``high >= low >= 0``.
        """
        self._protocol._set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self):
        """Return (low, high), in bytes."""
        limits = self._protocol._limits
        return limits.low, limits.high

    def get_write_buffer_size(self):
        """Return how many bytes of what was written wait to be encrypted and sent."""
        return self._protocol._write_buffer_size()

    @property
    def _protocol_paused(self):
        """asyncio's name for: the application has been asked to pause writing (bool)."""
        return self._protocol._limits.paused

    def _mark_closed(self):
        """Take note that the connection has been closed, or is lost."""


class DebugTransport(SSLTransport):
    """
    `SSLTransport` of a loop in debug mode: it says what is used wrongly.

    Calls from a thread that is not the loop's raise RuntimeError; facts that are asked for before
    the handshake has settled them, and a transport that is thrown away unclosed, are warned of.
    """

    __slots__ = ()

    def __init__(self, protocol):
        super(DebugTransport, self).__init__(protocol)
        self._watch = watch = weakref.ref(self, functools.partial(_unclosed, repr(protocol)))
        _watches.add(watch)

    def _mark_closed(self):
        _watches.discard(self._watch)

    def get_extra_info(self, name, default=None):
        """Return what is known of the connection; see `SSLTransport.get_extra_info`."""
        value = super(DebugTransport, self).get_extra_info(name, default)
        if self._protocol._is_early():
            logger.warning('%r: %r was asked for before the TLS handshake is done', self._protocol,
                           name)
        return value


# Not __del__: on 2.7 a cycle with such an object in it is never freed, and this is in one.
_watches = set()


def _unclosed(description, watch):
    if watch in _watches:
        _watches.discard(watch)
        warnings.warn('unclosed transport of %s' % description, ResourceWarning)


def _of_this_thread(name):
    method = getattr(SSLTransport, name)

    @functools.wraps(method)
    def checked(self, *args, **kwargs):
        thread = self._protocol._thread
        if thread is not None and thread is not threading.current_thread():
            raise RuntimeError('%s() was called from %r; the loop runs in %r: use'
                               ' call_soon_threadsafe' % (name, threading.current_thread(), thread))
        return method(self, *args, **kwargs)
    return checked


for _name in ('write', 'writelines', 'close', 'abort', 'unwrap', 'pause_reading', 'resume_reading',
              'set_protocol', 'set_write_buffer_limits'):
    setattr(DebugTransport, _name, _of_this_thread(_name))


class LooseTransport(SSLTransport):
    """`SSLTransport` of no framework."""

    __slots__ = ('_protocol', '__weakref__')


class LooseDebugTransport(DebugTransport):
    """`DebugTransport` of no framework."""

    __slots__ = ('_protocol', '_watch', '__weakref__')
