"""The command line."""
from __future__ import absolute_import, division, print_function

import os

import pytest

import sslproto27
from sslproto27.__main__ import main
from tests.support.commands import command, fails
from tests.support.memory import PY2, only_python2
from tests.support.programs import environment, finish


def test_version():
    """--version prints the package's version."""
    status, stdout, stderr = command('--version')
    # argparse of 2.7 prints it on stderr
    assert (0, sslproto27.__version__) == (status, (stdout + stderr).strip())


def test_help_names_the_commands():
    """--help names every command."""
    status, stdout, _ = command('--help')
    assert status == 0
    assert 'demo' in stdout


@pytest.mark.parametrize('arguments', [(), ('nonsense',), ('demo', 'surplus')])
def test_usage(arguments):
    """A wrong command line ends in status 2 and one line that says where to look."""
    status, stdout, stderr = command(*arguments)
    assert (2, '') == (status, stdout)
    assert stderr.startswith('sslproto27') and stderr.endswith(' --help)\n')
    assert 1 == stderr.count('\n')


@pytest.mark.parametrize('command_line', [
    ['connect', 'localhost:9'], ['serve'],
    ['proxy', '--listen', ':0', '--to', 'localhost:9', '--cert', 'x']], ids=lambda one: one[0])
@pytest.mark.parametrize('name', [b'\xc3\xa9', b'\xff', b'\0' if PY2 else b''])
def test_alpn(command_line, name, capsys):
    """A name of a protocol that cannot be sent is one line, with the option."""
    with pytest.raises(SystemExit) as info:
        main(command_line + ['--alpn', name if PY2 else os.fsdecode(name)])
    stdout, stderr = capsys.readouterr()
    assert (2, '', 1) == (info.value.code, stdout, stderr.count('\n'))
    assert 'argument --alpn: ' in stderr
    assert 'is not a name of 1 to 255 ASCII characters' in stderr


@pytest.mark.skipif(PY2, reason='these commands work on Python 2.7')
@pytest.mark.parametrize('arguments', [
    ('demo',), ('proxy', '--listen', ':0', '--to', 'localhost:9', '--to-tls')])
def test_python3(arguments):
    """Commands on Trollius say that they need Python 2.7: installing it would not help."""
    assert fails(*arguments) == (
        '%s needs Python 2.7: it runs on Trollius, which Python 3 does not have' % arguments[0])


@only_python2
@pytest.mark.parametrize('arguments, needs', [
    (('demo',), 'Trollius and trustme'),
    (('proxy', '--listen', ':0', '--to', 'localhost:9', '--to-tls'), 'Trollius')])
def test_no_trollius(run_python, arguments, needs):
    """Without Trollius the commands that need it say in one line how to install it."""
    finished = run_python('''
import sys
sys.modules['trollius'] = None
from sslproto27.__main__ import main
sys.exit(main(%r))
''' % (list(arguments),))
    assert (1, '', 'sslproto27: %s needs %s: No module named trollius; pip install %s\n' % (
        arguments[0], needs, needs.lower().replace(' and', ''))) == finished


SCRIPT = """
import sys
from sslproto27.__main__ import main
sys.exit(main())
"""


@only_python2
class TestWrongEngine(object):
    """SSLPROTO27_ENGINE with a wrong value; on Python 3 the variable means nothing."""

    LINE = "SSLPROTO27_ENGINE must be 'graft' or 'pair', not 'PAIR'\n"

    def outcome(self, *arguments):
        """Return (status, stdout, stderr) of an interpreter with the wrong value."""
        return finish(arguments, env=dict(environment(), SSLPROTO27_ENGINE='PAIR'))

    @pytest.mark.parametrize('arguments', [
        (), ('--help',), ('info',), ('demo',), ('connect', 'localhost:9'), ('serve',),
        ('proxy', '--listen', ':0', '--to', 'localhost:9', '--to-tls'), ('run', 'nothing.py'),
        ('bench',)])
    @pytest.mark.parametrize('module', ['sslproto27', 'sslproto27.__main__'])
    def test_module(self, module, arguments):
        """Every command by -m prints one line, with status 2."""
        assert (2, '', 'sslproto27: ' + self.LINE) == self.outcome('-m', module, *arguments)

    @pytest.mark.parametrize('name', ['sslproto27', 'sslproto27-script.py'])
    def test_script(self, tmpdir, name):
        """So does the installed script."""
        tmpdir.join(name).write(SCRIPT)
        found = self.outcome(str(tmpdir.join(name)), 'info')
        assert (2, '', 'sslproto27: ' + self.LINE) == found

    def test_no_stderr(self):
        """The status is the same if standard error is closed."""
        code = ('import os, sys; os.close(2);'
                ' os.execl(sys.executable, sys.executable, "-m", "sslproto27", "info")')
        assert (2, '', '') == self.outcome('-c', code)

    def test_other_program(self, tmpdir):
        """Any other program gets the exception, whether it is a script or a module."""
        tmpdir.join('program.py').write(SCRIPT)
        path = os.pathsep.join([str(tmpdir), environment()['PYTHONPATH']])
        for arguments in (str(tmpdir.join('program.py')),), ('-m', 'program'), ('-c', SCRIPT):
            status, stdout, stderr = finish(
                arguments, env=dict(os.environ, PYTHONPATH=path, SSLPROTO27_ENGINE='PAIR'))
            assert (1, '') == (status, stdout)
            assert stderr.startswith('Traceback') and stderr.endswith('ValueError: ' + self.LINE)


@only_python2
class TestDemo(object):
    """``python -m sslproto27 demo``; PyPy has no trustme."""

    @pytest.fixture(scope='class')
    def shown(self):
        """What demo prints, in lines without indentation."""
        pytest.importorskip('trustme', reason='demo makes its certificates with trustme')
        status, stdout, stderr = command('demo')
        assert (0, '') == (status, stderr)
        return [line.strip() for line in stdout.splitlines()]

    def test_our_client(self, shown):
        """Our client speaks TLS 1.3, verifies the certificate, agrees on ALPN and gets its echo."""
        facts = dict(line.split(None, 1) for line in shown[3:8])
        assert sorted(facts) == ['ALPN', 'certificate', 'cipher', 'echo', 'version']
        assert facts['version'] == 'TLSv1.3'
        assert facts['cipher'].startswith('TLS_')
        assert facts['certificate'] == 'verified, for localhost'
        assert facts['ALPN'] == 'echo'
        assert facts['echo'] == 'Hello from the memory of Python 2.7'

    def test_no_other_program(self):
        """Without the openssl command it says so, and is content."""
        pytest.importorskip('trustme', reason='demo makes its certificates with trustme')
        status, stdout, stderr = command('demo', env=dict(environment(), PATH='/nowhere'))
        assert (0, '') == (status, stderr)
        assert 'openssl cannot be run here: ' in stdout

    def test_another_program(self, shown):
        """openssl s_client verifies the same server, agrees on ALPN and gets its echo."""
        theirs = shown[shown.index('A client of another program, openssl s_client:'):]
        if 'openssl cannot be run here' in theirs[1]:
            pytest.skip(theirs[1])
        assert 'Verification: OK' in theirs
        assert 'ALPN protocol: echo' in theirs
        assert [line for line in theirs if line.startswith('New, TLSv1.3, Cipher is ')]
        assert 'echo: Hello from the memory of Python 2.7' in theirs
