"""STARTTLS of each protocol, against servers that follow a script and then do TLS by stock ssl."""
from __future__ import absolute_import, division, print_function

import os
import socket
import threading

import pytest

from sslproto27._cli.channel import Channel
from sslproto27._cli.console import UserError
from sslproto27._cli.starttls import PROTOCOLS
from tests.support.peers import PATIENCE, echo_tls, receive, talk
from tests.support.starttls import (
    AGREED, LDAP_REQUEST, XMPP_OPEN, XMPP_STREAM, XMPP_TLS, ldap_answer, mysql_greeting)

# Protocol, script, what the error tells of it.
REFUSED = [
    ('smtp', [(b'', b'554 no service\r\n')], '554 no service'),
    ('smtp', AGREED['smtp'][:1] + [(b'EHLO localhost\r\n', b'250-me\r\n250 SIZE\r\n')], 'me, SIZE'),
    ('smtp', AGREED['smtp'][:2] + [(b'STARTTLS\r\n', b'454 later\r\n')], '454 later'),
    ('smtp', [(b'', b'SSH-2.0-x\r\n')], 'SSH-2.0-x'),
    ('imap', [(b'', b'* BYE full\r\n')], 'BYE full'),
    ('imap', AGREED['imap'][:1] + [(b'a STARTTLS\r\n', b'a BAD what\r\n')], 'a BAD what'),
    ('pop3', [(b'', b'-ERR busy\r\n')], '-ERR busy'),
    ('pop3', AGREED['pop3'][:1] + [(b'STLS\r\n', b'-ERR unknown\r\n')], '-ERR unknown'),
    ('ftp', AGREED['ftp'][:1] + [(b'AUTH TLS\r\n', b'502 no\r\n')], '502 no'),
    ('ldap', [(LDAP_REQUEST, ldap_answer(b'\x02'))], 'LDAP result 02'),
    ('ldap', [(LDAP_REQUEST, b'HTTP/1.0 400 \r\n')], 'not an LDAP message'),
    ('ldap', [(LDAP_REQUEST, b'\x30\x84\x7f\xff\xff\xff')], 'not an LDAP message'),
    ('ldap', [(LDAP_REQUEST, b'\x30\x03\x02\x01\x01')], 'not an LDAP message'),
    ('xmpp', [(XMPP_OPEN, XMPP_STREAM + b'<stream:features/></stream:features>')],
     '<stream:features/>'),
    ('xmpp', AGREED['xmpp'][:1] + [(b"<starttls xmlns='" + XMPP_TLS + b"'/>",
                                    b"<failure xmlns='" + XMPP_TLS + b"'/>")], '<failure'),
    ('postgres', [(AGREED['postgres'][0][0], b'N')], 'PostgreSQL without TLS'),
    ('postgres', [(AGREED['postgres'][0][0], b'E')], 'E'),
    ('mysql', [(b'', mysql_greeting(0xf7ff & ~0x800))], 'MySQL 8.0.36 without TLS'),
    ('mysql', [(b'', b'\x0b\0\0\0\xff\x10\x04too many')], 'too many'),
    ('mysql', [(b'', b'\x03\0\0\0\x0a8\0')], '8'),
]


class Talk(object):
    """A channel to a server in a thread."""

    def __init__(self, serve):
        self._error = None
        listener = socket.socket()
        listener.bind(('127.0.0.1', 0))
        listener.listen(1)
        ours, theirs = socket.create_connection(listener.getsockname()), listener.accept()[0]
        listener.close()
        for sock in (ours, theirs):
            sock.settimeout(PATIENCE)
        self.channel = Channel(ours)
        self._thread = threading.Thread(target=self._run, args=(serve, theirs))

    def _run(self, serve, sock):
        try:
            serve(sock)
        except Exception as error:
            self._error = error
        finally:
            sock.close()

    def __enter__(self):
        self._thread.start()
        return self.channel

    def __exit__(self, *exc_info):
        self.channel.close()
        self._thread.join(PATIENCE)
        if self._error is not None and exc_info[0] is None:
            raise self._error


