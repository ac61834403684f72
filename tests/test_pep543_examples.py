"""The code of docs/pep543.md runs as it is written."""
from __future__ import absolute_import, division, print_function

import io
import os
import re

import pytest

from programs import ROOT, environment, finish, running


def blocks():
    """Return the document's Python code by the heading above it."""
    with io.open(os.path.join(ROOT, 'docs', 'pep543.md'), encoding='utf-8') as file:
        found = re.findall(r'^## ([^\n]*)\n(?:(?!^## ).)*?```python\n(.*?)```', file.read(),
                           re.DOTALL | re.MULTILINE)
    return dict(found)


CODE = blocks()


@pytest.fixture
def written(pki):
    """A function that gives a block's code, with the files and the port of this test."""
    def fill(heading, port=0):
        code = CODE[heading].replace('8443', str(port)).replace('example.org', 'localhost')
        for name in ('localhost', 'ca', 'client'):
            path = pki.path('encrypted' if name == 'client' else name)
            code = code.replace("'%s.pem'" % name, repr(path))
        return code
    return fill


def test_all():
    """There are as many examples as are run here, each under a heading of its own."""
    assert {'A client', 'A server', 'Whom to trust', 'Without sockets', 'Mutual TLS',
            'Protocols inside of TLS: ALPN', 'A server of many names: SNI'} == set(CODE)
    with io.open(os.path.join(ROOT, 'docs', 'pep543.md'), encoding='utf-8') as file:
        assert len(CODE) == file.read().count('```python')


@pytest.mark.parametrize('heading, trusted, expected', [
    ('A client', 'ca', 'HELLO\n'), ('Whom to trust', 'stranger-ca', 'HELLO\n')])
def test_sockets(pki, written, monkeypatch, heading, trusted, expected):
    """A client talks to the server: the system's store counts if no other is given."""
    monkeypatch.setitem(os.environ, 'SSL_CERT_FILE', pki.path(trusted))
    assert environment()['SSL_CERT_FILE'] == pki.path(trusted)
    with running(['-u', '-c', written('A server')]) as server:
        line = server.stdout.readline()
        if not line.startswith('listening on port '):
            raise AssertionError(server.stderr.read())
        port = int(line.split()[-1])
        assert (0, expected, '') == finish(['-c', written(heading, port)])
        server.wait()
        assert (0, '') == (server.returncode, server.stderr.read())


@pytest.mark.parametrize('heading, expected', [
    ('Without sockets', ''), ('Mutual TLS', 'True\n'),
    ('Protocols inside of TLS: ALPN', 'NextProtocol.HTTP1\n'),
    ('A server of many names: SNI', 'TLSv1_2\n')])
def test_memory(written, heading, expected):
    """The examples without sockets, each after the first one, print what they should."""
    code = written('Without sockets')
    if heading != 'Without sockets':
        code += written(heading)
    assert (0, 'TLSv1_3, hello\n' + expected, '') == finish(['-c', code])


@pytest.mark.parametrize('heading', ['Without sockets', 'A server of many names: SNI'])
def test_other_backend(written, heading):
    """They name no library: with the other backend they print the same."""
    pytest.importorskip('OpenSSL', reason='pyOpenSSL is not installed')
    code = written('Without sockets') + (written(heading) if 'SNI' in heading else '')
    code = code.replace('\n\n', '\nfrom sslproto27.pep543.pyopenssl import BACKEND\n\n', 1)
    status, stdout, stderr = finish(['-W', 'ignore', '-c', code])
    assert (0, '') == (status, stderr)
    assert stdout.startswith('TLSv1_3, hello\n')
