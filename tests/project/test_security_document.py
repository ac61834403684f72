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


#: A promise: its number, then its text, which may have more lines.
ITEM = re.compile(r'(?m)^([0-9]+)\. (.*\n(?: +.*\n)*)')


def section(title):
    """Return the text of a section of SECURITY.md, without its heading."""
    with io.open(os.path.join(ROOT, 'SECURITY.md'), encoding='utf-8') as document:
        return re.search(r'(?ms)^## %s$(.*?)(?=^## |\Z)' % title, document.read()).group(1)


def listed():
    """Return a list of (number, promise) in SECURITY.md's order."""
    return [(number, ' '.join(text.split())) for number, text in ITEM.findall(section('Promises'))]


def table():
    """Return a list of (number, [test, ...]) from SECURITY.md's table."""
    rows = re.findall(r'(?m)^\| (.*) \| (.*) \|$', section('Where each promise is tested'))
    return [(number, re.findall('`([^`]+)`', tests)) for number, tests in rows
            if number not in ('promise', '---')]


def promises():
    """Return a list of (promise, [test, ...]): the list of SECURITY.md, and its table."""
    tests = dict(table())
    return [(promise, tests.get(number, [])) for number, promise in listed()]


def test_every_promise_has_a_test():
    """No promise is made without one, and each line of the table belongs to one promise."""
    assert 20 < len(promises())
    assert [] == [promise for promise, tests in promises() if not tests]
    numbers = [str(number) for number in range(1, len(promises()) + 1)]
    assert numbers == [number for number, _ in listed()] == [number for number, _ in table()]


def test_nothing_else_is_promised():
    """Between the headings of the promises there is no text but that of numbered ones."""
    groups = re.split('(?m)^### .*$', section('Promises'))[1:]
    assert [''] * len(groups) == [ITEM.sub('', group).strip() for group in groups] and groups


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
