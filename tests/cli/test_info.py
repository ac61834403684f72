"""``info``: what it says, and that it says so whatever is missing."""
from __future__ import absolute_import, division, print_function

import re
import signal
import sys

import pytest

import sslproto27
from sslproto27.__main__ import main
from sslproto27._core.pair.limits import LIMITS
from tests.support.commands import command, on_terminal
from tests.support.memory import PY2, only_python2


class TestInfo(object):
    """``info``."""

    def test_facts(self):
        """It tells what it runs on and what can be used, with reasons."""
        status, stdout, stderr = command('info')
        assert (0, '') == (status, stderr)
        shown = dict((line[:13].strip(), line[13:]) for line in stdout.splitlines())
        assert sslproto27.__version__ == shown['sslproto27']
        assert sys.executable in shown['interpreter']
        assert 'memory BIOs' in shown['engine']
        assert ('yes' if PY2 else "no: No module named 'trollius'") == shown['trollius']

    def here(self, capsys):
        """Return the facts that it tells in this process, a dict."""
        assert 0 == main(['info'])
        return dict((line[:13].strip(), line[13:])
                    for line in capsys.readouterr()[0].splitlines())

    @pytest.mark.parametrize('folder, expected', [
        ('', 'none, looked for in nowhere'), ('/', 'looked up when needed in /')])
    def test_authorities(self, folder, expected, monkeypatch, capsys):
        """Where no authority is loaded it says so, and where OpenSSL looks for them if it can."""
        monkeypatch.setenv('SSL_CERT_FILE', '/nowhere')
        monkeypatch.setenv('SSL_CERT_DIR', folder)
        assert expected == self.here(capsys)['authorities']

    def test_no_openssl_command(self, monkeypatch, capsys):
        """Without the openssl command it says so, and goes on."""
        monkeypatch.setenv('PATH', '/nowhere')
        assert 'no command of that name: No such file' in self.here(capsys)['openssl']

    def test_late_import(self, monkeypatch, capsys):
        """A module of ours that imports its framework late is not usable without that."""
        monkeypatch.setitem(sys.modules, 'urllib3', None)
        assert self.here(capsys)['urllib3'].startswith('no: ')

    def test_colours(self):
        """It has colours on a terminal."""
        status, shown = on_terminal('info')
        assert status == 0
        assert b'\x1b[32myes\x1b[0m' in shown

    @only_python2
    def test_no_engine(self, run_python):
        """Where OpenSSL cannot be reached it says why, and the status is 1."""
        finished = run_python('''
import os, sys
os.environ['SSLPROTO27_ENGINE'] = 'graft'
from sslproto27._core.engine import Unavailable
import sslproto27._core.bio as module
module.new_bio = Unavailable('no OpenSSL in sight')
from sslproto27.__main__ import main
sys.exit(main(['info']))
''')
        assert (1, '') == (finished.returncode, finished.stderr)
        assert re.search('engine +none: no OpenSSL in sight\n', finished.stdout)

    def test_closed_pipe(self, run_python):
        """Whoever stops reading gets no traceback."""
        finished = run_python('''
import os, sys
reader, writer = os.pipe()
os.close(reader)
os.dup2(writer, 1)
from sslproto27.__main__ import main
sys.exit(main(['info']))
''')
        assert (-signal.SIGPIPE, '', '') == finished


@only_python2
def test_as_on_windows(run_python):
    """Without what Windows lacks, signals say, `info` tells why the pair is the engine."""
    status, stdout, stderr = run_python('''
import os, signal, sys
del signal.SIGHUP, signal.SIGCHLD
sys.modules['resource'] = None
try:
    import _pypy_openssl as extension
    extension.__file__ = '/nonexistent/library.so'
except ImportError:
    import _ctypes, _ssl
    _ssl.__file__ = _ctypes.__file__
from sslproto27.__main__ import main
print(main(['info']))
del os.fork
print(main(['proxy', '--listen', ':0', '--to', 'localhost:1', '--to-tls']))
''')
    lines = stdout.splitlines()
    assert (0, '0', '1') == (status, lines[-2], lines[-1])
    assert [] != [line for line in lines if line.startswith('engine') and 'pair' in line]
    assert [] != [line for line in lines if line.startswith('because')]
    assert len(LIMITS) == len([line for line in lines if line.startswith('lacks')])
    assert stderr.startswith('sslproto27: proxy needs ') and 1 == stderr.count('\n')
