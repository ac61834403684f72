"""Two `SSLPipe`s and the bytes between them, in memory. Nothing here knows of loops or sockets."""
from __future__ import absolute_import, division, print_function

import array
import ctypes
import platform
import sys

import pytest

from sslproto27 import SSLPipe
from tests.support.memory import PY2, whole

__all__ = ['ALERT', 'APPLICATION_DATA', 'GARBAGE', 'HANDSHAKE', 'PYPY', 'PipePair', 'attempt',
           'break_with', 'carry', 'clear_errors', 'failures', 'forged_record', 'leave_an_error',
           'native_call', 'needs_refcounts', 'pattern', 'record_types', 'talk']

PYPY = platform.python_implementation() == 'PyPy'

needs_refcounts = pytest.mark.skipif(PYPY, reason='PyPy frees nothing without its collector')

#: What is no TLS.
GARBAGE = b'HTTP/1.1 400 Bad Request\r\n\r\n'

# Content types of records (RFC 8446 5.1).
ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23


def pattern(size, made=[b'']):
    """Return *size* bytes in which no two places look the same."""
    if len(made[0]) < size:
        numbers = array.array('I', range(size // 4 + 1))
        if sys.byteorder == 'little':
            numbers.byteswap()
        made[0] = numbers.tobytes() if hasattr(numbers, 'tobytes') else numbers.tostring()
    return made[0][:size]


def record_types(data):
    """Return the content type of each TLS record in *data*, as it is on the wire."""
    types, data = [], bytearray(data)
    while data:
        assert len(data) >= 5
        types.append(data[0])
        del data[:5 + data[3] * 256 + data[4]]
    return types


def attempt(method, *args):
    """Call a pipe's *method* and return its result; raise the failure that it has set, if any."""
    pipe = method.__self__
    before = pipe.failure
    result = method(*args)
    if pipe.failure is not before:
        raise pipe.failure
    return result


def carry(source, target, split=whole):
    """
    Bring all that *source* has to send to *target*; return how many bytes that was.

    A failure that this brings, in either, is raised.
    """
    data = attempt(source.data_to_send)
    for piece in split(data):
        attempt(target.feed_ssldata, piece)
    return len(data)


def failures(client, server):
    """Let two new pipes shake hands; return what has ended the TLS of each, None if nothing."""
    client.do_handshake()
    server.do_handshake()
    for _ in range(4):
        server.feed_ssldata(client.data_to_send())
        client.feed_ssldata(server.data_to_send())
    return client.failure, server.failure


def native_call(ssl_object, name, *args):
    """
    Call the OpenSSL function *name* on the ``SSL *`` of one of 2.7's objects, behind its back.

    For what Python's ssl has no call for, and peers may do all the same. Skips on Python 3.
    """
    if not PY2:
        pytest.skip("Python 3's ssl object hides its SSL pointer")
    if PYPY:
        import _pypy_openssl as extension
    else:
        import _ssl as extension
    function = getattr(ctypes.CDLL(extension.__file__), name)
    if hasattr(ssl_object, '_ssl'):
        # A number on PyPy, and on CPython what ctypes takes as it is.
        return function(ctypes.c_void_p(ssl_object._ssl) if PYPY else ssl_object._ssl, *args)

    if name == 'SSL_renegotiate' and not ssl_object.server_side:
        ssl_object._refuses_renegotiation = False  # it would refuse its own

    def work(pair, _):  # what it writes must not stay in the pair
        result = function(_found(ssl_object), *args)
        ssl_object._flush(pair)
        return [result]

    return ssl_object._operate(work)[0]


def _found(ssl_object):
    """Return the ``SSL *`` of one of the pair engine's objects, as the graft would find it."""
    native = ssl_object._native
    if PYPY:
        from cffi import FFI
        return ctypes.c_void_p(int(FFI().cast('uintptr_t', native.ssl)))
    from sslproto27._core.engine.cpython27 import _find_ssl
    return _find_ssl(native, native.context)


def leave_an_error():
    """Put an error into OpenSSL's queue, as a library that shares OpenSSL with us may."""
    if PYPY:
        from _cffi_ssl._stdssl import lib
        lib.ERR_put_error(lib.ERR_LIB_ASN1, 0, 58, b'', 0)
        assert 0 != lib.ERR_peek_error()
        return
    import _ssl
    library = ctypes.PyDLL(_ssl.__file__)
    library.d2i_X509.restype = ctypes.c_void_p
    library.ERR_peek_error.restype = ctypes.c_ulong
    junk = ctypes.create_string_buffer(b'no certificate')
    start = ctypes.c_void_p(ctypes.addressof(junk))
    assert None is library.d2i_X509(None, ctypes.byref(start), ctypes.c_long(14))
    assert 0 != library.ERR_peek_error()


def clear_errors():
    """Empty OpenSSL's queue of errors."""
    if PYPY:
        from _cffi_ssl._stdssl import lib
        lib.ERR_clear_error()
    else:
        import _ssl
        ctypes.PyDLL(_ssl.__file__).ERR_clear_error()


class PipePair(object):
    """
    A client's pipe, a server's, and the wire between them.

    Args:
        client_context, server_context (ssl.SSLContext): one for each.
        split (callable): from bytes to the pieces in which they arrive; see `memory.SPLITS`.
        cls (type): `SSLPipe`, or a class called like it.
        **kwargs: further arguments of the client.
    """

    def __init__(self, client_context, server_context, split=whole, cls=SSLPipe, **kwargs):
        kwargs.setdefault('server_hostname', 'localhost')
        self.client = cls(client_context, **kwargs)
        self.server = cls(server_context, server_side=True)
        self.split = split

    def sides(self, ours):
        """Return (the pipe of side *ours*, the other one)."""
        pipes = self.client, self.server
        return pipes if ours == 'client' else pipes[::-1]

    def pump(self):
        """Carry bytes both ways until there are no more."""
        moved = True
        while moved:
            moved = carry(self.client, self.server, self.split)
            moved += carry(self.server, self.client, self.split)
        return self

    def start(self):
        """Start TLS on both sides, and carry nothing yet."""
        self.server.do_handshake()
        self.client.do_handshake()
        return self

    def handshake(self):
        """Shake hands, session tickets included."""
        return self.start().pump()

    def shut_down(self):
        """Let both sides end TLS."""
        self.client.shutdown()
        self.server.shutdown()
        return self.pump()


def talk(source, target, data, split=whole):
    """Send *data* from *source* to *target*; return what arrives."""
    source.feed_appdata(data)
    carry(source, target, split)
    return target.appdata_received()


def break_with(pipe, data):
    """Feed what must fail."""
    pipe.feed_ssldata(data)
    assert pipe.failure is not None


def forged_record(size=64):
    """Return a record of application data that no key of a connection made."""
    return b'\x17\x03\x03' + bytes(bytearray([size >> 8, size & 255])) + b'\x5a' * size
