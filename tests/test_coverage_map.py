"""Each module has a test file of its own; `make coverage-own` measures what it covers alone."""
from __future__ import absolute_import, division, print_function

import os

from imports import modules
from own_tests import OTHERS, by_rule, own_tests

HERE = os.path.dirname(os.path.abspath(__file__))


def test_every_module_has_its_own_tests():
    """Each module has at least one test file, by its name or by the table, and each exists."""
    assert [] == sorted(
        (module, name) for module, names in own_tests().items() for name in names or ['']
        if not os.path.exists(os.path.join(HERE, 'test_%s.py' % name)))


def test_table_has_nothing_else():
    """The table has modules alone that exist, and for which the rule would not do."""
    assert set() == set(OTHERS) - set(modules())
    assert [] == [module for module in OTHERS if OTHERS[module] == by_rule(module)]
    assert ['pipe'] == by_rule('_core.pipe')
    assert ['tornado_stream'] == by_rule('tornado._stream')
