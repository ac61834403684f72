"""
Finds TLS records and plaintext handshake messages in bytes: RFC 8446 4, 5.1; RFC 5246 6.2, 7.4.

Nothing here decrypts or validates: it only finds where records and messages end.
"""
from __future__ import absolute_import, division, print_function

import struct

__all__ = ['ALERT', 'APPLICATION_DATA', 'HANDSHAKE', 'HEADER_SIZE', 'RECORD', 'CertificateReader',
           'ServerNameReader', 'fatal_alert', 'frame_size', 'kind_and_size', 'number',
           'server_name']

# Content types, RFC 8446 B.1. 24 is RFC 6520's heartbeat.
CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA, HEARTBEAT = 20, 21, 22, 23, 24

#: Bytes of a record before its content (RFC 8446 5.1).
HEADER_SIZE = 5

#: The most plaintext in a record, and so the most that one SSL_read returns (RFC 8446 5.1).
RECORD = 16384

#: The largest length that a record's header may announce: 2 ** 14 plus what encryption may add,
#: RFC 5246 6.2.3. OpenSSL's own limit is lower; OpenSSL itself refuses records above that.
_LARGEST = RECORD + 2048

_header = struct.Struct('>BBBH').unpack_from

# Handshake messages, RFC 5246 7.4
_CLIENT_HELLO, _CERTIFICATE = 1, 11
_MESSAGE_HEADER = 4

# RFC 6066 3
_SERVER_NAME, _HOST_NAME = 0, 0

#: We search this much of a handshake for a certificate: OpenSSL accepts messages of up to 100 KiB,
#: and the hellos come before.
_MOST_HANDSHAKE = 256 * 1024


def kind_and_size(data, start=0):
    """
    Return (content type, size with its header) of the record that begins at data[start].

    Args:
        data (bytes or buffer): at least `HEADER_SIZE` bytes of it.

    Returns:
        (int, int); (0, 0) if it is not a TLS record: leave it to OpenSSL to say what is wrong.
    """
    kind, major, _, length = _header(data, start)
    if major == 3 and CHANGE_CIPHER_SPEC <= kind <= HEARTBEAT and length <= _LARGEST:
        return kind, length + HEADER_SIZE
    return 0, 0


def frame_size(data, is_first):
    """
    Return the size of the record that begins with *data*, `HEADER_SIZE` bytes; 0 if not a record.

    Args:
        is_first (bool): whether it is the first record that a server gets. It may be an SSLv2
            ClientHello (RFC 5246 E.2): two bytes of length, the first with its highest bit set,
            then 1.
    """
    size = kind_and_size(data)[1]
    if not size and is_first:
        first, second, message = bytearray(data[:3])
        if first & 0x80 and message == 1:
            size = max(((first & 0x7F) << 8 | second) + 2, HEADER_SIZE)
    return size


def fatal_alert(description, version):
    """Return a plaintext record with a fatal alert; *version* is the two bytes of its header."""
    return struct.pack('>B2sHBB', ALERT, version, 2, 2, description)


class _MessageReader(object):
    """
    Finds the first handshake message of one type in the records of one side (RFC 5246 7.4).

    Attributes:
        version (bytes): two bytes from the header of the newest record.
        over (bool): whether the message has been found, or cannot come any more.
    """

    __slots__ = ('version', '_messages', 'over')

    def __init__(self):
        self.version = b'\3\3'
        self._messages = bytearray()
        self.over = False

    def feed(self, record):
        """Look at a whole record before it goes to OpenSSL."""
        self.version = bytes(record[1:3])
        if self.over or len(record) == HEADER_SIZE:  # OpenSSL ignores empty records, of any type
            return
        kind = ord(record[:1])
        if kind != HANDSHAKE:
            self.over = kind == CHANGE_CIPHER_SPEC or kind == APPLICATION_DATA
            return
        self._messages += record[HEADER_SIZE:]
        self._read()
        if len(self._messages) > _MOST_HANDSHAKE:
            self.over = True
        if self.over:
            self._messages = None

    def _read(self):
        messages = self._messages
        while len(messages) >= _MESSAGE_HEADER:
            end = _MESSAGE_HEADER + number(messages[1:_MESSAGE_HEADER])
            if end > len(messages):
                return
            if messages[0] == self._TYPE:
                self.over = True
                self._take(messages[_MESSAGE_HEADER:end])
                return
            del messages[:end]


class CertificateReader(_MessageReader):
    """
    Finds the server's certificate in the records of its handshake, up to TLS 1.2 (RFC 5246 7.4.2).

    It does not find it in TLS 1.3, which encrypts it.

    Attributes:
        certificate (bytes or None): the server's own, in DER.
    """

    __slots__ = ('certificate',)

    _TYPE = _CERTIFICATE

    def __init__(self):
        super(CertificateReader, self).__init__()
        self.certificate = None

    def _take(self, message):
        self.certificate = _first_certificate(message)


class ServerNameReader(_MessageReader):
    """
    Finds the name of the server that a client asks for, in a ClientHello (RFC 6066 3).

    Attributes:
        name (bytes or None): as it was sent.
    """

    __slots__ = ('name',)

    _TYPE = _CLIENT_HELLO

    def __init__(self):
        super(ServerNameReader, self).__init__()
        self.name = None

    def _take(self, message):
        try:
            self.name = server_name(message)
        except ValueError:  # OpenSSL refuses such a ClientHello
            pass


def _first_certificate(message):
    """Return the first certificate of a Certificate message; b'' if there is none."""
    if len(message) < 6:
        return b''
    return bytes(message[6:6 + number(message[3:6])])


def number(data):
    """Return the number that *data* (bytearray) is, its first byte the highest."""
    found = 0
    for byte in data:
        found = found << 8 | byte
    return found


class _Fields(object):
    """Takes the fields of a message, in order; a ValueError if the message is truncated."""

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
        return number(self.take(size))

    def vector(self, size):
        """Return the fields of the next vector, whose length has *size* bytes (RFC 8446 3.4)."""
        return _Fields(self.take(self.number(size)))


def server_name(message):
    """
    Return the server name (bytes) in a ClientHello, as it was sent; None if it has none.

    Args:
        message (bytearray): RFC 8446 4.1.2, without the header of handshake messages.

    Raises:
        ValueError: the message is malformed, or has a name that no client may send (RFC 6066 3).
    """
    hello = _Fields(message)
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
    return name
