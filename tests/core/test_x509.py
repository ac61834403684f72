"""getpeercert()'s dict from DER, by expected dicts and by the native decoder."""
from __future__ import absolute_import, division, print_function

import base64
import platform
import random
import ssl
import sys

import pytest

from sslproto27._core import x509 as _x509
from sslproto27._core.x509 import decode_certificate
from tests.support.der import (
    COMMON_NAME, CRL_POINTS, INFO_ACCESS, OCSP, OID, SEQUENCE, SET, SUBJECT_ALT_NAME, UTF8,
    attribute, certificate, extension, tlv, with_name)

PY2 = sys.version_info[0] == 2
text_type = type(u'')

# Self-signed with OpenSSL's command line, `openssl ca -selfsign -preserveDN` with an Ed25519 key,
# but 'negative' by `openssl x509 -req -set_serial -128 -days 20000`. DER in Base64.
CERTIFICATES = {
    'multivalued': '''
        MIIBojCCAVSgAwIBAgIBATAFBgMrZXAwYjELMAkGA1UEBhMCRlIxEDAOBgNVBAoMB0V4YW1wbGUxHzAKBgNVBAMMA29u
        ZTARBgoJkiaJk/IsZAEBDAN0d28xIDAeBgkqhkiG9w0BCQEWEXRocmVlQGV4YW1wbGUub3JnMB4XDTIwMDEwMTAwMDAw
        MFoXDTMwMDEwMTAwMDAwMFowYjELMAkGA1UEBhMCRlIxEDAOBgNVBAoMB0V4YW1wbGUxHzAKBgNVBAMMA29uZTARBgoJ
        kiaJk/IsZAEBDAN0d28xIDAeBgkqhkiG9w0BCQEWEXRocmVlQGV4YW1wbGUub3JnMCowBQYDK2VwAyEANXXOGPg1koYl
        oqS2ojaSw73b8wiRx+cu1oO/zD05JyyjLzAtMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFEbgGHhZuTzgqOF1ZKTOfDFy
        Q4JBMAUGAytlcANBALrT6ow786yweZ4mm0gFv+KV80pXx8b+p4qPK41eU3GCppRbZs9D17VPJ/xf/LfUuigo38Z9Zy5Z
        sX/hFzrlVAY=
    ''',
    'utf8': '''
        MIIBLTCB4KADAgECAgECMAUGAytlcDAoMRkwFwYDVQQKDBDFu8OzxYJ3IOm+nCDwn5iAMQswCQYDVQQDDALDqTAeFw0y
        MDAxMDEwMDAwMDBaFw0zMDAxMDEwMDAwMDBaMCgxGTAXBgNVBAoMEMW7w7PFgncg6b6cIPCfmIAxCzAJBgNVBAMMAsOp
        MCowBQYDK2VwAyEANXXOGPg1koYloqS2ojaSw73b8wiRx+cu1oO/zD05JyyjLzAtMAwGA1UdEwEB/wQCMAAwHQYDVR0O
        BBYEFEbgGHhZuTzgqOF1ZKTOfDFyQ4JBMAUGAytlcANBAM2lb2W93MAkLIyfXvYDylq187scMFeFB9+UoWJAY8VWFcC+
        P+Krly5lEA4Txk+3xQLozX4GahQr7T4vWte92QM=
    ''',
    'printable': '''
        MIIBVDCCAQagAwIBAgIBBjAFBgMrZXAwOzELMAkGA1UEBhMCRlIxDjAMBgNVBAMTBXBsYWluMRwwGgYJKoZIhvcNAQkB
        Fg1hQGV4YW1wbGUub3JnMB4XDTIwMDEwMTAwMDAwMFoXDTMwMDEwMTAwMDAwMFowOzELMAkGA1UEBhMCRlIxDjAMBgNV
        BAMTBXBsYWluMRwwGgYJKoZIhvcNAQkBFg1hQGV4YW1wbGUub3JnMCowBQYDK2VwAyEANXXOGPg1koYloqS2ojaSw73b
        8wiRx+cu1oO/zD05JyyjLzAtMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFEbgGHhZuTzgqOF1ZKTOfDFyQ4JBMAUGAytl
        cANBAO4FZ254AJwYgxxunow5D9oCyFbIfSWH5eX1HOVZfcDhJJ8SrVv8r/8N8MGbT/ltCN7Rnjp+uI39O7H5oJ8L9A4=
    ''',
    'bmp': '''
        MIIBCzCBvqADAgECAgEDMAUGAytlcDAXMRUwEwYDVQQDHgwBewDzAUIAdwAgn5wwHhcNMjAwMTAxMDAwMDAwWhcNMzAw
        MTAxMDAwMDAwWjAXMRUwEwYDVQQDHgwBewDzAUIAdwAgn5wwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLDvdvzCJHH
        5y7Wg7/MPTknLKMvMC0wDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQURuAYeFm5POCo4XVkpM58MXJDgkEwBQYDK2VwA0EA
        Xg9mzRTiEWf3JdtheCJ01WkSB5rLgGh8bdIv/RT8ti8kDWLqMCZsatzxwJpC7c9h7A7Y+FmTzcHwhzVtTDB0Dg==
    ''',
    'universal': '''
        MIIBCzCBvqADAgECAgEEMAUGAytlcDAXMRUwEwYDVQQDDAzFu8OzxYJ3IPCfmIAwHhcNMjAwMTAxMDAwMDAwWhcNMzAw
        MTAxMDAwMDAwWjAXMRUwEwYDVQQDDAzFu8OzxYJ3IPCfmIAwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLDvdvzCJHH
        5y7Wg7/MPTknLKMvMC0wDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQURuAYeFm5POCo4XVkpM58MXJDgkEwBQYDK2VwA0EA
        1jL7jzhpYrm+3jUBFnpSk030qjDKPRcV/4NlAboQKkqq/LgzVHICLjN8RyOpDFw0JmHRJhkD2pT9nwz2x9U2AA==
    ''',
    't61': '''
        MIH7MIGuoAMCAQICAQUwBQYDK2VwMA8xDTALBgNVBAMUBGNhZukwHhcNMjAwMTAxMDAwMDAwWhcNMzAwMTAxMDAwMDAw
        WjAPMQ0wCwYDVQQDFARjYWbpMCowBQYDK2VwAyEANXXOGPg1koYloqS2ojaSw73b8wiRx+cu1oO/zD05JyyjLzAtMAwG
        A1UdEwEB/wQCMAAwHQYDVR0OBBYEFEbgGHhZuTzgqOF1ZKTOfDFyQ4JBMAUGAytlcANBAMCKt2TRVIv6zrdpGRUpw3xO
        G1kD4QnulZWYYiI8PMQqi79u+MJEAKc4pULoDG7pW+BSVg332vYYsdWrWAKvQA8=
    ''',
    'unknown': '''
        MIIBLTCB4KADAgECAgEHMAUGAytlcDAoMQ4wDAYDVQQDDAVrbm93bjEWMBQGCSsGAQQBho0fBwwHdW5rbm93bjAeFw0y
        MDAxMDEwMDAwMDBaFw0zMDAxMDEwMDAwMDBaMCgxDjAMBgNVBAMMBWtub3duMRYwFAYJKwYBBAGGjR8HDAd1bmtub3du
        MCowBQYDK2VwAyEANXXOGPg1koYloqS2ojaSw73b8wiRx+cu1oO/zD05JyyjLzAtMAwGA1UdEwEB/wQCMAAwHQYDVR0O
        BBYEFEbgGHhZuTzgqOF1ZKTOfDFyQ4JBMAUGAytlcANBABalFckO2hRFpt103JeTetFOUPt7ZeKI4XBtHbDH0/esRWdI
        GZUUFOzyzScBdaE3f7tOhe2T3+CTZroRDDMIhg4=
    ''',
    'names': '''
        MIIBrzCCAWGgAwIBAgIBCDAFBgMrZXAwEDEOMAwGA1UEAwwFbmFtZXMwHhcNMjAwMTAxMDAwMDAwWhcNMzAwMTAxMDAw
        MDAwWjAQMQ4wDAYDVQQDDAVuYW1lczAqMAUGAytlcAMhADV1zhj4NZKGJaKktqI2ksO92/MIkcfnLtaDv8w9OScso4Hf
        MIHcMIG6BgNVHREEgbIwga+CD3d3dy5leGFtcGxlLm9yZ4INKi5leGFtcGxlLm9yZ4ENYUBleGFtcGxlLm9yZ4YZaHR0
        cHM6Ly9leGFtcGxlLm9yZy9hP2I9Y4cEwAACAYcQIAENuAAAAAAAAAAAAKsAAYcQAAAAAAAAAAAAAAAAAAAAAaQfMB0x
        CzAJBgNVBAYTAkZSMQ4wDAYDVQQDDAVpbm5lcogDKgMEiANVBAOgDgYDKgMEoAcMBW90aGVyMB0GA1UdDgQWBBRG4Bh4
        Wbk84KjhdWSkznwxckOCQTAFBgMrZXADQQANCuQuSXnMIRIL1CWKx1HJCtf9oYAaNP5tkPkvHuRjjw0EAIYl2cqQ4mR4
        oIx/dt1TIAamdvfgVwTwqwhste0P
    ''',
    'nul': '''
        MIIBFDCBx6ADAgECAgEPMAUGAytlcDAOMQwwCgYDVQQDDANudWwwHhcNMjAwMTAxMDAwMDAwWhcNMzAwMTAxMDAwMDAw
        WjAOMQwwCgYDVQQDDANudWwwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLDvdvzCJHH5y7Wg7/MPTknLKNKMEgwJwYD
        VR0RBCAwHoIcd3d3LmJhbmsuZXhhbXBsZQAuZXZpbC5leGFtcDAdBgNVHQ4EFgQURuAYeFm5POCo4XVkpM58MXJDgkEw
        BQYDK2VwA0EA1jkxVbCwmRUNaGkrjc/qRcJ5CB+40AyCacncYsdsKsrWg3fc1NniBWrBrZscDe8WfWKmUCIhi7CnJ5eh
        TyMhCA==
    ''',
    'uris': '''
        MIICUzCCAgWgAwIBAgIBCTAFBgMrZXAwDzENMAsGA1UEAwwEdXJpczAeFw0yMDAxMDEwMDAwMDBaFw0zMDAxMDEwMDAw
        MDBaMA8xDTALBgNVBAMMBHVyaXMwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLDvdvzCJHH5y7Wg7/MPTknLKOCAYQw
        ggGAMIGlBggrBgEFBQcBAQSBmDCBlTAkBggrBgEFBQcwAYYYaHR0cDovL29jc3AuZXhhbXBsZS5vcmcvMCgGCCsGAQUF
        BzAChhxodHRwOi8vY2EuZXhhbXBsZS5vcmcvY2EuY2VyMCUGCCsGAQUFBzABhhlodHRwOi8vb2NzcDIuZXhhbXBsZS5v
        cmcvMBwGCCsGAQUFBzABghBvY3NwLmV4YW1wbGUub3JnMIG2BgNVHR8Ega4wgaswIqAgoB6GHGh0dHA6Ly9jcmwuZXhh
        bXBsZS5vcmcvMS5jcmwwbqBPoE2GHGh0dHA6Ly9jcmwuZXhhbXBsZS5vcmcvMi5jcmyCD2NybC5leGFtcGxlLm9yZ4Yc
        aHR0cDovL2NybC5leGFtcGxlLm9yZy8zLmNybIECBkCiF6QVMBMxETAPBgNVBAMMCHJlbGF0aXZlMBWgE6ERMA8GA1UE
        AwwIcmVsYXRpdmUwHQYDVR0OBBYEFEbgGHhZuTzgqOF1ZKTOfDFyQ4JBMAUGAytlcANBANh7OTdsNDx8IxEhVFQHvbTH
        OZYh6qVtTTX7mDLsp5Be5vLll3UylE0pggpFWTbokajEiI/q6R5gaImkxlDWYgM=
    ''',
    'ocsp': '''
        MIIBIzCB1qADAgECAgEKMAUGAytlcDAPMQ0wCwYDVQQDDARvY3NwMB4XDTIwMDEwMTAwMDAwMFoXDTMwMDEwMTAwMDAw
        MFowDzENMAsGA1UEAwwEb2NzcDAqMAUGAytlcAMhADV1zhj4NZKGJaKktqI2ksO92/MIkcfnLtaDv8w9OScso1cwVTA0
        BggrBgEFBQcBAQQoMCYwJAYIKwYBBQUHMAGGGGh0dHA6Ly9vY3NwLmV4YW1wbGUub3JnLzAdBgNVHQ4EFgQURuAYeFm5
        POCo4XVkpM58MXJDgkEwBQYDK2VwA0EA2ll/Zo8y2CyUO8yoCJdFZ2N96dl5MP+pB8L4ppFHZ8sJrhsEdka05S4MjFZa
        adMLoXiMsExEwt+rk35vG971Bw==
    ''',
    'crl': '''
        MIIBGjCBzaADAgECAgELMAUGAytlcDAOMQwwCgYDVQQDDANjcmwwHhcNMjAwMTAxMDAwMDAwWhcNMzAwMTAxMDAwMDAw
        WjAOMQwwCgYDVQQDDANjcmwwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLDvdvzCJHH5y7Wg7/MPTknLKNQME4wLQYD
        VR0fBCYwJDAioCCgHoYcaHR0cDovL2NybC5leGFtcGxlLm9yZy8xLmNybDAdBgNVHQ4EFgQURuAYeFm5POCo4XVkpM58
        MXJDgkEwBQYDK2VwA0EAsNaaKBjazLrncV5fHZd0NSKqxFftVemTgDwsOzUlqVGNEEEBgP6SQfwP4iYeDXfGdh7J1nx2
        y88llVis4zvgDw==
    ''',
    'dates': '''
        MIH/MIGyoAMCAQICAQwwBQYDK2VwMBAxDjAMBgNVBAMMBWRhdGVzMCAXDTUwMDEwMjAzMDQwNVoYDzk5OTkxMjMxMjM1
        OTU5WjAQMQ4wDAYDVQQDDAVkYXRlczAqMAUGAytlcAMhADV1zhj4NZKGJaKktqI2ksO92/MIkcfnLtaDv8w9OScsoy8w
        LTAMBgNVHRMBAf8EAjAAMB0GA1UdDgQWBBRG4Bh4Wbk84KjhdWSkznwxckOCQTAFBgMrZXADQQC9vmOkyy+FBuEUjrJs
        oQvtl4PnVVhiV8j3633+VLzEmpqim/O8iadPWdSKdKfijRjjJAMcJ7WPlKY7nncdoH0J
    ''',
    'large': '''
        MIIBETCBxKADAgECAhUA/ty6mHZUMhD+3LqYdlQyEP7cupgwBQYDK2VwMBAxDjAMBgNVBAMMBWxhcmdlMB4XDTIwMDEw
        MTAwMDAwMFoXDTMwMDEwMTAwMDAwMFowEDEOMAwGA1UEAwwFbGFyZ2UwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLD
        vdvzCJHH5y7Wg7/MPTknLKMvMC0wDAYDVR0TAQH/BAIwADAdBgNVHQ4EFgQURuAYeFm5POCo4XVkpM58MXJDgkEwBQYD
        K2VwA0EA0bAgHcddUoe61pC39jusXj1/VpbtZ3CZMGPyWsxjS4Qz1xgDUklO2K2tUhYLFC2ik1bPbNnxUFJULlSYyTMp
        Cw==
    ''',
    'negative': '''
        MIHPMIGCAgGAMAUGAytlcDATMREwDwYDVQQDDAhuZWdhdGl2ZTAgFw0yNjExMjQxMjI1MDNaGA8yMDgxMDgyNzEyMjUw
        M1owEzERMA8GA1UEAwwIbmVnYXRpdmUwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLDvdvzCJHH5y7Wg7/MPTknLDAF
        BgMrZXADQQCy43r0F4e8njey5SU7miQgHb+j1oRC5GTm+0ks2V+TgHKPW2FSAjFUUN5uy67aZP5nzDeyBgzRodm3BNLF
        jI4N
    ''',
    'v1': '''
        MIHAMHQCAQ4wBQYDK2VwMA0xCzAJBgNVBAMMAnYxMB4XDTIwMDEwMTAwMDAwMFoXDTMwMDEwMTAwMDAwMFowDTELMAkG
        A1UEAwwCdjEwKjAFBgMrZXADIQA1dc4Y+DWShiWipLaiNpLDvdvzCJHH5y7Wg7/MPTknLDAFBgMrZXADQQDCUo12RlgA
        uJNJQwRm6ojmuqZMGXZj6F5ue89MzFvNxqdiXF1cPD2d1hH97CPrNhE3lawUIqPYv+O1q9nr1MIK
    ''',
}


