"""``serve``: echoes and files, with a certificate of its own or ours."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import re
import signal
import socket
import ssl
import sys

import pytest

from sslproto27 import SSLPipe, SSLSocket
from tests.support.commands import PATIENCE, command, fails_here, started, starts_programs
from tests.support.https import ask

pytestmark = starts_programs


@contextlib.contextmanager
def server(*arguments):
    """Run ``serve`` on a port of the system's choice; give (its first lines, the port, process)."""
    with started('serve', '--listen', '127.0.0.1:0', *arguments) as process:
        line = process.stdout.readline()
        assert line.startswith('serving '), process.stderr.read()
        yield line, int(line.rpartition(':')[2]), process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait()


def get(pki, port, path):
    """Return the answer to a GET request, by stock ssl (bytes)."""
    return ask(pki, port, ('GET %s HTTP/1.0\r\n\r\n' % path).encode('ascii'))


def connect(port):
    """Return a socket that is connected to *port*."""
    return socket.create_connection(('127.0.0.1', port), PATIENCE)


def secure(pki, port):
    """Return an `SSLSocket` to *port*."""
    return SSLSocket(connect(port), pki.client_context(), server_hostname='localhost')


def client_hello(pki):
    """Return what a client says first."""
    pipe = SSLPipe(pki.client_context(), server_hostname='localhost')
    pipe.do_handshake()
    return pipe.data_to_send()


def trickle(sock, data):
    """Send a byte each time that the peer has been silent for a moment, until it has ended."""
    sock.settimeout(0.02)
    for number in range(len(data)):
        try:
            sock.sendall(data[number:number + 1])
            if not sock.recv(100):
                return
        except socket.timeout:
            pass
        except (ssl.SSLError, socket.error):
            return
    raise AssertionError('all was taken')


class TestEcho(object):
    def test_own_certificate(self, pki):
        """All that comes is sent back; --alpn is agreed on."""
        with server('--cert', pki.path('localhost'), '--alpn', 'echo') as (line, port, _):
            status, stdout, stderr = command(
                'connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--alpn', 'echo',
                input='x' * 100000)
        assert (0, 100000) == (status, len(stdout))
        assert 'ALPN         echo' in stderr
        assert re.match('serving echoes on 127.0.0.1:[0-9]+$', line)

    def test_client_certificate(self, pki):
        """--client-ca lets in who shows a certificate, and nobody else; the others go on."""
        with server('--cert', pki.path('localhost'), '--client-ca',
                    pki.path('ca')) as (_, port, process):
            common = ['connect', 'localhost:%d' % port, '--cafile', pki.path('ca'), '--quiet']
            refused = command(*common, input='x')
            welcome = command(*(common + ['--cert', pki.path('client')]), input='x')
            assert (1, '') == refused[:2]
            assert (0, 'x', '') == welcome
            assert 'PEER_DID_NOT_RETURN_A_CERTIFICATE' in process.stderr.readline()

    def test_temporary_authority(self):
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

    def test_goes_on(self, pki, capsys):
        """A port that is in use is one line, and who serves there is not disturbed."""
        with server('--cert', pki.path('localhost')) as (_, port, _):
            where = '127.0.0.1:%d' % port
            assert where + ': Address already in use' == fails_here(
                capsys, 'serve', '--listen', where, '--cert', pki.path('localhost'))
            assert (0, 'x', '') == command('connect', 'localhost:%d' % port, '--cafile',
                                           pki.path('ca'), '--quiet', input='x')

    def test_interrupt(self, pki):
        """Ctrl-C ends it with status 130, and without a word."""
        with server('--cert', pki.path('localhost')) as (_, _, process):
            process.send_signal(signal.SIGINT)
            assert ('', '') == process.communicate()
            assert 130 == process.returncode


