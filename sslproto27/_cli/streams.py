"""The standard streams of a process: closed ones, full ones, and those that nobody reads."""
from __future__ import absolute_import, division, print_function

import errno
import io
import os
import signal
import sys

from .console import Console, UserError

try:
    import fcntl
except ImportError:  # not measured: Windows
    fcntl = None

__all__ = ['end_without_output', 'require_streams', 'reserve', 'settle']

#: Those that a shell closes with ``<&-`` and ``>&-``: what each is for, and how `reserve` opens it.
_STREAMS = (('input', os.O_RDONLY, os.O_WRONLY), ('output', os.O_WRONLY, os.O_RDONLY),
            ('error', os.O_WRONLY, os.O_RDONLY))
_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


def reserve():
    """
    Keep the numbers of standard streams that are closed.

    Else the next file or connection got one, and all that is printed. Reading and writing still
    fail: what is opened there is opened the wrong way round.
    """
    for descriptor, (_, _, flags) in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest number that is free
    for descriptor, name in ((1, 'stdout'), (2, 'stderr')):
        if getattr(sys, name) is None:  # Python 3's word for closed
            setattr(sys, name, io.open(descriptor, 'w', closefd=False))


def require_streams(*names):
    """Raise `UserError` if the standard 'input' or 'output' is closed."""
    for descriptor, (name, flags, _) in enumerate(_STREAMS):
        if name in names and fcntl and (
                fcntl.fcntl(descriptor, fcntl.F_GETFL) & _MODE not in (flags, os.O_RDWR)):
            raise UserError('standard %s is closed' % name)


def settle():
    """Let the interpreter's end have nothing to write that cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (EnvironmentError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def end_without_output(error):
    """
    End as other tools do whose standard output cannot be written.

    Args:
        error (OutputError): if its reader is gone the process dies by SIGPIPE, without a word.

    Returns:
        int: the exit status, where it does not die.
    """
    settle()
    if error.errno == errno.EPIPE and hasattr(signal, 'SIGPIPE'):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
        return 128 + signal.SIGPIPE  # the signal is blocked
    Console().line(('bad', 'sslproto27: '), 'standard output: ', error)
    return 1
