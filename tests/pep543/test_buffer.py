"""PEP 543's buffers: one contract, held by every backend; nothing here names a TLS library."""
from __future__ import absolute_import, division, print_function

import array
import gc
import ssl
import weakref

import pytest

from sslproto27.pep543 import (
    BACKEND, DEFAULT_CIPHER_LIST, OUTGOING_LIMIT, CipherSuite, NextProtocol, RaggedEOF,
    TLSConfiguration, TLSError, TLSVersion, WantReadError, WantWriteError)
from tests.support.buffers import (
    BACKENDS, VERSIONS, BufferPair, Material, advance, backend_called, carry, outgoing, read_all,
    talk)
from tests.support.memory import SPLITS, byte_by_byte, raised, strided
from tests.support.pipe_pairs import needs_refcounts, pattern, record_types

ALERT, APPLICATION_DATA = 21, 23
SIDES = pytest.mark.parametrize('ours', ['client', 'server'])

#: Python 3.10's ssl, and later ones, say so of TLS 1.0 and 1.1.
OLD_VERSIONS = pytest.mark.filterwarnings('ignore:ssl.TLSVersion:DeprecationWarning')


@pytest.fixture(params=BACKENDS)
def backend(request):
    """Each backend in turn."""
    return backend_called(request.param)


@pytest.fixture
def material(pki, backend):
    """Certificates and contexts of the backend."""
    return Material(pki, backend)


@pytest.fixture
def only(tls_version):
    """The settings of a configuration that allows one version of TLS alone: each in turn."""
    version = VERSIONS[tls_version]
    return dict(lowest_supported_version=version, highest_supported_version=version)


@pytest.fixture
def pair(material, only):
    """Two buffers, their hands shaken, of one version of TLS."""
    return BufferPair(material.client(**only), material.server(**only)).handshake()


def ecdhe(material, *names):
    """Return the settings for TLS 1.2 with those suites that fit the key of 'localhost'."""
    kind = 'ECDSA' if 'EC PRIVATE' in material.chain('localhost')[1].pem.decode() else 'RSA'
    return dict(ciphers=[CipherSuite['TLS_ECDHE_%s_WITH_%s' % (kind, name)] for name in names])


class TestHandshake(object):
    def test_wants_bytes_from_the_peer(self, material):
        """Both sides first want to read: the client with a hello outgoing, the server with none."""
        pair = BufferPair(material.client(), material.server())
        for side in (pair.client, pair.server):
            pytest.raises(WantReadError, side.do_handshake)
        assert [22] == record_types(outgoing(pair.client))
        assert b'' == outgoing(pair.server)

    @pytest.mark.parametrize('split', sorted(SPLITS))
    def test_any_split(self, material, only, split):
        """It succeeds however the wire splits its bytes."""
        pair = BufferPair(material.client(**only), material.server(**only), split=SPLITS[split]())
        pair.handshake()

    def test_done_is_done(self, pair):
        """Calling it again changes nothing."""
        assert [None, None] == [side.do_handshake() for side in (pair.client, pair.server)]

    def test_facts(self, pair, only):
        """Both sides then tell the same version and the same cipher suite."""
        versions = [side.negotiated_tls_version for side in (pair.client, pair.server)]
        assert [only['lowest_supported_version']] * 2 == versions
        assert isinstance(pair.client.cipher(), CipherSuite)
        assert pair.client.cipher() == pair.server.cipher()

    def test_no_facts_before(self, material):
        """Before that nothing is told, in mid-handshake neither."""
        settings = dict(inner_protocols=[NextProtocol.H2])
        pair = BufferPair(material.client(**settings), material.server(**settings))
        advance(pair.server)
        for _ in range(2):
            for side in (pair.client, pair.server):
                assert (None, None, None) == (
                    side.cipher(), side.negotiated_protocol(), side.negotiated_tls_version)
            advance(pair.client)
            carry(pair.client, pair.server)

    def test_context(self, material):
        """A buffer knows its context, and that its configuration."""
        client, server = material.client(), material.server()
        assert client.wrap_buffers(None).context is client
        assert server.wrap_buffers().context is server
        assert client.configuration == TLSConfiguration(trust_store=material.trust())

    def test_many_of_one_context(self, material):
        """A context makes any number of connections."""
        client, server = material.client(), material.server()
        for _ in range(3):
            pair = BufferPair(client, server).handshake()
            assert b'data' == talk(pair.client, pair.server, b'data')


