"""
The only access to the interpreter's TLS library: a binding for each interpreter, one interface.

Python 3's standard library has everything, and `cpython3` passes its classes through. On 2.7 the
binding is a module with the following names; MemoryBIO, SSLObject and the rest are built on them.

``lib``
    OpenSSL's functions, as `libssl` declares them, from the very library that ``_ssl`` uses.
    Handles are opaque; a null handle is false. Two threads are never inside it at the same time.
``without_gil(name)``
    The function *name* of `lib`, but it releases the interpreter's lock while it runs: during the
    call, no other thread may use the same objects. None if that would gain nothing.
``prepared(handle)``
    A non-null handle in the form that is quickest to pass, for handles that are kept.
``new_bio(kind)``
    A new BIO, in the form of `prepared`; null if there is no memory for it. *kind* is a result of
    `lib`; without it, the BIO is in memory, BIO_s_mem(3).
``NULL``
    The null pointer, as an argument.
``fill(function, handle, size)``
    Call ``function(handle, buffer, size)``; return the bytes that it put into the buffer, or b''.
``BLANK``
    ``BLANK * size`` is a buffer for OpenSSL to fill, of at least 2 bytes. ``buffer[:count]`` is the
    data; take it once, or never if a call has put nothing there.
``new_large_buffer(size)``
    The same, quicker if *size* is many kilobytes.
``read_records(ssl, bio, received)``
    Decrypt the data in the memory BIO *bio* by SSL_read, and append it to the list *received*, full
    records in a row as one item; return whether the last record was complete. None if `sslobject`
    itself is quicker.
``Cell()``
    An unsigned int for OpenSSL to set: pass ``cell.argument``, read ``cell.value``.
``memory(handle, size)``
    A copy of *size* bytes at *handle*.
``text_at(handle)``
    A copy of the NUL-terminated string at *handle*; None if that is null.
``store(handle, data)``
    Put the bytes *data* at *handle*, where OpenSSL has room for them.
``address(handle)``
    A handle, `prepared` or not, as a number: the same pointer gives the same number.
``callback(name, function, failure)``
    The Python *function* as an argument for OpenSSL, which will call it. *name* selects its type in
    `libssl`. It lives as long as the process. It gets handles like the results of `lib`. If it
    raises, the exception is printed on stderr, and OpenSSL gets *failure*.
``graft(context, server_side, server_hostname, owner)``
    A new TLS object of the interpreter, made from *context*, and its ``SSL *``.
``owner_of(handle)``
    The owner of an ``SSL *`` that a callback was given: the *owner* passed to `graft`, or the
    ssl.SSLSocket; None if it no longer exists.

If the library cannot be reached, we use `pair` instead: a pair of sockets that feeds the
interpreter's own TLS objects. `pair.sslobject` and the rest are built on it. `NAME` says which is
in use, and `REASON` why. With the pair, you can still import modules that need the binding, but the
first use of any of its names raises `EngineUnavailable`.

The environment variable SSLPROTO27_ENGINE, ``graft`` or ``pair``, forces one of the two on 2.7. It
has no effect on Python 3.
"""
from __future__ import absolute_import, division, print_function

import os
import ssl
import traceback

from ..compat import PY2, PYPY
from .libssl import EngineUnavailable

__all__ = ['NAME', 'REASON', 'EngineUnavailable', 'binding']

_VARIABLE = 'SSLPROTO27_ENGINE'


class Unavailable(object):
    """Replaces a binding that cannot be loaded: every call raises the reason."""

    def __init__(self, reason):
        self._reason = reason

    def __getattr__(self, name):
        return self

    def __call__(self, *args, **kwargs):
        raise EngineUnavailable(self._reason)


def _choose():
    """Return (name, reason, binding): see `NAME`. An unusable binding is an `Unavailable`."""
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
    except Exception as error:
        # ctypes raises MemoryError if no memory may be both written and executed (SELinux, PaX),
        # cffi an Exception if another version of it is installed than PyPy's own.
        reason = (str(error) if isinstance(error, (EngineUnavailable, ImportError))
                  else traceback.format_exception_only(type(error), error)[-1].strip())
        return 'graft' if forced else 'pair', reason, Unavailable(reason)
    return 'graft', "OpenSSL's functions can be reached", binding


def _load():
    if PYPY:
        from . import pypy27 as module
    else:
        from . import cpython27 as module
    return module


#: 'graft', 'pair', or 'stdlib' on Python 3; and the reason for it.
NAME, REASON, binding = _choose()
