"""Sessions as PEM, on 2.7: written, read back and resumed."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from tests.support.engines import not_in_pair
from tests.support.memory import PY2, Pair, connect, raised

pytestmark = [
    not_in_pair('session'),
    pytest.mark.skipif(not PY2, reason="Python 3's ssl cannot write a session")]

if PY2:
    from sslproto27._core.session import session_from_pem, session_to_pem


def test_resumed(pair, client_context, server_context):
    """A session that was written and read is resumed, keeps its ID, and looks like openssl's."""
    data = session_to_pem(pair.client.session)
    assert data.startswith(b'-----BEGIN SSL SESSION PARAMETERS-----\n')
    session = session_from_pem(b'# said before\n' + data, client_context, 'localhost')
    assert session == pair.client.session
    assert connect(client_context, server_context, session=session).client.session_reused


def test_of_its_name_alone(pair, client_context, server_context):
    """The name that is given when it is read is the one whose sessions may resume it."""
    session = session_from_pem(session_to_pem(pair.client.session), client_context, 'elsewhere')
    error = raised(connect, client_context, server_context, session=session)
    assert ValueError is type(error)


@pytest.mark.parametrize('data', [b'', b'nonsense', b'-----BEGIN SSL SESSION PARAMETERS-----\n'])
def test_none(data, client_context):
    """Where there is no session an ssl.SSLError says so, and nothing is left in the error queue."""
    assert ssl.SSLError is type(raised(session_from_pem, data, client_context, None))


def test_nothing_to_resume(pki):
    """Before the ticket of TLS 1.3 has come there is nothing to resume, and ValueError says so."""
    pair = Pair(pki.client_context(version='TLSv1.3'), pki.server_context(version='TLSv1.3'))
    session = pair.handshake().client.session
    assert ValueError is type(raised(session_to_pem, session))
