"""
Two TLS objects and the bytes between them, in memory: no socket, no clock, no engine's own names.
"""
from __future__ import absolute_import, division, print_function

import gc
import random
import ssl
import sys

import pytest

from sslproto27 import MemoryBIO, wrap_bio
from sslproto27._core.pair.limits import Limit

__all__ = ['Endpoint', 'PY2', 'Pair', 'SPLITS', 'SeededChunks', 'ask_for', 'byte_by_byte',
           'collect', 'connect', 'error_facts', 'knows_openssl_3', 'only_python2', 'raised',
           'since_python3', 'strided', 'whole']

PY2 = sys.version_info[0] == 2

only_python2 = pytest.mark.skipif(not PY2, reason="not in Python 3's ssl, which is passed through")


def since_python3(minor, what):
    """
    Return a mark that skips where Python 3 is older than 3.*minor*, saying *what* is missing
    there.
    """
    return pytest.mark.skipif((3,) <= sys.version_info < (3, minor),
                              reason='Python 3.%d brought %s' % (minor, what))


knows_openssl_3 = pytest.mark.skipif(
    (3,) <= sys.version_info < (3, 10) and ssl.OPENSSL_VERSION_INFO >= (3,),
    reason='before 3.10, Python 3 takes what OpenSSL 3 calls unexpected EOF for something else')


def strided():
    """Return a view of bytes that is not contiguous; skip where none can be made."""
    try:
        return memoryview(b'abcdef')[::2]
    except NotImplementedError:
        pytest.skip('this interpreter has no strided memoryview')


def raised(call, *args, **kwargs):
    """Return the exception that a call ends in; fail if it ends in none."""
    with pytest.raises(Exception) as info:
        call(*args, **kwargs)
    if isinstance(info.value, Limit):  # no answer to whatever the test asks
        raise info.value
    return info.value


def error_facts(error):
    """
    Return what of an `ssl.SSLError` does not vary with line numbers: (class, errno, library,
    reason).
    """
    return type(error), error.args[0], error.library, error.reason


def whole(data):
    """Return *data* in one piece; none if it is empty."""
    return [data] if data else []


def byte_by_byte(data):
    """Return *data* in pieces of one byte."""
    return [data[i:i + 1] for i in range(len(data))]


class SeededChunks(object):
    """Split data in chunks of random sizes; the same seed gives the same sizes."""

    def __init__(self, seed, largest=4096):
        self._random = random.Random(seed)
        self._largest = largest

    def __call__(self, data):
        pieces, start = [], 0
        while start < len(data):
            end = start + self._random.randint(1, self._random.choice((1, 7, 100, self._largest)))
            pieces.append(data[start:end])
            start = end
        return pieces


SPLITS = {
    'whole': lambda: whole,
    'byte_by_byte': lambda: byte_by_byte,
    'chunks_1': lambda: SeededChunks(1),
    'chunks_2': lambda: SeededChunks(2, largest=40000),
}


class Endpoint(object):
    """
    One end: an object with the API of `ssl.SSLObject`, and its two BIOs.

    Attributes:
        sslobj: the TLS object.
        incoming, outgoing: its BIOs.
    """

    def __init__(self, sslobj, incoming, outgoing):
        self.sslobj = sslobj
        self.incoming = incoming
        self.outgoing = outgoing

    @classmethod
    def wrap(cls, context, **kwargs):
        """Return an end over two new BIOs; *kwargs* are those of `sslproto27.wrap_bio`."""
        incoming, outgoing = MemoryBIO(), MemoryBIO()
        return cls(wrap_bio(context, incoming, outgoing, **kwargs), incoming, outgoing)

    def handshake_is_done(self):
        """Take the handshake as far as the bytes go; return whether it is finished."""
        try:
            self.sslobj.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def read_available(self):
        """Return all plaintext that can be read now; b'' if none, or if the peer has closed."""
        chunks = []
        while True:
            try:
                chunk = self.sslobj.read(16384)
            except ssl.SSLWantReadError:
                break
            if not chunk:
                break
            chunks.append(chunk)
        return b''.join(chunks)


