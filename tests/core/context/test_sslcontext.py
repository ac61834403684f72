"""
Contexts: members, defaults and settings, held to Python 3.13's; on Python 3 the same tests run on
the standard library's own.
"""
from __future__ import absolute_import, division, print_function

import gc
import inspect
import os
import ssl
import sys
import weakref

import pytest

import sslproto27
from sslproto27 import MemoryBIO, SSLContext, TLSVersion, context, create_default_context
from tests.support.contexts import WAYS, Functions, needs
from tests.support.engines import not_in_pair
from tests.support.memory import PY2, Pair, connect, only_python2, raised, since_python3
from tests.support.pki import PASSWORDS, PASSWORD_IDS

#: dir(ssl.SSLContext) of Python 3.13.0, what begins with an underscore left out.
MEMBERS = set("""
    cert_store_stats check_hostname get_ca_certs get_ciphers hostname_checks_common_name
    keylog_filename load_cert_chain load_default_certs load_dh_params load_verify_locations
    maximum_version minimum_version num_tickets options post_handshake_auth protocol security_level
    session_stats set_alpn_protocols set_ciphers set_default_verify_paths set_ecdh_curve
    set_npn_protocols set_psk_client_callback set_psk_server_callback set_servername_callback
    sni_callback sslobject_class sslsocket_class verify_flags verify_mode wrap_bio
    wrap_socket""".split())

#: Of those, what is about sockets.
NOT_HERE = {'sslsocket_class'}

#: The names in Python 3.13.0's ssl that begin like these, with their values in OpenSSL 3.
CONSTANTS = {
    'OP_ENABLE_KTLS': 0x8, 'OP_ENABLE_MIDDLEBOX_COMPAT': 0x100000, 'OP_IGNORE_UNEXPECTED_EOF': 0x80,
    'OP_LEGACY_SERVER_CONNECT': 0x4, 'OP_NO_COMPRESSION': 0x20000,
    'OP_NO_RENEGOTIATION': 0x40000000, 'OP_NO_TICKET': 0x4000, 'OP_NO_TLSv1_3': 0x20000000,
    'PROTOCOL_TLS': 2, 'PROTOCOL_TLS_CLIENT': 16, 'PROTOCOL_TLS_SERVER': 17,
    'VERIFY_ALLOW_PROXY_CERTS': 0x40, 'VERIFY_X509_PARTIAL_CHAIN': 0x80000,
    'VERIFY_X509_STRICT': 0x20, 'VERIFY_X509_TRUSTED_FIRST': 0x8000,
}


@pytest.fixture(params=WAYS, ids=['attributes', 'functions'])
def way(request):
    """Each way to a context's settings in turn."""
    return request.param


class TestMembers(object):
    def test_none_is_missing(self):
        """SSLContext has every public member of Python 3.13's."""
        assert set() == (MEMBERS - NOT_HERE if PY2 or sys.version_info >= (3, 13)
                         else set()) - set(dir(SSLContext))

    @pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason='the list is that of Python 3.13')
    def test_list(self):
        """The list of members in this test is Python 3.13's own."""
        assert MEMBERS == {name for name in dir(ssl.SSLContext) if not name.startswith('_')}

    @pytest.mark.parametrize('name', sorted(CONSTANTS))
    def test_constants(self, name):
        """The constants that 2.7 lacks have the names and values of Python 3.13's."""
        assert CONSTANTS[name] == getattr(context, name)
        if hasattr(ssl, name):
            assert getattr(ssl, name) == getattr(context, name)

    def test_all(self):
        """The module has each name that it announces."""
        assert [] == [name for name in context.__all__ if not hasattr(context, name)]

    def test_our_own(self):
        """It is an ssl.SSLContext, and what any code makes of one can be made of it."""
        assert issubclass(SSLContext, ssl.SSLContext)
        assert context.SSLContext is sslproto27.SSLContext

    def test_setters(self):
        """What a setter sets has the same name on every Python, so that it can be used by name."""
        names = [name for name in context.__all__
                 if name.startswith('set_') and 'get_' + name[4:] in context.__all__]
        assert 8 == len(names)
        arguments = getattr(inspect, 'getfullargspec', None) or inspect.getargspec
        for name in names + ['set_sni_callback']:
            assert ['context', 'value'] == arguments(getattr(context, name)).args, name


