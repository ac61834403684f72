"""What a configuration means for OpenSSL: versions, suites, protocols."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27.pep543 import (
    DEFAULT_CIPHER_LIST, CipherSuite, NextProtocol, TLSConfiguration, TLSError, TLSVersion)
from tests.support.buffers import SIDES, BufferPair, ecdhe
from tests.support.memory import raised

#: Python 3.10's ssl, and later ones, say so of TLS 1.0 and 1.1.
OLD_VERSIONS = pytest.mark.filterwarnings('ignore:ssl.TLSVersion:DeprecationWarning')


class TestVersions(object):
    @OLD_VERSIONS
    @pytest.mark.parametrize('lowest, highest, expected', [
        ('TLSv1_2', 'MAXIMUM_SUPPORTED', 'TLSv1_3'), ('TLSv1_2', 'TLSv1_2', 'TLSv1_2'),
        ('TLSv1_3', 'TLSv1_3', 'TLSv1_3'), ('MINIMUM_SUPPORTED', 'TLSv1_2', 'TLSv1_2'),
        ('MAXIMUM_SUPPORTED', 'MAXIMUM_SUPPORTED', 'TLSv1_3'), ('TLSv1', 'TLSv1_3', 'TLSv1_3'),
    ])
    @SIDES
    def test_limits(self, material, ours, lowest, highest, expected):
        """The highest version within one side's limits is spoken."""
        limits = dict(lowest_supported_version=TLSVersion[lowest],
                      highest_supported_version=TLSVersion[highest])
        client = material.client(**(limits if ours == 'client' else {}))
        server = material.server(**(limits if ours == 'server' else {}))
        pair = BufferPair(client, server).handshake()
        assert TLSVersion[expected] is pair.client.negotiated_tls_version

    @SIDES
    def test_nothing_in_common(self, material, ours):
        """Where limits exclude each other, both sides fail."""
        old = dict(highest_supported_version=TLSVersion.TLSv1_2)
        new = dict(lowest_supported_version=TLSVersion.TLSv1_3)
        client, server = (old, new) if ours == 'client' else (new, old)
        pair = BufferPair(material.client(**client), material.server(**server))
        assert [True, True] == [isinstance(error, TLSError) for error in pair.try_handshake()]

    @OLD_VERSIONS
    def test_default_floor(self, material):
        """By default nothing older than TLS 1.2 is spoken."""
        old = dict(lowest_supported_version=TLSVersion.TLSv1, ciphers=list(CipherSuite),
                   highest_supported_version=TLSVersion.TLSv1_1)
        for pair in (BufferPair(material.client(**old), material.server()),
                     BufferPair(material.client(), material.server(**old))):
            assert [True, True] == [isinstance(error, TLSError) for error in pair.try_handshake()]

    @pytest.mark.parametrize('lowest, highest', [
        ('SSLv2', 'MAXIMUM_SUPPORTED'), ('SSLv3', 'TLSv1_2'), ('MINIMUM_SUPPORTED', 'SSLv3'),
        ('TLSv1_3', 'TLSv1_2'), ('MAXIMUM_SUPPORTED', 'MINIMUM_SUPPORTED')])
    def test_impossible(self, material, lowest, highest):
        """Limits that cannot be kept are refused when a context is made of them."""
        configuration = TLSConfiguration(lowest_supported_version=TLSVersion[lowest],
                                         highest_supported_version=TLSVersion[highest])
        pytest.raises(TLSError, material.backend.client_context, configuration)
        pytest.raises(ValueError, material.backend.client_context, configuration)


