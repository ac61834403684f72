"""
A TLS echo server on Twisted, without pyOpenSSL.

Usage: twisted_echo_server.py CERTIFICATE [PORT]

CERTIFICATE is a PEM file with the private key and the certificate chain. PORT is 8443 by default; 0
lets the system choose one. The port is printed once the server listens. echo_client.py is a client
for it.
"""
from __future__ import print_function

import logging
import ssl
import sys

from twisted.internet import defer, endpoints, error, protocol, task

import sslproto27
from sslproto27.twisted import TLSServerEndpoint


class Echo(protocol.Protocol):
    def dataReceived(self, data):
        self.transport.write(data)

    def connectionLost(self, reason):
        if not reason.check(error.ConnectionDone):  # not a clean end
            logging.warning(reason.getErrorMessage())


@defer.inlineCallbacks
def main(reactor, certificate, port='8443'):
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    below = endpoints.TCP4ServerEndpoint(reactor, int(port), interface='127.0.0.1')
    endpoint = TLSServerEndpoint(below, context, handshakeTimeout=10)
    listening = yield endpoint.listen(protocol.Factory.forProtocol(Echo))
    print('listening on port', listening.getHost().port)
    sys.stdout.flush()
    yield defer.Deferred()  # serve for ever


if __name__ == '__main__':
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    task.react(main, sys.argv[1:])
