"""``bench``: what it prints, not how much."""
from __future__ import absolute_import, division, print_function

import json

from commands import command, on_terminal

NAMES = ['full handshakes', 'resumed handshakes', 'throughput, 16 KiB a write',
         'throughput, 256 KiB a write', 'round trips of 100 bytes']


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
    """A line each, with the spread of its samples."""
    status, stdout, stderr = command('bench', '--seconds', '0.001')
    assert (0, '') == (status, stderr)
    lines = stdout.splitlines()
    assert lines[3] == ''
    assert NAMES == [line[:32].strip() for line in lines[4:]]
    assert all('+- ' in line for line in lines[4:])


def test_progress():
    """A terminal shows what is being measured, until it is done."""
    status, shown = on_terminal('bench', '--seconds', '0.001')
    assert status == 0
    assert b'measuring: full handshakes\x1b[0m\r\x1b[K' in shown


def test_usage():
    """A wrong number of seconds has status 2."""
    assert 2 == command('bench', '--seconds', '-1')[0]
