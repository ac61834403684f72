"""Files of session ticket keys: their form, and who may use them."""
from __future__ import absolute_import, division, print_function

import base64
import binascii

import pytest

from sslproto27._cli.console import UserError
from sslproto27._cli.ticketkeys import bound_to, read_keys
from tests.support.memory import raised

A, B = [bytes(bytearray([number] * 80)) for number in (1, 2)]
HEX_A, HEX_B = binascii.hexlify(A), binascii.hexlify(B)


@pytest.fixture
def keys_file(tmpdir):
    """A function that writes a file for its owner alone, and returns its path."""
    def write(content, mode=0o600):
        path = tmpdir.join('keys')
        path.write_binary(content)
        path.chmod(mode)
        return str(path)
    return write


@pytest.mark.parametrize('content, keys', [
    (HEX_A, [A]), (HEX_A.upper() + b'\r\n', [A]), (HEX_B + b'\n' + HEX_A + b'\n', [B, A]),
    (base64.b64encode(A) + b'\n', [A]), (b'# of today\n\n ' + HEX_A + b' \n#' + HEX_B, [A])])
def test_read(keys_file, content, keys):
    """Each line is a key, in hex or base64; the order is the file's."""
    assert keys == read_keys(keys_file(content))


@pytest.mark.parametrize('content, reason', [
    (b'', 'there are 0 keys, not 1 to 16'), (b'# nothing\n', 'there are 0 keys, not 1 to 16'),
    (HEX_A + b'\nsecret', 'line 2 is not a key of 80 bytes, in hex or base64'),
    (HEX_A[:-1], 'line 1 is not a key of 80 bytes, in hex or base64'),
    (b'x' * 160, 'line 1 is not a key of 80 bytes, in hex or base64'),
    (A, 'line 1 is not a key of 80 bytes, in hex or base64'),
    (HEX_A + b'\n' + HEX_A, 'two keys have the same first 16 bytes'),
    (b'\n'.join(binascii.hexlify(bytes(bytearray([n] * 80))) for n in range(17)),
     'there are 17 keys, not 1 to 16')])
def test_not_read(keys_file, content, reason):
    """What is no file of keys is refused; the file is named, and no secret told."""
    path = keys_file(content)
    error = raised(read_keys, path)
    assert (UserError, '--ticket-keys %s: %s' % (path, reason)) == (type(error), str(error))


@pytest.mark.parametrize('mode', [0o640, 0o604, 0o620, 0o602, 0o610, 0o644])
def test_mode(keys_file, mode):
    """A file that others than its owner can use is refused."""
    path = keys_file(HEX_A, mode)
    assert '--ticket-keys %s: others can use it (mode %04o); chmod 600' % (path, mode) == str(
        raised(read_keys, path))


def test_missing():
    """A file that is not there is named."""
    assert '--ticket-keys /nowhere: No such file or directory' == str(
        raised(read_keys, '/nowhere'))


def test_bound():
    """Bound keys are of the same size, and other ones for another key or other data."""
    found = bound_to([A, B], b'x') + bound_to([A, B], b'y') + [A, B]
    assert [80] * 6 == [len(key) for key in found]
    assert 6 == len(set(found)) == len(set(key[:16] for key in found))
    assert bound_to([A], b'x') == found[:1]
