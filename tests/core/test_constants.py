"""Constants that 2.7's ssl lacks: the names and values of Python 3.13's."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import TLSVersion, context

#: The names in Python 3.13.0's ssl that begin like these, with their values in OpenSSL 3.
CONSTANTS = {
    'OP_ENABLE_KTLS': 0x8, 'OP_ENABLE_MIDDLEBOX_COMPAT': 0x100000, 'OP_IGNORE_UNEXPECTED_EOF': 0x80,
    'OP_LEGACY_SERVER_CONNECT': 0x4, 'OP_NO_COMPRESSION': 0x20000,
    'OP_NO_RENEGOTIATION': 0x40000000, 'OP_NO_TICKET': 0x4000, 'OP_NO_TLSv1_3': 0x20000000,
    'PROTOCOL_TLS': 2, 'PROTOCOL_TLS_CLIENT': 16, 'PROTOCOL_TLS_SERVER': 17,
    'VERIFY_ALLOW_PROXY_CERTS': 0x40, 'VERIFY_X509_PARTIAL_CHAIN': 0x80000,
    'VERIFY_X509_STRICT': 0x20, 'VERIFY_X509_TRUSTED_FIRST': 0x8000,
}


class TestTLSVersion(object):
    @pytest.mark.parametrize('name, number', [
        ('MINIMUM_SUPPORTED', -2), ('SSLv3', 0x300), ('TLSv1', 0x301), ('TLSv1_1', 0x302),
        ('TLSv1_2', 0x303), ('TLSv1_3', 0x304), ('MAXIMUM_SUPPORTED', -1)])
    def test_members(self, name, number):
        """Each version is an int with a name and a value, and is found by its number."""
        member = getattr(TLSVersion, name)
        assert (number, name, number) == (member, member.name, member.value)
        assert isinstance(member, int)
        assert (member, True) == (TLSVersion(number), TLSVersion(number) is member)
        assert '<TLSVersion.%s: %d>' % (name, number) == repr(member)

    def test_no_other(self):
        """A number that stands for no version is refused with ValueError."""
        with pytest.raises(ValueError):
            TLSVersion(0x305)


@pytest.mark.parametrize('name', sorted(CONSTANTS))
def test_constants(name):
    """The constants that 2.7 lacks have the names and values of Python 3.13's."""
    assert CONSTANTS[name] == getattr(context, name)
    if hasattr(ssl, name):
        assert getattr(ssl, name) == getattr(context, name)
