"""Examples and the README's code run as they are written."""
from __future__ import absolute_import, division, print_function

import contextlib
import io
import os
import re

import pytest

from memory import only_python2
from programs import ROOT, finish, running

pytestmark = only_python2  # they are for Trollius, which runs on 2.7 alone


def example(name):
    """Return the path of an example."""
    return os.path.join(ROOT, 'examples', name)


@contextlib.contextmanager
def echo_server(pki):
    """Run the echo server's example; give its port."""
    with running([example('echo_server.py'), pki.path('localhost'), '0']) as server:
        line = server.stdout.readline()
        if not line:
            raise AssertionError(server.stderr.read())
        yield line.split()[-1]


class TestEcho(object):
    """examples/echo_server.py and examples/echo_client.py."""

    def test_echo(self, pki):
        """The client prints the version, the cipher and the echo of its message."""
        with echo_server(pki) as port:
            status, stdout, stderr = finish(
                [example('echo_client.py'), pki.path('ca'), port, 'a message'])
        assert (0, '') == (status, stderr)
        negotiated, echo = stdout.splitlines()
        assert negotiated.startswith('TLSv1.3 TLS_')
        assert echo == 'a message'

    def test_unknown_authority(self, pki):
        """The client refuses a server whose authority it does not trust."""
        with echo_server(pki) as port:
            status, _, stderr = finish([example('echo_client.py'), pki.path('stranger-ca'), port])
        assert status == 1
        assert 'CERTIFICATE_VERIFY_FAILED' in stderr

    @pytest.mark.parametrize('name', ['echo_server.py', 'echo_client.py'])
    def test_usage(self, name):
        """Without arguments an example prints how it is used."""
        status, stdout, stderr = finish([example(name)])
        assert (1, '') == (status, stdout)
        assert 'Usage: %s ' % name in stderr


def readme():
    """Return the README's Python code, a list of blocks."""
    with io.open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as file:
        return re.findall(r'```python\n(.*?)```', file.read(), re.DOTALL)


class TestReadme(object):
    """The code blocks of README.md."""

    def test_count(self):
        """There are three, and each is run here."""
        assert 3 == len(readme())

    def test_client(self, pki):
        """The first talks to the echo server's example."""
        with echo_server(pki) as port:
            code = readme()[0].replace('8443', port).replace('ca.pem', pki.path('ca'))
            status, stdout, stderr = finish(['-c', code])
        assert (0, 'Hello, TLS\n\n', '') == (status, stdout, stderr)

    @pytest.mark.parametrize('index, expected', [(1, r'^$'), (2, r'^[0-9]+ bytes to send\n$')])
    def test_without_a_connection(self, index, expected):
        """The others need no connection."""
        status, stdout, stderr = finish(['-c', readme()[index]])
        assert (0, '') == (status, stderr)
        assert re.match(expected, stdout)
