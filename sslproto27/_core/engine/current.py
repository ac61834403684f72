"""The pair of sockets for new TLS objects of this process."""
from __future__ import absolute_import, division, print_function

import _socket

from ..fork import call_after_forks
from .loopback import LoopbackPair
from .pair import Pair

__all__ = ['current_pair']

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
        _current.append(Pair() if hasattr(_socket, 'socketpair') else LoopbackPair())


def _renew():
    """
    Give a forked child sockets of its own before its next step.

    Each operation looks for forks as well. But a signal handler or callback may fork inside a
    native call, which would then use the parent's sockets.
    """
    for pair in list(_current):
        pair.notice_fork()
