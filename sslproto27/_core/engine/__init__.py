"""
The one door to the interpreter's TLS library: a binding for each interpreter behind one contract.

On Python 3 the standard library has it all, and `cpython3` passes its classes through. On 2.7 the
binding is a module of these names, on which MemoryBIO, SSLObject and the rest are built:

``lib``
    OpenSSL's functions, as `libssl` declares them, of the very library that ``_ssl`` uses. Handles
    are opaque; a null handle is false. No two threads are ever inside of it together.
``prepared(handle)``
    A handle that is not null in the form that is quickest to pass, for those that are kept.
``new_bio()``
    A memory BIO, BIO_s_mem(3), as `prepared` would have it; null where there is no memory for it.
``NULL``
    The null pointer, as an argument.
``fill(function, handle, size)``
    Call ``function(handle, buffer, size)``; return the bytes that it put there, b'' for none.
``new_buffer(size)``
    Memory for OpenSSL to fill, of at least 2 bytes; ``buffer[:count]`` is what it put there.
``new_large_buffer(size)``
    The same, quicker where *size* is many kilobytes.
``Cell()``
    An unsigned int for OpenSSL to set: pass ``cell.argument``, read ``cell.value``.
``memory(handle, size)``
    A copy of *size* bytes at *handle*.
``text_at(handle)``
    A copy of the NUL-terminated string at *handle*; None for a null one.
``store(handle, data)``
    Put the bytes *data* at *handle*, where OpenSSL has room for them.
``address(handle)``
    A handle, `prepared` or not, as a number: what is the same has the same.
``callback(name, function, failure)``
    The Python *function* as an argument that lets OpenSSL call it; of the type that `libssl` gives
    *name*. It lives as long as the process. Its own handles are as OpenSSL's results; an exception
    is reported on stderr, and *failure* returned to OpenSSL.
``graft(context, server_side, server_hostname, owner)``
    The interpreter's own TLS object of *context*, and its ``SSL *``.
``owner_of(handle)``
    The *owner* of what `graft` has made, or the ssl.SSLSocket, whose ``SSL *`` a callback was
    handed; None if it is gone.

Where the library cannot be reached, importing works and the first use of any of these raises
`EngineUnavailable` with the reason.
"""
from __future__ import absolute_import, division, print_function

from ..compat import PY2, PYPY
from .libssl import EngineUnavailable

__all__ = ['EngineUnavailable', 'binding']


class Unavailable(object):
    """Stands in for a binding that could not be made: whatever is called raises the reason."""

    def __init__(self, reason):
        self._reason = reason

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        raise EngineUnavailable(self._reason)


def _load():
    if not PY2:
        return None
    try:
        if PYPY:
            from . import pypy27 as module
        else:
            from . import cpython27 as module
    except EngineUnavailable as error:
        return Unavailable(str(error))
    return module


binding = _load()
