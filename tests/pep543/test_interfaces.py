"""The interfaces that backends implement."""
from __future__ import absolute_import, division, print_function

import pytest

from sslproto27 import pep543
from tests.support.memory import raised


class TestInterfaces(object):
    @pytest.mark.parametrize('name', ['ClientContext', 'ServerContext', 'TLSWrappedBuffer'])
    def test_abstract(self, name):
        """Nothing can be made of an interface."""
        pytest.raises(TypeError, getattr(pep543, name))

    @pytest.mark.parametrize('call', [
        lambda: pep543.Certificate.from_buffer(b''), lambda: pep543.Certificate.from_file(''),
        lambda: pep543.PrivateKey.from_buffer(b''), lambda: pep543.PrivateKey.from_file(''),
        pep543.TrustStore.system, lambda: pep543.TrustStore.from_pem_file('')])
    def test_constructors(self, call):
        """An interface's constructors are a backend's to write."""
        pytest.raises(NotImplementedError, call)


@pytest.mark.parametrize('interface, name, arguments', [
    (pep543.Certificate, 'from_buffer', (b'x',)), (pep543.Certificate, 'from_file', ('x',)),
    (pep543.PrivateKey, 'from_buffer', (b'x', None)), (pep543.PrivateKey, 'from_file', ('x', None)),
    (pep543.TrustStore, 'system', ()), (pep543.TrustStore, 'from_pem_file', ('x',))])
def test_what_a_backend_lacks(interface, name, arguments):
    """A backend need not know every way to load something: NotImplementedError names that one."""
    mine = type('Mine', (interface,), {})
    error = raised(getattr(mine, name), *arguments)
    assert (NotImplementedError, 'Mine has no ' + name) == (type(error), str(error))
