"""Two TLSWrappedBuffers of PEP 543 and the bytes between them, in memory; and whose they are."""
from __future__ import absolute_import, division, print_function

import importlib

import pytest

from sslproto27.pep543 import (
    BACKEND, CipherSuite, RaggedEOF, TLSConfiguration, TLSError, TLSVersion, WantReadError,
    WantWriteError)
from tests.support.memory import whole

__all__ = ['BACKENDS', 'BufferPair', 'Material', 'SIDES', 'VERSIONS', 'advance', 'backend_called',
           'carry', 'ecdhe', 'outgoing', 'read_all', 'talk']

BACKENDS = ('openssl', 'pyopenssl')
SIDES = pytest.mark.parametrize('ours', ['client', 'server'])
VERSIONS = {'TLSv1.2': TLSVersion.TLSv1_2, 'TLSv1.3': TLSVersion.TLSv1_3}


def backend_called(name):
    """Return the Backend of that name; skip where what it binds is missing."""
    if name == 'openssl':
        return BACKEND
    pytest.importorskip('OpenSSL', reason='pyOpenSSL is not installed')
    return importlib.import_module('sslproto27.pep543.pyopenssl').BACKEND


class Material(object):
    """What of `pki.PKI` a backend needs, in the shape that it needs."""

    def __init__(self, pki, backend=BACKEND):
        self._pki = pki
        self.backend = backend

    def chain(self, leaf):
        """Return (certificates, private key) of file *leaf*."""
        path = self._pki.path(leaf)
        return (self.backend.certificate.chain_from_file(path),
                self.backend.private_key.from_file(path))

    def trust(self, name='ca'):
        """Return the trust store of file *name*."""
        return self.backend.trust_store.from_pem_file(self._pki.path(name))

    def client(self, leaf=None, trust='ca', **settings):
        """Return a client's context that presents *leaf* when asked to."""
        if leaf is not None:
            settings['certificate_chain'] = self.chain(leaf)
        if trust is not None:
            settings['trust_store'] = self.trust(trust)
        return self.backend.client_context(TLSConfiguration(**settings))

    def server(self, leaf='localhost', trust=None, **settings):
        """Return a server's context; it wants clients that *trust* vouches for, if it is given."""
        if trust is not None:
            settings['trust_store'] = self.trust(trust)
        return self.backend.server_context(
            TLSConfiguration(certificate_chain=self.chain(leaf), **settings))


def outgoing(buffer):
    """Take all that is outgoing."""
    chunks = []
    while True:
        data = buffer.peek_outgoing(10000)
        if not data:
            return b''.join(chunks)
        buffer.consume_outgoing(len(data))
        chunks.append(data)


def carry(source, target, split=whole):
    """Bring all that is outgoing at *source* to *target*; return how many bytes that was."""
    data = outgoing(source)
    for piece in split(data):
        target.receive_from_network(piece)
        advance(target)
    return len(data)


def advance(buffer):
    """Take a handshake as far as it goes; return what it fails with, or None."""
    try:
        buffer.do_handshake()
    except WantReadError:
        return None
    except TLSError as error:
        return error
    return None


def read_all(buffer):
    """Return (all plaintext there is, the class of what is raised after it, or b'')."""
    chunks = []
    while True:
        try:
            data = buffer.read(1000)
        except (WantReadError, RaggedEOF, TLSError) as error:
            return b''.join(chunks), type(error)
        if not data:
            return b''.join(chunks), data
        chunks.append(data)


def talk(source, target, data, split=whole):
    """Send all of *data* from *source* to *target*; return what arrives there."""
    received = []
    while data:
        try:
            data = data[source.write(data):]
        except WantWriteError:
            assert source.peek_outgoing(1)
        carry(source, target, split)
        received.append(read_all(target)[0])
    return b''.join(received)


class BufferPair(object):
    """
    A client's buffer, a server's, and the wire between them.

    Args:
        client_context, server_context: of whatever backends.
        server_hostname (text or None): for the client.
        split (callable): from bytes to the pieces in which they arrive; see `memory.SPLITS`.
    """

    def __init__(self, client_context, server_context, server_hostname=u'localhost', split=whole):
        self.client = client_context.wrap_buffers(server_hostname)
        self.server = server_context.wrap_buffers()
        self.split = split

    def try_handshake(self):
        """Shake hands, alerts included; return the (client's, server's) error, or None for each."""
        advance(self.server)
        advance(self.client)
        while carry(self.client, self.server, self.split) + carry(
                self.server, self.client, self.split):
            pass
        return advance(self.client), advance(self.server)

    def handshake(self):
        """Shake hands, session tickets included; raise what a side raises, the server's first."""
        for error in reversed(self.try_handshake()):
            if error is not None:
                raise error
        for side in (self.client, self.server):
            side.do_handshake()
        return self

    def sides(self, ours):
        """Return (the buffer of side *ours*, the other one)."""
        both = self.client, self.server
        return both if ours == 'client' else both[::-1]


def ecdhe(material, *names):
    """Return the settings for TLS 1.2 with those suites that fit the key of 'localhost'."""
    kind = 'ECDSA' if 'EC PRIVATE' in material.chain('localhost')[1].pem.decode() else 'RSA'
    return dict(ciphers=[CipherSuite['TLS_ECDHE_%s_WITH_%s' % (kind, name)] for name in names])
