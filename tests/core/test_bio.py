"""MemoryBIO: the contract of Python 3.13's ssl.MemoryBIO, alone and without TLS."""
from __future__ import absolute_import, division, print_function

import array
import ctypes
import os
import random
import ssl
import sys
import threading

import pytest

from sslproto27 import MemoryBIO
from tests.support.engines import only_graft
from tests.support.memory import PY2, only_python2, raised, strided
from tests.support.pipe_pairs import PYPY

BIG = bytes(bytearray(range(256))) * 4096


only_cpython = pytest.mark.skipif(PYPY, reason='it is about memory as C has it')

# A buffer is there before memory is limited to what is in use and a little.
LITTLE_MEMORY = """
import resource
import ssl
from sslproto27 import MemoryBIO

bio, data = MemoryBIO(), b'x' * (1 << 26)
with open('/proc/self/statm') as file:
    used = int(file.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 24),) * 2)
try:
    bio.write(data)
except ssl.SSLError as error:
    print('malloc failure' in error.args[1])
bio.write(b'abc')
print(bio.read() == b'abc')
"""


class BytesSubclass(bytes):
    """Bytes by another name."""


@pytest.fixture
def bio():
    """A new, empty BIO."""
    return MemoryBIO()


def filled(data):
    """Return a BIO that holds *data*."""
    bio = MemoryBIO()
    bio.write(data)
    return bio


class TestConstructor(object):
    @pytest.mark.parametrize('args', [(1,), (b'data',), (None,)], ids=repr)
    def test_takes_no_arguments(self, args):
        """The constructor refuses any positional argument."""
        with pytest.raises(TypeError):
            MemoryBIO(*args)

    def test_takes_no_keywords(self):
        """The constructor refuses any keyword argument."""
        with pytest.raises(TypeError):
            MemoryBIO(data=b'')

    def test_new_bio_is_empty(self, bio):
        """A new BIO holds nothing and is not at its end."""
        assert (0, False, b'') == (bio.pending, bio.eof, bio.read())

    def test_bios_are_independent(self):
        """What one BIO is given, another does not hold."""
        first, second = filled(b'first'), filled(b'2')
        assert (b'first', b'2') == (first.read(), second.read())


class TestWrite(object):
    @pytest.mark.parametrize('data', [
        b'abc', bytearray(b'abc'), memoryview(b'abc'), memoryview(bytearray(b'abc')),
        BytesSubclass(b'abc'), array.array('b', [97, 98, 99]),
        (ctypes.c_char * 3)(b'a', b'b', b'c'),
    ], ids=lambda data: type(data).__name__)
    def test_takes_any_buffer(self, bio, data):
        """Any contiguous buffer is written whole, and its length in bytes returned."""
        assert (3, b'abc') == (bio.write(data), bio.read())

    def test_counts_bytes_not_items(self, bio):
        """A buffer of wider items counts in bytes."""
        data = array.array('d', [1.0, 2.0])
        assert (16, 16) == (bio.write(data), bio.pending)

    @only_python2
    def test_takes_python2_buffer(self, bio):
        """Python 2's own buffer object is a buffer like any other."""
        assert (2, b'bc') == (bio.write(buffer(b'abc', 1)), bio.read())  # noqa: F821

    def test_memoryview_slice(self, bio):
        """A contiguous slice of a memoryview is written from its own start to its own end."""
        assert (2, b'bc') == (bio.write(memoryview(b'abcd')[1:3]), bio.read())

    def test_every_byte_value_survives(self, bio):
        """Bytes of every value, NUL included, come out as they went in."""
        bio.write(BIG[:256])
        assert BIG[:256] == bio.read()

    def test_empty_write(self, bio):
        """Writing nothing returns 0 and changes nothing."""
        assert (0, 0, False) == (bio.write(b''), bio.pending, bio.eof)

    def test_empty_bytearray_and_view(self, bio):
        """Empty buffers of other types are nothing too."""
        assert [0, 0] == [bio.write(bytearray()), bio.write(memoryview(b''))]

    @pytest.mark.parametrize('data', [u'abc', u'', None, 1, 1.5, True, [97], (b'a',), object()],
                             ids=repr)
    def test_refuses_what_is_no_buffer(self, bio, data):
        """Text, None, numbers and lists are refused with TypeError, and nothing is written."""
        with pytest.raises(TypeError):
            bio.write(data)
        assert 0 == bio.pending

    def test_refuses_strided_view(self, bio):
        """A view that is not contiguous is refused with BufferError."""
        with pytest.raises(BufferError):
            bio.write(strided())

    @pytest.mark.parametrize('args', [(), (b'a', b'b')], ids=repr)
    def test_takes_one_argument(self, bio, args):
        """It takes exactly one argument."""
        with pytest.raises(TypeError):
            bio.write(*args)

    def test_copies_what_is_mutable(self, bio):
        """What was written does not change when its source changes afterwards."""
        source = bytearray(b'before')
        bio.write(source)
        source[:] = b'after!'
        assert b'before' == bio.read()

    def test_source_is_not_held(self, bio):
        """A bytearray that was written can be resized at once: no export of it is kept."""
        source = bytearray(b'abc')
        bio.write(source)
        source.extend(b'def')
        assert (b'abc', bytearray(b'abcdef')) == (bio.read(), source)

    def test_one_mebibyte(self, bio):
        """A large write is taken whole."""
        assert (len(BIG), len(BIG)) == (bio.write(BIG), bio.pending)
        assert BIG == bio.read()

    @only_cpython
    def test_more_than_openssl_counts(self, bio):
        """2 GiB and more are an OverflowError, and nothing of them is taken."""
        new = ctypes.pythonapi['PyString_FromStringAndSize' if PY2 else 'PyBytes_FromStringAndSize']
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_ssize_t]
        with pytest.raises(OverflowError):
            bio.write(new(None, 1 << 31))  # whose bytes nobody sets: they take no memory
        assert 0 == bio.pending

    @only_cpython
    @only_graft
    @pytest.mark.skipif(not os.path.exists('/proc/self/statm'), reason='Linux tells what is used')
    def test_no_memory(self, run_python):
        """Where memory runs out, write is an SSLError that says so, and the BIO still works."""
        assert (0, 'True\nTrue\n', '') == run_python(LITTLE_MEMORY)


