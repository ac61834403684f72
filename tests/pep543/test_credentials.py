"""PEP 543's certificates, keys and trust stores: from bytes and files, PEM and DER, never shown."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27.pep543 import BACKEND, TLSConfiguration, TLSError
from tests.support.buffers import BufferPair, Material

Certificate, PrivateKey, TrustStore = (
    BACKEND.certificate, BACKEND.private_key, BACKEND.trust_store)

#: Keys of the form that each standard has: its label in PEM, and what follows the header in DER.
KEYS = {
    b'PRIVATE KEY': b'\x02\x01\x00\x30\x00',
    b'ENCRYPTED PRIVATE KEY': b'\x30\x00\x04\x00',
    b'RSA PRIVATE KEY': b'\x02\x01\x00\x02\x01\x00',
    b'EC PRIVATE KEY': b'\x02\x01\x01\x04\x00',
}


class Path(object):
    """What os.PathLike is on Python 3.6, on any Python."""

    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return self._path


def text(pki, name):
    """Return the bytes of file *name*."""
    return pki.text(name).encode('ascii')


@pytest.fixture(params=[b'X509 CERTIFICATE', b'TRUSTED CERTIFICATE'])
def label(request):
    """What PEM may call a certificate as well."""
    return request.param


def test_other_labels_of_a_chain(backend, pki, label):
    """A chain under PEM's other labels, of several certificates too, is what it is without them."""
    for name in ('localhost', 'chain'):
        data = pki.labelled(name, label)
        chain = backend.certificate.chain_from_buffer(data)
        assert [ssl.PEM_cert_to_DER_cert(one.pem.decode('ascii')) for one in chain] == pki.chain(
            name)
        assert (None, None) == serves(backend, (chain, backend.private_key.from_buffer(data)))


def test_other_labels_to_trust(backend, pki, label):
    """So is what to trust."""
    store = backend.trust_store.from_pem_buffer(pki.labelled('ca', label))
    client = backend.client_context(TLSConfiguration(trust_store=store))
    chain = (backend.certificate.chain_from_file(pki.path('localhost')),
             backend.private_key.from_file(pki.path('localhost')))
    server = backend.server_context(TLSConfiguration(certificate_chain=chain))
    assert (None, None) == BufferPair(client, server).try_handshake()


def test_trusted_for_something_else(backend, pki):
    """An authority that is not trusted for servers does not vouch for one: X509_CERT_AUX."""
    clients_alone = b'0\x0c0\x0a\x06\x08+\x06\x01\x05\x05\x07\x03\x02'
    der = pki.chain('ca')[0] + clients_alone
    pem = ssl.DER_cert_to_PEM_cert(der).replace('CERTIFICATE', 'TRUSTED CERTIFICATE')
    store = backend.trust_store.from_pem_buffer(pem.encode('ascii'))
    client = backend.client_context(TLSConfiguration(trust_store=store))
    chain = (backend.certificate.chain_from_file(pki.path('localhost')),
             backend.private_key.from_file(pki.path('localhost')))
    server = backend.server_context(TLSConfiguration(certificate_chain=chain))
    errors = BufferPair(client, server).try_handshake()
    assert [True, True] == [isinstance(error, TLSError) for error in errors]


def serves(backend, chain):
    """Return the errors of a handshake with a server that has that chain."""
    material = Material(None, backend)
    configuration = TLSConfiguration(certificate_chain=chain)
    server = material.backend.server_context(configuration)
    client = material.backend.client_context(TLSConfiguration(validate_certificates=False))
    return BufferPair(client, server).try_handshake()


