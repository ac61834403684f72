"""
Reads a ClientHello (RFC 8446 4.1.2) far enough to find the server name that the client wants.

OpenSSL reports that name only after it has negotiated much else: a configuration chosen then comes
too late for cipher suites, versions and client certificates (observed on 3.0: SSL_set_SSL_CTX(3)).
So we read it before OpenSSL sees a byte, and then pass all bytes to OpenSSL.
"""
from __future__ import absolute_import, division, print_function

from .._core.records import HANDSHAKE, HEADER_SIZE, RECORD, fatal_alert, number, server_name

__all__ = ['ClientHello', 'DECODE_ERROR', 'HANDSHAKE_FAILURE', 'INTERNAL_ERROR',
           'UNRECOGNIZED_NAME', 'alert']

# RFC 8446 6: alert descriptions
HANDSHAKE_FAILURE = 40
DECODE_ERROR = 50
INTERNAL_ERROR = 80
UNRECOGNIZED_NAME = 112

_CLIENT_HELLO = 1  # RFC 8446 4: the type of the message
_LARGEST_HELLO = 0x10000  # RFC 8446 allows 16 MiB; those of browsers are of 2 KiB


def alert(description):
    """Return the record of a fatal alert for the time before anything is negotiated (bytes)."""
    return fatal_alert(description, b'\3\3')


class ClientHello(object):
    """
    A ClientHello that arrives in pieces.

    Attributes:
        server_name (text or None): once it is complete: the name, IDNA decoded if possible.
    """

    __slots__ = ('server_name', '_records', '_message')

    def __init__(self):
        self.server_name = None
        self._records = bytearray()  # an incomplete record
        self._message = bytearray()  # handshake messages, out of their records

    def feed(self, data):
        """
        Take *data* (bytes), records split anywhere; return whether the ClientHello is complete.

        Raises:
            ValueError: this is not a ClientHello.
        """
        records = self._records
        records += data
        start = 0
        while len(records) - start >= HEADER_SIZE:
            content = start + HEADER_SIZE
            size = number(records[start + 3:content])
            if records[start] != HANDSHAKE or not 0 < size <= RECORD:
                raise ValueError('no TLS handshake')
            if len(records) < content + size:
                break
            self._message += records[content:content + size]
            start = content + size
            if self._is_complete():
                return True
        del records[:start]
        return False

    def _is_complete(self):
        message = self._message
        if message[0] != _CLIENT_HELLO:
            raise ValueError('no ClientHello')
        if len(message) < 4:
            return False
        size = number(message[1:4])
        if size > _LARGEST_HELLO:
            raise ValueError('a ClientHello that is too large')
        if len(message) < 4 + size:
            return False
        name = server_name(message[4:4 + size])
        self.server_name = None if name is None else _text(name)
        return True


def _text(name):
    """Return a name as text, IDNA decoded if possible."""
    name = name.decode('ascii')  # a UnicodeDecodeError is a ValueError
    try:
        return name.encode('ascii').decode('idna')
    except (UnicodeError, IndexError):  # IndexError: 2.7's punycode raises it for some names
        return name  # RFC 3490 4.2: a name that cannot be decoded stays as it is
