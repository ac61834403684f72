"""Two pipes as one transport: the transport's own methods, without TLS."""
from __future__ import absolute_import, division, print_function

import os

import pytest

from sslproto27 import aio
from tests.support.aio_helpers import App
from tests.support.memory import raised

SIZE = 1 << 20  # more than a pipe takes


class Writer(App):
    """An application that is told when to pause."""

    def pause_writing(self):
        """Note it."""
        self._note('pause_writing')

    def resume_writing(self):
        """Note it."""
        self._note('resume_writing')


@pytest.fixture
def connected(aio_loop, run):
    """An application over two pipes, and the far ends' descriptors: (app, to read, to write)."""
    far_reading, writing = os.pipe()
    reading, far_writing = os.pipe()
    app = Writer(aio_loop)
    run(aio.connect_pipes(lambda: app, os.fdopen(reading, 'rb', 0), os.fdopen(writing, 'wb', 0)))
    ends = [far_reading, far_writing]
    yield app, ends
    app.transport.abort()
    for end in ends:
        os.close(end)
    run(app.over)


def test_writelines(connected):
    """What writelines is given arrives in order."""
    app, (reading, _) = connected
    app.transport.writelines([b'one', b'two'])
    assert b'onetwo' == os.read(reading, 100)


def test_protocol(connected, aio_loop, run):
    """set_protocol gives what arrives to another protocol, which get_protocol returns."""
    app, (_, writing) = connected
    other = Writer(aio_loop)
    assert app is app.transport.get_protocol()
    app.transport.set_protocol(other)
    assert other is app.transport.get_protocol()
    os.write(writing, b'x')
    run(other.has(1))
    app.transport.set_protocol(app)
    assert (b'x', b'') == (other.data, app.data)


def test_pause(connected, run):
    """Between pause_reading and resume_reading, however often they are called, nothing comes."""
    app, (_, writing) = connected
    transport = app.transport
    assert transport.is_reading()
    transport.pause_reading()
    transport.pause_reading()
    assert not transport.is_reading()
    os.write(writing, b'x')
    run(aio.sleep(0))
    run(aio.sleep(0))
    assert b'' == app.data
    transport.resume_reading()
    transport.resume_reading()
    assert transport.is_reading()
    run(app.has(1))


def test_limits(connected):
    """Above the limit that was set the application is asked to pause, and the size is told."""
    app, _ = connected
    app.transport.set_write_buffer_limits(high=1000)
    app.transport.write(b'x' * SIZE)
    assert ['connection_made', 'pause_writing'] == app.names
    assert 0 < app.transport.get_write_buffer_size() < SIZE


def test_reader_is_gone(connected, run):
    """When the far reader goes, who was asked to pause is told to go on, and can still receive."""
    app, ends = connected
    app.transport.write(b'x' * SIZE)
    os.close(ends[0])
    ends.pop(0)
    os.write(ends[0], b'last')
    run(app.has(4))
    assert {'pause_writing', 'resume_writing'} <= set(app.names)
    app.transport.write(b'into nothing')
    app.transport.write_eof()
    app.transport.set_write_buffer_limits(high=3)
    assert 0 == app.transport.get_write_buffer_size()
    assert app.transport.get_extra_info('pipes') is None


def test_write_eof(connected):
    """write_eof, which can be done, ends what the far end reads, after all that was written."""
    app, (reading, _) = connected
    assert app.transport.can_write_eof()
    app.transport.write(b'all')
    app.transport.write_eof()
    assert b'all' == os.read(reading, 100)


def test_extra_info(connected):
    """What is known are the two files, and nothing else."""
    app, _ = connected
    assert [int, int] == [type(file.fileno()) for file in app.transport.get_extra_info('pipes')]
    assert 'nothing' == app.transport.get_extra_info('peername', 'nothing')


def test_no_pipe(aio_loop, run):
    """Where the second file is no pipe the first one is closed, and the error is told."""
    reading, writing = os.pipe()
    with open(os.devnull, 'rb') as nothing, open(__file__, 'rb') as file:
        del nothing
        error = raised(run, aio.connect_pipes(
            lambda: App(aio_loop), file, os.fdopen(writing, 'wb', 0)))
    assert ValueError is type(error)
    run(aio.sleep(0))
    assert b'' == os.read(reading, 1)
    os.close(reading)
