"""
`SSLTransport`: the application's handle on a connection. `SSLProtocol` holds its state.

The classes with the methods have no slots, so that a framework's own transports can be bases beside
them.
"""
from __future__ import absolute_import, division, print_function

import functools
import logging
import threading
import warnings
import weakref

from .._core.compat import ResourceWarning, as_bytes
from .._core.unique import Unique

__all__ = ['DebugTransport', 'SSLTransport', 'StandaloneDebugTransport', 'StandaloneTransport']

logger = logging.getLogger('sslproto27')


class SSLTransport(Unique):
    """
    The application's transport, as in asyncio, over TLS. `SSLProtocol` makes it.

    Every method can be called in every state; after the connection has ended, it does nothing.
    """

    _start_tls_compatible = True  # asyncio's name for: TLS may run over this transport

    __slots__ = ()

    def __init__(self, protocol):
        self._protocol = protocol

    def get_extra_info(self, name, default=None):
        """
        Return a fact about the connection.

        Args:
            name (str): 'sslcontext', 'ssl_object', 'peercert', 'cipher', 'compression',
                'alpn_protocol', 'tls_version', 'server_hostname', 'session', 'session_reused', or
                a name that the transport below knows ('peername', 'socket').
            default: the result if the fact is not known yet, or no longer known.
        """
        return self._protocol._get_extra_info(name, default)

    def set_protocol(self, protocol):
        """Make *protocol* the receiver of all further data and events."""
        self._protocol._change_app_protocol(protocol)

    def get_protocol(self):
        """Return the application's protocol."""
        return self._protocol._app_protocol

    def is_closing(self):
        """Return whether this transport, or the one below, is closing or closed (bool)."""
        return self._protocol._is_closing()

    def write(self, data):
        """
        Send *data*, any contiguous buffer; a mutable one is copied.

        Raises:
            TypeError, BufferError: *data* is text, not a buffer, or not contiguous.
        """
        self._protocol._write(data)

    def writelines(self, list_of_data):
        """Send all of *list_of_data*, in as few records as possible."""
        self._protocol._write(b''.join([as_bytes(data, 'data') for data in list_of_data]))

    def can_write_eof(self):
        """Return False: as in asyncio's TLS, you cannot close one direction only."""
        return False

    def write_eof(self):
        """Raise NotImplementedError: see `can_write_eof`."""
        raise NotImplementedError('TLS transports have no write_eof()')

    def close(self):
        """Send all written data, then close_notify; the application gets no more data."""
        self._protocol._close()

    def abort(self):
        """Close at once; unsent data is lost."""
        self._protocol._abort()

    def unwrap(self):
        """
        End TLS, and go on in plaintext over the transport below.

        All written data is sent, then close_notify. Data that arrives before the peer's own
        close_notify is delivered as usual. The peer has ssl_shutdown_timeout seconds for its
        close_notify (30 if that is 0); then the connection is aborted. Do not use this object
        afterwards.

        Returns:
            a future of (transport, bytes). The transport is the one below; its protocol is the
            application's. The bytes are those that the peer sent after its close_notify. Reading is
            paused, so that no data overtakes them: process them, then call resume_reading().
            The future fails with RuntimeError if there is no TLS to end, otherwise with the
            exception that connection_lost gets.
        """
        waiter = self._protocol._new_future()
        self._protocol._unwrap(waiter)
        return waiter

    def pause_reading(self):
        """Stop calling data_received, until `resume_reading`."""
        self._protocol._pause_reading()

    def resume_reading(self):
        """Go on after `pause_reading`."""
        self._protocol._resume_reading()

    def is_reading(self):
        """Return whether data_received may be called (bool)."""
        return self._protocol._is_reading()

    def set_write_buffer_limits(self, high=None, low=None):
        """
        Set the limits at which the application is asked to pause writing and to go on.

        Args:
            high (int): it pauses when more bytes than this are unsent; default 4 times *low*, or
                512 KiB without *low*.
            low (int): it goes on when at most this many are unsent; default a quarter of *high*.

        Raises:
            ValueError: unless ``high >= low >= 0``.
        """
        self._protocol._set_write_buffer_limits(high, low)

    def get_write_buffer_limits(self):
        """Return (low, high), in bytes."""
        limits = self._protocol._limits
        return limits.low, limits.high

    def get_write_buffer_size(self):
        """Return how many written bytes wait to be encrypted and sent (int)."""
        return self._protocol._write_buffer_size()

    @property
    def _protocol_paused(self):
        """asyncio's name for: the application has been asked to pause writing (bool)."""
        return self._protocol._limits.paused

    def _mark_closed(self):
        """Note that the connection has been closed, or is lost."""


class DebugTransport(SSLTransport):
    """
    The `SSLTransport` of a loop in debug mode: it reports wrong use.

    Calls from another thread than the loop's raise RuntimeError. You get a warning if you ask for a
    fact before the handshake is done, or drop a transport without closing it.
    """

    __slots__ = ()

    def __init__(self, protocol):
        super(DebugTransport, self).__init__(protocol)
        self._watch = watch = weakref.ref(self, functools.partial(_unclosed, repr(protocol)))
        _watches.add(watch)

    def _mark_closed(self):
        _watches.discard(self._watch)

    def get_extra_info(self, name, default=None):
        """Return a fact about the connection; see `SSLTransport.get_extra_info`."""
        value = super(DebugTransport, self).get_extra_info(name, default)
        if self._protocol._is_early():
            logger.warning('%r: %r was asked for before the TLS handshake is done', self._protocol,
                           name)
        return value


# Not __del__: 2.7 never frees a cycle that contains an object with __del__, and this is in one.
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


class StandaloneTransport(SSLTransport):
    """An `SSLTransport` without a framework's base class."""

    __slots__ = ('_protocol', '__weakref__')


class StandaloneDebugTransport(DebugTransport):
    """A `DebugTransport` without a framework's base class."""

    __slots__ = ('_protocol', '_watch', '__weakref__')
