"""
Limits of the command line's servers: their options, and the open files that they need.

The servers enforce them: there is no connection and no loop here.
"""
from __future__ import absolute_import, division, print_function

import socket
import time

from .console import UserError, count, seconds

try:
    import resource
except ImportError:  # not measured: Windows has no such limit
    resource = None

__all__ = ['TimedSocket', 'add_limits', 'make_room']

#: How many files a process has open besides its connections.
_OTHER_FILES = 64

try:
    _now = time.monotonic
except AttributeError:  # Python 2
    _now = time.time


def add_limits(parser, connections, idle, of=''):
    """
    Add the options to *parser*; return their group.

    Args:
        connections (int): the default for the number of connections.
        idle (int): the default for the seconds of silence.
        of (str): whose connections the help says it counts, such as ' of each worker'.
    """
    group = parser.add_argument_group('limits')
    group.add_argument('--max-connections', type=count, default=connections, metavar='N',
                       help='connections at once%s (default %d); others wait until one ends' % (
                           of, connections))
    group.add_argument('--handshake-timeout', type=seconds, default=60.0, metavar='SECONDS',
                       help="for a client's TLS handshake (default 60)")
    group.add_argument('--idle-timeout', type=seconds, default=float(idle), metavar='SECONDS',
                       help='end a connection after this much silence (default %d)' % idle)
    return group


def make_room(connections, each):
    """
    Raise the limit of open files to what the connections may need.

    Args:
        connections (int): the most connections at once.
        each (int): how many files a connection needs.

    Raises:
        UserError: the system does not allow so many.
    """
    if resource is None:  # not measured: Windows
        return
    needed = connections * each + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise UserError('--max-connections %d: that needs %d open files, and ulimit -Hn is %d'
                            % (connections, needed, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


class TimedSocket(object):
    """
    A socket with a time limit for several calls together, such as those of a handshake.

    Args:
        sock (socket.socket): the connection; it does everything else.
    """

    def __init__(self, sock):
        self._sock = sock
        self._each = self._end = None

    def within(self, limit):
        """Allow *limit* seconds for all further reads and writes together."""
        self._end = _now() + limit

    def settimeout(self, limit):
        """Allow *limit* seconds for each call."""
        self._each, self._end = limit, None

    def recv(self, size):
        """Receive from the socket; raise socket.timeout once the time is over."""
        self._set()
        return self._sock.recv(size)

    def send(self, data):
        """Send to the socket; raise socket.timeout once the time is over."""
        self._set()
        return self._sock.send(data)

    def _set(self):
        left = self._each if self._end is None else self._end - _now()
        if self._end is not None and left <= 0:
            raise socket.timeout('timed out')
        self._sock.settimeout(left)

    def __getattr__(self, name):
        return getattr(self._sock, name)