class TestValidation(object):
    @pytest.mark.parametrize('leaf, name', [
        ('localhost', u'localhost'), ('localhost', u'127.0.0.1'), ('localhost', u'::1'),
        ('localhost', b'localhost'),
        ('wildcard', u'www.example.org'), ('idna', u'b\xfccher.example.org'),
        ('ecdsa', u'localhost'),
    ])
    def test_right_name(self, material, leaf, name):
        """A server that proves its name or address is accepted."""
        assert (None, None) == BufferPair(
            material.client(), material.server(leaf), name).try_handshake()

    @pytest.mark.parametrize('leaf, name', [
        ('other', u'localhost'), ('other', u'127.0.0.1'), ('wildcard', u'example.org'),
        ('wildcard', u'a.b.example.org'), ('common_name', u'localhost'), ('star', u'localhost'),
        ('partial', u'www.example.org'), ('ip_as_dns', u'127.0.0.1'), ('stranger', u'localhost'),
        ('stranger', None), ('expired', u'localhost'), ('expired', None),
    ])
    def test_wrong_server(self, material, only, leaf, name):
        """Any other is refused: the client says why, and the server gets an alert."""
        ours, theirs = BufferPair(
            material.client(**only), material.server(leaf, **only), name).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason
        assert ours.verify_code and ours.verify_message
        assert type(theirs) is TLSError

    def test_refused_for_good(self, material):
        """After that no call of the client lets anything through."""
        pair = BufferPair(material.client(), material.server('other'))
        pair.try_handshake()
        for call in (pair.client.do_handshake, lambda: pair.client.read(1),
                     lambda: pair.client.write(b'data'), pair.client.shutdown):
            assert 'CERTIFICATE_VERIFY_FAILED' == raised(call).reason

    def test_is_the_default(self, material):
        """A client with a configuration of defaults trusts the system's store, not the tests'."""
        default = material.backend.client_context(TLSConfiguration())
        ours, _ = BufferPair(default, material.server()).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason

    def test_system_store(self, material):
        """The system's store does not vouch for the tests' authority either."""
        system = material.backend.trust_store.system()
        client = material.backend.client_context(TLSConfiguration(trust_store=system))
        ours, _ = BufferPair(client, material.server()).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason

    def test_no_name(self, material):
        """Without a name any certificate will do that an authority vouches for."""
        assert (None, None) == BufferPair(
            material.client(), material.server('other'), None).try_handshake()

    @pytest.mark.parametrize('leaf', ['stranger', 'other', 'expired'])
    def test_switched_off(self, material, leaf):
        """validate_certificates=False accepts whatever there is."""
        client = material.client(validate_certificates=False)
        assert (None, None) == BufferPair(client, material.server(leaf)).try_handshake()

    @pytest.mark.parametrize('name', [u'', u'a\0b', 3])
    def test_no_name_at_all(self, material, name):
        """What is no name is refused before there is a connection."""
        pytest.raises(ValueError, material.client().wrap_buffers, name)


