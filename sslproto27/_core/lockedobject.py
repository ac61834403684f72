"""
`LockedSSLObject`: a TLS object whose long calls release the interpreter's lock, on 2.7.

So handshakes, and reads and writes of many records, run in parallel with other threads. OpenSSL
does not allow two threads to use one object, so its user needs a lock: `BlockingTLS` calls `_steps`
under its own. Other code may call the object's public methods. They do not begin while another
thread is in a long call; and while they run, no long call releases the interpreter's lock. Short
calls never release it.
"""
from __future__ import absolute_import, division, print_function

import functools
import ssl
import time

from .attributes import Attributes
from .engine import binding
from .errors import required
from .fork import get_ident
from .records import HEADER_SIZE, RECORD
from .sslobject import SSLObject

__all__ = ['LockedSSLObject', 'class_under_lock']

lib, NULL, new_large_buffer = binding.lib, binding.NULL, binding.new_large_buffer
SSL_read, BIO_read, BIO_ctrl_pending = lib.SSL_read, lib.BIO_read, lib.BIO_ctrl_pending

#: A write of this many bytes is long. 16 KiB take less time than switching between two threads.
_LONG = 0x8000


BIO_C_SET_SSL = 109  # BIO_f_ssl(3)

#: Before 3.0, freeing a BIO_f_ssl shuts the connection down, even if the BIO does not own it.
_CAN_READ_MANY = ssl.OPENSSL_VERSION_INFO >= (3,)

#: How long a thread waits for another one's long call: this many turns of this many seconds.
_TURNS, _TURN = 2000, 0.005


def _exclusive(method):
    @functools.wraps(method, ('__name__', '__doc__'), ())
    def call(self, *args, **kwargs):
        if self._thread == get_ident():  # a callback, or one method calling another
            return method(self, *args, **kwargs)
        self._acquire()
        try:
            self._thread = get_ident()
            return method(self, *args, **kwargs)
        finally:
            self._thread = None
            self._token.append(None)
    return call


class LockedSSLObject(SSLObject):
    """An `SSLObject` whose user has a lock over it; see this module."""

    __slots__ = ('_token', '_thread', '_many', '_beginning')

    def __new__(cls):
        self = object.__new__(cls)
        self._token = [None]  # a token: the thread that has removed it is alone
        self._thread = None  # that thread, while it has the token
        self._many = None
        # If the incoming BIO has only the beginning of a record: (that of its header, the size).
        self._beginning = b'', 0
        return self

    @property
    def _is_ours(self):
        return type(self) is LockedSSLObject

    def _try_acquire(self):
        """Remove the token from `_token` if it is there; return whether it was (bool)."""
        # Not a lock: taking one of 2.7's always releases the interpreter's lock. If other threads
        # are busy, getting that back takes longer than the work under this one.
        try:
            self._token.pop()
        except IndexError:
            return False
        return True

    def _acquire(self):
        """Wait until `_try_acquire` succeeds."""
        turns = 0
        while not self._try_acquire():
            # Not for ever: the other thread may be in a callback that waits for us, or have ended.
            if turns == _TURNS:
                raise RuntimeError('another thread is in the middle of a call of this very object')
            turns += 1
            time.sleep(_TURN)

    def _without_gil(self, long_one, short_one, *args):
        """Call OpenSSL; release the interpreter's lock unless another thread uses the object."""
        if not self._try_acquire():
            return short_one(*args)
        try:
            self._thread = get_ident()
            return long_one(*args)
        finally:
            self._thread = None
            self._token.append(None)

    # For the holder of the lock: `SSLPipe` looks these up by name.

    _steps = '_do_handshake_without_gil', '_receive_records', '_send'

    def _do_handshake_without_gil(self):
        self._shake_hands(self._handshake_step)

    def _handshake_step(self, handle):
        return self._without_gil(_NO_GIL.SSL_do_handshake, lib.SSL_do_handshake, handle)

    _receive_records = SSLObject.__dict__['receive_records']
    _send = SSLObject.__dict__['send_small']

    def _read_many(self, bio, data, received):
        """
        Decrypt the consecutive full records at the start of *data*, which was just put into *bio*.

        A record that is not full ends a message, and we read it separately. We also read the first
        one separately if we do not know how much of it OpenSSL has; the rest in *bio* then shows
        where the next record begins.
        """
        if not _CAN_READ_MANY:
            return False
        (header, before), self._beginning = self._beginning, (b'', 0)
        size = len(data)
        if BIO_ctrl_pending(bio) - size == before and not lib.SSL_has_pending(self._ssl):
            records, end = _full_records(header, data, -before)
        else:
            plain = new_large_buffer(RECORD)
            count = SSL_read(self._ssl, plain, RECORD)
            if count <= 0:
                return False
            received.append(plain[:count])
            pending = BIO_ctrl_pending(bio)
            if not pending:
                return True
            records, end = _full_records(b'', data, size - pending)
        if records < 2:
            return False
        if self._many is None:
            self._many = _ManyRecords(self._ssl)
        room = records * RECORD
        plain = new_large_buffer(room)
        count = self._without_gil(_NO_GIL.BIO_read, BIO_read, self._many.bio, plain, room)
        if count <= 0:
            return False
        received.append(plain[:count])
        if count < room or BIO_ctrl_pending(bio) != size - end or _has_record(data, end):
            return False
        self._beginning = data[end:end + HEADER_SIZE], size - end
        return True

    def _send_large(self, outgoing, data):
        size = len(data)
        is_long = size >= _LONG
        if self._state:
            return b''
        if is_long:
            taken = self._without_gil(_NO_GIL.SSL_write, lib.SSL_write, self._ssl, data, size)
        else:
            taken = lib.SSL_write(self._ssl, data, size)
        if taken != size:
            return b''
        size = BIO_ctrl_pending(outgoing._bio)
        records = new_large_buffer(size)
        if is_long:
            count = self._without_gil(_NO_GIL.BIO_read, BIO_read, outgoing._bio, records, size)
        else:
            count = BIO_read(outgoing._bio, records, size)
        return records[:count]


