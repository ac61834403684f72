"""
Certificates that a default client refuses: in the handshake, with an alert, before it has sent a
byte of application data.
"""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLCertVerificationError, create_default_context
from sslproto27._core.pipe_states import BROKEN, OPEN
from tests.support.memory import PY2, since_python3
from tests.support.pipe_pairs import PipePair, carry

# X509_STORE_CTX_get_error(3)
(NO_ISSUER, NOT_YET, EXPIRED, SELF_SIGNED, NO_LEAF_ISSUER, REVOKED, INVALID_CA, PURPOSE,
 CONSTRAINTS, HOST, ADDRESS, WEAK_KEY, WEAK_CA_KEY, WEAK_HASH) = (
    20, 9, 10, 18, 21, 23, 24, 26, 47, 62, 64, 66, 67, 68)
NO_CRL = 3

#: leaf, name that is asked for: verify_code, a part of verify_message in lower case
REFUSED = [
    ('good', u'example.org', HOST, "hostname mismatch, certificate is not valid for 'example.org'"),
    ('good', u'sub.localhost', HOST, 'hostname mismatch'),
    ('good', u'localhost.example.org', HOST, 'hostname mismatch'),
    ('good', u'127.0.0.1', ADDRESS,
     "ip address mismatch, certificate is not valid for '127.0.0.1'"),
    ('good', u'::1', ADDRESS, 'ip address mismatch'),
    ('other_address', u'127.0.0.1', ADDRESS, 'ip address mismatch'),
    ('ip_as_dns', u'127.0.0.1', ADDRESS, 'ip address mismatch'),
    ('address_as_name', u'127.0.0.1', ADDRESS, 'ip address mismatch'),
    ('network', u'localhost', HOST, 'hostname mismatch'),
    ('wildcard', u'example.org', HOST, 'hostname mismatch'),
    ('wildcard', u'a.b.example.org', HOST, 'hostname mismatch'),
    ('wildcard', u'127.0.0.1', ADDRESS, 'ip address mismatch'),
    ('star', u'localhost', HOST, 'hostname mismatch'),
    ('star', u'example.org', HOST, 'hostname mismatch'),
    ('partial', u'www.example.org', HOST, 'hostname mismatch'),
    ('partial', u'localhost', HOST, 'hostname mismatch'),
    ('inner_star', u'a.b.example.org', HOST, 'hostname mismatch'),
    ('wild_a_label', u'b\xfccher.example.org', HOST, 'hostname mismatch'),
    ('idna', u'bucher.example.org', HOST, 'hostname mismatch'),
    ('nul_in_name', u'localhost', HOST, 'hostname mismatch'),
    ('nul_in_common_name', u'localhost', HOST, 'hostname mismatch'),
    ('too_late', u'localhost', EXPIRED, 'certificate has expired'),
    ('expired_chain', u'localhost', EXPIRED, 'certificate has expired'),
    ('not_yet', u'localhost', NOT_YET, 'certificate is not yet valid'),
    ('self_signed', u'localhost', SELF_SIGNED, 'self'),
    ('unknown_ca', u'localhost', NO_ISSUER, 'unable to get local issuer certificate'),
    ('broken_chain', u'localhost', NO_ISSUER, 'unable to get local issuer certificate'),
    ('for_clients', u'localhost', PURPOSE, 'certificate purpose'),
    ('constrained', u'localhost', CONSTRAINTS, 'permitted subtree violation'),
    ('weak_key', u'localhost', WEAK_KEY, 'ee certificate key too weak'),
    ('weak_ca_key', u'localhost', WEAK_CA_KEY, 'ca certificate key too weak'),
    ('weak_hash', u'localhost', WEAK_HASH, 'ca signature digest algorithm too weak'),
]

ACCEPTED = [
    ('good', u'localhost'), ('good', u'LOCALHOST'), ('good_chain', u'localhost'),
    ('within_constraints', u'localhost'), ('network', u'127.0.0.1'),
    ('other_address', u'127.0.0.2'), ('wildcard', u'www.example.org'),
    ('idna', u'b\xfccher.example.org'), ('idna', u'xn--bcher-kva.example.org'),
    ('localhost', u'::1'), ('address_as_name', u'localhost'),
]


@pytest.fixture
def lax_server(pki):
    """A function that makes a server's context that presents whatever it is told to."""
    def make(leaf):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if not PY2 else ssl.PROTOCOL_SSLv23)
        context.set_ciphers('DEFAULT:@SECLEVEL=0')
        context.load_cert_chain(pki.path(leaf))
        return context
    return make


