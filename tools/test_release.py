"""Install the wheel and the sdist in dist/ as users do, and try their content.

Each step prints one line; the last line is the total. Dependencies are downloaded first, into
.cache/released; everything is then installed from local folders. Each extra gets fresh
environments: the wheel is installed in all of them, the sdist in one with all extras. Commands run
in an empty folder, so that Python cannot import the checkout instead.

tools/find-python finds the interpreters; PyPy is that of `make test-all`.
"""
import concurrent.futures
import contextlib
import glob
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(CHECKOUT, '.cache')
HOUSES = os.path.join(CACHE, 'released')
INTERPRETERS = os.path.join(os.environ.get('SSLPROTO27_CACHE') or CACHE, 'interpreters')
TIME_LIMIT = 300  # seconds for one command
#: Compiling takes a third of the time. On a PyPy that writes no .pyc, pip 20.3.4 raises an
#: AssertionError after it.
PIP_INSTALL = ['-m', 'pip', 'install', '-q', '--no-compile']

#: For each extra, the lines of `sslproto27 info` that must say 'yes'; on Python 2 the second too.
EXTRAS = {
    '': (['sockets'], []),
    'trollius': (['aio'], ['trollius']),
    'tornado': (['tornado'], []),
    'twisted': (['twisted'], []),
    'requests': (['requests', 'urllib3'], []),
    'pep543': (['pep543'], []),
    'pyopenssl': (['pep543'], []),
}
#: Extras that need a checkout.
DEVELOPERS = {'test', 'bench', 'comparison', 'applications', 'docs', 'report', 'lint', 'types'}
#: The parts of the sdist that the examples' tests need.
UNPACKED = {'setup.cfg', 'README.md', 'docs', 'examples', 'tests'}
#: For some extras, a program to try beyond `info`, and its output.
PROGRAMS = {
    'twisted': ('from twisted.internet import endpoints, reactor; print(type('
                'endpoints.clientFromString(reactor, "tls27:localhost:1")).__name__)',
                'TLSClientEndpoint'),
    'pyopenssl': ('import sslproto27.pep543.pyopenssl as one; print(one.__name__)',
                  'sslproto27.pep543.pyopenssl'),
}
#: pip and setuptools: the last pip that works on 2.7.9, with a setuptools of that time; those that
#: come with 2.7.18.
OLD_TOOLS = [('9.0.3', '28.8.0'), ('19.2.3', '41.2.0')]
#: By pip, the extras whose wheels it cannot use.
TOO_NEW = {'9.0.3': {'pyopenssl': "cryptography's wheels are newer than this pip (manylinux2010)"}}


class Failed(Exception):
    """Holds the output of a failed command, or says what is missing."""


def run(command, **variables):
    """Run a command in an empty folder; it can only install from what it names."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(('PIP_', 'PYTHON', 'SSLPROTO27_'))}
    env.update(PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK='1')
    return _run(command, dict(env, **variables))


def fetch(command, **variables):
    """Run a command that downloads, with pip's usual settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith('PYTHON')}
    return _run(command, dict(env, **variables))


def _run(command, env):
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            command, cwd=folder, env=env, timeout=TIME_LIMIT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if result.returncode:
        raise Failed('%s\n%s: status %d' % (result.stdout, ' '.join(command), result.returncode))
    return result.stdout


class Abandoned(Exception):
    """Raised if a step fails that later steps need."""


class Total(object):
    """Counts the steps and prints a line for each."""

    def __init__(self):
        self.passed = self.failed = 0
        self._lock = threading.Lock()

    def say(self, text):
        """Print a line in one write."""
        with self._lock:
            print(text)
            sys.stdout.flush()

    @contextlib.contextmanager
    def step(self, name, needed=False):
        """Count one step, and print whether it succeeded; raise Abandoned if it had to."""
        try:
            yield
        except (Failed, OSError, subprocess.TimeoutExpired) as error:
            self.failed += 1
            self.say('FAILED   %s\n%s' % (name, error))
            if needed:
                raise Abandoned(name)
        else:
            self.passed += 1
            self.say('passed   ' + name)

    def attempt(self, trial, *args):
        """Call a trial with this object and *args*; stop it if a step fails that it needs."""
        try:
            trial(self, *args)
        except Abandoned:
            pass  # the step has been counted and printed

    def left_out(self, name, reason):
        """Print what was not tried, and why."""
        self.say('left out %s: %s' % (name, reason))


