"""The command line: ``python -m sslproto27``. Each command is a module of its own."""
from __future__ import absolute_import, division, print_function

import argparse
import sys

from . import __version__

__all__ = ['main']


def main(argv=None):
    """
    Run a command.

    Args:
        argv (list of str or None): the arguments; those of the process if None.

    Returns:
        int: the exit status; 0 for success.
    """
    parser = argparse.ArgumentParser(
        prog='sslproto27', description='TLS in memory for Python 2.7.')
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    commands.required = True
    demo = commands.add_parser('demo', help='an echo server and its clients, over memory BIOs')
    demo.set_defaults(run=_demo)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except UserError as error:
        print('sslproto27: %s' % error, file=sys.stderr)
        return 1
    return 0


class UserError(Exception):
    """What the user can mend; printed as one line."""


def _demo(arguments):
    try:
        from . import _demo as command
    except ImportError as error:
        raise UserError('demo needs Trollius on Python 2.7, and trustme: %s;'
                        ' pip install sslproto27[test]' % error)
    command.run()


if __name__ == '__main__':
    sys.exit(main())
