"""The README's table is of the versions that these checks run: `make comparison`."""
from __future__ import absolute_import, division, print_function

import pkg_resources
import pytest

from tests.support.comparison_table import alternatives


@pytest.mark.parametrize('name, version', alternatives())
def test_version(name, version):
    """What is checked here is what the table's head names."""
    installed = pkg_resources.get_distribution(name).version.split('.')
    assert version.split('.') == installed[:len(version.split('.'))]
