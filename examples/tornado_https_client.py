"""
An HTTPS client on Tornado: fetches a URL and prints the response.

Usage: tornado_https_client.py AUTHORITY URL

AUTHORITY is a PEM file with the certificate to trust.
"""
from __future__ import print_function

import logging
import sys

from tornado.httpclient import AsyncHTTPClient
from tornado.ioloop import IOLoop

import sslproto27
import sslproto27.tornado


def main(authority, url):
    context = sslproto27.create_default_context(cafile=authority)
    sslproto27.tornado.install()
    answer = IOLoop.current().run_sync(lambda: AsyncHTTPClient().fetch(url, ssl_options=context))
    print(answer.code, answer.reason)
    print(answer.body.decode('utf-8'), end='')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
