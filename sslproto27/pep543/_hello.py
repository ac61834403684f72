"""
Reads a ClientHello (RFC 8446 4.1.2) far enough to find the server name that the client wants.

OpenSSL reports that name only after it has negotiated much else: a configuration chosen then comes
too late for cipher suites, versions and client certificates (observed on 3.0: SSL_set_SSL_CTX(3)).
So we read it before OpenSSL sees a byte, and then pass all bytes to OpenSSL.
"""
from __future__ import absolute_import, division, print_function

__all__ = ['ClientHello', 'DECODE_ERROR', 'HANDSHAKE_FAILURE', 'INTERNAL_ERROR',
           'UNRECOGNIZED_NAME', 'alert']

# RFC 8446 6: alert descriptions
HANDSHAKE_FAILURE = 40
DECODE_ERROR = 50
INTERNAL_ERROR = 80
UNRECOGNIZED_NAME = 112

# RFC 8446 5.1, 4: content and handshake types; RFC 6066 3: extension and name types
_ALERT, _HANDSHAKE = 21, 22
_CLIENT_HELLO = 1
_SERVER_NAME, _HOST_NAME = 0, 0

_LARGEST_RECORD = 16384
_LARGEST_HELLO = 0x10000  # RFC 8446 allows 16 MiB; those of browsers are of 2 KiB
_FATAL = 2


def alert(description):
    """Return the record of a fatal alert for the time before anything is negotiated (bytes)."""
    return bytes(bytearray([_ALERT, 3, 3, 0, 2, _FATAL, description]))


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
        while len(records) - start >= 5:
            size = _number(records[start + 3:start + 5])
            if records[start] != _HANDSHAKE or not 0 < size <= _LARGEST_RECORD:
                raise ValueError('no TLS handshake')
            if len(records) - start < 5 + size:
                break
            self._message += records[start + 5:start + 5 + size]
            start += 5 + size
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
        size = _number(message[1:4])
        if size > _LARGEST_HELLO:
            raise ValueError('a ClientHello that is too large')
        if len(message) < 4 + size:
            return False
        self.server_name = _server_name(_Reader(message[4:4 + size]))
        return True


class _Reader(object):
    """Takes the parts of a message, in order."""

    __slots__ = ('_data', '_position')

    def __init__(self, data):
        self._data = data
        self._position = 0

    def __bool__(self):
        return self._position < len(self._data)

    __nonzero__ = __bool__  # Python 2's name for it

    def take(self, size):
        """Return the next *size* bytes (bytearray)."""
        data = self._data[self._position:self._position + size]
        if len(data) != size:
            raise ValueError('a ClientHello that is cut short')
        self._position += size
        return data

    def rest(self):
        """Return the remaining bytes (bytearray)."""
        return self.take(len(self._data) - self._position)

    def number(self, size):
        """Return the next number, of *size* bytes."""
        return _number(self.take(size))

    def vector(self, size):
        """Return a reader of the next vector, whose length has *size* bytes (RFC 8446 3.4)."""
        return _Reader(self.take(self.number(size)))


def _number(data):
    number = 0
    for byte in data:
        number = number << 8 | byte
    return number


def _server_name(hello):
    hello.take(2 + 32)  # legacy_version, random
    hello.vector(1)     # legacy_session_id
    hello.vector(2)     # cipher_suites
    hello.vector(1)     # legacy_compression_methods
    if not hello:
        return None
    names = []
    extensions = hello.vector(2)
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind == _SERVER_NAME:
            names.append(_host_name(content.vector(2)))
    if len(names) > 1:
        raise ValueError('a ClientHello with two lists of server names')
    return names[0] if names else None


def _host_name(entries):
    kind, name = entries.number(1), bytes(entries.vector(2).rest())
    if kind != _HOST_NAME or entries or not name or b'\0' in name:
        raise ValueError('a ClientHello with a bad server name')
    name = name.decode('ascii')  # a UnicodeDecodeError is a ValueError
    try:
        return name.encode('ascii').decode('idna')
    except (UnicodeError, IndexError):  # IndexError: 2.7's punycode raises it for some names
        return name  # RFC 3490 4.2: a name that cannot be decoded stays as it is
