"""
What stands between C and the Python functions that it calls, on 2.7: C always gets a result.

Nothing here knows of OpenSSL.
"""
from __future__ import absolute_import, division, print_function

import functools
import sys
import traceback

__all__ = ['guarded']


def guarded(function, failure):
    """
    Return *function* for C to call: an exception is reported on stderr, and *failure* returned.

    C cannot take an exception, and ctypes leaves the result unset after one: what nobody caught
    has to become a refusal here, also where it cannot be reported.
    """
    return functools.partial(_call, failure, function)


def _call(result, function, *args):
    # A signal that came while OpenSSL was computing is heeded at the first opcode of Python that is
    # run, which is here. 2.7's interpreter heeds none before a SETUP_FINALLY (observed on 2.7.18),
    # so nothing may come before the tries, and what is returned has a value before they begin.
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
        # Whatever stderr did, and also where the interpreter is shutting down and the names above
        # are no more. Not outside of the finally: on the way there a signal would be heeded again.
        return result
