"""
TLS over a pipe of multiprocessing: an object with methods to receive and send bytes is enough.

Usage: multiprocessing_pipe.py AUTHORITY CERTIFICATE

AUTHORITY is a PEM file with the certificate that the parent trusts. CERTIFICATE is a PEM file with
the child's private key and certificate chain, which must be for 'localhost'.
"""
from __future__ import print_function

import multiprocessing
import ssl
import sys

import sslproto27


class Carrier(object):
    """A multiprocessing.Connection with the socket methods that an SSLSocket needs."""

    def __init__(self, connection):
        self.connection = connection
        self.rest = b''

    def recv(self, size):
        if not self.rest:
            try:
                self.rest = self.connection.recv_bytes()
            except EOFError:
                return b''
        data, self.rest = self.rest[:size], self.rest[size:]
        return data

    def sendall(self, data):
        self.connection.send_bytes(data)

    def close(self):
        self.connection.close()


def serve(connection, other_end, certificate):
    other_end.close()  # inherited: if it stayed open here, nobody would see the end
    context = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    tls = sslproto27.SSLSocket(Carrier(connection), context, server_side=True)
    tls.sendall(b'the secret of ' + tls.recv(100))
    tls.unwrap().close()


def main(authority, certificate):
    near, far = multiprocessing.Pipe()
    child = multiprocessing.Process(target=serve, args=(far, near, certificate))
    child.start()
    far.close()
    context = sslproto27.create_default_context(cafile=authority)
    tls = sslproto27.SSLSocket(Carrier(near), context, server_hostname='localhost')
    tls.sendall(b'the child')
    print('%s, over %s' % (tls.recv(100).decode('ascii'), tls.version()))
    tls.unwrap().close()  # both sides wait for the other's end: nobody writes to a closed pipe
    child.join()


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
