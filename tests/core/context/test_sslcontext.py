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
from tests.support.contexts import needs
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


class TestMembers(object):
    def test_none_is_missing(self):
        """SSLContext has every public member of Python 3.13's."""
        assert set() == (MEMBERS - NOT_HERE if PY2 or sys.version_info >= (3, 13)
                         else set()) - set(dir(SSLContext))

    @pytest.mark.skipif(sys.version_info[:2] != (3, 13), reason='the list is that of Python 3.13')
    def test_list(self):
        """The list of members in this test is Python 3.13's own."""
        assert MEMBERS == {name for name in dir(ssl.SSLContext) if not name.startswith('_')}

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
