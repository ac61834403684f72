"""Waiting for descriptors, above all for those that select() cannot wait for."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import os
import select
import socket
import time

import pytest

from sslproto27 import SSLSocket
from sslproto27._core.waiting import is_ready, ready
from tests.support.descriptors import many_descriptors
from tests.support.memory import PY2
from tests.support.peers import echo_tls, serving
from tests.support.signals import Alarm, needs_signals


@contextlib.contextmanager
def few_descriptors():
    """The usual case."""
    yield


@pytest.fixture(params=[few_descriptors, many_descriptors], ids=['few', 'many'])
def pipe(request):
    """A pipe's ends: to read from, and to write to."""
    with request.param():
        ends = os.pipe()
        try:
            yield ends
        finally:
            for end in ends:
                os.close(end)


def test_ready(pipe):
    """What is ready is returned, and nothing else; without a time limit, too."""
    reading, writing = pipe
    assert [writing] == ready([reading], [writing]) == ready([reading], [writing], 0)
    assert not is_ready(reading, False, 0) and is_ready(writing, True, 0)
    os.write(writing, b'x')
    assert [reading, writing] == sorted(ready([reading], [writing]))
    assert is_ready(reading, False, 60)


def test_end(pipe):
    """A pipe whose other end is gone is ready: a call then tells of it."""
    reading, writing = pipe
    other = os.pipe()
    os.close(other[1])
    assert [other[0]] == ready([reading, other[0]], [])
    os.close(other[0])
    other = os.pipe()
    os.close(other[0])
    assert [other[1]] == ready([reading], [other[1]])
    os.close(other[1])


def test_time(pipe):
    """The wait ends in time, not before."""
    start = time.time()
    assert [] == ready([pipe[0]], [], 0.05)
    assert 0.04 < time.time() - start < 10


class Alike(Alarm):
    """A signal whose handler raises what an interrupted wait raises."""

    def handle(self, number, frame):
        """Fail."""
        raise select.error(errno.EINTR, 'from the handler')


@needs_signals
@pytest.mark.skipif(not PY2, reason='Python 3 goes on waiting after a signal: PEP 475')
def test_signal(pipe):
    """A signal ends the wait; an error of its handler is raised, even one that looks alike."""
    with Alarm(0.05):
        assert [] == ready([pipe[0]], [], 60)
    with Alike(0.05, raises=True), pytest.raises(select.error, match='from the handler'):
        ready([pipe[0]], [], 60)


def test_closed():
    """A descriptor that is not open is an error, as for select()."""
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    for wrong in reading, -1:
        with pytest.raises((select.error, ValueError)):
            ready([wrong], [], 0)
        with pytest.raises((select.error, ValueError)):
            ready([], [wrong])


def test_only_select(monkeypatch):
    """Where there is no poll(), select() does it."""
    monkeypatch.delattr(select, 'poll')
    reading, writing = os.pipe()
    assert [writing] == ready([reading], [writing])
    assert not is_ready(reading, False, 0)
    os.close(reading)
    os.close(writing)


def test_connection(pki):
    """A blocking socket with a time limit works with such descriptors."""
    with serving(lambda sock: echo_tls(sock, pki.server_context())) as port, many_descriptors():
        sock = socket.create_connection(('127.0.0.1', port))
        assert sock.fileno() > 1023
        sock.settimeout(30)
        with contextlib.closing(SSLSocket(
                sock, pki.client_context(), server_hostname='localhost')) as secure:
            secure.sendall(b'x')
            assert b'x' == secure.recv(1)


@pytest.mark.skipif(not PY2, reason='the pair of sockets is for 2.7')
def test_pair_without_socketpair(pki, monkeypatch):
    """The pair over the loopback waits for them, too."""
    from sslproto27._core.engine import loopback
    reading, writing = socket.socketpair()
    with contextlib.closing(reading), contextlib.closing(writing), many_descriptors():
        end = reading.dup()
        try:
            assert end.fileno() > 1023
            monkeypatch.setattr(loopback, '_AGAIN', 60)
            writing.send(b'x')
            loopback._wait_for(end)
        finally:
            end.close()
