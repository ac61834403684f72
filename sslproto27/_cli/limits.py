"""
Limits that the servers of the command line share: their options, and the room that they need.

Who keeps them is the server: here is neither a connection nor a loop.
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

#: Open files that a process has besides its connections.
_OTHER_FILES = 64

try:
    _now = time.monotonic
except AttributeError:  # Python 2
    _now = time.time


def add_limits(parser, connections, idle, of=''):
    """
    Add the options to *parser*; return the group that they are in.

    Args:
        connections (int): how many at once, unless given.
        idle (int): seconds, unless given.
        of (str): what the number of connections is one of, ' of each worker' say.
    """
    group = parser.add_argument_group('limits')
    group.add_argument('--max-connections', type=count, default=connections, metavar='N',
                       help='connections at once%s (%d); others wait until one ends' % (
                           of, connections))
    group.add_argument('--handshake-timeout', type=seconds, default=60.0, metavar='SECONDS',
                       help='for the TLS handshake of a client (60)')
    group.add_argument('--idle-timeout', type=seconds, default=float(idle), metavar='SECONDS',
                       help='of silence after which a connection is ended (%d)' % idle)
    return group


def make_room(connections, each):
    """
    Let this process open as many files as its connections may need.

    Args:
        connections (int): at once.
        each (int): files of one connection.

    Raises:
        UserError: the system does not allow it.
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
    A socket whose peer has a time for all that it does, not for each piece: for a handshake, say.

    Args:
        sock (socket.socket): the connection, for everything else.
    """

    def __init__(self, sock):
        self._sock = sock
        self._each = self._end = None

    def within(self, limit):
        """Let all that is read and written from now on be done in *limit* seconds."""
        self._end = _now() + limit

    def settimeout(self, limit):
        """Let each call wait for *limit* seconds again."""
        self._each, self._end = limit, None

    def recv(self, size):
        """Do as the socket; socket.timeout once the time is over."""
        self._set()
        return self._sock.recv(size)

    def send(self, data):
        """Do as the socket; socket.timeout once the time is over."""
        self._set()
        return self._sock.send(data)

    def _set(self):
        left = self._each if self._end is None else self._end - _now()
        if self._end is not None and left <= 0:
            raise socket.timeout('timed out')
        self._sock.settimeout(left)

    def __getattr__(self, name):
        return getattr(self._sock, name)
