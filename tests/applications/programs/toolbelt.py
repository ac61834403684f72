"""requests-toolbelt's adapters: toolbelt.py CA PORT."""
from __future__ import print_function

import hashlib
import socket
import ssl
import sys

import requests
from requests_toolbelt import SSLAdapter
from requests_toolbelt.adapters.fingerprint import FingerprintAdapter
from requests_toolbelt.adapters.host_header_ssl import HostHeaderSSLAdapter
from requests_toolbelt.adapters.socket_options import SocketOptionsAdapter, TCPKeepAliveAdapter
from requests_toolbelt.adapters.source import SourceAddressAdapter
from requests_toolbelt.multipart import MultipartEncoder

CA, PORT = sys.argv[1], int(sys.argv[2])


def fingerprint():
    """Return the SHA-256 digest of the server's certificate."""
    pem = ssl.get_server_certificate(('localhost', PORT))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def ask(what, adapter, host='localhost', headers=None):
    """Print what comes of a request and of a multipart upload through *adapter*."""
    session = requests.Session()
    session.trust_env = False
    session.verify = CA
    session.mount('https://', adapter)
    url = 'https://%s:%d/' % (host, PORT)
    try:
        print(what, session.get(url + what, headers=headers, timeout=20).text)
        form = MultipartEncoder({'file': ('name', b'x' * 200000)}, boundary='border')
        print(session.post(url, data=form, headers=headers, timeout=20).text)
    except requests.exceptions.RequestException as error:
        print(what, type(error).__name__)


def main():
    """Try each, and what each has to refuse."""
    right = fingerprint()
    ask('ssl', SSLAdapter(ssl.PROTOCOL_TLSv1_2))
    ask('fingerprint', FingerprintAdapter(right))
    ask('fingerprint-wrong', FingerprintAdapter('00' + right[2:]))
    ask('host-header', HostHeaderSSLAdapter(), '127.0.0.1', {'Host': 'localhost'})
    ask('host-header-wrong', HostHeaderSSLAdapter(), '127.0.0.1', {'Host': 'example.org'})
    ask('source', SourceAddressAdapter('127.0.0.1'))
    ask('options', SocketOptionsAdapter(
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]))
    ask('keep-alive', TCPKeepAliveAdapter(idle=120, interval=10))


main()
