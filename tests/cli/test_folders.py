"""Temporary folders: what is in them, and that they go."""
from __future__ import absolute_import, division, print_function

import signal

import pytest

from sslproto27._cli.folders import ending_in_order
from tests.support.commands import fails_here, started, starts_programs
from tests.support.programs import environment, running

pytestmark = starts_programs


@pytest.mark.parametrize('number', [signal.SIGHUP, signal.SIGTERM])
def test_folder(tmpdir, number):
    """The key is in no file once it serves, and a signal, also twice, leaves nothing there."""
    pytest.importorskip('trustme', reason='it makes the certificate')
    env = dict(environment(), TMPDIR=str(tmpdir))
    with started('serve', '--listen', '127.0.0.1:0', env=env) as process:
        assert process.stdout.readline().startswith('serving ')
        folder, = tmpdir.listdir()
        assert ['ca.pem'] == [file.basename for file in folder.listdir()]
        process.send_signal(number)
        process.send_signal(number)
        process.communicate()
        assert 0 == process.returncode
        assert [] == tmpdir.listdir()


@pytest.mark.parametrize('arguments', [['serve', '--listen', '127.0.0.1:0'], ['demo']],
                         ids=str)
def test_no_temporary_folder(tmpdir, monkeypatch, capsys, arguments):
    """Without a place for temporary files that is one line."""
    pytest.importorskip('trustme', reason='it makes the certificate')
    if arguments == ['demo']:
        pytest.importorskip('trollius', reason='demo is a server of it')
    monkeypatch.setattr('tempfile.tempdir', str(tmpdir.join('nowhere')))
    assert fails_here(capsys, *arguments) == (
        'a temporary folder cannot be made (TMPDIR): No such file or directory')


#: A command whose last steps take a while.
SLOW_END = """
import sys, threading, time
from sslproto27.__main__ import main
from sslproto27._cli import serve
end = serve._Server.end
def slow_end(self):
    sys.stdout.write('ending\\n')
    sys.stdout.flush()
    time.sleep(0.5)
    end(self)
    sys.stdout.write('ended\\n')
serve._Server.end = slow_end
sys.exit(main())
"""


@pytest.mark.parametrize('first, status', [
    (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
@pytest.mark.parametrize('second', [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_second_signal(pki, first, status, second):
    """Whichever signal is the first, another one does not interrupt the last steps."""
    with running(['-c', SLOW_END, 'serve', '--listen', '127.0.0.1:0', '--cert',
                  pki.path('localhost')]) as process:
        assert process.stdout.readline().startswith('serving ')
        process.send_signal(first)
        assert 'ending\n' == process.stdout.readline()
        process.send_signal(second)
        assert ('ended\n', '') == process.communicate()
        assert status == process.returncode


def test_no_signal():
    """Without a signal, all of them are in the end what they were."""
    numbers = signal.SIGTERM, signal.SIGHUP, signal.SIGINT
    before = [signal.getsignal(number) for number in numbers]
    with ending_in_order():
        assert before != [signal.getsignal(number) for number in numbers]
    assert before == [signal.getsignal(number) for number in numbers]
