"""Fetch two more Python 2.7s for `make test-all`, as unprivileged files.

Debian 11's python2.7 (OpenSSL 1.1.1) and pypy are unpacked, with the tests'
requirements, under .cache/interpreters (or $SSLPROTO27_CACHE/interpreters);
bin/python2.7-debian and bin/pypy there run them.  A complete cache is left
alone; anything else is rebuilt from scratch.
"""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(
    os.path.abspath(os.environ.get('SSLPROTO27_CACHE') or os.path.join(CHECKOUT, '.cache')),
    'interpreters')
ROOT = os.path.join(CACHE, 'bullseye')
COMPLETE = os.path.join(CACHE, 'complete')

SUITE = 'bullseye'
PACKAGES = ['python2.7', 'python2.7-minimal', 'libpython2.7-stdlib', 'libpython2.7-minimal',
            'pypy', 'pypy-lib', 'pypy-dev']
# Only those which the host does not have are used.
LIBRARIES = ['libssl1.1', 'libffi7', 'libreadline8', 'libtinfo6', 'libncursesw6', 'libbz2-1.0',
             'libdb5.3', 'libexpat1', 'libgdbm6', 'libsqlite3-0', 'zlib1g']
KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

# wrapper: (program, where its site module looks for packages), both in ROOT, extras of setup.py.
# Twisted has wheels for CPython alone; for PyPy it is built, with pypy-dev's headers.
INTERPRETERS = {
    'python2.7-debian': ('usr/bin/python2.7', 'usr/lib/python2.7/dist-packages',
                         'test,tornado,twisted,requests'),
    'pypy': ('usr/bin/pypy', 'usr/lib/pypy/dist-packages',
             'test,tornado,requests' + (',twisted' if shutil.which('cc') else '')),
}
# LD_LIBRARY_PATH holds only names the host lacks, so child processes can keep it.
WRAPPER = '''#!/bin/sh
root=$(cd "$(dirname "$0")/../bullseye" && pwd) || exit
LD_LIBRARY_PATH=$root/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} PYTHONNOUSERSITE=1 \\
    exec "$root/%s" "$@"
'''
PIP = 'pip==20.3.4'  # the last for Python 2.7
BUILD_TOOLS = ['setuptools<45', 'wheel<0.38', 'incremental<22']  # the last: to build Twisted


class Failed(Exception):
    """Says in one line what is missing."""


def run(command, **options):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, universal_newlines=True, **options)
    if result.returncode:
        raise Failed('%s\n%s failed' % (result.stdout.strip(), ' '.join(command)))
    return result.stdout


def archives():
    """Addresses in apt's own sources which may be those of Debian's main archive."""
    found = []
    for path in ['/etc/apt/sources.list'] + sorted(glob.glob('/etc/apt/sources.list.d/*')):
        if not os.path.isfile(path) or not path.endswith(('.list', '.sources')):
            continue
        with open(path, encoding='utf-8') as source:
            text = re.sub(r'(?m)^\s*#.*\n?', '', source.read())
        if path.endswith('.list'):
            entries = re.findall(r'(?m)^\s*deb\s+(?:\[.*?\]\s+)?(\S+)\s+\S+\s+(.*)$', text)
        else:
            stanzas = [dict(re.findall(r'(?m)^(\w+):[ \t]*(.*)$', stanza))
                       for stanza in re.split(r'\n\s*\n', text)]
            entries = [(fields.get('URIs', ''), fields.get('Components', ''))
                       for fields in stanzas]
        for addresses, components in entries:
            if 'main' in components.split():
                found += addresses.split()
    return list(dict.fromkeys(found))


def download(address, folder):
    """Let apt-get, as the system configured it, fetch the packages into the folder."""
    for name in ('lists/partial', 'cache/archives/partial'):
        os.makedirs(os.path.join(folder, name))
    signed = '[signed-by=%s] ' % KEYRING if os.path.exists(KEYRING) else ''
    with open(os.path.join(folder, 'sources.list'), 'w') as sources:
        sources.write('deb %s%s %s main\n' % (signed, address, SUITE))
    apt = ['apt-get', '-q']
    for option in ('Dir::Etc::sourcelist=%s/sources.list' % folder,
                   'Dir::Etc::sourceparts=-',
                   'Dir::State::lists=%s/lists' % folder,
                   'Dir::State::status=/dev/null',  # what is installed does not matter
                   'Dir::Cache=%s/cache' % folder,
                   'APT::Sandbox::User=root',  # the folder need not be open to others
                   'Acquire::Check-Valid-Until=false',  # the suite is no longer updated
                   'Acquire::Languages=none',
                   'Acquire::Retries=3'):
        apt += ['-o', option]
    run(apt + ['update'])
    run(apt + ['download'] + PACKAGES + LIBRARIES, cwd=folder)


