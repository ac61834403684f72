"""Run the tests on each given interpreter, even if some of them fail.

    run_tests.py [--hold | --write] PYTHON[:ENGINE[:NAME,NAME...]]...

The test files are divided into parts. Two parts more than there are processors run at the
same time, because some tests wait. A part's output is printed as a whole when it ends.
PYTHON:pair uses that engine (SSLPROTO27_ENGINE). PYTHON:pair:cli leaves out the tests whose names
begin with cli, which is the folder tests/cli; so does PYTHON::cli, with the engine that the
interpreter gets by itself. The last line is the total. An error, a crash or a hang of a part counts
as at least one failed test. Pass options for pytest in $PYTEST_ADDOPTS. If docs/tested.md says
something else about these interpreters, the difference is printed. With --hold it fails the run;
--write rewrites the page.
"""
from __future__ import print_function

import collections
import io
import multiprocessing.pool
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import xml.etree.ElementTree

import tested

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIME_LIMIT = 1200  # seconds; a handshake that never ends must not stop the whole run
#: What a process keeps of each test makes later collections of garbage, and forks, slower:
#: the tests of forks took a quarter of the time in a process of their own.
PARTS = 12
#: Two lines: a full description, and the name in docs/tested.md, which only knows this system.
DESCRIBE = '''
import platform, ssl, sys
name, version = platform.python_implementation(), sys.version_info
openssl = ssl.OPENSSL_VERSION_INFO
print("%s %s, %s" % (name, platform.python_version(), ssl.OPENSSL_VERSION))
if name == "PyPy":
    version = "%d.%d " % version[:2] + ".".join(map(str, sys.pypy_version_info[:3]))
else:
    version = ".".join(map(str, version[:3 if version[0] == 2 else 2]))
if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
    print("%s %s, OpenSSL %s" % (name, version, ".".join(
        map(str, openssl[:2 if openssl[0] > 1 else 3]))))'''


def can_make_certificates(python):
    with open(os.devnull, 'w') as null:
        return subprocess.call([python, '-W', 'ignore', '-c', 'import trustme'],
                               stdout=null, stderr=null) == 0


def environment(pythons, certificates):
    """Return the tests' environment. All runs share *certificates*, an empty directory."""
    env = dict(os.environ, PYTHONPATH=CHECKOUT)  # for the examples that tests start
    for python in pythons:
        if 'SSLPROTO27_PKI' not in env and can_make_certificates(python):
            subprocess.check_call([python, '-m', 'tests.support.pki', certificates],
                                  cwd=CHECKOUT, env=env)
            env['SSLPROTO27_PKI'] = certificates
    return env


def outcomes(report):
    """Count tests in a JUnit XML file, by (file, 'passed', 'failed' or 'skipped')."""
    counts = collections.Counter()
    if os.path.exists(report):
        for test in xml.etree.ElementTree.parse(report).iter('testcase'):
            children = {child.tag for child in test}
            counts[tested.name_of(test.get('classname')),
                   'failed' if children & {'failure', 'error'} else
                   'skipped' if 'skipped' in children else 'passed'] += 1
    return counts


def files_of(part, without):
    """
    Return every twelfth test file, for example: the files of one part.

    Tests of forks come first, in a process that is still small.

    Args:
        without (tuple of str): the beginnings of the names to leave out.
    """
    names = [name for name in tested.names() if not name.startswith(without)]
    return [tested.path_of(name) for name in sorted(
        names[part::PARTS], key=lambda name: not name.endswith('fork'))]


def parse(one):
    """Return (path, engine or None, names to leave out) of an argument."""
    path, engine, without = (one.split(':') + ['', ''])[:3]
    return os.path.abspath(path), engine or None, tuple(without.split(',')) if without else ()


