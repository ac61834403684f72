"""What connect says of the failures that are met most often: what is wrong, and what to do."""
from __future__ import absolute_import, division, print_function

import re
import socket
import ssl

import pytest

from tests.support.commands import command, shows_chains, starts_programs
from tests.support.engines import not_in_pair
from tests.support.peers import hang_up, serving

pytestmark = starts_programs


def said(port, *arguments):
    """Return the last line of connect to *port*, without what all such lines begin with."""
    status, stdout, stderr = command('connect', 'localhost:%d' % port, *arguments)
    assert (1, '') == (status, stdout), stderr
    start = 'sslproto27: localhost:%d' % port
    assert stderr.splitlines()[-1].startswith(start), stderr
    return stderr.splitlines()[-1][len(start):]


def said_of_tls(pki, context, *arguments):
    """Return what is said of a server with *context*, whose authority is trusted."""
    def handle(sock):
        try:
            secure = context.wrap_socket(sock, server_side=True)
            secure.recv(1)
            secure.close()
        except (ssl.SSLError, socket.error):
            pass  # the client has gone

    with serving(handle) as port:
        return said(port, '--cafile', pki.path('ca'), *arguments)


def said_of_bytes(data, *arguments):
    """Return what is said of a server that answers *data* to whatever it gets, and hangs up."""
    def handle(sock):
        sock.recv(65536)
        sock.sendall(data)
        hang_up(sock)

    with serving(handle) as port:
        return said(port, *arguments)


@not_in_pair('verify_code')
@pytest.mark.parametrize('leaf, code, cause, advice', [
    ('expired', 10, '', ". Renew it, or correct this machine's clock if that is wrong"),
    ('not_yet', 9, '', ". Renew it, or correct this machine's clock if that is wrong"),
    ('for_clients', 26, ': it was not issued for servers', ''),
    ('constrained', 47, '', '')])
def test_certificate(pki, leaf, code, cause, advice):
    """What OpenSSL found comes with what to do, and that no data has gone out."""
    found = said_of_tls(pki, pki.server_context(leaf=leaf))
    assert re.match(r' is not verified: [^:]*\(X.509 error %d\)%s\. No data was sent%s$' % (
        code, re.escape(cause), re.escape(advice)), found) is not None, found


@not_in_pair('verify_code')
@pytest.mark.skipif(not shows_chains, reason='this Python does not tell the chain')
@pytest.mark.parametrize('leaf, code, cause, advice', [
    ('other', 62, 'it is for other.example.org', ''),
    ('only_common_name', 62, 'it names no host; its common name, localhost, sslproto27 tests, does'
     ' not count', ''),
    ('self_signed', 18, 'no authority vouches for it',
     '. To trust it, if it is the right one: --cafile FILE')])
def test_certificate_with_its_chain(pki, leaf, code, cause, advice):
    """Where names or issuers are what is wrong these are told."""
    found = said_of_tls(pki, pki.server_context(leaf=leaf))
    assert found.endswith(' (X.509 error %d): %s. No data was sent%s' % (code, cause, advice))


@not_in_pair('verify_code')
@pytest.mark.skipif(not shows_chains, reason='this Python does not tell the chain')
def test_incomplete_chain(pki):
    """A chain without its intermediate is told from one whose root is there, and not trusted."""
    missing = said_of_tls(pki, pki.server_context(leaf='broken_chain'))
    assert '(X.509 error 20): the server did not send the certificate of its issuer, ch' in missing
    assert ': an intermediate is missing, or' in missing
    assert missing.endswith('. No data was sent. To trust this issuer as a root: --cafile FILE')


@not_in_pair('verify_code')
@pytest.mark.skipif(not shows_chains, reason='this Python does not tell the chain')
def test_untrusted_root(pki, tmpdir):
    """A root that the server sends, and that is not trusted, is named."""
    path = tmpdir.join('chain.pem')
    path.write(pki.text('stranger') + pki.text('stranger-ca'))
    context = pki.server_context()
    context.load_cert_chain(str(path))
    found = said_of_tls(pki, context)
    assert re.search(r'\(X.509 error 19\): its root, trustme [^;]*, is not trusted\. No data was'
                     r' sent\. To trust this root: --cafile FILE$', found) is not None, found


@pytest.mark.parametrize('data, quoted', [
    (b'HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html>', 'HTTP/1.1 400 Bad Request'),
    (b'SSH-2.0-OpenSSH_9.2\r\n', 'SSH-2.0-OpenSSH_9.2'),
    (b'220 mail ESMTP\r\n', '220 mail ESMTP (--starttls smtp or ftp?)'),
    (b'* OK IMAP4rev1\r\n', '* OK IMAP4rev1 (--starttls imap?)'),
    (b'+OK POP3\r\n', '+OK POP3 (--starttls pop3?)'), (b'no', 'no'),
    (b'\r\n\r\nhello\r\n', 'hello'), (b'\r\n', 'an empty line'), (b'\0', '\\x00'),
    (b'\x00\x1b[2J' * 30, '\\x00\\x1b[2J' * 12)], ids=str)
