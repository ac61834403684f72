"""What the TLS objects of either engine, and Python 3's, have in common: the attributes."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from tests.support.memory import raised, since_python3
from tests.support.pki import new_context

READ_ONLY = ['session_reused', 'server_side', 'server_hostname']


class TestProperties(object):
    def test_sides(self, pair):
        """Each end knows its side; only the client has a host name."""
        assert (False, True) == (pair.client.server_side, pair.server.server_side)
        assert ('localhost', None) == (pair.client.server_hostname, pair.server.server_hostname)

    @pytest.mark.parametrize('name', READ_ONLY)
    def test_read_only(self, pair, name):
        """What wrap_bio or the handshake decided cannot be set."""
        with pytest.raises(AttributeError):
            setattr(pair.client, name, None)

    def test_attributes(self, pair):
        """It takes other attributes, as Python 3's does: server name callbacks set them."""
        pair.server.tenant = 'one'
        assert ('one', False) == (pair.server.tenant, hasattr(pair.client, 'tenant'))

    def test_no_address(self, pair):
        """It has no getpeername() unless somebody has told it the peer's address."""
        error = raised(lambda: pair.server.getpeername())
        assert AttributeError is type(error) and 'getpeername' in str(error)

    def test_context(self, pair, client_context, server_context):
        """The context is the very object that was given."""
        assert (True, True) == (pair.client.context is client_context,
                                pair.server.context is server_context)

    def test_context_can_be_set(self, pair):
        """Another context can be set, and is handed out from then on."""
        other = new_context(server_side=True)
        pair.server.context = other
        assert other is pair.server.context

    @pytest.mark.parametrize('wrong', [None, 1, 'context', ssl.SSLContext], ids=repr)
    def test_context_of_wrong_type(self, pair, server_context, wrong):
        """Anything but an SSLContext is refused with TypeError, and the context stays."""
        with pytest.raises(TypeError):
            pair.server.context = wrong
        assert server_context is pair.server.context

    def test_context_cannot_be_deleted(self, pair):
        """There is always a context."""
        with pytest.raises(AttributeError):
            del pair.client.context

    def test_works_after_a_change_of_context(self, pair):
        """A connection goes on after its context is replaced."""
        pair.client.context = new_context()
        assert b'still here' == pair.transfer(pair.client_end, b'still here')


@since_python3(10, 'the warning')
def test_npn(pair):
    """NPN has always been settled on nothing, and to ask for it is deprecated."""
    with pytest.warns(DeprecationWarning) as caught:
        assert None is pair.client.selected_npn_protocol()
    assert [__file__.rpartition('.')[0]] == [
        warning.filename.rpartition('.')[0] for warning in caught]
