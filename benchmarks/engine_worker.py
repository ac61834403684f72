"""
One contestant of the engine's benchmark: a process that measures lines on request.

    python engine_worker.py pep546|pyopenssl FOLDER

FOLDER has the certificates. Standard input and output carry JSON, one object a line. The process
first writes a description of the contestant, then an answer to every ``{"line": NAME, "seconds":
S}``. 'pep546' is sslproto27 on Python 2.7 and the interpreter's own ssl on Python 3; the names are
the same.

All contestants do the same work: there are two endpoints, each with an incoming and an outgoing
BIO. A transfer moves all bytes from one side's outgoing BIO to the other's incoming one. Seconds
are this process's CPU time, because nothing here waits, and other load matters less.
"""
from __future__ import absolute_import, division, print_function

import json
import os
import platform
import resource
import sys
from functools import partial
from itertools import repeat

from certificates import HOSTNAME

# The checkout's sslproto27, even if another one is installed.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

__all__ = ['CONTESTANTS', 'RECORD', 'SMALL', 'connected', 'cpu_time']

KIB = 1024
TLS_1_3 = 0x304
VERIFY_FLAGS = 0x20 | 0x80000  # X509_STRICT, PARTIAL_CHAIN: as in Python 3.13

SMALL = b'x' * 100
RECORD = 16 * KIB  # the size of every read: the most that a record holds
IDLE_PAIRS = 1000


class Endpoint(object):
    """
    One side of a connection. Its attributes are the contestant's own bound methods, so that
    measuring adds no calls.

    Attributes:
        handshake: continues the handshake; returns whether it is done.
        write, read: take plaintext; return at most so many bytes of plaintext.
        take, feed: return all outgoing ciphertext; take ciphertext.
        native: the contestant's own objects, the connection first.
    """

    __slots__ = ('handshake', 'write', 'read', 'take', 'feed', 'native')

    def __init__(self, want_read, native, write, read, take, feed):
        self.handshake = partial(_handshake, native[0].do_handshake, want_read)
        self.write, self.read, self.take, self.feed = write, read, take, feed
        self.native = native


def _handshake(do_handshake, want_read):
    try:
        do_handshake()
        return True
    except want_read:
        return False


class Pep546(object):
    """MemoryBIO, SSLObject, SSLContext.wrap_bio: sslproto27 on 2.7, the ssl module on 3."""

    def __init__(self, folder):
        import ssl

        import sslproto27
        self._new_bio, self._wrap_bio = sslproto27.MemoryBIO, sslproto27.wrap_bio
        self.label = 'sslproto27' if sys.version_info[0] == 2 else 'ssl'
        if os.environ.get('SSLPROTO27_ENGINE') == 'pair':
            self.label += ', pair'
        self.openssl = ssl.OPENSSL_VERSION
        self.want_read = ssl.SSLWantReadError
        self.refusal = sslproto27.SSLCertVerificationError
        self._client = sslproto27.create_default_context(cafile=os.path.join(folder, 'ca.pem'))
        self._server = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._server.load_cert_chain(os.path.join(folder, 'server.pem'))
        for context in (self._client, self._server):
            context.minimum_version = sslproto27.TLSVersion.TLSv1_3
            context.verify_flags |= VERIFY_FLAGS

    def pair(self, session=None, hostname=HOSTNAME):
        """Return (client, server), not yet connected."""
        return (self._endpoint(self._client, server_hostname=hostname, session=session),
                self._endpoint(self._server, server_side=True))

    def _endpoint(self, context, **arguments):
        incoming, outgoing = self._new_bio(), self._new_bio()
        tls = self._wrap_bio(context, incoming, outgoing, **arguments)
        return Endpoint(self.want_read, (tls, incoming, outgoing),
                        tls.write, tls.read, outgoing.read, incoming.write)

    @staticmethod
    def negotiated(endpoint):
        """Return (TLS version, cipher)."""
        return endpoint.native[0].version(), endpoint.native[0].cipher()[0]

    @staticmethod
    def session(client):
        """Return the session for a later client; it must be used while *client* lives."""
        return client.native[0].session

    @staticmethod
    def resumed(client):
        """Return whether *client*, connected, resumed a session."""
        return client.native[0].session_reused

    @staticmethod
    def spare_session(client):
        """Keep the session of *client* valid: do nothing, because each session is a copy."""