def run(python, files, folder, env):
    """Run test files; return the counts of outcomes and all output."""
    report, log = (os.path.join(folder, name) for name in ('report.xml', 'log'))
    with open(log, 'w') as output:
        process = subprocess.Popen(
            [python, '-m', 'pytest', '-rs', '--junitxml', report] + files,
            cwd=CHECKOUT, env=env, stdout=output, stderr=output)
        limit = threading.Timer(TIME_LIMIT, process.kill)
        limit.daemon = True
        limit.start()
        status = process.wait()
        limit.cancel()
    counts = outcomes(report)
    with io.open(log, encoding='utf-8', errors='replace') as output:
        text = output.read()
    if status not in (0, 1):
        text += '\npytest on %s ended with status %d (-N: killed by signal N)\n' % (python, status)
    if status and not total(counts)['failed']:
        counts['', 'failed'] = 1
    return counts, text


def total(counts):
    """Return the Counter of outcomes in all files."""
    found = collections.Counter()
    for (_, outcome), count in counts.items():
        found[outcome] += count
    return found


def compile_modules(pythons):
    """Compile the modules that hundreds of test programs import, so that each need not do it."""
    if os.environ.get('PYTHONDONTWRITEBYTECODE'):
        for python in collections.OrderedDict.fromkeys(pythons):
            if 'pypy' not in os.path.basename(python):  # its files have the names of CPython 2.7's
                subprocess.call([python, '-m', 'compileall', '-q', 'sslproto27', 'tests/support'],
                                cwd=CHECKOUT)


def describe(python):
    """Return the lines that DESCRIBE prints, as a list; None if the interpreter does not run."""
    try:
        return subprocess.check_output([python, '-c', DESCRIBE]).decode().splitlines()
    except (OSError, subprocess.CalledProcessError) as error:
        print('%s: %s' % (python, error))
        return None


def print_text(text):
    """Write *text* to stdout in UTF-8 in every locale, because a test may print any character."""
    sys.stdout.flush()
    getattr(sys.stdout, 'buffer', sys.stdout).write(text.encode('utf-8'))
    sys.stdout.flush()


def run_part(python, engine, without, part, env):
    """
    Run one part on an interpreter, with a given engine or the interpreter's choice.

    Return (the interpreter's name in docs/tested.md or None, the counts of outcomes). That page has
    no name for a run that leaves out tests.
    """
    description = describe(python)
    if description is None:
        return None, collections.Counter({('', 'failed'): 1})
    if engine is not None:
        description = ['%s, the %s engine' % (line, engine) for line in description]
        env = dict(env, SSLPROTO27_ENGINE=engine)
    folder = tempfile.mkdtemp()
    try:
        counts, text = run(python, files_of(part, without), folder, env)
    finally:
        shutil.rmtree(folder)
    # One write keeps the output of threads apart.
    print_text(u'\n== %s: %s; part %d of %d\n%s' % (
        os.path.relpath(python, CHECKOUT), description[0], part + 1, PARTS, text))
    return description[1] if len(description) > 1 and not without else None, counts


def check_page(results, write):
    """Compare docs/tested.md with the results, or write it; return whether it is right."""
    found = collections.OrderedDict(
        (str(name), tested.columns(counts)) for name, counts in results.items() if name)
    if write:
        tested.write(found)
    wrong = tested.hold(found)
    for line in wrong:
        print(line)
    return not wrong


def main(arguments):
    options = {one for one in arguments if one.startswith('--')}
    pythons = [parse(one) for one in arguments if one not in options]
    compile_modules([python for python, _, _ in pythons])
    todo = [one + (part,) for one in pythons for part in range(PARTS)]
    workers = multiprocessing.pool.ThreadPool(multiprocessing.cpu_count() + 2)
    results = collections.OrderedDict()
    certificates = tempfile.mkdtemp()
    try:
        env = environment([python for python, _, _ in pythons], certificates)
        for name, counts in workers.imap(lambda one: run_part(*(one + (env,))), todo, 1):
            results[name] = results.get(name, collections.Counter()) + counts
    finally:
        shutil.rmtree(certificates)
    counts = total(sum(results.values(), collections.Counter()))
    failed = counts['failed']
    if not os.environ.get('PYTEST_ADDOPTS'):  # these options may have left tests out
        failed = not check_page(results, '--write' in options) and '--hold' in options or failed
    print('%d passed, %d failed, %d skipped'
          % (counts['passed'], counts['failed'], counts['skipped']))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
