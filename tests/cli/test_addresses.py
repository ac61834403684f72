"""Addresses on the command line: read in one way by all commands, whatever the locale is."""
from __future__ import absolute_import, division, print_function

import os
import socket

import pytest

from sslproto27._cli.addresses import address, bound, host_name, verified_name, written
from sslproto27._cli.console import UsageError, UserError
from tests.support.commands import command, fails_here, starts_programs
from tests.support.memory import PY2, raised
from tests.support.peers import echo_tls, serving
from tests.support.programs import environment


def _has_ipv6():
    try:
        with_ipv6 = socket.socket(socket.AF_INET6)
    except socket.error:
        return False
    try:
        with_ipv6.bind(('::1', 0))
    except socket.error:
        return False
    finally:
        with_ipv6.close()
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason='this machine has no IPv6')


@pytest.mark.parametrize('text, defaults, expected', [
    ('localhost:1', {}, ('localhost', 1)),
    ('localhost', dict(default_port=2), ('localhost', 2)),
    (':3', dict(default_host='127.0.0.1'), ('127.0.0.1', 3)),
    ('[::1]:4', {}, ('::1', 4)),
    ('[::1]', dict(default_port=5), ('::1', 5)),
    ('[fe80::1%lo]:6', {}, ('fe80::1%lo', 6)),
    ('[::ffff:127.0.0.1]:6', {}, ('::ffff:127.0.0.1', 6)),
    ('example.org.:7', {}, ('example.org.', 7)),
    ('LOCALHOST.:7', {}, ('LOCALHOST', 7)),
    ('notlocalhost.:7', {}, ('notlocalhost.', 7)),
    (u'b\xfccher.example:6', {}, ('xn--bcher-kva.example', 6)),
    (u'b\xfccher.example:6'.encode('utf-8') if PY2 else u'b\xfccher.example:6', {},
     ('xn--bcher-kva.example', 6)),
])
def test_address(text, defaults, expected):
    """Hosts and ports, IPv6 addresses in brackets, internationalised names in A-labels."""
    found = address(text, **defaults)
    assert expected == found
    assert isinstance(found[0], str)


@pytest.mark.parametrize('text, reason', [
    ('', ' is not HOST:PORT'), (':', ': is not HOST:PORT'),
    ('localhost', 'localhost is not HOST:PORT'), ('localhost:', 'localhost: is not HOST:PORT'),
    ('localhost:65536', 'localhost:65536 is not HOST:PORT'),
    ('localhost:-1', 'localhost:-1 is not HOST:PORT'),
    ('localhost:1x', 'localhost:1x is not HOST:PORT'), (':3', ':3 is not HOST:PORT'),
    ('::1:4', '::1:4: an IPv6 address is written [::1:4]:PORT'),
    ('fe80::1%lo', 'fe80::1%lo: an IPv6 address is written [fe80::1%lo]:PORT'),
    ('[::1', '[::1 is not HOST:PORT'), ('[]:1', '[]:1: [] is not an IPv6 address'),
    ('[localhost]:1', '[localhost]:1: [localhost] is not an IPv6 address'),
    ('[::1%]:1', '[::1%]:1: [::1%] is not an IPv6 address'),
    ('a b:1', 'a b:1 is not HOST:PORT'), ('a\r\nb:1', r'a\x0d\x0ab:1 is not HOST:PORT'),
    ('a/b:1', 'a/b:1 is not HOST:PORT'), ('a%b:1', 'a%b is not the name of a host'),
    ('a..b:1', 'a..b is not the name of a host'),
    ('x' * 64 + ':1', 'x' * 64 + ' is not the name of a host'),
])
def test_no_address(text, reason):
    """What names no host and port is refused with a reason."""
    error = raised(address, text)
    assert (UsageError, reason) == (type(error), str(error))


@pytest.mark.parametrize('text, expected', [
    ('example.org', 'example.org'), ('example.org.', 'example.org'), ('::1', '::1'),
    ('[::1]', '::1'), ('fe80::1%eth0', 'fe80::1'), ('127.0.0.1', '127.0.0.1'),
    (u'm\xfcnchen.example', 'xn--mnchen-3ya.example'), ('*.example.org', '*.example.org')])
def test_host_name(text, expected):
    """A name to verify has no port, no dot at its end, no zone and no brackets."""
    assert expected == host_name('--name', text)


@pytest.mark.parametrize('text', ['', '[::1', 'a:1', 'a b', '.', 'a%b'])
def test_no_host_name(text):
    """What is no name is refused; the option is named."""
    error = raised(host_name, '--name', text)
    assert UsageError is type(error)
    assert str(error).startswith('--name: %s is not ' % text)