class TestClientCertificates(object):
    def test_mutual(self, material, only):
        """A server with a trust store lets in whom it vouches for."""
        pair = BufferPair(material.client('client', **only),
                          material.server(trust='ca', **only)).handshake()
        assert b'data' == talk(pair.client, pair.server, b'data')

    @pytest.mark.parametrize('leaf', [None, 'stranger', 'expired'])
    def test_others(self, material, only, leaf):
        """And nobody else; the client learns of it from an alert."""
        pair = BufferPair(material.client(leaf, **only), material.server(trust='ca', **only))
        ours, theirs = pair.try_handshake()
        assert isinstance(theirs, TLSError)
        assert isinstance(ours or raised(pair.client.read, 1), TLSError)
        assert isinstance(raised(pair.server.read, 1), TLSError)

    def test_nobody_is_asked(self, material, only):
        """A server without a trust store asks for none."""
        pair = BufferPair(material.client('stranger', **only), material.server(**only))
        assert (None, None) == pair.try_handshake()

    def test_not_validated(self, material, only):
        """Nor does one that does not validate."""
        server = material.server(trust='ca', validate_certificates=False, **only)
        assert (None, None) == BufferPair(material.client(**only), server).try_handshake()

    def test_system_store(self, material, only):
        """A server may trust the system's store, which does not know the tests' clients."""
        server = material.backend.server_context(TLSConfiguration(
            certificate_chain=material.chain('localhost'),
            trust_store=material.backend.trust_store.system(), **only))
        _, theirs = BufferPair(material.client('client', **only), server).try_handshake()
        assert isinstance(theirs, TLSError)

    def test_foreign_material(self, material):
        """Certificates of who knows whom are refused when a context is made of them."""
        from sslproto27 import pep543

        class Handle(pep543.TrustStore):
            """Of some hardware, say."""

        configuration = TLSConfiguration(trust_store=Handle())
        pytest.raises(TLSError, material.backend.client_context, configuration)
        pytest.raises(TypeError, material.backend.client_context, configuration)

    @pytest.mark.parametrize('leaf', ['localhost', 'ecdsa'])
    def test_key_of_another(self, material, leaf):
        """A key that does not fit the certificate is refused when a context is made of them."""
        chain = material.chain('other')[0], material.chain(leaf)[1]
        configuration = TLSConfiguration(certificate_chain=chain)
        pytest.raises(TLSError, material.backend.server_context, configuration)

    @pytest.mark.parametrize('callback', [None, lambda buffer, name, configuration: configuration],
                             ids=['none', 'same'])
    def test_server_without_any(self, material, only, callback):
        """A server without a certificate refuses every client, and says why."""
        server = material.backend.server_context(TLSConfiguration(sni_callback=callback, **only))
        ours, theirs = BufferPair(material.client(**only), server).try_handshake()
        assert 'this server has no certificate_chain' == theirs.strerror
        assert isinstance(ours, TLSError) and 'handshake failure' in str(ours)

    @pytest.mark.parametrize('take', ['from_buffer', 'from_file'])
    def test_leaf_with_its_chain(self, material, pki, take):
        """A certificate made of several is the leaf with its chain: all of them are sent."""
        path, key = pki.path('good_chain'), material.chain('good_chain')[1]
        certificate = material.backend.certificate.from_file(path)
        if take == 'from_buffer':
            certificate = material.backend.certificate.from_buffer(
                pki.text('good_chain').encode('ascii'))
        server = material.backend.server_context(
            TLSConfiguration(certificate_chain=((certificate,), key)))
        assert (None, None) == BufferPair(material.client(), server).try_handshake()

    def test_chain_is_sent(self, material):
        """Intermediate certificates are sent: who trusts the root alone accepts the leaf."""
        client = material.client()
        assert (None, None) == BufferPair(client, material.server('good_chain')).try_handshake()
        certificates, key = material.chain('good_chain')
        alone = material.backend.server_context(
            TLSConfiguration(certificate_chain=(certificates[:1], key)))
        ours, _ = BufferPair(client, alone).try_handshake()
        assert 'CERTIFICATE_VERIFY_FAILED' == ours.reason


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


def test_no_alpn(monkeypatch):
    """Where ssl has no ALPN, as with OpenSSL 1.0.1, no context is made that would need it."""
    def missing(context, protocols):
        raise NotImplementedError('ALPN support requires OpenSSL 1.0.2 or later')
    monkeypatch.setattr(ssl.SSLContext, 'set_alpn_protocols', missing)
    configuration = TLSConfiguration(inner_protocols=[NextProtocol.H2])
    assert 'ALPN' in str(raised(BACKEND.client_context, configuration))
    pytest.raises(TLSError, BACKEND.client_context, configuration)


