"""
PEP 543's errors. They are the ssl module's: the PEP asks for that where ssl itself is the backend.

So what the layers below raise needs no second map, and code that catches the errors of ssl goes on
doing so.
"""
from __future__ import absolute_import, division, print_function

import ssl

from .._core.blocking import ragged_eof, tls_error, want_read, want_write

__all__ = ['RaggedEOF', 'TLSError', 'WantReadError', 'WantWriteError', 'ragged_eof', 'tls_error',
           'want_read', 'want_write']

TLSError = ssl.SSLError
WantReadError = ssl.SSLWantReadError
WantWriteError = ssl.SSLWantWriteError
RaggedEOF = ssl.SSLEOFError
