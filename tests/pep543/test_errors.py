"""PEP 543's errors are those of ssl."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import pep543
from sslproto27.pep543 import _errors


class TestErrors(object):
    def test_are_those_of_ssl(self):
        """The errors are the ssl module's own, as the PEP wants where that is the backend."""
        assert ssl.SSLError is pep543.TLSError
        assert ssl.SSLWantReadError is pep543.WantReadError
        assert ssl.SSLWantWriteError is pep543.WantWriteError
        assert ssl.SSLEOFError is pep543.RaggedEOF

    @pytest.mark.parametrize('make, kind', [
        (_errors.bad_type, TypeError), (_errors.bad_value, ValueError),
        (lambda text: _errors.has_ended(), RuntimeError)], ids=['type', 'value', 'ended'])
    def test_of_the_caller(self, make, kind):
        """A mistake of the caller's is a TLSError, as the PEP says, and what Python calls it."""
        error = make('too little')
        assert (True, True, None) == (
            isinstance(error, pep543.TLSError), isinstance(error, kind), error.reason)
        assert ('too little' in str(error)) is (kind is not RuntimeError)

    def test_no_supported_ciphers(self):
        """Suites that nobody has are an impossible value of `ciphers`."""
        error = _errors.no_supported_ciphers()
        assert isinstance(error, ValueError) and 'no supported ciphers' in str(error)
