"""websocket-client on threads against Tornado's websockets: websocket_client.py CERTIFICATE CA."""
from __future__ import print_function

import functools
import ssl
import sys
import threading

import websocket
from tornado import httpserver, ioloop, netutil, web
from tornado.websocket import WebSocketHandler

CERTIFICATE, CA = sys.argv[1:]


class Echo(WebSocketHandler):
    """Sends back what it is sent."""

    def on_message(self, message):
        """Send it back."""
        self.write_message(message, binary=isinstance(message, bytes))


def talk(port, stop):
    """Print what came back."""
    url = 'wss://localhost:%d/' % port
    for ca in CA, None:
        try:
            socket = websocket.create_connection(
                url, timeout=20, sslopt=dict(ca_certs=ca, cert_reqs=ssl.CERT_REQUIRED))
        except ssl.SSLError as error:
            print(type(error).__name__, error.reason)
            continue
        for message in u'hello', u'x' * 200000:
            socket.send(message)
            answer = socket.recv()
            print(len(answer), answer == message)
        socket.send_binary(b'\x00\xff' * 50000)
        print(socket.recv() == b'\x00\xff' * 50000)
        socket.ping(b'are you there')
        print(socket.recv_data_frame(control_frame=True)[1].data)
        socket.close()
        print(socket.connected)
    stop()


def main():
    """Serve until the client has done."""
    loop = ioloop.IOLoop.current()
    server = httpserver.HTTPServer(web.Application([('/', Echo)]),
                                   ssl_options=dict(certfile=CERTIFICATE))
    sockets = netutil.bind_sockets(0, '127.0.0.1')
    server.add_sockets(sockets)
    thread = threading.Thread(target=talk, args=(
        sockets[0].getsockname()[1], functools.partial(loop.add_callback, loop.stop)))
    thread.start()
    loop.start()
    thread.join()


main()
