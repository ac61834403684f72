"""``bench``: what it prints, not how much."""
from __future__ import absolute_import, division, print_function

import json
import re

import pytest

from sslproto27.__main__ import main
from tests.support.commands import command, on_terminal
from tests.support.engines import ENGINE

NAMES = ['full handshakes', 'resumed handshakes', 'throughput, 16 KiB a write',
         'throughput, 256 KiB a write', 'round trips of 100 bytes']

if ENGINE == 'pair':
    NAMES.remove('resumed handshakes')


def test_json():
    """--json has what was measured, and every sample of each line."""
    status, stdout, stderr = command('bench', '--seconds', '0.001', '--json')
    assert (0, '') == (status, stderr)
    shown = json.loads(stdout)
    assert ('TLSv1.3', 'TLS_AES_256_GCM_SHA384') == (shown['version'], shown['cipher'])
    assert NAMES == [result['name'] for result in shown['results']]
    for result in shown['results']:
        assert 5 == len(result['samples'])
        assert 0 < min(result['samples']) <= result['median'] <= max(result['samples'])


def test_text():
    """A line each, with the spread of its samples; a terminal shows what is being measured."""
    status, shown = on_terminal('bench', '--seconds', '0.001')
    assert status == 0
    assert b'measuring: full handshakes\x1b[0m\r\x1b[K' in shown
    text = re.sub(r'[^\n]*\r\x1b\[K|\x1b\[[0-9;]*m|\r', '', shown.decode('ascii'))
    lines = text.splitlines()
    start = lines.index('') + 1
    assert NAMES == [line[:32].strip() for line in lines[start:]]
    assert all(' +- ' in line for line in lines[start:])


def test_secrets(monkeypatch, tmpdir):
    """It logs no secrets."""
    name = tmpdir.join('secrets')
    monkeypatch.setenv('SSLKEYLOGFILE', str(name))
    assert 0 == main(['bench', '--seconds', '0.001', '--json'])
    assert not name.exists()


def test_usage():
    """A wrong number of seconds has status 2."""
    with pytest.raises(SystemExit) as info:
        main(['bench', '--seconds', '-1'])
    assert 2 == info.value.code