class TestServerName(object):
    @pytest.mark.parametrize('name, expected', [
        (u'localhost', u'localhost'), (u'LocalHost', u'LocalHost'), (u'127.0.0.1', None),
        (u'b\xfccher.example.org', u'b\xfccher.example.org'), (None, None)])
    def test_arguments(self, material, name, expected):
        """The callback gets the buffer, the name, IDNA decoded, and the configuration."""
        calls = []

        def choose(buffer, name, configuration):
            calls.append((buffer, name, configuration))
            return configuration
        server = material.server(sni_callback=choose)
        pair = BufferPair(material.client(validate_certificates=False), server, name).handshake()
        assert [(pair.server, expected, server.configuration)] == calls
        assert b'data' == talk(pair.client, pair.server, b'data')

    def test_other_certificate(self, material, only):
        """A configuration that it returns is used: each name gets its certificate."""
        def choose(buffer, name, configuration):
            leaf = 'wildcard' if name.endswith(u'example.org') else 'localhost'
            return configuration.update(certificate_chain=material.chain(leaf))
        server = material.backend.server_context(TLSConfiguration(sni_callback=choose, **only))
        for name in (u'localhost', u'www.example.org', u'localhost'):
            assert (None, None) == BufferPair(
                material.client(**only), server, name).try_handshake()
        assert None not in BufferPair(material.client(**only), server, u'org').try_handshake()

    def test_everything_counts(self, material):
        """All of it is used: versions, suites, protocols, and whom to let in."""
        chosen = ecdhe(material, 'AES_128_GCM_SHA256')

        def choose(buffer, name, configuration):
            return configuration.update(inner_protocols=[b'x'], trust_store=material.trust(),
                                        **chosen)
        server = material.server(inner_protocols=[b'h2'], sni_callback=choose)
        client = material.client('client', inner_protocols=[b'h2', b'x'])
        pair = BufferPair(client, server).handshake()
        assert (chosen['ciphers'][0], TLSVersion.TLSv1_2, b'x') == (
            pair.client.cipher(), pair.client.negotiated_tls_version,
            pair.client.negotiated_protocol())
        _, theirs = BufferPair(material.client(), server).try_handshake()
        assert isinstance(theirs, TLSError)

    @pytest.mark.parametrize('answer', [None, 112, False])
    def test_refuses(self, material, answer):
        """Whatever else it returns refuses the client, which gets an alert."""
        server = material.server(sni_callback=lambda *_: answer)
        pair = BufferPair(material.client(), server)
        ours, theirs = pair.try_handshake()
        assert [TLSError, TLSError] == [type(ours), type(theirs)]
        assert 'localhost' in str(theirs)
        assert isinstance(raised(pair.server.read, 1), TLSError)
        assert isinstance(raised(pair.server.write, b'data'), TLSError)

    def test_raises(self, material):
        """What it raises comes out of the server's do_handshake(); the client gets an alert."""
        def choose(*_):
            raise LookupError('no such server')
        pair = BufferPair(material.client(), material.server(sni_callback=choose))
        advance(pair.client)
        pair.server.receive_from_network(outgoing(pair.client))
        assert 'no such server' == str(raised(pair.server.do_handshake))
        assert isinstance(raised(pair.server.do_handshake), TLSError)
        carry(pair.server, pair.client)
        assert isinstance(advance(pair.client), TLSError)

    def test_bad_configuration(self, material):
        """A configuration that cannot be used fails the handshake, of both."""
        def choose(buffer, name, configuration):
            return configuration.update(lowest_supported_version=TLSVersion.SSLv3)
        pair = BufferPair(material.client(), material.server(sni_callback=choose))
        advance(pair.server)
        advance(pair.client)
        pair.server.receive_from_network(outgoing(pair.client))
        assert 'SSLv3' in str(raised(pair.server.do_handshake))
        carry(pair.server, pair.client)
        assert isinstance(advance(pair.client), TLSError)

    def test_byte_by_byte(self, material, only):
        """It is called once the whole ClientHello is here, and only then, and once."""
        calls = []

        def choose(buffer, name, configuration):
            calls.append(name)
            return configuration
        pair = BufferPair(material.client(**only), material.server(sni_callback=choose, **only))
        advance(pair.client)
        hello = outgoing(pair.client)
        for byte in byte_by_byte(hello[:-1]):
            pair.server.receive_from_network(byte)
            pytest.raises(WantReadError, pair.server.do_handshake)
        pytest.raises(WantReadError, pair.server.read, 1)
        pytest.raises(WantReadError, pair.server.write, b'data')
        assert ([], b'') == (calls, outgoing(pair.server))
        pair.server.receive_from_network(hello[-1:])
        pair.split = byte_by_byte
        pair.handshake()
        assert [u'localhost'] == calls

    @pytest.mark.parametrize('hello', [b'GET / HTTP/1.0\r\n\r\n', b'\x16\x03\x01\x00\x00',
                                       b'\x80\x2e\x01\x03\x01', b'\x16\x03\x01\x00\x01\x02'])
    def test_no_hello(self, material, hello):
        """What is no ClientHello is refused, with an alert, and the callback never called."""
        calls = []
        server = material.server(sni_callback=lambda *args: calls.append(args)).wrap_buffers()
        advance(server)
        server.receive_from_network(hello)
        assert isinstance(advance(server), TLSError)
        assert ([ALERT], []) == (record_types(outgoing(server)), calls)

    def test_ignored_by_clients(self, material):
        """A client's configuration may have a callback; nobody calls it."""
        client = material.client(sni_callback=lambda *_: None)
        assert (None, None) == BufferPair(client, material.server()).try_handshake()


