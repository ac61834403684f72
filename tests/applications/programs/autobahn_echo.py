"""autobahn's websockets, both sides, on Trollius: autobahn_echo.py CERTIFICATE CA."""
from __future__ import print_function

import ssl
import sys

import trollius
from autobahn.asyncio.websocket import (
    WebSocketClientFactory, WebSocketClientProtocol, WebSocketServerFactory,
    WebSocketServerProtocol)

CERTIFICATE, CA = sys.argv[1:]
MESSAGES = [b'hello', b'x' * 300000, b'']


class Server(WebSocketServerProtocol):
    """Sends every message back."""

    def onMessage(self, payload, isBinary):  # noqa: N802
        """Send it back."""
        self.sendMessage(payload, isBinary)


class Client(WebSocketClientProtocol):
    """Sends the messages, and closes."""

    def onOpen(self):  # noqa: N802
        """Send the first."""
        self.left = list(MESSAGES)
        self.sendMessage(self.left[0], isBinary=True)

    def onMessage(self, payload, isBinary):  # noqa: N802
        """Compare; send the next."""
        print(len(payload), payload == self.left.pop(0), isBinary)
        if self.left:
            self.sendMessage(self.left[0], isBinary=True, fragmentSize=100000)
        else:
            self.sendClose(1000)

    def onClose(self, wasClean, code, reason):  # noqa: N802
        """End."""
        print(wasClean, code)
        self.factory.loop.stop()


def main():
    """Talk once."""
    loop = trollius.get_event_loop()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    factory = WebSocketServerFactory(u'wss://localhost')
    factory.protocol = Server
    server = loop.run_until_complete(loop.create_server(factory, '127.0.0.1', 0, ssl=context))
    port = server.sockets[0].getsockname()[1]
    client = WebSocketClientFactory(u'wss://localhost:%d' % port)
    client.protocol = Client
    loop.run_until_complete(loop.create_connection(
        client, '127.0.0.1', port, ssl=ssl.create_default_context(cafile=CA),
        server_hostname='localhost'))
    loop.run_forever()
    server.close()


main()
