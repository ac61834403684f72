"""
What the checks of all alternatives need: a name for a cell, and peers of the standard library.

Nothing here knows of one of the alternatives, nor of sslproto27.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import socket
import ssl

import pkg_resources

from tests.support.peers import PATIENCE, hang_up, receive, serving

__all__ = ['NAMES', 'PATIENCE', 'SHORT', 'asked', 'cell', 'classifiers', 'connected', 'greeter',
           'is_pure', 'nested_server', 'receive', 'requirements', 'silent', 'starttls_server',
           'through_pipe']

#: Seconds for what has to end by itself because its peer is silent.
SHORT = 0.2

#: By row, a certificate and the name that its server is asked for.
NAMES = {'address': ('network', u'127.0.0.1'), 'partial': ('partial_alone', u'www.example.org'),
         'wrong': ('other', u'localhost')}


def cell(row, verdict):
    """
    Say which cell of the README's table a test verifies, and what has to stand there.

    tests/project/test_comparison.py reads this from the source, and holds the table to it.
    """
    return lambda test: test


# Of packages

def _lines(name, field):
    dist = pkg_resources.get_distribution(name)
    text = dist.get_metadata(dist.PKG_INFO)
    return [line.partition(': ')[2] for line in text.splitlines() if line.startswith(field + ': ')]


def classifiers(name, kind='Programming Language'):
    """Return what an installed package says that it runs on: 'Python :: 3', say."""
    before = kind + ' :: '
    return [one[len(before):] for one in _lines(name, 'Classifier') if one.startswith(before)]


def requirements(name):
    """Return the names, in lower case, of all packages that one brings along, itself included."""
    found, todo = set(), [name]
    while todo:
        dist = pkg_resources.get_distribution(todo.pop())
        if dist.key not in found:
            found.add(dist.key)
            todo += [one.name for one in dist.requires()]
    return found


def is_pure(name):
    """Return whether an installed package is Python alone: its wheel says so."""
    wheel = pkg_resources.get_distribution(name).get_metadata('WHEEL')
    return 'Root-Is-Purelib: true' in wheel.splitlines()


# Servers; each gives its port

@contextlib.contextmanager
def greeter(pki, leaf='localhost'):
    """Serve over stock ssl: HTTP's 'hello' to whoever shakes hands, and refuse nobody else."""
    def handle(sock):
        try:
            secure = pki.server_context(leaf=leaf).wrap_socket(sock, server_side=True)
            secure.recv(4096)
            secure.sendall(b'HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello')
            hang_up(secure)
        except (ssl.SSLError, socket.error):
            pass  # what the client does not take
    with serving(handle) as port:
        yield port


@contextlib.contextmanager
def silent():
    """Accept clients, and answer nothing until they leave."""
    def handle(sock):
        try:
            while sock.recv(4096):
                pass
        except socket.error:
            pass
    with serving(handle) as port:
        yield port


@contextlib.contextmanager
def starttls_server(pki):
    """Greet in plaintext, then start TLS, then send back what comes."""
    def handle(sock):
        sock.sendall(b'hello\n')
        assert b'STARTTLS\n' == receive(sock, 9)
        secure = pki.server_context().wrap_socket(sock, server_side=True)
        secure.sendall(secure.recv(100))
        hang_up(secure)
    with serving(handle) as port:
        yield port


@contextlib.contextmanager
def nested_server(pki, unseen):
    """
    Speak TLS, and within it TLS, by `unseen`; send back what comes within both.

    Args:
        unseen (callable): from (a TLS socket, context) to what has recv and sendall in TLS over it.
            Whatever it raises is taken for the client's fault.
    """
    def handle(sock):
        try:
            outer = pki.server_context().wrap_socket(sock, server_side=True)
            inner = unseen(outer, pki.server_context())
            inner.sendall(inner.recv(100))
            hang_up(inner)
        except (ssl.SSLError, socket.error):
            pass
    with serving(handle) as port:
        yield port


# Clients

def asked(connect, pki, row):
    """Call ``connect(port, name)`` for a server whose certificate, and its name, are *row*'s."""
    leaf, name = NAMES[row]
    with greeter(pki, leaf) as port:
        return connect(port, name)


def connected(port):
    """Return a connected socket."""
    return socket.create_connection(('127.0.0.1', port), PATIENCE)


def through_pipe(data):
    """Return the data, carried through a pipe."""
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    with os.fdopen(reading, 'rb') as file:
        return file.read()