class TestData(object):
    @SIDES
    @pytest.mark.parametrize('split', sorted(SPLITS))
    def test_arrives(self, pair, ours, split):
        """What is written at one side is read at the other, however the wire splits it."""
        source, target = pair.sides(ours)
        data = pattern(20000)
        assert data == talk(source, target, data, SPLITS[split]())

    @SIDES
    def test_much(self, pair, ours):
        """Megabytes arrive: write() takes what it has room for."""
        source, target = pair.sides(ours)
        data = pattern(3000000)
        assert data == talk(source, target, data)

    def test_is_encrypted(self, pair):
        """What is outgoing is application data, and not in the clear."""
        assert 20 == pair.client.write(b'plaintext, 20 bytes.')
        data = outgoing(pair.client)
        assert [APPLICATION_DATA] == record_types(data)
        assert b'plaintext' not in data

    def test_short_reads(self, pair):
        """read() returns at most what it is asked for, and the rest later."""
        pair.client.write(b'abcdef')
        pair.client.write(b'ghi')
        carry(pair.client, pair.server)
        assert [b'ab', b'', b'cdefg', b'hi'] == [pair.server.read(n) for n in (2, 0, 5, 100)]
        pytest.raises(WantReadError, pair.server.read, 1)

    def test_readinto(self, pair):
        """readinto() fills a buffer, and says how far."""
        pair.client.write(b'abcdef')
        carry(pair.client, pair.server)
        target = bytearray(b'------')
        assert (4, bytearray(b'abcd--')) == (pair.server.readinto(target, 4), target)
        target = array.array('b', b'------')
        assert (2, b'ef----') == (pair.server.readinto(target, 6), bytes(bytearray(target)))
        pytest.raises(WantReadError, pair.server.readinto, target, 6)

    def test_readinto_refuses(self, pair):
        """readinto() needs a buffer that can be written to."""
        pytest.raises(TypeError, pair.server.readinto, b'------', 4)

    def test_readinto_a_small_buffer(self, pair):
        """readinto() fills a buffer that is smaller than the amount, and keeps the rest."""
        pair.client.write(b'abcdef')
        carry(pair.client, pair.server)
        target = bytearray(4)
        assert (4, b'abcd') == (pair.server.readinto(target, 100), bytes(target))
        assert (2, b'efcd') == (pair.server.readinto(target, 100), bytes(target))

    def test_bytes_buffered(self, pair):
        """bytes_buffered tells how much is outgoing, as a number and as a method."""
        pair.client.write(b'abcdef')
        data = pair.client.peek_outgoing(10000)
        assert len(data) > 6
        assert [len(data)] * 2 == [pair.client.bytes_buffered, pair.client.bytes_buffered()]
        pair.client.consume_outgoing(len(data))
        assert [0, 0] == [pair.client.bytes_buffered, pair.client.bytes_buffered()]

    @pytest.mark.parametrize('kind', [bytes, bytearray, memoryview,
                                      lambda data: array.array('b', data)])
    def test_any_buffer(self, pair, kind):
        """write() takes any buffer, and does not keep what can change."""
        data = kind(b'abcdef')
        assert 6 == pair.client.write(data)
        if kind is bytearray:
            data[:] = b'------'
        carry(pair.client, pair.server)
        assert b'abcdef' == pair.server.read(100)

    def test_no_buffer(self, pair):
        """write() refuses text, numbers and buffers with gaps."""
        pytest.raises(TypeError, pair.client.write, u'text')
        pytest.raises(TypeError, pair.client.write, 3)
        pytest.raises(BufferError, pair.client.write, strided())
        assert b'' == outgoing(pair.client)

    def test_nothing(self, pair):
        """Writing nothing puts nothing on the wire."""
        assert (0, b'') == (pair.client.write(b''), outgoing(pair.client))

    @SIDES
    def test_both_ways_at_once(self, pair, ours):
        """What both write at the same time arrives."""
        source, target = pair.sides(ours)
        source.write(b'there')
        target.write(b'and back')
        carry(source, target)
        carry(target, source)
        assert (b'there', b'and back') == (target.read(100), source.read(100))


