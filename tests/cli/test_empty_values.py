"""An option whose value is '', such as a shell's variable that is not set: never a weaker check."""
from __future__ import absolute_import, division, print_function

import argparse

import pytest

from sslproto27 import __main__ as command_line
from sslproto27._cli import connect, proxy, serve
from tests.support.engines import ENGINE
from tests.support.memory import PY2

#: What each command needs, besides the option in question; CERT stands for a file. An option can
#: need another one, so each is tried behind few others and behind many.
FEW = {'connect': ['localhost:9'], 'serve': [],
       'proxy': ['--listen', '127.0.0.1:0', '--to', 'localhost:9', '--to-tls'],
       'bench': ['--seconds', '0.001']}
MANY = {'connect': ['localhost:9', '--proxy', 'https://localhost:9', '--cert', 'CERT'],
        'serve': ['--cert', 'CERT'],
        'proxy': FEW['proxy'] + ['--cert', 'CERT']}


def options():
    """Return (command, name) for each option that takes a value; the name is '' for an argument."""
    commands = next(one for one in command_line._parser()._actions
                    if isinstance(one, argparse._SubParsersAction)).choices
    return [(command, action.option_strings[-1] if action.option_strings else '')
            for command, parser in sorted(commands.items())
            if command != 'run'  # its arguments are for python
            for action in parser._actions if action.nargs in (None, '?')]


@pytest.fixture
def refusal(pki, capsys, monkeypatch):
    """A function that returns the status and the line of a command which must not begin to work."""
    def begin(*args, **kwargs):
        pytest.fail('it takes the empty value for none')

    for owner, name in [(serve, 'bound'), (proxy, 'bound'), (connect.socket, 'create_connection')]:
        monkeypatch.setattr(owner, name, begin)

    def run(*arguments):
        arguments = [pki.path('localhost') if one == 'CERT' else one for one in arguments]
        try:
            status = command_line.main(arguments)
        except SystemExit as error:
            status = error.code
        stdout, stderr = capsys.readouterr()
        assert ('', 1) == (stdout, stderr.count('\n')), stderr
        return status, stderr

    return run


def test_all_are_found():
    """All commands' files are among what is tried, so that nothing below passes by chance."""
    found = options()
    assert set([('connect', '--cafile'), ('proxy', '--client-ca'), ('serve', ''),
                ('serve', '--cert'), ('bench', '--seconds')]) <= set(found)
    assert 40 < len(found)


@pytest.mark.parametrize('command, option, others', [
    one + (others,) for others in (FEW, MANY) for one in options()
    if one[0] in others],
    ids=lambda one: one if isinstance(one, str) else 'few' if one is FEW else 'many')
def test_refused(refusal, command, option, others):
    """The command says what is wrong, and does not begin to work."""
    given = others[command] + [option] if option else []
    status, line = refusal(command, *given + [''])
    assert status in (1, 2), line


#: (command, its other arguments, option) for each file.
FILES = [('connect', FEW, '--cafile'), ('connect', FEW, '--cert'), ('connect', MANY, '--key'),
         ('connect', MANY, '--proxy-cafile'), ('serve', FEW, '--cert'), ('serve', MANY, '--key'),
         ('serve', MANY, '--client-ca')]
if PY2:
    if ENGINE != 'pair':  # which cannot resume, and says so
        FILES.append(('connect', FEW, '--session-in'))
    FILES += [('connect', FEW, '--session-out')] + [
        ('proxy', MANY, option) for option in (
            '--cert', '--client-ca', '--ticket-keys', '--to-cafile', '--to-cert', '--access-log')]


@pytest.mark.parametrize('command, others, option', FILES)
def test_file(refusal, command, others, option):
    """There is no file of that name, which is said as for any other."""
    assert (1, 'sslproto27: %s : No such file or directory\n' % option) == refusal(
        command, *others[command] + [option, ''])


def test_key_without_certificate(refusal):
    """An empty name of a key needs a certificate, as any other does."""
    for given in (['connect', 'localhost:9'], ['serve']):
        assert (2, 'sslproto27: --key needs --cert\n') == refusal(*given + ['--key', ''])


def test_proxy_authorities_without_proxy(refusal):
    """What is to verify a proxy has no effect without one."""
    assert (2, 'sslproto27: --proxy-cafile needs --proxy\n') == refusal(
        'connect', 'localhost:9', '--proxy-cafile', 'x')
