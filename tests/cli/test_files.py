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
from tests.support.peers import PATIENCE, echo_tls, serving
from tests.support.programs import child, environment, running
from tests.support.proxies import proxy, round_trip, secure, service

if PY2:
    from sslproto27.context import new_session_ticket_key

pytestmark = starts_programs

#: The command line, whose contexts load authorities once, and then fail in an unusual way.
BROKEN = """
import sys
from sslproto27 import SSLContext
from sslproto27.__main__ import main
def load(context, cafile, load=SSLContext.load_verify_locations):
    SSLContext.load_verify_locations = fail
    return load(context, cafile)
def fail(context, cafile):
    raise TypeError('unusual')
SSLContext.load_verify_locations = load
sys.exit(main())
"""


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


#: What may be in a file of authorities besides their certificates in PEM.
CONTENTS = {
    'comment': lambda text: u'# Autorit\u00e9\n'.encode('utf-8') + text,
    'latin': lambda text: text + b'\xff\n',
    'trusted': lambda text: text.replace(b' CERTIFICATE-', b' TRUSTED CERTIFICATE-'),
    'x509': lambda text: text.replace(b' CERTIFICATE-', b' X509 CERTIFICATE-'),
    'crlf': lambda text: text.replace(b'\n', b'\r\n'),
    'long': lambda text: b'#\n' * 50000 + text,  # more than a pipe holds
}


@pytest.mark.parametrize('kind', sorted(CONTENTS))
@pytest.mark.parametrize('through', ['file', 'fifo'])
def test_contents_of_authorities(pki, fifo, tmpdir, kind, through):
    """What OpenSSL reads from a file it reads from a FIFO, in each command."""
    data = CONTENTS[kind](pki.text('ca').encode('ascii'))
    names = iter(range(10))

    def authorities():
        path = tmpdir.join('ca%d' % next(names))
        if through == 'fifo':
            return fifo(path.basename, data)
        path.write_binary(data)
        return str(path)

    with serving(lambda sock: echo_tls(sock, pki.server_context())) as port:
        assert (0, 'abc', '') == command(
            'connect', 'localhost:%d' % port, '--quiet', '--cafile', authorities(), input='abc')
        if PY2:
            with proxy(port, '--cert', pki.path('localhost'), '--client-ca', authorities(),
                       '--to-tls', '--to-cafile', authorities(), '--to-name',
                       'localhost') as (front, _):
                sock = secure(pki, front, leaf='client')
                assert b'hello' == round_trip(sock)
                sock.unwrap().close()


@pytest.mark.parametrize('command_line', [
    ['connect', 'localhost:9'], ['serve', '--listen', '127.0.0.1:0'],
    ['proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:9']], ids=lambda one: one[0])
def test_certificate(pki, fifo, command_line):
    """Certificate and key cannot come from one FIFO; those of --cert and --key can."""
    if command_line[0] == 'proxy' and not PY2:
        pytest.skip('Trollius, which proxy needs, runs on Python 2.7 alone')
    path = fifo('own', pki.text('localhost').encode('ascii'))
    said = ('%%s %s: it is a FIFO, which cannot be read twice, for certificate and key; pass a file'
            % path)
    if command_line[0] == 'proxy':
        assert said % '--cert' == fails(*command_line + ['--cert', path])
        assert said % '--to-cert' == fails(*command_line + ['--to-tls', '--to-cert', path])
    else:
        assert said % '--cert' + ', or another FIFO by --key' == fails(
            *command_line + ['--cert', path])


def test_certificate_and_key(pki, fifo):
    """A FIFO each can hold the certificate and the key."""
    data = pki.text('client').encode('ascii')
    required = pki.server_context(trust='ca')
    with serving(lambda sock: echo_tls(sock, required)) as port:
        assert (0, 'abc', '') == command(
            'connect', 'localhost:%d' % port, '--quiet', '--cafile', pki.path('ca'), '--cert',
            fifo('cert', data), '--key', fifo('key', data), input='abc')


def test_spoilt_certificate(fifo):
    """If one of these FIFOs cannot be used, it is not read again: it has nobody at its end."""
    cert, key = fifo('cert', b'nothing'), fifo('key', b'nothing')
    assert fails('connect', 'localhost:9', '--cert', cert, '--key', key).startswith(
        '--cert %s: ' % cert)


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

    def test_reload(self, pki, fifo, tmpdir):
        """At SIGHUP it reads a FIFO again. Whatever comes from it, the proxy serves on."""
        text = pki.text('ca').encode('ascii')
        path = fifo('ca', text)
        with service() as port, proxy(
                port, '--cert', pki.path('localhost'), '--client-ca', path) as (front, process):
            for content, said in (
                    (b'', 'not reloaded: --client-ca %s: there is no certificate in PEM\n' % path),
                    (text.replace(b'MII', b'\xff\0\n', 1), 'not reloaded: --client-ca %s: ' % path),
                    (b'\xc3\xa9\n' + text, 'reloaded\n')):
                process.send_signal(signal.SIGHUP)
                with open(path, 'wb') as file:  # once the proxy reads
                    file.write(content)
                assert process.stderr.readline().startswith(said)
                sock = secure(pki, front, leaf='client')
                assert b'hello' == round_trip(sock)
                sock.unwrap().close()

    def test_any_failure_of_a_reload(self, pki):
        """If a library fails in an unusual way, that is a line that names the file, too."""
        path = pki.path('ca')
        with service() as port, running(
                ['-c', BROKEN, 'proxy', '--listen', '127.0.0.1:0', '--to', 'localhost:%d' % port,
                 '--cert', pki.path('localhost'), '--client-ca', path], PATIENCE) as process:
            front = int(process.stdout.readline().rpartition(':')[2])
            process.send_signal(signal.SIGHUP)
            assert 'not reloaded: --client-ca %s: unusual\n' % path == process.stderr.readline()
            sock = secure(pki, front, leaf='client')
            assert b'hello' == round_trip(sock)
            sock.unwrap().close()
            process.send_signal(signal.SIGINT)
            process.wait()

    @pytest.mark.parametrize('option', ['--client-ca', '--to-cafile'])
    @pytest.mark.parametrize('content', [b'', b'nothing'])
    @pytest.mark.parametrize('through', ['file', 'fifo'])
    def test_no_authorities(self, pki, fifo, tmpdir, option, content, through):
        """Without a certificate it does not begin: it never trusts the system's instead."""
        path = str(tmpdir.join('ca.content'))
        if through == 'fifo':
            path = fifo('ca', content)
        else:
            tmpdir.join('ca.content').write_binary(content)
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
