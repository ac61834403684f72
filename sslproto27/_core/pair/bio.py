"""`MemoryBIO` where OpenSSL's own cannot be reached: plain Python. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from ..compat import as_bytes, to_index
from ..errors import misuse_error
from ..unique import Unique

__all__ = ['MemoryBIO']

#: As much as OpenSSL's own, which count in int, can hold.
_LARGEST = 0x7fffffff


class MemoryBIO(Unique):
    """
    A buffer in memory between a program and a TLS object: Python 3.5's ssl.MemoryBIO.

    What is written at one end is read at the other, in order.

    Attributes:
        pending (int): bytes that can be read now.
        eof (bool): EOF has been written and all bytes before it have been read.
    """

    __slots__ = ('_chunks', '_start', '_size', '_eof_written', '__weakref__')

    def __new__(cls):
        self = object.__new__(cls)
        self._chunks = []  # bytes, none of them empty
        self._start = 0    # how many of the first one's have been read
        self._size = 0     # bytes that are left
        self._eof_written = False
        return self

    def read(self, __size=-1):  # two underscores: by position alone, PEP 484
        """
        Take bytes out.

        Args:
            size (int): how many at most; all there are if it is negative or left out.

        Returns:
            bytes: b'' when nothing is there, whether or not EOF has been written.

        Raises:
            TypeError, OverflowError: *size* is not an integer, or too large for any.
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
        """Take *size* bytes out, fewer than there are."""
        end = self._start + size
        if end > len(self._chunks[0]):
            self._join()
            end = size
        data = self._chunks[0][self._start:end]
        self._advance(size, end)
        return data

    def _advance(self, size, end):
        """Take note that *size* bytes of the first chunk, up to *end*, have been taken."""
        self._size -= size
        if end == len(self._chunks[0]):
            del self._chunks[0]
            end = 0
        self._start = end

    def _join(self):
        """
        Make all there is one chunk.

        Done only where the first is used up, and all that comes with it is then the first: each
        byte is copied a limited number of times, however it was written.
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
            int: its length in bytes: all of it is taken.

        Raises:
            TypeError: *data* is text or no buffer.
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
        """Put the bytes *data* in, whether or not EOF has been written; return how many."""
        size = len(data)
        if size:
            self._chunks.append(data)
            self._size += size
        return size

    def _put_back(self, data):
        """Put the bytes *data* in front of all that is there."""
        if data:
            if self._start:
                self._join()
            self._chunks.insert(0, data)
            self._size += len(data)

    def write_eof(self):
        """Say that no bytes will follow. Doing so again changes nothing."""
        self._eof_written = True

    @property
    def pending(self):
        """Bytes that can be read now."""
        return self._size

    @property
    def eof(self):
        """True once EOF has been written and all bytes before it have been read."""
        return self._eof_written and not self._size