class TestCertificate(object):
    def test_pem(self, pki):
        """A certificate in PEM is one with what is around it left out."""
        first = Certificate.from_buffer(text(pki, 'ca'))
        assert first == Certificate.from_buffer(b'Some text\n' + text(pki, 'ca') + b'more text')

    def test_der(self, pki):
        """A certificate in DER is the same as in PEM."""
        der = ssl.PEM_cert_to_DER_cert(pki.text('ca'))
        assert Certificate.from_buffer(der) == Certificate.from_buffer(bytearray(der))
        pem = Certificate.from_buffer(der).pem.decode('ascii')
        assert der == ssl.PEM_cert_to_DER_cert(pem)

    @pytest.mark.parametrize('kind', [str, Path, lambda path: path.encode('ascii')])
    def test_file(self, pki, kind):
        """A file is read when it is asked for; any kind of path will do."""
        assert Certificate.from_buffer(text(pki, 'ca')) == Certificate.from_file(
            kind(pki.path('ca')))

    def test_missing_file(self, pki):
        """A file that is not there is an error at once."""
        pytest.raises(EnvironmentError, Certificate.from_file, pki.path('nowhere'))

    def test_chain(self, pki):
        """All certificates of a buffer or a file come in order; from_buffer() keeps them all."""
        chain = Certificate.chain_from_file(pki.path('good_chain'))
        assert Certificate.chain_from_buffer(text(pki, 'good_chain')) == chain
        assert pki.chain('good_chain') == [
            ssl.PEM_cert_to_DER_cert(one.pem.decode('ascii')) for one in chain]
        leaf = Certificate.from_buffer(b'Some text\n' + text(pki, 'good_chain'))
        assert b''.join(one.pem for one in chain) == leaf.pem
        assert leaf == Certificate.from_file(pki.path('good_chain')) and leaf != chain[0]

    @pytest.mark.parametrize('data', [
        b'', b'\x30', b'\x30\x03\x02\x01', b'\x30\x02\x02\x01\x00', b'junk', b'\x30\x80\x00\x00',
        b'-----BEGIN CERTIFICATE-----\nAAAA\n', b'-----BEGIN PRIVATE KEY-----\nAAAA\n'
        b'-----END PRIVATE KEY-----\n', b'\x30\x85\x01\x01\x01\x01\x01'])
    def test_none(self, data):
        """What is no certificate is refused."""
        pytest.raises(ValueError, Certificate.from_buffer, data)

    def test_text(self, pki):
        """A buffer is bytes."""
        pytest.raises(TypeError, Certificate.from_buffer, text(pki, 'ca').decode('ascii'))
        pytest.raises(TypeError, Certificate)

    def test_garbage(self, backend, pki):
        """What looks like a certificate and is none is refused by the context."""
        chain = (Certificate.from_buffer(b'\x30\x04\x02\x00\x02\x00'),), PrivateKey.from_file(
            pki.path('localhost'))
        pytest.raises(TLSError, backend.server_context, TLSConfiguration(certificate_chain=chain))


