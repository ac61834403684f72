"""
Decodes an X.509 certificate's DER into the dict of ``getpeercert()``. Nothing here knows of TLS.

It reads only the fields of that dict. It never checks a signature, a host name, or a date against
the clock, and never loops over anything but the bytes it was given.
"""
from __future__ import absolute_import, division, print_function

import _ssl
import binascii
import datetime
import re

from .compat import text_type, to_native

__all__ = ['certificate_identities', 'certificate_in_pem', 'decode_certificate', 'decode_readable',
           'signature_algorithm', 'split_der']

# Identifier octets: X.690 8.1.2, numbers from X.680 8.6.
_BOOLEAN, _INTEGER, _BIT_STRING, _OCTET_STRING, _OBJECT_IDENTIFIER = 0x01, 0x02, 0x03, 0x04, 0x06
_UTC_TIME, _GENERALIZED_TIME, _SEQUENCE, _SET = 0x17, 0x18, 0x30, 0x31
_CONTEXT_0 = 0xA0  # [0], constructed

_SUBJECT_ALT_NAME = '2.5.29.17'  # RFC 5280 4.2.1.6
_COMMON_NAME = '2.5.4.3'  # RFC 5280 A.1
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # [2] and [7] of GeneralName, RFC 5280 4.2.1.6
_CRL_DISTRIBUTION_POINTS = '2.5.29.31'  # RFC 5280 4.2.1.13
_AUTHORITY_INFO_ACCESS = '1.3.6.1.5.5.7.1.1'  # RFC 5280 4.2.2.1
_EXTENSIONS = (_SUBJECT_ALT_NAME, _CRL_DISTRIBUTION_POINTS, _AUTHORITY_INFO_ACCESS)
_EMPTY = b'\x30\x00'  # SEQUENCE OF nothing
_ACCESS_METHODS = {'1.3.6.1.5.5.7.48.1': 'OCSP', '1.3.6.1.5.5.7.48.2': 'caIssuers'}
_URI_KEYS = ('OCSP', 'caIssuers', 'crlDistributionPoints')  # in Python 3.13's order

#: How many certificates stay cached, and up to what size: a client meets the same few again and
#: again, and decoding one takes a fifth of the instructions of a handshake.
_KEPT, _SMALL = 16, 8192
_decoded, _identities = {}, {}  # by DER

#: RFC 1421 4.4: an empty line ends the headers.
_HEADERS = re.compile(br'(?s)\A\s*[\w-]+:.*?\n\r?\n')

_MONTHS = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')

# Tag: encoding, by ASN1_STRING_to_UTF8(3); T61String as Latin-1 is OpenSSL's reading.
_STRINGS = {
    0x0C: 'utf-8',  # UTF8String
    0x12: 'latin-1',  # NumericString
    0x13: 'latin-1',  # PrintableString
    0x14: 'latin-1',  # T61String
    0x16: 'latin-1',  # IA5String
    0x1C: 'utf-32-be',  # UniversalString
    0x1E: 'utf-16-be',  # BMPString
}
# We allow no surrogates, but 2.7's codecs accept them, and UTF-16 pairs them.
_SURROGATES = {
    'utf-8': re.compile(br'(?s).*\xed[\xa0-\xbf]'),
    'utf-16-be': re.compile(br'(?s)(?:..)*[\xd8-\xdf]'),
    'utf-32-be': re.compile(br'(?s)(?:.{4})*\x00\x00[\xd8-\xdf]'),
}


def _elements(data):
    """Return the (tag, content) pairs that fill *data*: X.690 8.1, with lengths as in 10.1."""
    octets, start, found = bytearray(data), 0, []
    while start < len(octets):
        if len(octets) - start < 2 or octets[start] & 0x1F == 0x1F:
            raise ValueError('certificate: bad DER element header')
        tag, size = octets[start], octets[start + 1]
        start += 2
        if size & 0x80:
            width = size & 0x7F
            length = octets[start:start + width]
            size = int(binascii.hexlify(length) or b'0', 16)
            start += width
            if size < 0x80 or not size >> 8 * (width - 1):  # indefinite, or not the shortest form
                raise ValueError('certificate: bad DER length')
        if size > len(octets) - start:
            raise ValueError('certificate: truncated DER element')
        found.append((tag, bytes(octets[start:start + size])))
        start += size
    return found


