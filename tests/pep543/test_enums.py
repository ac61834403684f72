"""PEP 543's enumerations: what is in them."""
from __future__ import absolute_import, division, print_function

import hashlib

from sslproto27.pep543 import CipherSuite, NextProtocol, TLSVersion

DIGEST = '6cd2bacfdbaf3b800233b4043a28c670777c57a1721bf458969ba4eb822125cb'


class TestEnumerations(object):
    def test_protocols(self):
        """Protocols have the names that they have on the wire."""
        assert {b'h2', b'h2c', b'http/1.1', b'webrtc', b'c-webrtc', b'ftp', b'stun.nat-discovery',
                b'stun.turn'} == {protocol.value for protocol in NextProtocol}

    def test_versions(self):
        """Versions are in their order."""
        names = ['MINIMUM_SUPPORTED', 'SSLv2', 'SSLv3', 'TLSv1', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3',
                 'MAXIMUM_SUPPORTED']
        assert names == [one.name for one in sorted(TLSVersion, key=lambda one: one.value)]


class TestCipherSuite(object):
    def test_values(self):
        """There are the 112 of the PEP, with their numbers at IANA."""
        assert 112 == len(CipherSuite)
        assert [0x0005, 0x1301, 0xC02F, 0xCCAA] == [
            CipherSuite.TLS_RSA_WITH_RC4_128_SHA, CipherSuite.TLS_AES_128_GCM_SHA256,
            CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite.TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256]
        text = '\n'.join('%s=%d' % (name, CipherSuite[name]) for name in sorted(
            suite.name for suite in CipherSuite))
        # Of the PEP's own text, taken in the same way.
        assert DIGEST == hashlib.sha256(text.encode('ascii')).hexdigest()
