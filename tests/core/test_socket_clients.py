"""The standard library's own clients over `SSLSocket`, and the examples of it."""
from __future__ import absolute_import, division, print_function

import contextlib
import ftplib
import imaplib
import os
import socket
import sys

import pytest

from sslproto27 import SSLSocket
from tests.support.https import serving
from tests.support.programs import ROOT, finish
from tests.support.sockets import PATIENCE, Background

if sys.version_info[0] == 2:
    import httplib
else:
    import http.client as httplib

PASSWORD = b'open sesame'


class Listener(object):
    """A listening socket on loopback."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(('127.0.0.1', 0))
        self.socket.listen(5)
        self.socket.settimeout(PATIENCE)
        self.port = self.socket.getsockname()[1]

    def accept(self):
        """Return the next connection."""
        sock = self.socket.accept()[0]
        sock.settimeout(PATIENCE)
        return sock


@pytest.fixture
def listener():
    """A listening socket on loopback."""
    made = Listener()
    yield made
    made.socket.close()


def play(sock, script, heard):
    """
    Play a server: for each (request, answer) wait for a line that begins with the one, unless it is
    b'', and send the other; note the lines in *heard*.
    """
    with contextlib.closing(sock.makefile('rb')) as file:
        for request, answer in script:
            if request:
                line = file.readline()
                heard.append(line)
                if request not in line:
                    raise AssertionError('%r instead of %r' % (line, request))
                answer = answer.replace(b'TAG', line.split(b' ')[0])
            sock.sendall(answer)


@contextlib.contextmanager
def tls(sock, context, **kwargs):
    """Give a socket with the interpreter's own TLS over *sock*; then end it."""
    wrapped = context.wrap_socket(sock, **kwargs)
    try:
        yield wrapped
        wrapped.unwrap().close()
    finally:
        wrapped.close()


def test_httplib(pki):
    """httplib reads its response although the connection has been closed by then."""
    with serving(context=pki.server_context()) as server:
        connection = httplib.HTTPConnection('localhost', server.server_port)
        connection.sock = SSLSocket(
            socket.create_connection(('127.0.0.1', server.server_port), PATIENCE),
            pki.client_context(), server_hostname='localhost')
        connection.request('GET', u'/unmeasured')
        response = connection.getresponse()
        assert (None, b'x' * 1000) == (connection.sock, response.read())


def test_imaplib(pki, listener):
    """imaplib logs in over TLS."""
    heard = []

    def serve():
        with tls(listener.accept(), pki.server_context(), server_side=True) as sock:
            play(sock, [(b'', b'* OK ready\r\n'),
                        (b'CAPABILITY', b'* CAPABILITY IMAP4REV1\r\nTAG OK done\r\n'),
                        (b'LOGIN', b'TAG OK done\r\n'),
                        (b'LOGOUT', b'* BYE\r\nTAG OK done\r\n')], heard)
    server = Background(serve)

    class Client(imaplib.IMAP4):
        def open(self, *args, **kwargs):
            self.sock = SSLSocket(
                socket.create_connection(('127.0.0.1', listener.port), PATIENCE),
                pki.client_context(), server_hostname='localhost')
            self.file = self.sock.makefile('rb')

    client = Client('localhost', listener.port)
    assert 'OK' == client.login('someone', PASSWORD.decode('ascii'))[0]
    client.logout()
    server.result()
    assert PASSWORD in heard[1]


def test_ftplib(pki, listener):
    """ftplib, its control connection turned to TLS and back (AUTH, CCC), says what it has to."""
    heard = []

    def serve():
        raw = listener.accept()
        play(raw, [(b'', b'220 ready\r\n'), (b'AUTH TLS', b'234 go\r\n')], heard)
        with tls(raw, pki.server_context(), server_side=True) as sock:
            play(sock, [(b'USER', b'331 and?\r\n'), (b'PASS', b'230 hello\r\n'),
                        (b'CCC', b'200 go\r\n')], heard)
            plain = sock.unwrap()
            assert b'QUIT\r\n' == plain.recv(100)
            plain.sendall(b'221 bye\r\n')
            plain.close()
            sock.unwrap = lambda: plain
    server = Background(serve)
    client = ftplib.FTP()
    client.connect('127.0.0.1', listener.port, PATIENCE)
    client.voidcmd('AUTH TLS')
    client.file.close()
    client.sock = SSLSocket(client.sock, pki.client_context(), server_hostname='localhost')
    client.file = client.sock.makefile('r')
    client.login('someone', PASSWORD.decode('ascii'))
    client.voidcmd('CCC')
    client.file.close()
    client.sock = client.sock.unwrap()
    client.file = client.sock.makefile('r')
    assert '221 bye' == client.quit()
    server.result()
    assert PASSWORD in heard[2]


def example(name, *args):
    """Run an example; return its status, what it printed, and its errors."""
    return finish([os.path.join(ROOT, 'examples', name)] + [str(one) for one in args])


def test_smtp_example(pki, listener):
    """The mail is sent over TLS, after EHLO has been said anew; nothing before that counts."""
    heard = []

    def serve():
        raw = listener.accept()
        play(raw, [(b'', b'220 ready\r\n'),
                   (b'ehlo', b'250-localhost\r\n250 STARTTLS\r\n'),
                   (b'STARTTLS', b'220 go\r\n250 injected\r\n')], heard)
        with tls(raw, pki.server_context(), server_side=True) as sock:
            play(sock, [(b'ehlo', b'250 localhost\r\n'), (b'mail', b'250 ok\r\n'),
                        (b'rcpt', b'250 ok\r\n'), (b'data', b'354 go\r\n'),
                        (b'Subject', b''), (b'\r\n', b''), (PASSWORD, b''),
                        (b'.\r\n', b'250 sent\r\n'), (b'quit', b'221 bye\r\n')], heard)
    server = Background(serve)
    status, stdout, stderr = example('smtp_starttls.py', pki.path('ca'), listener.port,
                                     'a@example.org', 'b@example.org', PASSWORD.decode('ascii'))
    assert (0, '') == (status, stderr)
    assert stdout.startswith('TLSv1.3 TLS_')
    server.result()


def test_sans_io_example(pki):
    """The example without a socket gets the whole response."""
    with serving(context=pki.server_context()) as server:
        status, stdout, stderr = example('https_get_sans_io.py', pki.path('ca'),
                                         server.server_port, '/unmeasured')
    assert (0, '') == (status, stderr)
    assert stdout.rstrip().endswith('x' * 1000)


@pytest.mark.parametrize('path', ['/truncated', '/nothing'])
def test_sans_io_example_truncated(pki, path):
    """It fails if the response is cut off."""
    with serving(context=pki.server_context()) as server:
        status, _, stderr = example('https_get_sans_io.py', pki.path('ca'), server.server_port,
                                    path)
    assert (1, True) == (status, 'SSLEOFError' in stderr)


def test_sans_io_example_refuses(pki):
    """It refuses a server whose authority it does not trust."""
    with serving(context=pki.server_context('stranger')) as server:
        status, _, stderr = example('https_get_sans_io.py', pki.path('ca'), server.server_port)
        assert (1, True) == (status, 'CERTIFICATE_VERIFY_FAILED' in stderr)
        assert [] == server.requests


@pytest.mark.parametrize('name', ['https_get_sans_io.py', 'smtp_starttls.py'])
def test_usage(name):
    """Without arguments an example prints how it is used."""
    status, stdout, stderr = example(name)
    assert (1, '') == (status, stdout)
    assert 'Usage: %s ' % name in stderr
