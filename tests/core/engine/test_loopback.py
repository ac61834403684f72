"""The pair of sockets where there is no socketpair: over TCP."""
from __future__ import absolute_import, division, print_function

import _socket
import socket
import threading

import pytest

from tests.support.memory import PY2
from tests.support.pipe_pairs import pattern

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.engine import current, loopback  # noqa: E402
from sslproto27._core.engine.loopback import LoopbackPair  # noqa: E402
from tests.support.pair_engine import Ends, SmallLoopbackPair  # noqa: E402

pytestmark = pytest.mark.usefixtures('watched', 'fresh')


def test_small_loopback(fresh, client_context, server_context):
    """A TCP pair may hold less than a record: it goes in pieces."""
    pair = SmallLoopbackPair()
    assert 0 < pair.push(pattern(16384)) <= 2048
    pair.discard()
    current._current.append(pair)
    ends = Ends(client_context, server_context)
    results = []
    thread = threading.Thread(target=lambda: results.append(
        ends.handshake().exchange().transfer(ends.client_end, pattern(50000))))
    thread.daemon = True
    thread.start()
    thread.join(30)
    assert [pattern(50000)] == results


def test_stranger_at_the_port(monkeypatch):
    """Whoever else connects to the port of the loopback pair is not taken for our own end."""
    real, strangers = _socket.socket, []

    class Listener(real):
        def listen(self, backlog):
            real.listen(self, 5)
            stranger = socket.create_connection(self.getsockname())
            stranger.sendall(b'stranger')
            strangers.append(stranger)

    monkeypatch.setattr(loopback, '_new', Listener)
    pair = LoopbackPair()
    monkeypatch.undo()
    assert [1, 5] == [len(strangers), pair.push(b'hello')]
    assert b'hello' == pair.inner.recv(100)
    strangers[0].close()