class PyOpenSSL(object):
    """
    pyOpenSSL's Connection without a socket.

    We use its binding for functions that pyOpenSSL 21 lacks: checking the host name, and finding
    out whether a session was resumed.
    """

    ROOM = 288 * KIB  # for bio_read, which needs a size; there is never more

    def __init__(self, folder):
        import OpenSSL
        from OpenSSL import SSL
        self._new, self._lib = partial(SSL.Connection, socket=None), SSL._lib
        self._both_sent = SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN
        self.label = 'pyOpenSSL ' + OpenSSL.__version__
        self.openssl = SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode('ascii')
        self.want_read, self.refusal = SSL.WantReadError, SSL.Error
        self._client, self._server = SSL.Context(SSL.SSLv23_METHOD), SSL.Context(SSL.SSLv23_METHOD)
        for context in (self._client, self._server):
            context.set_min_proto_version(TLS_1_3)
            context.get_cert_store().set_flags(VERIFY_FLAGS)
        self._client.load_verify_locations(os.path.join(folder, 'ca.pem'))
        self._client.set_verify(SSL.VERIFY_PEER, lambda *arguments: bool(arguments[-1]))
        self._server.use_privatekey_file(os.path.join(folder, 'server.pem'))
        self._server.use_certificate_file(os.path.join(folder, 'server.pem'))

    def pair(self, session=None, hostname=HOSTNAME):
        """Return (client, server), not yet connected."""
        client, name = self._new(self._client), hostname.encode('ascii')
        client.set_connect_state()
        client.set_tlsext_host_name(name)
        self._lib.X509_VERIFY_PARAM_set1_host(
            self._lib.SSL_get0_param(client._ssl), name, len(name))
        if session is not None:
            client.set_session(session)
        server = self._new(self._server)
        server.set_accept_state()
        return self._endpoint(client), self._endpoint(server)

    def _endpoint(self, tls):
        return Endpoint(self.want_read, (tls,), tls.sendall, tls.recv,
                        partial(tls.bio_read, self.ROOM), tls.bio_write)

    @staticmethod
    def negotiated(endpoint):
        """Return (TLS version, cipher)."""
        tls = endpoint.native[0]
        return tls.get_protocol_version_name(), tls.get_cipher_name()

    @staticmethod
    def session(client):
        """Return the session for a later client; it must be used while *client* lives."""
        return client.native[0].get_session()

    def resumed(self, client):
        """Return whether *client*, connected, resumed a session."""
        return bool(self._lib.SSL_session_reused(client.native[0]._ssl))

    def spare_session(self, client):
        """Keep the shared session of *client* valid, although there is no close_notify."""
        client.native[0].set_shutdown(self._both_sent)


CONTESTANTS = {'pep546': Pep546, 'pyopenssl': PyOpenSSL}


def connect(client, server):
    """Do TLS 1.3's handshake of one round trip; return how many bytes went (up, down)."""
    client.handshake()
    hello = client.take()
    server.feed(hello)
    server.handshake()
    answer = server.take()
    client.feed(answer)
    finished = client.handshake()
    last = client.take()
    server.feed(last)
    check(finished and server.handshake(), 'the handshake did not finish')
    return len(hello) + len(last), len(answer)


def connected(contestant):
    """Return (client, server), ready for data, after the session tickets have arrived."""
    client, server = contestant.pair()
    connect(client, server)
    client.feed(server.take())
    try:
        client.read(RECORD)
    except contestant.want_read:
        return client, server
    raise AssertionError('data where there is none')


def check(condition, text):
    """Raise AssertionError with *text* unless *condition* is true, even under -O."""
    if not condition:
        raise AssertionError(text)


# The lines: each function returns another one, which does the work a number of times.

def full_handshakes(contestant):
    """Full handshakes: the certificate is verified, the name checked."""
    def run(count):
        for _ in repeat(None, count):
            client, server = contestant.pair()
            connect(client, server)
            check(not contestant.resumed(client), 'this handshake was to be a full one')
    return run


def resumed_handshakes(contestant):
    """Handshakes with a TLS 1.3 session ticket; each is checked to have been accepted."""
    donor = connected(contestant)
    session = contestant.session(donor[0])

    def run(count, _donor=donor):
        for _ in repeat(None, count):
            client, server = contestant.pair(session)
            connect(client, server)
            check(contestant.resumed(client), 'the session was not resumed')
            contestant.spare_session(client)
    return run


