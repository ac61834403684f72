"""
Host names and addresses against certificates in Python: RFC 9525, and never laxer than OpenSSL.
"""
from __future__ import absolute_import, division, print_function

import random
import ssl

import pytest

from sslproto27._core.hostname_match import address_octets, is_ip_address, matches
from tests.support.engines import ENGINE
from tests.support.memory import PY2
from tests.support.pipe_pairs import PYPY
from tests.support.pki import PKI

if PY2 and ENGINE == 'graft':
    from sslproto27._core.engine import binding


def element(tag, *contents):
    """Return a DER element, X.690 8.1."""
    content = b''.join(contents)
    size = len(content)
    length = [size] if size < 128 else [0x81, size] if size < 256 else [0x82, size >> 8, size & 255]
    return bytes(bytearray([tag] + length)) + content


def certificate(names=(), addresses=(), common_names=(), others=()):
    """Return the DER of a certificate, signed by nobody, that is valid for what is given."""
    algorithm = element(0x30, b'\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02')
    subject = element(0x30, *[
        element(0x31, element(0x30, b'\x06\x03\x55\x04\x03', element(0x0c, one)))
        for one in common_names])
    key = element(0x30, element(0x30, b'\x06\x07\x2a\x86\x48\xce\x3d\x02\x01',
                                b'\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07'),
                  element(0x03, b'\0\4' + b'k' * 64))
    times = element(0x30, element(0x17, b'200101000000Z'), element(0x17, b'400101000000Z'))
    parts = [element(0xa0, b'\2\1\2'), b'\2\1\5', algorithm, element(0x30), times, subject, key]
    alternatives = list(others)
    alternatives += [element(0x82, one) for one in names]
    alternatives += [element(0x87, one) for one in addresses]
    if alternatives:
        extension = element(0x30, b'\x06\x03\x55\x1d\x11',
                            element(0x04, element(0x30, *alternatives)))
        parts.append(element(0xa3, element(0x30, extension)))
    return element(0x30, element(0x30, *parts), algorithm, element(0x03, b'\0sig'))


@pytest.mark.parametrize('pattern, name, valid', [
    (b'example.org', 'example.org', True), (b'Example.ORG', 'eXample.org', True),
    (b'example.org', 'www.example.org', False), (b'example.org', 'example.org.', False),
    (b'*.example.org', 'www.example.org', True), (b'*.example.org', 'example.org', False),
    (b'*.example.org', 'a.b.example.org', False),
    (b'*.example.org', 'xn--bcher-kva.example.org', True),
    (b'*.example.org', 'a_b.example.org', False), (b'a_b.example.org', 'a_b.example.org', True),
    (b'*.org', 'example.org', False), (b'*', 'localhost', False), (b'*.', 'localhost', False),
    (b'w*.example.org', 'www.example.org', False), (b'*w.example.org', 'www.example.org', False),
    (b'www.*.org', 'www.example.org', False), (b'*.*.org', 'www.example.org', False),
    (b'xn--*.example.org', 'xn--a.example.org', False), (b'*.example.org', '*.example.org', False),
    (b'*.-example.org', 'a.-example.org', False), (b'*.example-.org', 'a.example-.org', False),
    (b'*..org', 'a..org', False), (b'.example.org', 'www.example.org', False),
    (b'example.org\0.evil', 'example.org', False), (b'', 'localhost', False),
    (b'127.0.0.1', '127.0.0.1', False), (b'1.2.3', '1.2.3', False),
    (b'*.0.0.1', '127.0.0.1', False),
    (b'01.2.3.4', '01.2.3.4', False), (b'b\xfccher.org', 'xn--bcher-kva.org', False)])
def test_names(pattern, name, valid):
    """A dNSName is valid for itself, or with '*' as its whole first label for one label."""
    assert valid is matches(certificate([pattern]), name)


@pytest.mark.parametrize('address, octets', [
    ('127.0.0.1', b'\x7f\0\0\1'), ('255.255.255.255', b'\xff' * 4), ('256.1.1.1', None),
    ('1.2.3', None), ('1.2.3.4.5', None), ('01.2.3.4', None), ('1.2.3.4.', None), ('1.2.3.', None),
    ('', None), ('::', b'\0' * 16), ('::1', b'\0' * 15 + b'\1'), ('1::', b'\0\1' + b'\0' * 14),
    ('1:2:3:4:5:6:7:8', b'\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\x08'), ('1:2:3:4:5:6:7', None),
    ('1:2:3:4:5:6:7:8:9', None), ('1::2::3', None), (':::', None),
    ('1:2:3:4:5:6:7::', b'\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\0'),
    ('1:2:3:4::5:6:7:8', None), ('::ffff:1.2.3.4', b'\0' * 10 + b'\xff\xff\1\2\3\4'),
    ('1.2.3.4::', None), ('::1.2.3', None), ('fe80::1%eth0', None), ('::12345', None), (':1', None),
    ('1:', None), ('localhost', None)])
def test_addresses(address, octets):
    """An address is what RFC 3986 and RFC 4291 write as one, and nothing else."""
    assert (octets, octets is not None) == (address_octets(address), is_ip_address(address))


def test_addresses_of_certificates():
    """An address has to be there as iPAddress; the names do not count, nor the common name."""
    der = certificate([b'1.2.3.4', b'*.2.3.4'], [b'\1\2\3\5', b'\0' * 15 + b'\1'], [b'1.2.3.4'])
    assert [False, True, True, False] == [
        matches(der, name, True) for name in ('1.2.3.4', '1.2.3.5', '::1', '::2')]


