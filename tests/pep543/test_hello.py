"""The reader of a ClientHello: the name in it, whatever else there is, and what is none."""
from __future__ import absolute_import, division, print_function

import struct

import pytest

from sslproto27.pep543._hello import ClientHello, alert
from tests.support.buffers import Material, advance, outgoing
from tests.support.memory import SPLITS, byte_by_byte


def vector(size, data):
    """Return *data* after its length, a number of *size* bytes."""
    return struct.pack('>I', len(data))[4 - size:] + data


def name_list(name, kind=0):
    """Return the content of a server_name extension."""
    return vector(2, struct.pack('>B', kind) + vector(2, name))


def hello(extensions=(), tail=b'', kind=1):
    """Return a ClientHello message that has these (number, content) as extensions."""
    encoded = b''.join(struct.pack('>H', number) + vector(2, content)
                       for number, content in extensions)
    body = (b'\3\3' + b'r' * 32 + vector(1, b'id') + vector(2, b'\x13\x01') + vector(1, b'\0')
            + vector(2, encoded) + tail)
    return struct.pack('>B', kind) + vector(3, body)


def records(message, size=16384):
    """Return a handshake message in records of *size* bytes."""
    return b''.join(b'\x16\x03\x01' + vector(2, message[start:start + size])
                    for start in range(0, len(message), size))


def name_of(data):
    """Return what a whole ClientHello asks for."""
    reader = ClientHello()
    assert reader.feed(data) is True
    return reader.server_name


class TestName(object):
    @pytest.mark.parametrize('name, expected', [
        (b'localhost', u'localhost'), (b'LOCALHOST.', u'LOCALHOST.'),
        (b'xn--bcher-kva.example', u'b\xfccher.example'),
        (b'xn--fa-hia.example', u'xn--fa-hia.example'), (b'xn--\x7f', u'xn--\x7f'),
        (b'a' * 70, u'a' * 70)])
    def test_decoded(self, name, expected):
        """A name is IDNA decoded if that works, and else as it is."""
        assert expected == name_of(records(hello([(0, name_list(name))])))

    def test_among_others(self):
        """Other extensions, known or not, do not matter."""
        extensions = [(16, b'\0\3\2h2'), (0, name_list(b'name')), (0xFAFA, b''), (51, b'x' * 2000)]
        assert u'name' == name_of(records(hello(extensions)))

    @pytest.mark.parametrize('message', [
        hello(), hello([(16, b'\0\3\2h2')]),
        b'\1' + vector(3, hello()[4:-2])], ids=['none', 'others', 'no_extensions'])
    def test_no_name(self, message):
        """Without the extension there is none."""
        assert name_of(records(message)) is None

    def test_real(self, pki):
        """A real one is read, of any size of records."""
        client = Material(pki).client().wrap_buffers(u'some.example.org')
        advance(client)
        data = outgoing(client)
        assert u'some.example.org' == name_of(data)
        assert u'some.example.org' == name_of(records(data[5:], 1))


class TestPieces(object):
    @pytest.mark.parametrize('split', sorted(SPLITS))
    @pytest.mark.parametrize('size', [1, 7, 16384])
    def test_any(self, split, size):
        """It is complete with its last byte, however it is split, in records and on the wire."""
        data = records(hello([(0, name_list(b'name'))]), size)
        reader = ClientHello()
        done = [reader.feed(piece) for piece in SPLITS[split]()(data)]
        assert [False] * (len(done) - 1) + [True] == done
        assert u'name' == reader.server_name

    def test_every_prefix_wants_more(self):
        """No beginning of one is complete, or an error."""
        data = records(hello([(0, name_list(b'name'))]), 50)
        for size in range(len(data)):
            assert ClientHello().feed(data[:size]) is False

    def test_what_follows(self):
        """What follows it does not matter."""
        assert u'name' == name_of(records(hello([(0, name_list(b'name'))])) + b'junk')


class TestRefused(object):
    @pytest.mark.parametrize('data', [
        b'GET / HTTP/1.0\r\n', b'\x80\x2e\x01\x03\x01\0\x15', b'\x15\x03\x01\0\2\1\0',
        b'\x16\x03\x01\0\0', b'\x16\x03\x01\x40\x01', records(hello(kind=2)),
        records(b'\1' + struct.pack('>I', 0x10001)[1:]), records(hello([(0, b'')])),
        records(hello([(0, name_list(b''))])), records(hello([(0, name_list(b'a\0b'))])),
        records(hello([(0, name_list(b'\xff'))])), records(hello([(0, name_list(b'a', 1))])),
        records(hello([(0, vector(2, b'\0' + vector(2, b'a') + b'\0' + vector(2, b'b')))])),
        records(hello([(0, name_list(b'a'))] * 2)), records(b'\1' + vector(3, b'\3\3short')),
        records(b'\1' + vector(3, hello()[4:-2] + b'\0\x09\0\0\0')),
    ], ids=['http', 'sslv2', 'alert', 'empty_record', 'large_record', 'server_hello', 'large',
            'no_list', 'no_name', 'nul', 'not_ascii', 'no_host_name', 'two_names', 'twice', 'short',
            'short_extensions'])
    def test_whole(self, data):
        """What is no ClientHello, or a malformed one, is refused."""
        pytest.raises(ValueError, ClientHello().feed, data)

    def test_each_truncation(self):
        """One whose inner lengths say more than there is is refused, never misread."""
        body = hello([(0, name_list(b'name')), (16, b'\0\3\2h2')])[4:]
        for size in range(len(body)):
            reader = ClientHello()
            try:
                reader.feed(records(b'\1' + vector(3, body[:size])))
            except ValueError:
                continue
            assert (size, None) == (43, reader.server_name)  # the very end of what TLS 1.0 had

    def test_endless(self):
        """One that never ends is refused once it is too large, not collected."""
        reader = ClientHello()
        with pytest.raises(ValueError):
            for piece in byte_by_byte(records(b'\1\xff\xff\xff' + b'x' * 100, 1)):
                reader.feed(piece)


def test_alert():
    """An alert is a record of its own (RFC 8446 6)."""
    assert b'\x15\x03\x03\x00\x02\x02\x70' == alert(112)
