"""Python 2 or 3, and what follows from it. Nothing here does TLS."""
from __future__ import absolute_import, division, print_function

import ctypes
import platform
import sys
from _ssl import _SSLContext as NativeContext  # of every context, whoever patches ssl.SSLContext

__all__ = ['NativeContext', 'PY2', 'PYPY', 'ResourceWarning', 'as_bytes', 'text_type', 'to_index',
           'to_native', 'writable_view']

PY2 = sys.version_info[0] == 2
PYPY = platform.python_implementation() == 'PyPy'

text_type = type(u'')

#: Python 3 ignores these unless asked; 2.7 has no such class, and shows what it does not know.
ResourceWarning = RuntimeWarning if PY2 else ResourceWarning

#: The older buffer protocol, which array.array and mmap know alone on Python 2.
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
        TypeError: *data*, the argument called *name*, is text or no buffer.
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
        TypeError: it is no integer.
        OverflowError: it is beyond what C can count.
    """
    if not hasattr(number, '__index__'):
        raise TypeError('%s must be an integer, not %s' % (name, type(number).__name__))
    number = number.__index__()
    if not -sys.maxsize - 1 <= number <= sys.maxsize:
        raise OverflowError('%s is too large' % name)
    return number


def writable_view(buffer, name):
    """
    Return a view of *buffer*, on 2.7, whose slices can be set to bytes.

    Raises:
        TypeError: *buffer*, the argument called *name*, is read-only or no buffer.
    """
    try:
        if isinstance(buffer, memoryview):
            if not buffer.readonly and buffer.itemsize == 1:
                return buffer
        else:
            # Python 2's older protocol: array.array has no other, and counts in bytes.
            size = len(memory_of(buffer))
            return (ctypes.c_char * size).from_buffer(buffer)
    except TypeError:
        pass
    raise TypeError('%s must be a writable buffer of bytes, not %s' % (name, type(buffer).__name__))
