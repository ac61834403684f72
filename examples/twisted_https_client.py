"""
An HTTPS client on Twisted, without pyOpenSSL: fetches a URL and prints the response.

Usage: twisted_https_client.py AUTHORITY URL

AUTHORITY is a PEM file with the certificate to trust.
"""
from __future__ import print_function

import sys

from twisted.internet import defer, protocol, task
from twisted.web.client import Agent, ResponseDone

import sslproto27
from sslproto27.twisted import AgentEndpointFactory


class Body(protocol.Protocol):
    """Collects a body of a known length."""

    def __init__(self):
        self.done = defer.Deferred()
        self.data = b''

    def dataReceived(self, data):
        self.data += data

    def connectionLost(self, reason):
        if reason.check(ResponseDone):
            self.done.callback(self.data)
        else:
            self.done.errback(reason)


@defer.inlineCallbacks
def main(reactor, authority, url):
    context = sslproto27.create_default_context(cafile=authority)
    agent = Agent.usingEndpointFactory(reactor, AgentEndpointFactory(reactor, context))
    answer = yield agent.request(b'GET', url.encode('ascii'))
    body = Body()
    answer.deliverBody(body)
    text = yield body.done
    print(answer.code, answer.phrase.decode('ascii'))
    print(text.decode('utf-8'), end='')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    task.react(main, sys.argv[1:])