def _take(elements, tag, what):
    """Remove the first of *elements* and return its content; it must have *tag*."""
    if not elements or elements[0][0] != tag:
        raise ValueError('certificate: %s missing or of a wrong type' % what)
    return elements.pop(0)[1]


def _take_optional(elements, tag):
    """Remove the first of *elements* and return its content if it has *tag*, else None."""
    return elements.pop(0)[1] if elements and elements[0][0] == tag else None


def _end(elements, what):
    """Raise ValueError if any of *elements* are left."""
    if elements:
        raise ValueError('certificate: extra data in %s' % what)


def _only(data, tag, what):
    """Return the content of the one element that fills *data*; it must have *tag*."""
    elements = _elements(data)
    content = _take(elements, tag, what)
    _end(elements, what)
    return content


def _each(data, tag, what):
    """Return the contents of the elements of a SEQUENCE OF or SET OF; each must have *tag*."""
    elements = _elements(data)
    if any(found != tag for found, _ in elements):
        raise ValueError('certificate: %s of a wrong type' % what)
    return [content for _, content in elements]


def _integer(content):
    """Return the int of an INTEGER: X.690 8.3."""
    if not content or re.match(br'(?s)\x00[\x00-\x7f]|\xff[\x80-\xff]', content):
        raise ValueError('certificate: bad INTEGER')
    value = int(binascii.hexlify(content), 16)
    return value - (1 << 8 * len(content)) if content >= b'\x80' else value


def _serial(content):
    """Return a serial as i2a_ASN1_INTEGER(3) prints it, but without a line break at 35 octets."""
    value = _integer(content)
    digits = '%X' % abs(value)
    return text_type('-' * (value < 0) + '0' * (len(digits) % 2) + digits)


def _oid(content):
    """Return an OBJECT IDENTIFIER in dots: X.690 8.19."""
    octets, arcs, arc = bytearray(content), [], 0
    # 128 arcs of 32 bits, RFC 2578 3.5, are 586 octets: OpenSSL's limit too, since CVE-2023-2650.
    if not 1 <= len(octets) <= 586 or octets[-1] & 0x80:
        raise ValueError('certificate: bad OBJECT IDENTIFIER')
    for octet in octets:
        if not arc and octet == 0x80:
            raise ValueError('certificate: bad OBJECT IDENTIFIER')
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return '.'.join('%d' % arc for arc in [first, arcs[0] - 40 * first] + arcs[1:])


def _object_name(content):
    """Return OpenSSL's long name of an OBJECT IDENTIFIER, or its dots: OBJ_obj2txt(3)."""
    dotted = _oid(content)
    try:
        return _ssl.txt2obj(dotted, name=False)[2] or dotted
    except ValueError:
        return dotted


def _text(content, encoding='utf-8'):
    """Return *content* as text, in which NUL is allowed."""
    surrogate = _SURROGATES.get(encoding)
    try:
        if not (surrogate and surrogate.match(content)):
            return content.decode(encoding)
    except UnicodeDecodeError:
        pass
    raise ValueError('certificate: text is not %s' % encoding)


def _bit_string(content):
    """Return the bytes of a BIT STRING, unused bits zero (X.690 8.6), None if there are none."""
    octets = bytearray(content)
    if not octets or octets[0] > 7 or octets[0] and len(octets) == 1:
        raise ValueError('certificate: bad BIT STRING')
    octets[-1] &= 0xFF << octets[0] & 0xFF
    return bytes(octets[1:]) or None


def _attribute(content):
    """Return the (name, value) of an AttributeTypeAndValue: RFC 5280 4.1.2.4."""
    elements = _elements(content)
    name = _object_name(_take(elements, _OBJECT_IDENTIFIER, 'attribute type'))
    if len(elements) != 1:
        raise ValueError('certificate: an attribute needs one value')
    (tag, value), = elements
    if tag == _BIT_STRING:
        return name, _bit_string(value)
    if tag not in _STRINGS:
        raise ValueError('certificate: value of %s is not a string' % name)
    return name, _text(value, _STRINGS[tag])


def _name(content):
    """Return a Name as a tuple of RDNs, each a tuple of (name, value): RFC 5280 4.1.2.4."""
    rdns = [_each(rdn, _SEQUENCE, 'attribute') for rdn in _each(content, _SET, 'RDN')]
    if not all(rdns):
        raise ValueError('certificate: empty RDN')
    return tuple(tuple(_attribute(attribute) for attribute in rdn) for rdn in rdns)


