"""
What the short paths through the TLS object must leave to the usual way: it shows only at the edges.

Small messages themselves are all over test_pipe. On Python 3, where there are none, the same
holds.
"""
from __future__ import absolute_import, division, print_function

import pytest

import sslproto27
from tests.support.memory import SeededChunks, only_python2
from tests.support.pipe_pairs import APPLICATION_DATA, PipePair, carry, pattern, record_types, talk


@pytest.fixture
def new_pair(pki, client_context, tls_version):
    """A function that makes a `PipePair` of one TLS version."""
    server_context = pki.server_context('ecdsa', version=tls_version)
    return lambda **kwargs: PipePair(client_context, server_context, **kwargs)


@pytest.mark.parametrize('tail', [1, 30, 5000, 16384])
def test_end_of_a_large_record(new_pair, tail):
    """The last bytes of a large record, fed by themselves, bring all of it."""
    pair = new_pair().handshake()
    data = pattern(16384)
    pair.client.feed_appdata(data)
    record = pair.client.data_to_send()
    pair.server.feed_ssldata(record[:-tail])
    assert b'' == pair.server.appdata_received()
    pair.server.feed_ssldata(record[-tail:])
    assert data == pair.server.appdata_received()


@pytest.mark.parametrize('size', [1, 16384])
@pytest.mark.parametrize('count', [1, 2, 3])
def test_records_in_one_feed(new_pair, size, count):
    """All the records of one feed arrive, and in order."""
    pair = new_pair().handshake()
    wire = b''
    for number in range(count):
        pair.client.feed_appdata(b'%d' % number * size)
        wire += pair.client.data_to_send()
    assert [APPLICATION_DATA] * count == record_types(wire)
    pair.server.feed_ssldata(wire)
    assert b''.join(b'%d' % number * size
                    for number in range(count)) == pair.server.appdata_received()


def test_what_waits_goes_first(new_pair):
    """A small write brings all that was to be sent before it, however much, before itself."""
    pair = new_pair().start()
    carry(pair.client, pair.server)
    carry(pair.server, pair.client)
    carry(pair.client, pair.server)  # TLS 1.3: now the session tickets wait
    pair.server.feed_appdata(b'abc')
    wire = pair.server.data_to_send()
    assert b'' == pair.server.data_to_send()
    pair.client.feed_ssldata(wire)
    assert b'abc' == pair.client.appdata_received()


@pytest.mark.parametrize('size', [4095, 4096, 4097])
def test_sizes(new_pair, size):
    """A message around the largest small one arrives as it was, both ways."""
    pair = new_pair().handshake()
    data = pattern(size)
    assert data == talk(pair.client, pair.server, data)
    assert data == talk(pair.server, pair.client, data)


def test_damage_behind_data(new_pair):
    """A good record's data is kept when the next one, in the same feed, is damaged."""
    pair = new_pair().handshake()
    pair.client.feed_appdata(b'good')
    wire = pair.client.data_to_send()
    pair.client.feed_appdata(b'damaged')
    wire = bytearray(wire + pair.client.data_to_send())
    wire[-1] ^= 1
    pair.server.feed_ssldata(bytes(wire))
    assert 'DECRYPTION_FAILED_OR_BAD_RECORD_MAC' == pair.server.failure.reason
    assert b'good' == pair.server.appdata_received()


def at_the_edges(before, after):
    """Return a split that cuts *before* bytes before the end of each record, and *after* after."""
    def split(records):
        wire, cuts, end = b''.join(records), set(), 0
        for record in records:
            end += len(record)
            cuts.update((end - before, end + after))
        cuts = [0] + sorted(cuts)
        return [wire[cuts[i]:cuts[i + 1]] for i in range(len(cuts) - 1)]
    return split


def in_pieces(size):
    """Return a split into pieces of *size* bytes."""
    def split(records):
        wire = b''.join(records)
        return [wire[start:start + size] for start in range(0, len(wire), size)]
    return split


EDGES = [(1, 1), (1, 2), (2, 1), (1, 20), (20, 1), (3, 3), (20, 20)]
SPLITS = dict(
    [('edges %d %d' % edge, at_the_edges(*edge)) for edge in EDGES]
    + [('pieces of %d' % size, in_pieces(size)) for size in (1, 2, 3, 7, 100, 1000, 16385, 40000)]
    + [('random %d' % seed, lambda records, seed=seed: SeededChunks(seed, 40000)(b''.join(records)))
       for seed in range(4)])


@only_python2
@pytest.mark.parametrize('size', [1, 100, 16384])
@pytest.mark.parametrize('split', sorted(SPLITS))
def test_work_is_linear(new_pair, monkeypatch, split, size):
    """However the records are cut, a piece takes few calls of SSL_read, and so does a record."""
    from sslproto27._core import sslobject as _sslobject
    pair = new_pair().handshake()
    records = []
    for _ in range(6):
        pair.client.feed_appdata(b'x' * size)
        records.append(pair.client.data_to_send())
    calls, SSL_read = [], _sslobject.SSL_read

    def count(*args):
        calls.append(args)
        return SSL_read(*args)

    monkeypatch.setattr(_sslobject, 'SSL_read', count)
    received, pieces = b'', [piece for piece in SPLITS[split](records) if piece]
    for piece in pieces:
        pair.server.feed_ssldata(piece)
        received += pair.server.appdata_received()
    assert (6 * size, True) == (len(received), len(calls) <= 2 * len(pieces) + 3 * len(records))


def test_text(new_pair):
    """Text is no records, also when all else is as usual."""
    pair = new_pair().handshake()
    with pytest.raises(TypeError):
        pair.client.feed_ssldata(u'text')


def test_class_of_ones_own(pki):
    """A subclass's own read and write are what the pipe calls."""
    class Mine(sslproto27.SSLObject):
        """Notes the lengths."""
        read_sizes, written_sizes = [], []

        def read(self, *args):
            """Note how much it was."""
            data = super(Mine, self).read(*args)
            self.read_sizes.append(len(data))
            return data

        def write(self, data):
            """Note how much it is."""
            self.written_sizes.append(len(data))
            return super(Mine, self).write(data)

    context = pki.client_context(cls=sslproto27.SSLContext)
    context.sslobject_class = Mine
    pair = PipePair(context, pki.server_context('ecdsa')).handshake()
    assert b'12345' == talk(pair.client, pair.server, b'12345')
    assert b'123' == talk(pair.server, pair.client, b'123')
    assert ([3], [5]) == (Mine.read_sizes, Mine.written_sizes)
