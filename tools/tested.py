"""docs/tested.md: how much of each layer's tests ran on which interpreter. Nothing here runs tests.

tools/run_tests.py compares the page with each of its runs, or writes it.
"""
from __future__ import print_function

import collections
import io
import os
import re

__all__ = ['LAYERS', 'PAGE', 'columns', 'files_of', 'hold', 'name_of', 'names', 'path_of', 'read',
           'write']

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(CHECKOUT, 'docs', 'tested.md')

#: For each layer, the names of its test files, as `names` returns them; a name that ends in *
#: stands for all that begin like it.
LAYERS = [
    ('memory BIOs, TLS objects, sessions', [
        'core/attributes', 'core/bio', 'core/channel_binding', 'core/compat', 'core/descriptors',
        'core/engine/*', 'core/errors', 'core/monkey_patching', 'core/notes', 'core/pair/*',
        'core/patches', 'core/pep546', 'core/post_handshake', 'core/records', 'core/session*',
        'core/short_paths', 'core/sslobject', 'core/tls_errors', 'core/unique', 'core/versions',
        'core/wrap_bio', 'hostile/callers_engine', 'hostile/stale_errors']),
    ('contexts, certificates, names', [
        'core/certificate', 'core/checking', 'core/constants', 'core/context/*', 'core/hostname*',
        'core/servername', 'core/x509']),
    ('the pipe', [
        'core/pipe*', 'core/fork*', 'hostile/callers_pipe', 'hostile/fuzz', 'hostile/peers']),
    ('blocking sockets', [
        'core/amount', 'core/blocking', 'core/files', 'core/socket*', 'core/lockedobject',
        'core/real_peers', 'core/waiting',
        'hostile/callers_sockets', 'sockets/*']),
    ('the protocol, in memory', ['stream/*', 'core/leaks', 'hostile/callers']),
    ('`sslproto27.aio`', [
        'aio/aio', 'aio/compat', 'aio/generators', 'aio/handlers', 'aio/handshake_limit',
        'aio/loop', 'aio/pipes', 'aio/reading', 'aio/sockets', 'aio/streams', 'aio/upgrade',
        'hostile/loops']),
    ('`sslproto27.trollius`', ['aio/autobahn', 'aio/trollius*']),
    ("asyncio's loops", ['aio/asyncio']),
    ('`sslproto27.tornado`', ['hostile/callers_tornado', 'tornado/*']),
    ('`sslproto27.twisted`', ['twisted/*']),
    ('requests, urllib3, pip', ['urllib3/*']),
    ('PEP 543', ['pep543/*']),
    ('the command line', ['cli/*']),
    ('the examples, and the code of these pages', [
        'project/documentation', 'project/examples', 'project/troubleshooting']),
    ('the repository itself', [
        'project/comparison', 'project/coverage_map', 'project/diagrams', 'project/layers',
        'project/requirements', 'project/security_document', 'project/tested', 'project/types',
        'project/vendoring']),
]


def names():
    """Return the sorted names of the test files: 'core/pipe' for tests/core/test_pipe.py."""
    found = []
    for folder, _, files in os.walk(os.path.join(CHECKOUT, 'tests')):
        place = os.path.relpath(folder, os.path.join(CHECKOUT, 'tests'))
        found += [os.path.join(place, one[len('test_'):-len('.py')]).replace(os.sep, '/')
                  for one in files if re.match(r'test_\w+\.py$', one)]
    return sorted(found)


def path_of(name):
    """Return the path in the checkout of the test file *name*, as in `names`."""
    folder, _, file = name.rpartition('/')
    return 'tests/%s/test_%s.py' % (folder, file)


def name_of(classname):
    """Return the name of the test file for a test's class in JUnit's XML; '' if there is none."""
    found = re.match(r'tests\.((?:\w+\.)*)test_(\w+)', classname)
    return found.group(1).replace('.', '/') + found.group(2) if found else ''


def files_of(patterns, names):
    """Return the set of those *names* that match one of the patterns."""
    return {name for name in names for one in patterns
            if name == one or one.endswith('*') and name.startswith(one[:-1])}


def _verdict(counts):
    """Return the text of a cell for a Counter of outcomes; a few skips depend on the machine."""
    if not counts['passed']:
        return 'no'
    return 'yes' if counts['passed'] >= 9 * counts['skipped'] else 'in part'


def columns(outcomes):
    """
    Return a list of cells, one for each layer.

    Args:
        outcomes (Counter): by (file, outcome), from one interpreter's complete run.
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
    """Return the page's table: an OrderedDict from interpreter to a dict from layer to cell."""
    with io.open(PAGE, encoding='utf-8') as page:
        table = re.search(r'(?m)^\| layer \|.*\n(?:\|.*\n)+', page.read()).group()
    rows = [[str(cell.strip()) for cell in line.strip('|').split('|')]
            for line in table.splitlines()]
    return collections.OrderedDict(
        (interpreter, {row[0]: row[number] for row in rows[2:]})
        for number, interpreter in enumerate(rows[0][1:], 1))


def hold(results):
    """
    Return the differences between the page and *results*, as a list of lines.

    Args:
        results (dict): by interpreter, the result of `columns`. The page may lack some of them.
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
    """Write the page's table; new columns come last."""
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