def _expected(serial, *rdns, **others):
    """Return the dict of a certificate above, *others* being what makes it special."""
    expected = {
        'subject': rdns,
        'issuer': rdns,
        'version': 3,
        'serialNumber': serial,
        'notBefore': 'Jan  1 00:00:00 2020 GMT',
        'notAfter': 'Jan  1 00:00:00 2030 GMT',
    }
    expected.update(others)
    return expected


def _cn(value):
    return (('commonName', value),)


EXPECTED = {
    'multivalued': _expected(
        '01', (('countryName', 'FR'),), (('organizationName', 'Example'),),
        (('commonName', 'one'), ('userId', 'two')), (('emailAddress', 'three@example.org'),)),
    'utf8': _expected(
        '02', (('organizationName', u'\u017b\xf3\u0142w \u9f9c \U0001f600'),), _cn(u'\xe9')),
    'printable': _expected(
        '06', (('countryName', 'FR'),), _cn('plain'), (('emailAddress', 'a@example.org'),)),
    'bmp': _expected('03', _cn(u'\u017b\xf3\u0142w \u9f9c')),
    'universal': _expected('04', _cn(u'\u017b\xf3\u0142w \U0001f600')),
    't61': _expected('05', _cn(u'caf\xe9')),
    'unknown': _expected('07', _cn('known'), (('1.3.6.1.4.1.99999.7', 'unknown'),)),
    'names': _expected('08', _cn('names'), subjectAltName=(
        ('DNS', 'www.example.org'), ('DNS', '*.example.org'), ('email', 'a@example.org'),
        ('URI', 'https://example.org/a?b=c'), ('IP Address', '192.0.2.1'),
        ('IP Address', '2001:DB8:0:0:0:0:AB:1'), ('IP Address', '0:0:0:0:0:0:0:1'),
        ('DirName', ((('countryName', 'FR'),), (('commonName', 'inner'),))),
        ('Registered ID', '1.2.3.4'), ('Registered ID', 'commonName'),
        ('othername', '<unsupported>'))),
    'nul': _expected(
        '0F', _cn('nul'), subjectAltName=(('DNS', 'www.bank.example\0.evil.examp'),)),
    'uris': _expected(
        '09', _cn('uris'), OCSP=('http://ocsp.example.org/', 'http://ocsp2.example.org/'),
        caIssuers=('http://ca.example.org/ca.cer',), crlDistributionPoints=(
            'http://crl.example.org/1.crl', 'http://crl.example.org/2.crl',
            'http://crl.example.org/3.crl')),
    'ocsp': _expected('0A', _cn('ocsp'), OCSP=('http://ocsp.example.org/',)),
    'crl': _expected('0B', _cn('crl'), crlDistributionPoints=('http://crl.example.org/1.crl',)),
    'dates': _expected(
        '0C', _cn('dates'), notBefore='Jan  2 03:04:05 1950 GMT',
        notAfter='Dec 31 23:59:59 9999 GMT'),
    'large': _expected('FEDCBA9876543210FEDCBA9876543210FEDCBA98', _cn('large')),
    'negative': _expected(
        '-80', _cn('negative'), version=1, notBefore='Nov 24 12:25:03 2026 GMT',
        notAfter='Aug 27 12:25:03 2081 GMT'),
    'v1': _expected('0E', _cn('v1'), version=1),
}


