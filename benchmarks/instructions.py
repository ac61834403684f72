"""
Count the processor's instructions of a 100-byte echo, layer by layer, under callgrind.

    python benchmarks/instructions.py [--against REVISION] [--python27 PATH]

Other load on the machine does not change the result, so small gains and losses become visible. Each
scenario is the server's side alone; each includes the ones above it. With --against the table has a
second column, for another revision of sslproto27, and the command fails if something got more than
2 % slower. The numbers leave out the kernel's work and the cost of memory.
"""
from __future__ import absolute_import, division, print_function

import argparse
import os
import re
import subprocess
import sys

from certificates import certificates
from revisions import ROOT, unpacked

__all__ = ['SCENARIOS']

SMALL = b'x' * 100
FEW, MANY = 100, 2100
TOLERATED = 1.02


def _pair(folder):
    """Return (a client's object, its BIOs, a server's context)."""
    import ssl

    import sslproto27
    client = sslproto27.create_default_context(cafile=os.path.join(folder, 'ca.pem'))
    server = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
    server.load_cert_chain(os.path.join(folder, 'server.pem'))
    incoming, outgoing = sslproto27.MemoryBIO(), sslproto27.MemoryBIO()
    return (sslproto27.wrap_bio(client, incoming, outgoing, server_hostname='localhost'),
            incoming, outgoing, server)


def _shake_hands(client, incoming, outgoing, exchange):
    """Connect the client to *exchange*, which takes records and returns the answer to them."""
    import ssl
    for _ in range(3):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        incoming.write(exchange(outgoing.read()))
    try:
        client.read(1)
    except ssl.SSLWantReadError:
        pass


def _records(folder, make, count):
    """Return the result of *make* for the server's context, and *count* records for it."""
    client, incoming, outgoing, context = _pair(folder)
    exchange = make(context)
    _shake_hands(client, incoming, outgoing, exchange)
    records = []
    for _ in range(count):
        client.write(SMALL)
        records.append(outgoing.read())
    return exchange, records


def client_alone(folder, count):
    """The common part of all scenarios: a connection, and the records for it."""
    _records(folder, _engine, count)


def _engine(context):
    import ssl

    import sslproto27
    incoming, outgoing = sslproto27.MemoryBIO(), sslproto27.MemoryBIO()
    server = sslproto27.wrap_bio(context, incoming, outgoing, server_side=True)

    def exchange(data):
        incoming.write(data)
        try:
            if server.version() is None:
                server.do_handshake()
            else:
                server.write(server.read(16384))
        except ssl.SSLWantReadError:
            pass
        return outgoing.read()
    exchange.native = server, incoming, outgoing
    return exchange


def engine(folder, count):
    """MemoryBIO and SSLObject."""
    exchange, records = _records(folder, _engine, count)
    server, incoming, outgoing = exchange.native
    feed, read, write, take = incoming.write, server.read, server.write, outgoing.read
    for record in records:
        feed(record)
        write(read(16384))
        take()


def pipe(folder, count):
    """SSLPipe."""
    def make(context):
        import sslproto27
        server = sslproto27.SSLPipe(context, server_side=True)
        server.do_handshake()

        def exchange(data):
            server.feed_ssldata(data)
            data = server.appdata_received()
            if data:
                server.feed_appdata(data)
            return server.data_to_send()
        return exchange

    exchange, records = _records(folder, make, count)
    for record in records:
        exchange(record)


class _Loop(object):
    """The parts of a loop that SSLProtocol needs if nothing ever waits."""

    def get_debug(self):
        return False

    def call_soon(self, callback, *args):
        callback(*args)

    def call_later(self, delay, callback, *args):
        return self

    def cancel(self):
        """Do nothing: the handle of a timer has this method."""


class _Lower(object):
    """A transport that keeps the last write."""

    _closing = False
    written = b''

    def get_extra_info(self, name):
        """It knows no address."""

    def write(self, data):
        self.written = data


class _Echo(object):
    """The application's protocol: an echo."""

    def connection_made(self, transport):
        self.write = transport.write

    def data_received(self, data):
        self.write(data)

    def eof_received(self):
        """Close, too."""

    def connection_lost(self, error):
        """Do nothing."""


def protocol(folder, count):
    """SSLProtocol and SSLTransport."""
    def make(context):
        import sslproto27
        server = sslproto27.SSLProtocol(_Loop(), _Echo(), context, server_side=True)
        lower = _Lower()
        server.connection_made(lower)

        def exchange(data):
            lower.written = b''
            server.data_received(data)
            return lower.written
        exchange.native = server
        return exchange

    exchange, records = _records(folder, make, count)
    receive = exchange.native.data_received
    for record in records:
        receive(record)


