"""Which pair of sockets new TLS objects get."""
from __future__ import absolute_import, division, print_function

import _socket
import errno
import functools
import socket

import pytest

from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import PYPY

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.engine import current, pair  # noqa: E402
from sslproto27._core.engine.loopback import LoopbackPair  # noqa: E402

pytestmark = pytest.mark.usefixtures('watched', 'fresh')


def test_without_socketpair(monkeypatch):
    """Where there is no socketpair the loopback interface serves."""
    monkeypatch.delattr(_socket, 'socketpair')
    assert LoopbackPair is type(current.current_pair())


@pytest.mark.skipif(PYPY, reason="PyPy's functools.partial is no native call")
def test_socketpair_is_not_supported(monkeypatch):
    """So it is if this system has no such sockets."""
    refuses = functools.partial(_socket.socketpair, socket.AF_INET)
    monkeypatch.setattr(_socket, 'socketpair', refuses)
    assert LoopbackPair is type(current.current_pair())


@pytest.mark.parametrize('number, kind', [
    (errno.EPERM, LoopbackPair), (errno.EACCES, LoopbackPair), (errno.EAFNOSUPPORT, LoopbackPair),
    (errno.ENOSYS, LoopbackPair), (errno.EMFILE, None), (errno.ENOBUFS, None)])
def test_socketpair_fails(monkeypatch, number, kind):
    """So it is if a sandbox forbids socketpair; not if there is no room for more sockets."""
    def socketpair():
        raise socket.error(number, 'of the test')
    monkeypatch.setattr(_socket, 'socketpair', socketpair)
    monkeypatch.setattr(pair, 'OUR_MODULES', pair.OUR_MODULES | {__name__})  # it is in C otherwise
    if kind is not None:
        assert kind is type(current.current_pair())
    else:
        assert number == raised(current.current_pair).errno


def test_handler_raises(monkeypatch):
    """What a signal's handler raises meanwhile is the program's error, not the system's."""
    def interrupted():
        raise socket.error(errno.EPERM, 'of a handler')
    monkeypatch.setattr(_socket, 'socketpair', interrupted)
    assert 'of a handler' == raised(current.current_pair).strerror


def test_shared():
    """All new objects get one and the same pair while it can be used."""
    assert current.current_pair() is current.current_pair()


def test_lost(monkeypatch):
    """Where that can no longer be used new objects get another, and the next ones that."""
    before = current.current_pair()
    monkeypatch.setattr(before, 'is_ready', lambda: False)
    after = current.current_pair()
    assert after is not before
    assert after is current.current_pair()
