"""
Channel bindings: bytes that both ends of one connection know, and nobody else's connection has.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import ssl

import pytest

from sslproto27 import context
from tests.support.memory import Pair, connect, only_python2
from tests.support.pki import new_context


def both(pair, *args):
    """Return what the client and what the server say."""
    return [end.get_channel_binding(*args) for end in (pair.client, pair.server)]


@only_python2
class TestUniqueOfTLS13(object):
    """RFC 9266 1: it has no safe meaning there. Python 3.13's has bytes."""

    @pytest.fixture(params=['TLSv1.3'])
    def tls_version(self, request):
        """The one version."""
        return request.param

    def test_none(self, pair, client_context, server_context):
        """In TLS 1.3 there is none, by name or by default, resumed or not."""
        second = connect(client_context, server_context, session=pair.client.session)
        assert ([None] * 6, True) == (
            both(pair) + both(pair, 'tls-unique') + both(second), second.client.session_reused)

    def test_none_early(self, client_context, server_context):
        """Nor is there one in mid-handshake, where one side has seen a Finished message."""
        pair = Pair(client_context, server_context)
        seen = []
        for _ in range(3):
            for end in (pair.client_end, pair.server_end):
                end.handshake_is_done()
                pair.pump()
                seen += both(pair)
        assert [None] * 12 == seen


class TestUnique(object):
    @pytest.fixture(params=['TLSv1.2'])
    def tls_version(self, request):
        """The version that has it."""
        return request.param

    def test_equal(self, pair):
        """Both ends have the same bytes, more than none; tls-unique is the default."""
        mine, theirs = both(pair)
        assert (mine, [mine, mine]) == (theirs, both(pair, 'tls-unique'))
        assert (bytes, True) == (type(mine), len(mine) >= 12)

    def test_length(self, pki):
        """In TLS 1.2 it is the 12 bytes of a Finished message (RFC 5929 3)."""
        pair = connect(pki.client_context('TLSv1.2'), pki.server_context(version='TLSv1.2'))
        assert [12, 12] == [len(binding) for binding in both(pair)]

    def test_by_name(self, pair):
        """The argument's name is cb_type, and it may be text of either kind."""
        assert both(pair) == [end.get_channel_binding(cb_type=u'tls-unique')
                              for end in (pair.client, pair.server)]

    def test_differs(self, pair, client_context, server_context):
        """Another connection has other bytes."""
        assert both(pair)[0] != both(connect(client_context, server_context))[0]

    def test_resumed(self, pair, client_context, server_context):
        """A resumed connection has bytes of its own, equal at both ends."""
        second = connect(client_context, server_context, session=pair.client.session)
        mine, theirs = both(second)
        assert (True, mine) == (second.client.session_reused, theirs)
        assert mine != both(pair)[0]

    def test_stays(self, pair):
        """It does not change as data flows."""
        before = both(pair)
        pair.transfer(pair.client_end, b'x' * 50000)
        assert before == both(pair)


@pytest.mark.parametrize('kind',
                         [u'', u'x', u'tls', u'TLS-UNIQUE', u'tls-unique ',
                          u'tls-unique-for-telnet'],
                         ids=repr)
def test_unknown_kind(pair, kind):
    """A kind that there is not is refused with ValueError."""
    for end in (pair.client, pair.server):
        with pytest.raises(ValueError):
            end.get_channel_binding(kind)


@pytest.mark.parametrize('kind', [None, 1, [u'tls-unique']], ids=repr)
def test_kind_is_text(pair, kind):
    """
    A kind that is no text is refused: TypeError, or ValueError where the list is searched
    first.
    """
    with pytest.raises((TypeError, ValueError)):
        pair.client.get_channel_binding(kind)


def test_unknown_kind_before_the_handshake(client_context, server_context):
    """An unknown kind is refused at any time."""
    with pytest.raises(ValueError):
        Pair(client_context, server_context).client.get_channel_binding(u'x')


