"""Calls to the transport below: by its methods, or by the attributes that Trollius' have."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27._stream import lower_transport


class Attributes(object):
    """A transport with nothing but attributes, as Trollius'; `calls` notes what it is told."""

    _closing = _paused = _protocol_paused = False
    _sock = _protocol = None

    def __init__(self):
        self.calls = []
        self.size = 0

    def get_write_buffer_size(self):
        """Return how much is still to be sent."""
        return self.size

    def pause_reading(self):
        """Note it."""
        self.calls.append('pause')
        self._paused = True

    def resume_reading(self):
        """Note it."""
        self.calls.append('resume')
        self._paused = False


class Methods(Attributes):
    """One with a method for each, as asyncio's; it has no such attributes to look at."""

    def __init__(self):
        super(Methods, self).__init__()
        self.closing, self.protocol = False, None

    def is_closing(self):
        """Return whether it is closing."""
        return self.closing

    def is_reading(self):
        """Return whether it reads."""
        return self.calls[-1:] != ['pause']

    def get_protocol(self):
        """Return what was set."""
        return self.protocol

    def set_protocol(self, protocol):
        """Keep it."""
        self.protocol = protocol


@pytest.fixture(params=[Attributes, Methods], ids=['attributes', 'methods'])
def transport(request):
    """A transport of each kind."""
    return request.param()


def close(transport):
    """Let it be closing."""
    if isinstance(transport, Methods):
        transport.closing = True
    else:
        transport._closing = True


def test_is_closing(transport):
    """It is closing once it says so."""
    before = lower_transport.is_closing(transport)
    close(transport)
    assert (False, True) == (before, lower_transport.is_closing(transport))


def test_no_attribute():
    """A transport that does not say it is open, and reads."""
    assert (False, False) == (lower_transport.is_closing(object()),
                              lower_transport.is_writing_paused(object()))


def test_pause_and_resume(transport):
    """It is paused and resumed once, however often it is asked to be."""
    for call in (lower_transport.resume_reading, lower_transport.pause_reading,
                 lower_transport.pause_reading, lower_transport.resume_reading,
                 lower_transport.resume_reading):
        call(transport)
    assert ['pause', 'resume'] == transport.calls


def test_closing_is_left_alone(transport):
    """One that is closing is neither paused nor resumed."""
    lower_transport.pause_reading(transport)
    close(transport)
    lower_transport.resume_reading(transport)
    lower_transport.pause_reading(transport)
    assert ['pause'] == transport.calls


def test_protocol(transport):
    """The protocol that is set is the one that it has."""
    lower_transport.set_protocol(transport, 'ours')
    assert 'ours' == lower_transport.get_protocol(transport)


def test_closes_at_once(transport):
    """It closes at once if it has a socket, and all is sent."""
    seen = [lower_transport.closes_at_once(transport)]
    transport._sock = object()
    seen.append(lower_transport.closes_at_once(transport))
    transport.size = 1
    seen.append(lower_transport.closes_at_once(transport))
    assert [False, True, False] == seen


def test_is_writing_paused(transport):
    """Writing is paused once it has told its protocol."""
    seen = [lower_transport.is_writing_paused(transport)]
    transport._protocol_paused = True
    seen.append(lower_transport.is_writing_paused(transport))
    assert [False, True] == seen
