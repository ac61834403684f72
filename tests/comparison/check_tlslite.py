"""What the README says of tlslite-ng: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib
import socket
import threading

import pytest
from tlslite.api import (
    TLSConnection, TLSFingerprintError, X509CertChain, parsePEMKey)
from tlslite.checker import Checker

import sslproto27
from tests.comparison.contract import (
    SHORT, asked, cell, classifiers, connected, greeter, is_pure, nested_server, receive,
    requirements, silent, starttls_server, through_pipe)


class InMemory(object):
    """What a TLSConnection takes for a socket that never blocks: bytes in both directions."""

    def __init__(self):
        self.incoming = self.outgoing = b''

    def recv(self, size):
        """Return what has come, or say that nothing has."""
        if not self.incoming:
            raise socket.error(11, 'nothing has come')
        data, self.incoming = self.incoming[:size], self.incoming[size:]
        return data

    def send(self, data):
        """Take all of the data."""
        self.outgoing += bytes(data)
        return len(data)

    sendall = send


def server_options(pki):
    """Return what a server's handshake wants."""
    chain = X509CertChain()
    chain.parsePemList(pki.text('localhost'))
    return dict(certChain=chain, privateKey=parsePEMKey(pki.text('localhost'), private=True))


def secured(sock, name=u'localhost'):
    """Shake hands over what has a socket's methods; return the connection."""
    connection = TLSConnection(sock)
    # It refuses to send an address as a name, which it does not verify either.
    connection.handshakeClientCert(serverName=None if name == u'127.0.0.1' else str(name))
    return connection


def connect(port, name=u'localhost'):
    """Shake hands with the server at a port, and leave."""
    with contextlib.closing(connected(port)) as sock:
        secured(sock, name).close()


def shake_hands(pki, carry):
    """Shake hands without sockets, each flight through *carry*; return both connections."""
    sides = InMemory(), InMemory()
    client, server = [TLSConnection(one) for one in sides]
    running = {sides[0]: client.handshakeClientCert(async_=True),
               sides[1]: server.handshakeServerAsync(**server_options(pki))}
    while running:
        for one, other in (sides, sides[::-1]):
            for wants in running.get(one, ()):
                if wants == 0:  # to read
                    break
            else:
                running.pop(one, None)
            other.incoming += carry(one.outgoing)
            one.outgoing = b''
    return client, server


@cell('TLS in memory', 'by hand')
def test_memory(pki):
    """It calls a socket's methods, which a program can write; its handshakes are generators."""
    client, server = shake_hands(pki, lambda data: data)
    assert (3, 4) == client.version == server.version


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'no')
def test_contexts(pki):
    """It does not take them."""
    near, far = socket.socketpair()
    with contextlib.closing(near), contextlib.closing(far):
        with pytest.raises(AttributeError):
            TLSConnection(near).handshakeClientCert(settings=pki.client_context())


@cell('a connection can be upgraded (STARTTLS)', 'yes')
def test_upgrade(pki):
    """A socket that has been used in plaintext becomes a connection."""
    with starttls_server(pki) as port, contextlib.closing(connected(port)) as sock:
        assert b'hello\n' == receive(sock, 6)
        sock.sendall(b'STARTTLS\n')
        connection = secured(sock)
        connection.sendall(b'secret')
        assert b'secret' == bytes(connection.read(min=6, max=6))


@cell('TLS in TLS', 'yes')
def test_tls_in_tls(pki):
    """A connection goes over another one."""
    with nested_server(pki, lambda sock, context: sslproto27.SSLSocket(
            sock, context, server_side=True)) as port:
        with contextlib.closing(connected(port)) as sock:
            inner = secured(secured(sock))
            inner.sendall(b'secret')
            assert b'secret' == bytes(inner.read(min=6, max=6))


@cell('TLS over pipes, on a loop', 'by hand')
def test_pipes(pki):
    """A program can bring the bytes; loops it has none."""
    client, server = shake_hands(pki, through_pipe)
    assert (3, 4) == client.version == server.version


@cell('a time limit for a client\'s handshake', 'yes')
def test_client_limit():
    """The socket's timeout holds for handshakes."""
    with silent() as port, contextlib.closing(connected(port)) as sock:
        sock.settimeout(SHORT)
        with pytest.raises(socket.timeout):
            secured(sock)


@cell('a time limit for a server\'s handshake', 'per read only')
def test_server_limit(pki):
    """The timeout begins anew with each byte: a client that sends a few now and then may stay."""
    near, far = socket.socketpair()
    near.settimeout(SHORT)
    ended = []

    def serve():
        with pytest.raises(socket.timeout):
            TLSConnection(near).handshakeServer(**server_options(pki))
        ended.append(True)

    with contextlib.closing(near), contextlib.closing(far):
        thread = threading.Thread(target=serve)
        thread.start()
        for byte in bytearray(b'\x16\x03\x01\x01\x00\x01'):
            far.sendall(bytes(bytearray([byte])))
            thread.join(SHORT / 2)
            assert not ended
        thread.join(100 * SHORT)
    assert ended


@pytest.mark.parametrize('row', ['address', 'partial', 'wrong'])
@cell('certificates for IP addresses', 'does not verify certificates')
@cell('names by RFC 9525: no `w*.example.org`', 'does not verify certificates')
def test_names(pki, row):
    """It verifies neither chain nor name; a program may compare the certificate's fingerprint."""
    asked(connect, pki, row)
    with greeter(pki) as port, contextlib.closing(connected(port)) as sock:
        with pytest.raises(TLSFingerprintError):
            TLSConnection(sock).handshakeClientCert(checker=Checker('00' * 20))


@cell('the same package on Python 3', 'yes')
def test_python3():
    """It is for 3, too."""
    assert 'Python :: 3.12' in classifiers('tlslite-ng')


@cell('pure Python, no binaries', 'yes')
def test_pure():
    """All that it needs is Python."""
    assert [] == [name for name in requirements('tlslite-ng') if not is_pure(name)]


@cell('python.org\'s builds for Windows and macOS', 'yes')
def test_windows():
    """It says that it is for any system, and brings nothing that would not be."""
    assert ['OS Independent'] == classifiers('tlslite-ng', 'Operating System')
