"""The README's table of alternatives, and what their checks say of it. Nothing is run here."""
from __future__ import absolute_import, division, print_function

import ast
import io
import os
import re

from tests.support.programs import ROOT

__all__ = ['alternatives', 'cells', 'verified']

FOLDER = os.path.join(ROOT, 'tests', 'comparison')


def _rows():
    """Yield the table's lines, each a list of its cells; links are '[text](target)'."""
    with io.open(os.path.join(ROOT, 'README.md'), encoding='utf-8') as file:
        text = file.read()
    targets = dict(re.findall(r'(?m)^\[([^]]+)\]: (\S+)$', text))
    table = re.search(r'(?m)^\| *\| sslproto27 .*\n(?:\|.*\n)+', text).group()
    for line in table.splitlines():
        line = re.sub(r'\[([^]]+)\]\[([^]]+)\]',
                      lambda found: '[%s](%s)' % (found.group(1), targets[found.group(2)]), line)
        yield [part.strip() for part in line.strip('|').split('|')]


def alternatives():
    """Return a list of (package, version) from the head of the table, sslproto27 left out."""
    head = next(_rows())
    return [tuple(one.split()) for one in head[2:]]


def cells():
    """Return a dict from (row, alternative) to (verdict, target or None): the table."""
    rows = list(_rows())
    columns = [one.split()[0] for one in rows[0][1:]]
    found = {}
    for row in rows[2:]:
        for column, part in zip(columns, row[1:]):
            link = re.match(r'\[([^]]+)\]\(([^)]+)\)$', part)
            found[row[0], column] = link.groups() if link else (part, None)
        if len(columns) != len(row) - 1:
            raise AssertionError('a row of another length: %s' % row[0])
    return found


def verified(column):
    """Return a dict from row to verdict: what the checks of an alternative decorate tests with."""
    with open(os.path.join(FOLDER, 'check_%s.py' % column.lower())) as source:
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
