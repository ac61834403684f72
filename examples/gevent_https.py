"""
TLS in gevent's greenlets: requests to one server, all at once.

Usage: gevent_https.py AUTHORITY URL COUNT

AUTHORITY is a PEM file with the certificate to trust.
"""
from __future__ import print_function

from gevent import monkey
monkey.patch_all()  # before all other imports: a socket that waits then only blocks its greenlet

import sys  # noqa: E402

import gevent  # noqa: E402
import requests  # noqa: E402

import sslproto27.urllib3  # noqa: E402


def fetch(authority, url):
    return requests.get(url, verify=authority).text.strip()


def main(authority, url, count):
    sslproto27.urllib3.inject_into_urllib3()
    greenlets = [gevent.spawn(fetch, authority, url) for _ in range(int(count))]
    for greenlet in greenlets:
        print(greenlet.get())


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