class Pair(object):
    """
    A client, a server, and the wire between them.

    Args:
        client_context, server_context (ssl.SSLContext): one for each end.
        split (callable): from bytes to the pieces in which they arrive; see `SPLITS`.
        **kwargs: further arguments of the client's `sslproto27.wrap_bio`.

    Attributes:
        client_end, server_end (Endpoint): the ends.
        client, server: their TLS objects.
    """

    def __init__(self, client_context, server_context, split=whole, **kwargs):
        kwargs.setdefault('server_hostname', 'localhost')
        self.client_end = Endpoint.wrap(client_context, **kwargs)
        self.server_end = Endpoint.wrap(server_context, server_side=True)
        self.client = self.client_end.sslobj
        self.server = self.server_end.sslobj
        self.split = split

    def pump(self):
        """Move all bytes that wait on the wire, both ways; return how many there were."""
        moved = 0
        for source, target in self._wires():
            data = source.outgoing.read()
            target.incoming.write(data)
            moved += len(data)
        return moved

    def handshake(self):
        """Shake hands; raise what an end raises, the server's error first."""
        for error in reversed(self.try_handshake()):
            if error is not None:
                raise error
        return self

    def try_handshake(self):
        """
        Shake hands, moving alerts as well; return the (client's, server's) error, or None for
        each.
        """
        running, errors = [self.client_end, self.server_end], {}

        def advance(end):
            if end not in running:
                return
            try:
                if end.handshake_is_done():
                    running.remove(end)
            except (ssl.SSLError, ValueError) as error:
                error.__traceback__ = None  # its frames hold this pair and these errors: a cycle
                errors[end] = error
                running.remove(end)

        advance(self.client_end)
        advance(self.server_end)
        moved = True
        while moved:
            moved = False
            for source, target in self._wires():
                for piece in self.split(source.outgoing.read()):
                    moved = True
                    target.incoming.write(piece)
                    advance(target)
        if running and not errors:
            raise AssertionError('the handshake waits for bytes that nobody sends')
        return errors.get(self.client_end), errors.get(self.server_end)

    def exchange(self):
        """
        Let each end process what is no application data, such as session tickets; there must be
        no data.
        """
        moved = True
        while moved:
            for end in (self.client_end, self.server_end):
                data = end.read_available()
                if data:
                    raise AssertionError('unexpected application data: %r' % data[:40])
            moved = self.pump()
        return self

    def transfer(self, source, data):
        """
        Write *data* at end *source*; return what the other end reads, however the wire splits
        it.
        """
        target = self.server_end if source is self.client_end else self.client_end
        source.sslobj.write(data)
        received = []
        for piece in self.split(source.outgoing.read()):
            target.incoming.write(piece)
            received.append(target.read_available())
        return b''.join(received)

    def shut_down(self):
        """Close both directions cleanly: close_notify and its answer."""
        for end in (self.client_end, self.server_end):
            try:
                end.sslobj.unwrap()
            except ssl.SSLWantReadError:
                pass
            self.pump()
        return self.client_end.sslobj.unwrap()

    def _wires(self):
        return ((self.client_end, self.server_end), (self.server_end, self.client_end))


def connect(client_context, server_context, **kwargs):
    """Return a `Pair` whose handshake is done, session tickets included."""
    return Pair(client_context, server_context, **kwargs).handshake().exchange()


def _placeholder(name):
    """Return a host name of the length of *name* that every client sends."""
    return ''.join('.' if number % 50 == 49 and number + 1 < len(name) else 'q'
                   for number in range(len(name)))


def ask_for(client_context, server_context, name):
    """
    Let a client that need not be Python ask for *name* (bytes), whatever it is.

    Returns:
        the error that ended the server's handshake, or None; what the server has sent.
    """
    asked = _placeholder(name).encode('ascii')
    pair = Pair(client_context, server_context, server_hostname=asked.decode('ascii'))
    pair.client_end.handshake_is_done()
    hello = pair.client_end.outgoing.read()
    assert 1 == hello.count(asked)
    pair.server_end.incoming.write(hello.replace(asked, name))
    try:
        pair.server_end.handshake_is_done()
    except ssl.SSLError as error:
        return error, pair.server_end.outgoing.read()
    return None, pair.server_end.outgoing.read()


def collect():
    """Free all that can be freed; PyPy takes several steps."""
    for _ in range(4):
        gc.collect()
