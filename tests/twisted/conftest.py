"""Fixtures of the tests of `sslproto27.twisted`."""
from __future__ import absolute_import, division, print_function

import sys

import pytest


@pytest.fixture(scope='session', autouse=True)
def no_threads_left():
    """Stop the reactor's threads in the end, which the process would wait for."""
    yield
    reactor = sys.modules.get('twisted.internet.reactor')
    if getattr(reactor, 'threadpool', None) is not None:
        reactor._stopThreadPool()