@pytest.mark.parametrize('where', [('::1', 1), ('fe80::1%lo', 2), ('example.org.', 3)])
def test_written(where):
    """An address is written as it is read."""
    assert where == address(written(*where))


def test_verified_name():
    """Neither a zone nor the dot of the root is part of a certificate's name."""
    assert ['fe80::1', 'example.org', 'example.org'] == [
        verified_name(host) for host in ('fe80::1%lo', 'example.org.', 'example.org')]


@pytest.mark.parametrize('host', [
    '127.0.0.1', 'localhost', pytest.param('::1', marks=needs_ipv6),
    pytest.param('::1%1', marks=needs_ipv6)])
def test_bound(host):
    """A name is bound to by IPv4 where it has that, an IPv6 address with or without its zone."""
    listener = bound((host, 0))
    try:
        found = listener.getsockname()[0].partition('%')[0]
        assert found == {'localhost': '127.0.0.1', '::1%1': '::1'}.get(host, host)
    finally:
        listener.close()


@pytest.mark.parametrize('host', ['192.0.2.1', 'nobody.invalid'])
def test_not_bound(host):
    """What cannot be listened to is named."""
    error = raised(bound, (host, 0))
    assert UserError is type(error)
    assert str(error).startswith(host + ':0: ')


@needs_ipv6
@starts_programs
@pytest.mark.parametrize('host', ['[::1]', '[0:0:0:0:0:0:0:1]', '[::1%1]'])
def test_ipv6(pki, host):
    """connect reaches an IPv6 address, and verifies it without its zone."""
    context = pki.server_context()
    with serving(lambda sock: echo_tls(sock, context), host='::1') as port:
        assert (0, 'x', '') == command(
            'connect', '%s:%d' % (host, port), '--cafile', pki.path('ca'), '--quiet', input='x')


@starts_programs
def test_root(pki):
    """A name with the dot of the root at its end is looked up, and verified without it."""
    context = pki.server_context()
    with serving(lambda sock: echo_tls(sock, context)) as port:
        assert (0, 'x', '') == command(
            'connect', 'localhost.:%d' % port, '--cafile', pki.path('ca'), '--quiet', input='x')


MISTAKES = [
    ['connect', u'm\xfcn chen:443'],
    ['connect', u'm\xfcn..chen'],
    ['connect', u'm\xfcnchen.invalid'],
    ['connect', 'localhost', '--timeout', u'f\xfcnf'],
    ['connect', 'localhost', '--starttls', u'gr\xf6\xdfe'],
    ['connect', 'localhost', '--servername', u'\xe4 \xe4'],
    ['connect', 'localhost', '--cafile', u'\xe4'],
    ['connect', 'localhost', '--proxy', u'http://\xe4 \xe4'],
    ['connect', 'localhost', u'--\xe4'],
    ['connect', u'[fe80::1%\xfc]:1'],
    ['connect', 'localhost', '--proxy', u'http://[fe80::1%\xfc]:1'],
    ['serve', '--listen', u'[fe80::1%\xfc]:1', '--cert', 'CERT'],
    ['serve', '--listen', u'\xf6 \xf6:1'],
    ['serve', '--listen', u'\xf6.invalid:1', '--cert', u'\xf6'],
    ['serve', u'\xe4'],
    ['serve', '--cert', u'\xe4'],
    ['serve', '--max-connections', u'\xe4'],
    ['connect', 'localhost', '--session-in', u'\xe4'],
    [u'\xe4']]


@starts_programs
@pytest.mark.parametrize('locale', ['C', 'C.UTF-8'])
@pytest.mark.parametrize('arguments', MISTAKES, ids=[str(n) for n in range(len(MISTAKES))])
def test_mistakes(arguments, locale, pki):
    """A mistake in an argument that is not ASCII is one line, whatever the locale is."""
    arguments = [pki.path('localhost') if argument == 'CERT' else argument
                 for argument in arguments]
    if PY2:
        arguments = [argument.encode('utf-8') for argument in arguments]
    status, stdout, stderr = command(*arguments, env=dict(environment(), LC_ALL=locale))
    assert (True, '', 1) == (status in (1, 2), stdout, stderr.count('\n')), stderr
    assert stderr.startswith('sslproto27')


def test_undecodable(capsys):
    """An argument that is text in no encoding is a mistake like others."""
    text = b'm\xfcn chen:1'
    said = fails_here(capsys, 'connect', text if PY2 else os.fsdecode(text), status=2)
    assert said.endswith(' chen:1 is not HOST:PORT')
