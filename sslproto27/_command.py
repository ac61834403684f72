"""
Reports a wrong SSLPROTO27_ENGINE as commands report their errors: in one line.

Only the package itself can do that: it raises while Python imports it, before any code of the
command line runs.
"""
from __future__ import absolute_import, division, print_function

import os
import sys

__all__ = ['end_command']

#: The names of the installed script; the last two are those on Windows.
_SCRIPTS = ('sslproto27', 'sslproto27.exe', 'sslproto27-script.py')

_PACKAGE = __name__.rpartition('.')[0]

#: What follows ``python -m``.
_MODULES = (_PACKAGE, _PACKAGE + '.__main__')


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
