"""What the README says of pyOpenSSL 21 alone: `make comparison`."""
from __future__ import absolute_import, division, print_function

import contextlib
import socket

import pytest
import service_identity.pyopenssl
from OpenSSL import SSL

from tests.comparison.contract import (
    NAMES, PATIENCE, cell, classifiers, connected, greeter, is_pure, receive, requirements,
    silent, starttls_server, through_pipe)


def client_context(pki):
    """Return a context that verifies all that pyOpenSSL can."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.load_verify_locations(pki.path('ca'))
    context.set_verify(SSL.VERIFY_PEER, lambda connection, certificate, error, depth, ok: ok)
    return context


def server_context(pki):
    """Return a server's context."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.use_certificate_chain_file(pki.path('localhost'))
    context.use_privatekey_file(pki.path('localhost'))
    return context


def in_memory(pki):
    """Return (a client, a server) without sockets, before the handshake."""
    client = SSL.Connection(client_context(pki))
    client.set_connect_state()
    server = SSL.Connection(server_context(pki))
    server.set_accept_state()
    return client, server


def attempt(call, *args):
    """Return what *call* returns; None if it wants more bytes."""
    try:
        return call(*args)
    except SSL.WantReadError:
        return None


def all_of(connection):
    """Return all that a connection without a socket has to send."""
    return attempt(connection.bio_read, 1 << 20) or b''


def exchange(client, server, carry=lambda data: data):
    """Shake hands, each flight through `carry`."""
    for _ in range(4):
        attempt(client.do_handshake)
        for source, target in ((client, server), (server, client)):
            data = all_of(source)
            if data:
                target.bio_write(carry(data))
            attempt(target.do_handshake)


def secured(sock, pki, name=u'localhost'):
    """Shake hands over a blocking socket; return the connection."""
    sock.settimeout(None)  # a socket with a timeout does not block (its documentation)
    connection = SSL.Connection(client_context(pki), sock)
    connection.set_tlsext_host_name(name.encode('ascii'))
    connection.set_connect_state()
    connection.do_handshake()
    return connection


@cell('TLS in memory', 'yes')
def test_memory(pki):
    """Its connections shake hands with no socket."""
    client, server = in_memory(pki)
    exchange(client, server)
    assert 'TLSv1.3' == client.get_protocol_version_name()


@cell('contexts are the interpreter\'s `ssl.SSLContext`', 'no')
def test_contexts(pki):
    """It does not take them."""
    with pytest.raises(TypeError):
        SSL.Connection(pki.client_context(), None)


@cell('a connection can be upgraded (STARTTLS)', 'yes')
def test_upgrade(pki):
    """A socket that has been used in plaintext becomes a connection."""
    with starttls_server(pki) as port, contextlib.closing(connected(port)) as sock:
        assert b'hello\n' == receive(sock, 6)
        sock.sendall(b'STARTTLS\n')
        connection = secured(sock, pki)
        connection.sendall(b'secret')
        assert b'secret' == connection.recv(6)


@cell('TLS in TLS', 'by hand')
def test_tls_in_tls(pki):
    """What one pair has to send another one can carry, by a program of one's own."""
    outer_client, outer_server = in_memory(pki)
    exchange(outer_client, outer_server)

    def through(data):
        sender, receiver = sides[0]
        sides.reverse()
        sender.send(data)
        receiver.bio_write(all_of(sender))
        return receiver.recv(1 << 20)

    sides = [(outer_client, outer_server), (outer_server, outer_client)]
    client, server = in_memory(pki)
    exchange(client, server, through_pipe)
    assert 'TLSv1.3' == client.get_protocol_version_name()
    with pytest.raises(TypeError):
        SSL.Connection(client_context(pki), outer_client)


@cell('TLS over pipes, on a loop', 'by hand')
def test_pipes(pki):
    """Its connections take no pipes, but a program can bring the bytes; loops it has none."""
    client, server = in_memory(pki)

    exchange(client, server, through_pipe)
    assert 'TLSv1.3' == client.get_protocol_version_name()


@cell('a time limit for a client\'s handshake', 'by hand')
def test_client_limit(pki):
    """Sockets with a timeout don't wait at all: who waits, and how long, is the program's."""
    with silent() as port, contextlib.closing(connected(port)) as sock:
        sock.settimeout(PATIENCE)
        connection = SSL.Connection(client_context(pki), sock)
        connection.set_connect_state()
        with pytest.raises(SSL.WantReadError):
            connection.do_handshake()


@cell('a time limit for a server\'s handshake', 'by hand')
def test_server_limit(pki):
    """The same holds of servers."""
    near, far = socket.socketpair()
    near.settimeout(PATIENCE)
    connection = SSL.Connection(server_context(pki), near)
    connection.set_accept_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    near.close()
    far.close()


@pytest.mark.parametrize('row, verify', [
    ('address', service_identity.pyopenssl.verify_ip_address),
    ('partial', service_identity.pyopenssl.verify_hostname)])
@cell('certificates for IP addresses', 'by service-identity')
@cell('names by RFC 9525: no `w*.example.org`', 'by service-identity')
def test_names(pki, row, verify):
    """It compares no names; service-identity, which its manual names, does so by the book."""
    leaf, name = NAMES[row]
    wrong_leaf, wrong = NAMES['wrong']
    with greeter(pki, wrong_leaf) as port, contextlib.closing(connected(port)) as sock:
        secured(sock, pki, wrong)
    with greeter(pki, leaf) as port, contextlib.closing(connected(port)) as sock:
        connection = secured(sock, pki, name)
        if row == 'address':
            verify(connection, name)
        else:
            with pytest.raises((service_identity.VerificationError,
                                service_identity.CertificateError)):
                verify(connection, name)


@cell('the same package on Python 3', 'yes')
def test_python3():
    """It is for 3, too."""
    assert 'Python :: 3.9' in classifiers('pyOpenSSL')


@cell('pure Python, no binaries', 'no')
def test_binaries():
    """It needs cryptography's."""
    assert 'cryptography' in [name for name in requirements('pyOpenSSL') if not is_pure(name)]
