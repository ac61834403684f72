"""What clients and servers say to each other before TLS, by protocol."""
from __future__ import absolute_import, division, print_function

import struct

__all__ = ['AGREED', 'LDAP_REQUEST', 'MYSQL_REQUEST', 'XMPP_OPEN', 'XMPP_STREAM', 'XMPP_TLS',
           'ldap_answer', 'mysql_greeting']

XMPP_OPEN = (b"<?xml version='1.0'?><stream:stream xmlns='jabber:client' version='1.0' "
             b"xmlns:stream='http://etherx.jabber.org/streams' to=\"localhost\">")
XMPP_STREAM = b"<?xml version='1.0'?><stream:stream from='localhost' id='1' version='1.0'>"
XMPP_TLS = b"urn:ietf:params:xml:ns:xmpp-tls"
LDAP_REQUEST = b'\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037'


def ldap_answer(code):
    """An ExtendedResponse with a result code, no matched DN and no message."""
    return b'\x30\x0c\x02\x01\x01\x78\x07\x0a\x01' + code + b'\x04\x00\x04\x00'


def mysql_greeting(flags):
    """A Protocol::HandshakeV10 with the lower half of its capability flags."""
    payload = (b'\x0a8.0.36\0' + b'\1\0\0\0' + b'abcdefgh' + b'\0' + struct.pack('<H', flags)
               + b'\x21\2\0' + b'\0\0' + b'\x15' + b'\0' * 10 + b'ijklmnopqrst\0')
    return struct.pack('<I', len(payload))[:3] + b'\0' + payload


MYSQL_REQUEST = (b'\x20\0\0\1' + b'\x00\x8a\0\0' + b'\0\0\0\1' + b'\x21' + b'\0' * 23)

# By protocol: what the client says, and what it is answered.
AGREED = {
    'smtp': [(b'', b'220-mail.example.org\r\n220 ESMTP\r\n'),
             (b'EHLO localhost\r\n', b'250-mail.example.org\r\n250-STARTTLS\r\n250 SIZE\r\n'),
             (b'STARTTLS\r\n', b'220 go ahead\r\n')],
    'imap': [(b'', b'* OK IMAP4rev2\r\n'),
             (b'a STARTTLS\r\n', b'* 1 EXISTS\r\na OK begin\r\n')],
    'pop3': [(b'', b'+OK POP3\r\n'), (b'STLS\r\n', b'+OK begin\r\n')],
    'ftp': [(b'', b'220-Welcome\r\n 220 to the\r\n220 FTP\r\n'), (b'AUTH TLS\r\n', b'234 TLS\r\n')],
    'ldap': [(LDAP_REQUEST, ldap_answer(b'\0'))],
    'xmpp': [(XMPP_OPEN, XMPP_STREAM + b"<stream:features><starttls xmlns='" + XMPP_TLS
              + b"'><required/></starttls></stream:features>"),
             (b"<starttls xmlns='" + XMPP_TLS + b"'/>", b"<proceed xmlns='" + XMPP_TLS + b"'/>")],
    'postgres': [(b'\0\0\0\x08\x04\xd2\x16\x2f', b'S')],
    'mysql': [(b'', mysql_greeting(0xf7ff | 0x800)), (MYSQL_REQUEST, b'')],
}
