"""
Post-handshake authentication (RFC 8446 4.6.2): a server asks for the client's certificate later
on.
"""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLCertVerificationError, SSLContext
from tests.support.memory import Pair, error_facts, raised, since_python3

pytestmark = since_python3(8, 'the names of these reasons')


@pytest.fixture
def contexts(pki):
    """A function that makes the two contexts of a connection that may authenticate later."""
    def make(leaf='client', version='TLSv1.3', offered=True, verify_mode=ssl.CERT_REQUIRED):
        client = pki.client_context(version, leaf=leaf, cls=SSLContext)
        server = pki.server_context(version=version, trust='ca', cls=SSLContext)
        client.post_handshake_auth = offered
        server.post_handshake_auth = True
        server.verify_mode = verify_mode
        return client, server
    return make


@pytest.fixture
def pair(contexts):
    """A connected TLS 1.3 pair that may authenticate later."""
    return Pair(*contexts()).handshake().exchange()


def ask(pair, data=b'who are you?'):
    """Let the server ask, and the client answer; return what the client read."""
    pair.server.verify_client_post_handshake()
    pair.server.write(data)
    pair.pump()
    received = pair.client_end.read_available()
    pair.pump()
    return received


class TestAttribute(object):
    def test_default(self):
        """A context neither offers nor asks unless told to."""
        protocol = getattr(ssl, 'PROTOCOL_TLS_CLIENT', None) or ssl.PROTOCOL_SSLv23
        assert False is SSLContext(protocol).post_handshake_auth

    def test_reads_back(self, contexts):
        """What is set reads back as a bool."""
        client = contexts()[0]
        seen = [client.post_handshake_auth]
        client.post_handshake_auth = False
        assert [True, False] == seen + [client.post_handshake_auth]


class TestAuthentication(object):
    def test_none_in_the_handshake(self, pair):
        """The handshake itself asks for no certificate."""
        assert (None, None) == (pair.server.getpeercert(), pair.server.getpeercert(True))

    def test_certificate_arrives(self, pair, pki):
        """
        Asked for later, the certificate is there and verified, and the data beside it as well.
        """
        assert b'who are you?' == ask(pair)
        assert b'' == pair.server_end.read_available()
        assert pki.chain('client')[0] == pair.server.getpeercert(True)
        assert (('DNS', 'client.example.org'),) == pair.server.getpeercert()['subjectAltName']

    def test_asking_sends_nothing_by_itself(self, pair):
        """The call returns None and writes nothing: the next write or handshake call asks."""
        assert (None, 0) == (pair.server.verify_client_post_handshake(),
                             pair.server_end.outgoing.pending)
        pair.server.do_handshake()
        assert pair.server_end.outgoing.pending > 0

    def test_data_flows_afterwards(self, pair):
        """The connection carries data both ways afterwards."""
        ask(pair)
        pair.exchange()
        assert (b'ping', b'pong') == (pair.transfer(pair.client_end, b'ping'),
                                      pair.transfer(pair.server_end, b'pong'))

    def test_data_of_the_client_in_between(self, pair):
        """What the client writes while it is asked arrives in order."""
        pair.server.verify_client_post_handshake()
        pair.server.write(b'question')
        pair.client.write(b'unrelated')
        pair.pump()
        assert b'question' == pair.client_end.read_available()
        pair.client.write(b'answer')
        pair.pump()
        assert b'unrelatedanswer' == pair.server_end.read_available()
        assert None is not pair.server.getpeercert()

    def test_asking_again(self, pair, pki):
        """A client can be asked again when it has answered."""
        for _ in range(2):
            ask(pair)
            assert b'' == pair.server_end.read_available()
        assert pki.chain('client')[0] == pair.server.getpeercert(True)

    def test_no_certificate_where_one_is_needed(self, contexts):
        """
        A client that has none is refused when the server reads, and told so when it reads
        itself.
        """
        pair = Pair(*contexts(leaf=None)).handshake().exchange()
        ask(pair)
        error = raised(pair.server.read)
        assert (ssl.SSLError, 1, 'SSL', 'PEER_DID_NOT_RETURN_A_CERTIFICATE') == error_facts(error)
        pair.pump()
        error = raised(pair.client.read)
        assert (ssl.SSLError, 'TLSV13_ALERT_CERTIFICATE_REQUIRED') == (type(error), error.reason)

    def test_no_certificate_where_none_is_needed(self, contexts):
        """A client that has none stays nameless where a certificate is optional."""
        pair = Pair(*contexts(leaf=None, verify_mode=ssl.CERT_OPTIONAL)).handshake().exchange()
        ask(pair)
        assert (b'', None) == (pair.server_end.read_available(), pair.server.getpeercert())

    def test_stranger(self, contexts):
        """A stranger's certificate is refused as in a handshake, and the client is told."""
        pair = Pair(*contexts(leaf='stranger')).handshake().exchange()
        ask(pair)
        error = raised(pair.server.read)
        expected = SSLCertVerificationError, 1, 'SSL', 'CERTIFICATE_VERIFY_FAILED'
        assert (expected, 20) == (error_facts(error), error.verify_code)
        pair.pump()
        assert 'TLSV1_ALERT_UNKNOWN_CA' == raised(pair.client.read).reason


