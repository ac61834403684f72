"""The standard streams of a process: if they are closed, full, or have lost their reader."""
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

__all__ = ['end_without_output', 'flush_at_exit', 'require_streams', 'reserve']

#: The standard streams: name, mode, and the mode in which `reserve` opens a closed one (a shell
#: closes them with ``<&-`` and ``>&-``).
_STREAMS = (('input', os.O_RDONLY, os.O_WRONLY), ('output', os.O_WRONLY, os.O_RDONLY),
            ('error', os.O_WRONLY, os.O_RDONLY))
_MODE = os.O_RDONLY | os.O_WRONLY | os.O_RDWR


def reserve():
    """
    Occupy the descriptor numbers of closed standard streams.

    Otherwise the next file or connection would get such a number, and with it everything that we
    print. Reading and writing still fail, because we open them in the opposite mode.
    """
    for descriptor, (_, _, flags) in enumerate(_STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest free number
    for descriptor, name in ((1, 'stdout'), (2, 'stderr')):
        if getattr(sys, name) is None:  # closed, on Python 3
            setattr(sys, name, io.open(descriptor, 'w', closefd=False))


def require_streams(*names):
    """Raise `UserError` if the standard 'input' or 'output' is closed."""
    for descriptor, (name, flags, _) in enumerate(_STREAMS):
        if name in names and fcntl and (
                fcntl.fcntl(descriptor, fcntl.F_GETFL) & _MODE not in (flags, os.O_RDWR)):
            raise UserError('standard %s is closed' % name)


def flush_at_exit():
    """Flush the streams, and discard unwritable data: the interpreter must not fail at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (EnvironmentError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def end_without_output(error):
    """
    End as other tools do if standard output cannot be written.

    Args:
        error (OutputError): the reason. If the reader is gone, the process dies silently by
            SIGPIPE.

    Returns:
        int: the exit status, if the process does not die.
    """
    flush_at_exit()
    if error.errno == errno.EPIPE and hasattr(signal, 'SIGPIPE'):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
        return 128 + signal.SIGPIPE  # if the signal is blocked
    Console().line(('bad', 'sslproto27: '), 'standard output: ', error)
    return 1
