"""
Each cell of the README's tables of alternatives is verified, by a check or by a link.

`make comparison` runs the checks: they need all the alternatives.
"""
from __future__ import absolute_import, division, print_function

import glob
import os

import pytest

from tests.support.comparison_table import FOLDER, alternatives, cells, check_of, verified
from tests.support.programs import ROOT

COLUMNS = ['sslproto27'] + [name for name, _ in alternatives()]


def test_every_cell():
    """There is no cell without a check or a link to somebody else's page."""
    left = [(key, target) for key, (verdict, target) in sorted(cells().items())
            if not target or not verdict.strip('?')
            or not target.startswith(('https://', 'tests/comparison/check_'))]
    assert [] == left
    assert 12 * 9 == len(cells())


@pytest.mark.parametrize('column', COLUMNS)
def test_verdicts(column):
    """The table says what an alternative's checks say, all of it, and links to them."""
    own = 'tests/comparison/' + check_of(column)
    table = {row: verdict for (row, name), (verdict, target) in cells().items()
             if name == column and target == own}
    assert verified(column) == table
    others = [target for (_, name), (_, target) in cells().items()
              if name == column and target != own]
    assert [] == [target for target in others if not target.startswith('https://')]


def test_no_other_checks():
    """There are no checks of what the table does not have."""
    files = {os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, 'check_*.py'))}
    assert {check_of(name) for name in COLUMNS} | {'check_versions.py'} == files


def test_run():
    """CI runs the checks."""
    with open(os.path.join(ROOT, '.ci', 'run')) as file:
        assert ' comparison ' in file.read()
