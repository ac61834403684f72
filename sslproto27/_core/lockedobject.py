"""
`LockedSSLObject`: a TLS object whose long calls give the interpreter's lock away, on 2.7.

Handshakes, and reads and writes of many records, then run beside other threads. OpenSSL does not
bear that two threads use one object, so somebody must have a lock over it: the one whose pipe it is
(`BlockingTLS`) calls `_steps` under a lock of its own. Anybody else may ask the object by its
public methods: they never begin while another thread is inside of a long call, and no long call
gives the interpreter's lock away while they are under way. What is short keeps it anyway.
"""
from __future__ import absolute_import, division, print_function

import functools
import ssl
import time

from .engine import binding
from .errors import required
from .fork import get_ident
from .records import HEADER_SIZE, RECORD
from .sslobject import SSLObject, wrap_bio_and_check

__all__ = ['LockedSSLObject', 'wrap_bio_under_lock']

lib, NULL, new_large_buffer = binding.lib, binding.NULL, binding.new_large_buffer
SSL_read, BIO_read, BIO_ctrl_pending = lib.SSL_read, lib.BIO_read, lib.BIO_ctrl_pending

#: Bytes from which on a write is long. What 16 KiB take is less than two threads need to change.
_LONG = 0x8000


BIO_C_SET_SSL = 109  # BIO_f_ssl(3)

#: Before 3.0 a BIO_f_ssl that is freed shuts the connection down, whosever it is.
_CAN_READ_MANY = ssl.OPENSSL_VERSION_INFO >= (3,)

#: Until when a thread waits for another one's long call: so many turns of so many seconds.
_TURNS, _TURN = 2000, 0.005


def _exclusive(method):
    @functools.wraps(method, ('__name__', '__doc__'), ())
    def call(self, *args, **kwargs):
        if self._thread == get_ident():  # a callback, or one method calls another
            return method(self, *args, **kwargs)
        self._begin()
        try:
            self._thread = get_ident()
            return method(self, *args, **kwargs)
        finally:
            self._thread = None
            self._alone.append(None)
    return call


class LockedSSLObject(SSLObject):
    """An `SSLObject` for one who has a lock over it; see this module."""

    __slots__ = ('_alone', '_thread', '_many', '_beginning')

    def __new__(cls):
        self = object.__new__(cls)
        self._alone = [None]  # who takes that out is alone
        self._thread = None  # who has that, from just after it is taken to just before
        self._many = None
        # A record's beginning, all that the incoming BIO has: of its header, and how many bytes.
        self._beginning = b'', 0
        return self

    @property
    def _is_ours(self):
        return type(self) is LockedSSLObject

    def _take(self):
        """Take what `_alone` has, if it is there; return whether it was (bool)."""
        # Not a lock: 2.7's give the interpreter's lock away whenever they are taken, and getting it
        # back takes longer, where threads work, than what is done under this one.
        try:
            self._alone.pop()
        except IndexError:
            return False
        return True

    def _begin(self):
        """Wait until `_take` has it."""
        turns = 0
        while not self._take():
            # Not for ever: the other one may be a callback that waits for us, or no more.
            if turns == _TURNS:
                raise RuntimeError('another thread is in the middle of a call of this very object')
            turns += 1
            time.sleep(_TURN)

    def _freely(self, long_one, short_one, *args):
        """Call OpenSSL, and give the interpreter's lock away if nobody uses the object."""
        if not self._take():
            return short_one(*args)
        try:
            self._thread = get_ident()
            return long_one(*args)
        finally:
            self._thread = None
            self._alone.append(None)

    # For who has the lock: `SSLPipe` asks for these by name.

    _steps = '_do_handshake_freely', '_receive_records', '_send'

    def _do_handshake_freely(self):
        self._shake_hands(self._handshake_step)

    def _handshake_step(self, handle):
        return self._freely(_FREE.SSL_do_handshake, lib.SSL_do_handshake, handle)

    _receive_records = SSLObject.__dict__['receive_records']
    _send = SSLObject.__dict__['send_small']

    def _read_many(self, bio, data, received):
        """
        Decrypt the full records in a row with which *data*, just put into *bio*, begins.

        A record that is not full ends a message, and is read by itself. So is the first one where
        it is not known how much of it OpenSSL has; what is left then tells where the next begins.
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
        count = self._freely(_FREE.BIO_read, BIO_read, self._many.bio, plain, room)
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
            taken = self._freely(_FREE.SSL_write, lib.SSL_write, self._ssl, data, size)
        else:
            taken = lib.SSL_write(self._ssl, data, size)
        if taken != size:
            return b''
        size = BIO_ctrl_pending(outgoing._bio)
        records = new_large_buffer(size)
        if is_long:
            count = self._freely(_FREE.BIO_read, BIO_read, outgoing._bio, records, size)
        else:
            count = BIO_read(outgoing._bio, records, size)
        return records[:count]


def _wrap_public_names():
    for name, member in SSLObject.__dict__.items():
        if name.startswith('_'):
            continue
        if isinstance(member, property):
            member = property(_exclusive(member.fget),
                              member.fset and _exclusive(member.fset), None, member.__doc__)
        else:
            member = _exclusive(member)
        setattr(LockedSSLObject, name, member)


_wrap_public_names()


class _Free(object):
    """OpenSSL's functions that give the interpreter's lock away."""

    def __getattr__(self, name):
        function = binding.freely(name)
        setattr(self, name, function)
        return function


_FREE = _Free()


class _ManyRecords(object):
    """
    A BIO from which one read brings many records: BIO_f_buffer(3) over BIO_f_ssl(3).

    The first of the two passes on what it reads, without a copy, until there is no more or as much
    as was wanted, as long as that is more than its own buffer. It must not outlive the ``SSL *``.
    """

    def __init__(self, ssl_handle):
        self.bio = binding.new_bio(lib.BIO_f_buffer())
        required(self.bio)
        below = required(binding.new_bio(lib.BIO_f_ssl()))
        lib.BIO_push(self.bio, below)
        lib.BIO_ctrl(below, BIO_C_SET_SSL, 0, ssl_handle)  # 0: the handle stays its owner's

    def __del__(self, _free=lib.BIO_free_all):
        _free(self.bio)


def _full_records(header, data, start):
    """
    Return (count, end) of the records in a row from *start* that are full and all there.

    Args:
        header (bytes): what of that of the first one comes before *data*; *start* is negative then.
    """
    count, last = 0, len(data) - HEADER_SIZE
    while start <= last:
        if start < 0:
            numbers = bytearray((header + data[:HEADER_SIZE])[3:HEADER_SIZE])
        else:
            numbers = bytearray(data[start + 3:start + HEADER_SIZE])
        size = numbers[0] << 8 | numbers[1]
        # Encryption adds bytes, so that a full record's content is longer than RECORD.
        if size <= RECORD or start + size > last:
            break
        start += HEADER_SIZE + size
        count += 1
    return count, start


def _has_record(data, start):
    """Return whether all of the record is there that begins at *start* (bool)."""
    numbers = bytearray(data[start + 3:start + HEADER_SIZE])
    return len(numbers) == 2 and start + HEADER_SIZE + (numbers[0] << 8 | numbers[1]) <= len(data)


def wrap_bio_under_lock(context, incoming, outgoing, server_side, server_hostname, session,
                        check_name, owner=None):
    """Do as `wrap_bio_and_check`, for one who has a lock over the object."""
    default = SSLObject if _FREE.SSL_do_handshake is None else LockedSSLObject
    return wrap_bio_and_check(context, incoming, outgoing, server_side, server_hostname, session,
                              check_name, default, owner)
