"""Limits of the command line's servers: open files, and a peer's time."""
from __future__ import absolute_import, division, print_function

import resource
import socket
import time

import pytest

from sslproto27.__main__ import main
from sslproto27._cli.console import UserError
from sslproto27._cli.limits import TimedSocket, make_room


@pytest.fixture
def files():
    """The limits of open files, which are as before afterwards: (soft, hard)."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < 512:
        pytest.skip('there is no room to move in')
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    yield 256, before[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def pair():
    """A pair of connected sockets."""
    near, far = socket.socketpair()
    yield near, far
    near.close()
    far.close()


def test_room(files):
    """The limit is raised to what the connections need, and not if that is there."""
    make_room(10, 2)
    assert files == resource.getrlimit(resource.RLIMIT_NOFILE)
    make_room(120, 2)
    assert (304, files[1]) == resource.getrlimit(resource.RLIMIT_NOFILE)


def test_no_room(files):
    """More than the system allows is a mistake, with the figures."""
    if files[1] == resource.RLIM_INFINITY:
        pytest.skip('the system allows any number')
    with pytest.raises(UserError) as info:
        make_room(files[1], 2)
    assert 'ulimit -Hn is %d' % files[1] in str(info.value)


class TestTimedSocket(object):
    def test_whole(self, pair):
        """All that is done has one time together, however often the peer says something."""
        near, far = pair
        timed = TimedSocket(near)
        timed.within(0.2)
        start = time.time()
        with pytest.raises(socket.timeout):
            while True:
                far.sendall(b'x')
                timed.recv(1)
        assert time.time() - start > 0.1
        with pytest.raises(socket.timeout):
            timed.send(b'x')

    def test_each(self, pair):
        """Then each call has its own time again, or is not to wait at all."""
        near, far = pair
        timed = TimedSocket(near)
        timed.within(0.01)
        timed.settimeout(0.05)
        with pytest.raises(socket.timeout):
            timed.recv(1)
        far.sendall(b'x')
        assert b'x' == timed.recv(1)
        timed.send(b'y')
        assert b'y' == far.recv(1)
        timed.settimeout(0)
        with pytest.raises(socket.error) as info:
            timed.recv(1)
        assert not isinstance(info.value, socket.timeout)

    def test_others(self, pair):
        """All else is the socket's."""
        near, _ = pair
        assert near.fileno() == TimedSocket(near).fileno()


@pytest.mark.parametrize('name', ['serve', 'proxy'])
@pytest.mark.parametrize('option, value', [
    ('--max-connections', '0'), ('--max-connections', 'x'), ('--handshake-timeout', '0'),
    ('--handshake-timeout', 'nan'), ('--idle-timeout', '-1'), ('--idle-timeout', '')])
def test_mistakes(name, option, value, capsys):
    """A value that is no limit is one line, with status 2."""
    with pytest.raises(SystemExit) as info:
        main([name, '%s=%s' % (option, value)])
    assert 2 == info.value.code
    stdout, stderr = capsys.readouterr()
    assert ('', 1) == (stdout, stderr.count('\n'))
    assert stderr.startswith('sslproto27 %s: argument %s: %s is not a number from ' % (
        name, option, value))
