"""`MemoryBIO` on 2.7: bytes between Python and OpenSSL. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from .compat import as_bytes, to_index
from .engine import binding
from .errors import library_error, misuse_error
from .unique import Unique

__all__ = ['MemoryBIO']

lib, NULL, fill, new_bio = binding.lib, binding.NULL, binding.fill, binding.new_bio
new_buffer, new_large_buffer = binding.new_buffer, binding.new_large_buffer
BIO_read, BIO_write, BIO_ctrl_pending = lib.BIO_read, lib.BIO_write, lib.BIO_ctrl_pending

# BIO_s_mem(3): what a read of an empty BIO returns: -1, 'try again', unless set.
BIO_C_SET_BUF_MEM_EOF_RETURN = 130

#: Up to how many bytes it is quicker to take what there is than to ask how many there are.
_FEW = 512

#: Where clearing a buffer starts to cost more than asking for one that is not cleared.
LARGE = 12288

#: OpenSSL counts in int; nothing that fits in a memory BIO comes near.
_LARGEST = 0x7fffffff


class MemoryBIO(Unique):
    """
    A buffer in memory between a program and a TLS object: Python 3.5's ssl.MemoryBIO.

    What is written at one end is read at the other, in order. It lives for as long as this object
    or a TLS object that uses it.

    Attributes:
        pending (int): bytes that can be read now.
        eof (bool): EOF has been written and all bytes before it have been read.
    """

    __slots__ = ('_bio', '_eof_written', '_had_few', '__weakref__')

    def __new__(cls):
        bio = new_bio()
        if not bio:
            raise library_error()
        self = object.__new__(cls)
        self._bio = bio
        self._eof_written = False
        self._had_few = True  # whether the last read found little: the next one will
        return self

    # A leaf: it refers to nothing that could refer back, so it is never part of a cycle. The
    # function is a default so that it is still there while the interpreter shuts down.
    def __del__(self, _free=lib.BIO_free):
        _free(self._bio)

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
        if __size == -1 and self._had_few:  # without asking how many there are
            data = new_buffer(_FEW)
            count = BIO_read(self._bio, data, _FEW)
            if count < _FEW:
                return data[:count] if count > 0 else b''
            self._had_few = False
            return data[:] + self.read()
        pending = BIO_ctrl_pending(self._bio)
        if __size != -1:
            size = to_index(__size, 'size')
            if 0 <= size < pending:
                pending = size
        self._had_few = pending < _FEW
        if pending < 2:
            return fill(BIO_read, self._bio, pending) if pending else b''
        data = new_buffer(pending) if pending < LARGE else new_large_buffer(pending)
        count = BIO_read(self._bio, data, pending)
        return data[:count] if count > 0 else b''

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
        size = len(data)
        if self._eof_written:
            raise misuse_error('cannot write() after write_eof()')
        if size > _LARGEST:
            raise OverflowError('data is longer than %d bytes' % _LARGEST)
        if BIO_write(self._bio, data, size) != size:
            raise library_error()
        return size

    def write_eof(self):
        """Say that no bytes will follow. Doing so again changes nothing."""
        lib.BIO_ctrl(self._bio, BIO_C_SET_BUF_MEM_EOF_RETURN, 0, NULL)
        self._eof_written = True

    @property
    def pending(self):
        """Bytes that can be read now."""
        return BIO_ctrl_pending(self._bio)

    @property
    def eof(self):
        """True once EOF has been written and all bytes before it have been read."""
        return self._eof_written and not BIO_ctrl_pending(self._bio)
