"""`MemoryBIO` on 2.7: bytes between Python and OpenSSL. Nothing here knows of TLS."""
from __future__ import absolute_import, division, print_function

from .compat import as_bytes, to_index
from .engine import binding
from .errors import library_error, misuse_error
from .unique import Unique

__all__ = ['MemoryBIO']

lib, NULL, fill, new_bio = binding.lib, binding.NULL, binding.fill, binding.new_bio
BLANK, new_large_buffer = binding.BLANK, binding.new_large_buffer
BIO_read, BIO_write, BIO_ctrl_pending = lib.BIO_read, lib.BIO_write, lib.BIO_ctrl_pending

# BIO_s_mem(3): sets what a read of an empty BIO returns; the default is -1, 'try again'.
BIO_C_SET_BUF_MEM_EOF_RETURN = 130

#: Up to this many bytes, reading at once is quicker than first asking how many there are.
_FEW = 512

#: From this size on, getting an uncleared buffer is cheaper than clearing a small one.
LARGE = 12288

#: OpenSSL counts in int.
_LARGEST = 0x7fffffff


class MemoryBIO(Unique):
    """
    A buffer in memory between a program and a TLS object: Python 3.5's ssl.MemoryBIO.

    Bytes written at one end are read at the other, in order. The buffer lives as long as this
    object or a TLS object that uses it.

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
        self._had_few = True  # whether the last read found little: then the next one likely will
        return self

    # A leaf: it references nothing that could reference it, so it is never part of a cycle. The
    # function is a default argument so that it still exists while the interpreter shuts down.
    def __del__(self, _free=lib.BIO_free):
        _free(self._bio)

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
        if __size == -1 and self._had_few:  # without asking how many there are
            data = BLANK * _FEW
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
        data = BLANK * pending if pending < LARGE else new_large_buffer(pending)
        count = BIO_read(self._bio, data, pending)
        return data[:count] if count > 0 else b''

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
        size = len(data)
        if self._eof_written:
            raise misuse_error('cannot write() after write_eof()')
        if size > _LARGEST:
            raise OverflowError('data is longer than %d bytes' % _LARGEST)
        if BIO_write(self._bio, data, size) != size:
            raise library_error()
        return size

    def write_eof(self):
        """Declare that no more bytes will follow. A second call changes nothing."""
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
