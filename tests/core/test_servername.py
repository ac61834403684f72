"""One rule for the name that a server must prove, at every door; and who checks it."""
from __future__ import absolute_import, division, print_function

import contextlib
import socket
import warnings

import pytest

from sslproto27 import SSLPipe, SSLProtocol, SSLSocket, pep543
from sslproto27._core.servername import name_of_loop, required_name
from sslproto27._urllib3.sockets import HTTPSSocket
from tests.support.loops import App, Loop
from tests.support.memory import PY2, raised

if PY2:
    from sslproto27 import sockets

TEXT = ('server_hostname must be a host name or an IP address, not %r; None is allowed only '
        'if context.check_hostname is false')

#: What can be nobody's name, in each of its forms.
WRONG = [u'.', u'..', u'.example.org', u'a..b', u'a' * 64 + u'.org', u'a\0b', b'a\0b', b'\xff',
         u'\u3002a', 5, 1.5, True, object, [u'localhost'], (), b'.example.org']

#: And where it is no loop's either.
EMPTY = [u'', b'', '']


class Below(object):
    """As much of a socket as is needed to be refused."""


def tornado_doors():
    """Return Tornado's doors, if it is here: each takes a context and a name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of how Tornado is written
            from sslproto27.tornado import SSLIOStream, start_tls
            from tornado.iostream import IOStream
    except (ImportError, RuntimeError):
        return {}

    def stream(context, name):
        with contextlib.closing(socket.socket()) as sock:
            sock.bind(('127.0.0.1', 0))
            sock.listen(1)
            with contextlib.closing(socket.create_connection(sock.getsockname())) as connected:
                SSLIOStream(connected, ssl_options=context, server_hostname=name)

    def connect(context, name):
        with contextlib.closing(SSLIOStream(socket.socket(), ssl_options=context)) as made:
            made.connect(('127.0.0.1', 1), server_hostname=name)

    def upgrade(context, name):
        with contextlib.closing(IOStream(socket.socket())) as plain:
            start_tls(plain, False, context, name)
    return {'tornado': stream, 'tornado connect': connect, 'tornado start_tls': upgrade}


#: Each takes a context and a name.
DOORS = {
    'pipe': lambda context, name: SSLPipe(context, server_hostname=name),
    'socket': lambda context, name: SSLSocket(Below(), context, server_hostname=name),
}
DOORS.update(tornado_doors())
LOOPS_DOORS = {
    'protocol': lambda context, name: SSLProtocol(Loop(), App(), context, server_hostname=name),
}
ALL_DOORS = dict(DOORS, **LOOPS_DOORS)


def connected(make):
    """Return a door that hands a connected socket, and what it gets, to *make*."""
    def door(context, name):
        with contextlib.closing(socket.socket()) as sock:
            sock.bind(('127.0.0.1', 0))
            sock.listen(1)
            with contextlib.closing(socket.create_connection(sock.getsockname())) as client:
                make(client, context, name)
    return door


def twisted_doors():
    """Return Twisted's doors, if it is here."""
    try:
        from sslproto27.twisted import TLSClientEndpoint, TLSFactory, TLSOptions
    except ImportError:
        return {}
    return {
        'twisted endpoint': lambda context, name: TLSClientEndpoint(None, context, name),
        'twisted factory': lambda context, name: TLSFactory(None, context, False, name),
        'twisted options': lambda context, name: TLSOptions(context, name)}


def pep543_context(_):
    """Return a context of PEP 543."""
    return pep543.BACKEND.client_context(pep543.TLSConfiguration())


#: Doors where None is another matter: what they say of a wrong name is the same.
FURTHER_DOORS = {
    'https': lambda context, name: HTTPSSocket(Below(), context, server_hostname=name),
    'pep543 buffers': lambda context, name: pep543_context(context).wrap_buffers(name),
    'pep543 socket': connected(lambda sock, context, name: pep543_context(context).wrap_socket(
        sock, name)),
}
if PY2:
    FURTHER_DOORS['installed'] = connected(lambda sock, context, name: sockets.SSLSocket(
        sock, _context=context, do_handshake_on_connect=False, server_hostname=name))
FURTHER_DOORS.update(twisted_doors())


