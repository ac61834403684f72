"""FIFOs as files of the command line: they can be read once, and may have nobody at their end."""
from __future__ import absolute_import, division, print_function

import binascii
import os
import signal
import ssl
import socket

import pytest

from sslproto27._core.compat import PY2
from tests.support.commands import command, fails, starts_programs
from tests.support.engines import not_in_pair
from tests.support.memory import only_python2
from tests.support.peers import echo_tls, serving
from tests.support.programs import child, environment
from tests.support.proxies import proxy, round_trip, secure, service

if PY2:
    from sslproto27.context import new_session_ticket_key

pytestmark = starts_programs


@pytest.fixture
def fifo(tmpdir):
    """A function that returns the path of a FIFO that has some content (bytes), once."""
    writers = []

    def make(name, content):
        tmpdir.join(name + '.content').write_binary(content)
        os.mkfifo(str(tmpdir.join(name)), 0o600)
        writer = child(['sh', '-c', 'cat %s.content > %s' % (name, name)], cwd=str(tmpdir))
        writer.__enter__()
        writers.append(writer)
        return str(tmpdir.join(name))

    yield make
    for writer in writers:
        writer.__exit__(None, None, None)


def test_authorities(pki, fifo):
    """A FIFO of authorities is opened as late as it is read, so that its writer is not cut off."""
    with serving(lambda sock: echo_tls(sock, pki.server_context())) as port:
        assert (0, 'abc', '') == command(
            'connect', 'localhost:%d' % port, '--quiet', '--cafile',
            fifo('ca', pki.text('ca').encode('ascii')), input='abc')


@only_python2
class TestProxy(object):
    """``proxy`` has several contexts that trust the same authorities."""

    @not_in_pair('session_ticket_keys')
    def test_clients(self, pki, fifo):
        """It reads --client-ca once, for all certificates and the keys of tickets."""
        keys = fifo('keys', binascii.hexlify(new_session_ticket_key()))
        authorities = fifo('ca', pki.text('ca').encode('ascii'))
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), '--cert', pki.path('other'),
                '--client-ca', authorities, '--ticket-keys', keys) as (front, _):
            for name in ('localhost', 'other.example.org'):
                sock = secure(pki, front, name, leaf='client')
                assert b'hello' == round_trip(sock)
                sock.close()
                with pytest.raises((ssl.SSLError, socket.error)):
                    round_trip(secure(pki, front, name))

    def test_service(self, pki, fifo):
        """It reads --to-cafile once, for all protocols."""
        authorities = fifo('ca', pki.text('ca').encode('ascii'))
        with serving(lambda sock: echo_tls(sock, pki.server_context())) as port, proxy(
                port, '--cert', pki.path('localhost'), '--to-tls', '--to-cafile', authorities,
                '--to-name', 'localhost', '--alpn', 'h2', '--alpn', 'http/1.1') as (front, _):
            sock = secure(pki, front)
            assert b'hello' == round_trip(sock)
            sock.unwrap().close()

    @pytest.mark.parametrize('option', ['--client-ca', '--to-cafile'])
    @pytest.mark.parametrize('content', [b'', b'nothing'])
    def test_no_authorities(self, pki, fifo, option, content):
        """Without a certificate it does not begin: it never trusts the system's instead."""
        path = fifo('ca', content)
        assert '%s %s: there is no certificate in PEM' % (option, path) == fails(
            'proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9', '--cert',
            pki.path('localhost'), '--to-tls', option, path)

    @not_in_pair('keylog_filename')
    def test_unread_secrets(self, pki, tmpdir):
        """If nobody reads SSLKEYLOGFILE any more, SIGHUP changes nothing, and it serves on."""
        path = str(tmpdir.join('secrets'))
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), close_fds=True,
                env=dict(environment(), SSLKEYLOGFILE=path)) as (front, process):
            os.close(reader)
            process.send_signal(signal.SIGHUP)
            assert ('not reloaded: SSLKEYLOGFILE %s: it is a FIFO that nobody reads, or a socket\n'
                    % path) == process.stderr.readline()
            sock = secure(pki, front)
            assert b'hello' == round_trip(sock)
            sock.close()
