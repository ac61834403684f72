"""Settings of contexts, of ours and of any other, held to Python 3.13's."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

import sslproto27
from sslproto27 import MemoryBIO, SSLContext, TLSVersion, context, create_default_context
from tests.support.contexts import Functions, needs
from tests.support.memory import Pair, connect, only_python2


class TestVersions(object):
    @pytest.mark.parametrize('name', ['minimum_version', 'maximum_version'])
    @pytest.mark.parametrize('version', [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3], ids=str)
    def test_reads_back(self, way, name, version):
        """A limit reads back as a TLSVersion."""
        made = way.new()
        way.set(made, name, version)
        seen = way.get(made, name)
        assert (version, TLSVersion) == (seen, type(seen))

    def test_number(self, way):
        """A number will do."""
        made = way.new()
        way.set(made, 'minimum_version', 0x304)
        assert TLSVersion.TLSv1_3 == way.get(made, 'minimum_version')

    def test_extremes(self, way):
        """MINIMUM_SUPPORTED and MAXIMUM_SUPPORTED stand for what OpenSSL has."""
        made = way.new()
        seen = []
        for name in ('minimum_version', 'maximum_version'):
            for version in (TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED):
                way.set(made, name, version)
                seen.append(way.get(made, name))
        assert [TLSVersion.MINIMUM_SUPPORTED, TLSVersion.TLSv1_3, TLSVersion.TLSv1,
                TLSVersion.MAXIMUM_SUPPORTED] == seen

    @pytest.mark.parametrize('wrong, error', [
        ('TLSv1.2', TypeError), (None, TypeError), (1.5, TypeError), (5, ValueError)], ids=repr)
    @pytest.mark.parametrize('name', ['minimum_version', 'maximum_version'])
    def test_refused(self, way, name, wrong, error):
        """What is no version is refused, and changes nothing."""
        made = way.new()
        before = way.get(made, name)
        with pytest.raises(error):
            way.set(made, name, wrong)
        assert before == way.get(made, name)

    @pytest.mark.filterwarnings('ignore::DeprecationWarning')
    def test_single_version(self):
        """A context of a single version has no limits to set."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLSv1_2)
        with pytest.raises(ValueError):
            context.set_minimum_version(made, TLSVersion.TLSv1_2)

    @pytest.mark.parametrize('side', ['client', 'server'])
    @pytest.mark.parametrize('name, version, expected', [
        ('maximum_version', TLSVersion.TLSv1_2, 'TLSv1.2'),
        ('minimum_version', TLSVersion.TLSv1_3, 'TLSv1.3')])
    def test_negotiated(self, pki, side, name, version, expected):
        """A limit on either side decides what is negotiated."""
        client, server = pki.client_context(), pki.server_context()
        Functions().set(client if side == 'client' else server, name, version)
        assert expected == connect(client, server).client.version()

    @pytest.mark.filterwarnings('ignore::DeprecationWarning')
    @pytest.mark.parametrize('assign', [
        lambda made: ssl.OP_ALL, lambda made: 0,
        lambda made: made.options & ~(context.OP_NO_TLSv1_3 | ssl.OP_NO_TLSv1_2),
        lambda made: ssl.SSLContext(context.PROTOCOL_TLS).options],
        ids=['all', '0', 'cleared', 'copied'])
    @pytest.mark.parametrize('server_side', [False, True], ids=['client', 'server'])
    def test_no_options_lift_a_limit(self, pki, way, server_side, assign):
        """A limit stays in force, and reads back, whatever is assigned to the options after it."""
        sides = [way.new(), way.new(server_side=True)]
        sides[1].load_cert_chain(pki.path('localhost'))
        limited = sides[server_side]
        way.set(limited, 'maximum_version', TLSVersion.TLSv1_2)
        limited.options = assign(limited)
        assert TLSVersion.TLSv1_2 == way.get(limited, 'maximum_version')
        assert 'TLSv1.2' == connect(*sides).client.version()
        way.set(sides[not server_side], 'minimum_version', TLSVersion.TLSv1_3)
        sides[not server_side].options = assign(limited)
        assert None not in Pair(*sides).try_handshake()

    @pytest.mark.filterwarnings('ignore::DeprecationWarning')
    def test_limits_are_no_options(self):
        """A context's options read as they were assigned, and stay when the limits go."""
        made = SSLContext(context.PROTOCOL_TLS_CLIENT)
        made.options = chosen = made.options | ssl.OP_NO_TLSv1
        made.minimum_version = TLSVersion.TLSv1_3
        assert chosen == made.options
        made.options = chosen | ssl.OP_NO_TLSv1_1
        made.minimum_version = TLSVersion.MINIMUM_SUPPORTED
        assert chosen | ssl.OP_NO_TLSv1_1 == made.options

    def test_nothing_in_common(self, pki):
        """Where the limits leave no version, both sides are told."""
        client, server = pki.client_context(), pki.server_context()
        context.set_maximum_version(client, TLSVersion.TLSv1_2)
        context.set_minimum_version(server, TLSVersion.TLSv1_3)
        errors = Pair(client, server).try_handshake()
        assert ['TLSV1_ALERT_PROTOCOL_VERSION', 'UNSUPPORTED_PROTOCOL'] == [
            error.reason for error in errors]


