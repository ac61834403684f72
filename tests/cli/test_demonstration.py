"""``demo``: a conversation with ourselves and with another program."""
from __future__ import absolute_import, division, print_function

import os
import signal
import time

import pytest

from tests.support.commands import command, started
from tests.support.memory import only_python2
from tests.support.programs import environment


@only_python2
class TestDemo(object):
    """``python -m sslproto27 demo``; PyPy has no trustme."""

    @pytest.fixture(scope='class')
    def shown(self):
        """What demo prints, in lines without indentation."""
        pytest.importorskip('trustme', reason='demo makes its certificates with trustme')
        status, stdout, stderr = command('demo')
        assert (0, '') == (status, stderr)
        return [line.strip() for line in stdout.splitlines()]

    def test_our_client(self, shown):
        """Our client speaks TLS 1.3, verifies the certificate, agrees on ALPN and gets its echo."""
        facts = dict(line.split(None, 1) for line in shown[3:8])
        assert sorted(facts) == ['ALPN', 'certificate', 'cipher', 'echo', 'version']
        assert facts['version'] == 'TLSv1.3'
        assert facts['cipher'].startswith('TLS_')
        assert facts['certificate'] == 'verified, for localhost'
        assert facts['ALPN'] == 'echo'
        assert facts['echo'] == 'Hello from the memory of Python 2.7'

    def test_no_other_program(self):
        """Without the openssl command it says so, and is content."""
        pytest.importorskip('trustme', reason='demo makes its certificates with trustme')
        status, stdout, stderr = command('demo', env=dict(environment(), PATH='/nowhere'))
        assert (0, '') == (status, stderr)
        assert 'openssl cannot be run here: ' in stdout

    @pytest.mark.parametrize('number, status', [
        (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)])
    def test_stopped(self, tmpdir, number, status):
        """A signal ends it silently, and at once, while the other program is under way."""
        pytest.importorskip('trustme', reason='demo makes its certificates with trustme')
        program, begun = tmpdir.join('openssl'), tmpdir.join('begun')
        program.write('#!/bin/sh\necho > %s\nexec sleep 30\n' % begun)
        program.chmod(0o755)
        env = dict(environment(), TMPDIR=str(tmpdir.mkdir('temporary')))
        env['PATH'] = os.pathsep.join([str(tmpdir), env['PATH']])
        with started('demo', env=env) as process:
            while not begun.exists():
                assert process.poll() is None
                time.sleep(0.01)
            start = time.time()
            process.send_signal(number)
            assert '' == process.communicate()[1]
            assert status == process.returncode
            assert time.time() - start < 10
        assert [] == tmpdir.join('temporary').listdir()

    def test_another_program(self, shown):
        """openssl s_client verifies the same server, agrees on ALPN and gets its echo."""
        theirs = shown[shown.index('A client of another program, openssl s_client:'):]
        if 'openssl cannot be run here' in theirs[1]:
            pytest.skip(theirs[1])
        assert 'Verification: OK' in theirs
        assert 'ALPN protocol: echo' in theirs
        assert [line for line in theirs if line.startswith('New, TLSv1.3, Cipher is ')]
        assert 'echo: Hello from the memory of Python 2.7' in theirs