def _der(name):
    return base64.b64decode(CERTIFICATES[name])


def _is_refused(der):
    """Tell whether *der* is a ValueError (no subclass); anything else that is raised gets out."""
    try:
        decode_certificate(der)
    except ValueError as error:
        assert (type(error), str(error)[:13]) == (ValueError, 'certificate: ')
        return True
    return False


@pytest.fixture
def native(tmpdir):
    """The interpreter's own decoder, as a function of DER."""
    decode = getattr(ssl._ssl, '_test_decode_cert', None)
    if decode is None:
        pytest.skip('this interpreter does not show its decoder')
    if platform.python_implementation() == 'PyPy':
        pytest.skip("PyPy 2.7's own decoder gives encoded bytes for text, and cuts long names")

    def decode_native(der):
        path = tmpdir.join('certificate.pem')
        path.write(ssl.DER_cert_to_PEM_cert(der))
        return decode(str(path))
    return decode_native


@pytest.mark.parametrize('name', sorted(CERTIFICATES))
def test_certificate_is_the_expected_dict(name):
    """Each kind of certificate decodes to the dict that Python 3.13 makes of it."""
    assert decode_certificate(_der(name)) == EXPECTED[name]


@pytest.mark.parametrize('name', sorted(CERTIFICATES))
def test_certificate_is_the_native_dict(name, native):
    """Each kind of certificate decodes to what this interpreter's own decoder makes of it."""
    if name == 'names' and ssl.OPENSSL_VERSION_INFO < (3,):
        pytest.skip('2.7.18 leaves a newline after an IPv6 address, with OpenSSL 1.1.1')
    assert decode_certificate(_der(name)) == native(_der(name))


