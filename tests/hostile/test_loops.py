"""
Peers that mean harm, over real sockets: against servers and clients on Trollius, asyncio, Tornado.

`attacks` has what they do, `attacked` the process to which they do it. What they find there below
the frameworks `test_hostile` tries in memory, byte by byte.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import socket

import pytest

from tests.support.attacked import PATIENCE, Target
from tests.support.attacks import ATTACKS, Attacker, Contexts
from tests.support.hostile import enough_of
from tests.support.memory import knows_openssl_3
from tests.support.pipe_pairs import PYPY

pytestmark = [knows_openssl_3, pytest.mark.skipif(
    not os.path.exists('/proc/self/clear_refs'), reason='no Linux /proc here to read memory from')]

#: KiB that memory may grow by in all attacks of a kind after the first.
GROWTH = 1024

#: KiB of memory that one attack may take up: the limits of the pipes and buffers, times what it
#: takes to move them. Floods send far more.
PEAK = 6144


def pytest_generate_tests(metafunc):
    """Give a class the attacks that its role can suffer."""
    if 'attack' in metafunc.fixturenames:
        chosen = [one for one in ATTACKS if metafunc.cls.attacker in one.sides]
        chosen = enough_of(chosen, metafunc.cls.__name__, 4)  # our limits are above the engine
        metafunc.parametrize('attack', chosen, ids=[one.name for one in chosen])


@pytest.fixture(scope='module')
def contexts(pki, tmpdir_factory):
    """The attackers' contexts."""
    return Contexts(pki, tmpdir_factory.mktemp('hostile'))


@pytest.fixture(scope='class')
def target(request, pki):
    """A process of the class's framework; what it writes to standard error fails the test."""
    if request.cls.framework == 'tornado':
        from tests.support import tornados  # noqa: F401: skips where there is no Tornado
    with Target(request.cls.framework, pki) as running:
        yield running
        assert '' == running.complaints()


class Victim(object):
    """
    Contract: a server or client, in a process that serves others.

    Attributes:
        framework (str): 'aio' or 'tornado'.
        attacker (str): who the attacker is in TLS, 'client' or 'server': the victim is the other.
    """

    framework = attacker = None

    @contextlib.contextmanager
    def connection(self, target, hasty):
        """Connect a plain socket to a victim."""
        if self.attacker == 'client':
            sock = socket.create_connection(('127.0.0.1', target.ports[hasty]), PATIENCE)
        else:
            with contextlib.closing(socket.socket()) as listener:
                listener.settimeout(PATIENCE)
                listener.bind(('127.0.0.1', 0))
                listener.listen(1)
                target.ask('connect', listener.getsockname()[1], hasty)
                sock, _ = listener.accept()
        try:
            yield sock
        finally:
            sock.close()

    def strike(self, target, attack, contexts, number):
        """Attack once. Others are served meanwhile."""
        with self.connection(target, attack.hasty) as sock:
            peer = Attacker(sock, self.attacker, contexts, attack.version, number)
            for pause in attack.function(peer):
                if pause == 'moved':
                    self.until_nothing_moves(target)
                elif pause == 'release':
                    target.ask('release')
                if number:
                    target.answers()
                else:
                    target.serves()

    @staticmethod
    def until_nothing_moves(target):
        """Wait until the victim is stuck, as who is not read from should be."""
        before, now = None, target.ask('moved')
        while before != now:
            target.answers()
            before, now = now, target.ask('moved')

    def test_attack(self, target, contexts, attack):
        """The process lives, serves others, and is afterwards what it was before."""
        self.strike(target, attack, contexts, 0)
        before = target.at_rest()
        repeats = min(attack.repeats, 1) if PYPY else attack.repeats  # its collector takes long
        for number in range(1, repeats + 1):
            self.strike(target, attack, contexts, number)
        after = target.at_rest()
        target.serves()
        assert [] == target.ask('errors')
        if not PYPY:  # which compiles, and collects when it likes
            assert after['memory'] <= before['memory'] + GROWTH
            assert after['peak'] <= before['memory'] + PEAK


class TestAioServer(Victim):
    """Servers on Trollius, and on asyncio where Python is 3."""

    framework, attacker = 'aio', 'client'


class TestAioClient(Victim):
    """Clients on Trollius, and on asyncio where Python is 3."""

    framework, attacker = 'aio', 'server'


class TestTornadoServer(Victim):
    """Servers on Tornado."""

    framework, attacker = 'tornado', 'client'


class TestTornadoClient(Victim):
    """Clients on Tornado."""

    framework, attacker = 'tornado', 'server'
