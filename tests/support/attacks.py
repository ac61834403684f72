"""
What a hostile peer does, as one table: `ATTACKS`. Nothing here knows of any framework.

Each attack is a generator that an `Attacker` is given to. It yields where others must be served,
and ends when the attack does; what it raises fails the test.
"""
from __future__ import absolute_import, division, print_function

import collections
import functools
import itertools
import random
import socket
import struct
import time

from sslproto27 import SSLPipe, context
from sslproto27._core import pipe_states as _pipe
from tests.support.forger import (
    APPLICATION_DATA, HANDSHAKE, Records, Records12, log_secrets, record)
from tests.support.pipe_pairs import attempt
from tests.support.sockets import PATIENCE, Background

__all__ = ['ATTACKS', 'Attacker', 'Contexts']

SIDES = ('client', 'server')

#: name (str), generator function, TLS version, by whom ('client', 'server'), how often after once
#: (int), whether its victim has little patience (bool).
Attack = collections.namedtuple('Attack', 'name function version sides repeats hasty')

ATTACKS = []


def attack(name=None, version='TLSv1.3', sides=SIDES, repeats=4, hasty=False, **kwargs):
    """Put a generator function into `ATTACKS`, called with *kwargs*."""
    def register(function):
        ATTACKS.append(Attack(name or function.__name__, functools.partial(function, **kwargs),
                              version, sides, repeats, hasty))
        return function
    return register


class Contexts(object):
    """The attackers' contexts, each made once, and where they log their secrets."""

    def __init__(self, pki, folder):
        self._pki = pki
        self._folder = folder
        self._made = {}

    def of(self, side, version):
        """Return a context."""
        if (side, version) not in self._made:
            if side == 'client':
                made = self._pki.client_context(version)
            else:
                made = self._pki.server_context('ecdsa', version)
                if version == 'TLSv1.3':
                    context.set_num_tickets(made, 0)
            self._made[side, version] = made
        return self._made[side, version]

    def logging(self, side, version):
        """Return the name of the file to which that context logs from now on."""
        filename = self._folder.join('%s %s' % (side, version)).strpath
        log_secrets(self.of(side, version), filename)
        return filename


