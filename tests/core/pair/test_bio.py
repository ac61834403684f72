"""`MemoryBIO` in plain Python: what the pair engine uses beyond the contract of all BIOs."""
from __future__ import absolute_import, division, print_function

import random

import pytest

from tests.support.memory import PY2
from tests.support.pipe_pairs import pattern

if not PY2:
    pytest.skip("Python 3's ssl has memory BIOs", allow_module_level=True)

from sslproto27._core.pair.bio import MemoryBIO  # noqa: E402


def filled(*pieces):
    """Return a BIO to which *pieces* have been written."""
    bio = MemoryBIO()
    for piece in pieces:
        bio.write(piece)
    return bio


@pytest.mark.parametrize('taken', [1, 3, 4, 6])
def test_put_back(taken):
    """What is put back is read first, and counts."""
    bio = filled(b'abc', b'def')
    data = bio.read(taken)
    assert (b'abcdef'[:taken], 6 - taken) == (data, bio.pending)
    bio._put_back(data)
    assert (6, b'abcdef', 0) == (bio.pending, bio.read(), bio.pending)


def test_put_back_nothing():
    """Nothing put back is nothing."""
    bio = MemoryBIO()
    bio._put_back(b'')
    bio.write_eof()
    assert (0, True) == (bio.pending, bio.eof)


def test_put_after_eof():
    """What TLS itself has to say goes in after EOF, and comes before it."""
    bio = filled(b'abc')
    bio.write_eof()
    assert (3, False) == (bio._put(b'def'), bio.eof)
    assert (b'abcdef', True) == (bio.read(), bio.eof)


@pytest.mark.parametrize('seed', range(5))
def test_any_sizes(seed):
    """However it is written, read and put back, the bytes stay in order."""
    chance, bio, data, read = random.Random(seed), MemoryBIO(), pattern(20000), b''
    written = 0
    while len(read) < len(data):
        piece = data[written:written + chance.randrange(0, 300)]
        written += bio.write(piece)
        piece = bio.read(chance.randrange(0, 300))
        back = chance.randrange(0, len(piece) + 1)
        bio._put_back(piece[len(piece) - back:])
        read += piece[:len(piece) - back]
        assert written - len(read) == bio.pending
    assert data == read
