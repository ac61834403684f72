"""`MemoryBIO` in plain Python, if OpenSSL's own is out of reach. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from ..compat import as_bytes, to_index
from ..errors import misuse_error
from ..unique import Unique

__all__ = ['MemoryBIO']

#: The limit of OpenSSL's own, which count in int.
_LARGEST = 0x7fffffff


class MemoryBIO(Unique):
    """
    A buffer in memory between a program and a TLS object: Python 3.5's ssl.MemoryBIO.

    Bytes written at one end are read at the other, in order.

    Attributes:
        pending (int): bytes that can be read now.
        eof (bool): EOF has been written and all bytes before it have been read.
    """

    __slots__ = ('_chunks', '_start', '_size', '_eof_written', '__weakref__')

    def __new__(cls):
        self = object.__new__(cls)
        self._chunks = []  # bytes, none of them empty
        self._start = 0    # how many bytes of the first chunk have been read
        self._size = 0     # unread bytes
        self._eof_written = False
        return self

    def read(self, __size=-1):  # two underscores: positional-only, PEP 484
        """
        Take bytes out.

        Args:
            size (int): the most bytes to take; all of them if negative or omitted.

        Returns:
            bytes: b'' if the buffer is empty, whether or not EOF has been written.

        Raises:
            TypeError, OverflowError: *size* is not an integer, or does not fit in C's.
        """
        size = -1 if __size == -1 else to_index(__size, 'size')
        if 0 <= size < self._size:
            return self._take(size)
        chunks = self._chunks
        if not chunks:
            return b''
        if self._start:
            chunks[0] = chunks[0][self._start:]
            self._start = 0
        data = chunks[0] if len(chunks) == 1 else b''.join(chunks)
        self._size = 0
        del chunks[:]
        return data

    def _take(self, size):
        """Take *size* bytes out; there must be more."""
        end = self._start + size
        if end > len(self._chunks[0]):
            self._join()
            end = size
        data = self._chunks[0][self._start:end]
        self._advance(size, end)
        return data

    def _advance(self, size, end):
        """Mark *size* bytes of the first chunk, up to *end*, as read."""
        self._size -= size
        if end == len(self._chunks[0]):
            del self._chunks[0]
            end = 0
        self._start = end

    def _join(self):
        """
        Join all chunks into one.

        This happens only if a read goes beyond the first chunk. Afterwards all bytes are in the
        first one, so each byte is copied a limited number of times, however it was written.
        """
        self._chunks[0] = self._chunks[0][self._start:]
        self._chunks[:] = [b''.join(self._chunks)]
        self._start = 0

    def write(self, data):
        """
        Put bytes in.

        Args:
            data: any contiguous buffer.

        Returns:
            int: the length of *data* in bytes: all of it is taken.

        Raises:
            TypeError: *data* is text or not a buffer.
            BufferError: *data* is a buffer with gaps.
            OverflowError: *data* is longer than 2 GiB.
            ssl.SSLError: EOF has been written already.
        """
        if data.__class__ is not bytes:
            data = as_bytes(data, 'data')
        if self._eof_written:
            raise misuse_error('cannot write() after write_eof()')
        if len(data) > _LARGEST:
            raise OverflowError('data is longer than %d bytes' % _LARGEST)
        return self._put(data)

    def _put(self, data):
        """Put the bytes *data* in, even after EOF has been written; return how many."""
        size = len(data)
        if size:
            self._chunks.append(data)
            self._size += size
        return size

    def _put_back(self, data):
        """Put the bytes *data* back at the front."""
        if data:
            if self._start:
                self._join()
            self._chunks.insert(0, data)
            self._size += len(data)

    def write_eof(self):
        """Declare that no more bytes will follow. A second call changes nothing."""
        self._eof_written = True

    @property
    def pending(self):
        """Bytes that can be read now."""
        return self._size

    @property
    def eof(self):
        """True once EOF has been written and all bytes before it have been read."""
        return self._eof_written and not self._size