class TestTLSVersion(object):
    @pytest.mark.parametrize('name, number', [
        ('MINIMUM_SUPPORTED', -2), ('SSLv3', 0x300), ('TLSv1', 0x301), ('TLSv1_1', 0x302),
        ('TLSv1_2', 0x303), ('TLSv1_3', 0x304), ('MAXIMUM_SUPPORTED', -1)])
    def test_members(self, name, number):
        """Each version is an int with a name and a value, and is found by its number."""
        member = getattr(TLSVersion, name)
        assert (number, name, number) == (member, member.name, member.value)
        assert isinstance(member, int)
        assert (member, True) == (TLSVersion(number), TLSVersion(number) is member)
        assert '<TLSVersion.%s: %d>' % (name, number) == repr(member)

    def test_no_other(self):
        """A number that stands for no version is refused with ValueError."""
        with pytest.raises(ValueError):
            TLSVersion(0x305)


@since_python3(10, 'these defaults')
class TestDefaults(object):
    @pytest.mark.parametrize('side, verify_mode, check_hostname', [
        ('CLIENT', ssl.CERT_REQUIRED, True), ('SERVER', ssl.CERT_NONE, False)])
    def test_protocols(self, side, verify_mode, check_hostname):
        """A client's context verifies the server and its name; neither goes below TLS 1.2."""
        protocol = getattr(context, 'PROTOCOL_TLS_' + side)
        made = SSLContext(protocol)
        assert (protocol, verify_mode, check_hostname) == (
            made.protocol, made.verify_mode, made.check_hostname)
        assert (TLSVersion.TLSv1_2, TLSVersion.MAXIMUM_SUPPORTED, 2, 2, False) == (
            made.minimum_version, made.maximum_version, made.num_tickets, made.security_level,
            made.post_handshake_auth)
        assert (None, None, context.VERIFY_X509_TRUSTED_FIRST) == (
            made.keylog_filename, made.sni_callback, made.verify_flags)

    def test_options(self):
        """The options are OpenSSL's usual ones, without SSL 3 and compression."""
        made = SSLContext(context.PROTOCOL_TLS_CLIENT)
        assert (ssl.OP_ALL | ssl.OP_NO_SSLv3 | ssl.OP_CIPHER_SERVER_PREFERENCE
                | context.OP_NO_COMPRESSION | context.OP_ENABLE_MIDDLEBOX_COMPAT) == (
                    made.options & ~context.OP_NO_RENEGOTIATION)

    def test_ciphers(self):
        """The suites give forward secrecy, and none is of CBC with SHA-1."""
        names = [one['name'] for one in SSLContext(context.PROTOCOL_TLS_CLIENT).get_ciphers()]
        assert 'TLS_AES_256_GCM_SHA384' == names[0]
        assert [
            'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384',
            'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256',
            'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305',
            'ECDHE-ECDSA-AES256-SHA384', 'ECDHE-RSA-AES256-SHA384', 'ECDHE-ECDSA-AES128-SHA256',
            'ECDHE-RSA-AES128-SHA256', 'DHE-RSA-AES256-GCM-SHA384', 'DHE-RSA-AES128-GCM-SHA256',
            'DHE-RSA-AES256-SHA256', 'DHE-RSA-AES128-SHA256',
        ] == [name for name in names if not name.startswith('TLS_')]

    @pytest.mark.skipif(not PY2, reason='Python 3 warns of it')
    def test_no_protocol(self):
        """Without a protocol a context serves either side, and verifies nothing yet."""
        made = SSLContext()
        assert (context.PROTOCOL_TLS, ssl.CERT_NONE) == (made.protocol, made.verify_mode)
        made.wrap_bio(MemoryBIO(), MemoryBIO())
        made.wrap_bio(MemoryBIO(), MemoryBIO(), server_side=True)

    @pytest.mark.skipif(not PY2, reason='Python 3 warns of it')
    def test_protocol_of_one_version(self, pki):
        """A context of one version speaks that alone, and verifies nothing yet."""
        made = SSLContext(ssl.PROTOCOL_TLSv1_2)
        assert (ssl.PROTOCOL_TLSv1_2, ssl.CERT_NONE) == (made.protocol, made.verify_mode)
        assert 'TLSv1.2' == connect(made, pki.server_context()).client.version()

    def test_unknown_protocol(self):
        """A protocol that there is not is refused with ValueError."""
        with pytest.raises(ValueError):
            SSLContext(99)

    @pytest.mark.parametrize('side, other', [('CLIENT', 'server'), ('SERVER', 'client')])
    def test_wrong_side(self, side, other):
        """A context for one side does not serve the other."""
        made = SSLContext(getattr(context, 'PROTOCOL_TLS_' + side))
        error = raised(made.wrap_bio, MemoryBIO(), MemoryBIO(), server_side=other == 'server')
        assert ssl.SSLError is type(error)
        assert ('Cannot create a %s socket with a PROTOCOL_TLS_%s context' % (other, side)
                in str(error))

    def test_check_hostname_switches_verification_on(self):
        """A context that is told to check names verifies, and must not stop to before that."""
        made = SSLContext(context.PROTOCOL_TLS_SERVER)
        made.check_hostname = True
        assert (True, ssl.CERT_REQUIRED) == (made.check_hostname, made.verify_mode)
        with pytest.raises(ValueError):
            made.verify_mode = ssl.CERT_NONE
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        assert (False, ssl.CERT_NONE) == (made.check_hostname, made.verify_mode)

    def test_context_dies(self):
        """A context dies with its last reference, or at the next collection."""
        made = SSLContext(context.PROTOCOL_TLS_CLIENT)
        reference = weakref.ref(made)
        del made
        gc.collect()
        assert None is reference()


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


