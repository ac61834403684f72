"""A plugin of pytest for what translate.py has written: skips what cannot apply, and says why."""
from __future__ import absolute_import, division, print_function

import pytest

_INSIDE = "asyncio's own inside: "

#: By the end of a test's name: why it cannot apply.
NOT_APPLICABLE = {
    'test_buf_feed_data': _INSIDE + 'a function of asyncio.protocols',
    'test_fatal_error_no_name_error': _INSIDE + 'calls SSLProtocol._fatal_error',
    'test_data_received_after_closing': _INSIDE + 'buffer_updated; ours is no BufferedProtocol',
    'test_remote_shutdown_receives_trailing_data':
        'the end of the peer alone ends a connection there; streams here stay open for writing',
    'test_shutdown_timeout_handler_not_set':
        'wants no close_notify in answer to a FIN; RFC 8446 6.1 does, and so ours',
}


def pytest_collection_modifyitems(items):
    """Skip, and leave out what is for Windows."""
    items[:] = [item for item in items if 'ProactorStartTLSTests' not in item.nodeid]
    for item in items:
        for name, reason in NOT_APPLICABLE.items():
            if item.nodeid.endswith('::' + name):
                item.add_marker(pytest.mark.skip(reason=reason))
