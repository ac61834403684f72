"""
Fixtures for the tests of the pair engine, on 2.7 alone.

The engine is imported when it is needed: on Python 3 it cannot be.
"""
from __future__ import absolute_import, division, print_function

import signal

import pytest

__all__ = ['alarm', 'ends', 'fresh', 'kind', 'watched']


@pytest.fixture
def watched(monkeypatch):
    """See after each operation that whoever leaves the pair in order leaves it empty."""
    from sslproto27._core.engine import pair as sockets
    from tests.support.pair_engine import is_empty
    release, seen = sockets.Pair.release, []

    def release_and_look(self, token, intact):
        if intact and self._holder.get(0) is token:
            seen.append(is_empty(self))
        release(self, token, intact)

    monkeypatch.setattr(sockets.Pair, 'release', release_and_look)
    yield seen
    assert False not in seen


@pytest.fixture
def fresh(monkeypatch):
    """Let each test have a pair of its own."""
    from sslproto27._core.engine import current, pair as sockets
    monkeypatch.setattr(current, '_current', [])
    monkeypatch.setattr(sockets, '_lost', [])


@pytest.fixture
def alarm():
    """Let SIGALRM's handler be set; put it back afterwards."""
    before = signal.getsignal(signal.SIGALRM)
    yield lambda handler: signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=['loopback', 'small', 'socketpair'])
def kind(request, fresh):
    """Each kind of sockets in turn."""
    from sslproto27._core.engine import current
    from tests.support.pair_engine import KINDS
    current._current.append(KINDS[request.param]())
    return request.param


@pytest.fixture
def ends(client_context, server_context):
    """A connection whose handshake is done."""
    from tests.support.pair_engine import Ends
    return Ends(client_context, server_context).handshake().exchange()
