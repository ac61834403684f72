"""
CPython 2.7: memory BIOs grafted onto the interpreter's own TLS object through ctypes.

Calls go through PyDLL, which keeps the interpreter's lock. A call takes a microsecond, so releasing
the lock would cost more than it gains. It also means that two threads are never inside the same
OpenSSL object, so that sharing one between threads cannot corrupt memory. Only the functions that
`without_gil` returns go through CDLL, which releases the lock: see `sslproto27._core.lockedobject`.
"""
from __future__ import absolute_import, division, print_function

import ctypes
import functools
import itertools
import operator

import _socket
import _ssl

from .libssl import EngineUnavailable, Library, callback_types, declarations, guarded

__all__ = ['lib', 'BLANK', 'Cell', 'NULL', 'address', 'callback', 'fill', 'graft', 'memory',
           'new_bio', 'new_large_buffer', 'owner_of', 'prepared', 'read_records', 'store',
           'text_at', 'without_gil']

NULL = None

#: Functions that are called for every message or connection. They have no argtypes, which makes
#: ctypes twice as fast. That is safe: handles are always `Handle` objects or `prepared`, never
#: numbers, so no pointer can be cut to an int; for longs we only pass ints, which libffi widens.
_HOT = frozenset("""
    BIO_new BIO_free BIO_up_ref BIO_read BIO_write BIO_ctrl_pending BIO_test_flags
    SSL_get_rbio SSL_set0_rbio SSL_set0_wbio SSL_ctrl SSL_read SSL_write SSL_pending SSL_has_pending
    SSL_do_handshake SSL_shutdown SSL_get_error SSL_want SSL_get_shutdown SSL_is_init_finished
    SSL_session_reused SSL_get0_param X509_VERIFY_PARAM_get_hostflags
    X509_VERIFY_PARAM_set_hostflags a2i_IPADDRESS ERR_clear_error ERR_peek_last_error""".split())


byref, char_at = ctypes.byref, ctypes.c_char.from_address


class Handle(ctypes.c_void_p):
    """A pointer; false when null. ctypes returns a subclass as it is, not converted to a number."""


def prepared(handle):
    """See the contract: ctypes need not make this argument anew for each call."""
    return byref(char_at(handle.value))


# Sizes are signed: an unsigned result would be a long, and calculations with longs are slower.
_TYPES = {
    'void': None, 'ptr': Handle, 'address': ctypes.c_void_p,
    'text': ctypes.c_char_p, 'buf': ctypes.c_char_p,
    'int': ctypes.c_int, 'uint': ctypes.c_uint, 'long': ctypes.c_long,
    'ulong': ctypes.c_ulong, 'size': ctypes.c_ssize_t,
}


def _declared(function, name, result, arguments):
    function.restype = _TYPES[result]
    if name not in _HOT:
        function.argtypes = [ctypes.c_void_p if kind == 'ptr' else _TYPES[kind]
                             for kind in arguments]
    return function


# If _ssl is built into the interpreter, it has no file: the process itself exports its symbols.
_FILE = getattr(_ssl, '__file__', None)
lib = Library(ctypes.PyDLL, _FILE, _declared)


def without_gil(name):
    """See the contract. A callback takes the lock again by itself: see `callback`."""
    function = getattr(ctypes.CDLL(_FILE), name)
    return _declared(function, *[found for found in declarations() if found[0] == name][0])


_IN_MEMORY = lib.BIO_s_mem()
BIO_new = lib.BIO_new


def new_bio(kind=_IN_MEMORY):
    """See the contract."""
    address = BIO_new(kind)
    return address and byref(char_at(address))


#: ``BLANK * size`` makes a new string that nothing else refers to yet, so OpenSSL may write into
#: it, as C code may. It must be longer than one byte, because CPython shares strings of one byte.
#: The operator is quicker than any call.
BLANK = b'\0'

_new_string = ctypes.PyDLL(None).PyString_FromStringAndSize  # without argtypes, as `_HOT`
_new_string.restype = ctypes.py_object

#: With a null pointer it makes a string with uninitialised bytes.
new_large_buffer = functools.partial(_new_string, None)


#: See the contract.
read_records = None


def fill(function, handle, size):
    """See the contract."""
    data = BLANK * (size if size > 1 else 2)
    count = function(handle, data, size)
    return data[:count] if count > 0 else b''


class Cell(object):
    """See the contract."""

    __slots__ = ('_number', 'argument')

    def __init__(self):
        self._number = ctypes.c_uint()
        self.argument = ctypes.byref(self._number)

    @property
    def value(self):
        """The number that OpenSSL has set."""
        return self._number.value


memory = ctypes.string_at


def text_at(handle):
    """See the contract."""
    return ctypes.c_char_p(handle.value).value