@only_python2
class TestExporter(object):
    """RFC 9266."""

    def test_equal(self, pair):
        """Both ends have the same 32 bytes."""
        mine, theirs = both(pair, 'tls-exporter')
        assert (mine, bytes, 32) == (theirs, type(mine), len(mine))

    def test_differs(self, pair, client_context, server_context):
        """Another connection has other bytes, and they are not those of tls-unique, if any."""
        other = connect(client_context, server_context)
        assert 3 == len({both(pair, 'tls-exporter')[0], both(other, 'tls-exporter')[0],
                         both(pair)[0]})

    def test_resumed(self, pair, client_context, server_context):
        """A resumed connection has bytes of its own, equal at both ends."""
        second = connect(client_context, server_context, session=pair.client.session)
        mine, theirs = both(second, 'tls-exporter')
        assert (mine, True) == (theirs, mine != both(pair, 'tls-exporter')[0])

    @pytest.mark.skipif(ssl.OPENSSL_VERSION_INFO < (3,),
                        reason='before OpenSSL 3.0 the extension cannot be switched off')
    def test_without_extended_master_secret(self, pki):
        """In TLS 1.2 without the extended master secret there is none: it would bind nothing."""
        server_context = pki.server_context(version='TLSv1.2')
        server_context.options |= 0x1  # SSL_OP_NO_EXTENDED_MASTER_SECRET
        pair = connect(pki.client_context('TLSv1.2'), server_context)
        assert [None, None] == both(pair, 'tls-exporter')

    def test_early(self, client_context, server_context):
        """Before the handshake it is None."""
        assert [None, None] == both(Pair(client_context, server_context), 'tls-exporter')


@only_python2
class TestServerEndPoint(object):
    """RFC 5929 4."""

    @pytest.mark.parametrize('leaf, digest', [('localhost', 'sha256'), ('ecdsa', 'sha256'),
                                              ('sha384', 'sha384')])
    def test_hash_of_the_certificate(self, pki, client_context, tls_version, leaf, digest):
        """It is the server certificate's hash, by the algorithm that it is signed with."""
        pair = connect(client_context, pki.server_context(leaf, tls_version))
        expected = hashlib.new(digest, pki.chain(leaf)[0]).digest()
        assert [expected, expected] == both(pair, 'tls-server-end-point')

    @pytest.mark.parametrize('leaf, digest', [('weak_hash', 'sha256'), ('ed25519', None)])
    def test_other_signatures(self, pki, tls_version, leaf, digest):
        """SHA-256 takes the place of SHA-1; for a signature without a single hash it is None."""
        client, server = pki.client_context(tls_version, trust=None), new_context(True, tls_version)
        for one in (client, server):
            one.set_ciphers('DEFAULT:@SECLEVEL=0')
        server.load_cert_chain(pki.path(leaf))
        expected = digest and hashlib.new(digest, pki.chain(leaf)[0]).digest()
        assert [expected, expected] == both(connect(client, server), 'tls-server-end-point')

    @pytest.mark.parametrize('tls_version', ['TLSv1.3'])
    def test_without_certificates(self, tls_version):
        """Where a key that was agreed on before proves who is who, it is None."""
        client, server = new_context(version=tls_version), new_context(True, tls_version)
        context.set_psk_client_callback(client, lambda hint: (u'me', b'k' * 16))
        context.set_psk_server_callback(server, lambda identity: b'k' * 16)
        assert [None, None] == both(connect(client, server), 'tls-server-end-point')

    def test_client_certificate_does_not_count(self, pki, tls_version):
        """Where the client has a certificate too, it is still the server's."""
        pair = connect(pki.client_context(tls_version, leaf='client'),
                       pki.server_context(version=tls_version, trust='ca'))
        expected = hashlib.sha256(pki.chain('localhost')[0]).digest()
        assert [expected, expected] == both(pair, 'tls-server-end-point')

    def test_resumed(self, pair, pki, client_context, server_context):
        """A resumed connection has the same."""
        second = connect(client_context, server_context, session=pair.client.session)
        expected = hashlib.sha256(pki.chain('localhost')[0]).digest()
        assert [expected, expected] == both(second, 'tls-server-end-point')

    def test_early(self, client_context, server_context):
        """Before the handshake it is None."""
        assert [None, None] == both(Pair(client_context, server_context), 'tls-server-end-point')
