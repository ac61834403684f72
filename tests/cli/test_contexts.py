"""Contexts from the command line's options: files of certificates and keys, protocols."""
from __future__ import absolute_import, division, print_function

import os
import sys

import pytest

from sslproto27.__main__ import main
from sslproto27._core.pair.limits import cannot
from tests.support.commands import command, fails, fails_here, starts_programs
from tests.support.engines import ENGINE, not_in_pair
from tests.support.memory import PY2, only_python2
from tests.support.peers import echo_tls, serving
from tests.support.programs import environment

pytestmark = starts_programs


def commands(pki):
    """Return the arguments of commands that make contexts on this Python."""
    made = [['connect', 'localhost:9'],
            ['connect', 'localhost:9', '--cafile', pki.path('ca')],
            ['serve', '--cert', pki.path('localhost'), '--listen', '127.0.0.1:0']]
    if PY2:
        front = ['proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9']
        made += [front + ['--cert', pki.path('localhost')], front + ['--to-tls'], ['demo']]
    return made


class TestSecrets(object):
    """SSLKEYLOGFILE."""

    @not_in_pair('keylog_filename')
    @pytest.mark.skipif((3,) < sys.version_info < (3, 8), reason='Python 3.7 does not heed it')
    @pytest.mark.parametrize('name, reason', [
        ('/nowhere/secrets', 'No such file or directory'), ('/', 'Is a directory')])
    def test_unusable(self, pki, capsys, monkeypatch, name, reason):
        """The variable is named, not an option."""
        monkeypatch.setenv('SSLKEYLOGFILE', name)
        for one in commands(pki):
            assert 'SSLKEYLOGFILE %s: %s' % (name, reason) == fails_here(capsys, *one)

    @not_in_pair('keylog_filename')
    @pytest.mark.skipif((3,) < sys.version_info < (3, 8), reason='Python 3.7 does not heed it')
    def test_unread(self, pki, tmpdir):
        """A FIFO that nobody reads is told of, and not waited for."""
        path = str(tmpdir.join('fifo'))
        os.mkfifo(path)
        for one in commands(pki):
            assert 'SSLKEYLOGFILE %s: it is a FIFO that nobody reads, or a socket' % path == fails(
                *one, env=dict(environment(), SSLKEYLOGFILE=path))

    def test_other_file(self, capsys, monkeypatch):
        """The option is named if its file is the one that cannot be read."""
        monkeypatch.setenv('SSLKEYLOGFILE', '/nowhere')
        assert '--cafile /nowhere: No such file or directory' == fails_here(
            capsys, 'connect', 'localhost:9', '--cafile', '/nowhere')

    @only_python2
    @pytest.mark.parametrize('quiet', [[], ['--quiet']])
    def test_lost(self, pki, quiet):
        """Secrets that cannot be logged are one line, with --quiet none; all else goes on."""
        said = '/dev/full loses TLS secrets: No space left on device'
        if ENGINE == 'pair':
            said = 'SSLKEYLOGFILE: %s' % cannot('keylog_filename')
        context = pki.server_context()
        with serving(lambda sock: echo_tls(sock, context)) as port:
            status, stdout, stderr = command(
                'connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), *quiet,
                input='abc', env=dict(environment(), SSLKEYLOGFILE='/dev/full'))
        assert (0, 'abc') == (status, stdout)
        assert stderr.startswith('sslproto27: %s\nconnected ' % said) if not quiet else not stderr


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
