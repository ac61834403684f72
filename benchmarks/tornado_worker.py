"""
One contestant of tornado_bench.py: a Tornado server, on our streams or on Tornado's own.

    python benchmarks/tornado_worker.py ours|stock FOLDER

It prints a description as JSON, with the ports of its HTTPS and echo servers. Then it answers each
line on standard input with the resources that it has used so far: processor time in seconds, memory
in bytes. It ends when its input does.
"""
from __future__ import absolute_import, division, print_function

import json
import logging
import os
import platform
import resource
import ssl
import sys

import tornado
from tornado import gen, httpserver, ioloop, iostream, netutil, tcpserver, web

LARGE = b'x' * (4 << 20)


class Hello(web.RequestHandler):
    def get(self):
        self.write(b'Hello, world\n')


class Large(web.RequestHandler):
    def get(self):
        self.set_header('Content-Length', str(len(LARGE)))
        self.write(LARGE)

    def compute_etag(self):
        return None  # a hash by SHA-1 would take longer than TLS


class Echo(tcpserver.TCPServer):
    @gen.coroutine
    def handle_stream(self, stream, address):
        stream.set_nodelay(True)
        try:
            while True:
                data = yield stream.read_bytes(65536)
                yield stream.write(data)
        except iostream.StreamClosedError:
            pass


class Messages(tcpserver.TCPServer):
    @gen.coroutine
    def handle_stream(self, stream, address):
        stream.set_nodelay(True)
        try:
            while True:
                data = yield stream.read_bytes(65536, partial=True)
                yield stream.write(data)
        except iostream.StreamClosedError:
            pass


def listen(server):
    """Let *server* listen; return its port."""
    sock, = netutil.bind_sockets(0, '127.0.0.1')
    server.add_socket(sock)
    return sock.getsockname()[1]


def usage():
    """Return processor time in seconds and memory in bytes."""
    times = resource.getrusage(resource.RUSAGE_SELF)
    with open('/proc/self/statm') as file:
        resident = int(file.read().split()[1]) * os.sysconf('SC_PAGESIZE')
    return times.ru_utime + times.ru_stime, resident


def say(what):
    """Print *what* as a line of JSON."""
    print(json.dumps(what))
    sys.stdout.flush()


@gen.coroutine
def answer():
    """Answer each line of the input, until it ends."""
    lines = iostream.PipeIOStream(os.dup(sys.stdin.fileno()))
    try:
        while True:
            yield lines.read_until(b'\n')
            say(usage())
    except iostream.StreamClosedError:
        ioloop.IOLoop.current().stop()


def main(kind, folder):
    logging.disable(logging.CRITICAL)  # Tornado's own streams log every end with a traceback
    if kind == 'ours':
        import sslproto27.tornado
        sslproto27.tornado.install()
    context = ssl.SSLContext(ssl.PROTOCOL_SSLv23)
    context.load_cert_chain(os.path.join(folder, 'server.pem'))
    application = web.Application([('/', Hello), ('/large', Large)], log_function=lambda _: None)
    say({
        'label': 'sslproto27' if kind == 'ours' else 'Tornado ' + tornado.version,
        'python': '%s %s' % (platform.python_implementation(), platform.python_version()),
        'openssl': ssl.OPENSSL_VERSION,
        'https': listen(httpserver.HTTPServer(application, ssl_options=context)),
        'echo': listen(Echo(ssl_options=context)),
        'messages': listen(Messages(ssl_options=context)),
        'pid': os.getpid(),
    })
    answer()
    ioloop.IOLoop.current().start()


if __name__ == '__main__':
    main(*sys.argv[1:])
