"""Prints warnings and log records of the library and its frameworks as a command's lines."""
from __future__ import absolute_import, division, print_function

import contextlib
import logging
import warnings

from .console import Console, printable

__all__ = ['log_to_console']


def _print(text):
    Console(patient=False).line(('bad', 'sslproto27: '), text)


class _Handler(logging.Handler):
    """Prints a record as one line, which ends with the text of its exception."""

    def emit(self, record):
        """Print *record*."""
        try:
            text = printable(record.getMessage())
            error = record.exc_info and record.exc_info[1]
            if error:
                text += u': ' + printable(error)
            _print(text)
        except Exception:
            self.handleError(record)


@contextlib.contextmanager
def log_to_console(quiet=False):
    """
    Print warnings, and log records of level WARNING and above, inside the ``with`` block.

    Args:
        quiet (bool): do not print the warnings.
    """
    def show(message, *args, **kwargs):  # not where in our code it was issued
        if not quiet:
            _print(printable(message))

    handler, root, before = _Handler(logging.WARNING), logging.getLogger(), warnings.showwarning
    root.addHandler(handler)
    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = before
        root.removeHandler(handler)
