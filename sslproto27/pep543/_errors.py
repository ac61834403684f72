"""
PEP 543's errors. They are the ssl module's, as the PEP requires if ssl itself is the backend.

So errors from the layers below need no second mapping, and code that catches ssl's errors works.
"""
from __future__ import absolute_import, division, print_function

import ssl

from .._core.tls_errors import ragged_eof, tls_error, want_read, want_write

__all__ = ['RaggedEOF', 'TLSError', 'WantReadError', 'WantWriteError', 'bad_type', 'bad_value',
           'has_ended', 'no_supported_ciphers', 'ragged_eof', 'tls_error', 'want_read',
           'want_write']

TLSError = ssl.SSLError
WantReadError = ssl.SSLWantReadError
WantWriteError = ssl.SSLWantWriteError
RaggedEOF = ssl.SSLEOFError


class _BadType(TLSError, TypeError):
    """A configuration has an object of a wrong class."""


class _BadValue(TLSError, ValueError):
    """A configuration has a value from which no context can be made."""


class _HasEnded(TLSError, RuntimeError):
    """The application writes after our close_notify."""


def bad_type(text):
    """Return an error that is a TLSError, as the PEP requires of contexts, and a TypeError."""
    return tls_error(text, _BadType)


def bad_value(text):
    """Return an error that is a TLSError, as the PEP requires of contexts, and a ValueError."""
    return tls_error(text, _BadValue)


def no_supported_ciphers():
    """Return the error for a configuration of whose cipher suites a backend has none."""
    return bad_value('ciphers has no supported ciphers: this TLS library has none of them')


def has_ended():
    """Return the error for writing after ``shutdown``: a TLSError and a RuntimeError."""
    return tls_error('write() is not possible after shutdown()', _HasEnded)
