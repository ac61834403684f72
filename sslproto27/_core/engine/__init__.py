"""
The one door to the interpreter's TLS library: a binding for each interpreter behind one contract.

On Python 3 the standard library has it all, and `cpython3` passes its classes through. On 2.7 the
binding is a module of these names, on which MemoryBIO, SSLObject and the rest are built:

``lib``
    OpenSSL's functions, as `libssl` declares them, of the very library that ``_ssl`` uses. Handles
    are opaque; a null handle is false. No two threads are ever inside of it together.
``freely(name)``
    The function *name* of `lib`, but for the interpreter's lock, which it gives away while it runs:
    nobody else may use what it uses. None where there is nothing to be gained by that.
``prepared(handle)``
    A handle that is not null in the form that is quickest to pass, for those that are kept.
``new_bio(kind)``
    A BIO, as `prepared` would have it; null where there is no memory for it. Without *kind*, of
    which `lib` has the functions, one in memory, BIO_s_mem(3).
``NULL``
    The null pointer, as an argument.
``fill(function, handle, size)``
    Call ``function(handle, buffer, size)``; return the bytes that it put there, b'' for none.
``BLANK``
    ``BLANK * size`` is memory for OpenSSL to fill, of at least 2 bytes; ``buffer[:count]`` is what
    it put there, to be taken once, or never where a call has put nothing there.
``new_large_buffer(size)``
    The same, quicker where *size* is many kilobytes.
``read_records(ssl, bio, received)``
    Append to the list *received* what SSL_read decrypts of the memory BIO *bio*, full records in a
    row as one item; return whether all was there. None where `sslobject` itself is quicker.
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

Where the library cannot be reached, there is `pair` instead: sockets through which the
interpreter's own TLS objects are fed, on which `pair.sslobject` and the rest are built. `NAME`
says which is in use, and `REASON` why. Then, importing what needs the binding works, and the first
use of any of its names raises `EngineUnavailable`.

The environment variable SSLPROTO27_ENGINE, ``graft`` or ``pair``, forces one of the two on 2.7. On
Python 3 there is nothing to choose, and it means nothing.
"""
from __future__ import absolute_import, division, print_function

import os
import ssl

from ..compat import PY2, PYPY
from .libssl import EngineUnavailable

__all__ = ['NAME', 'REASON', 'EngineUnavailable', 'binding']

_VARIABLE = 'SSLPROTO27_ENGINE'


class Unavailable(object):
    """Stands in for a binding that could not be made: whatever is called raises the reason."""

    def __init__(self, reason):
        self._reason = reason

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        raise EngineUnavailable(self._reason)


def _choose():
    """Return (name, reason, binding): see `NAME`; without a binding, what stands in for it."""
    if not PY2:
        return 'stdlib', "Python 3's ssl has it all", None
    if not hasattr(ssl, 'SSLContext'):
        raise ImportError('sslproto27 needs an ssl module with SSLContext: that of Python 2.7.9 or'
                          ' later, or an earlier one with PEP 466')
    forced = os.environ.get(_VARIABLE)
    if forced not in (None, '', 'graft', 'pair'):
        raise ValueError("%s must be 'graft' or 'pair', not %r" % (_VARIABLE, forced))
    if forced == 'pair':
        reason = '%s asks for it' % _VARIABLE
        return 'pair', reason, Unavailable('sslproto27 does not call OpenSSL: ' + reason)
    try:
        binding = _load()
    except (EngineUnavailable, ImportError, MemoryError) as error:
        # MemoryError: of ctypes where no memory may be written to and run (SELinux, PaX).
        reason = str(error) or type(error).__name__
        return 'graft' if forced else 'pair', reason, Unavailable(reason)
    return 'graft', "OpenSSL's functions can be reached", binding


def _load():
    if PYPY:
        from . import pypy27 as module
    else:
        from . import cpython27 as module
    return module


#: 'graft', 'pair', or 'stdlib' on Python 3; and why.
NAME, REASON, binding = _choose()