def store(handle, data):
    """See the contract."""
    ctypes.memmove(handle, data, len(data))


def address(handle):
    """See the contract: a `prepared` handle refers to a char at the address."""
    return handle.value if isinstance(handle, Handle) else ctypes.addressof(handle._obj)


def callback(name, function, failure=None):
    """See the contract."""
    result, arguments = callback_types(name)
    types = [_TYPES[kind] for kind in arguments]
    function = guarded(function, failure)
    if failure is not None:
        function = _certain(function, types, failure)
    # Not PYFUNCTYPE: the native object's own calls release the interpreter's lock.
    made = ctypes.CFUNCTYPE(_TYPES[result], *types)(function)
    # We never drop this reference: OpenSSL may call it while the interpreter shuts down, when this
    # module's globals are already gone.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(made))
    return made


#: The interpreter's own threading.local, in C, even if gevent or eventlet has replaced that.
_Local, = [one for one in object.__subclasses__()
           if (one.__module__, one.__name__) == ('thread', '_local')]


def _certain(function, types, failure):
    """
    Return a callable in C that returns what *function* returns, and *failure* if that raises.

    If a Python function raises, ctypes returns to C whatever is on the stack. A signal handler, a
    tracer or a profiler can raise before the function's first step and after its last one, where
    the function cannot catch it. So the function does not return its result, but leaves it for its
    thread; ctypes ends the call, and C code alone takes the result.
    """
    class Answers(_Local):
        # Without a result: a thread that has left none yet has this one.
        take = functools.partial(int, failure)
    answers, partial = Answers(), functools.partial

    def leave(*args):
        result = function(*args)
        kept = answers.__dict__
        if not kept:
            answers.take = partial(kept.pop, 'result', failure)
        kept['result'] = result
    call = ctypes.PYFUNCTYPE(None, *types)(leave)
    results = itertools.imap(operator.methodcaller('take'), itertools.repeat(answers))

    class Result(ctypes.c_int):
        # ctypes passes a Result, as if the call had returned one: a default for next(), never used.
        _check_retval_ = functools.partial(next, results)
    call.restype = Result
    return call


def _dummy():
    """
    Return the socket that every native object is made with: a closed one.

    The native code only copies its descriptor, -1, into a BIO that we replace later. So there is no
    descriptor that a fork could share, a daemon could close, or another socket could reuse.
    """
    native = _socket.socket()  # not socket.socket, which gevent and eventlet replace
    native.close()
    return native


_DUMMY = _dummy()
_WORD = ctypes.sizeof(ctypes.c_void_p)


def graft(context, server_side, server_hostname, owner):
    """
    Return (native, ssl): the interpreter's own TLS object and its ``SSL *``.

    Args:
        context (ssl.SSLContext): the settings.
        server_side (bool): True for a server, False for a client.
        server_hostname (str or None): the name to send as SNI (RFC 6066 3).
        owner: the argument for SNI callbacks; kept by a weak reference.
    """
    native = context._wrap_socket(_DUMMY, server_side, server_hostname, ssl_sock=owner)
    return native, _find_ssl(native, context)


def _find_ssl(native, context):
    """
    Find the ``SSL *`` in *native*: the word before the one that holds *context*.

    Observed on 2.7.9 to 2.7.18: ``PySSLSocket`` holds Socket, ssl_sock, SSL *, context, ... after
    its header. The scan looks for the context's address, and follows no pointer before it has found
    it. It starts where it found the address last time.
    """
    base, wanted = id(native), id(context)
    for offset in _offsets:
        if _word_at(base + offset).value == wanted:
            if offset != _offsets[0]:
                _offsets.insert(0, offset)
            return prepared(_word_at(base + offset - _WORD))
    raise EngineUnavailable('sslproto27 does not know the layout of %r' % type(native))


_word_at = ctypes.c_void_p.from_address


def owner_of(handle):
    """
    See the contract.

    The native object stores its own address as the application data of its ``SSL *``. The word
    before its ``SSL *`` holds a weak reference to its owner. We check that the object has the right
    type, and this very ``SSL *`` at the place where `_find_ssl` found others.
    """
    native = lib.SSL_get_ex_data(handle, 0).value
    if native and _word_at(native + _TYPE).value == id(_ssl._SSLSocket):
        place = native + _offsets[0] - _WORD
        reference = _word_at(place - _WORD).value
        if _word_at(place).value == handle.value and reference:
            return ctypes.cast(reference, ctypes.py_object).value()
    raise EngineUnavailable('sslproto27 does not know whose SSL * this is')


#: The offset of an object's type: after its reference count.
_TYPE = object.__basicsize__ - _WORD

#: The offsets to search, in this order: all words after the header except the first.
_offsets = list(range(object.__basicsize__ + _WORD, _ssl._SSLSocket.__basicsize__, _WORD))
