"""
Flow control: who has paused whom, and what has piled up meanwhile. Nothing here knows of TLS.

`WriteLimits` is the way down, `ReadGate` the way up, `HandshakeLimit` the way in.
"""
from __future__ import absolute_import, division, print_function

import logging

from . import lower_transport

__all__ = ['HANDSHAKE_LIMIT', 'HIGH_WATER', 'LOW_WATER', 'HandshakeLimit', 'ReadGate',
           'WriteLimits']

logger = logging.getLogger('sslproto27')

#: Handshakes that a server has under way at most: 60 KiB of memory each, and a signature.
HANDSHAKE_LIMIT = 4096

#: Bytes that the application has written and that could not be sent yet: where it is asked to
#: pause, and where it may go on. asyncio's figures.
HIGH_WATER = 512 * 1024
LOW_WATER = 128 * 1024


class WriteLimits(object):
    """
    When the application is asked to pause writing, and when to go on.

    Attributes:
        high (int): bytes waiting to be sent above which it pauses.
        low (int): bytes at or below which it goes on.
        paused (bool): it has been asked to pause.
    """

    __slots__ = ('high', 'low', 'paused')

    def __init__(self):
        self.high, self.low = HIGH_WATER, LOW_WATER
        self.paused = False

    def set(self, high, low):
        """
        Set the limits; one that is None follows from the other, or is the default.

        Raises:
            ValueError: not ``high >= low >= 0``.
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
        Take note that *size* bytes wait.

        Returns:
            str or None: the name of what the application's protocol must be told.
        """
        if self.paused:
            if size <= self.low:
                self.paused = False
                return 'resume_writing'
        elif may_pause and size > self.high:
            self.paused = True
            return 'pause_writing'
        return None


class ReadGate(object):
    """
    What comes from below while the application wants nothing, and the pause of what is below.

    The transport below is paused along with the application, so what is held here is no more than
    what it had read by then.

    Attributes:
        paused (bool): the application wants no data.
        held (list): events that wait, each a function and its argument.
    """

    __slots__ = ('paused', 'held', '_has_paused_below')

    def __init__(self):
        self.paused = self._has_paused_below = False
        self.held = []

    def pause_below(self, transport):
        """Pause *transport*, unless that has been done."""
        if not self._has_paused_below and not lower_transport.is_closing(transport):
            self._has_paused_below = True
            transport.pause_reading()

    def resume_below(self, transport):
        """Resume *transport*, if it was paused from here."""
        if self._has_paused_below:
            self._has_paused_below = False
            if not lower_transport.is_closing(transport):
                transport.resume_reading()


class HandshakeLimit(object):
    """
    How many connections of a server may be in the handshake at once.

    A connection that has not proved anything yet costs memory for as long as the handshake timeout;
    beyond the limit new ones are closed before they cost any more.

    Args:
        limit (int): how many.
        name (str): what the server calls this setting.
        log (logging.Logger): where to log; with a method ``warning`` at least.

    Attributes:
        running (int): handshakes that are under way.
        refused (int): connections that were closed, since there last was room.

    Raises:
        TypeError, ValueError: *limit* is no integer, or not positive.
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
        """Return whether there is room for one more; log when there is none any more, or again."""
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
