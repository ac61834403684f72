"""What a command says, and how: lines for people, in colours on a terminal alone."""
from __future__ import absolute_import, division, print_function

import argparse
import os
import re
import select
import sys

import six

from .._core.compat import PY2

__all__ = ['Console', 'Output', 'OutputError', 'UserError', 'count', 'printable', 'seconds']

#: SGR parameters, ECMA-48 8.3.117.
_STYLES = {'bold': '1', 'dim': '2', 'good': '32', 'warn': '33', 'bad': '1;31'}

#: What a terminal could obey, or a reader be misled by: C0, DEL, C1, and what changes the direction
#: of text (Unicode's Bidi_Control) or ends a line.
_OBEYED = re.compile(u'[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]')


#: Bytes for which a pipe has room that is ready to be written: PIPE_BUF, at least 512 (pipe(7)).
_ROOM = 4096


#: Where in C an error was raised, as Python's ssl tells.
_OF_C = re.compile(r' \(_ssl\.c:[0-9]+\)$')


class UserError(Exception):
    """
    What the user can mend, or has to know; printed as one line, with exit status 1.

    Args:
        message (str): the line, or its template where there are *values*.
        *values: for the template. Text and bytes in any encoding, errors and numbers go together.
    """

    def __init__(self, message, *values):
        if values:
            message = printable(message) % tuple(
                value if isinstance(value, (int, float)) else printable(value) for value in values)
        super(UserError, self).__init__(message)

    def __str__(self):
        text = printable(self.args[0])
        return text.encode('utf-8') if PY2 else text


class OutputError(Exception):
    """
    Standard output cannot be written: `streams.end_without_output` is what to do then.

    Attributes:
        errno (int or None): why.
    """

    def __init__(self, error):
        self.errno = getattr(error, 'errno', None)
        super(OutputError, self).__init__(printable(error))


def printable(value):
    """
    Return *value* as text that nothing obeys: peers choose the names in their certificates.

    Of an error that is its reason, without its number.
    """
    if isinstance(value, Exception):
        value = (getattr(value, 'strerror', None) or value.args and value.args[-1]
                 or type(value).__name__)
        if isinstance(value, str):
            value = _OF_C.sub('', value)
    if not isinstance(value, (bytes, six.text_type)):
        try:
            value = str(value)
        except UnicodeError:  # of an error on Python 2, whose own text is not ASCII
            value = six.text_type(value)
    if isinstance(value, bytes):
        value = value.decode('utf-8', 'replace')
    return _OBEYED.sub(lambda found: u'\\x%02x' % ord(found.group()), value)


class Console(object):
    """
    Where a command's lines for people go. What cannot be written is lost: it ends no connection.

    Args:
        stream (file or None): standard error if None.
        patient (bool): whether to wait while nobody reads. A server does not: its clients would
            wait, too.

    Attributes:
        is_terminal (bool): whether a person looks at it.
    """

    def __init__(self, stream=None, patient=True):
        self._patient = patient
        self._stream = sys.stderr if stream is None else stream
        self.is_terminal = self._stream.isatty()
        # no-color.org: set, and not empty
        self._colours = (self.is_terminal and not os.environ.get('NO_COLOR')
                         and os.environ.get('TERM') != 'dumb')
        self._progress = False

    def line(self, *spans):
        """
        Print one line.

        Args:
            *spans: each a text, or (style, text) with a style of 'bold', 'dim', 'good', 'warn' and
                'bad'. Control characters are printed as ``\\x1b``, so any text can be given.
        """
        self.wipe()
        self._write(u''.join(self._render(span) for span in spans) + u'\n')

    def lines(self, text):
        """Print *text*, lines."""
        for line in text.splitlines():
            self.line(line)

    def fact(self, name, *spans):
        """Print one line, *name* in a column of its own."""
        self.line(('dim', u'%-13s' % name), *spans)

    def progress(self, text):
        """Show what is being done, on a terminal alone, until the next line."""
        if self.is_terminal:
            self.wipe()
            self._write(self._render(('dim', text)))
            self._progress = True

    def wipe(self):
        """Take the progress off the terminal, if there is any."""
        if self._progress:
            self._write(u'\r\x1b[K')
            self._progress = False

    def _render(self, span):
        style, text = span if isinstance(span, tuple) else (None, span)
        text = printable(text)
        if self._colours and style:
            return u'\x1b[%sm%s\x1b[0m' % (_STYLES[style], text)
        return text

    def _write(self, text):
        encoding = self._stream.encoding or 'utf-8'
        data = text.encode(encoding, 'backslashreplace')
        try:
            if not self._patient:
                if not select.select([], [self._stream], [], 0)[1]:
                    return
                if len(data) > _ROOM:
                    data = data[:_ROOM - 4] + b'...\n'
            self._stream.write(data if PY2 else data.decode(encoding, 'ignore'))
            self._stream.flush()
        except (EnvironmentError, ValueError, select.error) as error:  # ValueError: it is closed
            self._lose(error)

    def _lose(self, error):
        """Do without what could not be written."""


class Output(Console):
    """
    Standard output, where goes what the command is run for.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self):
        super(Output, self).__init__(sys.stdout)

    def _lose(self, error):
        raise OutputError(error)


def count(text):
    """Return *text*, from the command line, an int from 1 to a million; else ArgumentTypeError."""
    return _number(int, text, 1, 1000000)


def seconds(text):
    """Return *text*, from the command line, as a positive float; else ArgumentTypeError."""
    return _number(float, text, 1e-3, 1e6)


def _number(kind, text, least, most):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(
            str(UserError('%s is not a number from %g to %d', text, least, most)))
    return value
