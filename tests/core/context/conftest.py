"""Fixtures for the tests of contexts: each way to a context's settings."""
from __future__ import absolute_import, division, print_function

import pytest

from tests.support.contexts import WAYS


@pytest.fixture(params=WAYS, ids=['attributes', 'functions'])
def way(request):
    """Each way to a context's settings in turn."""
    return request.param