def _time(elements, what):
    """Take a Time, in the format of ASN1_TIME_print(3): RFC 5280 4.1.2.5."""
    tag = _GENERALIZED_TIME if elements and elements[0][0] == _GENERALIZED_TIME else _UTC_TIME
    content = _take(elements, tag, what)
    if tag == _UTC_TIME:
        content = (b'20' if content < b'5' else b'19') + content
    if not re.match(br'[0-9]{14}Z\Z', content):
        raise ValueError('certificate: %s is not a time' % what)
    year, fields = int(content[:4]), [int(content[i:i + 2]) for i in range(4, 14, 2)]
    try:
        datetime.datetime(year or 400, *fields)  # it has no year 0; 400 is a leap year too
    except ValueError as error:
        raise ValueError('certificate: %s: %s' % (what, error))
    month, day, hour, minute, second = fields
    return '%s %2d %02d:%02d:%02d %d GMT' % (_MONTHS[month - 1], day, hour, minute, second, year)


def _ia5(content):
    """Return a GeneralName's IA5String: UTF-8 as in Python 3.13, native str if ASCII."""
    text = _text(content)
    try:
        return to_native(text)
    except UnicodeEncodeError:
        return text


def _ip_address(content):
    """Return an iPAddress as Python 3.13 prints it: RFC 5280 4.2.1.6."""
    if len(content) == 4:
        return '.'.join('%d' % octet for octet in bytearray(content))
    if len(content) == 16:
        octets = bytearray(content)
        return ':'.join('%X' % (octets[i] << 8 | octets[i + 1]) for i in range(0, 16, 2))
    return '<invalid>'


# GeneralName, RFC 5280 4.2.1.6. Tag: (name in the dict, decoder of the content)
_GENERAL_NAMES = {
    _CONTEXT_0: ('othername', lambda _: '<unsupported>'),
    0x81: ('email', _ia5),
    0x82: ('DNS', _ia5),
    0xA3: ('X400Name', lambda _: '<unsupported>'),
    0xA4: ('DirName', lambda content: _name(_only(content, _SEQUENCE, 'directoryName'))),
    0xA5: ('EdiPartyName', lambda _: '<unsupported>'),
    0x86: ('URI', _ia5),
    0x87: ('IP Address', _ip_address),
    0x88: ('Registered ID', _object_name),
}


def _general_names(elements):
    """Return the (type, value) of each of *elements*, a GeneralName: RFC 5280 4.2.1.6."""
    names = []
    for tag, content in elements:
        if tag not in _GENERAL_NAMES:
            raise ValueError('certificate: unknown GeneralName')
        kind, decode = _GENERAL_NAMES[tag]
        names.append((kind, decode(content)))
    return tuple(names)


def _uris(elements):
    """Return the URIs, as text, among *elements*, each of them a GeneralName."""
    return [text_type(value) for kind, value in _general_names(elements) if kind == 'URI']


def _access_uris(value):
    """Return the URIs of an authorityInfoAccess by key of the dict: RFC 5280 4.2.2.1."""
    uris = {}
    access = _only(value, _SEQUENCE, 'authorityInfoAccess')
    for description in _each(access, _SEQUENCE, 'AccessDescription'):
        location = _elements(description)
        method = _oid(_take(location, _OBJECT_IDENTIFIER, 'accessMethod'))
        if len(location) != 1:
            raise ValueError('certificate: an access method needs one location')
        uris.setdefault(_ACCESS_METHODS.get(method), []).extend(_uris(location))
    return uris


def _crl_uris(value):
    """Return the URIs of the full names in cRLDistributionPoints: RFC 5280 4.2.1.13."""
    uris = []
    points = _only(value, _SEQUENCE, 'cRLDistributionPoints')
    for point in _each(points, _SEQUENCE, 'DistributionPoint'):
        for tag, content in _elements(_take_optional(_elements(point), _CONTEXT_0) or b''):
            if tag == _CONTEXT_0:  # fullName; the other choice, [1], holds no URI
                uris.extend(_uris(_elements(content)))
    return uris


def _extensions(content):
    """Return the values of the extensions we read by dotted OID: RFC 5280 4.1 and 4.2."""
    values = {}
    if content is None:
        return values
    for extension in _each(_only(content, _SEQUENCE, 'extensions'), _SEQUENCE, 'Extension'):
        elements = _elements(extension)
        oid = _oid(_take(elements, _OBJECT_IDENTIFIER, 'extnID'))
        _take_optional(elements, _BOOLEAN)
        value = _take(elements, _OCTET_STRING, 'extnValue')
        _end(elements, 'Extension')
        if oid in values:
            raise ValueError('certificate: extension %s twice' % oid)
        if oid in _EXTENSIONS:
            values[oid] = value
    return values


