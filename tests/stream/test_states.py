"""The table of states."""
from __future__ import absolute_import, division, print_function

from sslproto27._stream.states import (
    CLOSED, ENDING, EARLY, OPEN, OVER, READING, SENDING, TRANSITIONS)
from tests.support.memory import raised


class TestStates(object):
    def test_table(self):
        """Every state is reached; only CLOSED is final; each but that can be lost and, if it is
        not over, ended."""
        states = SENDING | EARLY | OVER
        assert states == {before for before, _ in TRANSITIONS} | {CLOSED}
        assert states - {'NEW'} == set(TRANSITIONS.values())
        for state in states - {CLOSED}:
            assert CLOSED == TRANSITIONS[state, 'LOST']
            assert (state, 'END') in TRANSITIONS or state is ENDING
        assert OPEN | READING <= SENDING

    def test_nothing_else(self, new):
        """An event that has no place in a state is an error, and changes nothing."""
        protocol = new().protocol
        assert KeyError is type(raised(protocol._enter, 'PEER_END'))
        assert 'NEW' == protocol._state