def _on_loop(loop, context):
    """Return an exchange with a server on a Trollius loop, over a pair of sockets."""
    import socket
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    if context is None:
        loop._make_socket_transport(theirs, _Echo())
    else:
        loop.create_task(loop.connect_accepted_socket(_Echo, theirs, ssl=context))

    def exchange(data):
        if data:
            ours.send(data)
        ours.setblocking(False)
        for _ in range(5):
            loop.call_soon(int)  # so that it does not wait
            loop._run_once()
        try:
            return ours.recv(65536)
        except socket.error:
            return b''
    exchange.native = ours
    return exchange


def _talk(loop, ours, records):
    send, receive, run_once = ours.send, ours.recv, loop._run_once
    for record in records:
        send(record)
        run_once()
        receive(65536)


def trollius(folder, count):
    """All layers, on a Trollius loop with a socket."""
    import sslproto27.trollius
    loop = sslproto27.trollius.SelectorEventLoop()
    exchange, records = _records(folder, lambda context: _on_loop(loop, context), count)
    _talk(loop, exchange.native, records)


def plain(folder, count):
    """The same on Trollius' own loop, without TLS."""
    import trollius
    client_alone(folder, count)
    loop = trollius.SelectorEventLoop()
    exchange = _on_loop(loop, None)
    exchange(SMALL)
    _talk(loop, exchange.native, [SMALL] * count)


def _on_stream(folder, count, install):
    """Let a TLS stream on Tornado's IOLoop echo *count* records, one after the other."""
    import socket

    from tornado import ioloop, iostream
    if install:
        import sslproto27.tornado
        sslproto27.tornado.install()
    loop = ioloop.IOLoop.current()
    ours, theirs = [socket.socket(_sock=one) for one in socket.socketpair()]
    ours.setblocking(False)

    def make(context):
        stream = iostream.SSLIOStream(context.wrap_socket(
            theirs, server_side=True, do_handshake_on_connect=False), ssl_options=context)

        def read():
            stream.read_bytes(65536, partial=True).add_done_callback(echo)

        def echo(future):
            stream.write(future.result())
            read()

        def exchange(data):
            ours.send(data)
            for _ in range(5):
                loop.add_callback(loop.add_callback, loop.stop)  # after it has polled
                loop.start()
            try:
                return ours.recv(65536)
            except socket.error:
                return b''

        read()
        return exchange

    _, records = _records(folder, make, count)

    def answered(fd, events):
        ours.recv(65536)
        if records:
            ours.send(records.pop(0))
        else:
            loop.stop()

    loop.add_handler(ours, answered, loop.READ)
    ours.send(records.pop(0))
    loop.start()


def tornado(folder, count):
    """All layers, in a stream on Tornado's IOLoop with a socket."""
    _on_stream(folder, count, True)


def stock(folder, count):
    """The same with Tornado's own TLS streams."""
    _on_stream(folder, count, False)


SCENARIOS = [engine, pipe, protocol, trollius, plain, tornado, stock]


def counted(python, package, folder, scenario, count):
    """Return the number of instructions of *scenario* with *count* messages."""
    environment = dict(os.environ, PYTHONPATH=package, PYTHONHASHSEED='0')
    process = subprocess.Popen(
        ['valgrind', '--tool=callgrind', '--callgrind-out-file=' + os.devnull, python,
         os.path.abspath(__file__), '--worker', scenario, folder, '%d' % count],
        stderr=subprocess.PIPE, env=environment)
    said = process.communicate()[1].decode('ascii', 'replace')
    found = re.search(r'Collected : (\d+)', said)
    if process.returncode or not found:
        raise SystemExit('%s failed:\n%s' % (scenario, said))
    return int(found.group(1))


def per_message(python, package, folder):
    """Return the number of instructions for a message in each scenario, by name."""
    def cost(scenario):
        few, many = [counted(python, package, folder, scenario.__name__, count)
                     for count in (FEW, MANY)]
        return (many - few) / (MANY - FEW)

    base = cost(client_alone)
    return {scenario.__name__: cost(scenario) - base for scenario in SCENARIOS}


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split('\n')[0])
    parser.add_argument('--python27', metavar='PATH',
                        default=os.path.join(ROOT, '.venv27', 'bin', 'python'))
    parser.add_argument('--against', metavar='REVISION', help='compare with this revision')
    options = parser.parse_args()
    with certificates() as pki, unpacked(options.against) as before:
        columns = [per_message(options.python27, package, pki)
                   for package in (ROOT, before) if package]
    print('%-44s%12s%12s' % ('instructions a 100-byte echo', 'here', options.against or ''))
    for scenario in SCENARIOS:
        values = [column[scenario.__name__] for column in columns]
        row = '%-10s%-34s' % (scenario.__name__, scenario.__doc__.rstrip('.'))
        row += ''.join('%12.0f' % value for value in values)
        if options.against:
            row += '%9.3f' % (values[0] / values[1])
        print(row)
    if options.against and any(columns[0][name] > TOLERATED * columns[1][name]
                               for name in columns[0]):
        sys.exit('slower than %s' % options.against)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--worker']:
        globals()[sys.argv[2]](sys.argv[3], int(sys.argv[4]))
    else:
        main()