def test_dicts_are_the_callers_own():
    """What a caller does to its dict does not show in the next one of that certificate."""
    der = _der('names')
    decode_certificate(der).clear()
    assert decode_certificate(der) == EXPECTED['names']


def test_few_certificates_are_kept(monkeypatch):
    """However many certificates peers show, and however large ones, few and small ones are kept."""
    kept = {}
    monkeypatch.setattr(_x509, '_decoded', kept)
    for number in range(100):
        decode_certificate(certificate(serial=b'\x01' + bytes(bytearray([number]))))
        assert 1 <= len(kept) <= 16
    before = dict(kept)
    decode_certificate(certificate(serial=b'\x01' * 10000))
    assert before == kept


@pytest.mark.skipif(sys.version_info < (3, 7), reason='dicts have no order')
@pytest.mark.parametrize('name', sorted(CERTIFICATES))
def test_keys_are_in_the_native_order(name, native):
    """The keys come in the order of the native dict."""
    assert list(decode_certificate(_der(name))) == list(native(_der(name)))


def test_types_are_those_of_the_native_dict(native):
    """Text and native str are where the native decoder has them, but for 'Registered ID'."""
    def types(value):
        if isinstance(value, tuple):
            return [types(item) for item in value if item[:1] != ('Registered ID',)]
        return int if not isinstance(value, (str, text_type)) else type(value)

    for name in sorted(CERTIFICATES):
        ours, theirs = decode_certificate(_der(name)), native(_der(name))
        assert all(type(key) is str for key in ours)
        for key in ours:  # 2.7.18 has unicode for 'Registered ID', name and value
            assert (key, types(ours[key])) == (key, types(theirs[key]))