class TestOutgoing(object):
    def test_peek_keeps(self, pair):
        """peek_outgoing() removes nothing, and returns no more than it is asked for."""
        pair.client.write(b'data')
        everything = pair.client.peek_outgoing(1000)
        assert everything[:5] == pair.client.peek_outgoing(5)
        assert b'' == pair.client.peek_outgoing(0)
        assert everything == outgoing(pair.client)

    def test_consume(self, pair):
        """consume_outgoing() removes what it is told to from the front."""
        pair.client.write(b'data')
        everything = pair.client.peek_outgoing(1000)
        pair.client.consume_outgoing(3)
        assert everything[3:] == pair.client.peek_outgoing(1000)
        pair.client.consume_outgoing(0)
        pair.client.consume_outgoing(len(everything) - 3)
        assert b'' == pair.client.peek_outgoing(1000)

    def test_consume_too_much(self, pair):
        """consume_outgoing() refuses more than there is, and then removes nothing."""
        pair.client.write(b'data')
        everything = pair.client.peek_outgoing(1000)
        pytest.raises(ValueError, pair.client.consume_outgoing, len(everything) + 1)
        assert everything == pair.client.peek_outgoing(1000)

    def test_limit(self, pair):
        """write() takes ever less, and then wants what is outgoing to be sent."""
        data = pattern(OUTGOING_LIMIT)
        taken = [pair.client.write(data)]
        while True:
            try:
                taken.append(pair.client.write(data))
            except WantWriteError:
                break
        assert OUTGOING_LIMIT <= len(pair.client.peek_outgoing(10**9)) < OUTGOING_LIMIT * 1.1
        carry(pair.client, pair.server)
        assert 5 == pair.client.write(b'again')
        carry(pair.client, pair.server)
        expected = b''.join(data[:size] for size in taken) + b'again'
        assert expected == read_all(pair.server)[0]

    def test_reading_is_not_limited(self, pair):
        """A buffer that has much outgoing still reads."""
        while True:
            try:
                pair.client.write(pattern(OUTGOING_LIMIT))
            except WantWriteError:
                break
        pair.server.write(b'data')
        carry(pair.server, pair.client)
        assert b'data' == pair.client.read(100)


