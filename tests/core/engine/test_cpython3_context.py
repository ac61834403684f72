"""Python 3's contexts: what they have not is refused."""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import context
from tests.support.contexts import Functions
from tests.support.memory import PY2


@pytest.mark.skipif(PY2, reason='2.7 gets them all from us')
def test_not_implemented():
    """What this Python 3's ssl has not is refused, not silently left out."""
    way = Functions()
    made = way.new()
    missing = [name for name in ('session_ticket_keys', 'keylog_filename', 'security_level',
                                 'num_tickets') if not hasattr(ssl.SSLContext, name)]
    assert 'session_ticket_keys' in missing
    for name in missing:
        with pytest.raises(NotImplementedError):
            way.get(made, name)
    with pytest.raises(NotImplementedError):
        context.set_session_ticket_keys(made, [])