def decode_certificate(der):
    """
    Decode a certificate as Python 3.13's ``SSLSocket.getpeercert()`` does.

    Attribute names are those of this interpreter's OpenSSL. Types are those observed on 2.7.18:
    text for attribute values, URIs of extensions, serialNumber and notBefore; native str for the
    rest, but text if a subjectAltName is not ASCII. It differs from 3.13 as follows: an otherName
    is '<unsupported>' with every OpenSSL (3.0 prints a few forms), a serial of more than 35 octets
    is complete, and fields that 3.13 drops or shows as 'Bad time value' raise ValueError.

    Args:
        der (bytes): one certificate, RFC 5280 4.1, in DER, nothing after it.

    Returns:
        dict: subject, issuer, version, serialNumber, notBefore, notAfter; also subjectAltName,
        OCSP, caIssuers and crlDistributionPoints if the certificate has them.

    Raises:
        ValueError: *der* is not DER or not a certificate, or one of these fields is malformed.
    """
    # A copy for the caller; its values are immutable.
    return _kept(_decoded, der, _decode).copy()


def _kept(known, der, decode):
    decoded = known.get(der)
    if decoded is None:
        decoded = decode(der)
        if len(der) <= _SMALL:
            if len(known) >= _KEPT:
                known.clear()
            known[der] = decoded
    return decoded


def decode_readable(der):
    """
    Decode as much as possible of a certificate that may be malformed.

    Args:
        der (bytes): as for `decode_certificate`.

    Returns:
        (dict, dict): the result of `decode_certificate` without the malformed fields; and what is
        wrong with each of these, by its key, or by 'certificate' if nothing can be decoded.
    """
    try:
        return decode_certificate(der), {}
    except ValueError as error:
        reason = str(error)
    malformed = {}

    def attempt(name, decode, *arguments):
        try:
            return decode(*arguments)
        except ValueError as error:
            malformed[name] = str(error)

    try:
        decoded = _decode(der, attempt)
    except ValueError:
        return {}, {'certificate': reason}
    return dict(item for item in decoded.items() if item[0] not in malformed), malformed


def certificate_in_pem(body):
    """
    Return the DER bytes of a certificate in PEM.

    Args:
        body (bytes): the text between BEGIN and END, which may include headers. For a TRUSTED
            CERTIFICATE, d2i_X509_AUX(3), its trust settings are left out.

    Raises:
        ValueError: *body* is not base64, or its content is not DER.
    """
    try:
        der = binascii.a2b_base64(_HEADERS.sub(b'', body))
    except binascii.Error as error:
        raise ValueError('certificate: %s' % error)
    return b''.join(split_der(der)[:1])


def split_der(data):
    """
    Split *data* into its DER elements, which follow one another; return a list of bytes.

    Raises:
        ValueError: *data* is not DER.
    """
    found, start = [], 0
    for _, content in _elements(data):
        size = len(content)
        # The header: the tag, and the shortest form of the length.
        end = start + size + 2 + (len('%x' % size) + 1) // 2 * (size >= 0x80)
        found.append(data[start:end])
        start = end
    return found


def _strictly(name, decode, *arguments):
    return decode(*arguments)


def _decode(der, attempt=_strictly):
    """Return the dict; *attempt* is called with a field's name and its decoder, for each field."""
    certificate = _elements(_only(der, _SEQUENCE, 'Certificate'))
    tbs = _elements(_take(certificate, _SEQUENCE, 'tbsCertificate'))
    _take(certificate, _SEQUENCE, 'signatureAlgorithm')
    _take(certificate, _BIT_STRING, 'signatureValue')
    _end(certificate, 'Certificate')

    version = _take_optional(tbs, _CONTEXT_0)
    serial = _take(tbs, _INTEGER, 'serialNumber')
    _take(tbs, _SEQUENCE, 'signature')
    issuer = _take(tbs, _SEQUENCE, 'issuer')
    validity = _elements(_take(tbs, _SEQUENCE, 'validity'))
    subject = _take(tbs, _SEQUENCE, 'subject')
    _take(tbs, _SEQUENCE, 'subjectPublicKeyInfo')
    _take_optional(tbs, 0x81)  # issuerUniqueID
    _take_optional(tbs, 0x82)  # subjectUniqueID
    extensions = _take_optional(tbs, 0xA3)
    _end(tbs, 'tbsCertificate')

    decoded = {
        'subject': attempt('subject', _name, subject),
        'issuer': attempt('issuer', _name, issuer),
        'version': attempt('version', _version, version),
        'serialNumber': attempt('serialNumber', _serial, serial),
        'notBefore': attempt('notBefore', _not_before, validity),
        'notAfter': attempt('notAfter', _time, validity, 'notAfter'),
    }
    attempt('validity', _end, validity, 'validity')
    found = attempt('extensions', _extensions, extensions) or {}
    if _SUBJECT_ALT_NAME in found:
        decoded['subjectAltName'] = attempt(
            'subjectAltName', _alternative_names, found[_SUBJECT_ALT_NAME])
    decoded.update(attempt('URIs', _all_uris, found) or {})
    return decoded


