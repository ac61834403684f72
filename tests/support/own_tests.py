"""
Which test file is whose: the tests mirror the package, without the underscores that make names
private. A contributor finds the test of a module by its path.

That of ``_core/pipe.py`` is ``core/test_pipe.py``; that of the package ``_aio``, and of a module at
the top such as ``sockets.py``, is in the folder of its name: ``aio/test_aio.py``. A file that would
be too long is split by what it tests: ``core/test_pipe_ends.py`` is the pipe's, too. A module
without code needs none. `ELSEWHERE` has the exceptions. Nothing here imports a module of the
package.
"""
from __future__ import absolute_import, division, print_function

import ast
import os
import re

from tests.support.imports import modules
from tests.support.programs import ROOT

__all__ = ['ELSEWHERE', 'by_rule', 'has_code', 'layer_tests', 'own_tests', 'path_of']

#: By module that has no test file of its own path, those that test it; without ``test_`` and
#: ``.py``.
ELSEWHERE = {
    # Doors: they have nothing but names of other modules.
    '': ['core/pep546'], '_core': ['core/pep546'], '_core.api': ['core/pep546'],
    '_core.chosen': ['core/engine/engine'], 'context': ['core/context/settings'],
    'pep543': ['pep543/interfaces'], 'tornado': ['tornado/install'], 'trollius': ['aio/trollius'],
    'twisted': ['twisted/install'],
    # At the top of the package, so that users find them; their tests are with what they stand on.
    '__main__': ['cli/main'], '_command': ['cli/command'], '_install': ['sockets/install'],
    'requests': ['urllib3/requests'],
    # They do something on PyPy alone, where the tests of every engine run.
    '_core.engine.pair_queue': ['core/errors'],
    '_core.engine.pypy27': ['core/engine/libssl', 'core/engine/lifetime'],
}


def path_of(name):
    """Return the path of a test file: of 'core/pipe' that of tests/core/test_pipe.py."""
    folder, _, file = name.rpartition('/')
    return os.path.join(ROOT, 'tests', folder, 'test_%s.py' % file)


def _files(folder):
    """Return a sorted list of the test files in a folder of tests/, as 'core/pipe'."""
    place = os.path.join(ROOT, 'tests', folder)
    return ['%s/%s' % (folder, file[len('test_'):-len('.py')])
            for file in sorted(os.listdir(place) if os.path.isdir(place) else [])
            if re.match(r'test_\w+\.py$', file)]


def by_rule(module):
    """
    Return a list of the test files that a module has by its place in the package.

    The first is that of its own path; there is none without that.
    """
    parts = [part.strip('_') for part in module.split('.')]
    if len(parts) == 1 or os.path.basename(modules()[module]) == '__init__.py':
        parts.append(parts[-1])
    own = '/'.join(parts)
    if not os.path.exists(path_of(own)):
        return []
    of_others = {'/'.join(part.strip('_') for part in other.split('.')) for other in modules()}
    return [own] + [name for name in _files('/'.join(parts[:-1]))
                    if name.startswith(own + '_') and name not in of_others]


def has_code(module):
    """Return whether a module is more than its docstring (bool)."""
    with open(modules()[module]) as source:
        body = ast.parse(source.read()).body
    return not all(isinstance(one, ast.Expr)
                   or isinstance(one, ast.ImportFrom) and one.module == '__future__'
                   for one in body)


def own_tests():
    """Return a dict from each module with code to a list of the names of its test files."""
    return {name: ELSEWHERE.get(name) or by_rule(name) for name in modules() if has_code(name)}


def layer_tests(module):
    """Return a list of the names of the test files of a module's layer: core/, stream/, ..."""
    layer = own_tests()[module][0].split('/')[0]
    found = []
    for folder, _, _ in os.walk(os.path.join(ROOT, 'tests', layer)):
        found += _files(os.path.relpath(folder, os.path.join(ROOT, 'tests')).replace(os.sep, '/'))
    return found
