"""The examples for Tornado run as they are written."""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import socket
import subprocess
import threading

import pytest

from tests.support import tornados  # noqa: F401: skips where there is no Tornado
from tests.support.programs import ROOT, finish, running


def example(name):
    """Return the path of an example."""
    return os.path.join(ROOT, 'examples', name)


# Warnings of Tornado's own, on Python 3, are not the examples'.
QUIET = ['-W', 'ignore']


@contextlib.contextmanager
def server(name, *arguments):
    """Run an example that serves; give its port."""
    with running(QUIET + [example(name)] + list(arguments) + ['0']) as process:
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.stderr.read())
        yield line.split()[-1]


def connect(pki, port):
    """Return a TLS socket of ssl's own to an example, that takes no ragged EOF for the end."""
    sock = socket.create_connection(('127.0.0.1', int(port)), timeout=20)
    return pki.client_context().wrap_socket(sock, server_hostname='localhost',
                                            suppress_ragged_eofs=False)


def test_https(pki):
    """The HTTPS client prints what the HTTPS server says."""
    with server('tornado_https_server.py', pki.path('localhost')) as port:
        arguments = QUIET + [example('tornado_https_client.py'), pki.path('ca'),
                             'https://localhost:%s/' % port]
        status, stdout, stderr = finish(arguments)
        assert (0, '200 OK\nHello over TLSv1.3\n', '') == (status, stdout, stderr)
        arguments[-2] = pki.path('stranger-ca')
        status, _, stderr = finish(arguments)
        assert status == 1
        assert 'CERTIFICATE_VERIFY_FAILED' in stderr


def test_echo(pki):
    """The echo server answers a client that is not of this library."""
    with server('tornado_echo_server.py', pki.path('localhost')) as port:
        sock = connect(pki, port)
        sock.sendall(b'a message')
        assert b'a message' == sock.recv(100)
        sock.close()


def test_chat(pki):
    """Two who have joined the chat see each other's lines."""
    with server('tornado_chat.py', 'serve', pki.path('localhost')) as port:
        arguments = QUIET + [example('tornado_chat.py'), 'join', pki.path('ca'), port]
        with running(arguments + ['Ada'], stdin=subprocess.PIPE) as ada:
            say(ada, 'hello\n')
            assert 'Ada: hello\n' == ada.stdout.readline()  # she has joined
            with running(arguments + ['Grace'], stdin=subprocess.PIPE) as grace:
                say(grace, 'hi Ada\n')
                assert 'Grace: hi Ada\n' == ada.stdout.readline()
                assert 'Grace: hi Ada\n' == grace.stdout.readline()
                say(ada, 'bye\n')
                assert 'Ada: bye\n' == grace.stdout.readline()
                for member in (ada, grace):
                    member.stdin.close()
                    assert 0 == member.wait()
                    assert '' == member.stderr.read()


def say(member, line):
    """Let a member of the chat write a line."""
    member.stdin.write(line)
    member.stdin.flush()


def test_terminator(pki):
    """A plain service is reached over TLS, and the end of it ends the connection cleanly."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(1)
    listener.settimeout(20)

    def shout():
        service = listener.accept()[0]
        data = service.recv(100)
        while data:
            service.sendall(data.upper())
            data = b'' if data.endswith(b'bye') else service.recv(100)
        service.close()

    thread = threading.Thread(target=shout)
    thread.start()
    with server('tornado_terminator.py', pki.path('localhost'),
                str(listener.getsockname()[1])) as port:
        sock = connect(pki, port)
        sock.sendall(b'hello')
        assert b'HELLO' == sock.recv(100)
        sock.sendall(b'good bye')
        assert b'GOOD BYE' == sock.recv(100)
        assert b'' == sock.recv(100)
        sock.close()
    thread.join()
    listener.close()


@pytest.mark.parametrize('name', ['tornado_https_server.py', 'tornado_https_client.py',
                                  'tornado_echo_server.py', 'tornado_chat.py',
                                  'tornado_terminator.py'])
def test_usage(name):
    """Without arguments an example prints how it is used."""
    status, stdout, stderr = finish(QUIET + [example(name)])
    assert (1, '') == (status, stdout)
    assert 'Usage: %s ' % name in stderr
