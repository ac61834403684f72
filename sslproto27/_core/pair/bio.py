"""`MemoryBIO` in plain Python, if OpenSSL's own is out of reach. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from collections import deque

from ..compat import as_bytes, to_index
from ..errors import misuse_error
from ..unique import Unique

__all__ = ['MemoryBIO']

#: The limit of OpenSSL's own, which count in int.
_LARGEST = 0x7fffffff


class MemoryBIO(Unique):
    """
    A buffer in memory between a program and a TLS object; its methods are those of `_core.bio`.

    One thread may write while another one reads: both change `_chunks` in single steps of the
    interpreter.
    """

    __slots__ = ('_chunks', '_written', '_read', '_eof_written', '__weakref__')

    def __new__(cls):
        self = object.__new__(cls)
        # (number of its last byte, counted from the first ever written; bytes, which are not empty,
        # or a buffer of what is left of them)
        self._chunks = deque()
        self._written = 0  # how many bytes ever; only who writes uses this,
        self._read = 0     # and this only who reads
        self._eof_written = False
        return self

    def read(self, __size=-1):  # two underscores: positional-only, PEP 484
        """Take at most *size* bytes out, or all of them."""
        size = -1 if __size == -1 else to_index(__size, 'size')
        chunks, pieces = self._chunks, []
        try:
            if size < 0 and len(chunks) == 1:
                return bytes(self._take())
            while chunks and size:
                room = len(chunks[0][1])
                if 0 < size < room:
                    pieces.append(self._take(size))
                    break
                pieces.append(self._take())
                if size > 0:
                    size -= room
        except IndexError:  # another thread has read the last one
            pass
        return b''.join(map(bytes, pieces))

    def _take(self, size=0):
        """Take *size* bytes, fewer than it has, out of the first chunk, or all of it; return it."""
        if not size:
            self._read, data = self._chunks.popleft()
            return data
        end, data = self._chunks[0]
        self._chunks[0] = end, buffer(data, size)  # noqa: F821: of 2.7
        self._read = end - len(data) + size
        return buffer(data, 0, size)  # noqa: F821

    def write(self, data):
        """Put bytes in; return how many."""
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
            self._written += size
            self._chunks.append((self._written, data))
        return size

    def _put_back(self, data):
        """Put the bytes *data* back at the front."""
        if data:
            self._chunks.appendleft((self._read, data))
            self._read -= len(data)

    def write_eof(self):
        """Declare that no more bytes will follow. A second call changes nothing."""
        self._eof_written = True

    @property
    def pending(self):
        """Bytes that can be read now."""
        try:
            last = self._chunks[-1][0]
            end, first = self._chunks[0]
        except IndexError:
            return 0
        return max(last - end + len(first), 0)  # another thread may have gone on meanwhile

    @property
    def eof(self):
        """True once EOF has been written and all bytes before it have been read."""
        return self._eof_written and not self._chunks
