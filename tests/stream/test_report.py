"""What operators are told of handshakes that fail."""
from __future__ import absolute_import, division, print_function

import logging

import pytest

from sslproto27 import SSLPipe
from sslproto27._stream.report import (
    LINES, PERIOD, FailedHandshakes, address, failed_handshakes, logger, requested_name)
from tests.support.memory import PY2


class Clock(object):
    """Seconds, as the test has them."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def reports(clock):
    """Reports by that clock."""
    return FailedHandshakes(clock)


def messages(caplog):
    """Return what has been logged, and forget it."""
    found = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return found


def test_limit(reports, clock, caplog):
    """So many lines are logged in a period; the next period begins with how many were not."""
    for number in range(LINES + 5):
        reports.warn(logger, 'failure %d', None, number)
    texts = messages(caplog)
    assert ['failure %d' % number for number in range(LINES - 1)] == texts[:-1]
    assert texts[-1].startswith('failure %d; ' % (LINES - 1))
    clock.now += PERIOD
    reports.warn(logger, 'failure', None)
    assert ['5 more TLS handshakes failed', 'failure'] == messages(caplog)


def test_quiet(reports, clock, caplog):
    """A few failures now and then are all logged, and nothing else is."""
    for _ in range(3 * LINES):
        reports.warn(logger, 'failure', None)
        clock.now += PERIOD / 2
    assert ['failure'] * 3 * LINES == messages(caplog)


def test_clock_set_back(reports, clock, caplog):
    """A clock that was set back does not silence what comes."""
    for _ in range(LINES + 1):
        reports.warn(logger, 'failure', None)
    messages(caplog)
    clock.now -= 10 * PERIOD
    reports.warn(logger, 'failure', None)
    assert ['1 more TLS handshakes failed', 'failure'] == messages(caplog)


def test_level(reports, caplog):
    """Lines are warnings of the logger given."""
    with caplog.at_level(logging.WARNING, 'another'):
        reports.warn(logging.getLogger('another'), 'failure', None)
    assert [('another', logging.WARNING)] == [(record.name, record.levelno)
                                              for record in caplog.records]


@pytest.mark.parametrize('peer, expected', [
    (('192.0.2.1', 443), '192.0.2.1:443'), (('2001:db8::1', 443, 0, 0), '[2001:db8::1]:443'),
    ('', 'an unknown peer'), (None, 'an unknown peer'), ('/path\n', repr('/path\n'))])
def test_address(peer, expected):
    """An address is written as in URLs; what may hold anything is quoted."""
    assert expected == address(peer)


@pytest.mark.parametrize('name', [u'localhost', u'other.example', None])
def test_requested_name(pki, reports, caplog, name):
    """The name that a client asked for is known, on 2.7, once its hello has come, and quoted."""
    client = SSLPipe(pki.client_context(), server_hostname=name) if name else SSLPipe(
        pki.client_context(trust=None))
    server = SSLPipe(pki.server_context('ecdsa'), server_side=True)
    assert None is requested_name(server.ssl_object)
    server.do_handshake()
    client.do_handshake()
    server.feed_ssldata(client.data_to_send())
    expected = str(name) if name and PY2 else None
    assert expected == requested_name(server.ssl_object)
    reports.warn(logger, 'failure', server.ssl_object)
    text, = messages(caplog)
    assert text == ('failure (the client asked for %r)' % expected if expected else 'failure')


def test_one_for_all():
    """There is one limit in a process, whatever frameworks it has."""
    assert isinstance(failed_handshakes, FailedHandshakes)
