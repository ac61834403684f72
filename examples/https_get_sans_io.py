"""
An HTTPS GET that only handles bytes: TLS and HTTP without any connection.

`HTTPSGet` could be the core of a client on an event loop. It neither connects nor waits: the caller
carries the bytes by any means. Here `main` uses a file descriptor.

Usage: https_get_sans_io.py AUTHORITY PORT [PATH]

AUTHORITY is a PEM file with the certificate to trust; the server's must be for 'localhost'.
"""
from __future__ import print_function

import logging
import os
import socket
import sys

import sslproto27


class HTTPSGet(object):
    """
    One request. Until `is_done`, send what `data_to_send` returns, and feed the bytes that arrive.

    Attributes:
        response (bytes): the part received so far: the head, an empty line, the body.
        is_done (bool): the response is complete.
    """

    def __init__(self, context, host, path):
        self.response = b''
        self.is_done = False
        self._pipe = sslproto27.SSLPipe(context, server_hostname=host)
        self._pipe.do_handshake()
        request = 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' % (path, host)
        self._pipe.feed_appdata(request.encode('ascii'))  # waits for the handshake

    def data_to_send(self):
        """Return bytes for the server; call it after every other method."""
        return self._pipe.data_to_send()

    def feed(self, data):
        """Take bytes from the server, b'' for the end; raise ssl.SSLError if TLS fails."""
        if data:
            self._pipe.feed_ssldata(data)
        else:
            self._pipe.feed_eof()
        self.response += self._pipe.appdata_received()
        if self._pipe.failure is not None:  # for example a truncated response
            raise self._pipe.failure
        if self._pipe.state == 'PEER_CLOSED':  # close_notify ends HTTP/1.0's body
            self._pipe.shutdown()
            self.is_done = True


def main(authority, port, path='/'):
    get = HTTPSGet(sslproto27.create_default_context(cafile=authority), 'localhost', path)
    connection = socket.create_connection(('127.0.0.1', int(port)))
    try:
        while not get.is_done:
            os.write(connection.fileno(), get.data_to_send())  # small enough to go at once
            get.feed(os.read(connection.fileno(), 65536))
        os.write(connection.fileno(), get.data_to_send())
    finally:
        connection.close()
    print(get.response.decode('utf-8'))


if __name__ == '__main__':
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
