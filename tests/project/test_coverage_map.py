"""Each module has test files of its own; `make coverage-own` measures what they cover alone."""
from __future__ import absolute_import, division, print_function

import io
import os
import re

from tests.support.imports import modules
from tests.support.own_tests import ELSEWHERE, by_rule, has_code, layer_tests, own_tests, path_of
from tests.support.programs import ROOT

#: A test file of more lines is to be split by what it tests.
LONGEST = 900


def test_every_module_has_its_own_tests():
    """Each module with code has a test file of its own path, or is an exception whose exists."""
    assert [] == sorted(
        (module, name) for module, names in own_tests().items() for name in names or ['none']
        if not os.path.exists(path_of(name)))


def test_exceptions():
    """The exceptions are modules that exist, have code, and have no test file of their path."""
    assert set() == set(ELSEWHERE) - set(modules())
    assert [] == [module for module in ELSEWHERE if by_rule(module) or not has_code(module)]


def test_rule():
    """The rule follows the path; it finds the parts of what is split, and no other's file."""
    assert ['tornado/stream'] == by_rule('tornado._stream')
    assert ['cli/cli'] == by_rule('_cli')
    assert ['sockets/sockets'] == by_rule('sockets')
    assert ['core/pipe', 'core/pipe_ends'] == by_rule('_core.pipe')  # states has its own module
    assert ['core/pipe_states'] == by_rule('_core.pipe_states')
    assert [] == by_rule('_core.engine.pypy27')
    assert {'core/pipe', 'core/engine/pair'} <= set(layer_tests('_core.records'))


def sources():
    """Yield (name of a test file, its text) for each."""
    for folder, _, files in os.walk(os.path.join(ROOT, 'tests')):
        for file in files:
            if file.startswith('test_') and file.endswith('.py'):
                with io.open(os.path.join(folder, file), encoding='utf-8') as source:
                    yield file, source.read()


def test_length():
    """No test file is so long that nobody finds anything in it."""
    assert [] == [file for file, text in sources() if text.count('\n') > LONGEST]


def test_no_test_imports_another():
    """What two test files need is in tests/support; a file may name itself to its children."""
    assert [] == [
        (file, name) for file, text in sources()
        for name in re.findall(r'(?:from|import) tests\.[\w.]*(test_\w+)', text)
        if name + '.py' != file]
