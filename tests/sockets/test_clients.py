"""The standard library's own clients and servers, unchanged, once ssl makes our sockets."""
from __future__ import absolute_import, division, print_function

import contextlib
import ftplib
import imaplib
import poplib
import smtplib
import socket
import ssl
import sys

import pytest

from sslproto27 import sockets
from tests.support.https import serving
from tests.support.memory import only_python2, raised
from tests.support.sockets import PATIENCE, Background

if sys.version_info[0] == 2:
    import httplib
    import urllib2
    import xmlrpclib
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer
    from SimpleXMLRPCServer import SimpleXMLRPCServer

pytestmark = only_python2

_stock = vars(ssl.SSLContext)['wrap_socket']


@pytest.fixture(autouse=True)
def installed():
    """Let ssl make our sockets."""
    sockets.install()
    yield
    sockets.uninstall()


@pytest.fixture
def listener():
    """A listening socket on loopback."""
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(('127.0.0.1', 0))
        sock.listen(5)
        sock.settimeout(PATIENCE)
        yield sock


def accept(listener):
    """Return the next connection."""
    sock = listener.accept()[0]
    sock.settimeout(PATIENCE)
    return sock


def protected(sock, pki):
    """Return a server's TLS over *sock*, of Python's own sockets."""
    return Stock(pki.server_context()).wrap_socket(sock, server_side=True)


class Stock(object):
    """A server's context that wraps as Python itself does."""

    def __init__(self, context):
        self._context = context

    def wrap_socket(self, sock, server_side):
        """Return an ssl.SSLSocket that is Python's own."""
        return _stock(self._context, sock, server_side=server_side)


def play(sock, *script):
    """
    Play a server: after each line that begins with the one, unless it is b'', send the other.
    """
    file = sock.makefile('rb')
    for expected, answer in script:
        if expected:
            line = file.readline()
            if not line.upper().startswith(expected):
                tag, _, line = line.partition(b' ')  # of IMAP
                if not line.upper().startswith(expected):
                    raise AssertionError('%r instead of %r' % (line, expected))
                answer = answer.replace(b'TAG', tag)
        sock.sendall(answer)
    file.close()


def is_ours(sock):
    """Return whether a client is on a socket of ours (bool)."""
    return isinstance(sock, sockets.SSLSocket) and isinstance(sock, ssl.SSLSocket)


def test_imaplib(pki, listener):
    """IMAP4_SSL logs in and out."""
    server = Background(lambda: play(
        protected(accept(listener), pki), (b'', b'* OK ready\r\n'),
        (b'CAPABILITY', b'* CAPABILITY IMAP4REV1\r\nTAG OK done\r\n'),
        (b'LOGIN', b'TAG OK done\r\n'), (b'LOGOUT', b'* BYE\r\nTAG OK done\r\n')))
    client = imaplib.IMAP4_SSL(*listener.getsockname())
    assert is_ours(client.ssl())
    assert 'OK' == client.login('someone', 'secret')[0]
    client.logout()
    server.result()


def test_poplib(pki, listener):
    """POP3_SSL fetches a mail."""
    server = Background(lambda: play(
        protected(accept(listener), pki), (b'', b'+OK ready\r\n'), (b'USER', b'+OK\r\n'),
        (b'PASS', b'+OK\r\n'), (b'RETR', b'+OK\r\nSubject: x\r\n\r\nhello\r\n.\r\n'),
        (b'QUIT', b'+OK\r\n')))
    client = poplib.POP3_SSL(*listener.getsockname())
    assert is_ours(client.sslobj)
    client.user('someone')
    client.pass_('secret')
    assert ['Subject: x', '', 'hello'] == client.retr(1)[1]
    client.quit()
    server.result()


_MAIL = [(b'EHLO', b'250 localhost\r\n'), (b'MAIL', b'250 ok\r\n'), (b'RCPT', b'250 ok\r\n'),
         (b'DATA', b'354 go\r\n'), (b'HELLO', b''), (b'.', b'250 sent\r\n'), (b'QUIT', b'221 \r\n')]


def test_smtp_ssl(pki, listener):
    """SMTP_SSL sends a mail."""
    server = Background(lambda: play(
        protected(accept(listener), pki), (b'', b'220 ready\r\n'), *_MAIL))
    client = smtplib.SMTP_SSL(*listener.getsockname())
    assert is_ours(client.sock)
    assert {} == client.sendmail('a@example.org', ['b@example.org'], 'hello')
    client.quit()
    server.result()


def test_smtp_starttls(pki, listener):
    """SMTP turns to TLS and sends a mail."""
    def serve():
        sock = accept(listener)
        play(sock, (b'', b'220 ready\r\n'), (b'EHLO', b'250-localhost\r\n250 STARTTLS\r\n'),
             (b'STARTTLS', b'220 go\r\n'))
        play(protected(sock, pki), *_MAIL)
    server = Background(serve)
    client = smtplib.SMTP(*listener.getsockname())
    client.starttls()
    assert is_ours(client.sock)
    assert {} == client.sendmail('a@example.org', ['b@example.org'], 'hello')
    client.quit()
    server.result()