def refusal(door, context, name):
    """Return what *door* raises: its class and text."""
    return refused(ALL_DOORS[door], context, name)


@pytest.mark.parametrize('door', sorted(ALL_DOORS))
def test_missing(client_context, door):
    """A client whose context checks names needs one: ValueError."""
    assert (ValueError, TEXT % (None,)) == refusal(door, client_context, None)


@pytest.mark.parametrize('checks', [True, False])
@pytest.mark.parametrize('name', WRONG, ids=repr)
@pytest.mark.parametrize('door', sorted(ALL_DOORS))
def test_wrong(pki, door, name, checks):
    """What can be nobody's name is the same ValueError, whether or not it would be checked."""
    context = pki.client_context()
    context.check_hostname = checks
    assert (ValueError, TEXT % (name,)) == refusal(door, context, name)


@pytest.mark.parametrize('checks', [True, False])
@pytest.mark.parametrize('name', [name for name in WRONG if name != ()], ids=repr)  # as ''
@pytest.mark.parametrize('door', sorted(FURTHER_DOORS))
def test_wrong_further_in(pki, door, name, checks):
    """So it is where a class of another name makes the connection, now or later."""
    context = pki.client_context()
    context.check_hostname = checks
    text = TEXT.replace('server_', '') if 'twisted' in door else TEXT
    assert (ValueError, text % (name,)) == refused(FURTHER_DOORS[door], context, name)


@pytest.mark.parametrize('name', EMPTY, ids=repr)
@pytest.mark.parametrize('door', sorted(DOORS))
def test_empty(client_context, door, name):
    """An empty one is no name, and waives nothing."""
    assert (ValueError, TEXT % (name,)) == refusal(door, client_context, name)


@pytest.mark.parametrize('door', sorted(LOOPS_DOORS))
def test_empty_at_a_loop(client_context, door):
    """Where a loop takes it, '' waives the check, as asyncio has it."""
    for name in (u'', ''):
        made = LOOPS_DOORS[door](client_context, name)
        assert None is made._pipe.ssl_object.server_hostname


@pytest.mark.skipif(PY2, reason="on 2.7 b'' is ''")
def test_empty_bytes_at_a_loop(client_context):
    """Bytes are not what asyncio means."""
    assert (ValueError, TEXT % (b'',)) == refusal('protocol', client_context, b'')


def test_not_needed(pki):
    """A client whose context checks no names, and a server, need none."""
    assert None is required_name(pki.client_context(trust=None), False, None)
    unchecked = pki.client_context()
    unchecked.check_hostname = False
    assert None is SSLPipe(unchecked).ssl_object.server_hostname
    checking = pki.server_context(trust='ca')
    checking.check_hostname = True
    assert None is SSLPipe(checking, server_side=True).ssl_object.server_hostname


@pytest.mark.parametrize('name, wire', [
    (u'localhost', 'localhost'), (b'localhost', 'localhost'),
    (u'b\xfccher.example', 'xn--bcher-kva.example'),
    (u'under_score.example.', 'under_score.example.'), (u'::1', '::1'), (b'127.0.0.1', '127.0.0.1'),
    (u'xn--strae-oqa.test', 'xn--strae-oqa.test')], ids=repr)
def test_names(client_context, name, wire):
    """Names and addresses, as text or ASCII, come out in A-labels, as this Python's str."""
    encoded = required_name(client_context, False, name)
    assert (str, wire) == (type(encoded), encoded)
    assert wire == SSLPipe(client_context, server_hostname=name).ssl_object.server_hostname


def test_what_a_loop_takes():
    """'' alone stands for no name and no check."""
    assert [(None, False), (None, False), (None, None), ('a', None), (5, None)] == [
        name_of_loop(name) for name in (u'', '', None, 'a', 5)]


def test_pep_543(client_context):
    """PEP 543 has None for: check the chain alone."""
    context = pep543.BACKEND.client_context(pep543.TLSConfiguration())
    assert None is context.wrap_buffers(None).ssl_object.server_hostname
    assert (ValueError, TEXT % (u'',)) == refused(context.wrap_buffers, u'')


def refused(call, *args, **kwargs):
    """Return the class and the text of what *call* raises."""
    error = raised(call, *args, **kwargs)
    return type(error), str(error)
