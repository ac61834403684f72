"""
An HTTPS server on Tornado: answers with the TLS version of the request.

Usage: tornado_https_server.py CERTIFICATE [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain. PORT is 8443 by default; 0
lets the system choose one. The port is printed once the server listens.
"""
from __future__ import print_function

import logging
import ssl
import sys

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

import sslproto27
import sslproto27.tornado


class Hello(RequestHandler):
    def get(self):
        tls = self.request.connection.stream.socket
        self.write('Hello over %s\n' % tls.version())


def main(certificate, port='8443'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    sslproto27.tornado.install()
    server = HTTPServer(Application([('/', Hello)]), ssl_options=context)
    sockets = bind_sockets(int(port), '127.0.0.1')
    server.add_sockets(sockets)
    print('listening on port', sockets[0].getsockname()[1])
    sys.stdout.flush()
    IOLoop.current().start()


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
