"""
Log lines about failed handshakes. Nothing here knows of loops.

Any stranger can make a server's handshake fail. So the number of lines is limited, and names that
the stranger sent are quoted.
"""
from __future__ import absolute_import, division, print_function

import logging
import time

from .._core.compat import PY2

__all__ = ['LINES', 'PERIOD', 'FailedHandshakes', 'address', 'failed_handshakes', 'logger',
           'requested_name']

logger = logging.getLogger('sslproto27')
if PY2:
    # Otherwise 2.7 tells a program without logging configuration that "no handlers could be found".
    logger.addHandler(logging.NullHandler())

#: At most LINES lines are logged in PERIOD seconds.
LINES = 10
PERIOD = 60.0


class FailedHandshakes(object):
    """
    Logs the failed handshakes of this process, at most `LINES` in `PERIOD`.

    Args:
        clock (callable): returns the time in seconds.

    Attributes:
        left (int): how many lines may still be logged in this period.
        silent (int): how many failures were not logged.
    """

    def __init__(self, clock=time.time):
        self._clock = clock
        self._start = None
        self.left, self.silent = LINES, 0

    def warn(self, log, text, ssl_object, *args):
        """
        Log at level WARNING; at the limit, only count.

        Args:
            log (logging.Logger): where to log.
            text (str): a template for *args*.
            ssl_object (SSLObject): the server's side; it may know the name that the client sent.
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
            text += '; further failures within %d seconds are only counted' % PERIOD
        log.warning(text, *args)


def address(peer):
    """Return *peer*, a socket's address or None, as text."""
    if isinstance(peer, tuple) and len(peer) > 1:
        return ('[%s]:%s' if ':' in str(peer[0]) else '%s:%s') % peer[:2]
    return repr(peer) if peer else 'an unknown peer'


def requested_name(ssl_object):
    """Return the server name that the client has asked for (str); None if it is not known."""
    name = getattr(ssl_object, '_requested_name', None)
    return name() if name is not None else None


failed_handshakes = FailedHandshakes()
