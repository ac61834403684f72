"""A pytest plugin for the translated tests: skips those that cannot apply, and says why."""
from __future__ import absolute_import, division, print_function

import pytest

_INSIDE = "asyncio's own inside: "

#: From the end of a test's name to the reason why the test cannot apply.
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
    """Skip tests, and leave out those for Windows."""
    items[:] = [item for item in items if 'ProactorStartTLSTests' not in item.nodeid]
    for item in items:
        for name, reason in NOT_APPLICABLE.items():
            if item.nodeid.endswith('::' + name):
                item.add_marker(pytest.mark.skip(reason=reason))