def unpack(folder):
    """Unpack the packages into ROOT, their libraries that the host lacks into ROOT/lib."""
    spare = os.path.join(folder, 'spare')
    for package in glob.glob(os.path.join(folder, '*.deb')):
        library = os.path.basename(package).split('_')[0] in LIBRARIES
        run(['dpkg', '-x', package, spare if library else ROOT])
    os.makedirs(os.path.join(ROOT, 'lib'), exist_ok=True)
    offered = {os.path.basename(path): path
               for path in glob.glob(os.path.join(spare, '**', '*.so*'), recursive=True)}
    programs = [os.path.realpath(os.path.join(ROOT, program))
                for program, _, _ in INTERPRETERS.values()]
    modules = glob.glob(os.path.join(ROOT, 'usr', 'lib', '**', '*.so*'), recursive=True)
    # A library that is put in place may need another one.
    needy = programs + modules
    while needy:
        lacking = set(re.findall(r'(\S+) => not found', run(['ldd'] + needy))) & set(offered)
        needy = [shutil.copy(offered.pop(name), os.path.join(ROOT, 'lib', name))
                 for name in lacking]


def install(wrapper, packages, extras, pip):
    """Install what the tests need, as setup.py lists it, for one interpreter."""
    command = [wrapper, os.path.join(pip, 'pip'), 'install', '-q', '--no-compile',
               '--target', packages]
    run(command + BUILD_TOOLS)
    run(command + ['%s[%s]' % (CHECKOUT, extras)])
    # The tests are for the checkout, never for a copy of it.
    for copy in glob.glob(os.path.join(packages, 'sslproto27*')):
        shutil.rmtree(copy)
    for plugin in glob.glob(os.path.join(packages, 'twisted', 'plugins', 'sslproto27*')):
        os.remove(plugin)
    if not os.path.exists(os.path.join(packages, 'twisted', '__init__.py')):
        shutil.rmtree(os.path.join(packages, 'twisted'))


def build():
    for tool in ('apt-get', 'dpkg', 'ldd'):
        if not shutil.which(tool):
            raise Failed('%s is not here: Debian 11\'s interpreters cannot be fetched' % tool)
    work = os.path.join(CACHE, 'work')
    refusals = []
    for address in archives():
        shutil.rmtree(work, ignore_errors=True)
        try:
            download(address, work)
            break
        except Failed as refusal:
            refusals += re.findall('(?m)^E: .*', str(refusal))
    else:
        raise Failed('\n'.join(refusals + [
            'no archive in apt\'s sources offers %s with its python2.7 and pypy' % SUITE]))
    unpack(work)
    run([sys.executable, '-m', 'pip', 'download', '-q', '--no-deps', '-d', work, PIP])
    pip, = glob.glob(os.path.join(work, 'pip-*.whl'))
    os.makedirs(os.path.join(CACHE, 'bin'))
    for name, (program, packages, extras) in INTERPRETERS.items():
        wrapper = os.path.join(CACHE, 'bin', name)
        with open(wrapper, 'w') as script:
            script.write(WRAPPER % program)
        os.chmod(wrapper, 0o755)
        install(wrapper, os.path.join(ROOT, packages), extras, pip)
    shutil.rmtree(work)


def works(name):
    needed = 'import ctypes, hypothesis, pytest, ssl, trollius'
    command = [os.path.join(CACHE, 'bin', name), '-c', needed]
    return subprocess.call(command, stderr=subprocess.DEVNULL) == 0


def main():
    recipe = hashlib.sha256()
    for path in (__file__, os.path.join(CHECKOUT, 'setup.py')):
        with open(path, 'rb') as source:
            recipe.update(source.read())
    if os.path.exists(COMPLETE):
        with open(COMPLETE) as stamp:
            if stamp.read() == recipe.hexdigest() and all(map(works, INTERPRETERS)):
                return
    print('fetching Debian 11\'s python2.7 and pypy into %s' % os.path.relpath(CACHE))
    sys.stdout.flush()
    shutil.rmtree(CACHE, ignore_errors=True)
    build()
    broken = [name for name in INTERPRETERS if not works(name)]
    if broken:
        raise Failed('%s cannot run the tests here' % ' and '.join(broken))
    with open(COMPLETE, 'w') as stamp:
        stamp.write(recipe.hexdigest())


if __name__ == '__main__':
    try:
        main()
    except Failed as error:
        sys.exit('get_interpreters: %s' % error)
