"""
Clears OpenSSL's error queue for the pair engine.

CPython 2.7's ssl empties the queue after each failure. PyPy 7.3.3's does not (observed): after one
failed connection, all later ones of that thread fail with the same error. But PyPy's ssl exports
the function that empties it.
"""
from __future__ import absolute_import, division, print_function

from ..compat import PYPY

__all__ = ['clear_queue']

if PYPY:
    from _pypy_openssl import lib
    clear_queue = lib.ERR_clear_error
else:
    def clear_queue():
        """Do nothing: the ssl module has already done it."""
