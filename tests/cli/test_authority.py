"""The temporary authority of servers without a certificate."""
from __future__ import absolute_import, division, print_function

import os
import signal
import sys

import pytest

from tests.support.commands import command, fails_here, started, starts_programs

pytestmark = starts_programs


def test_no_trustme(monkeypatch, capsys):
    """Without --cert and without trustme it says what to install."""
    monkeypatch.setitem(sys.modules, 'trustme', None)
    line = fails_here(capsys, 'serve')
    assert line.startswith('without --cert, trustme is needed to make a certificate: ')
    assert line.endswith('; pip install trustme')


def test_temporary_authority():
    """Without --cert it says where its authority is, which is removed in the end."""
    with started('serve', '--listen', '127.0.0.1:0', '--name', 'localhost') as process:
        line = process.stdout.readline()
        if not line and 'trustme' in process.stderr.read():
            pytest.skip('trustme is not here')
        trusted = process.stdout.readline().split()[-1]
        hint = process.stdout.readline()
        port = line.rpartition(':')[2].strip()
        assert 'try: sslproto27 connect localhost:%s --cafile %s\n' % (port, trusted) == hint
        assert 0o700 == os.stat(os.path.dirname(trusted)).st_mode & 0o777
        assert (0, 'x', '') == command(
            'connect', 'localhost:' + port, '--cafile', trusted, '--quiet', input='x')
        process.send_signal(signal.SIGTERM)
        assert ('', '') == process.communicate()
        assert 0 == process.returncode
    assert not os.path.exists(os.path.dirname(trusted))
