"""
requests with a client certificate whose private key is encrypted, which cert= cannot load.

Usage: requests_encrypted_key.py AUTHORITY CERTIFICATE URL

AUTHORITY is a PEM file with the certificate to trust. CERTIFICATE is a PEM file with the client's
private key and certificate chain. The program asks for the key's password.
"""
from __future__ import print_function

import getpass
import sys

import requests

import sslproto27
import sslproto27.requests


def main(authority, certificate, url):
    context = sslproto27.create_default_context(cafile=authority)
    context.load_cert_chain(certificate, password=lambda: getpass.getpass('Password of the key: '))
    session = requests.Session()
    # For this site alone: other sites must not learn who the client is.
    session.mount(url, sslproto27.requests.SSLAdapter(ssl_context=context))
    answer = session.get(url, verify=authority)
    print(answer.status_code, answer.text.strip())


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