@pytest.mark.parametrize('tag, content, value', [
    (0x0C, b'', u''),
    (0x0C, b'a\0b', u'a\0b'),
    (0x12, b'12', u'12'),
    (0x13, b'\xe9', u'\xe9'),
    (0x14, b'\xe9', u'\xe9'),
    (0x16, b'\xe9', u'\xe9'),
    (0x1C, b'\0\x01\xf6\0', u'\U0001f600'),
    (0x1E, b'\0\xe9', u'\xe9'),
    (0x03, b'\x04ab\xff', b'ab\xf0'),
    (0x03, b'\0', None),
])
def test_attribute_value(tag, content, value):
    """Each string type has its encoding, a NUL stays, a BIT STRING is bytes."""
    decoded = decode_certificate(certificate(attribute(tag, content)))
    assert decoded['subject'] == ((('commonName', value),),)


@pytest.mark.parametrize('tag, content', [
    (0x0C, b'\xff'), (0x0C, b'\xed\xa0\x80'), (0x0C, b'\xed\xa0\xbd\xed\xb8\x80'),
    (0x1C, b'\0\0\0'), (0x1C, b'\0\0\xd8\0'), (0x1C, b'\0\x11\0\0'),
    (0x1E, b'a'), (0x1E, b'\xd8\x3d\xde\0'), (0x1E, b'\0a\xdc\0'),
    (0x03, b''), (0x03, b'\x08a'), (0x03, b'\x01'), (0x05, b''), (0x30, b''), (0x2C, b'\x0c\x01a'),
])
def test_bad_attribute_value_is_refused(tag, content):
    """Text that its type's encoding does not allow, surrogates included, is a ValueError."""
    assert _is_refused(certificate(attribute(tag, content)))


