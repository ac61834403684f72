"""Tests of `sslproto27.twisted`."""
from __future__ import absolute_import, division, print_function

import warnings

# What Twisted imports warns of old interpreters, which the tests would take for errors.
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    try:
        import twisted.internet.endpoints  # noqa: F401
        import twisted.web.client  # noqa: F401
    except ImportError:
        pass
