"""Differences between Python 2 and 3, by the arguments that both take."""
from __future__ import absolute_import, division, print_function

import array
import ctypes
import sys

import pytest

from sslproto27._core import compat
from tests.support.memory import PY2, raised, strided


@pytest.mark.parametrize('text', [u'localhost', b'localhost'])
def test_to_native(text):
    """Text and bytes become a str of this Python."""
    native = compat.to_native(text)
    assert ('localhost', str) == (native, type(native))


class TestAsBytes(object):
    @pytest.mark.parametrize('data', [
        b'abc', bytearray(b'abc'), memoryview(b'abc'), memoryview(b'xabcx')[1:4],
        array.array('B', [97, 98, 99]), (ctypes.c_char * 3)(b'a', b'b', b'c')],
        ids=['bytes', 'bytearray', 'memoryview', 'slice', 'array', 'ctypes'])
    def test_buffers(self, data):
        """Any buffer becomes bytes."""
        made = compat.as_bytes(data, 'data')
        assert (b'abc', bytes) == (made, type(made))

    def test_can_no_longer_change(self):
        """What is done to the buffer afterwards shows no more."""
        data = bytearray(b'abc')
        made = compat.as_bytes(data, 'data')
        data[:] = b'xyz'
        assert b'abc' == made

    @pytest.mark.parametrize('wrong, kind', [(u'abc', 'text'), (5, 'int'), (None, 'NoneType')],
                             ids=['text', 'number', 'None'])
    def test_refused(self, wrong, kind):
        """What is no buffer is refused by the name of the argument."""
        error = raised(compat.as_bytes, wrong, 'data')
        assert (TypeError, 'data must be bytes-like, not ' + kind) == (type(error), str(error))

    def test_gaps(self):
        """So is a buffer with gaps."""
        error = raised(compat.as_bytes, strided(), 'data')
        assert (BufferError, 'data must be a contiguous buffer') == (type(error), str(error))


class TestToIndex(object):
    @pytest.mark.parametrize('number', [0, -1, True, sys.maxsize, -sys.maxsize - 1])
    def test_taken(self, number):
        """An integer stays what it is."""
        assert number == compat.to_index(number, 'size')

    @pytest.mark.parametrize('wrong, error, text', [
        (1.0, TypeError, 'size must be an integer, not float'),
        ('1', TypeError, 'size must be an integer, not str'),
        (sys.maxsize + 1, OverflowError, 'size is too large'),
        (-sys.maxsize - 2, OverflowError, 'size is too large')])
    def test_refused(self, wrong, error, text):
        """Anything else is refused by the name of the argument."""
        found = raised(compat.to_index, wrong, 'size')
        assert (error, text) == (type(found), str(found))


ENCODED = b'\xc3\xa9'
TEXT = ENCODED.decode('utf-8')


@pytest.mark.parametrize('given, expected', [
    (TEXT, ENCODED), (b'\xe9', b'\xe9'), (None, None), (lambda: TEXT, ENCODED),
    (lambda: b'\xe9', b'\xe9')], ids=['text', 'bytes', 'None', 'text later', 'bytes later'])
def test_in_utf8(given, expected):
    """A password that is text is encoded, whether it is given or a function returns it."""
    made = compat.in_utf8(given)
    assert expected == (made() if callable(made) else made)


@pytest.mark.skipif(not PY2, reason='2.7 alone calls it')
class TestWritableView(object):
    @pytest.mark.parametrize('buffer', [
        bytearray(b'abcdef'), memoryview(bytearray(b'abcdef')), array.array('b', b'abcdef'),
        array.array('h', b'abcdef')], ids=['bytearray', 'memoryview', 'array', 'items of two'])
    def test_slice(self, buffer):
        """Bytes are put at the start of any buffer that can be written."""
        view = compat.writable_view(buffer, 'buffer')
        view[:2] = b'XY'
        assert (6, b'XYcdef') == (len(view), compat.as_bytes(buffer, 'buffer'))

    @pytest.mark.parametrize('wrong', [b'abc', memoryview(b'abc'), u'abc', 5, None], ids=repr)
    def test_refused(self, wrong):
        """What cannot be written is refused by the name of the argument."""
        error = raised(compat.writable_view, wrong, 'buffer')
        assert (TypeError, 'buffer must be a writable buffer of bytes, not %s' % type(
            wrong).__name__) == (type(error), str(error))
