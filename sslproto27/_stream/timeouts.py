"""The timeouts of handshake and shutdown, and their timer. Nothing here does TLS."""
from __future__ import absolute_import, division, print_function

__all__ = ['HANDSHAKE_TIMEOUT', 'SHUTDOWN_TIMEOUT', 'Timer', 'timeouts']

#: Seconds for the handshake, and for the peer's answer to our close_notify.
HANDSHAKE_TIMEOUT = 60.0
SHUTDOWN_TIMEOUT = 30.0


class Timer(object):
    """
    One later call by a loop. Once stopped, the loop keeps no reference to the callback.

    Args:
        loop: an event loop with call_later.
    """

    __slots__ = ('_loop', '_handle')

    def __init__(self, loop):
        self._loop, self._handle = loop, None

    @property
    def is_running(self):
        """Whether the call is still to come (bool)."""
        return self._handle is not None

    def start(self, delay, callback):
        """Call *callback* in *delay* seconds; this replaces an earlier callback."""
        self.stop()
        self._handle = self._loop.call_later(delay, self._call, callback)

    def stop(self):
        """Cancel the call."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _call(self, callback):
        self._handle = None
        callback()


def timeouts(handshake, shutdown, names=('ssl_handshake_timeout', 'ssl_shutdown_timeout')):
    """
    Return both timeouts in seconds; None becomes the default.

    Args:
        handshake, shutdown (float or None): seconds.
        names (pair of str): the names of the caller's arguments.

    Raises:
        TypeError, ValueError: one is not a number, or out of range; the text names it.
    """
    handshake = _seconds(names[0], handshake, HANDSHAKE_TIMEOUT)
    if not handshake:
        raise ValueError('%s must be positive, not 0' % names[0])
    return handshake, _seconds(names[1], shutdown, SHUTDOWN_TIMEOUT)


def _seconds(name, value, default):
    if value is None:
        return default
    if isinstance(value, bool) or not hasattr(value, '__float__'):
        raise TypeError('%s must be a number of seconds, not %r' % (name, value))
    if not 0 <= value < float('inf'):
        raise ValueError('%s must not be negative or infinite, not %r' % (name, value))
    return value
