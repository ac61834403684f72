"""The pair of sockets for new TLS objects of this process."""
from __future__ import absolute_import, division, print_function

import _socket
import errno

from ..fork import call_after_forks
from .loopback import LoopbackPair
from .pair import OUR_MODULES, Pair, is_native

__all__ = ['current_pair']

#: What a system says that has no AF_UNIX sockets, or a sandbox that forbids them.
_REFUSALS = frozenset([errno.EACCES, errno.EAFNOSUPPORT, errno.ENOSYS, errno.EOPNOTSUPP,
                       errno.EPERM, errno.EPROTONOSUPPORT])

OUR_MODULES.add(__name__)

_current = []


def current_pair():
    """Return the `Pair` for new TLS objects; make it when it is first needed."""
    call_after_forks(_renew)
    while True:
        try:
            pair = _current[-1]
        except IndexError:
            pair = None
        if pair is not None and pair.is_ready():
            return pair
        _current.append(_new())


def _new():
    """Return a new pair: of TCP sockets if this system has no `socketpair`, or forbids it."""
    if hasattr(_socket, 'socketpair'):
        try:
            return Pair()
        except _socket.error as error:
            if error.errno not in _REFUSALS or not is_native():
                raise
    return LoopbackPair()


def _renew():
    """
    Give a forked child sockets of its own before its next step.

    Each operation looks for forks as well. But a signal handler or callback may fork inside a
    native call, which would then use the parent's sockets.
    """
    for pair in list(_current):
        pair.notice_fork()