class TestEnd(object):
    @SIDES
    def test_shutdown(self, pair, ours):
        """One side ends, the other reads b'' and ends too; then both are done."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        assert carry(source, target)
        assert [b'', b''] == [target.read(10), target.read(10)]
        assert target.shutdown() is None
        assert carry(target, source)
        assert source.shutdown() is None
        assert [b'', b''] == [source.read(10), target.read(10)]
        assert (b'', b'') == (outgoing(source), outgoing(target))

    @SIDES
    def test_data_comes_first(self, pair, ours):
        """What was written before the end arrives before it."""
        source, target = pair.sides(ours)
        source.write(b'data')
        pytest.raises(WantReadError, source.shutdown)
        carry(source, target)
        assert (b'data', b'') == read_all(target)

    @SIDES
    def test_half_closed(self, pair, ours):
        """Whose peer has ended its side can go on writing, and the peer reading."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        carry(source, target)
        assert b'' == target.read(10)
        assert 4 == target.write(b'more')
        carry(target, source)
        assert b'more' == source.read(10)
        pytest.raises(WantReadError, source.read, 10)
        pytest.raises(WantReadError, source.shutdown)
        target.shutdown()
        carry(target, source)
        assert (b'', None) == (source.read(10), source.shutdown())

    def test_both_at_once(self, pair):
        """Both may end at the same time."""
        for side in (pair.client, pair.server):
            pytest.raises(WantReadError, side.shutdown)
        carry(pair.client, pair.server)
        carry(pair.server, pair.client)
        assert [None, None] == [side.shutdown() for side in (pair.client, pair.server)]

    @SIDES
    def test_eof_after_it(self, pair, ours):
        """The end of the network after the peer's close_notify is a clean end."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        carry(source, target)
        target.receive_from_network(b'')
        assert [b'', b''] == [target.read(10), target.read(10)]
        assert target.shutdown() is None

    def test_write_after_it(self, pair):
        """Who has ended its side cannot write any more."""
        pytest.raises(WantReadError, pair.client.shutdown)
        pytest.raises(RuntimeError, pair.client.write, b'data')
        pytest.raises(TLSError, pair.client.write, b'data')
        carry(pair.client, pair.server)
        assert pair.server.shutdown() is None
        pytest.raises(TLSError, pair.server.write, b'data')

    @SIDES
    def test_ragged(self, pair, ours):
        """The end of the network without close_notify is a RaggedEOF, after all data, for good."""
        source, target = pair.sides(ours)
        source.write(b'data')
        carry(source, target)
        target.receive_from_network(b'')
        assert (b'data', RaggedEOF) == read_all(target)
        pytest.raises(RaggedEOF, target.read, 1)
        pytest.raises(RaggedEOF, target.readinto, bytearray(1), 1)

    @SIDES
    def test_ragged_then_shutdown(self, pair, ours):
        """After a RaggedEOF our side can still be written to and ended, which says so again."""
        source, target = pair.sides(ours)
        target.receive_from_network(b'')
        pytest.raises(RaggedEOF, target.read, 1)
        assert 4 == target.write(b'data')
        pytest.raises(RaggedEOF, target.shutdown)
        carry(target, source)
        assert (b'data', b'') == read_all(source)

    @SIDES
    def test_ragged_while_ending(self, pair, ours):
        """Waiting for the peer's close_notify, the end of the network is a RaggedEOF as well."""
        source, target = pair.sides(ours)
        pytest.raises(WantReadError, source.shutdown)
        source.receive_from_network(b'')
        pytest.raises(RaggedEOF, source.shutdown)

    @SIDES
    def test_truncated_record(self, pair, ours):
        """A record that is cut short gives no data, and a RaggedEOF."""
        source, target = pair.sides(ours)
        source.write(b'whole')
        carry(source, target)
        source.write(b'cut short')
        target.receive_from_network(outgoing(source)[:-1])
        target.receive_from_network(b'')
        assert (b'whole', RaggedEOF) == read_all(target)

    def test_truncated_handshake(self, material, only):
        """The end of the network in mid-handshake is a RaggedEOF, wherever it comes."""
        for size in (0, 1, 100):
            pair = BufferPair(material.client(**only), material.server(**only))
            advance(pair.client)
            hello = outgoing(pair.client)
            if size:
                pair.server.receive_from_network(hello[:size])
            for side in (pair.server, pair.client):
                side.receive_from_network(b'')
                pytest.raises(RaggedEOF, side.do_handshake)
                pytest.raises(RaggedEOF, side.read, 1)

    def test_truncated_hello(self, material):
        """So it is while the name of the server is waited for."""
        server = material.server(sni_callback=lambda *_: None).wrap_buffers()
        advance(server)
        server.receive_from_network(b'\x16\x03\x01')
        server.receive_from_network(b'')
        pytest.raises(RaggedEOF, server.do_handshake)

    def test_data_after_eof(self, pair):
        """Nothing can follow the end of the network."""
        pair.client.receive_from_network(b'')
        pytest.raises(ValueError, pair.client.receive_from_network, b'data')