def _wrap_public_names():
    for name, member in dict(Attributes.__dict__, **SSLObject.__dict__).items():
        if name.startswith('_'):
            continue
        if isinstance(member, property):
            member = property(_exclusive(member.fget),
                              member.fset and _exclusive(member.fset), None, member.__doc__)
        else:
            member = _exclusive(member)
        setattr(LockedSSLObject, name, member)


_wrap_public_names()


class _WithoutGIL(object):
    """OpenSSL's functions, called without the interpreter's lock."""

    def __getattr__(self, name):
        function = binding.without_gil(name)
        setattr(self, name, function)
        return function


_NO_GIL = _WithoutGIL()


class _ManyRecords(object):
    """
    A BIO that reads many records in one call: BIO_f_buffer(3) over BIO_f_ssl(3).

    If a request is larger than its own buffer, a BIO_f_buffer passes on what it reads below,
    without a copy, until there is no more or the request is fulfilled. It must not outlive the
    ``SSL *``.
    """

    def __init__(self, ssl_handle):
        self.bio = binding.new_bio(lib.BIO_f_buffer())
        required(self.bio)
        below = required(binding.new_bio(lib.BIO_f_ssl()))
        lib.BIO_push(self.bio, below)
        lib.BIO_ctrl(below, BIO_C_SET_SSL, 0, ssl_handle)  # 0: the BIO does not own the handle

    def __del__(self, _free=lib.BIO_free_all):
        _free(self.bio)


def _full_records(header, data, start):
    """
    Return (count, end) of the consecutive full records in *data* from *start* on.

    Args:
        header (bytes): the part of the first header that came before *data*; *start* is then
            negative.
    """
    count, last = 0, len(data) - HEADER_SIZE
    while start <= last:
        if start < 0:
            numbers = bytearray((header + data[:HEADER_SIZE])[3:HEADER_SIZE])
        else:
            numbers = bytearray(data[start + 3:start + HEADER_SIZE])
        size = numbers[0] << 8 | numbers[1]
        # Encryption adds bytes, so the content of a full record is longer than RECORD.
        if size <= RECORD or start + size > last:
            break
        start += HEADER_SIZE + size
        count += 1
    return count, start


def _has_record(data, start):
    """Return whether the record that begins at *start* is complete (bool)."""
    numbers = bytearray(data[start + 3:start + HEADER_SIZE])
    return len(numbers) == 2 and start + HEADER_SIZE + (numbers[0] << 8 | numbers[1]) <= len(data)


def class_under_lock():
    """Return the class of TLS objects for a caller that has a lock over them."""
    return SSLObject if _NO_GIL.SSL_do_handshake is None else LockedSSLObject
