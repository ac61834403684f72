"""The README's tables of alternatives, and what their checks say of it. Nothing is run here."""
from __future__ import absolute_import, division, print_function

import ast
import io
import os
import re

from tests.support.programs import ROOT

__all__ = ['FOLDER', 'alternatives', 'cells', 'check_of', 'verified']

FOLDER = os.path.join(ROOT, 'tests', 'comparison')


def check_of(alternative):
    """Return the name of the file with an alternative's checks."""
    return 'check_%s.py' % alternative.lower().partition('-')[0]


def _tables():
    """Return both tables: lists of lines, each a list of its cells; links are '[text](target)'."""
    with io.open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as file:
        text = file.read()
    targets = dict(re.findall(r'(?m)^\[([^]]+)\]: (\S+)$', text))
    found = []
    for table in re.findall(r'(?m)^\| *\| sslproto27 .*\n(?:\|.*\n)+', text):
        found.append([])
        for line in table.splitlines():
            line = re.sub(r'\[([^]]+)\]\[([^]]+)\]', lambda link: '[%s](%s)' % (
                link.group(1), targets[link.group(2)]), line)
            found[-1].append([part.strip() for part in line.strip('|').split('|')])
    return found


def alternatives():
    """Return a list of (package, version) from the tables' heads, sslproto27 left out."""
    return [tuple(one.split()) for table in _tables() for one in table[0][2:]]


def cells():
    """Return a dict from (row, alternative) to (verdict, target or None): both tables."""
    found = {}
    for table in _tables():
        columns = [one.split()[0] for one in table[0][1:]]
        for row in table[2:]:
            if len(columns) != len(row) - 1:
                raise AssertionError('a row of another length: %s' % row[0])
            for column, part in zip(columns, row[1:]):
                link = re.match(r'\[([^]]+)\]\(([^)]+)\)$', part)
                verdict = link.groups() if link else (part, None)
                if found.setdefault((row[0], column), verdict) != verdict:
                    raise AssertionError('%s: the tables differ in %r' % (column, row[0]))
    return found


def verified(column):
    """Return a dict from row to verdict: what the checks of an alternative decorate tests with."""
    with open(os.path.join(FOLDER, check_of(column))) as source:
        tree = ast.parse(source.read())
    found = {}
    for node in tree.body:
        for decorator in getattr(node, 'decorator_list', []):
            if isinstance(decorator, ast.Call) and getattr(decorator.func, 'id', '') == 'cell':
                row, verdict = [ast.literal_eval(argument) for argument in decorator.args]
                if row in found:
                    raise AssertionError('%s: two tests of %r' % (column, row))
                found[row] = verdict
    return found
