"""Differences between Python 2 and 3. Nothing here does TLS."""
from __future__ import absolute_import, division, print_function

import io
import platform
import sys
from _ssl import _SSLContext as NativeContext  # even if ssl.SSLContext is patched

__all__ = ['NativeContext', 'PY2', 'PYPY', 'ResourceWarning', 'as_bytes', 'text_type', 'to_index',
           'to_native', 'writable_view']

PY2 = sys.version_info[0] == 2
PYPY = platform.python_implementation() == 'PyPy'

text_type = type(u'')

#: Python 3 ignores this warning by default. 2.7 has no such class, so there the warning is shown.
ResourceWarning = RuntimeWarning if PY2 else ResourceWarning

#: The older buffer protocol, the only one that array.array and mmap support on Python 2.
memory_of = buffer if PY2 else memoryview


def to_native(text):
    """Return *text*, bytes or ASCII text, as this Python's own ``str``."""
    if isinstance(text, str):
        return text
    return text.encode('ascii') if PY2 else text.decode('ascii')


def as_bytes(data, name):
    """
    Return *data*, any C-contiguous buffer, as bytes that can no longer change.

    Raises:
        TypeError: *data*, the argument called *name*, is text or not a buffer.
        BufferError: it is a buffer with gaps.
    """
    if isinstance(data, bytes):
        return data
    if isinstance(data, text_type):
        raise TypeError('%s must be bytes-like, not text' % name)
    try:
        view = memoryview(data)
    except TypeError:
        return _old_buffer(data, name)
    if view.ndim and view.strides and view.strides[-1] != view.itemsize:
        raise BufferError('%s must be a contiguous buffer' % name)
    return view.tobytes()


def _old_buffer(data, name):
    try:
        return bytes(memory_of(data))
    except TypeError:
        raise TypeError('%s must be bytes-like, not %s' % (name, type(data).__name__))


def to_index(number, name):
    """
    Return *number*, the argument called *name*, as an int.

    Raises:
        TypeError: it is not an integer.
        OverflowError: it does not fit in a C integer.
    """
    if not hasattr(number, '__index__'):
        raise TypeError('%s must be an integer, not %s' % (name, type(number).__name__))
    number = number.__index__()
    if not -sys.maxsize - 1 <= number <= sys.maxsize:
        raise OverflowError('%s is too large' % name)
    return number


def in_utf8(password):
    """Return load_cert_chain's *password* with text encoded in UTF-8; 2.7 would use ASCII."""
    if callable(password):
        return lambda: in_utf8(password())
    return password.encode('utf-8') if isinstance(password, text_type) else password


def writable_view(buffer, name):
    """
    Return a view of *buffer*, on 2.7, in which you can set a slice from the start to bytes.

    Raises:
        TypeError: *buffer*, the argument called *name*, is read-only or not a buffer.
    """
    try:
        view = memoryview(buffer)
        if not view.readonly and view.itemsize == 1:
            return view
    except TypeError:
        pass
    if isinstance(buffer, memoryview):
        raise _not_writable(buffer, name)
    return _OldView(buffer, name)


class _OldView(object):
    """A view of an object such as array.array, which has only Python 2's older buffer protocol."""

    def __init__(self, buffer, name):
        try:
            self._size = len(memory_of(buffer))
            io.BytesIO(b'').readinto(buffer)  # writes nothing; raises if read-only
        except TypeError:
            raise _not_writable(buffer, name)
        self._buffer = buffer

    def __len__(self):
        return self._size

    def __setitem__(self, _, data):
        io.BytesIO(data).readinto(self._buffer)


def _not_writable(buffer, name):
    return TypeError('%s must be a writable buffer of bytes, not %s'
                     % (name, type(buffer).__name__))