def test_common_name():
    """The common name counts where it is let to and there is no dNSName; that is not the usual."""
    alone, beside = certificate(common_names=[b'a.org']), certificate([b'b.org'], (), [b'a.org'])
    assert [False, True, False, False] == [
        matches(alone, 'a.org'), matches(alone, 'a.org', True), matches(beside, 'a.org'),
        matches(beside, 'a.org', True)]


@pytest.mark.parametrize('damage', [
    lambda der: der[:-1], lambda der: der + b'\0', lambda der: b'', lambda der: b'\x30\x80' + der,
    lambda der: der.replace(b'\x82\x05a.org', b'\x82\x06a.org')])
def test_malformed(damage):
    """A malformed certificate is valid for nothing."""
    der = certificate([b'a.org'])
    assert matches(der, 'a.org')
    assert not matches(damage(der), 'a.org')


@pytest.mark.skipif(not PY2 or ENGINE != 'graft',
                    reason='OpenSSL itself can be asked through the graft alone')
class TestOpenSSL(object):
    """Compared with X509_check_host and X509_check_ip_asc at random."""

    LABELS = ['a', 'b', 'w', '*', 'w*', '*w', 'xn--a', 'xn--*', '', '-', 'a-', '-a', '1', '127',
              'a_b', 'A', 'org', 'example', 'com', 'a' * 63, 'a' * 64, '\xc3\xbc', 'a\0b', '0x1']

    def ask(self, der, name, common_name):
        """Return what OpenSSL says."""
        lib, NULL = binding.lib, binding.NULL
        import ctypes
        if PYPY:
            import _pypy_openssl as module
        else:
            import _ssl as module
        library = ctypes.CDLL(module.__file__)
        parse = library.d2i_X509
        parse.restype = ctypes.c_void_p
        buf = ctypes.create_string_buffer(der, len(der))
        at = ctypes.c_void_p(ctypes.addressof(buf))
        handle = parse(None, ctypes.byref(at), ctypes.c_long(len(der)))
        lib.ERR_clear_error()
        if not handle:
            return None
        handle = ctypes.c_void_p(handle)
        try:
            flags = 0x4 | (0 if common_name else 0x20)
            if address_octets(name) is not None:
                return library.X509_check_ip_asc(handle, name, flags) == 1
            return library.X509_check_host(handle, name, ctypes.c_size_t(len(name)), flags,
                                           NULL) == 1
        finally:
            library.X509_free(handle)
            lib.ERR_clear_error()

    def name(self, chance, labels):
        """Return some name of up to five labels."""
        return '.'.join(chance.choice(labels) for _ in range(chance.randint(1, 5)))

    def test_never_laxer(self):
        """What is taken here OpenSSL takes too; the other way round almost always."""
        chance, taken, stricter, total = random.Random(20), 0, [], 6000
        hosts = [one for one in self.LABELS if one and '\0' not in one and one.isalnum() or one in
                 ('-', 'a-', '-a', 'a_b', 'xn--a')]
        for _ in range(total):
            name = self.name(chance, hosts)
            patterns = [self.name(chance, self.LABELS) for _ in range(chance.randint(0, 2))]
            if chance.random() < 0.6:  # near misses
                parts = name.split('.')
                if chance.random() < 0.7:
                    parts[chance.randrange(len(parts))] = chance.choice(['*', 'a', 'A', 'w*'])
                patterns.append('.'.join(parts))
            addresses = [chance.choice(['\x7f\0\0\1', '\0' * 16, '\1\2\3', ''])
                         for _ in range(chance.randint(0, 1))]
            common = [self.name(chance, hosts)] if chance.random() < 0.3 else [name][
                :chance.randint(0, 1)]
            may = chance.random() < 0.5
            der = certificate(patterns, addresses, common)
            ours, theirs = matches(der, name, may), self.ask(der, name, may)
            assert not ours or theirs, (patterns, common, may, name)
            taken += ours
            if theirs and not ours:
                stricter.append((patterns, name))
        assert taken > total // 40
        assert len(stricter) < total // 20
        for _, name in stricter:  # numbers at the end, too long a label, or bytes beyond ASCII
            assert name.split('.')[-1].isdigit() or 'a' * 64 in name or '\xc3' in name, name

    def test_addresses(self):
        """So with addresses."""
        chance = random.Random(21)
        for _ in range(2000):
            octets = bytes(bytearray(chance.randrange(2) for _ in range(chance.choice([4, 16]))))
            name = ('%d.%d.%d.%d' % tuple(bytearray(octets[:4])) if len(octets) == 4 else
                    ':'.join('%x' % (a << 8 | b) for a, b in zip(
                        bytearray(octets[::2]), bytearray(octets[1::2]))))
            other = bytes(bytearray(chance.randrange(2) for _ in range(len(octets))))
            der = certificate([name.encode('ascii')], [chance.choice([octets, other])],
                              [b'1.1.1.1'])
            assert self.ask(der, name, True) is matches(der, name, True)


def test_real_certificates(pki):
    """Certificates as authorities issue them."""
    assert isinstance(pki, PKI)
    der = {}
    for which in ('localhost', 'wildcard', 'other', 'rich', 'common_name_and_ip'):
        with open(pki.path(which)) as file:
            text = file.read()
        text = text[text.index('-----BEGIN CERTIFICATE'):]
        text = text[:text.index('-----END CERTIFICATE-----') + len('-----END CERTIFICATE-----')]
        der[which] = ssl.PEM_cert_to_DER_cert(text)
    assert [True, True, True, False] == [
        matches(der['localhost'], name) for name in ('localhost', '127.0.0.1', '::1', '::2')]
    assert [True, False, True, True, False] == [
        matches(der['wildcard'], 'a.example.org'), matches(der['wildcard'], 'example.org'),
        matches(der['rich'], 'localhost'), matches(der['common_name_and_ip'], '127.0.0.1'),
        matches(der['common_name_and_ip'], 'localhost')]
