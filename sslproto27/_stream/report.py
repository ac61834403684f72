"""
What operators are told of handshakes that fail. Nothing here knows of loops.

Any stranger can make a server's handshake fail, so lines have a limit, and what the stranger has
sent is quoted.
"""
from __future__ import absolute_import, division, print_function

import logging
import time

from .._core.compat import PY2

__all__ = ['LINES', 'PERIOD', 'FailedHandshakes', 'address', 'failed_handshakes', 'logger',
           'requested_name']

logger = logging.getLogger('sslproto27')
if PY2:
    # There, a program that has not configured logging would be told that it has no handlers.
    logger.addHandler(logging.NullHandler())

#: Lines that may be logged, and in how many seconds.
LINES = 10
PERIOD = 60.0


class FailedHandshakes(object):
    """
    The failed handshakes of this process, as lines of a log: no more than `LINES` in `PERIOD`.

    Args:
        clock (callable): returns seconds.

    Attributes:
        left (int): lines that may still be logged in this period.
        silent (int): failures that were not logged.
    """

    def __init__(self, clock=time.time):
        self._clock = clock
        self._start = None
        self.left, self.silent = LINES, 0

    def warn(self, log, text, ssl_object, *args):
        """
        Log at level WARNING, or count.

        Args:
            log (logging.Logger): where to.
            text (str): with a place for each of *args*.
            ssl_object (SSLObject): the server's side; it may know which server was asked for.
        """
        now = self._clock()
        if self._start is None or not 0 <= now - self._start < PERIOD:
            if self.silent:
                log.warning('%d more TLS handshakes failed', self.silent)
            self._start, self.left, self.silent = now, LINES, 0
        if not self.left:
            self.silent += 1
            return
        self.left -= 1
        name = requested_name(ssl_object)
        if name is not None:
            text, args = text + ' (the client asked for %r)', args + (name,)
        if not self.left:
            text += '; what follows within %d seconds is counted alone' % PERIOD
        log.warning(text, *args)


def address(peer):
    """Return *peer*, an address as sockets have it or None, as text."""
    if isinstance(peer, tuple) and len(peer) > 1:
        return ('[%s]:%s' if ':' in str(peer[0]) else '%s:%s') % peer[:2]
    return repr(peer) if peer else 'an unknown peer'


def requested_name(ssl_object):
    """Return the name of the server that a client has asked for (str); None if it is not known."""
    name = getattr(ssl_object, '_requested_name', None)
    return name() if name is not None else None


failed_handshakes = FailedHandshakes()