class TestRead(object):
    def test_default_is_all(self):
        """Without a size, everything is read."""
        bio = filled(b'abc')
        assert (b'abc', b'', 0) == (bio.read(), bio.read(), bio.pending)

    @pytest.mark.parametrize('size, expected', [
        (-1, b'abcdef'), (-7, b'abcdef'), (0, b''), (1, b'a'), (5, b'abcde'), (6, b'abcdef'),
        (7, b'abcdef'), (1 << 30, b'abcdef'), (True, b'a'),
    ])
    def test_size(self, size, expected):
        """A negative size is all there is; else as much as there is, and *size* at most."""
        bio = filled(b'abcdef')
        assert (expected, 6 - len(expected)) == (bio.read(size), bio.pending)

    def test_returns_bytes(self, bio):
        """The result is plain bytes, when empty as well."""
        assert [bytes, bytes] == [type(filled(bytearray(b'abc')).read()), type(bio.read())]

    @pytest.mark.parametrize('size', [None, 1.0, '1', b'1', u'1', [1]], ids=repr)
    def test_refuses_what_is_no_integer(self, size):
        """A size that is not an integer is refused with TypeError, and nothing is read."""
        bio = filled(b'abc')
        with pytest.raises(TypeError):
            bio.read(size)
        assert 3 == bio.pending

    @pytest.mark.parametrize('size', [1 << 100, -1 << 100], ids=['huge', 'hugely negative'])
    def test_refuses_huge_size(self, size):
        """A size beyond any C integer is refused with OverflowError."""
        with pytest.raises(OverflowError):
            filled(b'abc').read(size)

    @pytest.mark.parametrize('keyword', ['n', 'size', 'len'])
    def test_takes_no_keywords(self, keyword):
        """The size has no name."""
        with pytest.raises(TypeError):
            filled(b'abc').read(**{keyword: 1})

    def test_takes_one_argument_at_most(self):
        """It takes no second argument."""
        with pytest.raises(TypeError):
            filled(b'abc').read(1, 2)

    def test_order_is_kept(self, bio):
        """Writes come out in order, whatever the sizes of the reads."""
        for data in (b'ab', b'', b'cde', b'f'):
            bio.write(data)
        assert [b'abc', b'd', b'ef', b''] == [bio.read(3), bio.read(1), bio.read(9), bio.read(9)]

    @pytest.mark.parametrize('size', [1, 2, 511, 512, 513, 1024, 12287, 12288, 70000])
    def test_all_of_any_size(self, bio, size):
        """read() takes all, whatever the read before it has found."""
        for expected in (b'few', BIG[:size], BIG[:size], b'few', b''):
            bio.write(expected)
            assert [expected, 0] == [bio.read(), bio.pending]

    @pytest.mark.parametrize('seed', range(4))
    def test_behaves_as_a_queue(self, bio, seed):
        """Over thousands of random writes and reads it holds what a plain queue of bytes would."""
        chance = random.Random(seed)
        model = b''
        for _ in range(2000):
            if chance.random() < 0.5:
                start = chance.randrange(256)
                data = BIG[start:start + chance.choice((0, 1, 5, 100, 3000))]
                bio.write(data)
                model += data
            else:
                size = chance.choice((-1, 0, 1, 50, 2000))
                end = len(model) if size < 0 else size
                assert model[:end] == bio.read(size)
                model = model[end:]
            assert len(model) == bio.pending
        assert model == bio.read()


