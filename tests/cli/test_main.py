"""The command line."""
from __future__ import absolute_import, division, print_function

import pytest

import sslproto27
from sslproto27.__main__ import main
from tests.support.commands import command, fails
from tests.support.memory import PY2, only_python2


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


@pytest.mark.parametrize('arguments, expected', [
    (['connect', 'localhost:9', '--tls', 'gr\xc3\xb6\xc3\x9fe'],
     'sslproto27 connect: argument --tls: gr\xc3\xb6\xc3\x9fe is not one of 1.2, 1.3'),
    (['\xc3\xbc'], 'sslproto27: argument COMMAND: \xc3\xbc is not one of info, demo, ')],
    ids=['option', 'command'])
def test_choice(arguments, expected, capsys):
    """A word that is none of the choices is shown as it was written."""
    if not PY2:
        arguments = [one.encode('latin-1').decode('utf-8') for one in arguments]
        expected = expected.encode('latin-1').decode('utf-8')
    with pytest.raises(SystemExit) as info:
        main(arguments)
    stdout, stderr = capsys.readouterr()
    if PY2:
        stderr = stderr.encode('utf-8')
    assert (2, '', 1) == (info.value.code, stdout, stderr.count('\n'))
    assert stderr.startswith(expected)


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
