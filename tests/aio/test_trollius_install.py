"""
`sslproto27.trollius.install` and `uninstall`, and what `sslproto27.install` alone does to Trollius.
"""
from __future__ import absolute_import, division, print_function

import os

import pytest

from tests.support.memory import PY2, raised

if not PY2:
    pytest.skip('Trollius is for Python 2.7', allow_module_level=True)

import trollius

import sslproto27.trollius


class TestPolicy(object):
    @pytest.fixture(autouse=True)
    def restore(self):
        """Leave the policy as it was."""
        before = trollius.get_event_loop_policy()
        yield
        trollius.set_event_loop_policy(before)

    def test_install(self):
        """
        install makes new loops ours, as often as it is called; uninstall undoes it, as often as it
        is called.
        """
        default = type(trollius.get_event_loop_policy())
        sslproto27.trollius.install()
        policy = trollius.get_event_loop_policy()
        assert sslproto27.trollius.EventLoopPolicy is type(policy)
        sslproto27.trollius.install()
        assert policy is trollius.get_event_loop_policy()
        loop = trollius.new_event_loop()
        loop.close()
        assert sslproto27.trollius.SelectorEventLoop is type(loop)
        for _ in range(2):
            sslproto27.trollius.uninstall()
            assert default is type(trollius.get_event_loop_policy())
        loop = trollius.new_event_loop()
        loop.close()
        assert sslproto27.trollius.SelectorEventLoop is not type(loop)

    def test_other_policy(self):
        """uninstall gives back the very policy that was there before, with its loops."""
        class Other(type(trollius.get_event_loop_policy())):
            pass
        other = Other()
        trollius.set_event_loop_policy(other)
        sslproto27.trollius.install()
        sslproto27.trollius.install()
        sslproto27.trollius.uninstall()
        assert other is trollius.get_event_loop_policy()

    @pytest.mark.skipif(os.name != 'posix', reason='only there has Trollius child watchers')
    def test_child_watcher(self):
        """A child watcher that the program has set stays."""
        watcher = trollius.FastChildWatcher()
        trollius.set_child_watcher(watcher)
        try:
            sslproto27.trollius.install()
            assert watcher is trollius.get_child_watcher()
            sslproto27.trollius.uninstall()
            assert watcher is trollius.get_child_watcher()
        finally:
            trollius.set_child_watcher(None)

    def test_uninstall_alone(self):
        """uninstall leaves a policy that is not ours alone."""
        class Other(type(trollius.get_event_loop_policy())):
            pass
        other = Other()
        trollius.set_event_loop_policy(other)
        sslproto27.trollius.uninstall()
        assert other is trollius.get_event_loop_policy()

    @pytest.mark.parametrize('call', [
        lambda loop: sslproto27.trollius.open_connection('127.0.0.1', 1, loop=loop),
        lambda loop: sslproto27.trollius.start_server(None, '127.0.0.1', 0, loop=loop),
    ], ids=['open_connection', 'start_server'])
    def test_wrong_loop(self, call):
        """A loop that is not ours gets TypeError that says how to get one, given or current."""
        loop = trollius.SelectorEventLoop()
        try:
            trollius.set_event_loop(loop)
            error, current = [
                raised(loop.run_until_complete, call(which)) for which in (loop, None)]
        finally:
            trollius.set_event_loop(None)
            loop.close()
        assert (TypeError, TypeError) == (type(error), type(current))
        assert 'install' in str(error)


NAMES_ONLY = '''
import sslproto27
%s
import ssl, socket
loop = trollius.SelectorEventLoop()
ours, theirs = [socket.socket(_sock=sock) for sock in socket.socketpair()]
ours.setblocking(False)
waiter = trollius.Future(loop=loop)
transport = loop._make_ssl_transport(
    ours, trollius.Protocol(), ssl.SSLContext(ssl.PROTOCOL_SSLv23), waiter)
print(type(transport).__module__)
transport.abort()
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
sslproto27.uninstall()
print(trollius.sslproto._is_sslproto_available())
ssl.MemoryBIO = None
print(trollius.sslproto._is_sslproto_available())
'''


def test_other_version(run_python):
    """A Trollius that is not supported is refused, by its version and those that are."""
    finished = run_python('''
import trollius
from sslproto27._core import versions
assert '2.' == versions.installed_version(trollius, 'trollius')[:2]
versions.installed_version = lambda module, distribution: '1.0.4'
for _ in range(2):
    try:
        import sslproto27.trollius
    except ImportError as error:
        print(error)
''', warnings='ignore')
    expected = 'Trollius 1.0.4 is not supported, but 2.1 to 2.2\n'
    assert 2 * expected == finished.stdout, finished.stderr


class TestNamesOnly(object):
    """sslproto27.install() alone, and Trollius' own loops."""

    @pytest.mark.parametrize('lines', [
        ['import trollius', 'sslproto27.install()'], ['sslproto27.install()', 'import trollius'],
        ['sslproto27.install()', 'sslproto27.install()', 'import trollius'],
        ['sslproto27.install()', 'import trollius', 'sslproto27.install()'],
        ['sslproto27.install()', 'sslproto27.uninstall()', 'sslproto27.install()',
         'import trollius'],
        ['sslproto27.install()', 'import trollius.sslproto', 'reload(trollius.sslproto)'],
        ['import trollius.sslproto', 'sslproto27.install()', 'reload(trollius.sslproto)'],
        ['sslproto27.install()', 'sslproto27.uninstall()', 'import trollius'],
        ['import sslproto27.trollius, trollius', 'sslproto27.install()']])
    def test_own_protocol(self, run_python, lines):
        """
        They never switch to Trollius' own sslproto, in whatever order; uninstall() lets it look.
        """
        child = run_python(NAMES_ONLY % '\n'.join(lines))
        assert (0, '') == (child.returncode, child.stderr)
        assert ['trollius.selector_events', 'False', 'True'] == child.stdout.split()

    def test_missing(self, run_python):
        """Whatever else is imported of Trollius, or is not there, is found or not as ever."""
        child = run_python('''
import sys, sslproto27
sslproto27.install()
try:
    import trollius.nothing
except ImportError:
    print('no such module')
import trollius.sslproto
print(len(sys.meta_path), trollius.sslproto.__name__)
''')
        assert (0, '') == (child.returncode, child.stderr)
        assert 'no such module' in child.stdout and 'trollius.sslproto' in child.stdout
