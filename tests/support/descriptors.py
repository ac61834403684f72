"""More open descriptors than select() can wait for."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import resource

import pytest

__all__ = ['MANY', 'many_descriptors', 'require_many']

#: select() can wait for descriptors below this: FD_SETSIZE.
_LIMIT = 1024

#: How many we need.
_ENOUGH = _LIMIT + 200

#: The beginning of a program that has them open.
MANY = """
import os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (%d, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
while os.open(os.devnull, os.O_RDONLY) < %d:
    pass
""" % (_ENOUGH, _LIMIT)


def require_many():
    """Skip the test if this system does not allow so many."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < _ENOUGH:
        pytest.skip('ulimit -Hn is %d, and this needs %d' % (hard, _ENOUGH))


@contextlib.contextmanager
def many_descriptors():
    """In this context, what is opened has a number that select() cannot wait for."""
    require_many()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[0] != resource.RLIM_INFINITY and limits[0] < _ENOUGH:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_ENOUGH, limits[1]))
    opened = [os.open(os.devnull, os.O_RDONLY)]
    try:
        while opened[-1] < _LIMIT:
            opened.append(os.open(os.devnull, os.O_RDONLY))
        yield
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
