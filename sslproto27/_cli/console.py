"""The output of commands: lines for people, with colours only on a terminal."""
from __future__ import absolute_import, division, print_function

import argparse
import os
import re
import select
import sys

import six

from .._core.compat import PY2
from .._core.waiting import is_ready

__all__ = ['Console', 'Output', 'OutputError', 'UsageError', 'UserError', 'count', 'printable',
           'protocol', 'quoted', 'require_python2', 'seconds']

#: SGR parameters, ECMA-48 8.3.117.
_STYLES = {'bold': '1', 'dim': '2', 'good': '32', 'warn': '33', 'bad': '1;31'}

#: Characters that a terminal could obey, or that could mislead a reader: C0, DEL, C1, those that
#: change the direction of text (Unicode's Bidi_Control), and those that end a line.
_OBEYED = re.compile(u'[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]')


#: If select() says that a pipe is writable, it has room for this many bytes: PIPE_BUF on Linux. It
#: is at least 512 everywhere (pipe(7)).
_ROOM = 4096


#: The place in C where an error was raised; Python's ssl adds it to the text.
_OF_C = re.compile(r' \(_ssl\.c:[0-9]+\)')


class UserError(Exception):
    """
    An error that the user can fix, or has to know. It is printed as one line.

    Args:
        message (str): the line, or with *values* its template.
        *values: for the template: text, bytes in any encoding, errors and numbers, in any mixture.

    Attributes:
        status (int): the exit status of the command.
    """

    status = 1

    def __init__(self, message, *values):
        if values:
            message = printable(message) % tuple(
                value if isinstance(value, (int, float)) else printable(value) for value in values)
        super(UserError, self).__init__(message)

    def __str__(self):
        text = printable(self.args[0])
        return text.encode('utf-8') if PY2 else text


class UsageError(UserError):
    """The arguments are wrong, whatever files and servers there are."""

    status = 2


class OutputError(Exception):
    """
    Standard output cannot be written. `streams.end_without_output` then ends the command.

    Attributes:
        errno (int or None): the reason.
    """

    def __init__(self, error):
        self.errno = getattr(error, 'errno', None)
        super(OutputError, self).__init__(printable(error))


def printable(value):
    """
    Return *value* as text without control characters: peers choose the names in certificates.

    For an error, return its reason without its number.
    """
    is_error = isinstance(value, Exception)
    if is_error:
        value = (getattr(value, 'strerror', None) or value.args and value.args[-1]
                 or type(value).__name__)
    if not isinstance(value, (bytes, six.text_type)):
        try:
            value = str(value)
        except UnicodeError:  # on Python 2, an error whose text is not ASCII
            value = six.text_type(value)
    if isinstance(value, bytes):
        value = value.decode('utf-8', 'replace')
    if is_error:
        value = _OF_C.sub(u'', value)
    return _OBEYED.sub(lambda found: u'\\x%02x' % ord(found.group()), value)


def quoted(answer, most=200):
    """Return the first line of a peer's *answer* (bytes) that is not empty, as text."""
    return printable(answer.strip().split(b'\n')[0].rstrip()[:most]) or u'an empty line'


class Console(object):
    """
    Prints a command's lines for people. Lines that cannot be written are lost; nothing fails.

    Args:
        stream (file or None): the stream to print on; None means standard error.
        patient (bool): whether to wait if the reader of the stream is slow. A server does not,
            because its clients would have to wait too.

    Attributes:
        is_terminal (bool): whether the stream is a terminal.
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
            *spans: each a text or a (style, text); the styles are 'bold', 'dim', 'good', 'warn'
                and 'bad'. Any text is safe: control characters are printed as ``\\x1b``.
        """
        self.wipe()
        self._write(u''.join(self._render(span) for span in spans) + u'\n')

    def lines(self, text):
        """Print each line of *text*."""
        for line in text.splitlines():
            self.line(line)

    def fact(self, name, *spans):
        """Print one line, with *name* in the first column."""
        self.line(('dim', u'%-13s' % name), *spans)

    def progress(self, text):
        """Show the current step until the next line is printed; only on a terminal."""
        if self.is_terminal:
            self.wipe()
            self._write(self._render(('dim', text)))
            self._progress = True

    def wipe(self):
        """Erase the progress from the terminal, if there is any."""
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
                if not is_ready(self._stream.fileno(), True, 0):
                    return
                if len(data) > _ROOM:
                    data = data[:_ROOM - 4] + b'...\n'
            self._stream.write(data if PY2 else data.decode(encoding, 'ignore'))
            self._stream.flush()
        except (EnvironmentError, ValueError, select.error) as error:  # ValueError: it is closed
            self._lose(error)

    def _lose(self, error):
        """Ignore that a line could not be written."""


class Output(Console):
    """
    Prints the command's results on standard output.

    Raises:
        OutputError: standard output cannot be written.
    """

    def __init__(self):
        super(Output, self).__init__(sys.stdout)

    def _lose(self, error):
        raise OutputError(error)


def require_python2(command, reason):
    """Raise UserError on Python 3, where *command* cannot work."""
    if not PY2:
        raise UserError('%s needs Python 2.7: %s' % (command, reason))


def count(text):
    """Parse an int from 1 to a million on the command line; raise ArgumentTypeError otherwise."""
    return _number(int, text, 1, 1000000)


def seconds(text):
    """Parse a positive float on the command line; raise ArgumentTypeError otherwise."""
    return _number(float, text, 1e-3, 1e6)


def protocol(text):
    """Check the name of an ALPN protocol on the command line; ArgumentTypeError if it is bad."""
    if not re.match('[\x01-\x7f]{1,255}\\Z', text):  # the length: RFC 7301 3.1
        raise argparse.ArgumentTypeError(
            str(UserError('%s is not a name of 1 to 255 ASCII characters', text)))
    return text


def _number(kind, text, least, most):
    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not least <= value <= most:
        raise argparse.ArgumentTypeError(
            str(UserError('%s is not a number from %g to %d', text, least, most)))
    return value
