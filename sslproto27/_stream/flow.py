"""
Flow control: which side is paused, and the data that waits. Nothing here knows of TLS.

`WriteLimits` is for writing, `ReadFlow` for reading, `HandshakeLimit` for new connections.
"""
from __future__ import absolute_import, division, print_function

import logging

from . import lower_transport

__all__ = ['HANDSHAKE_LIMIT', 'HIGH_WATER', 'LOW_WATER', 'HandshakeLimit', 'ReadFlow',
           'WriteLimits']

logger = logging.getLogger('sslproto27')

#: The most handshakes that a server has under way. Each costs 60 KiB of memory and a signature.
HANDSHAKE_LIMIT = 4096

#: Above HIGH_WATER unsent bytes the application is asked to pause, at LOW_WATER to go on. asyncio's
#: figures.
HIGH_WATER = 512 * 1024
LOW_WATER = 128 * 1024


class WriteLimits(object):
    """
    The limits at which the application is asked to pause writing and to go on.

    Attributes:
        high (int): it pauses when more bytes than this are unsent.
        low (int): it goes on when at most this many bytes are unsent.
        paused (bool): it has been asked to pause.
    """

    __slots__ = ('high', 'low', 'paused')

    def __init__(self):
        self.high, self.low = HIGH_WATER, LOW_WATER
        self.paused = False

    def set(self, high, low):
        """
        Set the limits. None means: derive it from the other limit, or use the default.

        Raises:
            ValueError: unless ``high >= low >= 0``.
        """
        if high is None:
            high = HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError('high (%r) must be >= low (%r) must be >= 0' % (high, low))
        self.high, self.low = high, low

    def callback(self, size, may_pause):
        """
        Note that *size* bytes are unsent.

        Returns:
            str or None: the method of the application's protocol to call.
        """
        if self.paused:
            if size <= self.low:
                self.paused = False
                return 'resume_writing'
        elif may_pause and size > self.high:
            self.paused = True
            return 'pause_writing'
        return None


class ReadFlow(object):
    """
    Holds data from the transport below while the application pauses, and pauses that transport.

    The transport is paused together with the application, so this holds no more than the transport
    had read by then.

    Attributes:
        paused (bool): the application wants no data.
        held (list): events that wait, each a (function, argument).
    """

    __slots__ = ('paused', 'held', '_has_paused_lower')

    def __init__(self):
        self.paused = self._has_paused_lower = False
        self.held = []

    def pause_lower(self, transport):
        """Pause *transport*, unless we have paused it already."""
        if not self._has_paused_lower and not lower_transport.is_closing(transport):
            self._has_paused_lower = True
            transport.pause_reading()

    def resume_lower(self, transport):
        """Resume *transport*, if we have paused it."""
        if self._has_paused_lower:
            self._has_paused_lower = False
            if not lower_transport.is_closing(transport):
                transport.resume_reading()


class HandshakeLimit(object):
    """
    The limit of how many connections of a server may be in the handshake at once.

    An unauthenticated client can occupy memory until the handshake timeout. So at the limit, new
    connections are closed before they cost anything.

    Args:
        limit (int): the most connections.
        name (str): the server's name for this setting.
        log (logging.Logger): needs at least a method ``warning``.

    Attributes:
        running (int): handshakes that are under way.
        refused (int): connections closed since the limit was last reached.

    Raises:
        TypeError, ValueError: *limit* is not an integer, or not positive.
    """

    __slots__ = ('limit', 'running', 'refused', '_name', '_log')

    def __init__(self, limit=HANDSHAKE_LIMIT, name='ssl_handshake_limit', log=logger):
        if isinstance(limit, bool) or not hasattr(limit, '__index__'):
            raise TypeError('%s must be an integer, not %r' % (name, limit))
        if limit < 1:
            raise ValueError('%s must be positive, not %r' % (name, limit))
        self.limit = limit
        self._name, self._log = name, log
        self.running = self.refused = 0

    def admits(self):
        """Return whether one more may start (bool); log when the limit is reached, and left."""
        if self.running < self.limit:
            if self.refused:
                self._log.warning('There is room for TLS handshakes again; %d connections were'
                                  ' refused', self.refused)
                self.refused = 0
            return True
        if not self.refused:
            self._log.warning('%d TLS handshakes are under way, which is %s: refusing new'
                              ' connections', self.running, self._name)
        self.refused += 1
        return False
