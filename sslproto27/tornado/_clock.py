"""Limits how long a Tornado handshake may take, and how many may run. Nothing here does TLS."""
from __future__ import absolute_import, division, print_function

__all__ = ['HandshakeClock']


class HandshakeClock(object):
    """
    A clock that runs from the beginning of a handshake to its end.

    Args:
        limit (HandshakeLimit or None): counts the clocks that run.
    """

    __slots__ = ('_limit', '_loop', '_timer')

    def __init__(self, limit):
        self._limit, self._loop, self._timer = limit, None, None

    @property
    def is_running(self):
        """Whether a handshake is under way (bool)."""
        return self._timer is not None

    def start(self, io_loop, seconds, callback):
        """Call *callback* if the handshake takes longer than *seconds*."""
        self._loop, self._timer = io_loop, io_loop.call_later(seconds, callback)
        if self._limit is not None:
            self._limit.running += 1

    def stop(self):
        """Stop, because the handshake is over; do nothing if stopped already."""
        timer, self._timer = self._timer, None
        if timer is not None:
            self._loop.remove_timeout(timer)
            if self._limit is not None:
                self._limit.running -= 1
