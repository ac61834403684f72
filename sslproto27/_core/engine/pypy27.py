"""
PyPy 2.7: memory BIOs grafted onto the interpreter's own TLS object through cffi.

A cffi call releases the interpreter's lock, so a lock of our own keeps two threads from being
inside OpenSSL at the same time. It is reentrant, because a server name callback runs inside a
handshake.
"""
from __future__ import absolute_import, division, print_function

import threading

import _pypy_openssl
import cffi

from ..records import RECORD
from .libssl import ALIASES, FUNCTIONS, TYPEDEFS, Library, callback_types, guarded

__all__ = ['lib', 'BLANK', 'Cell', 'NULL', 'address', 'callback', 'fill', 'graft', 'memory',
           'new_bio', 'new_large_buffer', 'owner_of', 'prepared', 'read_records', 'store',
           'text_at', 'without_gil']

NULL = 0

ffi = cffi.FFI()
ffi.cdef(TYPEDEFS + FUNCTIONS
         + ''.join('ptr %s(ptr);' % alias for alias in ALIASES.values()))

_lock = threading.RLock()


def _declared(function, name, result, arguments):
    if result == 'text':
        return _returning_text(function)
    return _filling(function) if 'buf' in arguments else _locked(function)


def _locked(function):
    def call(*args):
        with _lock:
            return function(*args)
    return call


def _returning_text(function):
    def call(*args):
        with _lock:
            text = function(*args)
            return ffi.string(text) if text else None
    return call


def _filling(function):
    def call(handle, data, *args):
        with _lock:
            count = function(handle, data.place, *args)
        if count <= 0:
            data.give_back()
        return count
    return call


lib = Library(ffi.dlopen, _pypy_openssl.__file__, _declared)

_library = ffi.dlopen(_pypy_openssl.__file__)
_SSL_read, _BIO_ctrl_pending = _library.SSL_read, _library.BIO_ctrl_pending

_IN_MEMORY = lib.BIO_s_mem()


def new_bio(kind=_IN_MEMORY):
    """See the contract."""
    return lib.BIO_new(kind)


def without_gil(name):
    """See the contract: all calls release it here, but `_lock` still runs only one at a time."""


def prepared(handle):
    """See the contract: handles are numbers here, which are quick as they are."""
    return handle


_allocate = ffi.new_allocator(should_clear_after_alloc=False)

#: The size of a reusable buffer: 16 full records, encrypted.
_ROOM = 0x41000

#: Buffers that are free to reuse. Making a new one of 64 KiB takes as long as decrypting 20 KiB.
_spare = []


class _Buffer(object):
    """See the contract's ``BLANK``: slicing it, once, returns a copy."""

    def __init__(self, room):
        self.place = _allocate('char[]', room)
        self.unpacked = ffi.buffer(self.place)
        self.size = 0  # how many bytes are in use; 0 if it is free

    def __getslice__(self, start, end):
        size = self.size
        data = self.unpacked[start:end if end < size else size]
        self.give_back()
        return data

    def give_back(self):
        """Make it free to reuse; the caller must not use it any more."""
        if 0 < self.size <= _ROOM:
            self.size = 0
            _spare.append(self)


def new_large_buffer(size):
    """See the contract."""
    if size > _ROOM:
        data = _Buffer(size)
    else:
        try:
            # pop() is atomic, so each buffer has one user: another thread, or a signal handler that
            # runs between two steps of ours, does not find it any more.
            data = _spare.pop()
        except IndexError:
            data = _Buffer(_ROOM)
    data.size = size
    return data


class _Blank(object):
    """See the contract's ``BLANK``."""

    def __mul__(self, size):
        return new_large_buffer(size)


BLANK = _Blank()


def fill(function, handle, size):
    """See the contract."""
    data = new_large_buffer(size)
    count = function(handle, data, size)
    return data[:count] if count > 0 else b''


def read_records(handle, bio, received):
    """See the contract."""
    data = new_large_buffer(_ROOM)
    place, unpacked = data.place, data.unpacked
    start = end = 0
    while True:
        with _lock:
            count = _SSL_read(handle, place + end, RECORD)
            pending = _BIO_ctrl_pending(bio) if count > 0 else 0
        if count > 0:
            end += count
        if end > start and (count != RECORD or not pending or end > _ROOM - RECORD):
            received.append(unpacked[start:end])
            start = end
        if count <= 0 or not pending:
            data.give_back()
            return count > 0
        if end > _ROOM - RECORD:
            start = end = 0


class Cell(object):
    """See the contract."""

    def __init__(self):
        self._number = ffi.new('unsigned int *')
        self.argument = int(ffi.cast('uintptr_t', self._number))

    @property
    def value(self):
        """The number that OpenSSL has set."""
        return self._number[0]


def memory(handle, size):
    """See the contract."""
    return ffi.buffer(ffi.cast('char *', handle), size)[:]


def text_at(handle):
    """See the contract."""
    return ffi.string(ffi.cast('char *', handle)) if handle else None


def store(handle, data):
    """See the contract."""
    ffi.buffer(ffi.cast('char *', handle), len(data))[:] = data


def address(handle):
    """See the contract."""
    return handle


_callbacks = []  # never freed: OpenSSL keeps their addresses


def callback(name, function, failure=None):
    """See the contract."""
    result, arguments = callback_types(name)
    made = ffi.callback('%s(%s)' % (result, ', '.join(arguments)), guarded(function, failure),
                        error=failure)
    _callbacks.append(made)
    return int(ffi.cast('uintptr_t', made))


class _Dummy(object):
    """The socket that every native object is made with: without a descriptor, and never used."""

    def fileno(self):
        """Return a number that the native code puts into a BIO, which we replace later."""
        return -1

    def gettimeout(self):
        """Return 0: it does not block."""
        return 0.0


_DUMMY = _Dummy()


def graft(context, server_side, server_hostname, owner):
    """
    Return (native, ssl): the interpreter's own TLS object and its ``SSL *``.

    See `sslproto27._core.engine.cpython27.graft`. PyPy 7.3.3 has the pointer as an attribute.
    """
    native = context._wrap_socket(_DUMMY, server_side, server_hostname, ssl_sock=owner)
    return native, int(ffi.cast('uintptr_t', native.ssl))


def owner_of(handle):
    """See the contract: the native object is the application data of its ``SSL *``."""
    native = ffi.from_handle(ffi.cast('void *', lib.SSL_get_ex_data(handle, 0)))
    return native.owner or native.get_socket_or_None()
