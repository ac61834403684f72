"""
PyPy 2.7: memory BIOs grafted onto the interpreter's own TLS object through cffi.

A cffi call gives the interpreter's lock away, so a lock of our own keeps two threads from being
inside of OpenSSL together. It is reentrant: a server name callback runs inside of a handshake.
"""
from __future__ import absolute_import, division, print_function

import threading

import _pypy_openssl
import cffi

from .libssl import ALIASES, FUNCTIONS, TYPEDEFS, Library, callback_types, guarded

__all__ = ['lib', 'NULL', 'Cell', 'address', 'callback', 'fill', 'freely', 'graft', 'memory',
           'new_bio', 'new_buffer', 'new_large_buffer', 'owner_of', 'prepared', 'store', 'text_at']

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
            return function(handle, ffi.from_buffer(data), *args)
    return call


lib = Library(ffi.dlopen, _pypy_openssl.__file__, _declared)

_IN_MEMORY = lib.BIO_s_mem()


def new_bio(kind=_IN_MEMORY):
    """See the contract."""
    return lib.BIO_new(kind)


def freely(name):
    """See the contract: all of them do so here, and `_lock` lets no two run at once."""


def prepared(handle):
    """See the contract: here they are numbers, and quick as they are."""
    return handle


_allocate = ffi.new_allocator(should_clear_after_alloc=False)


def new_buffer(size):
    """See the contract."""
    return ffi.buffer(_allocate('char[]', size))


new_large_buffer = new_buffer


def fill(function, handle, size):
    """See the contract."""
    data = new_buffer(size)
    count = function(handle, data, size)
    return data[:count] if count > 0 else b''


class Cell(object):
    """See the contract."""

    def __init__(self):
        self._number = ffi.new('unsigned int *')
        self.argument = int(ffi.cast('uintptr_t', self._number))

    @property
    def value(self):
        """What OpenSSL has put there."""
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
    """The socket that every native object is made with: no descriptor, and it carries nothing."""

    def fileno(self):
        """Return what the native code puts into a BIO that `graft` replaces."""
        return -1

    def gettimeout(self):
        """Return that it does not block."""
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
