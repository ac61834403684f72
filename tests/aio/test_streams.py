"""Byte streams: what goes in at one end comes out at the other, however the wire splits it."""
from __future__ import absolute_import, division, print_function

import random
import ssl
import struct

import pytest

from tests.support.memory import SPLITS, Pair, SeededChunks, connect

SMALL = [1, 2, 100, 4000, 16384, 16385]
LARGE = [1, 255, 16383, 16384, 16385, 65536, 100003, 1 << 20]


def message(size, seed=0):
    """Return *size* bytes that no shift of them resembles."""
    chance = random.Random(seed + size)
    block = struct.pack('<125Q', *[chance.getrandbits(64) for _ in range(125)])[:997]
    return (block * (size // len(block) + 1))[:size]


def unwrapped(sslobj):
    """Return whether unwrap is through."""
    try:
        sslobj.unwrap()
    except ssl.SSLWantReadError:
        return False
    return True


@pytest.fixture(params=sorted(SPLITS))
def split(request):
    """Each way of splitting in turn."""
    return SPLITS[request.param]()


@pytest.fixture
def sizes(request):
    """The sizes of messages: byte by byte, a mebibyte would take too long."""
    return SMALL if 'byte_by_byte' in request.node.name else LARGE


def test_handshake(client_context, server_context, split, tls_version):
    """A handshake succeeds however its records are split."""
    pair = Pair(client_context, server_context, split=split)
    assert (None, None) == pair.try_handshake()
    assert (tls_version, tls_version) == (pair.client.version(), pair.server.version())


@pytest.mark.parametrize('direction', ['client_end', 'server_end'])
def test_messages(client_context, server_context, split, direction, sizes):
    """Messages of one byte up to one mebibyte arrive whole, in order, and nothing else does."""
    pair = connect(client_context, server_context)
    pair.split = split
    source = getattr(pair, direction)
    for size in sizes:
        expected = message(size)
        assert expected == pair.transfer(source, expected)


def test_both_directions(client_context, server_context, split):
    """The directions do not disturb each other, in any order of writes."""
    pair = connect(client_context, server_context)
    pair.split = split
    chance = random.Random(3)
    for number in range(60):
        source = chance.choice([pair.client_end, pair.server_end])
        expected = message(chance.choice([1, 10, 1000]), seed=number)
        assert expected == pair.transfer(source, expected)


def test_full_duplex(client_context, server_context, split):
    """Both ends write before either reads."""
    pair = connect(client_context, server_context)
    there, back = message(3000, seed=1), message(5000, seed=2)
    pair.client.write(there)
    pair.server.write(back)
    received = {}
    for source, target in ((pair.client_end, pair.server_end), (pair.server_end, pair.client_end)):
        chunks = []
        for piece in split(source.outgoing.read()):
            target.incoming.write(piece)
            chunks.append(target.read_available())
        received[target] = b''.join(chunks)
    assert (there, back) == (received[pair.server_end], received[pair.client_end])


def test_writes_are_joined_by_nobody(client_context, server_context, split):
    """Many small writes arrive as one stream of all their bytes."""
    pair = connect(client_context, server_context)
    pair.split = split
    parts = [message(size % 90 + 1, seed=size) for size in range(150)]
    for part in parts[:-1]:
        pair.client.write(part)
    assert b''.join(parts) == pair.transfer(pair.client_end, parts[-1])


@pytest.mark.parametrize('size', [1, 5, 100, 16384, 50000])
def test_reads_of_any_size(client_context, server_context, size):
    """Reads of any size, into buffers or not, see the same stream."""
    pair = connect(client_context, server_context)
    expected = message(40000 if size > 1 else 2000)
    pair.client.write(expected)
    pair.pump()
    received, buffer = bytearray(), bytearray(size)
    while len(received) < len(expected):
        received += pair.server.read(size)
        if len(received) < len(expected):
            received += buffer[:pair.server.read(size, buffer)]
    assert expected == received


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview])
def test_kinds_of_large_buffers(client_context, server_context, kind):
    """A mebibyte from any kind of buffer arrives whole."""
    pair = connect(client_context, server_context)
    expected = message(1 << 20)
    pair.client.write(kind(expected))
    pair.pump()
    assert expected == pair.server_end.read_available()


@pytest.mark.parametrize('seed', range(3))
def test_a_long_conversation(client_context, server_context, seed):
    """Thousands of writes, reads and deliveries in a random order lose and invent nothing."""
    pair = connect(client_context, server_context)
    chance = random.Random(seed)
    ends = [pair.client_end, pair.server_end]
    wire = {end: [] for end in ends}
    split = SeededChunks(seed)
    sent, received = {end: [] for end in ends}, {end: [] for end in ends}

    def deliver(end):
        peer = ends[1 - ends.index(end)]
        wire[end] += split(end.outgoing.read())
        for piece in wire[end][:chance.randrange(4)]:
            peer.incoming.write(piece)
            wire[end].pop(0)
        received[peer].append(peer.read_available())

    for number in range(1500):
        end = chance.choice(ends)
        if chance.random() < 0.4:
            data = message(chance.choice([1, 10, 700]), seed=number)
            end.sslobj.write(data)
            sent[end].append(data)
        else:
            deliver(end)
    for end in ends:
        while wire[end] or end.outgoing.pending:
            deliver(end)
    expected, got = [[b''.join(chunks[end]) for end in ends] for chunks in (sent, received)]
    assert expected == got[::-1]


def test_close(client_context, server_context, split):
    """close_notify ends the stream however it is split, after all of the data."""
    pair = connect(client_context, server_context)
    pair.client.write(b'last words')
    assert False is unwrapped(pair.client)
    received = []
    for piece in split(pair.client_end.outgoing.read()):
        pair.server_end.incoming.write(piece)
        received.append(pair.server_end.read_available())
    assert (b'last words', b'') == (b''.join(received), pair.server.read())
    assert True is unwrapped(pair.server)
    answers = []
    for piece in split(pair.server_end.outgoing.read()):
        pair.client_end.incoming.write(piece)
        answers.append(unwrapped(pair.client))
    assert [False] * (len(answers) - 1) + [True] == answers
