"""The command line: ``python -m sslproto27``. Each command is a module of `sslproto27._cli`."""
from __future__ import absolute_import, division, print_function

import argparse
import sys

from . import __version__
from ._cli import bench, connect, demo, info, proxy, run, serve
from ._cli.console import Console, Output, OutputError, UserError, printable
from ._cli.logs import log_to_console
from ._cli.streams import end_without_output, flush_at_exit, reserve
from ._command import INTERRUPTED, end_silently, interruptible
from ._core.engine import EngineUnavailable

__all__ = ['main']

_COMMANDS = [('info', info), ('demo', demo), ('connect', connect),
             ('serve', serve), ('proxy', proxy), ('run', run), ('bench', bench)]


def main(argv=None):
    """
    Run a command.

    Args:
        argv (list of str or None): the arguments; those of the process if None.

    Returns:
        int: the exit status: 0 for success, 1 for a failure, which is printed as one line on
        standard error, 2 for wrong arguments, 130 after Ctrl-C. If standard output has lost its
        reader, the process dies by SIGPIPE.
    """
    reserve()
    try:
        interruptible()
        arguments = _parse(sys.argv[1:] if argv is None else argv)
        with log_to_console(quiet=getattr(arguments, 'quiet', False)):
            return arguments.run(arguments) or 0
    except OutputError as error:
        return end_without_output(error)
    except (UserError, EngineUnavailable, NotImplementedError) as error:
        Console().line(('bad', 'sslproto27: '), error.args[0])
        return getattr(error, 'status', UserError.status)
    except EnvironmentError as error:  # of this machine, which no command has words for
        where = u': '.join(printable(one) for one in (error.filename, error) if one)
        Console().line(('bad', 'sslproto27: '), where)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        flush_at_exit()
        end_silently()


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in one line, like all other errors."""

    def _check_value(self, action, value):
        """Refuse a value that is not among the choices; argparse would print its repr."""
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, str(UserError(
                '%s is not one of %s', value, ', '.join(action.choices))))

    def error(self, message):
        """End with status 2."""
        Console().line(('bad', '%s: ' % self.prog), '%s (see %s --help)' % (message, self.prog))
        self.exit(2)

    def _print_message(self, message, file=None):
        """Print help or the version as the command's result; argparse prints only through this."""
        Output().lines(message)


def _parse(argv):
    program = []
    if argv[:1] == ['run']:
        options, program = run.split(argv[1:])
        argv = argv[:1] + options
    return _parser().parse_args(argv, argparse.Namespace(program=program))


def _parser():
    parser = _Parser(
        prog='sslproto27', description='TLS in memory for Python 2.7.')
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    commands.required = True
    for name, module in _COMMANDS:
        command = commands.add_parser(
            name, help=module.HELP, description=module.HELP[0].upper() + module.HELP[1:] + '.',
            epilog=getattr(module, 'EPILOG', None))
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


if __name__ == '__main__':
    sys.exit(main())
