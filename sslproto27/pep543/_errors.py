"""
PEP 543's errors. They are the ssl module's: the PEP asks for that where ssl itself is the backend.

So what the layers below raise needs no second map, and code that catches the errors of ssl goes on
doing so.
"""
from __future__ import absolute_import, division, print_function

import ssl

from .._core.blocking import ragged_eof, tls_error, want_read, want_write

__all__ = ['RaggedEOF', 'TLSError', 'WantReadError', 'WantWriteError', 'bad_type', 'bad_value',
           'has_ended', 'no_supported_ciphers', 'ragged_eof', 'tls_error', 'want_read',
           'want_write']

TLSError = ssl.SSLError
WantReadError = ssl.SSLWantReadError
WantWriteError = ssl.SSLWantWriteError
RaggedEOF = ssl.SSLEOFError


class _BadType(TLSError, TypeError):
    """A configuration has something of a class that it cannot have there."""


class _BadValue(TLSError, ValueError):
    """A configuration has a value that no context can be made of."""


class _HasEnded(TLSError, RuntimeError):
    """Something is written after our close_notify."""


def bad_type(text):
    """Return what is a TLSError, as the PEP asks of contexts, and the TypeError that it is."""
    return tls_error(text, _BadType)


def bad_value(text):
    """Return what is a TLSError, as the PEP asks of contexts, and the ValueError that it is."""
    return tls_error(text, _BadValue)


def no_supported_ciphers():
    """Return what a configuration comes to of whose cipher suites a backend has none."""
    return bad_value('ciphers has no supported ciphers: this TLS library has none of them')


def has_ended():
    """Return what writing after ``shutdown`` comes to: the connection's fault and the caller's."""
    return tls_error('write() is not possible after shutdown()', _HasEnded)