def require(true, text):
    """Fail with *text* if something is not true."""
    if not true:
        raise Failed(text)


# The files to release

def files_of(wheel):
    """Return a dict from the names of a wheel's files to their content."""
    with zipfile.ZipFile(wheel) as file:
        return {name: file.read(name) for name in file.namelist()}


def check_same(wheel, other):
    """Check that two wheels have the same files, except metadata that depends on the builder."""
    ours, theirs = [{name: text for name, text in files_of(one).items()
                     if '.dist-info/' not in name} for one in (wheel, other)]
    differ = {name for name in set(ours) | set(theirs) if ours.get(name) != theirs.get(name)}
    require(not differ, 'what the sdist gives differs: %s' % sorted(differ))


def check_wheel(wheel):
    """Check that the wheel has type stubs for each public module, and Twisted's plugin."""
    names = set(files_of(wheel))
    modules = {name for name in names if name.startswith('sslproto27/') and name.endswith('.py')
               and '/_' not in name.replace('/__init__.py', '/')} - {'sslproto27/__main__.py'}
    need = {name + 'i' for name in modules} | {
        'sslproto27/py.typed', 'twisted/plugins/sslproto27_endpoints.py'}
    require(need <= names, 'the wheel lacks %s' % sorted(need - names))
    require('twisted/plugins/__init__.py' not in names, "Twisted's folder is not ours")


def check_extras(wheel):
    """Check that each extra is either tried here or for developers only."""
    metadata, = [text for name, text in files_of(wheel).items() if name.endswith('/METADATA')]
    extras = set(re.findall(r'(?m)^Provides-Extra: (\S+)', metadata.decode('utf-8')))
    known = set(EXTRAS) - {''} | DEVELOPERS
    require(extras == known, 'not known here, or gone: %s' % sorted(extras ^ known))


def check_sdist(sdist):
    """Check that the sdist has the tests, the pages and the licence."""
    with tarfile.open(sdist) as file:
        names = {name.partition('/')[2] for name in file.getnames()}
    need = {'setup.py', 'LICENSE', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'Makefile',
            'docs/index.md', 'tests/conftest.py', 'examples/echo_server.py',
            'contrib/twisted/plugins/sslproto27_endpoints.py'}
    require(need <= names, 'the sdist lacks %s' % sorted(need - names))


# Interpreters

