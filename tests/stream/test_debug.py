"""What transports check and tell in debug mode, in memory."""
from __future__ import absolute_import, division, print_function

import gc
import logging
import threading
import warnings

import pytest

from sslproto27._core.compat import ResourceWarning
from sslproto27._stream.transport import StandaloneTransport
from tests.support.loops import App, Loop
from tests.support.memory import raised


@pytest.fixture
def unheld(new):
    """A function that makes a connection on a loop in debug mode."""
    def make(**kwargs):
        loop = Loop()
        loop.debug = True
        return new(loop=loop, **kwargs)
    return make


@pytest.fixture
def debug(unheld):
    """The same; what it made is closed afterwards."""
    made = []

    def make(**kwargs):
        made.append(unheld(**kwargs))
        return made[-1]
    yield make
    for connection in made:
        connection.transport.abort()
        connection.loop.run()


def in_thread(call, *args):
    """Return the exception that a call in another thread ends in, or None."""
    outcome = []

    def run():
        try:
            call(*args)
        except Exception as error:
            outcome.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return outcome[0] if outcome else None


class TestThreads(object):
    CALLS = [('write', (b'x',)), ('writelines', ([b'x'],)), ('close', ()), ('abort', ()),
             ('unwrap', ()), ('pause_reading', ()), ('resume_reading', ()),
             ('set_protocol', (App(),)), ('set_write_buffer_limits', (1,))]

    @pytest.mark.parametrize('name, args', CALLS)
    def test_wrong_thread(self, debug, name, args):
        """In debug mode a call from another thread is RuntimeError, and does nothing."""
        connection = debug().handshake()
        sent = connection.lower.sent
        error = in_thread(getattr(connection.transport, name), *args)
        assert (RuntimeError, True) == (type(error), name in str(error))
        assert (sent, False) == (connection.lower.sent, connection.transport.is_closing())

    @pytest.mark.parametrize('name, args', CALLS)
    def test_right_thread(self, debug, name, args):
        """The loop's own thread may call everything."""
        getattr(debug().handshake().transport, name)(*args)

    def test_without_debug(self, new):
        """Without debug mode nothing is checked: that costs time."""
        connection = new().handshake()
        assert None is in_thread(connection.transport.write, b'x')
        assert StandaloneTransport is type(connection.transport)


class TestUnclosed(object):
    def told(self, end):
        """Return the warnings of a connection that *end* ended and that was thrown away."""
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter('always')
            end()
            gc.collect()
        return [warning.category for warning in told if 'unclosed' in str(warning.message)]

    def test_unclosed(self, unheld):
        """A transport that is thrown away unclosed is warned of, once."""
        connection = [unheld().handshake()]
        assert [ResourceWarning] == self.told(connection.pop)

    @pytest.mark.parametrize('call', ['close', 'abort'])
    def test_closed(self, unheld, call):
        """A transport that was closed or aborted before is not."""
        connection = [unheld().handshake()]
        getattr(connection[0].transport, call)()
        assert [] == self.told(connection.pop)

    def test_lost(self, unheld):
        """A transport whose connection was lost is not, either."""
        connection = [unheld().handshake()]
        connection[0].lower.break_down(None)
        connection[0].loop.run()
        connection[0].protocol.transport.is_closing()
        assert [] == self.told(connection.pop)

    def test_without_debug(self, new):
        """Without debug mode nobody looks."""
        connection = [new().handshake()]
        assert [] == self.told(connection.pop)


class TestTold(object):
    @pytest.mark.parametrize('name', ['cipher', 'alpn_protocol', 'peercert'])
    def test_early(self, debug, caplog, name):
        """What is asked for before the handshake has settled it is warned of."""
        connection = debug().start()
        with caplog.at_level(logging.WARNING, 'sslproto27'):
            assert 'default' == connection.transport.get_extra_info(name, 'default')
        record, = caplog.records
        assert name in record.getMessage()
        caplog.clear()
        connection.remote.handshake()
        with caplog.at_level(logging.WARNING, 'sslproto27'):
            connection.transport.get_extra_info(name)
        assert [] == caplog.records

    def test_early_certificate(self, new):
        """The TLS object itself raises ValueError for a certificate before the handshake."""
        ssl_object = new().start().transport.get_extra_info('ssl_object')
        assert ValueError is type(raised(ssl_object.getpeercert))
        assert (None, None) == (ssl_object.cipher(), ssl_object.version())

    def test_duration_and_eof(self, debug, caplog):
        """How long the handshake took is logged, and EOF."""
        connection = debug()
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            connection.start()
            connection.loop._now += 1.5
            connection.remote.handshake().send_eof()
        messages = [record.getMessage() for record in caplog.records]
        assert [1, 1] == [len([text for text in messages if part in text])
                          for part in ('took 1500.0 ms', 'received EOF')]

    def test_reason(self, debug, caplog):
        """Why the handshake failed is logged."""
        connection = debug().start()
        with caplog.at_level(logging.DEBUG, 'sslproto27'):
            connection.remote.transport.write(b'HTTP/1.1 400 Bad Request\r\n\r\n')
            connection.loop.run()
        assert 1 == len([record for record in caplog.records
                         if 'failed' in record.getMessage()
                         and str(connection.outcomes[0]) in record.getMessage()])
