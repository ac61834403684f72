"""Run the tests on each interpreter given; all of them run, whatever fails.

    run_tests.py PYTHON...

The last line is the total of all runs.  An error, a crash or a hang of an
interpreter counts as (at least) one failed test.  Options for pytest go in
$PYTEST_ADDOPTS.
"""
from __future__ import print_function

import collections
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIME_LIMIT = 600  # seconds; a handshake that never ends must not stop the whole
DESCRIBE = '''
import platform, ssl
print("%s %s, %s" % (platform.python_implementation(), platform.python_version(),
                     ssl.OPENSSL_VERSION))'''


def can_make_certificates(python):
    with open(os.devnull, 'w') as null:
        return subprocess.call([python, '-W', 'ignore', '-c', 'import trustme'],
                               stdout=null, stderr=null) == 0


def environment(pythons):
    env = dict(os.environ, PYTHONPATH=CHECKOUT)  # for the examples which tests start
    # Tests on PyPy, which has no trustme, get certificates from this one.
    for python in pythons:
        if 'SSLPROTO27_PKI_PYTHON' not in env and can_make_certificates(python):
            env['SSLPROTO27_PKI_PYTHON'] = python
    return env


def outcomes(report):
    """Count passed, failed and skipped tests in a JUnit XML file."""
    counts = collections.Counter()
    if os.path.exists(report):
        for test in xml.etree.ElementTree.parse(report).iter('testcase'):
            children = {child.tag for child in test}
            if children & {'failure', 'error'}:
                counts['failed'] += 1
            elif 'skipped' in children:
                counts['skipped'] += 1
            else:
                counts['passed'] += 1
    return counts


def run(python, report, env):
    process = subprocess.Popen([python, '-m', 'pytest', '-rs', '--junitxml', report],
                               cwd=CHECKOUT, env=env)
    limit = threading.Timer(TIME_LIMIT, process.kill)
    limit.start()
    status = process.wait()
    limit.cancel()
    counts = outcomes(report)
    if status not in (0, 1):
        print('\npytest on %s ended with status %d (-N: killed by signal N)' % (python, status))
    if status:
        counts['failed'] = max(counts['failed'], 1)
    return counts


def main(pythons):
    pythons = [os.path.abspath(python) for python in pythons]
    env = environment(pythons)
    total = collections.Counter()
    folder = tempfile.mkdtemp()
    try:
        for number, python in enumerate(pythons):
            print('\n== %s:' % os.path.relpath(python, CHECKOUT), end=' ')
            sys.stdout.flush()
            if subprocess.call([python, '-c', DESCRIBE]):
                total['failed'] += 1
                continue
            total += run(python, os.path.join(folder, '%d.xml' % number), env)
    finally:
        shutil.rmtree(folder)
    print('%d passed, %d failed, %d skipped'
          % (total['passed'], total['failed'], total['skipped']))
    return 1 if total['failed'] else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
