"""The time limit of a handshake, and the number of those under way."""
from __future__ import absolute_import, division, print_function

from sslproto27._stream.flow import HandshakeLimit
from tests.support.tornados import finish, gen, on_loop, pair_of_streams

from sslproto27.tornado._clock import HandshakeClock


@on_loop
def test_timer_ends(pki):
    """Once the handshake is done its time limit is forgotten."""
    client, server = yield pair_of_streams(
        pki, ssl_handshake_timeout=0.3, server_ssl_handshake_timeout=0.3)
    assert [False, False] == [client._clock.is_running, server._clock.is_running]
    yield gen.sleep(0.35)
    yield client.write(b'x')
    assert b'x' == (yield server.read_bytes(1))
    finish(client, server)


class Loop(object):
    """What a clock needs of an IOLoop; `timers` are those that run."""

    def __init__(self):
        self.timers = []

    def call_later(self, seconds, callback):
        """Return a timer."""
        self.timers.append((seconds, callback))
        return self.timers[-1]

    def remove_timeout(self, timer):
        """Forget it."""
        self.timers.remove(timer)


def test_clock():
    """It runs from start to stop, by one timer of the loop; to stop it twice changes nothing."""
    loop, clock = Loop(), HandshakeClock(None)
    seen = [clock.is_running]
    clock.stop()
    clock.start(loop, 5, 'callback')
    seen.append(clock.is_running)
    assert [(5, 'callback')] == loop.timers
    for _ in range(2):
        clock.stop()
        seen.append(clock.is_running)
    assert ([], [False, True, False, False]) == (loop.timers, seen)


def test_counted():
    """Each clock that runs counts once in the limit that it was given."""
    limit, loop, running = HandshakeLimit(10), Loop(), []
    clocks = [HandshakeClock(limit), HandshakeClock(limit)]
    for clock in clocks:
        clock.start(loop, 5, None)
        running.append(limit.running)
    for clock in clocks + clocks:
        clock.stop()
        running.append(limit.running)
    assert [1, 2, 1, 0, 0, 0] == running
