"""Lines for people: what can be printed, colours, and streams that fail."""
from __future__ import absolute_import, division, print_function

import os
import ssl

import pytest
import six

from sslproto27._cli.console import Console, UserError, printable
from tests.support.commands import Screen


class TestConsole(object):
    @pytest.mark.parametrize('text, shown', [
        (u'plain', u'plain'), (b'bytes', u'bytes'), (7, u'7'), (u'\x1b[2J', u'\\x1b[2J'),
        (u'a\nb', u'a\\x0ab'), (u'\x9b2J', u'\\x9b2J'), (u'\u202ea.b', u'\\x202ea.b'),
        (u'M\xfcller', u'M\xfcller'), (b'\xff', u'\ufffd')])
    def test_printable(self, text, shown):
        """Nothing that a peer has chosen can give orders to a terminal, or turn text round."""
        assert shown == printable(text)

    @pytest.mark.parametrize('error, shown', [
        (IOError(2, 'No such file', b'x'), u'No such file'), (ValueError('bad'), u'bad'),
        (ValueError(u'b\xe4d'), u'b\xe4d'), (ValueError(u'b\xe4d'.encode('utf-8')), u'b\xe4d'),
        (ssl.SSLError('bad'), u'bad'), (ValueError(), u'ValueError')])
    def test_error(self, error, shown):
        """An error is its reason, whatever that is made of."""
        assert shown == printable(error)

    def test_user_error(self):
        """What the user has given goes into a message in any encoding, beside other text."""
        error = UserError('%s, %s, %s: %d', u'\xf6', u'\xf6'.encode('utf-8'), b'\xff\n', 7)
        assert u'\xf6, \xf6, \ufffd\\x0a: 7' == error.args[0]
        assert error.args[0] == printable(str(error))

    @pytest.mark.parametrize('kind', [str, six.text_type])
    def test_error_of_c(self, kind):
        """Where in C an error was raised is of no use, be its text of either kind, and noted."""
        assert u'no ca (note)' == printable(ssl.SSLError(1, kind('no ca (_ssl.c:3063) (note)')))

    def test_encoding(self):
        """What the stream cannot encode is escaped."""
        screen = Screen()
        Console(screen).line(u'M\xfcller')
        assert u'M\\xfcller\n' == screen.shown

    def test_file(self):
        """A file gets neither colours nor progress."""
        screen = Screen()
        console = Console(screen)
        console.progress('on it')
        console.line(('bad', 'no'), ' more')
        assert u'no more\n' == screen.shown

    def test_terminal(self, monkeypatch):
        """A terminal gets both, and the progress is wiped off by the next line."""
        monkeypatch.delenv('NO_COLOR', raising=False)
        monkeypatch.setenv('TERM', 'xterm')
        screen = Screen(is_terminal=True)
        console = Console(screen)
        console.progress('on it')
        console.line(('bad', u'no\x1b'), ' more')
        assert (u'\x1b[2mon it\x1b[0m' u'\r\x1b[K' u'\x1b[1;31mno\\x1b\x1b[0m more\n'
                == screen.shown)

    @pytest.mark.parametrize('value, coloured', [('1', False), ('', True)])
    def test_no_color(self, value, coloured, monkeypatch):
        """NO_COLOR counts when it is not empty (no-color.org)."""
        monkeypatch.setenv('TERM', 'xterm')
        monkeypatch.setenv('NO_COLOR', value)
        screen = Screen(is_terminal=True)
        Console(screen).line(('good', 'yes'))
        assert coloured == (u'\x1b' in screen.shown)


class TestPatience(object):
    """Lines of a server, whose clients must not wait for whoever reads its standard error."""

    @pytest.fixture
    def pipe(self):
        """The reader of a pipe, and the stream that writes to it."""
        reader, writer = os.pipe()
        stream = os.fdopen(writer, 'w')
        yield reader, stream
        stream.close()
        os.close(reader)

    def test_unread(self, pipe):
        """Lines for which there is no room are lost; what is printed is whole lines."""
        reader, stream = pipe
        console = Console(stream, patient=False)
        for number in range(20000):
            console.line('line %5d' % number)
        data = os.read(reader, 1 << 20)
        assert 0 < len(data) < 20000 * 11
        assert b'line     0\nline     1\n' == data[:22]
        assert {10} == set(len(line) for line in data.splitlines())

    def test_long(self, pipe):
        """A line that a pipe may have no room for is cut."""
        reader, stream = pipe
        Console(stream, patient=False).line('x' * 100000)
        assert b'x' * 4092 + b'...\n' == os.read(reader, 1 << 20)

    def test_gone(self, pipe):
        """A stream that fails is no reason to stop."""
        _, stream = pipe
        writer = os.dup(stream.fileno())
        with open(os.devnull) as null:
            os.dup2(null.fileno(), stream.fileno())
        Console(stream).line('lost')
        os.dup2(writer, stream.fileno())
        os.close(writer)
