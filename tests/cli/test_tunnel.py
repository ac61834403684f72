"""Connections through HTTP proxies."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27._cli.channel import Channel
from tests.support.commands import (
    command, facts, fails, is_strict, refusing_server, starts_programs)
from tests.support.engines import not_in_pair
from tests.support.peers import hang_up, serving

pytestmark = starts_programs


class TestProxy(object):
    """--proxy: the tests' proxy is the server, too, once it has been asked to connect."""

    def head(self, channel):
        """Take the request off *channel*, and answer it."""
        head = channel.until(b'\r\n\r\n').decode('ascii').splitlines()
        channel.send(b'HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n')
        return head[:-1]

    def echo(self, channel, context):
        """Serve TLS inside of what *channel* has already: TLS in TLS with an HTTPS proxy."""
        channel.start_tls(context, server_side=True)
        channel.send(channel.exactly(1))
        channel.shutdown()

    @pytest.mark.parametrize('scheme', ['http', 'https'])
    def test_connect(self, pki, scheme):
        """The proxy is asked for the host and port, with the credentials; TLS follows, or nests."""
        heads = []

        def handle(sock):
            channel = Channel(sock)
            if scheme == 'https':
                channel.start_tls(pki.server_context(), server_side=True)
            heads.append(self.head(channel))
            self.echo(channel, pki.server_context(leaf='other'))
            hang_up(sock)

        with serving(handle) as port:
            status, stdout, stderr = command(
                'connect', 'other.example.org:443', '--cafile', pki.path('ca'), '--proxy',
                '%s://user:p%%40ss@localhost:%d' % (scheme, port), '--proxy-cafile', pki.path('ca'),
                input='x')
        assert (0, 'x') == (status, stdout), stderr
        assert [['CONNECT other.example.org:443 HTTP/1.1', 'Host: other.example.org:443',
                 'Proxy-Authorization: Basic dXNlcjpwQHNz']] == heads
        assert 'other.example.org:443 through localhost' == facts(stderr)[0]['connected']

    def test_refused(self):
        """A proxy that refuses is quoted."""
        def handle(sock):
            Channel(sock).until(b'\r\n\r\n')
            sock.sendall(b'HTTP/1.1 407 Proxy Authentication \x1b[2J\r\n\r\n')

        with serving(handle) as port:
            line = fails('connect', 'other.example.org', '--proxy', 'http://localhost:%d' % port)
        assert (r'the proxy localhost:%d: CONNECT was refused: HTTP/1.1 407 Proxy Authentication'
                r' \x1b[2J' % port == line)

    @pytest.mark.parametrize('scheme', ['http', 'https'])
    def test_silence(self, scheme):
        """A proxy that says nothing is who is blamed."""
        with serving(lambda sock: sock.recv(4096) and sock.recv(4096)) as port:
            line = fails('connect', 'other.example.org', '--timeout', '0.2', '--proxy',
                         '%s://localhost:%d' % (scheme, port))
        assert 'the proxy localhost:%d: nothing came for 0.2 seconds' % port == line

    def test_not_verified(self, pki):
        """An HTTPS proxy has to prove its name as a server has."""
        with refusing_server(pki.server_context(leaf='other')) as server:
            status, _, stderr = command('connect', 'other.example.org', '--proxy',
                                        'https://' + server, '--proxy-cafile', pki.path('ca'))
        assert status == 1
        assert ' is not verified: Hostname mismatch' in stderr and 'the proxy localhost:' in stderr

    @not_in_pair('verify_code')
    @pytest.mark.skipif(not is_strict, reason='only OpenSSL 3 finds a wrong form')
    @pytest.mark.parametrize('leaf, cause, advice', [
        ('self_signed', 'no authority vouches for it',
         '. To trust it, if it is the right one: --proxy-cafile FILE'),
        ('no_identifier', 'its form is wrong, not its origin', '')])
    def test_hint(self, pki, leaf, cause, advice):
        """What to do names options that the proxy is subject to."""
        with refusing_server(pki.server_context(leaf=leaf)) as server:
            line = command('connect', 'other.example.org', '--proxy', 'https://' + server,
                           '--proxy-cafile', pki.path('ca'))[2].splitlines()[-1]
        assert line.endswith('): %s. No data was sent%s' % (cause, advice)), line
