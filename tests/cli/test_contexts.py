"""Contexts from the command line's options: files of certificates and keys, protocols."""
from __future__ import absolute_import, division, print_function

import os

import pytest

from sslproto27.__main__ import main
from tests.support.commands import fails_here, starts_programs
from tests.support.memory import PY2

pytestmark = starts_programs


class TestFiles(object):
    """--cert and --key."""

    def said(self, capsys, *arguments):
        """Return what is said of files before anything is connected to."""
        return fails_here(capsys, 'connect', 'localhost:9', *arguments)

    def test_no_key(self, pki, capsys):
        """A certificate without its key says how to name the key."""
        path = pki.path('ca')
        assert ('--cert %s: there is no private key in PEM; --key names the file that has it' % path
                == self.said(capsys, '--cert', path))

    def test_key_without(self, pki, capsys):
        """A file of --key without a key is named."""
        assert '--key %s: there is no private key in PEM' % pki.path('ca') == self.said(
            capsys, '--cert', pki.path('localhost'), '--key', pki.path('ca'))

    def test_missing_key(self, pki, capsys):
        """A file of --key that is not there is named."""
        assert '--key /nowhere: No such file or directory' == self.said(
            capsys, '--cert', pki.path('localhost'), '--key', '/nowhere')

    def test_other_key(self, pki, capsys):
        """A key of another certificate is said to be that."""
        assert ('--cert %s: the private key does not belong to the certificate'
                % pki.path('localhost')) == self.said(
            capsys, '--cert', pki.path('localhost'), '--key', pki.path('other'))

    def test_encrypted(self, pki, capsys):
        """An encrypted key is refused without a question on the terminal."""
        path = pki.path('encrypted')
        assert ('%s: the private key is encrypted; `openssl pkey -in %s` decrypts it'
                % (path, path)) == self.said(capsys, '--cert', path)

    def test_no_certificate(self, capsys):
        """A file without a certificate is said to have none."""
        assert ('--cert %s: there is no certificate in PEM' % __file__
                == self.said(capsys, '--cert', __file__))

    def test_proxy(self, pki, capsys):
        """proxy has no --key, and names none."""
        if not PY2:
            pytest.skip('Trollius, which proxy needs, runs on Python 2.7 alone')
        path = pki.path('ca')
        assert '--cert %s: there is no private key in PEM' % path == fails_here(
            capsys, 'proxy', '--listen', ':0', '--to', 'localhost:9', '--cert', path)


@pytest.mark.parametrize('command_line', [
    ['connect', 'localhost:9'], ['serve'],
    ['proxy', '--listen', ':0', '--to', 'localhost:9', '--cert', 'x']], ids=lambda one: one[0])
@pytest.mark.parametrize('name', [b'\xc3\xa9', b'\xff', b'\0' if PY2 else b''])
def test_alpn(command_line, name, capsys):
    """A name of a protocol that cannot be sent is one line, with the option."""
    with pytest.raises(SystemExit) as info:
        main(command_line + ['--alpn', name if PY2 else os.fsdecode(name)])
    stdout, stderr = capsys.readouterr()
    assert (2, '', 1) == (info.value.code, stdout, stderr.count('\n'))
    assert 'argument --alpn: ' in stderr
    assert 'is not a name of 1 to 255 ASCII characters' in stderr