class TestFailure(object):
    @SIDES
    def test_altered_record(self, pair, ours):
        """A flipped bit is an error for good, after what came before it, with an alert."""
        source, target = pair.sides(ours)
        source.write(b'good')
        carry(source, target)
        source.write(b'bad')
        record = bytearray(outgoing(source))
        record[-1] ^= 1
        target.receive_from_network(bytes(record))
        assert (b'good', TLSError) == read_all(target)
        alert = APPLICATION_DATA if target.negotiated_tls_version is TLSVersion.TLSv1_3 else ALERT
        assert [alert] == record_types(outgoing(target))
        source.write(b'later')
        carry(source, target)
        assert (b'', TLSError) == read_all(target)
        for call in (lambda: target.write(b'data'), target.shutdown):
            assert isinstance(raised(call), TLSError)

    @SIDES
    def test_alert_reaches_the_peer(self, pair, ours):
        """The alert is outgoing, and the peer reads of it."""
        source, target = pair.sides(ours)
        source.write(b'bad')
        record = bytearray(outgoing(source))
        record[-1] ^= 1
        target.receive_from_network(bytes(record))
        read_all(target)
        carry(target, source)
        error = raised(source.read, 1)
        assert type(error) is TLSError
        assert 'BAD_RECORD_MAC' in error.reason

    def test_no_tls(self, material):
        """A peer that does not speak TLS fails the handshake."""
        client = material.client().wrap_buffers(u'localhost')
        advance(client)
        client.receive_from_network(b'220 mail.example.org ESMTP\r\n')
        assert type(advance(client)) is TLSError

    def test_plaintext_before_the_handshake(self, material):
        """What arrives before do_handshake() is never given out: it has to be TLS."""
        pair = BufferPair(material.client(), material.server())
        pair.server.receive_from_network(b'injected')
        for call in (lambda: pair.server.read(100), lambda: pair.server.write(b''),
                     pair.server.shutdown):
            assert type(raised(call)) is RuntimeError
        assert type(advance(pair.server)) is TLSError
        assert (b'', TLSError) == read_all(pair.server)

    def test_early_hello(self, material):
        """A ClientHello that arrives before do_handshake() is not lost."""
        pair = BufferPair(material.client(), material.server())
        advance(pair.client)
        pair.server.receive_from_network(outgoing(pair.client))
        pair.handshake()


class TestMisuse(object):
    @SIDES
    def test_before_the_handshake(self, material, ours):
        """Nothing is done before do_handshake(), and nothing goes out in plaintext."""
        buffer, _ = BufferPair(material.client(), material.server()).sides(ours)
        for call in (lambda: buffer.read(1), lambda: buffer.readinto(bytearray(1), 1),
                     lambda: buffer.write(b'data'), buffer.shutdown):
            assert type(raised(call)) is RuntimeError
        assert b'' == outgoing(buffer)

    def test_during_the_handshake(self, material):
        """While it goes on, data has to wait, and there is nothing to end."""
        pair = BufferPair(material.client(), material.server())
        advance(pair.client)
        pytest.raises(WantReadError, pair.client.read, 1)
        pytest.raises(WantReadError, pair.client.write, b'data')
        pytest.raises(RuntimeError, pair.client.shutdown)

    @pytest.mark.parametrize('amt, error', [(-1, ValueError), (None, TypeError), (1.0, TypeError)])
    def test_numbers(self, pair, amt, error):
        """Amounts are numbers that are not negative."""
        for call in (pair.client.read, pair.client.peek_outgoing, pair.client.consume_outgoing):
            pytest.raises(error, call, amt)
        pytest.raises(error, pair.client.readinto, bytearray(1), amt)

    def test_text(self, pair):
        """Text does not come from a network."""
        pytest.raises(TypeError, pair.client.receive_from_network, u'text')

    def test_no_configuration(self, material):
        """A context is made of a TLSConfiguration, and of nothing else."""
        for cls in (material.backend.client_context, material.backend.server_context):
            pytest.raises(TypeError, cls, None)
            pytest.raises(TLSError, cls, None)


@needs_refcounts
class TestLifetime(object):
    @pytest.fixture(autouse=True)
    def no_collector(self):
        """Nothing collects cycles."""
        gc.disable()
        yield
        gc.enable()

    @pytest.mark.parametrize('leaf', ['localhost', 'other'])
    @pytest.mark.parametrize('callback', [None, lambda buffer, name, configuration: configuration,
                                          lambda *_: None], ids=['none', 'same', 'refuses'])
    def test_no_cycles(self, material, leaf, callback):
        """Buffers die with their last reference, whatever has failed."""
        pair = BufferPair(material.client(), material.server(leaf, sni_callback=callback))
        _end_badly(pair)
        buffers = [weakref.ref(pair.client), weakref.ref(pair.server)]
        del pair
        assert [None, None] == [reference() for reference in buffers]


def _end_badly(pair):
    # A function of its own: until it returns, Python 2 keeps what was raised last.
    pair.try_handshake()
    for side in (pair.client, pair.server):
        side.receive_from_network(b'')
        for _ in range(2):
            try:  # pytest.raises() makes cycles of its own
                side.read(1)
            except TLSError:
                pass
