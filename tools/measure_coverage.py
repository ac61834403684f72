"""Measure how much of the package the tests cover, by lines and branches, on all PYTHONs together.

    measure_coverage.py PYTHON...         run all tests; fail below setup.cfg's fail_under
    measure_coverage.py --own[=MODULE,...] PYTHON...
                                          run each module's own test files, see
                                          tests/support/own_tests.py, and those of its layer if
                                          they are not enough; fail if any module is below that

The first PYTHON also needs coverage.py, because it makes the report. Programs that tests start are
measured too, if they end by themselves.
"""
from __future__ import print_function

import glob
import io
import multiprocessing.pool
import os
import shutil
import subprocess
import sys

import coverage

import tested

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(CHECKOUT, 'build', 'measured')
CONFIGURATION = os.path.join(CHECKOUT, 'setup.cfg')
NO_TESTS = 5  # pytest's status if a whole file is for another interpreter

# Code that measured processes, and their children, start with. coverage.py 5.5, the last one for
# 2.7, has no such feature; newer versions do. A forked child ends by os._exit.
START = """\
import os

if 'COVERAGE_PROCESS_START' in os.environ:
    import coverage

    def save_and_exit(status, exit=os._exit):
        measured = coverage.Coverage.current()
        if measured is not None:
            measured.stop()
            measured.save()
        exit(status)

    coverage.process_startup()
    os._exit = save_and_exit
"""
PLACE = 'import sysconfig; print(sysconfig.get_path("purelib"))'


def prepare(python):
    """Let coverage.py start with an interpreter and its children, if requested."""
    folder = subprocess.check_output([python, '-c', PLACE]).decode().strip()
    for name, text in (('measured_process.py', START),
                       ('measured_process.pth', 'import measured_process\n')):
        with open(os.path.join(folder, name), 'w') as file:
            file.write(text)


def measured(data):
    """Return the environment for measured Pythons, whose data files' names begin with *data*."""
    return dict(os.environ, COVERAGE_PROCESS_START=CONFIGURATION, COVERAGE_FILE=data)


def report(data, sources, **options):
    """Return the percentage covered, according to the data files that match the patterns."""
    found = coverage.Coverage(data_file=data, config_file=CONFIGURATION)
    found.combine([one for source in sources for one in glob.glob(source + '.*')], keep=True)
    return found.report(**options)


def has_code(path):
    """Return whether a file has anything that could be covered."""
    found = coverage.Coverage(data_file=None, config_file=CONFIGURATION)
    return bool(found.analysis2(path)[1])


def least():
    """Return the required percentage."""
    return coverage.Coverage(config_file=CONFIGURATION).get_option('report:fail_under')


def all_together(pythons):
    """Run all tests; return whether they passed, and together covered enough."""
    data = os.path.join(FOLDER, 'all')
    passed = subprocess.call([sys.executable, os.path.join(CHECKOUT, 'tools', 'run_tests.py')]
                             + pythons, env=measured(data)) == 0
    total = report(os.path.join(FOLDER, 'total'), [data])
    print('%.1f %% of lines and branches are covered, %d %% must be; not counted because only PyPy'
          ' runs it: sslproto27/_core/engine/pypy27.py' % (total, least()))
    return passed and total >= least()


def data_of(name):
    """Return the beginning of the names of a test file's data files."""
    return os.path.join(FOLDER, name.replace('/', '-'))


def run_file(python, name):
    """Run one test file on an interpreter; return whether it passed."""
    env = dict(measured(data_of(name)), PYTHONPATH=CHECKOUT)
    test = subprocess.Popen(
        [python, '-m', 'pytest', '-qq', tested.path_of(name)],
        cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = test.communicate()[0]
    passed = test.returncode in (0, NO_TESTS)
    if not passed:
        # One write keeps the output of threads apart.
        sys.stdout.write('\n== %s on %s\n%s' % (
            tested.path_of(name), python, output.decode('utf-8')))
    return passed


def by_own_tests(pythons, only):
    """
    Run each module's own tests, and those of its layer where these do not cover enough.

    Returns:
        bool: whether the tests passed, and each module is covered enough.
    """
    sys.path.insert(0, CHECKOUT)
    from tests.support.own_tests import layer_tests, own_tests
    wanted = {module: names for module, names in own_tests().items()
              if module != '_core.engine.pypy27' and (not only or module in only)}
    ran = set()
    passed = run_files(pythons, wanted.values(), ran)
    short = {module: layer_tests(module) for module, names in wanted.items()
             if covered(module, names)[0] < least()}
    passed &= run_files(pythons, short.values(), ran)
    for module, names in sorted(wanted.items()):
        alone, missing = covered(module, names)
        percentage = alone
        if module in short:
            percentage, missing = covered(module, short[module])
        print('%5.1f %%  %5.1f %%  %-24s %s' % (
            alone, percentage, module or 'sslproto27', ' '.join(names)))
        if percentage < least():
            passed = False
            print('         not covered: ' + missing)
    print('first by its own tests, then with those of its layer: %d %% of each must be' % least())
    return passed


def run_files(pythons, lists, ran):
    """Run the test files in *lists* that are not in *ran* (set) yet; return whether all passed."""
    todo = {name for names in lists for name in names} - ran
    ran |= todo
    workers = multiprocessing.pool.ThreadPool(multiprocessing.cpu_count())
    return all(workers.map(lambda one: run_file(*one),
                           [(python, name) for python in pythons for name in sorted(todo)], 1))


def covered(module, names):
    """Return (how much of a module the test files have covered, what is missing)."""
    from tests.support.imports import modules
    text = io.StringIO() if sys.version_info > (3,) else io.BytesIO()
    percentage = report(os.path.join(FOLDER, 'module'), [data_of(name) for name in names],
                        include=[modules()[module]], skip_covered=False, file=text)
    if not has_code(modules()[module]):
        return 100.0, ''
    return percentage, text.getvalue().splitlines()[2].split('%')[1].strip()


def main(arguments):
    option, _, only = arguments[0].partition('=')
    is_own = option == '--own'
    pythons = [os.path.abspath(python) for python in arguments[is_own:]]
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    for python in pythons:
        prepare(python)
    if is_own:
        passed = by_own_tests(pythons, only.split(',') if only else None)
    else:
        passed = all_together(pythons)
    return 0 if passed else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