class TestFiles(object):
    def test_get(self, pki, tmpdir):
        """A directory's files are served, and nothing else; the log cannot be forged."""
        tmpdir.join('file').write('content')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (line, port, process):
            found = get(pki, port, '/file')
            outside = get(pki, port, '/../' * 20 + 'etc/passwd')
            missing = get(pki, port, '/\x1b[2J')
            log = [process.stderr.readline() for _ in range(5)]
        assert str(tmpdir) in line
        assert found.startswith(b'HTTP/1.0 200 ') and found.endswith(b'\r\n\r\ncontent')
        assert outside.startswith(b'HTTP/1.0 404 ')
        assert missing.startswith(b'HTTP/1.0 404 ')
        assert '127.0.0.1 "GET /file HTTP/1.0" 200 -\n' == log[0]
        assert '\x1b' not in ''.join(log)

    ODD_PATHS = [
        ('/file%00', b'HTTP/1.0 400 '), ('/%00', b'HTTP/1.0 400 '),
        ('/fil%65?%00', b'HTTP/1.0 200 '), ('//file', b'HTTP/1.0 200 '),
        ('/' + 'x' * 5000, b'HTTP/1.0 404 '), ('file', b'HTTP/1.0 400 '),
        ('/file%ff', b'HTTP/1.0 404 '), ('/%', b'HTTP/1.0 400 '), ('/%zz', b'HTTP/1.0 400 '),
        ('/file?%', b'HTTP/1.0 200 '), ('/fi\0le', b'HTTP/1.0 400 '), ('?', b'HTTP/1.0 400 '),
        ('/file?\0', b'HTTP/1.0 400 '), ('*', b'HTTP/1.0 400 '),
        ('http://localhost/file', b'HTTP/1.0 200 '), ('http://file', b'HTTP/1.0 400 '),
        ('/file HTTP/1.1 x', b'HTTP/1.0 400 '), ('/a b', b'HTTP/1.0 400 ')]

    def test_odd_paths(self, pki, tmpdir):
        """An odd path is answered, and is no mistake of the program's."""
        tmpdir.join('file').write('content')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            assert self.ODD_PATHS == [(path, get(pki, port, path)[:13])
                                      for path, _ in self.ODD_PATHS]
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]

    def test_redirection(self, pki, tmpdir):
        """A redirection to a directory leads to no other host."""
        tmpdir.mkdir('folder')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, _):
            assert b'\r\nlocation: /folder/\r\n' in get(pki, port, '//folder').lower()
            for path in ('/\\example.org/..', '/\\example.org/%2e%2e', '\\\\example.org/..'):
                assert b'\r\nlocation: /\\' not in get(pki, port, path).lower()

    ODD_HEADS = [
        (b'\r\n\nGET /file HTTP/1.0\r\n\r\n', b'HTTP/1.0 200 '),
        (b'GET /file HTTP/1.0\r\nno colon\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\nX: a\0b\r\n\r\n', b'HTTP/1.0 400 '),
        (b'GET /file HTTP/1.0\r\nX: a\r\n b\r\n\r\n', b'HTTP/1.0 200 '),
        (b'GET /file HTTP/9.9\r\n\r\n', b'HTTP/1.0 505 '),
        (b'GET /file\r\n\r\n', b'HTTP/1.0 200 '), (b'what\r\n\r\n', b'HTTP/1.0 400 ')]

    def test_odd_heads(self, pki, tmpdir):
        """An odd head is answered by a status, whatever version it claims."""
        tmpdir.join('file').write('content')
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            assert self.ODD_HEADS == [(head, ask(pki, port, head)[:13])
                                      for head, _ in self.ODD_HEADS]
            process.send_signal(signal.SIGTERM)
            assert 'Traceback' not in process.communicate()[1]

    def test_handshake_in_its_own_thread(self, pki, tmpdir):
        """A client that says nothing keeps nobody waiting."""
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, _):
            silent = socket.create_connection(('127.0.0.1', port))
            assert get(pki, port, '/').startswith(b'HTTP/1.0 200 ')
            silent.close()

    def test_failed_handshake(self, pki, tmpdir):
        """A client that speaks no TLS is one line."""
        with server('--cert', pki.path('localhost'), str(tmpdir)) as (_, port, process):
            sock = socket.create_connection(('127.0.0.1', port))
            sock.sendall(b'GET / HTTP/1.0\r\n\r\n')
            assert 'HTTP_REQUEST' in process.stderr.readline()
            sock.close()


