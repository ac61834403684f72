"""Nothing of ours gets the descriptor of a standard stream that the program has closed."""
from __future__ import absolute_import, division, print_function

import os

import pytest

from sslproto27._core.descriptors import STANDARD, above_standard, move
from sslproto27._core.fork import OneProcess
from sslproto27.context import set_keylog_filename
from tests.support.engines import only_graft
from tests.support.forks import MARKS, Child, is_open
from tests.support.memory import PY2

pytestmark = MARKS


def taken():
    """Return which of the standard streams' numbers are in use."""
    return [number for number in STANDARD if is_open(number)]


def without_streams(work):
    """Return what *work* returns in a process that has closed its standard streams, as text."""
    def child():
        for number in STANDARD:
            os.close(number)
        return work()
    return Child(child).result()


class TestOurs(object):
    """What sslproto27 opens, and keeps for longer than a call."""

    def test_fork(self):
        """What both sides of a fork share takes none, on either side."""
        def work():
            one = OneProcess()
            pid = os.fork()
            if not pid:
                os._exit(len(taken()) if one.take() else 4)
            return taken(), os.waitpid(pid, 0)[1], one.take()
        assert '([], 0, False)' == without_streams(work)

    @only_graft
    @pytest.mark.skipif(not PY2, reason='Python 3 opens the file itself')
    def test_key_log(self, pki, tmp_path):
        """A file of secrets takes none."""
        def work():
            context = pki.client_context()
            set_keylog_filename(context, str(tmp_path / 'keys'))
            return taken()
        assert '[]' == without_streams(work)


class TestMove(object):
    def test_below(self):
        """A copy replaces what has one of the numbers."""
        def work():
            reader, writer = [above_standard(end) for end in os.pipe()]
            os.write(writer, b'abc')
            return min(reader, writer) > 2, os.read(reader, 3) == b'abc', taken()
        assert '(True, True, [])' == without_streams(work)

    def test_above(self):
        """What has another number stays as it is."""
        reader, writer = os.pipe()
        assert (reader, writer) == (above_standard(reader), above_standard(writer))
        os.close(reader)
        os.close(writer)

    def test_failure(self):
        """If no copy can be made, all is closed."""
        closed = []

        def copy(one):
            if one == 2:
                raise OSError('no more descriptors')
            return one + 1

        with pytest.raises(OSError):
            move(0, STANDARD, int, copy, closed.append)
        assert [0, 1, 2] == closed