@pytest.mark.parametrize('protocol', sorted(PROTOCOLS))
def test_agreed(protocol, pki):
    """What the protocol says in plaintext, however it is split, ends where TLS begins."""
    def serve(sock):
        talk(sock, AGREED[protocol])
        echo_tls(sock, pki.server_context())

    with Talk(serve) as channel:
        PROTOCOLS[protocol][0](channel, 'localhost')
        channel.start_tls(pki.client_context(), server_hostname='localhost')
        channel.send(b'through TLS')
        assert b'through TLS' == channel.exactly(11)
        channel.shutdown()
        with pytest.raises(UserError) as info:
            channel.exactly(1)
        assert 'the peer has closed the connection' == str(info.value)


@pytest.mark.parametrize('protocol, script, said', REFUSED, ids=lambda value: (
    value if isinstance(value, str) and value in PROTOCOLS else ''))
def test_refused(protocol, script, said):
    """A server that will not do TLS is quoted."""
    with Talk(lambda sock: talk(sock, script, size=4096)) as channel:
        with pytest.raises(UserError) as info:
            PROTOCOLS[protocol][0](channel, 'localhost')
    text = info.value.args[0]
    assert text.startswith('the server does not offer TLS: ')
    assert said in text


@pytest.mark.parametrize('protocol', sorted(PROTOCOLS))
def test_cut_short(protocol):
    """A server that ends before TLS begins is no server."""
    with Talk(lambda sock: None) as channel:
        with pytest.raises((UserError, socket.error)) as info:
            PROTOCOLS[protocol][0](channel, 'localhost')
    if isinstance(info.value, UserError):
        assert 'the peer has closed the connection' == str(info.value)


def test_injected(pki):
    """Bytes that came before TLS, with the server's last word, are not taken to come from it."""
    def serve(sock):
        talk(sock, AGREED['pop3'][:1])
        receive(sock, len(b'STLS\r\n'))
        sock.sendall(b'+OK\r\nINJECTED')

    with Talk(serve) as channel:
        PROTOCOLS['pop3'][0](channel, 'localhost')
        with pytest.raises(UserError) as info:
            channel.start_tls(pki.client_context(), server_hostname='localhost')
    assert 'the peer sent 8 bytes too many before TLS' == str(info.value)


def test_endless():
    """A server that never ends its line is given up, long before memory is."""
    def serve(sock):
        try:
            while True:
                sock.sendall(b'x' * 65536)
        except socket.error:
            pass

    with Talk(serve) as channel:
        with pytest.raises(UserError) as info:
            channel.line()
    assert 'keeps sending' in str(info.value)


def test_unreadable(pki):
    """An input that cannot be read is an error, once the server has said all that it says."""
    source, target = os.open(os.devnull, os.O_WRONLY), os.open(os.devnull, os.O_WRONLY)
    with Talk(lambda sock: echo_tls(sock, pki.server_context())) as channel:
        channel.start_tls(pki.client_context(), server_hostname='localhost')
        with pytest.raises(UserError) as info:
            channel.relay(source, target)
    os.close(source)
    os.close(target)
    assert 'the input cannot be read: Bad file descriptor' == str(info.value)


def test_relay(pki):
    """A megabyte each way at once arrives whole: neither direction waits for the other."""
    data = os.urandom(1 << 20)
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    came = []

    def feed():
        with os.fdopen(in_write, 'wb') as file:
            file.write(data)

    def drain():
        with os.fdopen(out_read, 'rb') as file:
            came.append(file.read())

    threads = [threading.Thread(target=feed), threading.Thread(target=drain)]
    with Talk(lambda sock: echo_tls(sock, pki.server_context())) as channel:
        channel.start_tls(pki.client_context(), server_hostname='localhost')
        for thread in threads:
            thread.start()
        channel.relay(in_read, out_write)
        os.close(out_write)
        for thread in threads:
            thread.join(PATIENCE)
        os.close(in_read)
    assert [len(data)] == [len(one) for one in came]
    assert [data] == came