class TestRefusal(object):
    def refusal(self, sslobj):
        """Return (class, library, reason) of what asking ends in."""
        error = raised(sslobj.verify_client_post_handshake)
        return type(error), error.library, error.reason

    def test_client_did_not_offer(self, contexts):
        """A client that did not offer it cannot be asked: EXTENSION_NOT_RECEIVED."""
        pair = Pair(*contexts(offered=False)).handshake().exchange()
        assert (ssl.SSLError, 'SSL', 'EXTENSION_NOT_RECEIVED') == self.refusal(pair.server)

    def test_on_a_client(self, pair):
        """A client cannot ask: NOT_SERVER."""
        assert (ssl.SSLError, 'SSL', 'NOT_SERVER') == self.refusal(pair.client)

    def test_in_tls12(self, contexts):
        """TLS 1.2 does not have it: WRONG_SSL_VERSION."""
        pair = Pair(*contexts(version='TLSv1.2')).handshake()
        assert (ssl.SSLError, 'SSL', 'WRONG_SSL_VERSION') == self.refusal(pair.server)

    def test_before_the_handshake(self, contexts):
        """There is no version yet before the handshake: WRONG_SSL_VERSION."""
        assert (ssl.SSLError, 'SSL', 'WRONG_SSL_VERSION') == self.refusal(Pair(*contexts()).server)

    def test_twice_at_once(self, pair):
        """It cannot be asked for again before it was sent: STILL_IN_INIT."""
        pair.server.verify_client_post_handshake()
        assert (ssl.SSLError, 'SSL', 'STILL_IN_INIT') == self.refusal(pair.server)

    def test_twice_before_the_answer(self, pair):
        """It cannot be asked for again before it is answered: REQUEST_SENT."""
        pair.server.verify_client_post_handshake()
        pair.server.do_handshake()
        assert (ssl.SSLError, 'SSL', 'REQUEST_SENT') == self.refusal(pair.server)

    def test_server_that_verifies_nothing(self, contexts):
        """A server whose context verifies nothing has nothing to ask for: INVALID_CONFIG."""
        pair = Pair(*contexts(verify_mode=ssl.CERT_NONE)).handshake().exchange()
        assert (ssl.SSLError, 'SSL', 'INVALID_CONFIG') == self.refusal(pair.server)

    def test_refusal_does_no_harm(self, pair):
        """A refusal leaves the connection as it was."""
        self.refusal(pair.client)
        assert b'ping' == pair.transfer(pair.client_end, b'ping')