@pytest.fixture
def refusal(pki, lax_server):
    """
    A function that shakes hands, the client's application data waiting; it returns (client's error,
    server's error, the pipes).
    """
    def shake_hands(leaf, name, client=None):
        pair = PipePair(client or create_default_context(cafile=pki.path('ca')), lax_server(leaf),
                        server_hostname=name).start()
        pair.client.feed_appdata(b'secret')
        errors = []
        for source, target in ((pair.client, pair.server), (pair.server, pair.client)) * 3:
            try:
                carry(source, target)
            except ssl.SSLError as error:
                error.__traceback__ = None
                errors.append((target, error))
        found = dict((target is pair.client, error) for target, error in errors)
        return found.get(True), found.get(False), pair
    return shake_hands


class TestDefaultClient(object):
    @since_python3(13, 'these flags in its defaults')
    @pytest.mark.parametrize('leaf, name, code, message', REFUSED)
    def test_refused(self, refusal, leaf, name, code, message):
        """
        It is refused with the reason, the peer is told, and no application data was sent.
        """
        if leaf == 'nul_in_common_name' and not PY2:
            pytest.skip('Python 3 looks at the common name')
        error, of_server, pair = refusal(leaf, name)
        assert (True, code) == (isinstance(error, SSLCertVerificationError), error.verify_code)
        assert message in error.verify_message.lower()
        assert error.verify_message in str(error)
        assert 'CERTIFICATE_VERIFY_FAILED' == error.reason
        assert (ssl.SSLError, BROKEN, BROKEN, b'') == (
            type(of_server), pair.client.state, pair.server.state, pair.server.appdata_received())

    @pytest.mark.skipif(not PY2, reason='Python 3 takes a common name where there is no dNSName')
    def test_common_name(self, refusal):
        """A common name alone proves nothing (RFC 9525 6.3)."""
        assert HOST == refusal('only_common_name', u'localhost')[0].verify_code

    @since_python3(13, 'these flags in its defaults')
    def test_false_authority(self, refusal):
        """A certificate that is no authority's signs nothing."""
        # OpenSSL 1.1.1 looks for another issuer, 3.0 takes it for one that may not sign.
        error = refusal('false_ca', u'localhost')[0]
        assert error.verify_code in (INVALID_CA, NO_ISSUER, 79)

    @pytest.mark.parametrize('leaf, name', ACCEPTED)
    def test_accepted(self, refusal, leaf, name):
        """What is right is taken, and the data goes through."""
        error, of_server, pair = refusal(leaf, name)
        assert (None, None) == (error, of_server)
        assert (OPEN, b'secret') == (pair.client.state, pair.server.appdata_received())

    @pytest.mark.parametrize('leaf, code', [('revoked', REVOKED), ('good', None)])
    def test_revoked(self, refusal, pki, leaf, code):
        """With its authority's list, a revoked certificate is refused."""
        client = create_default_context(cafile=pki.path('ca'))
        client.load_verify_locations(pki.path('crl'))
        client.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        error = refusal(leaf, u'localhost', client)[0]
        assert code == (error and error.verify_code)

    def test_no_list(self, refusal, pki):
        """Where lists are asked for, and there is none, nothing is taken."""
        client = create_default_context(cafile=pki.path('ca'))
        client.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
        assert NO_CRL == refusal('good', u'localhost', client)[0].verify_code

    def test_nothing_trusted(self, refusal, pki):
        """A client that trusts the system's authorities alone refuses ours."""
        assert refusal('good', u'localhost', create_default_context())[0].verify_code in (
            NO_ISSUER, NO_LEAF_ISSUER, 19)


class TestDefaultServer(object):
    @pytest.mark.parametrize('leaf, code', [
        ('too_late', EXPIRED), ('unknown_ca', NO_ISSUER), ('self_signed', SELF_SIGNED),
        ('good', PURPOSE), ('for_clients', None)])
    def test_client_certificates(self, pki, leaf, code):
        """A server that asks for certificates refuses the same, and those for servers."""
        server = create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pki.path('ca'))
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_cert_chain(pki.path('localhost'))
        client = pki.client_context(leaf=leaf)
        pair = PipePair(client, server).start()
        pair.client.feed_appdata(b'secret')
        found = None
        for source, target in ((pair.client, pair.server), (pair.server, pair.client)) * 3:
            try:
                carry(source, target)
            except ssl.SSLError as error:
                error.__traceback__ = None
                found = found or error
        assert code == (found and found.verify_code)
        assert (b'' if code else b'secret') == pair.server.appdata_received()