class TestLimits(object):
    def test_connections(self, pki):
        """Who comes when there are --max-connections waits until one has ended."""
        with server('--cert', pki.path('localhost'), '--max-connections', '1') as (_, port, _):
            first = secure(pki, port)
            second = SSLSocket(connect(port), pki.client_context(), server_hostname='localhost',
                               do_handshake_on_connect=False)
            second.settimeout(0.3)
            with pytest.raises(socket.timeout):
                second.do_handshake()
            first.sendall(b'x')
            assert b'x' == first.recv(1)
            first.close()
            second.settimeout(PATIENCE)
            second.do_handshake()
            second.close()

    def test_handshake(self, pki):
        """A handshake that comes byte by byte has --handshake-timeout for the whole of it."""
        hello = client_hello(pki)
        with server('--cert', pki.path('localhost'), '--handshake-timeout', '0.5') as (
                _, port, process):
            sock = connect(port)
            trickle(sock, hello)
            assert process.stderr.readline().endswith(' timed out\n')
            sock.close()

    def test_silence(self, pki):
        """A client that says nothing after its handshake is ended by --idle-timeout."""
        with server('--cert', pki.path('localhost'), '--idle-timeout', '0.3') as (_, port, process):
            sock = secure(pki, port)
            assert b'' == sock.recv(1)
            assert process.stderr.readline().endswith(' timed out\n')
            sock.close()

    def test_slow_request(self, pki, tmpdir):
        """A request that comes byte by byte has --idle-timeout for the whole of it."""
        with server('--cert', pki.path('localhost'), '--idle-timeout', '0.5', str(tmpdir)) as (
                _, port, process):
            sock = secure(pki, port)
            trickle(sock, b'GET / HTTP/1.0\r\nX: ' + b'x' * 5000)
            assert 'timed out' in process.stderr.readline()
            sock.close()

    @pytest.mark.parametrize('request_', [
        b'GET /' + b'x' * 2000, b'GET / HTTP/1.0\r\nX: ' + b'x' * 2000,
        b'GET / HTTP/1.0\r\n' + b'X: x\r\n' * 300])
    def test_large_request(self, pki, tmpdir, request_):
        """A request whose line or header is larger than --max-request is refused."""
        with server('--cert', pki.path('localhost'), '--max-request', '1000', str(tmpdir)) as (
                _, port, process):
            sock = secure(pki, port)
            sock.sendall(request_)
            assert b'431' in sock.recv(100)
            assert '431' in process.stderr.readline()
            sock.close()
            assert get(pki, port, '/').startswith(b'HTTP/1.0 200 ')


@pytest.mark.parametrize('arguments, said', [
    (['/nowhere'], '/nowhere is not a directory'),
    (['--cert', '/nowhere'], '--cert /nowhere: No such file or directory'),
    (['--cert', os.devnull], '--cert /dev/null: '),
    (['--key', 'x'], '--key needs --cert'),
    (['--listen', 'x:y'], 'x:y is not HOST:PORT'),
    (['--name', 'a..b'], '--name: '),
])
def test_mistakes(arguments, said, capsys):
    """A mistake is one line."""
    if '--name' in arguments:
        pytest.importorskip('trustme')
    assert said in fails_here(capsys, 'serve', *arguments)


def test_no_trustme(monkeypatch, capsys):
    """Without --cert and without trustme it says what to install."""
    monkeypatch.setitem(sys.modules, 'trustme', None)
    line = fails_here(capsys, 'serve')
    assert line.startswith('without --cert a certificate is made by trustme: ')
    assert line.endswith('; pip install trustme')
