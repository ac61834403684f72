"""Certificates and keys from memory, and revocation lists."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import context
from tests.support.contexts import Functions
from tests.support.memory import Pair, connect, only_python2, raised
from tests.support.pki import PASSWORDS, PASSWORD_IDS

pytestmark = only_python2


@pytest.fixture
def server(way):
    """A server's context without a certificate."""
    return way.new(server_side=True)


def parts(pem):
    """Return the (private key, certificates) of a PEM text."""
    start = pem.index('-----BEGIN CERTIFICATE-----')
    return pem[:start], pem[start:]


class TestCertChain(object):
    @pytest.mark.parametrize('leaf', ['localhost', 'chain', 'ecdsa'])
    def test_served(self, way, server, pki, leaf):
        """The chain that was loaded is served, and its key proves it."""
        way.call(server, 'load_cert_chain_pem', pki.text(leaf))
        pair = connect(pki.client_context(), server)
        assert pki.chain(leaf) == pair.client.get_unverified_chain()

    @pytest.mark.parametrize('kind', [str, bytearray, lambda text: text.decode('ascii')],
                             ids=['bytes', 'bytearray', 'text'])
    def test_key_apart(self, way, server, pki, kind):
        """Certificates and key may come apart, as bytes or text."""
        key, certificates = parts(pki.text('localhost'))
        way.call(server, 'load_cert_chain_pem', kind(certificates), keydata=kind(key))
        assert (None, None) == Pair(pki.client_context(), server).try_handshake()

    def test_client(self, way, pki):
        """A client's certificate is loaded alike."""
        client = pki.client_context()
        Functions().call(client, 'load_cert_chain_pem', pki.text('client'))
        pair = connect(client, pki.server_context(trust='ca'))
        assert pki.chain('client')[0] == pair.server.getpeercert(True)

    def test_replaced(self, way, server, pki):
        """Loading again replaces all of it."""
        for leaf in ('chain', 'localhost', 'localhost'):
            way.call(server, 'load_cert_chain_pem', pki.text(leaf))
        pair = connect(pki.client_context(), server)
        assert pki.chain('localhost') == pair.client.get_unverified_chain()

    @pytest.mark.parametrize('password', [
        b'secret', u'secret', bytearray(b'secret'), lambda: u'secret'],
        ids=['bytes', 'text', 'bytearray', 'callable'])
    def test_password(self, way, server, pki, password):
        """An encrypted key is read with its password."""
        way.call(server, 'load_cert_chain_pem', pki.text('encrypted'), password=password)
        assert (None, None) == Pair(pki.client_context(), server).try_handshake()

    @pytest.mark.parametrize('label', [b'X509 CERTIFICATE', b'TRUSTED CERTIFICATE'])
    def test_label(self, way, server, pki, label):
        """A certificate with one of PEM's other labels is taken, as from a file."""
        way.call(server, 'load_cert_chain_pem', pki.labelled('localhost', label))
        assert (None, None) == Pair(pki.client_context(), server).try_handshake()

    @pytest.mark.parametrize('password', PASSWORDS, ids=PASSWORD_IDS)
    def test_password_in_utf8(self, way, server, pki, password):
        """A password of text that is not ASCII is UTF-8."""
        way.call(server, 'load_cert_chain_pem', pki.text('encrypted-utf8'), password=password)
        assert (None, None) == Pair(pki.client_context(), server).try_handshake()

    @pytest.mark.parametrize('password', [None, b'', b'wrong', lambda: b'wrong'],
                             ids=['None', 'empty', 'wrong', 'callable'])
    def test_wrong_password(self, way, server, pki, password):
        """With none, or a wrong one, it is refused, and nobody is asked at the terminal."""
        assert ssl.SSLError is type(raised(
            way.call, server, 'load_cert_chain_pem', pki.text('encrypted'), password=password))

    @pytest.mark.parametrize('password, error', [
        (1, TypeError), (b'x' * 1025, ValueError), (b'a\0b', ValueError)], ids=repr)
    def test_no_password(self, way, server, pki, password, error):
        """What can be no password is refused."""
        with pytest.raises(error):
            way.call(server, 'load_cert_chain_pem', pki.text('encrypted'), password=password)

    def test_another_key(self, way, server, pki):
        """A key that is not the certificate's is refused, and the old pair stays."""
        way.call(server, 'load_cert_chain_pem', pki.text('localhost'))
        key = parts(pki.text('other'))[0]
        error = raised(way.call, server, 'load_cert_chain_pem',
                       parts(pki.text('network'))[1], keydata=key)
        assert (ssl.SSLError, 'PRIVATE_KEY_MISMATCH') == (type(error), error.reason)
        pair = connect(pki.client_context(), server)
        assert pki.chain('localhost') == pair.client.get_unverified_chain()

    @pytest.mark.parametrize('wrong', [
        b'', b'nonsense', b'-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n'],
        ids=['empty', 'nonsense', 'malformed'])
    def test_no_certificate(self, way, server, pki, wrong):
        """What holds no certificate, or a malformed one, is refused."""
        key, good = parts(pki.text('localhost'))
        assert ssl.SSLError is type(raised(
            way.call, server, 'load_cert_chain_pem', wrong, keydata=key))
        if wrong.startswith(b'---'):
            assert ssl.SSLError is type(raised(
                way.call, server, 'load_cert_chain_pem', good + wrong, keydata=key))

    def test_no_key(self, way, server, pki):
        """Certificates without a key are refused."""
        error = raised(way.call, server, 'load_cert_chain_pem', parts(pki.text('localhost'))[1])
        assert ssl.SSLError is type(error)

    @pytest.mark.parametrize('wrong', [None, 1, [], object()], ids=repr)
    def test_wrong_type(self, way, server, wrong):
        """What is neither bytes nor text is refused with TypeError."""
        with pytest.raises(TypeError):
            way.call(server, 'load_cert_chain_pem', wrong)