def test_no_tls(data, quoted):
    """A server that does not speak TLS is quoted, so far as it makes a line."""
    assert ': the server does not speak TLS; it answered ' + quoted == said_of_bytes(data)


@pytest.mark.parametrize('level', [b'\1', b'\2'])
def test_close_notify(level):
    """A server whose first word is the end of TLS does not say more; we say that."""
    assert (': the server ended TLS at once, with close_notify: it does not want this connection,'
            ' and does not say why') == said_of_bytes(b'\x15\x03\x03\0\2' + level + b'\0')


def test_silent_end():
    """A server that hangs up without a word may be for something else."""
    assert (': the server closed the connection without an answer; perhaps its port is not for TLS'
            == said_of_bytes(b''))


@pytest.mark.parametrize('speaks, offered, shown', [
    ('TLSv1.2', '1.3', 'TLS 1.3'), ('TLSv1.3', '1.2', 'TLS 1.2')])
def test_version(pki, speaks, offered, shown):
    """Where no version is common to both the ones that were offered are told."""
    assert (': the server speaks no version of TLS that was offered: ' + shown
            == said_of_tls(pki, pki.server_context(version=speaks), '--tls', offered))


def test_old_version():
    """So are they where the server answers in one that is never offered."""
    # alert, TLS 1.0, fatal, protocol_version: RFC 8446 6
    assert (': the server speaks no version of TLS that was offered: TLS 1.2, TLS 1.3'
            == said_of_bytes(b'\x15\x03\x01\x00\x02\x02\x46'))


@pytest.mark.parametrize('alert, arguments, text', [
    (40, (), 'the server refused the handshake: no cipher suite in common, perhaps, or it'
     ' requires a client certificate (--cert)'),
    (112, ('--servername', 'example.org'), 'the server does not know the host example.org;'
     ' --servername asks for another'),
    (120, (), 'the server requires a common protocol: --alpn'),
    (120, ('--alpn', 'h2', '--alpn', 'x'),
     'the server speaks none of the protocols of --alpn: h2, x')])
def test_alert(alert, arguments, text):
    """A server's alert is put into words, with the option that it is about."""
    assert ': ' + text == said_of_bytes(
        b'\x15\x03\x03\x00\x02\x02' + bytes(bytearray([alert])), *arguments)


def test_other_alert():
    """An alert that no option is about comes with what the library says of it."""
    found = said_of_bytes(b'\x15\x03\x03\x00\x02\x02\x50')
    assert found.endswith(' alert internal error (the peer failed for reasons of its own; its log'
                          ' may have them)'), found


@pytest.mark.parametrize('alert', [1, 11, 255])
def test_alert_without_a_name(alert):
    """So is one whose number has no name."""
    assert (': the server sent alert %d, which OpenSSL has no name for' % alert
            == said_of_bytes(b'\x15\x03\x03\x00\x02\x02' + bytes(bytearray([alert]))))


def test_alert_of_a_proxy():
    """A hint names no option that is for the server behind."""
    def handle(sock):
        sock.recv(65536)
        sock.sendall(b'\x15\x03\x03\x00\x02\x02\x28')
        hang_up(sock)

    with serving(handle) as port:
        _, _, stderr = command('connect', 'x:1', '--proxy', 'https://localhost:%d' % port)
    assert ('sslproto27: the proxy localhost:%d: the server refused the handshake: no cipher suite'
            ' in common, perhaps, or it requires a client certificate\n' % port == stderr)


@pytest.mark.parametrize('alert, text', [(48, 'unknown ca'), (45, 'certificate expired')])
def test_our_certificate(pki, alert, text):
    """A server that does not accept our certificate says why; the file is named."""
    path = pki.path('client')
    assert ': the server does not accept the certificate in %s: %s' % (path, text) == (
        said_of_bytes(b'\x15\x03\x03\x00\x02\x02' + bytes(bytearray([alert])), '--cert', path))


def test_certificate_is_wanted(pki):
    """A server that requires a client certificate says so, after the handshake of TLS 1.3."""
    context = pki.server_context(trust='ca', version='TLSv1.3')
    assert (': the server requires a client certificate: --cert'
            == said_of_tls(pki, context, '--quiet'))


def test_refused():
    """Where nobody listens host and port are told."""
    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    assert ': Connection refused' == said(listener.getsockname()[1])
    listener.close()
