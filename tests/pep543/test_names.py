"""OpenSSL's names of cipher suites."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27 import SSLContext, context, pep543
from sslproto27.pep543 import CipherSuite
from sslproto27.pep543._names import cipher_list, split_suites, suite_of


class TestCipherSuite(object):

    def test_names(self):
        """OpenSSL's name of each suite that the ssl module has is the one in use here."""
        native = SSLContext(context.PROTOCOL_TLS_CLIENT)
        native.set_ciphers('ALL:COMPLEMENTOFALL:@SECLEVEL=0')
        known = {cipher['id'] & 0xFFFF: cipher['name'] for cipher in native.get_ciphers()}
        common = [suite for suite in CipherSuite if suite in known]
        assert len(common) > 40
        for suite in common:
            assert known[suite] == cipher_list([suite])
            assert suite is suite_of(known[suite])

    def test_split(self):
        """TLS 1.3 has suites of its own; numbers without a name are left out."""
        old, new = CipherSuite(0xC02F), CipherSuite(0x1302)
        assert ([old], [new]) == split_suites([new, 0xFAFA, old])

    def test_unknown_name(self):
        """A name that the PEP has not is an error."""
        pytest.raises(pep543.TLSError, suite_of, 'PSK-AES128-CBC-SHA')
