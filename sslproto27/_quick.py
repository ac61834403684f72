"""
The usual message in the fewest steps, on 2.7. What is not usual is left to the pipe's own way.

What `SSLPipe` otherwise does through MemoryBIO and SSLObject, in a dozen calls of Python, is done
in two here: where the handshake is over and OpenSSL calls nothing back. Nothing here raises what
OpenSSL has to say, nor tries again: that is the pipe's.
"""
from __future__ import absolute_import, division, print_function

from ._errors import library_error
from ._memorybio import (
    BIO_ctrl_pending, BIO_read, BIO_write, LARGE, new_buffer, new_large_buffer)
from ._sslobject import SSL_read, SSL_write

__all__ = ['quick_receive', 'quick_send']

#: The most plaintext that a record carries (RFC 8446 5.1).
_RECORD = 16384

#: Up to how many bytes a message to send is small: beyond, it is not the steps that take the time.
_SMALL = 4096

#: By how much its record may be longer; what is longer still takes one more read.
_ROOM = 128


def quick_receive(ssl_object, incoming, data, received):
    """
    Put *data* into *incoming*, and what it decrypts to at the end of the list *received*.

    Returns:
        bool: whether that was all that can be had. If not, `SSLObject.read` tells: there may be
        more, or an error, or nothing may have been decrypted at all.
    """
    if ssl_object._state or data.__class__ is not bytes:
        incoming.write(data)
        return False
    size = len(data)
    bio = incoming._bio
    if BIO_write(bio, data, size) != size:
        raise library_error()
    if size > _RECORD:
        size = _RECORD
    elif size < 2:
        size = 2  # the least that a buffer may be
    handle = ssl_object._ssl
    while True:
        # What a whole record fills, as it does in bulk, is not copied by the slice.
        plain = new_buffer(size) if size < LARGE else new_large_buffer(size)
        count = SSL_read(handle, plain, size)
        if count <= 0:
            return ssl_object._only_waits()
        received.append(plain[:count])
        whole = count < size or size == _RECORD
        if not BIO_ctrl_pending(bio):
            return whole
        if not whole:
            # The record began in earlier data: its rest, however large, must take one read more,
            # not one for each few bytes.
            size = _RECORD


def quick_send(ssl_object, outgoing, data):
    """
    Encrypt *data*, which is not empty, if it is small.

    Returns:
        bytes: all that the peer must get, taken out of *outgoing*. b'' if nothing was done, or it
        failed: `SSLObject.write` has to be called, with the same data.
    """
    size = len(data)
    if ssl_object._state or size > _SMALL or SSL_write(ssl_object._ssl, data, size) != size:
        return b''
    size += _ROOM
    records = new_buffer(size)
    count = BIO_read(outgoing._bio, records, size)
    return records[:count] if count < size else records[:] + outgoing.read()