def _version(content):
    return 1 if content is None else 1 + _integer(_only(content, _INTEGER, 'version'))


def _not_before(validity):
    return text_type(_time(validity, 'notBefore'))


def _alternative_names(value):
    return _general_names(_elements(_only(value, _SEQUENCE, 'subjectAltName')))


def _all_uris(extensions):
    uris = _access_uris(extensions.get(_AUTHORITY_INFO_ACCESS, _EMPTY))
    uris['crlDistributionPoints'] = _crl_uris(extensions.get(_CRL_DISTRIBUTION_POINTS, _EMPTY))
    return dict((key, tuple(uris[key])) for key in _URI_KEYS if uris.get(key))


def certificate_identities(der):
    """
    Return the names and addresses in a certificate, unchanged.

    Args:
        der (bytes): one certificate, RFC 5280 4.1, in DER, nothing after it.

    Returns:
        (names, addresses, common_names): tuples of bytes: each dNSName, the octets of each
        iPAddress, and each common name that is ASCII.

    Raises:
        ValueError: *der* is not DER, or not a certificate, or its subjectAltName is malformed.
    """
    return _kept(_identities, der, _find_identities)


def _find_identities(der):
    tbs = _elements(_take(_elements(_only(der, _SEQUENCE, 'Certificate')),
                          _SEQUENCE, 'tbsCertificate'))
    _take_optional(tbs, _CONTEXT_0)
    for tag, what in ((_INTEGER, 'serialNumber'), (_SEQUENCE, 'signature'), (_SEQUENCE, 'issuer'),
                      (_SEQUENCE, 'validity')):
        _take(tbs, tag, what)
    subject = _take(tbs, _SEQUENCE, 'subject')
    extensions = [content for tag, content in tbs if tag == 0xA3]
    if len(extensions) > 1:
        raise ValueError('certificate: extensions twice')
    names, addresses = [], []
    if extensions:
        found = _extensions(extensions[0])
        alternatives = _only(found.get(_SUBJECT_ALT_NAME, _EMPTY), _SEQUENCE, 'subjectAltName')
        for tag, content in _elements(alternatives):
            if tag == _DNS_NAME:
                names.append(content)
            elif tag == _IP_ADDRESS:
                addresses.append(content)
    return tuple(names), tuple(addresses), tuple(_common_names(subject))


def _common_names(subject):
    for rdn in _each(subject, _SET, 'RDN'):
        for attribute in _each(rdn, _SEQUENCE, 'attribute'):
            elements = _elements(attribute)
            oid = _oid(_take(elements, _OBJECT_IDENTIFIER, 'attribute type'))
            if oid == _COMMON_NAME and len(elements) == 1 and elements[0][0] in _STRINGS:
                tag, value = elements[0]
                try:
                    yield _text(value, _STRINGS[tag]).encode('ascii')
                except ValueError:  # not ASCII, so it cannot be a host name
                    pass


def signature_algorithm(der):
    """
    Return how a certificate is signed: (dotted OID, parameters in DER), RFC 5280 4.1.1.2.

    Raises:
        ValueError: *der* is not a certificate in DER.
    """
    certificate = _elements(_only(der, _SEQUENCE, 'Certificate'))
    _take(certificate, _SEQUENCE, 'tbsCertificate')
    algorithm = _elements(_take(certificate, _SEQUENCE, 'signatureAlgorithm'))
    oid = _oid(_take(algorithm, _OBJECT_IDENTIFIER, 'algorithm'))
    return oid, algorithm[0][1] if algorithm else b''