class TestEOF(object):
    def test_not_before_it_is_written(self, bio):
        """A BIO without data is not at its end: more may come."""
        assert False is bio.eof

    def test_empty_bio(self, bio):
        """Once EOF is written, an empty BIO is at its end."""
        assert (None, True) == (bio.write_eof(), bio.eof)

    def test_not_before_all_is_read(self):
        """The end comes only when the data before it is drained."""
        bio = filled(b'ab')
        bio.write_eof()
        seen = [bio.eof]
        for size in (0, 1, 1):
            bio.read(size)
            seen.append(bio.eof)
        assert [False, False, False, True] == seen

    def test_data_before_it_is_readable(self):
        """Data written before EOF can still be read, then b'' for ever."""
        bio = filled(b'ab')
        bio.write_eof()
        assert [b'ab', b'', b''] == [bio.read(), bio.read(), bio.read(5)]

    def test_idempotent(self, bio):
        """EOF may be written again."""
        bio.write_eof()
        assert (None, True) == (bio.write_eof(), bio.eof)

    def test_takes_no_arguments(self, bio):
        """write_eof takes no argument."""
        with pytest.raises(TypeError):
            bio.write_eof(1)

    @pytest.mark.parametrize('data', [b'x', b''], ids=repr)
    def test_no_write_after_it(self, bio, data):
        """A write after EOF, even of nothing, is an SSLError that says so, and adds nothing."""
        bio.write_eof()
        error = raised(bio.write, data)
        assert (ssl.SSLError, ('cannot write() after write_eof()',)) == (type(error), error.args)
        assert (b'', True) == (bio.read(), bio.eof)

    def test_type_is_checked_first(self, bio):
        """Text is a TypeError after EOF as well."""
        bio.write_eof()
        with pytest.raises(TypeError):
            bio.write(u'x')

    def test_eof_is_a_bool(self, bio):
        """The attribute is True or False, nothing looser."""
        before = bio.eof
        bio.write_eof()
        assert [False, True] == [before, bio.eof]
        assert [bool, bool] == [type(before), type(bio.eof)]


@pytest.fixture
def switching():
    """Let threads take turns as often as the interpreter can."""
    if PY2:
        before = sys.getcheckinterval()
        sys.setcheckinterval(1)
        yield
        sys.setcheckinterval(before)
    else:
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        yield
        sys.setswitchinterval(before)


class TestThreads(object):
    @pytest.mark.parametrize('size', [5, 7, 100, -1])
    def test_one_writes_and_one_reads(self, switching, size):
        """Nothing is lost, doubled or counted wrongly, however their steps mix."""
        data = BIG[:70000]
        for _ in range(5):
            bio, received = MemoryBIO(), []
            thread = threading.Thread(target=lambda: [
                bio.write(data[start:start + 7]) for start in range(0, len(data), 7)])
            thread.start()
            while thread.is_alive():
                assert bio.pending >= 0
                received.append(bio.read(size))
            while bio.pending:
                received.append(bio.read(size))
            assert data == b''.join(received)
            assert b'' == bio.read()


class TestAttributes(object):
    @pytest.mark.parametrize('name', ['pending', 'eof'])
    def test_read_only(self, bio, name):
        """pending and eof can neither be set nor deleted."""
        with pytest.raises(AttributeError):
            setattr(bio, name, 1)
        with pytest.raises(AttributeError):
            delattr(bio, name)

    @pytest.mark.parametrize('method', ['read', 'write', 'write_eof'])
    def test_methods_are_callable(self, bio, method):
        """The methods are methods, not attributes with values."""
        assert callable(getattr(bio, method))

    def test_many_bios(self):
        """Ten thousand BIOs come and go."""
        bios = [filled(str(number).encode('ascii')) for number in range(10000)]
        assert [b'0', b'77', b'9999'] == [bios[number].read() for number in (0, 77, 9999)]
