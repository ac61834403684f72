"""Calls near Python's recursion limit."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.pipe_pairs import PYPY

__all__ = ['near_limit', 'runs_finally']

runs_finally = pytest.mark.skipif(PYPY, reason=(
    'PyPy 7.3.3, once it has compiled a function, does not always run its finally at the recursion'
    ' limit; nor does it always release a lock at the end of a with block'))


def near_limit(calls):
    """
    Call each of *calls* with one frame more room than the one before, the first one with none.

    Returns:
        int: how many came to the recursion limit.
    """
    calls, reached = list(calls), []

    def fall():
        try:
            fall()
        except RuntimeError:  # the frame below this one was one too many
            pass
        if calls:
            call = calls.pop(0)
            try:
                call()
            except RuntimeError:
                reached.append(call)

    fall()
    return len(reached)
