"""A server that outlives its clients' loops, for the checks of the alternatives."""
from __future__ import absolute_import, division, print_function

import pytest

from contract import silent


@pytest.fixture
def silent_port():
    """The port of a server that answers nothing until its clients leave."""
    with silent() as port:
        yield port
