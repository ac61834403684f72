"""The command line where nothing can be imported: one line, and no traceback."""
from __future__ import absolute_import, division, print_function

import os

import pytest

from tests.support.memory import only_python2
from tests.support.programs import environment, finish

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


class TestInterrupt(object):
    """Ctrl-C before a command has begun, and when it has ended."""

    #: A module that is found before Python's own: the command is interrupted as it imports that.
    STUB = 'import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n'

    def outcome(self, tmpdir, name, arguments):
        """Return (status, stdout, stderr) of an interpreter that finds the stub as *name*."""
        tmpdir.mkdir('stubs').join(name + '.py').write(self.STUB)
        path = os.pathsep.join([str(tmpdir.join('stubs')), environment()['PYTHONPATH']])
        return finish(arguments, env=dict(os.environ, PYTHONPATH=path))

    @pytest.mark.parametrize('name', ['ssl', 'argparse'])
    def test_module(self, tmpdir, name):
        """While our modules are imported it ends silently, by -m."""
        assert (130, '', '') == self.outcome(tmpdir, name, ['-m', 'sslproto27', 'info'])

    @pytest.mark.parametrize('name', ['ssl', 'argparse'])
    def test_script(self, tmpdir, name):
        """So does the installed script."""
        tmpdir.join('sslproto27').write(SCRIPT)
        assert (130, '', '') == self.outcome(tmpdir, name, [str(tmpdir.join('sslproto27')), 'info'])

    @pytest.mark.parametrize('name', ['ssl', 'argparse'])
    def test_other_program(self, tmpdir, name):
        """Any other program gets the exception."""
        status, stdout, stderr = self.outcome(tmpdir, name, ['-c', SCRIPT, 'info'])
        assert '' == stdout and stderr.endswith('KeyboardInterrupt\n')
        assert status

    def test_end(self, tmpdir):
        """When the command has ended nothing more is said, and its output is complete."""
        script = 'from sslproto27.__main__ import main\nmain()\n' + self.STUB
        tmpdir.join('sslproto27').write(script)
        status, stdout, stderr = finish([str(tmpdir.join('sslproto27')), 'info'])
        assert (130, '') == (status, stderr)
        assert stdout.startswith('sslproto27 ') and stdout.endswith('\n')