class TestCiphers(object):
    @pytest.mark.parametrize('first, second', [
        ('AES_128_GCM_SHA256', 'AES_256_GCM_SHA384'), ('AES_256_GCM_SHA384', 'AES_128_GCM_SHA256')])
    def test_server_chooses(self, material, first, second):
        """What the server lists first is used; without suites of TLS 1.3 it is TLS 1.2."""
        pair = BufferPair(material.client(**ecdhe(material, second, first)),
                          material.server(**ecdhe(material, first, second))).handshake()
        assert pair.client.cipher().name.endswith(first)
        assert TLSVersion.TLSv1_2 is pair.client.negotiated_tls_version

    @SIDES
    @pytest.mark.parametrize('name', [
        'AES_128_GCM_SHA256', 'AES_256_GCM_SHA384', 'CHACHA20_POLY1305_SHA256',
        'AES_128_CBC_SHA', 'AES_256_CBC_SHA', 'AES_128_CBC_SHA256', 'AES_256_CBC_SHA384'])
    def test_one_alone(self, material, ours, name):
        """Either side can insist on one, by its number too."""
        picky, tolerant = ecdhe(material, name), dict(ciphers=list(CipherSuite))
        wanted = picky['ciphers'][0]
        picky = dict(ciphers=[int(wanted)])
        client, server = (picky, tolerant) if ours == 'client' else (tolerant, picky)
        pair = BufferPair(material.client(**client), material.server(**server)).handshake()
        assert [wanted] * 2 == [pair.client.cipher(), pair.server.cipher()]

    def test_tls13_alone(self, material):
        """Without suites of TLS 1.2 it is TLS 1.3, or nothing."""
        modern = [suite for suite in CipherSuite if suite.is_tls13]
        modern.sort(key=lambda suite: 'CCM' in suite.name)
        client = material.client(ciphers=modern)
        pair = BufferPair(client, material.server()).handshake()
        assert TLSVersion.TLSv1_3 is pair.server.negotiated_tls_version
        pair = BufferPair(client, material.server(highest_supported_version=TLSVersion.TLSv1_2))
        assert None not in pair.try_handshake()

    @pytest.mark.parametrize('name', ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'])
    @SIDES
    def test_one_of_tls13(self, material, ours, name):
        """One of TLS 1.3 alone is used alone, or refused when a context is made of it."""
        picky = dict(ciphers=[CipherSuite[name]])
        try:
            client = material.client(**(picky if ours == 'client' else {}))
            server = material.server(**(picky if ours == 'server' else {}))
        except TLSError as error:
            assert 'cannot choose' in str(error)
            pytest.skip('this TLS library cannot be told')
        assert name == BufferPair(client, server).handshake().client.cipher().name

    def test_nothing_in_common(self, material):
        """Where no suite is on both lists, both sides fail."""
        pair = BufferPair(material.client(**ecdhe(material, 'AES_128_GCM_SHA256')),
                          material.server(**ecdhe(material, 'AES_256_GCM_SHA384')))
        assert [True, True] == [isinstance(error, TLSError) for error in pair.try_handshake()]

    def test_unknown(self, material):
        """Numbers that nobody knows are left out; nothing else is no configuration."""
        settings = ecdhe(material, 'AES_128_GCM_SHA256')
        settings['ciphers'].insert(0, 0xFAFA)
        pair = BufferPair(material.client(**settings), material.server()).handshake()
        assert settings['ciphers'][1] == pair.client.cipher()

    @pytest.mark.parametrize('suite', [0xFAFA, CipherSuite.TLS_RSA_WITH_CAMELLIA_128_GCM_SHA256])
    @pytest.mark.parametrize('error', [TLSError, ValueError])
    def test_none_is_supported(self, material, suite, error):
        """Suites of which the TLS library has none are a TLSError and a ValueError."""
        for make in (material.client, material.server):
            assert 'no supported ciphers' in str(raised(make, ciphers=[suite]))
            pytest.raises(error, make, ciphers=[suite])

    def test_lists_are_added(self, material):
        """A list added to the default suites, or a configuration's, is more suites."""
        first = CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
        only = dict(highest_supported_version=TLSVersion.TLSv1_2)
        server = material.server(ciphers=[first] + DEFAULT_CIPHER_LIST, **only)
        client = material.client(ciphers=server.configuration.update(
            ciphers=DEFAULT_CIPHER_LIST).ciphers + [int(first)], **only)
        assert DEFAULT_CIPHER_LIST + [first] == client.configuration.ciphers
        if 'EC PRIVATE' not in material.chain('localhost')[1].pem.decode():
            assert first is BufferPair(client, server).handshake().client.cipher()


class TestALPN(object):
    @pytest.mark.parametrize('theirs, ours, expected', [
        ([NextProtocol.H2, NextProtocol.HTTP1], [NextProtocol.HTTP1, NextProtocol.H2], 'H2'),
        ([NextProtocol.HTTP1, NextProtocol.H2], [NextProtocol.H2, NextProtocol.HTTP1], 'HTTP1'),
        ([b'http/1.1'], [b'h2', b'http/1.1'], 'HTTP1'),
    ])
    def test_overlap(self, material, only, theirs, ours, expected):
        """What the server lists first of what both have is used, and told as a NextProtocol."""
        pair = BufferPair(material.client(inner_protocols=ours, **only),
                          material.server(inner_protocols=theirs, **only)).handshake()
        assert [NextProtocol[expected]] * 2 == [
            pair.client.negotiated_protocol(), pair.server.negotiated_protocol()]

    def test_unknown(self, material, only):
        """A protocol that the PEP does not list is told as bytes."""
        settings = dict(inner_protocols=[b'acme-tls/1'], **only)
        pair = BufferPair(material.client(**settings), material.server(**settings)).handshake()
        assert b'acme-tls/1' == pair.client.negotiated_protocol()
        assert isinstance(pair.server.negotiated_protocol(), bytes)

    @pytest.mark.parametrize('theirs, ours', [
        ([b'h2'], [b'http/1.1']), ([], [b'h2']), ([b'h2'], []), ([], [])])
    def test_no_overlap(self, material, only, theirs, ours):
        """Without one that both have, none is used."""
        pair = BufferPair(material.client(inner_protocols=ours, **only),
                          material.server(inner_protocols=theirs, **only)).handshake()
        assert (None, None) == (
            pair.client.negotiated_protocol(), pair.server.negotiated_protocol())