class Attacker(object):
    """
    The hostile end of a connection: a socket, and a pipe to be honest with as far as it serves.

    Args:
        sock (socket): connected to the victim.
        side (str): 'client' or 'server': which of both this is.
        contexts (Contexts): the attackers'.
        version (str): of TLS.
        number (int): which of many attacks of one kind this is.
    """

    def __init__(self, sock, side, contexts, version, number):
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.side = side
        self.version = version
        self.number = number
        self.random = random.Random(number)
        self.flight = self.server_flight = b''
        self._flood = None
        self._contexts = contexts
        self.pipe = SSLPipe(contexts.of(side, version), server_side=side == 'server',
                            server_hostname='localhost' if side == 'client' else None)

    def first_flight(self):
        """Return the first that an honest peer sends: a hello and what comes with it."""
        self.pipe.do_handshake()
        flight = self.pipe.data_to_send()
        while not flight:
            attempt(self.pipe.feed_ssldata, self.sock.recv(65536))
            flight = self.pipe.data_to_send()
        self.flight = flight
        if self.side == 'server':
            self.server_flight = flight
        return flight

    def shake_hands(self):
        """Shake hands, honestly."""
        self.sock.sendall(self.first_flight())
        while self.pipe.state is _pipe.HANDSHAKE:
            data = self.sock.recv(65536)
            assert data, 'EOF in the handshake'
            if self.side == 'client':
                self.server_flight += data
            attempt(self.pipe.feed_ssldata, data)
            self.flush()

    def flush(self):
        """Send what the pipe has to say."""
        self.sock.sendall(self.pipe.data_to_send())

    def say(self, data):
        """Send application data."""
        self.sock.sendall(self.records(data))

    def records(self, data):
        """Return application data as records."""
        self.pipe.feed_appdata(data)
        return self.pipe.data_to_send()

    def hear(self, size):
        """Return *size* bytes of application data."""
        data = self.pipe.appdata_received()
        while len(data) < size:
            received = self.sock.recv(65536)
            assert received, 'EOF after %d of %d bytes' % (len(data), size)
            attempt(self.pipe.feed_ssldata, received)
            data += self.pipe.appdata_received()
        return data

    def forger(self):
        """Shake hands; return who makes the wrong records from now on."""
        filename = self._contexts.logging(self.side, self.version)
        self.shake_hands()
        if self.version == 'TLSv1.3':
            return Records(filename, self.side)
        # Behind the headers of record and message, and the version.
        return Records12(filename, self.side, self.server_flight[11:43])

    def send(self, data):
        """Send *data*, whether or not the victim still listens."""
        try:
            self.sock.sendall(data)
        except socket.timeout:
            raise AssertionError('the victim does not read')
        except socket.error:
            pass  # until_cut_off() tells

    def end(self):
        """Send FIN."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except socket.error:
            pass  # cut off before

    def reset(self):
        """Close with RST; a flood ends first, as nobody else can close what it waits for."""
        if self._flood is not None:
            self.sock.shutdown(socket.SHUT_RDWR)
            self._flood.result()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.sock.close()

    def until_cut_off(self):
        """Wait until the victim has ended the connection; fail if it does not."""
        deadline = time.time() + PATIENCE
        try:
            while self.sock.recv(65536):
                assert time.time() < deadline, 'the victim talks on'
        except socket.timeout:
            raise AssertionError('the victim does not end the connection')
        except socket.error:
            pass

    def flood(self, produce):
        """Send what *produce* returns, again and again, until cut off: in a `Background`."""
        def work():
            deadline = time.time() + PATIENCE
            try:
                while time.time() < deadline:
                    self.sock.sendall(produce())
            except socket.timeout:
                raise AssertionError('the victim neither reads nor ends the connection')
            except socket.error:
                return
            raise AssertionError('the victim lets it go on')
        self._flood = Background(work)
        return self._flood


# Bytes in place of a handshake

#: SSL 2's CLIENT-HELLO: length, type 1, version, lengths of specs, session and challenge.
SSL2_HELLO = b'\x80\x2e\x01%s\x00\x15\x00\x00\x00\x10' + b'\x07\x00\xc0' * 7 + b'c' * 16
SSL3_HELLO = record(
    22, b'\x01\x00\x00\x29\x03\x00' + b'r' * 32 + b'\0\0\x02\x00\x2f\x01\x00', 0x300)
SSL3_ANSWER = record(22, b'\x02\x00\x00\x26\x03\x00' + b'r' * 32 + b'\0\x00\x2f\0', 0x300)


@attack('HTTP request', data=b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
@attack('HTTP answer', data=b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
@attack('mail server', data=b'220 mail.example.org ESMTP\r\n')
@attack('SSL 2 hello', data=SSL2_HELLO.replace(b'%s', b'\0\x02'))
@attack('SSL 2 hello for SSL 3', data=SSL2_HELLO.replace(b'%s', b'\x03\0'))
@attack('SSL 3 hello', data=SSL3_HELLO)
@attack('SSL 3 answer', data=SSL3_ANSWER)
@attack('record of 64 KiB', data=b'\x16\x03\x01\xff\xff' + b'x' * 65535)
@attack('record a byte too long', data=record(22, b'x' * (16384 + 2049), 0x301))
@attack('hello of 16 MiB', data=record(22, b'\x01\xff\xff\xff' + b'x' * 16000))
@attack('unknown record', data=record(99, b'x' * 10))
@attack('data too early', data=record(APPLICATION_DATA, b'x' * 100))
def bytes_instead(peer, data):
    """What is no TLS, or not the TLS that was expected, is refused without waiting for more."""
    peer.send(data)
    yield
    peer.until_cut_off()


@attack(repeats=10)
def garbage(peer):
    """Random bytes may look like a beginning: then the FIN is the end."""
    peer.send(bytes(bytearray(peer.random.randrange(256)
                              for _ in range(peer.random.choice((1, 5, 100, 20000))))))
    yield
    peer.end()
    peer.until_cut_off()


@attack('warnings before the handshake', data=record(21, b'\x01\x64'))
@attack('empty records before the handshake', data=record(22, b'', 0x301))
@attack('ChangeCipherSpecs before the handshake', data=record(20, b'\x01'))
def flood_before_handshake(peer, data):
    """Records that say nothing, without end."""
    flood = peer.flood(lambda: data * 100)
    yield
    flood.result()


# The handshake

OFFSETS = (1, 4, 5, 6, 9, 43, 100, -1)


@attack(repeats=len(OFFSETS))
def truncated_flight(peer):
    """A hello, with all that a server sends with it, cut short."""
    peer.send(peer.first_flight()[:OFFSETS[peer.number % len(OFFSETS)]])
    yield
    peer.end()
    peer.until_cut_off()


@attack(repeats=10)
def flipped_bit_in_handshake(peer):
    """One bit of the first flight is wrong; not all bits count, so there is a FIN, too."""
    flight = bytearray(peer.first_flight())
    flight[peer.random.randrange(len(flight))] ^= 1 << peer.random.randrange(8)
    peer.send(bytes(flight))
    yield
    peer.end()
    peer.until_cut_off()


@attack(repeats=10)
def flipped_bit_in_data(peer):
    """One bit of a record is wrong, behind its header: that is the end."""
    peer.shake_hands()
    data = bytearray(peer.records(b'e' + b'x' * 100))
    data[peer.random.randrange(5, len(data))] ^= 1 << peer.random.randrange(8)
    peer.send(bytes(data))
    yield
    peer.until_cut_off()


@attack('one byte a segment, TLS 1.2', version='TLSv1.2', repeats=2)
@attack('one byte a segment, TLS 1.3', version='TLSv1.3', repeats=2)
def one_byte_a_segment(peer):
    """Odd, and no attack: it is served."""
    class Slow(object):
        def __init__(self, sock):
            self.recv, self._sendall = sock.recv, sock.sendall

        def sendall(self, data):
            for start in range(len(data)):
                self._sendall(data[start:start + 1])

    sock, peer.sock = peer.sock, Slow(peer.sock)
    peer.shake_hands()
    peer.say(b'eecho')
    assert b'echo' == peer.hear(4)
    yield
    peer.say(b' again')
    assert b' again' == peer.hear(6)
    peer.sock = sock
    peer.reset()


@attack(repeats=0, hasty=True)
def slow_loris(peer):
    """A hello that comes byte by byte and is never done, until there is no more patience."""
    flight = peer.first_flight()[:-1]
    peer.sock.settimeout(0.05)
    deadline = time.time() + PATIENCE
    try:
        for byte in itertools.chain(range(len(flight)), itertools.repeat(None)):
            if byte is not None:
                peer.sock.sendall(flight[byte:byte + 1])
            assert time.time() < deadline, 'the victim has endless patience'
            try:
                if not peer.sock.recv(65536):
                    break
            except socket.timeout:
                pass
            if byte == 1:
                yield
    except socket.error:
        pass


@attack(repeats=0, hasty=True)
def silence(peer):
    """Nothing at all."""
    yield
    peer.until_cut_off()


# Ends at each stage

def connected(peer):
    """Nothing has been said."""


def half_a_hello(peer):
    """A hello has begun."""
    peer.send(peer.first_flight()[:40])


def hello(peer):
    """The first flight is out."""
    peer.send(peer.first_flight())


def established(peer):
    """The handshake is done."""
    peer.shake_hands()


def half_a_record(peer):
    """A record of data has begun."""
    peer.shake_hands()
    peer.send(peer.records(b'e' + b'x' * 1000)[:500])


def answer_unread(peer):
    """An answer is on its way."""
    peer.shake_hands()
    peer.say(b'e' + b'x' * 100000)


def poured_at(peer):
    """Far more of an answer is on its way than there is room for."""
    peer.shake_hands()
    peer.say(b'p')


def closed_by_victim(peer):
    """The victim has been asked to close, and waits for close_notify."""
    peer.shake_hands()
    peer.say(b'c')


def closed(peer):
    """Our close_notify is out."""
    peer.shake_hands()
    peer.pipe.shutdown()
    peer.flush()


STAGES = (connected, half_a_hello, hello, established, half_a_record, answer_unread, poured_at,
          closed_by_victim, closed)


def reset(peer, stage):
    """RST."""
    stage(peer)
    yield
    peer.reset()


def fin(peer, stage):
    """FIN without close_notify, but for the last stage."""
    stage(peer)
    yield
    peer.end()
    peer.until_cut_off()


for _stage in STAGES:
    attack('RST: ' + _stage.__name__, repeats=2, stage=_stage)(reset)
    attack('FIN: ' + _stage.__name__, repeats=1, stage=_stage)(fin)


# Floods

@attack(version='TLSv1.2', repeats=1)
def renegotiation_flood(peer):
    """A client's hellos, or a server's requests for them, without any data."""
    forger = peer.forger()
    hello = peer.flight[5:] if peer.side == 'client' else b'\0\0\0\0'
    flood = peer.flood(lambda: b''.join(forger.record(HANDSHAKE, hello) for _ in range(100)))
    yield
    flood.result()


@attack(repeats=1)
def key_update_flood(peer):
    """Requests for new keys, which have to be answered."""
    forger = peer.forger()
    flood = peer.flood(lambda: b''.join(forger.key_update() for _ in range(100)))
    yield
    flood.result()


@attack('empty records', padding=0, repeats=1)
@attack('records of padding', padding=16000, repeats=1)
def empty_record_flood(peer, padding):
    """Records of no data."""
    forger = peer.forger()
    flood = peer.flood(lambda: forger.record(APPLICATION_DATA, b'', padding))
    yield
    flood.result()


@attack(repeats=1)
def never_reads(peer):
    """An answer of 16 MiB is asked for and not read."""
    peer.shake_hands()
    peer.say(b'p')
    yield 'moved'
    peer.reset()


@attack(repeats=1)
def never_reads_nor_stops(peer):
    """Data is sent to be echoed, and no echo is read."""
    peer.shake_hands()
    peer.say(b'e')
    peer.flood(lambda: peer.records(b'x' * 65536))
    yield 'moved'
    peer.reset()


@attack(repeats=1)
def never_stops(peer):
    """Data comes as fast as it is taken; others have their turns all the same."""
    peer.shake_hands()
    peer.say(b's')
    peer.flood(lambda: peer.records(b'x' * 65536))
    for _ in range(10):
        yield
    peer.reset()


@attack(repeats=1)
def never_stops_unread(peer):
    """Data comes for an application that reads none of it."""
    peer.shake_hands()
    peer.say(b'q')
    peer.flood(lambda: peer.records(b'x' * 65536))
    yield 'moved'
    yield
    peer.reset()
    yield 'release'


@attack(repeats=1)
def never_stops_though_closed(peer):
    """The victim has closed, and data goes on and on."""
    peer.shake_hands()
    peer.say(b'c')
    flood = peer.flood(lambda: peer.records(b'x' * 65536))
    yield
    flood.result()