@pytest.mark.skipif(PY2, reason='2.7 gets them all from us')
def test_not_implemented():
    """What this Python 3's ssl has not is refused, not silently left out."""
    way = Functions()
    made = way.new()
    missing = [name for name in ('session_ticket_keys', 'keylog_filename', 'security_level',
                                 'num_tickets') if not hasattr(ssl.SSLContext, name)]
    assert 'session_ticket_keys' in missing
    for name in missing:
        with pytest.raises(NotImplementedError):
            way.get(made, name)
    with pytest.raises(NotImplementedError):
        context.set_session_ticket_keys(made, [])


class TestCreateDefaultContext(object):
    @pytest.fixture(autouse=True)
    def no_keylog(self, monkeypatch):
        """The environment names no file for secrets, unless a test says so."""
        monkeypatch.delenv('SSLKEYLOGFILE', raising=False)

    @since_python3(13, 'these flags')
    @pytest.mark.parametrize('purpose, verify_mode, check_hostname', [
        (ssl.Purpose.SERVER_AUTH, ssl.CERT_REQUIRED, True),
        (ssl.Purpose.CLIENT_AUTH, ssl.CERT_NONE, False)], ids=['client', 'server'])
    def test_defaults(self, purpose, verify_mode, check_hostname):
        """TLS 1.2 at least, strict verification, no compression; a client checks the name."""
        made = create_default_context(purpose)
        assert (verify_mode, check_hostname, TLSVersion.TLSv1_2, TLSVersion.MAXIMUM_SUPPORTED) == (
            made.verify_mode, made.check_hostname, made.minimum_version, made.maximum_version)
        assert (context.VERIFY_X509_STRICT | context.VERIFY_X509_PARTIAL_CHAIN
                | context.VERIFY_X509_TRUSTED_FIRST) == made.verify_flags
        assert made.options & context.OP_NO_COMPRESSION
        assert not made.options & context.OP_IGNORE_UNEXPECTED_EOF

    @only_python2
    def test_no_renegotiation(self):
        """Neither side renegotiates: unlike Python 3.13, which leaves it to OpenSSL."""
        for purpose in (ssl.Purpose.SERVER_AUTH, ssl.Purpose.CLIENT_AUTH):
            assert create_default_context(purpose).options & context.OP_NO_RENEGOTIATION

    def test_trust(self, pki):
        """Certificates given as a file, or as data, are trusted, and none beside them."""
        for given in (dict(cafile=pki.path('ca')), dict(cadata=u'' + pki.text('ca'))):
            made = create_default_context(**given)
            assert 1 == made.cert_store_stats()['x509_ca']
            assert (None, None) == Pair(made, pki.server_context('ecdsa')).try_handshake()

    @pytest.mark.parametrize('before', [u'', u'0 comment\n', u'# of whom\n\n'])
    def test_native_text(self, pki, before):
        """PEM as open(...).read() gives it, on 2.7 in bytes, is PEM."""
        with open(pki.path('ca')) as file:
            pem = str(before) + file.read()
        for cadata in (pem, u'' + pem):
            made = create_default_context(cadata=cadata)
            assert [pki.chain('ca')[0]] == made.get_ca_certs(binary_form=True)

    @since_python3(10, 'a way with DER that OpenSSL 3 has not broken')
    @pytest.mark.parametrize('kind', [bytes, bytearray, memoryview])
    def test_der(self, pki, kind):
        """So is DER, of one certificate or several, one after the other."""
        ders = [pki.chain(name)[0] for name in ('ca', 'stranger-ca')]
        for count in (1, 2):
            made = create_default_context(cadata=kind(b''.join(ders[:count])))
            assert sorted(ders[:count]) == sorted(made.get_ca_certs(binary_form=True))

    @pytest.mark.parametrize('wrong', [b'no certificate', b'0\x82', b'\x30\x80-----BEGIN '])
    def test_no_certificate(self, wrong):
        """What holds none is refused, as by Python 3's ssl."""
        assert isinstance(raised(create_default_context, cadata=wrong), (ssl.SSLError, ValueError))

    @pytest.mark.skipif((3,) <= sys.version_info < (3, 10),
                        reason="Python 3.7's ssl takes up to a few bytes more")
    @pytest.mark.parametrize('more', [b'\0', b'\n', b'x', b'0', b'more'])
    @pytest.mark.parametrize('kind', [bytes, bytearray])
    def test_more_than_certificates(self, pki, more, kind):
        """So is what holds anything else behind one, be it one byte."""
        with pytest.raises(ssl.SSLError):
            create_default_context(cadata=kind(pki.chain('ca')[0] + more))

    def test_text_that_is_not_ascii(self, pki):
        """Text that is not ASCII is a TypeError, native or not, as for Python 3's ssl."""
        pem = u'# B\xe4cker\n' + pki.text('ca')
        for cadata in (pem, pem.encode('utf-8') if PY2 else pem):
            assert TypeError is type(raised(create_default_context, cadata=cadata))

    @pytest.mark.parametrize('label', [b'X509 CERTIFICATE', b'TRUSTED CERTIFICATE'])
    def test_labels(self, pki, tmpdir, label):
        """Files with PEM's other labels of certificates load, as OpenSSL has them."""
        authority, leaf = tmpdir.join('ca.pem'), tmpdir.join('leaf.pem')
        authority.write_binary(pki.labelled('ca', label))
        leaf.write_binary(pki.labelled('localhost', label))
        server = create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(str(leaf))
        made = create_default_context(cafile=str(authority))
        assert (None, None) == Pair(made, server).try_handshake()
        if label == b'X509 CERTIFICATE':  # OpenSSL reads the other one in files alone
            made = create_default_context(cadata=pki.labelled('ca', label).decode('ascii'))
            assert (None, None) == Pair(made, server).try_handshake()

    @pytest.mark.parametrize('password', PASSWORDS, ids=PASSWORD_IDS)
    def test_password(self, pki, password):
        """A password of text that is not ASCII is UTF-8; bytes are taken as they are."""
        server = create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(pki.path('encrypted-utf8'), password=password)
        assert (None, None) == Pair(create_default_context(cafile=pki.path('ca')),
                                    server).try_handshake()

    def test_system(self):
        """A client without any trusts the system's store; a server loads none."""
        paths = ssl.get_default_verify_paths()
        made = create_default_context()
        if not paths.cafile or not os.path.exists(paths.cafile):
            pytest.skip('no store of this system is known to OpenSSL')
        assert made.cert_store_stats()['x509_ca'] > 10
        assert 0 == create_default_context(ssl.Purpose.CLIENT_AUTH).cert_store_stats()['x509_ca']

    def test_certifi(self):
        """certifi's list is trusted when it is asked for."""
        certifi = pytest.importorskip('certifi')
        made = create_default_context(cafile=certifi.where())
        assert made.cert_store_stats()['x509_ca'] > 50

    @pytest.mark.parametrize('wrong, error', [
        (None, TypeError), ('server', TypeError),
        pytest.param(ssl._ASN1Object('1.3.6.1.5.5.7.3.3'), ValueError, marks=since_python3(
            10, 'the refusal of other purposes'))], ids=['None', 'text', 'code signing'])
    def test_purpose(self, wrong, error):
        """Any purpose but those of clients and servers is refused."""
        with pytest.raises(error):
            create_default_context(wrong)

    @needs('keylog_filename')
    @not_in_pair('keylog_filename')
    def test_keylog(self, tmpdir, monkeypatch):
        """SSLKEYLOGFILE names the file for secrets."""
        filename = str(tmpdir.join('secrets'))
        monkeypatch.setenv('SSLKEYLOGFILE', filename)
        assert filename == create_default_context().keylog_filename
        monkeypatch.setenv('SSLKEYLOGFILE', '')
        assert None is create_default_context().keylog_filename
