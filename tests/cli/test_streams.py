"""Standard streams that are closed, full or unread: every command, as a shell starts it."""
from __future__ import absolute_import, division, print_function

import contextlib
import errno
import os
import signal
import subprocess
import sys

import pytest

from tests.support.commands import PATIENCE, starts_programs
from tests.support.peers import echo_tls, serving
from tests.support.programs import child, running

pytestmark = starts_programs

DEV_FULL = pytest.mark.skipif(not os.path.exists('/dev/full'), reason='there is no /dev/full')

#: What a command is run for, on standard output, without a server.
WITH_OUTPUT = [['--help'], ['--version'], ['info'], ['connect', '--help'], ['proxy', '--help'],
               ['bench', '--seconds', '0.01'], ['bench', '--seconds', '0.01', '--json']]

#: Why standard output or error cannot be written, as a shell says it.
BROKEN = ['closed', pytest.param('full', marks=DEV_FULL), 'unread']

#: What standard error says of standard output, beside the way to end.
SAID = {'closed': 'sslproto27: standard output: %s\n' % os.strerror(errno.EBADF),
        'full': 'sslproto27: standard output: %s\n' % os.strerror(errno.ENOSPC), 'unread': ''}


@contextlib.contextmanager
def broken(descriptor, how):
    """Give the keywords of Popen for a standard stream that cannot be written."""
    name = {1: 'stdout', 2: 'stderr'}[descriptor]
    if how == 'closed':
        yield {'preexec_fn': lambda: os.close(descriptor)}
    elif how == 'full':
        with open('/dev/full', 'w') as full:
            yield {name: full}
    else:
        reader, writer = os.pipe()
        os.close(reader)
        try:
            yield {name: writer}
        finally:
            os.close(writer)


@pytest.mark.parametrize('how', BROKEN)
@pytest.mark.parametrize('arguments', WITH_OUTPUT, ids=' '.join)
def test_output(arguments, how):
    """Output that cannot be written is one line; the end of its reader is SIGPIPE's, wordless."""
    with broken(1, how) as options:
        with running(['-m', 'sslproto27'] + arguments, PATIENCE, **options) as process:
            _, stderr = process.communicate()
    assert SAID[how] == stderr
    assert (-signal.SIGPIPE if how == 'unread' else 1) == process.returncode


@pytest.mark.parametrize('how', BROKEN)
@pytest.mark.parametrize('arguments, status', [
    (['--nonsense'], 2), (['connect', 'local host'], 2), (['info'], 0), (['--help'], 0),
    (['bench', '--seconds', '0.01', '--json'], 0)], ids=str)
def test_error(arguments, status, how):
    """What cannot be told changes neither the output nor the status."""
    with broken(2, how) as options:
        with running(['-m', 'sslproto27'] + arguments, PATIENCE, **options) as process:
            stdout, _ = process.communicate()
    assert (status, status == 0) == (process.returncode, bool(stdout))


@pytest.fixture
def echoes(pki):
    """Where `connect` gets its echo, and what it has to trust."""
    context = pki.server_context()

    def handle(sock):
        try:
            echo_tls(sock, context)
        except (EnvironmentError, ValueError):
            pass  # the client has gone

    with serving(handle) as port:
        yield ['localhost:%d' % port, '--cafile', pki.path('ca'), '--quiet']


@pytest.mark.parametrize('how', BROKEN[1:])
def test_connect(echoes, how):
    """`connect` blames the output, not the server, and ends while both still have much to say."""
    with broken(1, how) as options:
        with running(['-m', 'sslproto27', 'connect'] + echoes, PATIENCE, stdin=subprocess.PIPE,
                     **options) as process:
            _, stderr = process.communicate('line\n' * 200000)
    assert SAID[how] == stderr
    assert (-signal.SIGPIPE if how == 'unread' else 1) == process.returncode


def test_pipeline(echoes):
    """`connect ... | head -1` prints its line, and nothing else."""
    pipeline = ' '.join([sys.executable, '-m', 'sslproto27', 'connect'] + echoes + ['| head -1'])
    with child(['/bin/sh', '-c', pipeline], PATIENCE, stdin=subprocess.PIPE) as process:
        assert ('line\n', '') == process.communicate('line\n' * 200000)


@pytest.mark.parametrize('how', BROKEN)
def test_connect_without_error(echoes, how):
    """`connect` brings all data where the report cannot be written."""
    with broken(2, how) as options:
        with running(['-m', 'sslproto27', 'connect'] + echoes[:-1], PATIENCE,
                     stdin=subprocess.PIPE, **options) as process:
            stdout, _ = process.communicate('line\n')
    assert (0, 'line\n') == (process.returncode, stdout)


@pytest.mark.parametrize('descriptor, name', [(0, 'input'), (1, 'output')])
def test_connect_closed(descriptor, name):
    """`connect` says at once that it cannot do without a stream."""
    with running(['-m', 'sslproto27', 'connect', 'localhost:9'], PATIENCE,
                 preexec_fn=lambda: os.close(descriptor)) as process:
        assert ('', 'sslproto27: standard %s is closed\n' % name) == process.communicate()
    assert 1 == process.returncode


def test_not_blocking(echoes):
    """Input and output that somebody made non-blocking are waited for, as others are."""
    script = ('import fcntl, os, sys\nfor n in 0, 1: fcntl.fcntl(n, fcntl.F_SETFL, os.O_NONBLOCK)\n'
              'from sslproto27.__main__ import main\nsys.exit(main())')
    data = 'line\n' * 100000
    with running(['-c', script, 'connect'] + echoes, PATIENCE, stdin=subprocess.PIPE) as process:
        stdout, stderr = process.communicate(data)
    assert (0, '', True) == (process.returncode, stderr, data == stdout)