class Interpreter(object):
    """
    An interpreter to try the release on.

    Args:
        name (str): its name in the output.
        path (str): its program.
        libraries (str or None): a folder with libraries that the system lacks.
    """

    def __init__(self, name, path, libraries=None):
        self.name = name
        self.path = path
        self.variables = {'LD_LIBRARY_PATH': libraries} if libraries else {}
        self.version = tuple(map(int, run(
            [path, '-c', 'import sys; print("%d %d %d" % sys.version_info[:3])']).split()))
        self.is_2 = self.version < (3,)
        self.is_pypy = 'PyPy' in run(
            [path, '-c', 'import platform; print(platform.python_implementation())'])
        self.house = os.path.join(HOUSES, name.replace(' ', '-'))
        self.engines = ['graft', 'pair'] if self.is_2 else [None]
        self.pristine = self.house + '-environment'

    def environment(self, folder):
        """Copy the environment without packages; return the path of a program in the copy."""
        shutil.copytree(self.pristine, folder, symlinks=True)
        return lambda name: os.path.join(folder, 'bin', name)

    def make_environment(self, folder, *options):
        """Make an environment; on Python 2 with virtualenv and its options."""
        if not self.is_2:
            run([self.path, '-m', 'venv', folder])
            return
        with open(os.path.join(CACHE, 'python27')) as file:
            python27 = file.read().strip()
        run([python27, '-m', 'virtualenv', '-q', '--no-periodic-update', '-p', self.path]
            + list(options) + [folder],
            PYTHONPATH=os.path.join(CACHE, 'virtualenv'),
            VIRTUALENV_OVERRIDE_APP_DATA=os.path.join(CACHE, 'virtualenv-data'),
            **self.variables)

    def extras(self):
        """Return the extras that this interpreter can use."""
        return [one for one in EXTRAS if one not in self.lacks()]

    def lacks(self):
        """Return a dict from extra to the reason why this interpreter cannot use it."""
        lacks = {}
        if self.version >= (3, 10):
            lacks['tornado'] = 'no Tornado that sslproto27 knows can be imported'
        if self.is_pypy:
            lacks['pyopenssl'] = 'its cryptography cannot be built for PyPy 2.7'
            if not shutil.which('cc'):
                lacks['twisted'] = 'Twisted has no wheel for PyPy 2.7, and there is no C compiler'
        return lacks

    def tools(self):
        """Return the packages that the trials need besides ours."""
        tools = ['setuptools<45', 'wheel<0.38', 'pytest<5'] if self.is_2 else [
            'setuptools', 'wheel', 'pytest']
        return tools + ([] if self.is_pypy else ['trustme<1' if self.is_2 else 'trustme'])

    def fill_house(self, wheel):
        """Get wheels of everything to be installed later, and make an environment to copy."""
        shutil.rmtree(self.pristine, ignore_errors=True)
        os.makedirs(self.house, exist_ok=True)
        self.make_environment(self.pristine)
        with tempfile.TemporaryDirectory() as folder:
            python = self.environment(os.path.join(folder, 'env'))('python')
            wheels = [python, '-m', 'pip', 'wheel', '-q', '--find-links', self.house,
                      named(wheel, self.extras())] + self.tools()
            try:
                run(wheels + ['--no-index', '-w', folder], **self.variables)
                return  # an earlier run has downloaded everything
            except Failed:
                pass  # download it now
            # The tools that build wheels.
            fetch([python] + PIP_INSTALL + (
                ['wheel<0.38', 'incremental<22'] if self.is_2 else ['wheel']), **self.variables)
            fetch(wheels + ['-w', self.house], **self.variables)
        for copy in glob.glob(os.path.join(self.house, 'sslproto27-*')):
            os.remove(copy)

    def install(self, python, *what):
        """Install from the local folder only."""
        run([python] + PIP_INSTALL + ['--no-index', '--find-links', self.house]
            + list(what), **self.variables)


def named(file, extras):
    """Return pip's name for a file with extras."""
    extras = [one for one in extras if one]
    return file + ('[%s]' % ','.join(extras) if extras else '')


def interpreters(total):
    """Return the interpreters that are here; print which are missing."""
    found = {}
    pypy = os.path.join(INTERPRETERS, 'bin', 'pypy')
    if os.path.exists(pypy):
        found['PyPy'] = Interpreter('PyPy', pypy, os.path.join(INTERPRETERS, 'bullseye', 'lib'))
    else:
        total.left_out('PyPy', '`make test-all` fetches it')
    chosen = {name: value for name, value in os.environ.items() if name == 'PYTHON27'}
    for wanted in '2.7', 'oldest3', 'newest3':
        try:
            path = run([os.path.join(CHECKOUT, 'tools', 'find-python'), wanted], **chosen).strip()
        except Failed as failed:
            total.left_out(wanted, str(failed).split('\n')[0])
            continue
        name = run([path, '-c', 'import platform; print(platform.python_version())']).strip()
        if name in found:
            total.left_out(wanted, 'it is %s, too' % name)
        else:
            found[name] = Interpreter('Python ' + name, path)
    return list(found.values())


# Trials

def info(program, version, yes, **variables):
    """Check that `sslproto27 info` runs, shows the version, and says yes to what it should."""
    shown = dict(re.findall(r'(?m)^(\S+(?: \S+)*?)  +(.*)$', run([program, 'info'], **variables)))
    require(version == shown['sslproto27'], 'info shows %s' % shown['sslproto27'])
    left = {name: shown.get(name) for name in yes if shown.get(name) != 'yes'}
    require(not left, 'info says %s' % left)
    if 'SSLPROTO27_ENGINE' in variables:
        pair = 'a pair of sockets' in shown['engine']
        require(pair == (variables['SSLPROTO27_ENGINE'] == 'pair'),
                'info shows the engine: %s' % shown['engine'])