class TestPrivateKey(object):
    @pytest.mark.parametrize('label', sorted(KEYS))
    def test_der_kinds(self, label):
        """A key in DER is recognised by its structure."""
        body = KEYS[label]
        key = PrivateKey.from_buffer(b'\x30' + bytes(bytearray([len(body)])) + body, b'secret')
        assert key.pem.startswith(b'-----BEGIN ' + label + b'-----\n')
        assert (label == b'ENCRYPTED PRIVATE KEY') == key.is_encrypted

    @pytest.mark.parametrize('leaf', ['localhost', 'ecdsa', 'good'])
    def test_der(self, backend, pki, leaf):
        """A key in DER serves, whatever kind it is; so does the certificate."""
        pem = PrivateKey.from_file(pki.path(leaf)).pem
        der = ssl.base64.b64decode(b''.join(pem.splitlines()[1:-1]))
        key = backend.private_key.from_buffer(der)
        assert pem.splitlines()[0] == key.pem.splitlines()[0]
        certificate = backend.certificate.from_buffer(pki.chain(leaf)[0])
        assert (None, None) == serves(backend, ((certificate,), key))

    @pytest.mark.parametrize('password', [
        b'secret', bytearray(b'secret'), u'secret', lambda: b'secret', lambda: bytearray(b'secret'),
        lambda: u'secret'], ids=['bytes', 'bytearray', 'text', 'to_bytes', 'to_array', 'to_text'])
    def test_password(self, backend, pki, password):
        """An encrypted key takes a password, or what returns one."""
        chain = (backend.certificate.chain_from_file(pki.path('encrypted')),
                 backend.private_key.from_file(pki.path('encrypted'), password))
        assert (None, None) == serves(backend, chain)

    @pytest.mark.parametrize('password', [None, b'wrong', lambda: b'wrong', b''])
    def test_wrong_password(self, backend, pki, password):
        """A wrong one, or none, is refused by the context; nobody asks the terminal."""
        chain = (backend.certificate.chain_from_file(pki.path('encrypted')),
                 backend.private_key.from_file(pki.path('encrypted'), password))
        pytest.raises(TLSError, backend.server_context, TLSConfiguration(certificate_chain=chain))

    def test_password_not_needed(self, backend, pki):
        """What returns a password is not called if none is needed."""
        def password():
            raise AssertionError('nobody needs it')
        chain = (backend.certificate.chain_from_file(pki.path('localhost')),
                 backend.private_key.from_file(pki.path('localhost'), password))
        assert (None, None) == serves(backend, chain)

    def test_password_raises(self, backend, pki):
        """What it raises comes out of the context's constructor."""
        def password():
            raise LookupError('no password')
        chain = (backend.certificate.chain_from_file(pki.path('encrypted')),
                 backend.private_key.from_file(pki.path('encrypted'), password))
        pytest.raises(LookupError, backend.server_context,
                      TLSConfiguration(certificate_chain=chain))

    def test_password_of_no_use(self, backend, pki):
        """It must return a password."""
        chain = (backend.certificate.chain_from_file(pki.path('encrypted')),
                 backend.private_key.from_file(pki.path('encrypted'), lambda: 3))
        pytest.raises(TypeError, backend.server_context, TLSConfiguration(certificate_chain=chain))

    @pytest.mark.parametrize('data', [b'', b'junk', b'\x30\x00', b'\x30\x04\x04\x00\x04\x00'])
    def test_none(self, data):
        """What is no key is refused."""
        pytest.raises(ValueError, PrivateKey.from_buffer, data)

    def test_several(self, pki):
        """So are several, and a certificate."""
        pytest.raises(ValueError, PrivateKey.from_buffer, text(pki, 'localhost') * 2)
        pytest.raises(ValueError, PrivateKey.from_buffer, text(pki, 'ca'))
        pytest.raises(ValueError, PrivateKey.from_buffer, ssl.PEM_cert_to_DER_cert(pki.text('ca')))

    def test_types(self, pki):
        """A buffer is bytes; a password is bytes, text, or callable."""
        pytest.raises(TypeError, PrivateKey.from_buffer, text(pki, 'localhost').decode('ascii'))
        pytest.raises(TypeError, PrivateKey.from_buffer, text(pki, 'localhost'), 3)

    def test_repr(self, pki):
        """Neither the key nor its password is ever shown."""
        key = PrivateKey.from_file(pki.path('encrypted'), b'secret')
        assert '<PEMPrivateKey>' == repr(key) == str(key) == '%r' % key

    def test_equal(self, pki):
        """Keys are equal if key and password are."""
        keys = [PrivateKey.from_file(pki.path('encrypted'), password)
                for password in (b'secret', b'secret', b'other')]
        assert keys[0] == keys[1] and hash(keys[0]) == hash(keys[1])
        assert keys[0] != keys[2] and keys[0] != keys[0].pem


class TestTrustStore(object):
    def test_equal(self, pki):
        """Stores are equal if their certificates are."""
        store = TrustStore.from_pem_file(pki.path('ca'))
        assert store == TrustStore.from_pem_buffer(text(pki, 'ca'))
        assert store != TrustStore.from_pem_file(pki.path('stranger-ca'))
        assert store != TrustStore.system() == TrustStore.system()
        assert {store: 1, TrustStore.system(): 2}[TrustStore.from_pem_file(
            Path(pki.path('ca')))] == 1
        assert store != Certificate.from_file(pki.path('ca'))

    def test_several(self, backend, pki):
        """All certificates of a file are trusted."""
        both = backend.trust_store.from_pem_buffer(text(pki, 'stranger-ca') + text(pki, 'ca'))
        client = backend.client_context(TLSConfiguration(trust_store=both))
        for leaf in ('localhost', 'stranger'):
            server = Material(pki, backend).server(leaf)
            assert (None, None) == BufferPair(client, server).try_handshake()

    def test_none(self):
        """Who trusts nobody has made a mistake."""
        pytest.raises(ValueError, TrustStore.from_pem_buffer, b'')

    def test_garbage(self, backend):
        """What looks like a certificate and is none is refused by the context."""
        store = backend.trust_store.from_pem_buffer(
            b'-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
        pytest.raises(TLSError, backend.client_context, TLSConfiguration(trust_store=store))

    def test_repr(self, pki):
        """A store says what it is."""
        assert '<PEMTrustStore of the system>' == repr(TrustStore.system())
        assert 'bytes of PEM' in repr(TrustStore.from_pem_file(pki.path('ca')))
