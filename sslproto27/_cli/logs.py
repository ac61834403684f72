"""Prints the log records of the library and its frameworks as a command's lines."""
from __future__ import absolute_import, division, print_function

import contextlib
import logging

from .console import Console, printable

__all__ = ['log_to_console']


class _Handler(logging.Handler):
    """Prints a record as one line, which ends with the text of its exception."""

    def emit(self, record):
        """Print *record*."""
        try:
            text = printable(record.getMessage())
            error = record.exc_info and record.exc_info[1]
            if error:
                text += u': ' + printable(error)
            Console(patient=False).line(('bad', 'sslproto27: '), text)
        except Exception:
            self.handleError(record)


@contextlib.contextmanager
def log_to_console():
    """Print log records of level WARNING and above inside the ``with`` block."""
    handler, root = _Handler(logging.WARNING), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
