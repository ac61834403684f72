"""What is read of TLS records without OpenSSL: their sizes, a certificate, a server's name."""
from __future__ import absolute_import, division, print_function

import struct

import pytest

from sslproto27._core.records import CertificateReader, ServerNameReader, frame_size, kind_and_size
from tests.support.pipe_pairs import pattern


@pytest.mark.parametrize('data, first, size', [
    (b'\x16\x03\x01\x00\x05', True, 10), (b'\x17\x03\x03\x00\x00', False, 5),
    (b'\x17\x03\x03\x48\x00', False, 18437), (b'\x17\x03\x03\x48\x01', False, 0),
    (b'\x13\x03\x03\x00\x05', False, 0), (b'\x19\x03\x03\x00\x05', False, 0),
    (b'\x16\x02\x01\x00\x05', False, 0), (b'\x80\x2e\x01\x03\x01', True, 48),
    (b'\x80\x2e\x01\x03\x01', False, 0), (b'\x80\x2e\x02\x03\x01', True, 0)])
def test_frames(data, first, size):
    """A record's size is in its header; what has no header of TLS has none."""
    assert size == frame_size(data, first)
    assert kind_and_size(data) in ((ord(data[:1]), size), (0, 0))


def test_reader():
    """The certificate is found across records, and behind other messages in one."""
    certificate = pattern(700)
    message = (b'\x0b\x00\x02\xc2\x00\x02\xbf\x00\x02\xbc' + certificate)
    flight = b'\x02\x00\x00\x03abc' + message + b'\x0e\x00\x00\x00'
    for size in (1, 7, 100, 16384):
        reader = CertificateReader()
        for start in range(0, len(flight), size):
            piece = flight[start:start + size]
            reader.feed(b'\x16\x03\x02' + bytes(bytearray(divmod(len(piece), 256))) + piece)
        assert (certificate, b'\3\2') == (reader.certificate, reader.version)


class TestServerNameReader(object):
    HELLO = b'\3\3' + b'r' * 32 + b'\1s' + b'\0\2cc' + b'\1\0'
    OTHER = b'\0\x2b\0\1v'
    NAME = b'\0\0\0\x0e\0\x0c\0\0\x09localhost'

    def read(self, hello, size=1 << 14):
        """Return what is found in a ClientHello, in records of *size* bytes."""
        message = b'\1\0' + struct.pack('>H', len(hello)) + hello
        reader = ServerNameReader()
        for start in range(0, len(message), size):
            piece = message[start:start + size]
            reader.feed(b'\x16\3\1' + struct.pack('>H', len(piece)) + piece)
        return reader.name

    @pytest.mark.parametrize('extensions', [NAME, OTHER + NAME, NAME + OTHER, OTHER * 9 + NAME])
    @pytest.mark.parametrize('size', [1, 50, 1 << 14])
    def test_found(self, extensions, size):
        """The name is found among whatever other extensions, in however many records."""
        hello = self.HELLO + struct.pack('>H', len(extensions)) + extensions
        assert b'localhost' == self.read(hello, size)

    def test_none(self):
        """Without extensions, or without that one, there is none."""
        assert [None, None, None] == [self.read(hello) for hello in (
            self.HELLO, self.HELLO + b'\0\0', self.HELLO + b'\0\5' + self.OTHER)]

    def test_malformed(self):
        """What is cut short anywhere, or says too much of its size, is none, and raises nothing."""
        hello = self.HELLO + struct.pack('>H', len(self.NAME)) + self.NAME
        for size in range(len(hello) - len(self.NAME)):
            assert None is self.read(hello[:size])
        for place in range(len(hello)):
            self.read(hello[:place])
            self.read(hello[:place] + b'\xff' + hello[place + 1:])
