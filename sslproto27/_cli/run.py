"""``run``: starts a program as ``python`` would, with TLS over memory BIOs."""
from __future__ import absolute_import, division, print_function

import argparse
import json
import os
import pkgutil
import re
import subprocess
import sys
import zipfile

from .. import __path__ as package_path
from .._install import FRAMEWORKS
from .console import UsageError, UserError, require_python2
from .hook import VARIABLE
from .streams import flush_at_exit

HELP = 'start a program with its frameworks patched'
EPILOG = (
    'The program starts as with `python SCRIPT` or `python -m MODULE`. ssl gets the names of PEP'
    ' 546. Each framework, or each that you name, is patched once the program imports a part of it'
    ' that does TLS. If one that you name cannot be patched, that ends the program.')


def _frameworks():
    """Return the names of the frameworks that this package can patch."""
    ours = set(name for _, name, _ in pkgutil.iter_modules(package_path))
    return sorted(set(FRAMEWORKS) & ours)


def add_arguments(parser):
    """Add the command's arguments to *parser*."""
    for name in _frameworks():
        parser.add_argument('--' + name, dest='frameworks', action='append_const', const=name,
                            help='patch ' + name)
    parser.add_argument('--sockets', dest='others', action='store_const', const=['sockets'],
                        default=[], help='make ssl.wrap_socket and SSLContext.wrap_socket return'
                        ' sockets whose TLS is in memory')
    parser.add_argument('--lenient-eof', action='store_true',
                        help='accept connections that end without close_notify: an attacker can cut'
                        ' them short')
    # Only for the help: `split` takes these away first.
    parser.add_argument('-m', dest='module', metavar='MODULE',
                        help='the module to run instead, as with python -m')
    parser.add_argument('script', nargs='?', metavar='SCRIPT', help='the script to run')
    parser.add_argument('arguments', nargs=argparse.REMAINDER, metavar='ARGUMENTS',
                        help="the program's own arguments")


def split(arguments):
    """
    Return our own arguments, and those of ``python``: they begin with the script or with ``-m``.

    argparse looks for options everywhere, and would take some of the program's for ours.
    """
    for place, one in enumerate(arguments):
        if one in ('-', '--') or not one.startswith('-') or one.startswith('-m'):
            return arguments[:place], arguments[place:]
    return arguments, []


def _folder(program):
    """Return what python puts first on ``sys.path``; '' if that folder does not exist any more."""
    script = program[1] if program[0] == '--' else program[0]
    if script.startswith('-'):  # a module, or standard input
        script = os.curdir
    try:
        os.getcwd()
    except OSError:
        if not os.path.isabs(script):
            return ''
    if os.path.isdir(script) or os.path.isfile(script) and zipfile.is_zipfile(script):
        return os.path.abspath(script)
    return os.path.dirname(os.path.realpath(script))


def _options():
    """Return this interpreter's own options, such as -O, to start another one."""
    flags = sys.flags
    found = subprocess._args_from_interpreter_flags()
    found += ['-i'] * flags.inspect + ['-t'] * flags.tabcheck + ['-u'] * _is_unbuffered()
    if flags.division_new:
        found.append('-Qnew')
    elif flags.division_warning:
        found.append('-Qwarn' if flags.division_warning == 1 else '-Qwarnall')
    return found


def _is_unbuffered():
    """Return whether -u is among them: only Linux tells, since 2.7 does not keep it."""
    try:
        with open('/proc/self/cmdline') as file:
            words = iter(file.read().split('\0')[1:])
    except EnvironmentError:
        return False
    for word in words:
        if not word.startswith('-') or word in ('-', '--'):
            return False
        # Behind -W and -Q comes their value, behind -m and -c what is run.
        letters, ending = re.match('-([^WQmc]*)(.*)', word).groups()
        if 'u' in letters:
            return True
        if ending[:1] in ('m', 'c'):
            return False
        if ending in ('W', 'Q'):
            next(words, None)
    return False


def run(arguments):
    """Replace this process by the interpreter that runs the program."""
    require_python2('run', "Python 3's ssl has all that it would add")
    program = arguments.program
    if program in ([], ['--'], ['-m']):
        raise UsageError('run needs a SCRIPT, or -m MODULE')
    if sys.flags.ignore_environment or sys.flags.no_site:
        raise UserError('run cannot patch a Python that was started with -E or -S')
    old = os.environ.get('PYTHONPATH')
    startup = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'startup')
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(
        [startup] + ([] if old is None else [old])))
    environment[VARIABLE] = json.dumps({
        'at_once': arguments.others,
        'folder': _folder(program).decode('latin-1'),  # bytes, which JSON has not
        'awaited': arguments.frameworks or _frameworks(),
        'required': bool(arguments.frameworks),
        'lenient': arguments.lenient_eof})
    command = [sys.executable] + _options() + program
    flush_at_exit()
    os.execve(sys.executable, command, environment)
