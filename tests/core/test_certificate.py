"""The peer's certificate and its chain."""
from __future__ import absolute_import, division, print_function

import ssl

from tests.support.memory import connect, since_python3


class TestPeerCertificate(object):
    def test_binary(self, pair, pki):
        """In binary form it is the DER bytes that the peer sent."""
        assert pki.chain('localhost')[0] == pair.client.getpeercert(True)
        assert pki.chain('localhost')[0] == pair.client.getpeercert(binary_form=True)

    def test_none_was_sent(self, pair):
        """A peer without a certificate gives None, in either form."""
        assert (None, None) == (pair.server.getpeercert(), pair.server.getpeercert(True))

    def test_not_verified(self, pki, server_context, tls_version):
        """A certificate that nobody verified is an empty dict; its bytes are there all the same."""
        client = connect(pki.client_context(tls_version, trust=None), server_context).client
        assert ({}, pki.chain('localhost')[0]) == (client.getpeercert(), client.getpeercert(True))

    def test_dict(self, pki, client_context, tls_version):
        """A verified certificate is a dict with Python's keys and values, no other."""
        server_context = pki.server_context('ecdsa', tls_version)
        certificate = connect(client_context, server_context).client.getpeercert()
        dates = [certificate.pop(name) for name in ('notBefore', 'notAfter')]
        assert [24, 24, True] == [len(dates[0]), len(dates[1]), dates[0].endswith(' GMT')]
        begin, end = [ssl.cert_time_to_seconds(date) for date in dates]
        assert 90 * 24 * 3600 == end - begin
        serial = certificate.pop('serialNumber')
        assert (serial.upper(), True) == (serial, int(serial, 16) > 0)
        assert 'organizationName' == certificate.pop('issuer')[0][0][0]
        assert {
            'subject': ((('organizationName', 'sslproto27 tests'),),),
            'version': 3,
            'subjectAltName': (('DNS', 'localhost'), ('IP Address', '127.0.0.1')),
        } == certificate

    def test_rich_dict(self, pki, client_context, tls_version):
        """
        Names of every kind, text beyond ASCII, and where to ask about revocation, are all
        there.
        """
        server_context = pki.server_context('rich', tls_version)
        certificate = connect(client_context, server_context).client.getpeercert()
        assert ((('organizationName', u'sslproto27 tests'),), (('commonName', u'M\xfcller'),)) == (
            certificate['subject'])
        assert (('DNS', 'localhost'), ('email', 'someone@example.org'),
                ('URI', 'https://example.org/'),
                ('DirName', ((('commonName', 'directory'),),)),
                ('Registered ID', '1.2.3.4')) == certificate['subjectAltName']
        assert (('http://ocsp.example.org/',), ('http://ca.example.org/',),
                ('http://crl.example.org/',)) == tuple(
            certificate[name] for name in ('OCSP', 'caIssuers', 'crlDistributionPoints'))

    def test_serial_number(self, pki, client_context, tls_version):
        """The serial number is in upper-case hexadecimal digits, an even number of them."""
        server_context = pki.server_context('rich', tls_version)
        client = connect(client_context, server_context).client
        assert '0ABC' == client.getpeercert()['serialNumber']

    @since_python3(8, 'IPv6 addresses without a line break')
    def test_ip_addresses(self, pair):
        """IP addresses are in full, upper-case hexadecimal groups, without white space."""
        assert (('DNS', 'localhost'), ('IP Address', '127.0.0.1'),
                ('IP Address', '0:0:0:0:0:0:0:1')) == pair.client.getpeercert()['subjectAltName']

    def test_of_a_client(self, pki, tls_version):
        """A server sees the certificate of a client that has one."""
        pair = connect(pki.client_context(tls_version, leaf='client'),
                       pki.server_context(version=tls_version, trust='ca'))
        certificate = pair.server.getpeercert()
        assert (('DNS', 'client.example.org'),) == certificate['subjectAltName']
        assert pki.chain('client')[0] == pair.server.getpeercert(True)

    def test_survives_the_end(self, pair, pki):
        """The certificate can still be asked for after the connection is closed."""
        pair.shut_down()
        assert pki.chain('localhost')[0] == pair.client.getpeercert(True)


@since_python3(13, 'certificate chains')
class TestChains(object):
    def test_verified(self, pki, client_context, tls_version):
        """
        The verified chain runs from the leaf to the trusted root, which the peer need not send.
        """
        client = connect(client_context, pki.server_context('chain', tls_version)).client
        assert pki.chain('chain') + pki.chain('ca') == client.get_verified_chain()

    def test_unverified(self, pki, client_context, tls_version):
        """The unverified chain is what the peer sent, the leaf first."""
        client = connect(client_context, pki.server_context('chain', tls_version)).client
        assert (2, pki.chain('chain')) == (len(pki.chain('chain')), client.get_unverified_chain())

    def test_without_verification(self, pki, tls_version):
        """Where nothing is verified, the verified chain is the unverified one."""
        client = connect(pki.client_context(tls_version, trust=None),
                         pki.server_context('chain', tls_version)).client
        assert (pki.chain('chain'), pki.chain('chain')) == (
            client.get_unverified_chain(), client.get_verified_chain())

    def test_peer_without_certificate(self, pair):
        """A peer without certificates gives empty lists."""
        assert ([], []) == (pair.server.get_verified_chain(), pair.server.get_unverified_chain())

    def test_of_a_client(self, pki, tls_version):
        """A server sees a client's chain, leaf first, the root last."""
        pair = connect(pki.client_context(tls_version, leaf='chain'),
                       pki.server_context(version=tls_version, trust='ca'))
        assert pki.chain('chain') + pki.chain('ca') == pair.server.get_verified_chain()
        assert pki.chain('chain') == pair.server.get_unverified_chain()

    def test_are_bytes(self, pair):
        """Each certificate is plain bytes in a list."""
        for chain in (pair.client.get_verified_chain(), pair.client.get_unverified_chain()):
            assert (list, {bytes}) == (type(chain), {type(der) for der in chain})