def engine_variables(engine):
    """Return the environment variables that choose an engine."""
    return {'SSLPROTO27_ENGINE': engine} if engine else {}


def try_extra(total, one, wheel, version, extra):
    """Install the wheel with one extra in a fresh environment."""
    title = '%s, wheel%s' % (one.name, '[%s]' % extra if extra else '')
    with tempfile.TemporaryDirectory() as folder:
        place = one.environment(os.path.join(folder, 'env'))
        with total.step('%s: pip install, pip check' % title, needed=True):
            one.install(place('python'), named(wheel, [extra]))
            run([place('python'), '-m', 'pip', 'check'], **one.variables)
        yes = EXTRAS[extra][0] + (EXTRAS[extra][1] if one.is_2 else [])
        for engine in one.engines:
            variables = dict(one.variables, **engine_variables(engine))
            after = ', ' + engine if engine else ''
            with total.step('%s%s: sslproto27 info' % (title, after)):
                info(place('sslproto27'), version, yes, **variables)
            if extra in PROGRAMS:
                program, expected = PROGRAMS[extra]
                with total.step('%s%s: %s' % (title, after, expected)):
                    printed = run([place('python'), '-c', program], **variables).strip()
                    require(printed.endswith(expected), printed)


def try_all(total, one, wheel, sdist, pki_python):
    """Install the sdist with all extras; run the demonstration and the examples."""
    title = '%s, sdist with all extras' % one.name
    with tempfile.TemporaryDirectory() as folder:
        place = one.environment(os.path.join(folder, 'env'))
        with total.step('%s: pip install, pip check' % title, needed=True):
            one.install(place('python'), *one.tools())
            one.install(place('python'), named(sdist, one.extras()))
            run([place('python'), '-m', 'pip', 'check'], **one.variables)
        with total.step('%s: it gives the same wheel' % title):
            run([place('python'), '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-index',
                 '--find-links', one.house, '-w', folder, sdist], **one.variables)
            check_same(wheel, *glob.glob(os.path.join(folder, '*.whl')))
        unpack(sdist, folder)
        can_demonstrate = one.is_2 and not one.is_pypy
        if not can_demonstrate:
            total.left_out(title + ': sslproto27 demo', 'there is no %s for it' % (
                'trustme' if one.is_2 else 'Trollius'))
        for engine in one.engines:
            variables = dict(one.variables, **engine_variables(engine))
            after = ', ' + engine if engine else ''
            if can_demonstrate:
                with total.step('%s%s: sslproto27 demo' % (title, after)):
                    printed = run([place('sslproto27'), 'demo'], **variables)
                    require('Verification: OK' in printed, printed)
            with total.step('%s%s: the examples' % (title, after)):
                run([place('python'), '-m', 'pytest', '-q', '-rs', '-p', 'no:cacheprovider',
                     '--rootdir', folder, os.path.join(folder, 'tests/project/test_examples.py'),
                     os.path.join(folder, 'tests/cli/test_main.py')],
                    PYTHONPATH=folder, SSLPROTO27_PKI_PYTHON=pki_python, **variables)


def unpack(sdist, folder):
    """Unpack the parts of the sdist that the examples' tests need, without the package."""
    with tarfile.open(sdist) as file:
        for member in file.getmembers():
            name = member.name.partition('/')[2]
            if member.isfile() and name.split('/')[0] in UNPACKED:
                path = os.path.join(folder, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, 'wb') as target:
                    shutil.copyfileobj(file.extractfile(member), target)


