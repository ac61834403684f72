"""docs/requirements.md names a test for each requirement; each is there."""
from __future__ import absolute_import, division, print_function

import ast
import io
import os
import re

import pytest

from tests.support.programs import ROOT


def table():
    """Return (first cell, rest of the line) of each line of the document's tables."""
    with io.open(os.path.join(ROOT, 'docs', 'requirements.md'), encoding='utf-8') as file:
        return re.findall(r'^\| (.*?) \|(.*)$', file.read(), re.MULTILINE)


def named():
    """Return the tests that the document names, each 'file::class::function'."""
    return sorted(set(re.findall(r'[a-z_0-9/]+\.py(?:::\w+)+', '\n'.join(
        rest for _, rest in table()))))


def functions_of(name):
    """Return the tests in a file, as pytest names them."""
    with io.open(os.path.join(ROOT, 'tests', name), encoding='utf-8') as file:
        tree = ast.parse(file.read())
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.add('%s::%s' % (name, node.name))
        elif isinstance(node, ast.ClassDef):
            found.update('%s::%s::%s' % (name, node.name, one.name) for one in node.body
                         if isinstance(one, ast.FunctionDef))
    return found


def test_all_exist():
    """Each test that the document names is in the file and class that it names."""
    names = named()
    assert len(names) > 80
    known = set()
    for file in sorted({name.split('::')[0] for name in names}):
        known |= functions_of(file)
    assert [] == [name for name in names if name not in known]


@pytest.mark.parametrize('number', list(range(1, 41)) + [43, 44, 45])
def test_each_has_one(number):
    """Each numbered requirement has a test."""
    line, = [rest for first, rest in table() if first == 'R%d' % number]
    assert 'test_' in line


def test_every_line_has_one():
    """No line of a table is without a test, but for their heads."""
    assert [] == [rest for first, rest in table()
                  if 'test' not in rest and set(first) - set('-')]