@pytest.mark.parametrize('oid, name', [
    (b'\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19', 'domainComponent'),
    (b'\x88\x37\x01', '2.999.1'),
    (b'\x4f', '1.39'),
    (b'\x2a' + b'\x81' * 584 + b'\x01', None),
], ids=['long name', 'first arc 2', 'first arc 1', 'longest'])
def test_attribute_name(oid, name, native):
    """An attribute has OpenSSL's long name, or the dotted form if there is none."""
    der = certificate(attribute(UTF8, b'x', oid))
    decoded = decode_certificate(der)['subject']
    assert decoded == native(der)['subject']
    assert name in (None, decoded[0][0][0])


@pytest.mark.parametrize('oid', [
    b'', b'\x80\x01', b'\x55\x80\x01', b'\x55\x84', b'\x01' * 587,
], ids=lambda _: 'oid')
def test_bad_object_identifier_is_refused(oid):
    """An OBJECT IDENTIFIER that is cut short, padded or longer than OpenSSL takes is refused."""
    assert _is_refused(certificate(attribute(UTF8, b'x', oid)))


@pytest.mark.parametrize('content, serial', [
    (b'\0', '00'), (b'\x0a', '0A'), (b'\x01\0', '0100'), (b'\0\x80', '80'), (b'\x80', '-80'),
    (b'\xff', '-01'), (b'\xff\x7f', '-81'), (b'\x80' + b'\0' * 19, '-80' + '00' * 19),
    (b'\0' + b'\xff' * 20, 'FF' * 20), (b'\x11' * 35, '11' * 35),
])
def test_serial(content, serial, native):
    """A serial is upper-case hex of whole octets with the sign in front, as OpenSSL prints it."""
    der = certificate(serial=content)
    assert decode_certificate(der)['serialNumber'] == serial == native(der)['serialNumber']


def test_serial_of_more_than_35_octets_is_whole():
    """A serial that OpenSSL would break into lines, and Python cut, is one line and whole."""
    assert decode_certificate(certificate(serial=b'\x11' * 36))['serialNumber'] == '11' * 36


@pytest.mark.parametrize('content', [b'', b'\0\x01', b'\xff\x80'])
def test_bad_integer_is_refused(content):
    """An INTEGER that is empty or not in its shortest form is refused."""
    assert _is_refused(certificate(serial=content))


