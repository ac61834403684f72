"""SECURITY.md names the tests that hold its promises: here they are held to exist."""
from __future__ import absolute_import, division, print_function

import ast
import io
import os
import re

from tests.support.programs import ROOT


def names_in(path):
    """Return the names of the tests in a file: 'test_x' and 'TestY::test_x'."""
    with open(path) as source:
        tree = ast.parse(source.read())
    found = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {'%s::%s' % (node.name, one.name) for one in node.body
                      if isinstance(one, ast.FunctionDef)}
    return found


def promises():
    """Return a list of (promise, [test, ...]) from the table in SECURITY.md."""
    with io.open(os.path.join(ROOT, 'SECURITY.md'), encoding='utf-8') as document:
        rows = re.findall(r'(?m)^\| (.*) \| (.*) \|$', document.read())
    return [(promise, re.findall('`([^`]+)`', tests)) for promise, tests in rows
            if promise not in ('promise', '---') and not promise.startswith('**')]


def test_every_promise_has_a_test():
    """No promise is made without one."""
    assert 20 < len(promises())
    assert [] == [promise for promise, tests in promises() if not tests]


def test_tests_exist():
    """Each test that is named is there: '::test_y' is one of the class named before it."""
    missing = []
    for _, tests in promises():
        file = owner = None
        for test in tests:
            if test.startswith('::'):
                test = '%s::%s%s' % (file, owner, test)
            file, _, name = test.partition('::')
            owner = name.rpartition('::')[0]
            path = os.path.join(ROOT, 'tests', file)
            if not os.path.exists(path) or name and name not in names_in(path):
                missing.append(test)
    assert [] == missing


def mutations():
    """Return tools/mutate_promises.py's list of (words, file, old text, new text)."""
    with open(os.path.join(ROOT, 'tools', 'mutate_promises.py')) as source:
        tree = ast.parse(source.read())
    value, = [node.value for node in tree.body if isinstance(node, ast.Assign)
              and node.targets[0].id == 'MUTATIONS']
    return ast.literal_eval(value)


def test_mutations_can_be_made():
    """Each mutation belongs to one promise, and its text is once in its file: none is left out."""
    wrong = []
    for words, file, old, _ in mutations():
        with io.open(os.path.join(ROOT, 'sslproto27', file), encoding='utf-8') as source:
            count = source.read().count(old)
        owners = [promise for promise, _ in promises() if words in promise]
        if (count, len(owners)) != (1, 1):
            wrong.append((words, file, old, count, owners))
    assert [] == wrong
