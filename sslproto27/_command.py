"""
Ends a command while Python still imports this package, as it ends later.

Ctrl-C ends it silently; a wrong SSLPROTO27_ENGINE is reported in one line. Only the package itself
can do that, before any code of the command line runs.
"""
from __future__ import absolute_import, division, print_function

import os
import signal
import sys

__all__ = ['INTERRUPTED', 'end_command', 'end_silently', 'interruptible']

#: The status that shells report for a program ended by SIGINT.
INTERRUPTED = 130

#: The names of the installed script; the last two are those on Windows.
_SCRIPTS = ('sslproto27', 'sslproto27.exe', 'sslproto27-script.py')

_PACKAGE = __name__.rpartition('.')[0]

#: What follows ``python -m``.
_MODULES = (_PACKAGE, _PACKAGE + '.__main__')


def end_silently():
    """Let Ctrl-C end the process at once, if it runs a command; else do nothing."""
    if _is_command() and signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)


def interruptible():
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) == _interrupted:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupted(number, frame):
    os._exit(INTERRUPTED)


def end_command(error):
    """Print *error* and end the process with status 2 if it runs a command; else do nothing."""
    if not _is_command():
        return
    try:
        sys.stderr.write('sslproto27: %s\n' % error)
        sys.stderr.flush()
    except EnvironmentError:
        pass  # as in every command, only the message is lost
    sys.exit(2)


def _is_command():
    if os.path.basename((getattr(sys, 'argv', None) or [''])[0]) in _SCRIPTS:
        return True
    # With -m the arguments do not name the module yet; runpy, which imports it, has the name.
    frame = sys._getframe()
    while frame is not None:
        if (frame.f_globals.get('__name__') == 'runpy'
                and frame.f_locals.get('mod_name') in _MODULES):
            return True
        frame = frame.f_back
    return False
