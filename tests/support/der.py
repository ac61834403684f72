"""Certificates and their parts in DER, made by hand: also such as no library makes."""
from __future__ import absolute_import, division, print_function

__all__ = ['COMMON_NAME', 'CRL_POINTS', 'INFO_ACCESS', 'OCSP', 'OID', 'SEQUENCE', 'SET',
           'SUBJECT_ALT_NAME', 'UTF8', 'attribute', 'certificate', 'extension', 'tlv', 'with_name']

UTF8, OID, SEQUENCE, SET = 0x0C, 0x06, 0x30, 0x31
COMMON_NAME, SUBJECT_ALT_NAME, CRL_POINTS = b'\x55\x04\x03', b'\x55\x1d\x11', b'\x55\x1d\x1f'
INFO_ACCESS = b'\x2b\x06\x01\x05\x05\x07\x01\x01'
OCSP = b'\x2b\x06\x01\x05\x05\x07\x30\x01'


def tlv(tag, *contents):
    """Encode one DER element of fewer than 65536 octets."""
    content = b''.join(contents)
    size = len(content)
    octets = [tag, size] if size < 0x80 else [tag, 0x81, size] if size < 0x100 else [
        tag, 0x82, size >> 8, size & 0xFF]
    return bytes(bytearray(octets)) + content


def attribute(tag, value, oid=COMMON_NAME):
    return tlv(SET, tlv(SEQUENCE, tlv(OID, oid), tlv(tag, value)))


def extension(oid, *contents):
    return tlv(SEQUENCE, tlv(OID, oid), tlv(0x04, tlv(SEQUENCE, *contents)))


def certificate(subject=attribute(UTF8, b'x'), serial=b'\x01', version=b'\xa0\x03\x02\x01\x02',
                time=tlv(0x17, b'200101000000Z'), extensions=b'', extra=b''):
    """Encode a certificate, each argument the DER (or, for *serial*, the content) of that part."""
    algorithm = tlv(SEQUENCE, tlv(OID, b'\x2b\x65\x70'))
    tbs = [
        version, tlv(0x02, serial), algorithm, tlv(SEQUENCE, attribute(UTF8, b'issuer')),
        tlv(SEQUENCE, time, time), tlv(SEQUENCE, subject),
        tlv(SEQUENCE, algorithm, tlv(0x03, b'\0key')), extra]
    if extensions:
        tbs.append(tlv(0xA3, tlv(SEQUENCE, extensions)))
    return tlv(SEQUENCE, tlv(SEQUENCE, *tbs), algorithm, tlv(0x03, b'\0signature'))


def with_name(tag, content):
    """Encode a certificate with one GeneralName in its subjectAltName."""
    return certificate(extensions=extension(SUBJECT_ALT_NAME, tlv(tag, content)))
