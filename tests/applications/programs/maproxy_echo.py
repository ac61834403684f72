"""maproxy between two TLS connections: maproxy_echo.py CERTIFICATE CA."""
from __future__ import print_function

import ssl
import sys

from maproxy.proxyserver import ProxyServer
from tornado import gen, ioloop, iostream, tcpclient, tcpserver

CERTIFICATE, CA = sys.argv[1:]


class Echo(tcpserver.TCPServer):
    """Sends back what it is sent."""

    @gen.coroutine
    def handle_stream(self, stream, address):
        """Send back until the end."""
        try:
            while True:
                yield stream.write((yield stream.read_bytes(65536, partial=True)))
        except iostream.StreamClosedError:
            pass


def listen(server):
    """Let *server* listen; return its port."""
    server.listen(0, '127.0.0.1')
    return list(server._sockets.values())[0].getsockname()[1]


@gen.coroutine
def main():
    """Print what came back."""
    echo = Echo(ssl_options=dict(certfile=CERTIFICATE))
    port = listen(echo)
    proxy = ProxyServer('127.0.0.1', port, client_ssl_options=dict(certfile=CERTIFICATE),
                        server_ssl_options=dict(cert_reqs=ssl.CERT_NONE))
    outer = listen(proxy)
    context = ssl.create_default_context(cafile=CA)
    client = tcpclient.TCPClient()
    for size in 10, 300000:
        stream = yield client.connect('localhost', outer, ssl_options=context)
        data = b'0123456789' * (size // 10)
        sent = stream.write(data)
        answer = yield stream.read_bytes(size)
        yield sent
        print(len(answer), answer == data)
        stream.close()
    while proxy.get_connections_count():
        yield gen.sleep(0.01)
    print(proxy.get_connections_count())


ioloop.IOLoop.current().run_sync(main)
