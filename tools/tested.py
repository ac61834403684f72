"""docs/tested.md: how much of each layer's tests ran on which interpreter. No test is run here.

tools/run_tests.py holds the page to each of its runs, or writes it.
"""
from __future__ import print_function

import collections
import io
import os
import re

__all__ = ['LAYERS', 'PAGE', 'columns', 'files_of', 'hold', 'read', 'write']

PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                    'docs', 'tested.md')

#: By layer, its test files without 'test_' and '.py'; a name that ends in * is the beginning of
#: some. The first line that has a file counts.
LAYERS = [
    ('memory BIOs, TLS objects, sessions', [
        'memorybio', 'sslobject', 'session*', 'wrap_bio', 'short_paths', 'install', 'unavailable',
        'channel_binding', 'errors', 'lifetime', 'vendoring', 'post_handshake',
        'hostile_callers_engine', 'unique', 'monkey_patching', 'pair_engine', 'old_ssl']),
    ('contexts, certificates, names', [
        'by_name', 'context*', 'credentials', 'certificates', 'hostname*', 'servername', 'sni',
        'x509']),
    ('the pipe', ['pipe', 'hostile', 'fuzz', 'fork']),
    ('blocking sockets', ['socket*', 'real_peers', 'hostile_callers_sockets']),
    ('the protocol, in memory', [
        'hostile_callers', 'flow_control', 'set_protocol', 'protocol', 'requirements',
        'interleavings', 'leaks', 'debug', 'start_tls', 'unwrap', 'report']),
    ('`sslproto27.aio`', ['aio*', 'streams', 'handshake_limit', 'hostile_loops']),
    ('`sslproto27.trollius`', ['trollius', 'autobahn']),
    ("asyncio's loops", ['asyncio']),
    ('`sslproto27.tornado`', ['tornado*']),
    ('requests, urllib3, pip', ['requests', 'pip']),
    ('PEP 543', ['pep543*']),
    ('the command line', ['cli*', 'main']),
    ('the examples, and the code of these pages', ['examples', 'documentation']),
    ('the repository itself', [
        'comparison', 'coverage_map', 'diagrams', 'layers', 'security_document', 'tested',
        'types']),
]


def files_of(patterns, names):
    """Return the set of those *names* that one of the patterns has."""
    return {name for name in names for one in patterns
            if name == one or one.endswith('*') and name.startswith(one[:-1])}


def _verdict(counts):
    """Return what a cell says, of a Counter of outcomes: few skips depend on the machine alone."""
    if not counts['passed']:
        return 'no'
    return 'yes' if counts['passed'] >= 9 * counts['skipped'] else 'in part'


def columns(outcomes):
    """
    Return a list of cells, as many as there are layers.

    Args:
        outcomes (Counter): by (file, outcome), of one interpreter's whole run.
    """
    names, cells = {file for file, _ in outcomes}, []
    for _, patterns in LAYERS:
        counts = collections.Counter()
        for file in files_of(patterns, names):
            for outcome in ('passed', 'skipped'):
                counts[outcome] += outcomes[file, outcome]
        cells.append(_verdict(counts))
    return cells


def read():
    """Return an OrderedDict from interpreter to a dict from layer to cell: the page's table."""
    with io.open(PAGE, encoding='utf-8') as page:
        table = re.search(r'(?m)^\| layer \|.*\n(?:\|.*\n)+', page.read()).group()
    rows = [[str(cell.strip()) for cell in line.strip('|').split('|')]
            for line in table.splitlines()]
    return collections.OrderedDict(
        (interpreter, {row[0]: row[number] for row in rows[2:]})
        for number, interpreter in enumerate(rows[0][1:], 1))


def hold(results):
    """
    Return a list of lines: what the page says that is not so.

    Args:
        results (dict): by interpreter, what `columns` returns. The page need not have all of them.
    """
    wrong = []
    for interpreter, shown in read().items():
        seen = dict(zip([layer for layer, _ in LAYERS], results.get(interpreter, ())))
        if seen and seen != shown:
            wrong += ['docs/tested.md: %s, %s: it says %r, and it is %r' % (
                interpreter, layer, shown.get(layer), seen.get(layer))
                for layer in sorted(set(shown) | set(seen)) if shown.get(layer) != seen.get(layer)]
    return wrong


def write(results):
    """Write the page's table, new columns last."""
    known = list(read())
    results = collections.OrderedDict(sorted(
        results.items(), key=lambda one: known.index(one[0]) if one[0] in known else len(known)))
    lines = ['| layer | ' + ' | '.join(results) + ' |', '| --- |' + ' --- |' * len(results)]
    for number, (layer, _) in enumerate(LAYERS):
        lines.append('| %s | ' % layer + ' | '.join(
            cells[number] for cells in results.values()) + ' |')
    with io.open(PAGE, encoding='utf-8') as page:
        text = page.read()
    text = re.sub(r'(?m)^\| layer \|.*\n(?:\|.*\n)+', lambda _: '\n'.join(lines) + '\n', text, 1)
    with io.open(PAGE, 'w', encoding='utf-8') as page:
        page.write(text)
