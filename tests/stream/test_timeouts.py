"""The timeouts of handshake and shutdown, and their timer."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27 import SSLProtocol
from sslproto27._stream.timeouts import HANDSHAKE_TIMEOUT, SHUTDOWN_TIMEOUT, Timer, timeouts
from tests.support.loops import App, Loop
from tests.support.memory import raised


@pytest.mark.parametrize('value', [0, 0.0, -1, -0.5, float('inf'), float('nan')])
def test_handshake_timeout_value(client_context, value):
    """
    A handshake timeout that is zero, negative or no finite number gets ValueError that names
    it.
    """
    error = raised(SSLProtocol, Loop(), App(), client_context, server_hostname='localhost',
                   ssl_handshake_timeout=value)
    assert ValueError is type(error)
    assert 'ssl_handshake_timeout' in str(error)


@pytest.mark.parametrize('value', [-1, -0.5, float('inf'), float('nan')])
def test_shutdown_timeout_value(client_context, value):
    """A shutdown timeout that is negative or no finite number gets ValueError that names it."""
    error = raised(SSLProtocol, Loop(), App(), client_context, server_hostname='localhost',
                   ssl_shutdown_timeout=value)
    assert ValueError is type(error)
    assert 'ssl_shutdown_timeout' in str(error)


@pytest.mark.parametrize('name', ['ssl_handshake_timeout', 'ssl_shutdown_timeout'])
@pytest.mark.parametrize('value', ['1', True, [1]])
def test_timeout_type(client_context, name, value):
    """A timeout that is no number gets TypeError that names it."""
    error = raised(SSLProtocol, Loop(), App(), client_context, server_hostname='localhost',
                   **{name: value})
    assert TypeError is type(error)
    assert name in str(error)


@pytest.mark.parametrize('seconds', [7, 5.25])
def test_handshake_timer_dies(new, seconds):
    """A timer that was cancelled refers to nothing, so it pins no context."""
    connection = new(ssl_handshake_timeout=seconds).start()
    handle = connection.protocol._timer._handle
    connection.remote.handshake()
    assert (None, False) == (handle.callback, connection.protocol._timer.is_running)


class TestTimer(object):
    def test_call(self):
        """The callback is called once, in time; until then the timer runs."""
        loop, called = Loop(), []
        timer = Timer(loop)
        timer.start(5, lambda: called.append(loop.time()))
        assert timer.is_running
        loop.advance(4)
        assert [] == called
        loop.advance(10)
        assert ([5], False) == (called, timer.is_running)

    def test_replaced(self):
        """A second start replaces the first; a stopped timer calls nothing, as often as it is."""
        loop, called = Loop(), []
        timer = Timer(loop)
        timer.start(1, lambda: called.append('first'))
        timer.start(2, lambda: called.append('second'))
        loop.advance(10)
        timer.start(1, lambda: called.append('third'))
        for _ in range(2):
            timer.stop()
        loop.advance(10)
        assert (['second'], False) == (called, timer.is_running)


def test_defaults():
    """What is not given is the default; no time at all is right for the shutdown alone."""
    assert (HANDSHAKE_TIMEOUT, SHUTDOWN_TIMEOUT) == timeouts(None, None)
    assert (3, 0) == timeouts(3, 0)
    error = raised(timeouts, 0, 1, names=('first', 'second'))
    assert (ValueError, 'first must be positive, not 0') == (type(error), str(error))
