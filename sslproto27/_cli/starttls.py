"""
The dialogues that start TLS in several protocols. Nothing here does TLS, or waits by itself.

Each function talks over a `Channel` until the server's next byte is TLS. Otherwise it raises a
`UserError` that quotes the server's answer.
"""
from __future__ import absolute_import, division, print_function

import binascii
import io
import struct
from xml.sax.saxutils import quoteattr

from .console import UserError, quoted

__all__ = ['PROTOCOLS']

_NOT_OFFERED = 'the server does not offer TLS: %s'


def _refused(data):
    return UserError(_NOT_OFFERED, quoted(data))


def _reply(channel):
    """Return the (code, lines) of a reply of SMTP or FTP: RFC 5321 4.2.1, RFC 959 4.2."""
    lines = [channel.line()]
    code = lines[0][:3]
    if not code.isdigit():
        raise _refused(lines[0])
    while not (lines[-1][:3] == code and lines[-1][3:4] in (b' ', b'')):
        if len(lines) > 200:
            raise _refused(lines[0])
        lines.append(channel.line())
    return code, lines


def _expect(channel, code):
    found, lines = _reply(channel)
    if found != code:
        raise _refused(b' '.join(lines))
    return lines


def smtp(channel, host):
    """RFC 3207."""
    _expect(channel, b'220')
    channel.send(b'EHLO localhost\r\n')
    offered = _expect(channel, b'250')
    if not any(line[4:].strip().upper() == b'STARTTLS' for line in offered):
        raise _refused(b', '.join(line[4:] for line in offered))
    channel.send(b'STARTTLS\r\n')
    _expect(channel, b'220')


def imap(channel, host):
    """RFC 9051 6.2.1."""
    greeting = channel.line()
    if not greeting.upper().startswith(b'* OK'):
        raise _refused(greeting)
    channel.send(b'a STARTTLS\r\n')
    line = channel.line()
    while line.startswith(b'* '):
        line = channel.line()
    if not line.upper().startswith(b'A OK'):
        raise _refused(line)


def pop3(channel, host):
    """RFC 2595 4."""
    for command in (None, b'STLS\r\n'):
        if command:
            channel.send(command)
        line = channel.line()
        if not line.startswith(b'+OK'):
            raise _refused(line)


def ftp(channel, host):
    """RFC 4217 4."""
    _expect(channel, b'220')
    channel.send(b'AUTH TLS\r\n')
    _expect(channel, b'234')


#: RFC 4511 4.14: message 1, ExtendedRequest, requestName [0] the OID of StartTLS.
_LDAP_REQUEST = b'\x30\x1d\x02\x01\x01\x77\x18\x80\x16' + b'1.3.6.1.4.1.1466.20037'


def ldap(channel, host):
    """RFC 4511 4.14: an ExtendedResponse, whose first element, resultCode, is 0 for success."""
    channel.send(_LDAP_REQUEST)
    message = io.BytesIO(_element(channel.exactly, 0x30)).read
    _element(message, 0x02)  # messageID
    response = _element(message, 0x78)
    if response[:3] != b'\x0a\x01\x00':
        raise _refused(b'LDAP result ' + binascii.hexlify(response[2:3]))


def _element(read, tag):
    """Return the content of the element with *tag* that `read(size)` gives: X.690 8.1."""
    found, size = bytearray(read(2)) or (0, 0)
    if size & 0x80:
        width = size & 0x7f
        if width > 4:
            raise _refused(b'not an LDAP message')
        size = 0
        for octet in bytearray(read(width)):
            size = size << 8 | octet
    if found != tag or size > 65536:
        raise _refused(b'not an LDAP message')
    return read(size)


_XMPP_TLS = b'urn:ietf:params:xml:ns:xmpp-tls'


def xmpp(channel, host):
    """RFC 6120 5.4."""
    channel.send(
        b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' "
        b"xmlns:stream='http://etherx.jabber.org/streams' to=%s>"
        % quoteattr(host).encode('ascii'))
    features = channel.until(b'</stream:features>', b'</stream:stream>')
    if _XMPP_TLS not in features:
        raise _refused(features)
    channel.send(b"<starttls xmlns='%s'/>" % _XMPP_TLS)
    answer = channel.until(b'>')
    if not answer.lstrip().startswith(b'<proceed') or _XMPP_TLS not in answer:
        raise _refused(answer)
    if not answer.endswith(b'/>'):
        channel.until(b'</proceed>')


def postgres(channel, host):
    """PostgreSQL's documentation, 'Message Formats': SSLRequest, whose answer is one byte."""
    channel.send(struct.pack('>II', 8, 80877103))
    answer = channel.exactly(1)
    if answer != b'S':
        raise _refused({b'N': b'PostgreSQL without TLS'}.get(answer, answer))


# MySQL's documentation, 'Capabilities Flags'
_CLIENT_PROTOCOL_41 = 0x200
_CLIENT_SSL = 0x800
_CLIENT_SECURE_CONNECTION = 0x8000
_MYSQL_UTF8 = 33
_MYSQL_LARGEST = 1 << 24


def mysql(channel, host):
    """MySQL's documentation, 'Protocol::Handshake': version 10, answered by an SSLRequest."""
    size, number = struct.unpack('<I', channel.exactly(3) + b'\0')[0], channel.exactly(1)
    greeting = channel.exactly(size) if size <= 65536 else b''
    if greeting[:1] != b'\x0a' or number != b'\0':
        raise _refused(greeting)
    # After the version come a thread ID (4 bytes), data for authentication (8), a filler (1), and
    # the lower half of the flags.
    fields = greeting[1:].partition(b'\0')[2]
    if len(fields) < 15:
        raise _refused(greeting)
    if not struct.unpack('<H', fields[13:15])[0] & _CLIENT_SSL:
        raise _refused(b'MySQL ' + greeting[1:].partition(b'\0')[0] + b' without TLS')
    flags = _CLIENT_PROTOCOL_41 | _CLIENT_SSL | _CLIENT_SECURE_CONNECTION
    request = struct.pack('<IIB23x', flags, _MYSQL_LARGEST, _MYSQL_UTF8)
    channel.send(struct.pack('<I', len(request))[:3] + b'\x01' + request)


#: By name: (function, default port).
PROTOCOLS = {
    'smtp': (smtp, 25), 'imap': (imap, 143), 'pop3': (pop3, 110), 'ftp': (ftp, 21),
    'ldap': (ldap, 389), 'xmpp': (xmpp, 5222), 'postgres': (postgres, 5432), 'mysql': (mysql, 3306),
}
