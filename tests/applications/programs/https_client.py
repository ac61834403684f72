"""Ask an HTTPS server this and that by the standard library: https_client.py CA PORT."""
from __future__ import print_function

import hashlib
import httplib
import ssl
import sys


def main():
    """Print what came back."""
    context = ssl.create_default_context(cafile=sys.argv[1])
    for _ in range(4):
        connection = httplib.HTTPSConnection('localhost', int(sys.argv[2]), context=context,
                                             timeout=20)
        for method, path, body in (('GET', '/small', None), ('POST', '/post', b'x' * 300000),
                                   ('GET', '/large', None)):
            connection.request(method, path, body)
            answer = connection.getresponse()
            data = answer.read()
            print(answer.status, len(data), hashlib.sha256(data).hexdigest())
        connection.close()


main()
