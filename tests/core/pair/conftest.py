"""Fixtures for the tests of the pair engine."""
from tests.support.pair_fixtures import alarm, ends, fresh, kind, watched  # noqa: F401