def test_ftplib(pki, listener):
    """FTP_TLS protects its control connection and its data, and ends both by close_notify."""
    def serve():
        sock = accept(listener)
        play(sock, (b'', b'220 ready\r\n'), (b'AUTH TLS', b'234 go\r\n'))
        control = protected(sock, pki)
        with contextlib.closing(socket.socket()) as data:
            data.bind(('127.0.0.1', 0))
            data.listen(1)
            data.settimeout(PATIENCE)
            place = '127,0,0,1,%d,%d' % divmod(data.getsockname()[1], 256)
            play(control, (b'USER', b'331 and?\r\n'), (b'PASS', b'230 hello\r\n'),
                 (b'PBSZ', b'200 ok\r\n'), (b'PROT', b'200 ok\r\n'), (b'TYPE', b'200 ok\r\n'),
                 (b'PASV', b'227 (%s)\r\n' % place.encode('ascii')), (b'RETR', b'150 go\r\n'))
            sent = protected(accept(data), pki)
            sent.sendall(b'x' * 100000)
            sent.unwrap()
            sent.close()
        play(control, (b'', b'226 done\r\n'), (b'QUIT', b'221 bye\r\n'))
    server = Background(serve)
    client = ftplib.FTP_TLS(context=pki.client_context())
    client.connect('127.0.0.1', listener.getsockname()[1], PATIENCE)
    client.host = 'localhost'
    client.login('someone', 'secret')
    client.prot_p()
    assert is_ours(client.sock)
    chunks = []
    client.retrbinary('RETR x', chunks.append)
    assert b'x' * 100000 == b''.join(chunks)
    client.quit()
    server.result()


def test_httplib(pki):
    """HTTPSConnection reads answers of every shape, on one connection, and closes."""
    with serving(context=Stock(pki.server_context())) as server:
        client = httplib.HTTPSConnection('localhost', server.server_port,
                                         context=pki.client_context(), timeout=PATIENCE)
        for _ in range(2):
            client.request('GET', '/')
            answer = client.getresponse()
            assert (200, True) == (answer.status, bool(answer.read()))
        assert is_ours(client.sock)
        client.request('GET', '/unmeasured')
        assert b'x' * 1000 == client.getresponse().read()
        client.close()


def test_httplib_truncated(pki):
    """An answer that was cut short is no whole one."""
    with serving(context=Stock(pki.server_context())) as server:
        client = httplib.HTTPSConnection('localhost', server.server_port,
                                         context=pki.client_context(), timeout=PATIENCE)
        client.request('GET', '/truncated')
        assert isinstance(raised(lambda: client.getresponse().read()), ssl.SSLEOFError)


def test_httplib_refuses(pki):
    """A stranger's certificate is refused, as it was."""
    with serving(context=pki.server_context('stranger')) as server:
        client = httplib.HTTPSConnection('localhost', server.server_port,
                                         context=pki.client_context(), timeout=PATIENCE)
        error = raised(client.request, 'GET', '/')
        assert (True, []) == ('CERTIFICATE_VERIFY_FAILED' in str(error), server.requests)


def test_urllib2(pki):
    """urlopen gets what is there."""
    with serving(context=pki.server_context()) as server:
        answer = urllib2.urlopen(server.url('/unmeasured'), context=pki.client_context())
        assert b'x' * 1000 == answer.read()


class _Answer(BaseHTTPRequestHandler if sys.version_info[0] == 2 else object):
    def do_GET(self):
        body = b'served\n'
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Keep quiet."""


def test_http_server(pki):
    """The usual recipe, an HTTPServer whose listening socket is wrapped, serves."""
    server = HTTPServer(('127.0.0.1', 0), _Answer)
    server.socket = ssl.wrap_socket(server.socket, certfile=pki.path('localhost'),
                                    server_side=True)
    serving_one = Background(server.handle_request)
    answer = urllib2.urlopen('https://localhost:%d/' % server.server_port,
                             context=pki.client_context())
    assert b'served\n' == answer.read()
    serving_one.result()
    server.server_close()


def test_xmlrpclib(pki):
    """xmlrpclib calls a SimpleXMLRPCServer whose listening socket is wrapped."""
    server = SimpleXMLRPCServer(('127.0.0.1', 0), logRequests=False)
    server.register_function(lambda one, other: one + other, 'add')
    server.socket = ssl.wrap_socket(server.socket, certfile=pki.path('localhost'),
                                    server_side=True)
    serving_one = Background(server.handle_request)
    client = xmlrpclib.ServerProxy('https://localhost:%d/' % server.server_address[1],
                                   context=pki.client_context())
    assert 5 == client.add(2, 3)
    serving_one.result()
    server.server_close()