def try_old_tools(total, one, wheel, version, pip, setuptools):
    """Download and install the wheel by an old pip, then by easy_install."""
    title = '%s, pip %s, setuptools %s' % (one.name, pip, setuptools)
    house = os.path.join(HOUSES, 'old')
    lacks = TOO_NEW.get(pip, {})
    for extra, reason in lacks.items():
        total.left_out('%s, wheel[%s]' % (title, extra), reason)
    wanted = named('sslproto27', [extra for extra in one.extras() if extra not in lacks])
    with tempfile.TemporaryDirectory() as folder:
        def environment(name):
            path = os.path.join(folder, name)
            one.make_environment(path, '--no-seed')
            run([os.path.join(path, 'bin', 'python'), os.path.join(
                house, 'pip-%s-py2.py3-none-any.whl' % pip, 'pip')] + PIP_INSTALL[2:] + [
                    '--no-index', '--find-links', house, 'pip==' + pip,
                    'setuptools==' + setuptools])
            return lambda program: os.path.join(path, 'bin', program)

        place = environment('pip')
        downloads = os.path.join(folder, 'downloads')
        with total.step('%s: pip download of the wheel with its extras' % title, needed=True):
            run([place('python'), '-m', 'pip', 'download', '-q', '--no-index', '-d', downloads,
                 '--find-links', one.house, '--find-links', os.path.dirname(wheel), wanted])
            require(os.path.basename(wheel) in os.listdir(downloads), 'it took something else')
        with total.step('%s: pip install of that, sslproto27 info' % title):
            run([place('python')] + PIP_INSTALL
                + ['--no-index', '--find-links', downloads, wanted])
            info(place('sslproto27'), version,
                 [name for always, on_2 in EXTRAS.values() for name in always + on_2])
        place = environment('easy')
        with total.step('%s: easy_install, sslproto27 info' % title):
            run([place('easy_install'), '-q', '--allow-hosts', 'None', '--find-links',
                 ' '.join([os.path.dirname(wheel), house]), 'sslproto27'])
            info(place('sslproto27'), version, EXTRAS[''][0])


def fetch_old_tools():
    """Download old pips and setuptools, and a six that old setuptools can install."""
    folder = os.path.join(HOUSES, 'old')
    wanted = [('six', 'six', ['--no-binary', 'six'])] + [
        ('%s-%s-' % (name, version), '%s==%s' % (name, version), [])
        for versions in OLD_TOOLS for name, version in zip(('pip', 'setuptools'), versions)]
    for beginning, requirement, options in wanted:
        if not glob.glob(os.path.join(folder, beginning + '*')):
            fetch([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', folder,
                   requirement] + options)


def try_interpreter(total, one, wheel, sdist, version, pki_python):
    """Run all trials on one interpreter."""
    with total.step('%s: download what it needs' % one.name, needed=True):
        one.fill_house(wheel)
    for extra, reason in one.lacks().items():
        total.left_out('%s, wheel[%s]' % (one.name, extra), reason)
    for extra in one.extras():
        total.attempt(try_extra, one, wheel, version, extra)
    total.attempt(try_all, one, wheel, sdist, pki_python)
    if one.is_2 and not one.is_pypy:
        for versions in OLD_TOOLS:
            total.attempt(try_old_tools, one, wheel, version, *versions)


def main():
    total = Total()
    wheel, = glob.glob(os.path.join(CHECKOUT, 'dist', '*.whl'))
    sdist, = glob.glob(os.path.join(CHECKOUT, 'dist', '*.tar.gz'))
    version = os.path.basename(wheel).split('-')[1]
    with total.step('the wheel has type stubs, and the plugin for Twisted'):
        check_wheel(wheel)
    with total.step('every extra is tried, or is for developers'):
        check_extras(wheel)
    with total.step('the sdist has tests, pages and licence'):
        check_sdist(sdist)
    with total.step('download old pips and setuptools'):
        fetch_old_tools()
    pki_python = os.path.join(CHECKOUT, '.venv27', 'bin', 'python')
    found = interpreters(total)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(total.attempt, try_interpreter, one, wheel, sdist, version,
                                   pki_python) for one in found]:
            future.result()
    print('%d passed, %d failed' % (total.passed, total.failed))
    return 1 if total.failed else 0


if __name__ == '__main__':
    sys.exit(main())
