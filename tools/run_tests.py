"""Run the tests on each interpreter given; all of them run, whatever fails.

    run_tests.py PYTHON...

As many interpreters as there are processors run side by side; each one's output
is printed whole, when it has ended.  The last line is the total of all runs.  An
error, a crash or a hang of an interpreter counts as (at least) one failed test.
Options for pytest go in $PYTEST_ADDOPTS.
"""
from __future__ import print_function

import collections
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


def run(python, folder, env):
    """Run the tests on one interpreter; return the counts of outcomes and all that it printed."""
    report, log = (os.path.join(folder, name) for name in ('report.xml', 'log'))
    with open(log, 'w') as output:
        process = subprocess.Popen([python, '-m', 'pytest', '-rs', '--junitxml', report],
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


def run_one(python, env):
    """Do all that there is to do for one interpreter; return the counts of outcomes."""
    description = describe(python)
    if description is None:
        return collections.Counter(failed=1)
    folder = tempfile.mkdtemp()
    try:
        counts, text = run(python, folder, env)
    finally:
        shutil.rmtree(folder)
    # One write: what other threads print stays apart.
    sys.stdout.write('\n== %s: %s\n%s' % (os.path.relpath(python, CHECKOUT), description, text))
    sys.stdout.flush()
    return counts


def main(pythons):
    pythons = [os.path.abspath(python) for python in pythons]
    env = environment(pythons)
    workers = multiprocessing.pool.ThreadPool(multiprocessing.cpu_count())
    total = sum(workers.imap_unordered(lambda python: run_one(python, env), pythons, 1),
                collections.Counter())
    print('%d passed, %d failed, %d skipped'
          % (total['passed'], total['failed'], total['skipped']))
    return 1 if total['failed'] else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
