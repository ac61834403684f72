"""Fixtures for the tests of commands."""
from __future__ import absolute_import, division, print_function

import pytest


@pytest.fixture
def program(tmpdir):
    """A function that writes a program, and returns its path."""
    def write(text, name='program.py'):
        tmpdir.join(name).write(text)
        return str(tmpdir.join(name))
    return write
