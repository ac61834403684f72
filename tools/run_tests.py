"""Run the tests on each interpreter given; all of them run, whatever fails.

    run_tests.py PYTHON...

The test files are dealt into parts, and one part more than there are processors run
side by side, as some of the tests wait; each part's output is printed whole, when
it has ended.  The last line is the total of all.  An error, a crash or a hang of a
part counts as (at least) one failed test.  Options for pytest go in $PYTEST_ADDOPTS.
"""
from __future__ import print_function

import collections
import glob
import multiprocessing.pool
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIME_LIMIT = 1200  # seconds; a handshake that never ends must not stop the whole
PARTS = 3
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


def files_of(part):
    """Return every third test file, say: those of one part."""
    return sorted(glob.glob(os.path.join(CHECKOUT, 'tests', 'test_*.py')))[part::PARTS]


def run(python, part, folder, env):
    """Run a part of the tests; return the counts of outcomes and all that was printed."""
    report, log = (os.path.join(folder, name) for name in ('report.xml', 'log'))
    with open(log, 'w') as output:
        process = subprocess.Popen(
            [python, '-m', 'pytest', '-rs', '--junitxml', report] + files_of(part),
            cwd=CHECKOUT, env=env, stdout=output, stderr=output)
        limit = threading.Timer(TIME_LIMIT, process.kill)
        limit.start()
        status = process.wait()
        limit.cancel()
    counts = outcomes(report)
    with open(log) as output:
        text = output.read()
    if status not in (0, 1):
        text += '\npytest on %s ended with status %d (-N: killed by signal N)\n' % (python, status)
    if status:
        counts['failed'] = max(counts['failed'], 1)
    return counts, text


def describe(python):
    """Return the interpreter's name and versions; None if it does not run."""
    try:
        return subprocess.check_output([python, '-c', DESCRIBE]).decode().strip()
    except (OSError, subprocess.CalledProcessError) as error:
        print('%s: %s' % (python, error))
        return None


def run_part(python, part, env):
    """Do all that there is to do for a part on an interpreter; return the counts of outcomes."""
    description = describe(python)
    if description is None:
        return collections.Counter(failed=1)
    folder = tempfile.mkdtemp()
    try:
        counts, text = run(python, part, folder, env)
    finally:
        shutil.rmtree(folder)
    # One write: what other threads print stays apart.
    sys.stdout.write('\n== %s: %s; part %d of %d\n%s' % (
        os.path.relpath(python, CHECKOUT), description, part + 1, PARTS, text))
    sys.stdout.flush()
    return counts


def main(pythons):
    pythons = [os.path.abspath(python) for python in pythons]
    env = environment(pythons)
    todo = [(python, part) for python in pythons for part in range(PARTS)]
    workers = multiprocessing.pool.ThreadPool(multiprocessing.cpu_count() + 1)
    total = sum(workers.imap_unordered(lambda one: run_part(one[0], one[1], env), todo, 1),
                collections.Counter())
    print('%d passed, %d failed, %d skipped'
          % (total['passed'], total['failed'], total['skipped']))
    return 1 if total['failed'] else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
