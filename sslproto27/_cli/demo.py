"""``demo``: the command; it checks that the required packages are there."""
from __future__ import absolute_import, division, print_function

import threading

from .console import UserError, require_python2

HELP = 'run an echo server and two clients over memory BIOs'


def add_arguments(parser):
    """Add nothing: the command has no arguments."""


def run(arguments):
    """Run the demonstration."""
    require_python2('demo', 'it runs on Trollius, which Python 3 does not have')
    try:
        from . import demonstration
    except ImportError as error:
        raise UserError('demo needs Trollius and trustme: %s; pip install trollius trustme', error)
    try:
        demonstration.run()
    except threading.ThreadError as error:
        raise UserError('demo: %s', error)
