"""Which pair of sockets new TLS objects get."""
from __future__ import absolute_import, division, print_function

import _socket

import pytest

from tests.support.memory import PY2

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.engine import current  # noqa: E402
from sslproto27._core.engine.loopback import LoopbackPair  # noqa: E402

pytestmark = pytest.mark.usefixtures('watched', 'fresh')


def test_without_socketpair(monkeypatch):
    """Where there is no socketpair the loopback interface serves."""
    monkeypatch.delattr(_socket, 'socketpair')
    assert LoopbackPair is type(current.current_pair())


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