@pytest.mark.parametrize('tag, content, printed', [
    (0x17, b'180105093443Z', 'Jan  5 09:34:43 2018 GMT'),
    (0x17, b'491231235959Z', 'Dec 31 23:59:59 2049 GMT'),
    (0x17, b'500101000000Z', 'Jan  1 00:00:00 1950 GMT'),
    (0x18, b'20500215010203Z', 'Feb 15 01:02:03 2050 GMT'),
    (0x18, b'20000229000000Z', 'Feb 29 00:00:00 2000 GMT'),
    (0x18, b'00000229000000Z', 'Feb 29 00:00:00 0 GMT'),
])
def test_time(tag, content, printed, native):
    """Both types of time are printed alike, years of two digits being 1950 to 2049."""
    der = certificate(time=tlv(tag, content))
    decoded = decode_certificate(der)
    assert decoded['notBefore'] == decoded['notAfter'] == printed == native(der)['notAfter']


@pytest.mark.parametrize('tag, content', [
    (0x17, b''), (0x17, b'Z'), (0x17, b'1801050934Z'), (0x17, b'180105093443'),
    (0x17, b'180105093443+0100'), (0x17, b'18010509344 Z'), (0x17, b'180105093443Z\n'),
    (0x17, b'20180105093443Z'), (0x17, b'181305093443Z'), (0x17, b'190229000000Z'),
    (0x17, b'180105243443Z'), (0x17, b'180105093460Z'), (0x18, b'180105093443Z'),
    (0x18, b'20180105093443.5Z'), (0x04, b'180105093443Z'),
])
def test_bad_time_is_refused(tag, content):
    """A time that RFC 5280 4.1.2.5 does not allow is refused."""
    assert _is_refused(certificate(time=tlv(tag, content)))


@pytest.mark.parametrize('tag, content, name', [
    (0x82, b'', ('DNS', '')),
    (0x82, b'\xc3\xa9', ('DNS', u'\xe9')),
    (0x87, b'', ('IP Address', '<invalid>')),
    (0x87, b'12345', ('IP Address', '<invalid>')),
    (0x87, b'\x20\x01\x0d\xb8' + b'\0' * 12, ('IP Address', '2001:DB8:0:0:0:0:0:0')),
    (0xA0, b'\x06\x01\x2a\xa0\x03\x0c\x01a', ('othername', '<unsupported>')),
    (0xA3, b'\x30\x00', ('X400Name', '<unsupported>')),
    (0xA5, b'\xa1\x03\x0c\x01a', ('EdiPartyName', '<unsupported>')),
    (0xA4, b'\x30\x00', ('DirName', ())),
])
def test_general_name(tag, content, name):
    """The rarer names of subjectAltName are those of Python 3.13."""
    assert decode_certificate(with_name(tag, content))['subjectAltName'] == (name,)


@pytest.mark.parametrize('tag, content', [
    (0x82, b'\xff'), (0xA2, b'a'), (0x89, b'a'), (0x0C, b'a'), (0x88, b''), (0xA4, b''),
    (0xA4, b'\x30\x00\x30\x00'), (0xA4, b'\x31\x00'), (0x1F, b''),
])
def test_bad_general_name_is_refused(tag, content):
    """A name of an unknown type, or not of its type's form, is refused rather than left out."""
    assert _is_refused(with_name(tag, content))


def test_empty_extensions():
    """An empty subjectAltName is (), other empty extensions are absent."""
    decoded = decode_certificate(certificate(extensions=b''.join(
        extension(oid) for oid in (SUBJECT_ALT_NAME, INFO_ACCESS, CRL_POINTS))))
    assert set(decoded) - set(EXPECTED['v1']) == {'subjectAltName'}
    assert decoded['subjectAltName'] == ()


def test_unique_identifiers_are_passed_over():
    """The unique identifiers of issuer and subject, which no one uses, do no harm."""
    extra = tlv(0x81, b'\0a') + tlv(0x82, b'\0b')
    assert decode_certificate(certificate(extra=extra)) == decode_certificate(certificate())


@pytest.mark.parametrize('value', [
    b'\x0c\x80a\0\0', b'\x0c\x81\x7f' + b'a' * 127, b'\x0c\x82\x00\x80' + b'a' * 128,
], ids=['indefinite', 'long form', 'leading zero'])
def test_length_not_in_the_shortest_form_is_refused(value):
    """A length that is not DER's (X.690 10.1) is refused where all else is right."""
    subject = tlv(SET, tlv(SEQUENCE, tlv(OID, COMMON_NAME), value))
    assert _is_refused(certificate(subject))


def test_unread_extensions_may_hold_anything():
    """An extension that the dict does not show is not looked into."""
    extension = tlv(SEQUENCE, tlv(OID, b'\x2a\x03'), tlv(0x01, b'\0'), tlv(0x04, b'\xff'))
    assert set(decode_certificate(certificate(extensions=extension * 2))) == set(EXPECTED['v1'])


