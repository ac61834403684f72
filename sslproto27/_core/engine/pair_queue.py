"""
OpenSSL's error queue, as far as the pair engine has to do with it.

CPython 2.7's ssl empties it after each failure. PyPy 7.3.3's does not (observed), so that one
failed connection makes all that follow in its thread fail alike; its ssl has the function, though.
"""
from __future__ import absolute_import, division, print_function

from ..compat import PYPY

__all__ = ['clear_queue']

if PYPY:
    from _pypy_openssl import lib
    clear_queue = lib.ERR_clear_error
else:
    def clear_queue():
        """Do nothing: the ssl module has done it."""
