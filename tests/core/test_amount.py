"""How much is read at a time, whatever sizes the caller asks for."""
from __future__ import absolute_import, division, print_function

import contextlib
import functools
import random
import socket
import ssl

import pytest

from sslproto27 import SSLSocket
from sslproto27._core.amount import OneRecord, ReadAhead, Records
from tests.support.pipe_pairs import pattern
from tests.support.remote_pipes import in_parallel
from tests.support.sockets import Background


@pytest.mark.parametrize('new_amount', [
    ReadAhead, functools.partial(Records, whole=True), OneRecord], ids=[
        'ReadAhead', 'Records', 'OneRecord'])
@pytest.mark.parametrize('seed', range(4))
def test_sizes_of_files(ends, client_context, server_context, new_amount, seed):
    """What a file, and its socket, read in pieces of any size is what the peer wrote."""
    class Socket(SSLSocket):
        _new_amount = staticmethod(new_amount)
    ours, theirs = in_parallel(
        lambda: Socket(ends[0], client_context, server_hostname='localhost'),
        lambda: server_context.wrap_socket(ends[1], server_side=True))
    chance, data = random.Random(seed), pattern(700001)

    def write():
        position = 0
        while position < len(data):
            size = chance.choice([1, 100, 16384, 40000, 100000])
            theirs.sendall(data[position:position + size])
            position += size
        try:
            theirs.unwrap()
        except (ssl.SSLError, socket.error):
            pass  # how that ends is another test's
    writer = Background(write)
    pieces, sizes = [], random.Random(seed)
    with contextlib.closing(ours.makefile('rb')) as file:
        while not pieces or pieces[-1]:
            pieces.append(file.read(sizes.choice([1, 1000, 0x7fff, 0x8000, 65536, 200000])))
    assert data == b''.join(pieces)
    ours.shutdown(socket.SHUT_WR)
    writer.result()
    ours.close()
    theirs.close()
