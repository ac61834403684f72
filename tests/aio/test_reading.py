"""What a stream reader hands out: data before an error, and neither lost."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import aio
from sslproto27.aio import From, Return
from tests.support.memory import PY2, raised

if PY2:
    import trollius

    import sslproto27.trollius


class TestReader(object):
    @pytest.mark.parametrize('turns', range(5))
    def test_data_as_it_waits(self, aio_loop, run, turns):
        """Data is returned by the read that is going on, however far that has come."""
        reader = aio.StreamReader(loop=aio_loop)

        @aio.coroutine
        def read():
            raise Return((yield From(reader.read(1))))
        task = aio.ensure_future(read())
        for _ in range(turns):
            aio_loop.call_soon(aio_loop.stop)
            aio_loop.run_forever()
        reader.feed_data(b'xy')
        assert b'x' == run(task)

    def test_two_at_once(self, aio_loop, run):
        """A second read while one waits is RuntimeError, and does not disturb the first."""
        reader = aio.StreamReader(loop=aio_loop)

        @aio.coroutine
        def read():
            raise Return((yield From(reader.read(1))))
        first = aio.ensure_future(read())
        assert RuntimeError is type(raised(run, read()))
        reader.feed_data(b'x')
        assert b'x' == run(first)

    @pytest.mark.parametrize('turns', range(5))
    def test_error_as_it_waits(self, aio_loop, run, turns):
        """An error is raised by the read that is going on, however far that has come."""
        reader = aio.StreamReader(loop=aio_loop)

        @aio.coroutine
        def read():
            try:
                yield From(reader.read(1))
            except ssl.SSLEOFError:
                raise Return('error')
        task = aio.ensure_future(read())
        for _ in range(turns):
            aio_loop.call_soon(aio_loop.stop)
            aio_loop.run_forever()
        reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        assert 'error' == run(task)

    @pytest.fixture
    def cut(self, aio_loop):
        """A reader of a connection that was cut after a line and a half."""
        reader = aio.StreamReader(loop=aio_loop)
        reader.feed_data(b'line\nand')
        reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        return reader

    def test_lines_before_an_error(self, cut, run):
        """What has arrived before an error is handed out, in lines or pieces, then the error."""
        assert b'line\n' == run(cut.readline())
        assert ssl.SSLEOFError is type(raised(run, cut.readline()))
        assert b'an' == run(cut.read(2))
        assert b'd' == run(cut.readexactly(1))
        assert b'' == run(cut.read(0))
        assert ssl.SSLEOFError is type(raised(run, cut.read(1)))
        assert ssl.SSLEOFError is type(cut.exception())

    @pytest.mark.parametrize('name, args', [
        ('read', ()), ('readexactly', (9,)), ('readexactly', (100,))])
    def test_what_an_error_leaves(self, cut, run, name, args):
        """A call that needs more raises the error, and leaves the data to one that does not."""
        for _ in range(2):
            assert ssl.SSLEOFError is type(raised(run, getattr(cut, name)(*args)))
        assert b'line\nand' == run(cut.read(100))

    @pytest.mark.parametrize('name, args', [('read', ()), ('readexactly', (9,)), ('readline', ())])
    @pytest.mark.parametrize('how', ['error', 'cancel'])
    def test_what_a_wait_leaves(self, aio_loop, run, name, args, how):
        """A call that fails, or is cancelled, as it waits leaves what it had to the next one."""
        reader = aio.StreamReader(loop=aio_loop)
        task = aio.ensure_future(getattr(reader, name)(*args))
        for piece in (b'one', b' two'):
            reader.feed_data(piece)
            for _ in range(3):
                run(aio.sleep(0))
        if how == 'error':
            reader.set_exception(ssl.SSLEOFError(8, 'cut'))
        else:
            task.cancel()
        with pytest.raises(ssl.SSLEOFError if how == 'error' else aio.CancelledError):
            run(task)
        assert b'one two' == run(reader.read(100))

    @pytest.mark.parametrize('name, args, expected', [
        ('read', (), b'a line\nrest'), ('read', (4,), b'a li'), ('readexactly', (8,), b'a line\nr'),
        ('readline', (), b'a line\n')])
    def test_pieces(self, aio_loop, run, name, args, expected):
        """Each call puts together what comes byte by byte."""
        reader = aio.StreamReader(loop=aio_loop)
        if name == 'read' and args:
            reader.feed_data(b'a li')
        task = aio.ensure_future(getattr(reader, name)(*args))
        for index in range(0 if reader._buffer else 11):
            reader.feed_data(b'a line\nrest'[index:index + 1])
            run(aio.sleep(0))
        reader.feed_eof()
        assert expected == run(task)

    def test_the_end(self, aio_loop, run):
        """At the end there is what is left, then nothing; readexactly says how much it had."""
        reader = aio.StreamReader(loop=aio_loop)
        reader.feed_data(b'rest')
        reader.feed_eof()
        assert b're' == run(reader.read(2))
        error = raised(run, reader.readexactly(3))
        assert (b'st', 3) == (error.partial, error.expected)
        assert [b'', b'', b''] == [run(reader.readline()), run(reader.read()), run(reader.read(1))]

    def test_long_lines(self, aio_loop, run):
        """A line beyond the limit is ValueError, whether its end has come or not."""
        reader = aio.StreamReader(limit=4, loop=aio_loop)
        reader.feed_data(b'12345\nab\n67890')
        assert ValueError is type(raised(run, reader.readline()))
        assert b'ab\n' == run(reader.readline())
        assert ValueError is type(raised(run, reader.readline()))


class TestReaduntil(object):
    """StreamReader.readuntil, which asyncio has and Trollius lacks."""

    @pytest.fixture(params=['ours'] + ["Trollius'"] * PY2)
    def reader(self, request, aio_loop):
        """A reader with a limit of 10 bytes: ours, and Trollius' own after install()."""
        if request.param == 'ours':
            yield aio.StreamReader(limit=10, loop=aio_loop)
            return
        sslproto27.trollius.install()
        aio.set_event_loop(aio_loop)  # of the new policy, too
        yield trollius.StreamReader(limit=10, loop=aio_loop)
        sslproto27.trollius.uninstall()

    def feed_later(self, aio_loop, reader, *chunks):
        """Feed *chunks*, each in a turn of its own; None is the end."""
        for number, chunk in enumerate(chunks):
            call = reader.feed_eof if chunk is None else reader.feed_data
            aio_loop.call_later(number * 0.001, call, *([] if chunk is None else [chunk]))

    @pytest.mark.parametrize('chunks', [
        [b'one\r\ntwo\r\n'], [b'one\r', b'\ntwo', b'\r\n'],
        [b'o', b'n', b'e', b'\r', b'\n', b't', b'w', b'o', b'\r', b'\n']])
    def test_split(self, aio_loop, run, reader, chunks):
        """A separator is found however it arrives; what follows stays."""
        self.feed_later(aio_loop, reader, *chunks)
        assert b'one\r\n' == run(reader.readuntil(b'\r\n'))
        assert b'two\r\n' == run(reader.readuntil(separator=b'\r\n'))

    def test_default(self, aio_loop, run, reader):
        """Unless told otherwise it reads a line."""
        reader.feed_data(b'a\nb')
        assert b'a\n' == run(reader.readuntil())

    def test_end(self, aio_loop, run, reader):
        """At the end IncompleteReadError has what was left, which is taken."""
        self.feed_later(aio_loop, reader, b'rest', None)
        error = raised(run, reader.readuntil(b'|'))
        assert (aio.IncompleteReadError, b'rest', None) == (
            type(error), error.partial, error.expected)
        assert b'' == run(reader.read())

    def test_end_with_separator(self, run, reader):
        """What is complete is returned at the end, too."""
        reader.feed_data(b'last|')
        reader.feed_eof()
        assert b'last|' == run(reader.readuntil(b'|'))

    @pytest.mark.parametrize('chunks, consumed', [
        ([b'01234567890123456'], 17), ([b'01234567890123456|'], 17), ([b'0123456789', b'012'], 13)])
    def test_limit(self, aio_loop, run, reader, chunks, consumed):
        """Beyond the limit it is LimitOverrunError, which says how much to skip; none is lost."""
        self.feed_later(aio_loop, reader, *chunks)
        error = raised(run, reader.readuntil(b'|'))
        assert (aio.LimitOverrunError, consumed) == (type(error), error.consumed)
        assert b''.join(chunks)[:consumed] == run(reader.readexactly(consumed))

    def test_at_the_limit(self, run, reader):
        """Ten bytes before the separator are within a limit of ten."""
        reader.feed_data(b'0123456789||')
        assert b'0123456789||' == run(reader.readuntil(b'||'))

    def test_error(self, aio_loop, run, reader):
        """What ends the connection is raised."""
        aio_loop.call_soon(reader.set_exception, ssl.SSLError('gone'))
        assert ssl.SSLError is type(raised(run, reader.readuntil(b'|')))

    def test_no_separator(self, run, reader):
        """An empty separator is a ValueError."""
        assert ValueError is type(raised(run, reader.readuntil(b'')))
        assert TypeError is type(raised(run, reader.readuntil(None)))
