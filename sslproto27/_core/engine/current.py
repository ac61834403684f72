"""The pair of sockets for new TLS objects of this process."""
from __future__ import absolute_import, division, print_function

import functools
import os

import _socket

from .loopback import LoopbackPair
from .pair import Pair

__all__ = ['current_pair']

_current = []


def current_pair():
    """Return the `Pair` for new TLS objects; make it when it is first needed."""
    _watch_forks()
    while True:
        try:
            pair = _current[-1]
        except IndexError:
            pair = None
        if pair is not None and pair.usable():
            return pair
        _current.append(Pair() if hasattr(_socket, 'socketpair') else LoopbackPair())


def _watch_forks():
    """
    From now on, give a forked child sockets of its own before its next step.

    Each operation looks for forks as well. But a signal handler or callback may fork inside a
    native call, which would then use the parent's sockets.
    """
    while _unwatched:
        name = _unwatched.pop()
        function = getattr(os, name, None)
        if function is not None:
            setattr(os, name, _renewing(function))


def _renewing(function):
    @functools.wraps(function, ('__name__', '__doc__'), ())
    def fork():
        result = function()
        for pair in list(_current):
            pair.notice_fork()
        return result
    return fork


_unwatched = ['fork', 'forkpty']
