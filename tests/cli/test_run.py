"""``run``: programs that know nothing of this library, as they are started by python."""
from __future__ import absolute_import, division, print_function

import os
import subprocess

import pytest

from tests.support.commands import INSTALLED, PATIENCE, fails_here, run, starts_programs
from tests.support.memory import PY2, only_python2
from tests.support.programs import child, environment, finish, running

pytestmark = starts_programs

PROGRAM = '''
from __future__ import print_function
import os, ssl, sys
print(sys.argv, __name__, sys.modules['__main__'].__dict__ is globals(), sys.path[:1],
      'SSLPROTO27_RUN' in os.environ, os.environ.get('PYTHONPATH'))
print(hasattr(ssl, 'MemoryBIO'))
sys.stdout.flush()
import %s
sys.exit(7)
'''


@only_python2
class TestRun(object):
    """On Python 2.7, which lacks what is patched in."""

    @pytest.mark.parametrize('as_module', [False, True])
    def test_like_python(self, program, tmpdir, as_module):
        """Arguments, __main__, sys.path, environment and status are those that python gives."""
        path = program(PROGRAM % 'json')
        env = environment()
        env['PYTHONPATH'] += os.pathsep + str(tmpdir)
        start = ['-m', 'program'] if as_module else [path]
        arguments = start + ['a', '-m', '--trollius', '--help']
        expected = finish(arguments, env=env)
        assert (7, '') == (expected[0], expected[2])
        # The last line tells of MemoryBIO, which is all that is new.
        assert expected[1].endswith('False\n')
        assert (7, expected[1][:-len('False\n')] + 'True\n', '') == run(*arguments, env=env)

    @pytest.mark.parametrize('value', [None, '', os.pathsep, os.pathsep + '/a', '/a' + os.pathsep])
    def test_python_path(self, program, value):
        """An empty PYTHONPATH, or an empty part of it, is the current folder, as for python."""
        path = program('import os, sys\nprint(sys.path, os.environ.get("PYTHONPATH"))\n')
        env = environment()
        del env['PYTHONPATH']
        if value is not None:
            env['PYTHONPATH'] = value
        expected = finish([path], env=env)
        assert expected[1].endswith(' %r)\n' % (value,))
        assert expected == run(path, env=env)

    @pytest.mark.parametrize('start', [['SCRIPT'], ['-m', 'program'], ['-mprogram'],
                                       ['--', 'SCRIPT'], ['-']], ids=' '.join)
    @pytest.mark.parametrize('arguments', [
        ['--', 'a', '-h', '--t', '5', '-m', 'other', '@file'], ['--t=5', '--sockets', '--', ''],
        ['a', '--to', 'x', '--', '-- x', '-5']], ids=' '.join)
    def test_arguments(self, program, tmpdir, start, arguments):
        """Behind its name all arguments are the program's, whatever they look like."""
        text = 'import sys\nprint(sys.argv)\n'
        path = program(text)
        program('', 'other.py')
        start = [path if one == 'SCRIPT' else one for one in start]
        with tmpdir.as_cwd():
            with running(start + arguments, PATIENCE, stdin=subprocess.PIPE,
                         cwd=str(tmpdir)) as process:
                expected = process.communicate(text)
            assert expected[0].endswith(repr(arguments)[1:] + '\n'), expected
            assert (0,) + expected == run('--urllib3', *start + arguments, input=text,
                                          cwd=str(tmpdir))

    def test_traceback(self, program):
        """A traceback has the program's frames alone."""
        path = program('def f():\n    raise ValueError("no")\nf()\n')
        assert finish([path]) == run(path)

    def test_missing(self):
        """A script that is not there is python's to tell of."""
        assert finish(['/nowhere.py']) == run('/nowhere.py')

    @pytest.mark.parametrize('options', [
        '', '-u', '-uB', '-Bu', '-W ignore -u', '-Wignore -u', '-Bu -Wignore', '-Qnew', '-Q new',
        '-Qwarn', '-Qwarnall', '-i', '-t', '-tt', '-R', '-O', '-OO', '-3', '-b', '-s', '-Qnew -ui',
        '-W u', '-Wu'])
    def test_interpreters_options(self, program, options):
        """python's own options are for the program, too."""
        path = program('''
import os, sys
print([getattr(sys.flags, name) for name in dir(sys.flags) if name[0] != '_'])
print(sys.warnoptions)
sys.stdout.flush()
sys.stdout.write("unbuffered")
if not sys.flags.inspect:
    os._exit(0)
''')
        typed = 'import os; sys.stdout.flush(); os._exit(6 * 7)\n'
        options = options.split()
        expected, found = [], []
        for outcome, start in ((expected, []), (found, ['-m', 'sslproto27', 'run'])):
            with running(options + start + [path], PATIENCE, stdin=subprocess.PIPE) as process:
                outcome.append(process.communicate(typed)[0])
                outcome.append(process.returncode)
        assert expected == found
        assert ('-i' in options or '-ui' in options) == (expected[1] == 42)

    @pytest.mark.parametrize('framework', ['twisted', 'trollius'])
    def test_framework_as_module(self, framework):
        """A framework can be what is run; what it lacks for that is python's to tell of."""
        pytest.importorskip(framework, reason='it is what is run')
        expected, found = finish(['-m', framework]), run('-m', framework)
        assert expected[:2] == found[:2]
        assert expected[2].splitlines()[-1] == found[2].splitlines()[-1]

    @pytest.mark.parametrize('start', [['SCRIPT'], ['program.py']], ids=' '.join)
    def test_folder_that_is_gone(self, program, tmpdir, start):
        """A program that python can start where the current folder is gone starts."""
        path = program('print(7)\n')
        gone = tmpdir.mkdir('gone')

        def enter():
            os.chdir(str(gone))
            os.rmdir(str(gone))

        start = [path if one == 'SCRIPT' else one for one in start]
        expected = finish(start, preexec_fn=enter)
        gone.ensure(dir=True)
        assert expected == finish(INSTALLED + start, preexec_fn=enter)
        assert ('7\n' if start == [path] else '') == expected[1]

    def test_fifo(self, tmpdir):
        """A program can come through a FIFO, which can be read only once."""
        path = str(tmpdir.join('fifo'))
        os.mkfifo(path)
        with child(['sh', '-c', 'echo "print(7)" > fifo'], cwd=str(tmpdir)) as writer:
            assert (0, '7\n', '') == run(path)
            assert 0 == writer.wait()

    @pytest.mark.parametrize('arguments', [[], ['-m'], ['--trollius']])
    def test_nothing_to_run(self, arguments, capsys):
        """Without a program there is nothing to do."""
        assert 'run needs a SCRIPT, or -m MODULE' == fails_here(
            capsys, 'run', *arguments, status=2)


@pytest.mark.skipif(PY2, reason='it runs there')
def test_python3(capsys):
    """On Python 3, which has it all, it says so."""
    assert fails_here(capsys, 'run', 'x.py').startswith('run needs Python 2.7')