class TestCiphers(object):
    def test_facts(self, way):
        """A suite is described as in Python 3.13."""
        made = way.new()
        made.set_ciphers('ECDHE-RSA-AES128-GCM-SHA256')
        found = [one for one in way.call(made, 'get_ciphers') if one['protocol'] == 'TLSv1.2']
        for one in found:
            one['description'] = ' '.join(one['description'].split())
        assert [{
            'id': 0x300c02f, 'name': 'ECDHE-RSA-AES128-GCM-SHA256', 'protocol': 'TLSv1.2',
            'description': 'ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 Kx=ECDH Au=RSA Enc=AESGCM(128)'
                           ' Mac=AEAD',
            'strength_bits': 128, 'alg_bits': 128, 'aead': True, 'symmetric': 'aes-128-gcm',
            'digest': None, 'kea': 'kx-ecdhe', 'auth': 'auth-rsa'}] == found

    def test_digest(self, way):
        """A suite that is no AEAD has a digest."""
        made = way.new()
        made.set_ciphers('ECDHE-RSA-AES128-SHA256')
        found = [one for one in way.call(made, 'get_ciphers') if one['protocol'] == 'TLSv1.2']
        assert [(False, 'sha256', 'aes-128-cbc')] == [
            (one['aead'], one['digest'], one['symmetric']) for one in found]

    def test_types(self, way):
        """Texts are native strings, and the line end of OpenSSL's description is gone."""
        for one in way.call(way.new(), 'get_ciphers'):
            assert {str} == {type(one[name]) for name in
                             ('name', 'protocol', 'description', 'kea', 'auth')}
            assert one['description'] == one['description'].strip()

    @needs('set_ciphersuites')
    def test_ciphersuites(self, way, pki):
        """TLS 1.3's suites are chosen apart, in the order given, and used."""
        made = way.new()
        way.call(made, 'set_ciphersuites', 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256')
        assert ['TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'] == [
            one['name'] for one in way.call(made, 'get_ciphers') if one['protocol'] == 'TLSv1.3']
        pair = Pair(made, pki.server_context(), server_hostname=None).handshake()
        assert pair.client.cipher()[0].startswith('TLS_')
        way.call(made, 'set_ciphersuites', u'TLS_AES_128_GCM_SHA256')
        pair = Pair(made, pki.server_context(), server_hostname=None).handshake()
        assert ('TLS_AES_128_GCM_SHA256', 'TLSv1.3', 128) == pair.client.cipher()

    @needs('set_ciphersuites')
    @pytest.mark.parametrize('wrong, error', [
        ('TLS_NO_SUCH_SUITE', ssl.SSLError), (1, TypeError), (None, TypeError),
        ('TLS_AES_128_GCM_SHA256\0', ValueError)], ids=repr)
    def test_ciphersuites_refused(self, way, wrong, error):
        """What names no suite is refused, and changes nothing."""
        made = way.new()
        before = way.call(made, 'get_ciphers')
        with pytest.raises(error):
            way.call(made, 'set_ciphersuites', wrong)
        assert before == way.call(made, 'get_ciphers')


class TestNumTickets(object):
    pytestmark = needs('num_tickets')

    def test_reads_back(self, way):
        """It is 2 until it is set."""
        made = way.new(server_side=True)
        seen = [way.get(made, 'num_tickets')]
        for number in (0, 1, 7):
            way.set(made, 'num_tickets', number)
            seen.append(way.get(made, 'num_tickets'))
        assert [2, 0, 1, 7] == seen

    @pytest.mark.parametrize('wrong, error', [
        (-1, ValueError), ('2', TypeError), (None, TypeError), (1.5, TypeError)], ids=repr)
    def test_refused(self, way, wrong, error):
        """What is no number of tickets is refused."""
        with pytest.raises(error):
            way.set(way.new(server_side=True), 'num_tickets', wrong)

    def test_of_a_client(self):
        """A client gives none."""
        made = SSLContext(context.PROTOCOL_TLS_CLIENT)
        with pytest.raises(ValueError):
            made.num_tickets = 1

    @pytest.mark.parametrize('number', [0, 1, 3])
    def test_sent(self, pki, number):
        """As many are sent."""
        server = pki.server_context(version='TLSv1.3')
        context.set_num_tickets(server, number)
        pair = Pair(pki.client_context('TLSv1.3'), server)
        pair.client_end.handshake_is_done()
        pair.pump()
        pair.server_end.handshake_is_done()
        pair.pump()
        pair.client_end.handshake_is_done()
        pair.pump()
        pair.server_end.handshake_is_done()
        records = pair.server_end.outgoing.read()
        assert number == records.count(b'\x17\x03\x03')
        pair.client_end.incoming.write(records)
        assert b'' == pair.client_end.read_available()
        assert bool(number) is pair.client.session.has_ticket


class TestSecurityLevel(object):
    pytestmark = needs('security_level')

    def test_of_ciphers(self, way):
        """It is what the list of ciphers has set."""
        made = way.new()
        seen = []
        for level in (0, 1, 3):
            made.set_ciphers('DEFAULT:@SECLEVEL=%d' % level)
            seen.append(way.get(made, 'security_level'))
        assert [0, 1, 3] == seen

    def test_read_only(self):
        """It cannot be set."""
        with pytest.raises(AttributeError):
            SSLContext(context.PROTOCOL_TLS_CLIENT).security_level = 1


class TestCommonName(object):
    def test_reads_back(self, way):
        """What is set reads back as a bool."""
        made = way.new()
        seen = []
        for value in (True, False, 1, None):
            way.set(made, 'hostname_checks_common_name', value)
            seen.append(way.get(made, 'hostname_checks_common_name'))
        assert [True, False, True, False] == seen

    def test_default(self, way):
        """Unless it is set, it is true, as in Python 3.13."""
        assert True is way.get(way.new(), 'hostname_checks_common_name')

    @only_python2
    def test_of_create_default_context(self):
        """With create_default_context a common name proves nothing (RFC 9525 6.3)."""
        made = create_default_context()
        assert [False, False] == [made.hostname_checks_common_name,
                                  context.get_hostname_checks_common_name(made)]

    @pytest.mark.parametrize('value', [True, False])
    def test_handshake(self, pki, value):
        """A certificate with a common name alone is taken, or refused, as it says."""
        client = pki.client_context()
        context.set_hostname_checks_common_name(client, value)
        errors = Pair(client, pki.server_context('common_name')).try_handshake()
        assert [value, value] == [error is None for error in errors]

    def test_partial_wildcards(self, pki):
        """Names of which a part is a star prove nothing, either way."""
        client = pki.client_context()
        context.set_hostname_checks_common_name(client, True)
        errors = Pair(client, pki.server_context('partial'),
                      server_hostname='www.example.org').try_handshake()
        assert 62 == errors[0].verify_code


class TestObjectClass(object):
    def test_wrap_bio(self, way):
        """wrap_bio makes objects of the class that the context names."""
        class Mine(sslproto27.SSLObject):
            """A user's own."""
        made = way.new()
        way.set(made, 'sslobject_class', Mine)
        assert Mine is way.get(made, 'sslobject_class')
        assert Mine is type(sslproto27.wrap_bio(made, MemoryBIO(), MemoryBIO()))

    def test_others_keep_theirs(self, way):
        """What one context names does not bind another."""
        class Mine(sslproto27.SSLObject):
            """A user's own."""
        way.set(way.new(), 'sslobject_class', Mine)
        assert sslproto27.SSLObject is type(
            sslproto27.wrap_bio(way.new(), MemoryBIO(), MemoryBIO()))


@needs('post_handshake_auth')
def test_post_handshake_auth_of_plain_contexts(pki):
    """A context that is not ours offers it, too, once it is told to."""
    way = Functions()
    client = pki.client_context('TLSv1.3', leaf='client')
    server = pki.server_context(version='TLSv1.3', trust='ca')
    seen = [way.get(client, 'post_handshake_auth')]
    for made in (client, server):
        way.set(made, 'post_handshake_auth', True)
    assert [False, True] == seen + [way.get(client, 'post_handshake_auth')]
    pair = connect(client, server)
    assert None is pair.server.getpeercert(True)
    pair.server.verify_client_post_handshake()
    pair.server.write(b'who are you?')
    pair.pump()
    assert b'who are you?' == pair.client_end.read_available()
    pair.pump()
    assert b'' == pair.server_end.read_available()
    assert pki.chain('client')[0] == pair.server.getpeercert(True)
