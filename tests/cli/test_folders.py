"""Temporary folders: what is in them, and that they go."""
from __future__ import absolute_import, division, print_function

import signal

import pytest

from tests.support.commands import fails_here, started, starts_programs
from tests.support.programs import environment

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
