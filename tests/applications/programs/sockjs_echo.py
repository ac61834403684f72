"""A server of sockjs-tornado over HTTPS, and clients: sockjs_echo.py CERTIFICATE CA."""
from __future__ import print_function

import json
import ssl
import sys

import sockjs.tornado
from tornado import gen, httpclient, httpserver, ioloop, netutil, web, websocket


class Echo(sockjs.tornado.SockJSConnection):
    """Sends back what it is sent."""

    def on_open(self, request):
        """Greet."""
        self.send('open')

    def on_message(self, message):
        """Send it back."""
        self.send(message)


@gen.coroutine
def main():
    """Print what came back."""
    router = sockjs.tornado.SockJSRouter(Echo, '/echo', dict(disconnect_delay=1))
    server = httpserver.HTTPServer(web.Application(router.urls),
                                   ssl_options=dict(certfile=sys.argv[1]))
    sockets = netutil.bind_sockets(0, '127.0.0.1')
    server.add_sockets(sockets)
    base = 'https://localhost:%d/echo' % sockets[0].getsockname()[1]
    context = ssl.create_default_context(cafile=sys.argv[2])
    client = httpclient.AsyncHTTPClient()

    @gen.coroutine
    def fetch(path, **kwargs):
        answer = yield client.fetch(base + path, ssl_options=context, raise_error=False, **kwargs)
        raise gen.Return((answer.code, answer.body))

    code, body = yield fetch('/info')
    print(code, sorted(json.loads(body)))
    print((yield fetch('')))
    print((yield fetch('/000/one/xhr', method='POST', body=b'')))
    print((yield fetch('/000/one/xhr', method='POST', body=b'')))
    large = 'x' * 300000
    print((yield fetch('/000/one/xhr_send', method='POST', body=json.dumps(['hello', large]))))
    code, body = yield fetch('/000/one/xhr', method='POST', body=b'')
    print(code, body[:20], len(body))
    url = base.replace('https', 'wss') + '/websocket'
    socket = yield websocket.websocket_connect(httpclient.HTTPRequest(url, ssl_options=context))
    print((yield socket.read_message()))
    for message in 'hello', large:
        socket.write_message(message)
        answer = yield socket.read_message()
        print(len(answer), answer == message)
    socket.close()
    print((yield socket.read_message()))
    try:
        yield client.fetch(base)
    except ssl.SSLError as error:
        print(error.reason)
    server.stop()


ioloop.IOLoop.current().run_sync(main)
