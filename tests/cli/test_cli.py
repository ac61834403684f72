"""What the commands have in common, and ``info``."""
from __future__ import absolute_import, division, print_function

import re
import signal
import ssl
import sys
import time

import pytest
import six

import sslproto27
from sslproto27.__main__ import main
from sslproto27._cli.certificates import print_tree
from sslproto27._cli.console import Console, UserError, printable
from sslproto27._core.pair.limits import LIMITS
from tests.support.commands import Screen, command, on_terminal
from tests.support.memory import PY2, only_python2

DAY = 86400


class TestConsole(object):
    @pytest.mark.parametrize('text, shown', [
        (u'plain', u'plain'), (b'bytes', u'bytes'), (7, u'7'), (u'\x1b[2J', u'\\x1b[2J'),
        (u'a\nb', u'a\\x0ab'), (u'\x9b2J', u'\\x9b2J'), (u'\u202ea.b', u'\\x202ea.b'),
        (u'M\xfcller', u'M\xfcller'), (b'\xff', u'\ufffd')])
    def test_printable(self, text, shown):
        """Nothing that a peer has chosen can give orders to a terminal, or turn text round."""
        assert shown == printable(text)

    @pytest.mark.parametrize('error, shown', [
        (IOError(2, 'No such file', b'x'), u'No such file'), (ValueError('bad'), u'bad'),
        (ValueError(u'b\xe4d'), u'b\xe4d'), (ValueError(u'b\xe4d'.encode('utf-8')), u'b\xe4d'),
        (ssl.SSLError('bad'), u'bad'), (ValueError(), u'ValueError')])
    def test_error(self, error, shown):
        """An error is its reason, whatever that is made of."""
        assert shown == printable(error)

    def test_user_error(self):
        """What the user has given goes into a message in any encoding, beside other text."""
        error = UserError('%s, %s, %s: %d', u'\xf6', u'\xf6'.encode('utf-8'), b'\xff\n', 7)
        assert u'\xf6, \xf6, \ufffd\\x0a: 7' == error.args[0]
        assert error.args[0] == printable(str(error))

    @pytest.mark.parametrize('kind', [str, six.text_type])
    def test_error_of_c(self, kind):
        """Where in C an error was raised is of no use, be its text of either kind, and noted."""
        assert u'no ca (note)' == printable(ssl.SSLError(1, kind('no ca (_ssl.c:3063) (note)')))

    def test_encoding(self):
        """What the stream cannot encode is escaped."""
        screen = Screen()
        Console(screen).line(u'M\xfcller')
        assert u'M\\xfcller\n' == screen.shown

    def test_file(self):
        """A file gets neither colours nor progress."""
        screen = Screen()
        console = Console(screen)
        console.progress('on it')
        console.line(('bad', 'no'), ' more')
        assert u'no more\n' == screen.shown

    def test_terminal(self, monkeypatch):
        """A terminal gets both, and the progress is wiped off by the next line."""
        monkeypatch.delenv('NO_COLOR', raising=False)
        monkeypatch.setenv('TERM', 'xterm')
        screen = Screen(is_terminal=True)
        console = Console(screen)
        console.progress('on it')
        console.line(('bad', u'no\x1b'), ' more')
        assert (u'\x1b[2mon it\x1b[0m' u'\r\x1b[K' u'\x1b[1;31mno\\x1b\x1b[0m more\n'
                == screen.shown)

    @pytest.mark.parametrize('value, coloured', [('1', False), ('', True)])
    def test_no_color(self, value, coloured, monkeypatch):
        """NO_COLOR counts when it is not empty (no-color.org)."""
        monkeypatch.setenv('TERM', 'xterm')
        monkeypatch.setenv('NO_COLOR', value)
        screen = Screen(is_terminal=True)
        Console(screen).line(('good', 'yes'))
        assert coloured == (u'\x1b' in screen.shown)


class TestTree(object):
    """Certificates for people."""

    def tree(self, chain, now):
        """Return the lines of a tree."""
        screen = Screen()
        print_tree(Console(screen), chain, now)
        return screen.shown.splitlines()

    def valid(self, pki, days):
        """Return what is said of 'expired', valid for 59 days until yesterday, *days* after now."""
        tree = self.tree(pki.chain('expired'), time.time() + days * DAY)
        return [line for line in tree if 'valid' in line][0].rpartition(', ')[2]

    @pytest.mark.parametrize('days, said', [
        (-62, 'not valid for another 2 days'), (-41, '39 days left'), (-2, '0 days left'),
        (1, 'expired 2 days ago'), (0, 'expired 1 day ago')])
    def test_days(self, pki, days, said):
        """Days until a certificate is valid, are left, or have gone since."""
        assert said == self.valid(pki, days)

    def test_names(self, pki):
        """Names that are no hosts have their kind; text that is not ASCII is escaped here."""
        tree = self.tree(pki.chain('rich'), time.time())
        assert tree[0].startswith('M\\xfcller, sslproto27 tests  issued by trustme')
        names = [line for line in tree if 'names' in line][0]
        assert 'localhost, email:someone@example.org, URI:https://example.org/' in names
        assert [line for line in tree if line.split() == ['serial', '0ABC']]

    def test_malformed(self, pki):
        """A certificate that cannot be decoded is said to be so, and has a fingerprint."""
        tree = self.tree([b'nonsense'] + pki.chain('localhost'), time.time())
        assert '`- (certificate: ' in tree[-2]
        assert 'SHA-256' in tree[-1]


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


def help_of(capsys, *arguments):
    """Return what ``--help`` prints."""
    with pytest.raises(SystemExit) as info:
        main(arguments + ('--help',))
    stdout, stderr = capsys.readouterr()
    assert (0, '') == (info.value.code or 0, stderr)
    return stdout


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


def test_help(capsys):
    """Each command is in --help, and has its own, without what it needs being there."""
    names = re.findall('^    ([a-z]+) ', help_of(capsys), re.MULTILINE)
    assert ['info', 'demo', 'connect', 'serve', 'proxy', 'run', 'bench'] == names
    for name in names:
        text = help_of(capsys, name)
        assert text.startswith('usage: sslproto27 %s ' % name)
        assert '\n\n' in text
