"""Certificates are loaded from memory: nothing is written, nothing stays open."""
from __future__ import absolute_import, division, print_function

import io
import os

import pytest

from sslproto27.pep543 import BACKEND, TLSConfiguration, TLSError, _loading
from tests.support.buffers import BufferPair, Material
from tests.support.memory import PY2


class TestNoFile(object):
    def test_writes_nothing(self, backend, pki, tmpdir, monkeypatch):
        """Nothing is written to any folder when a context is made."""
        monkeypatch.chdir(tmpdir)
        monkeypatch.setenv('TMPDIR', str(tmpdir))
        chain = Material(pki, backend).chain('localhost')
        opened = []
        real = io.open
        monkeypatch.setattr(io, 'open', lambda *args, **kwargs: (
            opened.append(args), real(*args, **kwargs))[1])
        backend.server_context(TLSConfiguration(
            certificate_chain=chain, trust_store=Material(pki, backend).trust()))
        assert [] == tmpdir.listdir()
        assert [] == [args for args in opened if set('wax+') & set(str((args[1:] or 'r')[0]))]

    @pytest.mark.skipif(not os.path.isdir('/dev/fd'), reason='this system names no descriptors')
    def test_leaves_no_descriptor(self, backend, pki):
        """Nor is any file left open, whether it succeeds or not."""
        material = Material(pki, backend)
        mixed = (material.chain('other')[0], material.chain('localhost')[1])

        def attempt():
            material.server()
            pytest.raises(TLSError, backend.server_context,
                          TLSConfiguration(certificate_chain=mixed))
        attempt()
        before = len(os.listdir('/dev/fd'))
        for _ in range(3):
            attempt()
        assert before == len(os.listdir('/dev/fd'))

    @pytest.mark.parametrize('named', ['named', '_pipe'])
    @pytest.mark.parametrize('size', [1, 1000000])
    def test_names(self, named, size):
        """Any amount of bytes can be given a name, on any system; it need not be read."""
        data = os.urandom(size)
        with getattr(_loading, named)(data) as name:
            with open(name, 'rb', 0) as file:
                read = b''
                while len(read) < size:
                    read += file.read(100000)
        assert data == read
        with getattr(_loading, named)(data) as name:
            assert name.startswith('/dev/fd/')
        assert not os.path.exists(name)

    @pytest.mark.skipif(PY2, reason='2.7 has a way of our own')
    def test_pipe_instead(self, pki, monkeypatch):
        """Where there are no files in memory, pipes do."""
        monkeypatch.delattr(os, 'memfd_create', raising=False)
        material = Material(pki)
        assert (None, None) == BufferPair(
            material.client(), material.server('good_chain')).try_handshake()
        mixed = (material.chain('other')[0], material.chain('localhost')[1])
        pytest.raises(TLSError, BACKEND.server_context, TLSConfiguration(certificate_chain=mixed))