def bulk(contestant, size):
    """One direction, in writes of *size* bytes; we count all bytes, and compare the last ones."""
    client, server = connected(contestant)
    data = os.urandom(size)

    def run(count):
        write, take, feed, read = client.write, client.take, server.feed, server.read
        for _ in repeat(None, count):
            check(write(data) == size, 'a write was cut short')
            feed(take())
            left = size
            while left:
                last = read(RECORD)
                left -= len(last)
        check(data.endswith(last), 'other bytes came than were sent')
    return run


def round_trips(contestant):
    """Round trips of 100 bytes."""
    client, server = connected(contestant)

    def run(count):
        write, take, feed, read = client.write, client.take, client.feed, client.read
        back, server_take, server_feed, server_read = (
            server.write, server.take, server.feed, server.read)
        received = 0
        for _ in repeat(None, count):
            write(SMALL)
            server_feed(take())
            back(server_read(RECORD))
            feed(server_take())
            received += len(read(RECORD))
        check(received == count * len(SMALL), 'bytes were lost')
    return run


LINES = {
    'full': full_handshakes,
    'resumed': resumed_handshakes,
    'bulk-16': partial(bulk, size=16 * KIB),
    'bulk-64': partial(bulk, size=64 * KIB),
    'bulk-256': partial(bulk, size=256 * KIB),
    'round-trips': round_trips,
}


def cpu_time():
    """Return the seconds of processor time that this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(run, count):
    """Return how often a second *run* does its work, measured for *count* times."""
    start = cpu_time()
    run(count)
    return count / max(cpu_time() - start, 1e-6)


def warm_up(run, seconds):
    """Return a count that takes about so many *seconds*."""
    count = 1
    while count / timed(run, count) < seconds / 4:
        count *= 2
    return max(1, int(seconds * timed(run, count)))


def idle_memory(contestant, count=IDLE_PAIRS):
    """Return the KiB of an idle pair after a round trip. Call it in a fresh process."""
    def pair():
        client, server = connected(contestant)
        client.write(SMALL)
        server.feed(client.take())
        server.write(server.read(RECORD))
        client.feed(server.take())
        check(client.read(RECORD) == SMALL, 'bytes were lost')
        return client.native, server.native

    pair()
    before = resident()
    kept = [pair() for _ in range(count)]
    return (resident() - before) / len(kept)


def resident():
    """Return this process's resident memory in KiB; on systems without that, its peak."""
    try:
        with open('/proc/self/statm') as statm:
            return int(statm.read().split()[1]) * resource.getpagesize() / KIB
    except IOError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / KIB if sys.platform == 'darwin' else peak


def settle_malloc(size=16 << 20):
    """
    Free a large block: from then on malloc keeps freed memory (mallopt(3), M_MMAP_THRESHOLD).

    Otherwise glibc may, by chance, return a large buffer to the system each time, which halves the
    speed at 256 KiB a write. (This often happened to a new pyOpenSSL process.)
    """
    bytearray(size)


def describe(contestant):
    """Return facts for the table's readers, after checking that a wrong name is refused."""
    client, server = contestant.pair()
    up, down = connect(client, server)
    version, cipher = contestant.negotiated(client)
    try:
        connect(*contestant.pair(hostname='wrong.example'))
    except contestant.refusal:
        pass
    else:
        raise AssertionError('a certificate for another name was taken')
    return {
        'label': contestant.label,
        'python': '%s %s' % (platform.python_implementation(), platform.python_version()),
        'openssl': contestant.openssl,
        'version': version,
        'cipher': cipher,
        'handshake_bytes': [up, down],
    }


def main(kind, folder):
    def answer(value):
        print(json.dumps(value))
        sys.stdout.flush()

    settle_malloc()
    contestant = CONTESTANTS[kind](folder)
    answer(describe(contestant))
    runs = {}
    for command in iter(sys.stdin.readline, ''):
        command = json.loads(command)
        name = command['line']
        if name == 'memory':
            answer(idle_memory(contestant))
            continue
        if name not in runs:
            run = LINES[name](contestant)
            runs[name] = run, warm_up(run, command['seconds'])
        answer(timed(*runs[name]))


if __name__ == '__main__':
    main(*sys.argv[1:])
