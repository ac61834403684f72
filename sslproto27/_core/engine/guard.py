"""
A guard around Python functions that C calls, on 2.7: C always gets a result.

Nothing here knows of OpenSSL.
"""
from __future__ import absolute_import, division, print_function

import functools
import sys
import traceback

__all__ = ['guarded']


def guarded(function, failure):
    """
    Return *function* for C to call; if it raises, print the exception on stderr, return *failure*.

    C cannot handle an exception, and ctypes leaves the result unset after one. So an uncaught
    exception must become a refusal here, even if it cannot be printed.
    """
    return functools.partial(_call, failure, function)


def _call(result, function, *args):
    # If a signal came while OpenSSL was computing, its handler runs at the first opcode of Python,
    # which is here. 2.7's interpreter runs no handler before a SETUP_FINALLY (observed on 2.7.18).
    # So nothing may come before the tries, and the result has a value before they begin.
    try:
        try:
            try:
                result = function(*args)
            except BaseException:
                sys.stderr.write('Exception ignored in a callback of OpenSSL:\n')
                traceback.print_exc()
            args = None
        finally:
            if args is not None:
                sys.stderr.write('A callback of OpenSSL was interrupted\n')
    finally:
        # Whatever happened, return it: writing to stderr may fail, and when the interpreter shuts
        # down, the globals above are gone. Return inside the finally, because on the way out of it
        # another signal handler could run.
        return result
