"""Temporary folders, which are gone when the command ends, however it is told to."""
from __future__ import absolute_import, division, print_function

import contextlib
import shutil
import signal
import sys
import tempfile

from .console import UserError

__all__ = ['ending_in_order', 'temporary_folder']

#: Sent by a service manager, by a terminal that closes, and by Ctrl-C. By name, because Windows
#: lacks one.
_ENDS = ('SIGTERM', 'SIGHUP', 'SIGINT')


@contextlib.contextmanager
def temporary_folder():
    """
    Make a folder that this user alone can read, and remove it in the end.

    Raises:
        UserError: there is no place for it.
    """
    try:
        folder = tempfile.mkdtemp(prefix='sslproto27-')
    except EnvironmentError as error:
        raise UserError('a temporary folder cannot be made (TMPDIR): %s', error)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def ending_in_order():
    """
    While this lasts, SIGTERM, SIGHUP and Ctrl-C end the command as its own end does.

    From the first one on, all are ignored: a second must not interrupt the last steps. A signal
    that is ignored already, as under nohup, stays so.
    """
    numbers = [getattr(signal, name) for name in _ENDS if hasattr(signal, name)]
    before = [(number, signal.getsignal(number)) for number in numbers]
    come = []

    def end(number, frame):
        come.append(number)
        for one in numbers:
            signal.signal(one, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(0)

    for number, handler in before:
        if handler != signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        if not come:
            for number, handler in before:
                signal.signal(number, handler)
