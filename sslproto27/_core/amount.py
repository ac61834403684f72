"""How much a blocking TLS connection reads from the socket below at a time."""
from __future__ import absolute_import, division, print_function

from .records import HEADER_SIZE

__all__ = ['LEAST_READ', 'MANY', 'OneRecord', 'ReadAhead', 'Records']

#: How many bytes we read from below at a time. The number doubles if a read filled it, and halves
#: after two small reads in a row (one alone may be the end of a message). Programs like to read 64
#: KiB at once: with 96 KiB they need no second piece. With 256 KiB the heap shrinks and grows again
#: for each read: 3,000 page faults in a download of 8 MiB, none with 96 (observed on 2.7.18 with
#: glibc 2.36).
LEAST_READ, _MOST_READ = 0x4000, 0x18000

#: A caller with room for this many bytes gets several records in one call. httplib has less room
#: when it reads the head of an answer: the data after it must not end in httplib's buffer, in case
#: the program takes over the connection.
MANY = 0x8000

#: A record whose content is no longer than this may be an alert: two bytes, plus the overhead of
#: TLS 1.2's suites (RFC 5246 6.2.3.2).
_SHORT = 0x100

#: How much longer a record of TLS 1.3 is than its plaintext: header, type and tag.
_OVERHEAD = 22


class ReadAhead(object):
    """Reads as much as there is."""

    __slots__ = ('_size', '_was_little')

    def __init__(self):
        self._size = LEAST_READ
        self._was_little = False

    def wanted(self, size):
        """Return how many bytes to read for a caller that waits for *size* bytes of plaintext."""
        return self._size

    def count(self, data):
        """Adapt to *data*, the result of the last read."""
        size = self._size
        if len(data) == size:
            self._size = min(2 * size, _MOST_READ)
        elif len(data) < size // 4 and size > LEAST_READ:
            if self._was_little:
                self._size = max(size // 2, LEAST_READ)
            self._was_little = not self._was_little
            return
        self._was_little = False


class Records(object):
    """
    Reads no further than the end of a record, like OpenSSL on its own socket.

    Args:
        whole (bool): if the caller has room for them, read several records and the beginning of the
            next. The caller gets all plaintext of the complete ones at once, and the rest of the
            next is still to come. So the socket below stays readable as long as there is more
            data, as with OpenSSL.
    """

    __slots__ = ('_whole', '_header', '_length', '_left')

    def __init__(self, whole):
        self._whole = whole
        self._header = b''  # the part of an incomplete header that has arrived
        self._length = 0    # of the content of the current record
        self._left = 0      # how many bytes of that have not arrived

    def wanted(self, size):
        """Return how many bytes to read for a caller that waits for *size* bytes of plaintext."""
        left = self._left
        if not self._whole:
            return left or HEADER_SIZE - len(self._header)
        # However TLS has split so many bytes into records, they carry no more than *size*: a record
        # holds at most 16 KiB, and adds 22 bytes (21 with one suite of TLS 1.2).
        most = size + (size + 0x3FFF >> 14) * _OVERHEAD if size >= MANY else 0
        if left:
            return max(left + HEADER_SIZE, most - self._length + left - HEADER_SIZE)
        return max(HEADER_SIZE, most) - len(self._header)

    def count(self, data):
        """Follow the records in *data*, the result of the last read."""
        size = len(data)
        position = self._left
        header = self._header
        while position < size:
            missing = HEADER_SIZE - len(header)
            header += data[position:position + missing]
            position += missing
            if len(header) < HEADER_SIZE:
                break
            numbers = bytearray(header)
            self._length = numbers[3] << 8 | numbers[4]
            position += self._length
            header = b''
        self._header = header
        self._left = 0 if header else position - size


class OneRecord(Records):
    """
    Reads a record and, if it is long, the next one's header: this halves the calls of bulk reads.

    So the socket below is readable whenever there is unread data, the peer's close_notify included.
    And because close_notify is short, we never read plaintext that may follow it.
    """

    __slots__ = ()

    def __init__(self):
        super(OneRecord, self).__init__(whole=False)

    def wanted(self, size=0):
        """Return how many bytes to read, however much room the caller has."""
        left = self._left
        if left and self._length > _SHORT:
            return left + HEADER_SIZE
        return left or HEADER_SIZE - len(self._header)