def test_uri_that_is_not_ascii_is_text(native):
    """A URI of an extension is text, read as UTF-8."""
    der = certificate(extensions=extension(INFO_ACCESS, tlv(
        SEQUENCE, tlv(OID, OCSP), tlv(0x86, b'http://\xc3\xa9'))))
    assert decode_certificate(der)['OCSP'] == (u'http://\xe9',) == native(der)['OCSP']


@pytest.mark.parametrize('der', [
    b'', b'\x30', b'\x30\x00', b'\x30\x80\0\0', b'\x30\x81\x00', b'\x30\x82\x00\x80' + b'a' * 128,
    b'\x30\x84\xff\xff\xff\xff', b'\x30\xff' + b'\xff' * 127, b'\x31\x00', b'\xff' * 99,
    b'\x30\x80' * 9999, b'-----BEGIN CERTIFICATE-----',
    certificate() + b'\0',
    tlv(SEQUENCE, certificate()[2:], b'\x05\0'),
    tlv(SEQUENCE, certificate()[2:-12]),
    certificate(version=b'\xa0\0'),
    certificate(version=b'\xa0\x03\x04\x01\x02'),
    certificate(version=b'\xa0\x03\x02\x01\x02' * 2),
    certificate(subject=tlv(SET)),
    certificate(subject=tlv(SEQUENCE)),
    certificate(subject=tlv(SEQUENCE, attribute(UTF8, b'x')[2:])),
    certificate(subject=tlv(SET, tlv(SEQUENCE, tlv(OID, COMMON_NAME)))),
    certificate(time=tlv(0x17, b'200101000000Z') * 2),
    certificate(extra=tlv(0xA4)),
    certificate(extra=tlv(0xA3)),
    certificate(extensions=tlv(SEQUENCE, tlv(OID, SUBJECT_ALT_NAME))),
    certificate(extensions=extension(SUBJECT_ALT_NAME) * 2),
    certificate(extensions=extension(SUBJECT_ALT_NAME, b'\x82')),
    certificate(extensions=extension(INFO_ACCESS, tlv(SEQUENCE, tlv(OID, OCSP)))),
    certificate(extensions=extension(INFO_ACCESS, tlv(
        SEQUENCE, tlv(OID, OCSP), tlv(0x86, b'a'), tlv(0x86, b'b')))),
    certificate(extensions=extension(INFO_ACCESS, tlv(SET))),
    certificate(extensions=tlv(
        SEQUENCE, tlv(OID, CRL_POINTS), tlv(0x04, tlv(SEQUENCE)), b'\x05\0')),
    certificate(extensions=extension(CRL_POINTS, tlv(SEQUENCE, b'\xa0\x04\xa0\x02\x89\0'))),
], ids=lambda _: 'der')
def test_malformed_certificate_is_refused(der):
    """What is not a certificate in DER is a ValueError that says so."""
    assert _is_refused(der)


@pytest.mark.parametrize('name', sorted(CERTIFICATES))
def test_truncated_certificate_is_refused(name):
    """A certificate cut anywhere is a ValueError, and so is one with bytes after it."""
    der = _der(name)
    assert all(_is_refused(der[:size]) for size in range(len(der)))
    assert all(_is_refused(der + extra) for extra in (b'\0', b'\0\0', der))


@pytest.mark.parametrize('name', sorted(CERTIFICATES))
def test_flipped_bit_is_refused_or_decoded(name):
    """A certificate with any one bit flipped decodes, or is a ValueError and nothing else."""
    refused, der = 0, bytearray(_der(name))
    for position in range(len(der) * 8):
        der[position // 8] ^= 1 << position % 8
        refused += _is_refused(bytes(der))
        der[position // 8] ^= 1 << position % 8
    assert 0 < refused < len(der) * 8


@pytest.mark.parametrize('name', sorted(CERTIFICATES))
def test_scrambled_certificate_is_refused_or_decoded(name):
    """Bytes changed, removed, repeated and swapped at random give a dict or a ValueError."""
    dice, der = random.Random(name), _der(name)
    for _ in range(300):
        data = bytearray(der)
        for _ in range(dice.randint(1, 4)):
            start, stop = sorted(dice.randint(0, len(data)) for _ in range(2))
            piece = data[start:stop]
            data[start:stop] = dice.choice([b'', piece * 2, piece[::-1], bytearray(
                dice.randrange(256) for _ in piece[:9])])
        _is_refused(bytes(data[:4 * len(der)]))


def test_random_bytes_are_refused():
    """Random bytes are never a certificate."""
    dice = random.Random(5280)
    assert all(_is_refused(bytes(bytearray([SEQUENCE] + [
        dice.randrange(256) for _ in range(dice.randrange(200))]))) for _ in range(2000))
