"""
What the pipe makes of bytes that nobody chose: scenarios, mutations, and what must hold after each.

The bounded runs of hostile/test_fuzz.py and the endless one of tools/fuzz.py share it. Nothing
here knows of loops or sockets.
"""
from __future__ import absolute_import, division, print_function

import hashlib
import os
import ssl

from sslproto27 import SSLPipe
from sslproto27._core.pipe_states import BROKEN, CLOSED, HANDSHAKE, OPEN, PEER_CLOSED
from tests.support.pipe_pairs import PipePair, attempt, record_types
from tests.support.programs import ROOT

__all__ = ['CORPUS', 'Scenarios', 'check', 'corpus', 'mutate', 'save']

CORPUS = os.path.join(ROOT, 'tests', 'corpus')


class Scenarios(object):
    """
    Pipes in the states in which strangers' bytes reach them, and good bytes to start from.

    Attributes:
        names (list of str): 'server' and 'client' are in the handshake, 'open-...' after it; the
            part after the dash is the TLS version.
    """

    names = ['server', 'client', 'open-TLSv1.2', 'open-TLSv1.3']

    def __init__(self, pki):
        self._any = pki.client_context(), pki.server_context('ecdsa')
        self._by_version = {version: (pki.client_context(version),
                                      pki.server_context('ecdsa', version=version))
                            for version in ('TLSv1.2', 'TLSv1.3')}

    def pipe(self, name):
        """Return the pipe that will be fed."""
        client, server = self._any
        if name == 'server':
            pipe = SSLPipe(server, server_side=True)
        elif name == 'client':
            pipe = SSLPipe(client, server_hostname='localhost')
        else:
            return PipePair(*self._by_version[name.partition('-')[2]]).handshake().server
        pipe.do_handshake()
        pipe.data_to_send()
        return pipe

    def seeds(self, name):
        """Return what a well-behaved peer sends there: a list of bytes."""
        found = []
        for contexts in [self._any] + list(self._by_version.values()):
            pair = PipePair(*contexts).start()
            hello = pair.client.data_to_send()
            if name == 'server':
                found.append(hello)
            elif name == 'client':
                pair.server.feed_ssldata(hello)
                found.append(pair.server.data_to_send())
            else:
                pair = PipePair(*contexts).handshake()
                pair.client.feed_appdata(b'data')
                found.append(pair.client.data_to_send())
        return found


def check(pipe, pieces, expected_data=b''):
    """
    Feed *pieces* and hold what must hold, whatever they are.

    Returns:
        tuple: what came of it: the state, the error's class and reason, and the types of the
        records that were answered.

    Raises:
        AssertionError: something did not hold.
    """
    error = None
    for piece in pieces:
        try:
            attempt(pipe.feed_ssldata, piece)
        except ssl.SSLError as caught:
            assert error is None, 'a pipe that is BROKEN raised again'
            error = caught
            assert BROKEN == pipe.state
    if error is None:
        assert pipe.state in (HANDSHAKE, OPEN, PEER_CLOSED), pipe.state
    assert expected_data.startswith(pipe.appdata_received())
    try:
        sent = attempt(pipe.data_to_send)
    except ssl.SSLError:  # a broken pipe has nothing to encrypt
        assert BROKEN != pipe.state
        raise
    assert len(sent) < 10000
    outcome = pipe.state
    try:
        attempt(pipe.feed_eof)
    except ssl.SSLEOFError:
        assert outcome in (HANDSHAKE, OPEN)
    else:
        assert outcome in (BROKEN, PEER_CLOSED, CLOSED)
    return (outcome, error and type(error).__name__, error and getattr(error, 'reason', None),
            tuple(record_types(sent)))


def mutate(random, seeds):
    """Return bytes made from one or two of *seeds* by a few changes, most of them small."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.choice((1, 1, 2, 4, 8))):
        kind = random.randrange(8)
        at = random.randrange(len(data) + 1)
        if kind == 0:
            del data[at:at + random.choice((1, 2, 20))]
        elif kind == 1:
            data[at:at] = bytearray(random.randrange(256) for _ in range(random.choice((1, 4, 40))))
        elif kind == 2:
            data[at:at] = data[at:at + random.choice((1, 5, 100))]
        elif kind == 3:
            other = bytearray(random.choice(seeds))
            data[at:] = other[random.randrange(len(other) + 1):]
        elif kind == 4 and data[at:]:
            data[at] = random.choice((0, 1, 0x7f, 0x80, 0xff, len(data) % 256))
        elif kind == 5 and data[at:]:
            data[at] ^= 1 << random.randrange(8)
        elif kind == 6 and len(data) > 5:  # the header of the first record
            data[random.randrange(5)] = random.randrange(256)
        elif kind == 7 and len(data) > 9:  # and of its first message
            data[5 + random.randrange(4)] = random.randrange(256)
    return bytes(data)


def corpus(name):
    """Return the saved bytes of scenario *name*: a list of (file name, bytes)."""
    found = []
    for file in sorted(os.listdir(CORPUS)):
        if file.startswith(name + '.'):
            with open(os.path.join(CORPUS, file), 'rb') as content:
                found.append((file, content.read()))
    return found


def save(name, data):
    """Add *data* to the corpus of scenario *name*; return the file's name."""
    file = '%s.%s.bin' % (name, hashlib.sha256(data).hexdigest()[:12])
    with open(os.path.join(CORPUS, file), 'wb') as content:
        content.write(data)
    return file
