"""``demo``: the arguments, of which there are none, and what it needs."""
from __future__ import absolute_import, division, print_function

from .console import UserError

HELP = 'an echo server and its clients, over memory BIOs'


def add_arguments(parser):
    """There are none."""


def run(arguments):
    """Show the demonstration."""
    try:
        from . import demonstration
    except ImportError as error:
        raise UserError('demo needs Trollius on Python 2.7, and trustme: %s;'
                        ' pip install trollius trustme', error)
    demonstration.run()
