"""PEP 543's configurations, enumerations and errors: what every backend is given or gives."""
from __future__ import absolute_import, division, print_function

import pickle

import pytest

from sslproto27 import pep543
from sslproto27.pep543 import (
    DEFAULT_CIPHER_LIST, CipherSuite, NextProtocol, TLSConfiguration, TLSVersion)
from tests.support.buffers import Material
from tests.support.memory import PY2, raised

FIELDS = ('validate_certificates', 'certificate_chain', 'ciphers', 'inner_protocols',
          'lowest_supported_version', 'highest_supported_version', 'trust_store', 'sni_callback')


@pytest.fixture
def full(pki):
    """A configuration in which no field has its default."""
    material = Material(pki)
    return TLSConfiguration(False, material.chain('localhost'), [0x1301], [b'h2'],
                            TLSVersion.TLSv1_3, TLSVersion.TLSv1_3, material.trust(), len)


class TestConfiguration(object):
    def test_fields(self):
        """The fields are the PEP's, in its order."""
        assert FIELDS == TLSConfiguration._fields

    def test_defaults(self):
        """Certificates are validated; TLS 1.2 is the oldest version; nothing else is asked for."""
        assert (True, None, DEFAULT_CIPHER_LIST, (), TLSVersion.TLSv1_2,
                TLSVersion.MAXIMUM_SUPPORTED, None, None) == tuple(TLSConfiguration())
        assert TLSConfiguration() == TLSConfiguration(*[None] * 8)

    def test_default_ciphers(self):
        """By default all suites are of authenticated encryption with forward secrecy."""
        for suite in DEFAULT_CIPHER_LIST:
            assert suite.is_tls13 or suite.name.startswith('TLS_ECDHE_')
            assert 'GCM' in suite.name or 'POLY1305' in suite.name

    @pytest.mark.parametrize('field', FIELDS)
    def test_immutable(self, full, field):
        """No field can be set, nor anything else."""
        pytest.raises(AttributeError, setattr, full, field, None)
        pytest.raises(AttributeError, setattr, full, 'more', None)

    @pytest.mark.parametrize('field', FIELDS)
    def test_update(self, full, field):
        """update() gives another configuration, that differs in what it was told alone."""
        default = TLSConfiguration()
        changed = full.update(**{field: None})
        for name in FIELDS:
            expected = default if name == field else full
            assert getattr(expected, name) == getattr(changed, name)
        assert type(changed) is TLSConfiguration and changed != full

    def test_update_nothing(self, full):
        """update() without arguments changes nothing; positions are those of the fields."""
        assert full == full.update()
        assert full.update(validate_certificates=True) == full.update(True)

    def test_equal(self, full, pki):
        """Configurations of the same content are equal, and one key of a dict."""
        same = TLSConfiguration(False, Material(pki).chain('localhost'),
                                (CipherSuite.TLS_AES_128_GCM_SHA256,), (NextProtocol.H2,),
                                TLSVersion.TLSv1_3, TLSVersion.TLSv1_3, Material(pki).trust(), len)
        assert full == same and not full != same
        assert {full: 1} == {same: 1}
        assert full != TLSConfiguration()

    def test_normalised(self):
        """Numbers and names that the PEP lists become its own; sequences become tuples."""
        configuration = TLSConfiguration(ciphers=[0xC02F, 0xFAFA], inner_protocols=[b'h2', b'x'])
        assert (CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0xFAFA) == configuration.ciphers
        assert configuration.ciphers[0] is CipherSuite(0xC02F)
        assert (NextProtocol.H2, b'x') == configuration.inner_protocols

    def test_repr(self, full, pki):
        """Its repr shows what it is, and no secrets."""
        text = repr(full)
        assert 'TLS_AES_128_GCM_SHA256' in text and 'validate_certificates=False' in text
        secret = pki.text('localhost').splitlines()[1:3]
        assert [] == [line for line in secret if line in text]

    def test_replace_is_checked(self, full):
        """namedtuple's own way to change a field goes through the checks too."""
        assert full.update(ciphers=[0x1302]) == full._replace(ciphers=[0x1302])
        pytest.raises(TypeError, full._replace, validate_certificates='no')

    def test_pickle(self):
        """A configuration without keys can be pickled."""
        configuration = TLSConfiguration(ciphers=[0x1302], inner_protocols=[b'h2'])
        assert configuration == pickle.loads(pickle.dumps(configuration, 2))

    @pytest.mark.parametrize('field, value, error', [
        ('validate_certificates', 0, TypeError), ('validate_certificates', '', TypeError),
        ('certificate_chain', 3, TypeError), ('certificate_chain', ((), None), TypeError),
        ('certificate_chain', (b'', b''), TypeError), ('certificate_chain', (['x'], 3), TypeError),
        ('ciphers', ['AES'], TypeError), ('ciphers', [True], TypeError),
        ('ciphers', [-1], TypeError), ('ciphers', [0x10000], TypeError),
        ('ciphers', [], ValueError), ('inner_protocols', [u'h2'], TypeError),
        ('inner_protocols', [b''], ValueError), ('inner_protocols', [b'x' * 256], ValueError),
        ('lowest_supported_version', 0x303, TypeError),
        ('highest_supported_version', 'TLSv1_2', TypeError), ('trust_store', 'ca.pem', TypeError),
        ('sni_callback', 3, TypeError),
    ])
    def test_refused(self, field, value, error):
        """What a field cannot be is refused by name, with an error that is the PEP's as well."""
        if PY2 and value == [u'h2']:
            pytest.raises(TypeError, TLSConfiguration, inner_protocols=[u'h2'])
        assert field in str(raised(TLSConfiguration, **{field: value}))
        pytest.raises(error, TLSConfiguration, **{field: value})
        pytest.raises(pep543.TLSError, TLSConfiguration, **{field: value})

    def test_empty_chain(self, pki):
        """A chain has a certificate, and a key after the certificates."""
        certificates, key = Material(pki).chain('localhost')
        pytest.raises(ValueError, TLSConfiguration, certificate_chain=((), key))
        pytest.raises(TypeError, TLSConfiguration, certificate_chain=(certificates, certificates))
        pytest.raises(TypeError, TLSConfiguration, certificate_chain=(certificates[0], key))


class TestSequences(object):
    def test_lists(self):
        """Lists and tuples can be added to it on either side; it stays what it was, and a key."""
        suites, more = TLSConfiguration(ciphers=[0x1301]).ciphers, CipherSuite(0x1302)
        assert (0x1301, 0x1302) == suites + [more] == suites + (more,)
        assert (0x1302, 0x1301) == [more] + suites == (more,) + suites
        assert (0x1301, 0x1302, 0x1303) == suites + [more] + [0x1303]
        assert {(0x1301,): 1} == {suites: 1}
        assert (b'x', NextProtocol.H2) == TLSConfiguration(
            inner_protocols=[b'x']).inner_protocols + [NextProtocol.H2]

    @pytest.mark.parametrize('other', [3, None, b'x', CipherSuite(0x1301)])
    def test_others(self, other):
        """Nothing else can."""
        pytest.raises(TypeError, lambda: DEFAULT_CIPHER_LIST + other)
        pytest.raises(TypeError, lambda: other + DEFAULT_CIPHER_LIST)
