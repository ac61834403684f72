"""`SSLTransport`: the application's handle on a connection. `SSLProtocol` holds its state."""
from __future__ import absolute_import, division, print_function

__all__ = ['SSLTransport']


class SSLTransport(object):
    """
    What the application writes to: asyncio's transport, over TLS. Made by `SSLProtocol`.

    Every method can be called in every state; after the connection's end they do nothing.
    """

    _start_tls_compatible = True  # asyncio's name for: TLS may run inside of this one too

    __slots__ = ('_protocol', '__weakref__')

    def __init__(self, protocol):
        self._protocol = protocol

    def get_extra_info(self, name, default=None):
        """
        Return what is known of the connection.

        Args:
            name (str): 'sslcontext', 'ssl_object', 'peercert', 'cipher', 'compression',
                'alpn_protocol', 'tls_version', 'server_hostname', 'session_reused', or what the
                transport below knows ('peername', 'socket').
            default: what to return when it is not known (any more).
        """
        return self._protocol._get_extra_info(name, default)

    def set_protocol(self, protocol):
        """Let *protocol* have what arrives from now on."""
        self._protocol._app_protocol = protocol

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
        self._protocol._write((data,))

    def writelines(self, list_of_data):
        """Send each of *list_of_data*, in as few records as they fit in."""
        self._protocol._write(list_of_data)

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
        protocol = self._protocol
        return protocol._low_water, protocol._high_water

    def get_write_buffer_size(self):
        """Return how many bytes of what was written wait to be encrypted and sent."""
        return self._protocol._write_buffer_size()
