"""Fixtures for what is tried with other TLS stacks: the loops of the tests of `sslproto27.aio`."""
from __future__ import absolute_import, division, print_function

from tests.aio.conftest import aio_loop, folder, run, serve  # noqa: F401: fixtures
