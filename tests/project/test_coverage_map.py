"""Each module has test files of its own; `make coverage-own` measures what they cover alone."""
from __future__ import absolute_import, division, print_function

import io
import os
import re

from tests.support.imports import modules
from tests.support.own_tests import OTHERS, by_rule, own_tests, path_of
from tests.support.programs import ROOT


def test_every_module_has_its_own_tests():
    """Each module has at least one test file, by its place or by the table, and each exists."""
    assert [] == sorted(
        (module, name) for module, names in own_tests().items() for name in names or ['none']
        if not os.path.exists(path_of(name)))


def test_table_has_nothing_else():
    """The table has modules alone that exist, and for which the rule would not do."""
    assert set() == set(OTHERS) - set(modules())
    assert [] == [module for module in OTHERS if OTHERS[module] == by_rule(module)]
    assert ['core/pipe'] == by_rule('_core.pipe')
    assert ['tornado/stream'] == by_rule('tornado._stream')
    assert ['cli/cli'] == by_rule('_cli')
    assert {'core/bio', 'core/pipe'} <= set(by_rule('_core.pipe_states'))


def test_no_test_imports_another():
    """What two test files need is in tests/support; a file may name itself to its children."""
    found = []
    for folder, _, files in os.walk(os.path.join(ROOT, 'tests')):
        for file in files:
            if file.startswith('test_') and file.endswith('.py'):
                with io.open(os.path.join(folder, file), encoding='utf-8') as source:
                    names = re.findall(r'(?:from|import) tests\.[\w.]*(test_\w+)', source.read())
                found += [(file, name) for name in names if name + '.py' != file]
    assert [] == found
