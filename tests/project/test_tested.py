"""The pages tell what was tested where as the programs that test know it."""
from __future__ import absolute_import, division, print_function

import collections
import io
import os
import re
import runpy
import sys

import pytest

from sslproto27._cli.starttls import PROTOCOLS
from tests.support.programs import ROOT

sys.path.insert(0, os.path.join(ROOT, 'tools'))

import tested  # noqa: E402

#: By interpreter, what the page says of each layer.
TABLE = tested.read()


def text_of(*path):
    """Return the text of a file of the repository."""
    with io.open(os.path.join(ROOT, *path), encoding='utf-8') as file:
        return file.read()


def short(interpreter):
    """Return the name that tox would give an interpreter of the page."""
    name, version = re.match(r'(\w+) (\d+\.\d+)', interpreter).groups()
    return 'pypy' if name == 'PyPy' else 'py' + version.replace('.', '')


def test_every_file_has_a_layer():
    """Each test file is of exactly one layer, and each pattern has some."""
    names = tested.names()
    count = collections.Counter(name for _, patterns in tested.LAYERS
                                for name in tested.files_of(patterns, names))
    assert {} == {name: count[name] for name in names if count[name] != 1}
    assert [] == [one for _, patterns in tested.LAYERS for one in patterns
                  if not tested.files_of([one], names)]


#: What tools/run_tests.py puts behind an interpreter's name for another engine than its own.
ENGINE = ', the pair engine'


def test_interpreters():
    """The page, the README, tox and the package's metadata name the same interpreters."""
    rows = re.findall(r'(?m)^\| ((?:CPython|PyPy) [^|]*?)(?: \(Debian 11\))? \| ([0-9.]+) \|',
                      text_of('README.md'))
    plain = [one for one in TABLE if not one.endswith(ENGINE)]
    assert plain == ['%s, OpenSSL %s' % row for row in rows]
    assert {one[:-len(ENGINE)] for one in TABLE if one not in plain} <= {
        one for one in plain if ' 2.7' in one}
    environments = re.search(r'(?m)^envlist = (.*), lint$', text_of('tox.ini')).group(1)
    assert set(environments.split(', ')) == {short(one) for one in plain}
    versions = re.findall(r"Python :: (\d)\.(\d+)'", text_of('setup.py'))
    assert {'py' + ''.join(one) for one in versions} == {short(one) for one in plain} - {'pypy'}


def rows_below(head):
    """Return the rows of the page's table that has this head."""
    return re.search(r'(?m)^%s\n\|[- |]+\n((?:\|.*\n)+)' % re.escape(head),
                     text_of('docs', 'tested.md')).group(1).splitlines()


def interop(name):
    """Return what a module of `make interop` has, which are not to be found by an import."""
    return runpy.run_path(os.path.join(ROOT, 'tests', 'interop', name + '.py'))


def test_peers():
    """The page has the peers that `make interop` tries, and what it tries with them."""
    assert ['| %s | %s | %s |' % (
        peer.name, ' and '.join(version[-3:] for version in peer.versions),
        'no' if peer.no_certificates else 'yes') for peer in interop('peers')['PEERS']
    ] == rows_below('| peer | TLS | client certificates |')


def test_servers():
    """The page has the servers, too; there is one for each protocol of ``--starttls``."""
    servers = interop('starttls_servers')['SERVERS']
    assert ['| %s | %s |' % (server.name, ', '.join(sorted(server.protocols)))
            for server in servers] == rows_below('| server | protocol |')
    assert sorted(PROTOCOLS) == sorted(one for server in servers for one in server.protocols)


@pytest.mark.parametrize('outcomes, cell', [
    (dict(passed=3), 'yes'), (dict(passed=9, skipped=1), 'yes'),
    (dict(passed=8, skipped=1), 'in part'), (dict(skipped=2), 'no'), ({}, 'no')])
def test_cells(outcomes, cell):
    """A cell tells how much of a layer's tests have run."""
    counts = collections.Counter({('core/bio', name): number
                                  for name, number in outcomes.items()})
    assert cell == tested.columns(counts)[0]


def test_layers():
    """The page has the layers, and says of each whether it was tried."""
    for cells in TABLE.values():
        assert {layer for layer, _ in tested.LAYERS} == set(cells)
        assert {'yes', 'in part', 'no'} >= set(cells.values())


def test_hold():
    """What the page says, and was not so, is told; of others than its interpreters nothing."""
    name, shown = next(iter(TABLE.items()))
    cells = [shown[layer] for layer, _ in tested.LAYERS]
    assert [] == tested.hold({name: cells, 'CPython 2.7.9, OpenSSL 1.1.1': ['no'] * len(cells)})
    wrong, = tested.hold({name: ['no'] + cells[1:]})
    assert name in wrong and repr(cells[0]) in wrong and "'no'" in wrong
