"""set_protocol() from inside of any callback, between protocols of both kinds: nothing is lost."""
from __future__ import absolute_import, division, print_function

import itertools

import pytest

from sslproto27 import SSLPipe
from tests.support.loops import App
from tests.support.pipe_pairs import pattern

DATA = pattern(1000)


class Stream(App):
    """An application that takes data as it comes."""


class Buffered(object):
    """
    An application that brings its own buffers, of 100 bytes.

    Attributes are those of `App`; the hook called 'get_buffer' is one more.
    """

    def __init__(self, **hooks):
        self.app = App(**hooks)
        self.buffer = bytearray(100)

    def __getattr__(self, name):
        if name == 'data_received':
            raise AttributeError(name)
        return getattr(self.app, name)

    def get_buffer(self, sizehint):
        """Return the one there is."""
        self.app.hooks.get('get_buffer', id)(self)
        return self.buffer

    def buffer_updated(self, size):
        """Keep what has come."""
        self.app.data_received(bytes(self.buffer[:size]))


KINDS = {'stream': Stream, 'buffered': Buffered}
WHERE = ['connection_made', 'data_received', 'get_buffer', 'outside']
ALL = [case for case in itertools.product(KINDS, KINDS, WHERE, (False, True))
       if case[0] == 'buffered' or case[2] != 'get_buffer']


@pytest.mark.parametrize('first,second,where,paused', ALL)
def test_nothing_is_lost(new, first, second, where, paused):  # noqa: F811
    """
    The two protocols together get what was sent, each byte once and in order; while reading is
    paused, neither gets any.
    """
    later = KINDS[second]()

    def change(app):
        if connection.transport.get_protocol() is later:
            return
        connection.transport.set_protocol(later)
        if paused:
            connection.transport.pause_reading()

    earlier = KINDS[first](**{where: change})
    connection = new(app=earlier)
    connection.handshake()
    if where == 'outside':
        change(earlier)
    connection.remote.sslobj.write(DATA[:400])
    connection.remote.sslobj.write(DATA[400:])
    connection.remote.flush()
    if paused:
        assert b'' == later.data
        connection.transport.resume_reading()
        connection.loop.run()
    assert DATA == earlier.data + later.data
    assert (len(DATA) > len(earlier.data)) == (first == 'buffered' or where != 'data_received')
    connection.remote.write(b'more')
    assert later.data.endswith(b'more')
    assert ([], False) == (connection.loop.errors, connection.lower.closed)


def test_buffers_while_unwrapping(new):  # noqa: F811
    """pause_reading counts while unwrap() waits, also in the middle of what was decrypted."""
    app = Buffered(data_received=lambda app: app.transport.pause_reading())
    connection = new(app=app).handshake()
    connection.remote.write(DATA)
    future = connection.transport.unwrap()
    connection.loop.run()
    connection.remote.close_notify()
    for count in range(1, 11):
        assert (100 * count, []) == (len(app.data), future.outcomes)
        connection.transport.resume_reading()
        connection.loop.run()
    assert (DATA, 1) == (app.data, len(future.outcomes))


@pytest.mark.parametrize('act', ['set_protocol', 'pause_reading', 'close', 'abort'])
def test_in_a_callback_of_tls(new, monkeypatch, act):  # noqa: F811
    """What a callback of TLS, which runs inside of a read, asks for holds for that read's data."""
    earlier, later = Stream(), Buffered()
    connection = new(app=earlier).handshake()
    feed_ssldata, arguments = SSLPipe.feed_ssldata, [later] if act == 'set_protocol' else []

    def feed_and_act(pipe, data):
        feed_ssldata(pipe, data)
        getattr(connection.transport, act)(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(SSLPipe, 'feed_ssldata', feed_and_act)
        connection.remote.write(DATA)
    assert (b'', DATA if act == 'set_protocol' else b'') == (earlier.data, later.app.data)
    connection.transport.resume_reading()
    connection.loop.run()
    assert (DATA if act == 'pause_reading' else b'') == earlier.data
    assert [] == connection.loop.errors
