"""TLS between standard input and output, by tlslite-ng, one direction after the other.

    tlslite_netcat.py client|server PORT TLSv1.x CA PEM|- SIZE

A client sends SIZE bytes and then receives as many, a server receives first. A server asks for a
client certificate if CA is not '-'; tlslite-ng verifies no chains.
"""
import socket
import sys

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey


def main(role, port, version, ca, pem, size):
    settings = HandshakeSettings()
    settings.minVersion = settings.maxVersion = (3, {'TLSv1.2': 3, 'TLSv1.3': 4}[version])
    # Observed with tlslite-ng 0.8.2: to know what a server can decompress (RFC 8879 4) it looks at
    # its own hello, not at the server's CertificateRequest; OpenSSL refuses the message.
    settings.certificate_compression_send = []
    chain = key = None
    if pem != '-':
        with open(pem) as file:
            text = file.read()
        chain = X509CertChain()
        chain.parsePemList(text)
        key = parsePEMKey(text, private=True)

    def send():
        connection.sendall(sys.stdin.buffer.read(int(size)))

    def receive():
        left = int(size)
        while left:
            data = connection.recv(min(left, 16384))
            if not data:
                sys.exit('the data ends %d bytes too early' % left)
            left -= len(data)
            sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    if role == 'client':
        connection = TLSConnection(socket.create_connection(('127.0.0.1', int(port))))
        connection.handshakeClientCert(chain, key, settings=settings, serverName='localhost')
        send()
        receive()
    else:
        with socket.create_server(('127.0.0.1', int(port))) as listener:
            connection = TLSConnection(listener.accept()[0])
        connection.handshakeServer(certChain=chain, privateKey=key, reqCert=ca != '-',
                                   settings=settings)
        if ca != '-' and connection.session.clientCertChain is None:
            sys.exit('the client has shown no certificate')
        receive()
        send()
    connection.recv(1)


if __name__ == '__main__':
    main(*sys.argv[1:])