class TestRevocation(object):
    @pytest.fixture
    def client(self, pki):
        """A client's context that asks for revocation lists."""
        made = pki.client_context()
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        return made

    def answer(self, client, pki, leaf):
        """Return the verify_code of a handshake; None if it was done."""
        error = Pair(client, pki.server_context(leaf)).try_handshake()[0]
        return error and error.verify_code

    def test_revoked(self, client, pki):
        """A certificate on the list is refused, one that is not is taken."""
        context.load_crl(client, pki.text('crl'))
        assert [23, None] == [self.answer(client, pki, leaf) for leaf in ('revoked', 'ecdsa')]

    def test_der(self, client, pki):
        """A list in DER will do."""
        der = ssl.PEM_cert_to_DER_cert(pki.text('crl').replace('X509 CRL', 'CERTIFICATE').strip())
        context.load_crl(client, der)
        assert [23, None] == [self.answer(client, pki, leaf) for leaf in ('revoked', 'ecdsa')]

    def test_several(self, client, pki):
        """Several lists may come in one text."""
        context.load_crl(client, pki.text('stranger-crl') + pki.text('crl'))
        assert [23, None] == [self.answer(client, pki, leaf) for leaf in ('revoked', 'ecdsa')]

    def test_no_list(self, client, pki):
        """Without its authority's list no certificate is taken; without the flag none is needed."""
        assert 3 == self.answer(client, pki, 'ecdsa')
        assert None is self.answer(pki.client_context(), pki, 'revoked')

    def test_expired_list(self, client, pki):
        """An expired list is no list."""
        context.load_crl(client, pki.text('expired-crl'))
        assert 12 == self.answer(client, pki, 'ecdsa')

    def test_from_a_file(self, client, pki):
        """load_verify_locations takes a file of lists, as in Python 3."""
        client.load_verify_locations(pki.path('crl'))
        assert [23, None] == [self.answer(client, pki, leaf) for leaf in ('revoked', 'ecdsa')]

    @pytest.mark.parametrize('wrong, error', [
        (b'', ssl.SSLError), (b'nonsense', ssl.SSLError), (None, TypeError), (1, TypeError),
        (b'-----BEGIN X509 CRL-----\nnonsense\n-----END X509 CRL-----\n', ssl.SSLError),
        (b'-----BEGIN CERTIFICATE-----\n', ssl.SSLError)], ids=repr)
    def test_refused(self, client, wrong, error):
        """What is no list is refused."""
        assert error is type(raised(context.load_crl, client, wrong))
