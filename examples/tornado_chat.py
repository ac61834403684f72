"""
A chat over wss:// on Tornado: server and client.

Usage: tornado_chat.py serve CERTIFICATE [PORT]
       tornado_chat.py join AUTHORITY PORT NAME

CERTIFICATE is a PEM file with the private key and the certificate chain, for 'localhost'. AUTHORITY
is a PEM file with the certificate to trust. PORT is 8443 by default; 0 lets the system choose one.
The port is printed once the server listens. A client that joins sends the lines of its standard
input, prints everybody's lines, and leaves at the end of the input.
"""
from __future__ import print_function

import logging
import ssl
import sys

from tornado import gen
from tornado.httpclient import HTTPRequest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import PipeIOStream, StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler, websocket_connect

import sslproto27
import sslproto27.tornado


class Chat(WebSocketHandler):
    members = set()

    def open(self):
        self.members.add(self)

    def on_message(self, message):
        for member in self.members:
            member.write_message(message)

    def on_close(self):
        self.members.discard(self)


def serve(certificate, port='8443'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = HTTPServer(Application([('/chat', Chat)]), ssl_options=context)
    sockets = bind_sockets(int(port), '127.0.0.1')
    server.add_sockets(sockets)
    print('listening on port', sockets[0].getsockname()[1])
    sys.stdout.flush()
    IOLoop.current().start()


@gen.coroutine
def show(connection):
    message = yield connection.read_message()
    while message is not None:
        print(message)
        sys.stdout.flush()
        message = yield connection.read_message()


@gen.coroutine
def join(authority, port, name):
    context = sslproto27.create_default_context(cafile=authority)
    connection = yield websocket_connect(
        HTTPRequest('wss://localhost:%s/chat' % port, ssl_options=context))
    showing = show(connection)
    lines = PipeIOStream(sys.stdin.fileno())
    try:
        while True:
            line = yield lines.read_until(b'\n')
            connection.write_message('%s: %s' % (name, line.decode('utf-8').rstrip()))
    except StreamClosedError:
        connection.close()
    yield showing


def main(role, *args):
    sslproto27.tornado.install()
    if role == 'serve':
        serve(*args)
    else:
        IOLoop.current().run_sync(lambda: join(*args))


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4, 5) or sys.argv[1] not in ('serve', 'join'):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
