"""Measure what the tests cover of the package, by lines and branches, on all PYTHONs together.

    measure_coverage.py PYTHON...         all tests; fails below setup.cfg's fail_under
    measure_coverage.py --own[=MODULE,...] PYTHON...
                                          each module by its own test files (tests/own_tests.py)

The first one needs coverage.py, too: it makes the report. Programs that tests start are measured as
well, as far as they end by themselves.
"""
from __future__ import print_function

import glob
import io
import os
import shutil
import subprocess
import sys

import coverage

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(CHECKOUT, 'build', 'measured')
CONFIGURATION = os.path.join(CHECKOUT, 'setup.cfg')
RUN_TESTS = os.path.join(CHECKOUT, 'tools', 'run_tests.py')

# What a measured process begins with; its children do, too. Newer versions of coverage.py have
# their own such thing, 5.5, the last one for 2.7, has none; and a fork's child ends by os._exit.
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
    """Let coverage.py start with an interpreter, and with its children, if it is asked to."""
    folder = subprocess.check_output([python, '-c', PLACE]).decode().strip()
    for name, text in (('measured_process.py', START),
                       ('measured_process.pth', 'import measured_process\n')):
        with open(os.path.join(folder, name), 'w') as file:
            file.write(text)


def run(pythons, data, *paths):
    """Run the tests in *paths* on each interpreter; return whether all passed."""
    env = dict(os.environ, COVERAGE_PROCESS_START=CONFIGURATION, COVERAGE_FILE=data,
               PYTEST_ADDOPTS=' '.join((os.environ.get('PYTEST_ADDOPTS', ''),) + paths))
    return subprocess.call([sys.executable, RUN_TESTS] + pythons, env=env) == 0


def report(data, sources, **options):
    """Return the percentage that files of data, as named by patterns, say is covered."""
    measured = coverage.Coverage(data_file=data, config_file=CONFIGURATION)
    measured.combine([one for source in sources for one in glob.glob(source + '.*')], keep=True)
    return measured.report(**options)


def all_together(pythons):
    data = os.path.join(FOLDER, 'all')
    passed = run(pythons, data)
    total = report(os.path.join(FOLDER, 'total'), [data])
    least = coverage.Coverage(config_file=CONFIGURATION).get_option('report:fail_under')
    print('%.1f %% of lines and branches are covered, %d %% have to be; not counted, as PyPy alone'
          ' runs it: sslproto27/_engine/pypy27.py' % (total, least))
    return passed and total >= least


def by_own_tests(pythons, only):
    sys.path.insert(0, os.path.join(CHECKOUT, 'tests'))
    from imports import modules
    from own_tests import own_tests
    os.environ['PYTEST_ADDOPTS'] = '-qq'
    wanted = {module: names for module, names in own_tests().items()
              if module != '_engine.pypy27' and (not only or module in only)}
    passed, measured = True, {}
    for name in sorted({name for names in wanted.values() for name in names}):
        data = os.path.join(FOLDER, 'test_' + name)
        passed &= run(pythons, data, os.path.join('tests', 'test_%s.py' % name))
        measured[name] = data
    for module, names in sorted(wanted.items()):
        percentage = report(os.path.join(FOLDER, 'module'), [measured[name] for name in names],
                            include=[modules()[module]], skip_covered=False,
                            file=io.StringIO() if sys.version_info > (3,) else io.BytesIO())
        print('%5.1f %%  %-24s %s' % (percentage, module or 'sslproto27', ' '.join(names)))
    return passed


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
