"""
requests with a client certificate whose private key is encrypted, which its cert= cannot take.

Usage: requests_encrypted_key.py AUTHORITY CERTIFICATE URL

AUTHORITY is a PEM file with the certificate that is trusted, CERTIFICATE one with the client's
private key and certificate chain. The key's password is asked for.
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
    # For this site alone: no other one is to learn who the client is.
    session.mount(url, sslproto27.requests.SSLAdapter(ssl_context=context))
    answer = session.get(url, verify=authority)
    print(answer.status_code, answer.text.strip())


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
