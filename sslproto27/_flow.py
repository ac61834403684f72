"""
Flow control: who has paused whom, and what has piled up meanwhile. Nothing here knows of TLS.

`WriteLimits` is the way down, `ReadGate` the way up.
"""
from __future__ import absolute_import, division, print_function

from . import _below

__all__ = ['HIGH_WATER', 'LOW_WATER', 'ReadGate', 'WriteLimits']

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
        held (list): events that wait, each a function and its arguments.
    """

    __slots__ = ('paused', 'held', '_has_paused_below')

    def __init__(self):
        self.paused = self._has_paused_below = False
        self.held = []

    def pause_below(self, transport):
        """Pause *transport*, unless that has been done."""
        if not self._has_paused_below and not _below.is_closing(transport):
            self._has_paused_below = True
            transport.pause_reading()

    def resume_below(self, transport):
        """Resume *transport*, if it was paused from here."""
        if self._has_paused_below:
            self._has_paused_below = False
            if not _below.is_closing(transport):
                transport.resume_reading()
