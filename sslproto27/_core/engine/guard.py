"""
A guard around Python functions that C calls, on 2.7. Nothing here knows of OpenSSL.
"""
from __future__ import absolute_import, division, print_function

import functools
import sys
import traceback

__all__ = ['guarded']


def guarded(function, failure):
    """
    Return *function* for C to call; if it raises, print the exception on stderr, return *failure*.

    C cannot handle an exception, so an uncaught one must become a refusal here, even if it cannot
    be printed. A signal handler may also raise just before or after this function. The engines
    handle that.
    """
    return functools.partial(_call, failure, function)


def _call(result, function, *args):
    try:
        try:
            result = function(*args)
        except BaseException:
            sys.stderr.write('Exception ignored in a callback of OpenSSL:\n')
            traceback.print_exc()
    finally:
        # Whatever happened, return it: writing to stderr may fail, and when the interpreter shuts
        # down, the globals above are gone.
        return result
