"""
Versions, protocols and flags that Python 3.13's ssl names and 2.7's does not. Only numbers.

Flags whose value depends on OpenSSL's version have the value from the headers of 1.1.0 to 3.x
(ssl.h, x509_vfy.h), which agree. With an older OpenSSL, where the same bits mean something else,
they are 0, and setting them does nothing.
"""
from __future__ import absolute_import, division, print_function

import ssl

__all__ = [
    'TLSVersion', 'PROTOCOL_TLS', 'PROTOCOL_TLS_CLIENT', 'PROTOCOL_TLS_SERVER',
    'OP_ALLOW_CLIENT_RENEGOTIATION', 'OP_NO_TICKET', 'OP_NO_RENEGOTIATION', 'OP_NO_COMPRESSION',
    'OP_NO_TLSv1_3', 'OP_IGNORE_UNEXPECTED_EOF',
    'OP_LEGACY_SERVER_CONNECT', 'OP_ENABLE_KTLS', 'OP_ENABLE_MIDDLEBOX_COMPAT',
    'VERIFY_ALLOW_PROXY_CERTS', 'VERIFY_X509_STRICT', 'VERIFY_X509_TRUSTED_FIRST',
    'VERIFY_X509_PARTIAL_CHAIN',
]

PROTOCOL_TLS = ssl.PROTOCOL_SSLv23  # its name before 2.7.13
PROTOCOL_TLS_CLIENT = 16
PROTOCOL_TLS_SERVER = 17

_HAS_1_1 = ssl.OPENSSL_VERSION_INFO >= (1, 1)

OP_LEGACY_SERVER_CONNECT = 0x4
OP_ENABLE_KTLS = 0x8                   # OpenSSL 3.0; no effect on memory BIOs
OP_IGNORE_UNEXPECTED_EOF = 0x80        # OpenSSL 3.0; never set here: it hides truncation
OP_ALLOW_CLIENT_RENEGOTIATION = 0x100 if _HAS_1_1 else 0  # 3.0's name; 1.1.1 gets it too
OP_NO_TICKET = 0x4000
OP_NO_COMPRESSION = 0x20000
OP_ENABLE_MIDDLEBOX_COMPAT = 0x100000 if _HAS_1_1 else 0  # RFC 8446 D.4
OP_NO_TLSv1_3 = 0x20000000 if ssl.OPENSSL_VERSION_INFO >= (1, 1, 1) else 0
OP_NO_RENEGOTIATION = 0x40000000 if _HAS_1_1 else 0  # 1.1.0h

VERIFY_X509_STRICT = 0x20
VERIFY_ALLOW_PROXY_CERTS = 0x40
VERIFY_X509_TRUSTED_FIRST = 0x8000
VERIFY_X509_PARTIAL_CHAIN = 0x80000


class TLSVersion(int):
    """
    A protocol version, as its number on the wire: Python 3.7's ssl.TLSVersion.

    The members are MINIMUM_SUPPORTED, SSLv3, TLSv1, TLSv1_1, TLSv1_2, TLSv1_3 and
    MAXIMUM_SUPPORTED. Calling the class with a number returns the member of that number.

    Attributes:
        name (str): its name.
        value (int): its number.

    Raises:
        ValueError: no version has that number.
    """

    _members = {}

    def __new__(cls, number):
        try:
            return cls._members[number]
        except KeyError:
            raise ValueError('%r is not a valid TLSVersion' % (number,))

    @classmethod
    def _define(cls, name, number):
        member = cls._members[number] = int.__new__(cls, number)
        member.name = name
        setattr(cls, name, member)

    def __reduce__(self):
        return TLSVersion, (int(self),)  # the same member

    @property
    def value(self):
        """Its number (int)."""
        return int(self)

    def __repr__(self):
        return '<TLSVersion.%s: %d>' % (self.name, self)


for _name, _number in (('MINIMUM_SUPPORTED', -2), ('SSLv3', 0x300), ('TLSv1', 0x301),
                       ('TLSv1_1', 0x302), ('TLSv1_2', 0x303), ('TLSv1_3', 0x304),
                       ('MAXIMUM_SUPPORTED', -1)):
    TLSVersion._define(_name, _number)
