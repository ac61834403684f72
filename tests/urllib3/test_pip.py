"""A pip and an ensurepip that do TLS over memory BIOs, against an index on loopback."""
from __future__ import absolute_import, division, print_function

import base64
import glob
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile

import pytest

from tests.support.https import Handler, Proxy, serving
from tests.support.memory import PY2, raised
from tests.support.pipe_pairs import PYPY
from tests.support.programs import ROOT

sys.path.insert(0, os.path.join(ROOT, 'contrib'))
import build_pip  # noqa: E402

pytestmark = pytest.mark.skipif(not PY2 or PYPY, reason='pip 20.3.4 is for CPython 2.7')

VIRTUALENV = os.path.join(ROOT, '.cache', 'virtualenv')

# A build backend in one module: its wheel is of one empty module.
BACKEND = '''
import zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = 'isolated-1.0-py2.py3-none-any.whl'
    info = 'isolated-1.0.dist-info/'
    with zipfile.ZipFile(directory + '/' + name, 'w') as wheel:
        wheel.writestr('isolated.py', '')
        wheel.writestr(info + 'METADATA',
                       'Metadata-Version: 2.1\\nName: isolated\\nVersion: 1.0\\n')
        wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\n'
                       'Tag: py2-none-any\\nTag: py3-none-any\\n')
        wheel.writestr(info + 'RECORD', '')
    return name
'''


def wheel(name, source):
    """Return a wheel (bytes) with one module."""
    info = '%s-1.0.dist-info/' % name
    texts = {
        name + '.py': source,
        info + 'METADATA': 'Metadata-Version: 2.1\nName: %s\nVersion: 1.0\n' % name,
        info + 'WHEEL': 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\n'
                        'Tag: py3-none-any\n',
    }
    files = {path: text.encode('ascii') for path, text in texts.items()}
    record = ['%s,sha256=%s,%d' % (path, base64.urlsafe_b64encode(
        hashlib.sha256(data).digest()).rstrip(b'=').decode('ascii'), len(data))
        for path, data in files.items()]
    files[info + 'RECORD'] = '\n'.join(record + [info + 'RECORD,,', '']).encode('ascii')
    target = io.BytesIO()
    with zipfile.ZipFile(target, 'w') as made:
        for path, data in sorted(files.items()):
            made.writestr(path, data)
    return target.getvalue()


def sdist():
    """Return a source distribution (bytes) that needs `BACKEND` to be built."""
    files = {
        'pyproject.toml': '[build-system]\nrequires = ["backend"]\nbuild-backend = "backend"\n',
        'PKG-INFO': 'Metadata-Version: 1.0\nName: isolated\nVersion: 1.0\n',
    }
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode='w:gz') as made:
        for path, text in files.items():
            entry = tarfile.TarInfo('isolated-1.0/' + path)
            entry.size = len(text)
            made.addfile(entry, io.BytesIO(text.encode('ascii')))
    return target.getvalue()


class Index(Handler):
    """A package index: PEP 503's pages, and the files."""

    FILES = {
        'simple-1.0-py2.py3-none-any.whl': wheel('simple', 'X = 1\n'),
        'backend-1.0-py2.py3-none-any.whl': wheel('backend', BACKEND),
        'isolated-1.0.tar.gz': sdist(),
    }

    def get_simple(self, name):
        """Send the page of a project."""
        links = ''.join('<a href="/files/%s">%s</a>' % (file, file) for file in sorted(self.FILES)
                        if file.startswith(name + '-'))
        self.answer(links, **{'Content-Type': 'text/html'})

    def get_files(self, name):
        """Send a file."""
        self.answer(self.FILES[name])


@pytest.fixture(scope='module')
def pip_wheel():
    """The wheel of pip 20.3.4, as virtualenv brings it."""
    found = glob.glob(os.path.join(VIRTUALENV, 'virtualenv', 'seed', 'wheels', 'embed',
                                   'pip-20.3.4-*.whl'))
    if not found:
        pytest.skip('virtualenv, which brings the wheel of pip, is not in %s' % VIRTUALENV)
    return found[0]


@pytest.fixture(scope='module')
def ensurepip():
    """The folder of this Python's ensurepip."""
    module = pytest.importorskip('ensurepip', reason='this Python has no ensurepip')
    folder = os.path.dirname(module.__file__)
    if not glob.glob(os.path.join(folder, '_bundled', 'setuptools-*.whl')):
        pytest.skip("this Python's ensurepip has no wheels of its own")
    return folder


def run(command, **environment):
    """Run a program, with no settings of pip but those given; return (status, output)."""
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith(('PIP_', 'PYTHON'))
             and not name.lower().endswith(('_proxy', '_ca_bundle'))}
    process = subprocess.Popen(
        command, env=dict(clean, PIP_CONFIG_FILE=os.devnull, PIP_NO_CACHE_DIR='1',
                          PIP_DISABLE_PIP_VERSION_CHECK='1', PIP_NO_PYTHON_VERSION_WARNING='1',
                          **environment),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output = process.communicate()[0]
    return process.returncode, output


@pytest.fixture(scope='module')
def python(tmpdir_factory, pip_wheel, ensurepip):
    """The Python of a bare virtual environment that our ensurepip has bootstrapped."""
    folder = tmpdir_factory.mktemp('pip')
    built = folder.join('built')  # the program makes it
    build_pip.main(pip_wheel, str(built), ensurepip)
    bare = folder.join('bare')
    status, output = run(
        [sys.executable, '-m', 'virtualenv', '-q', '--no-pip', '--no-setuptools', '--no-wheel',
         '--no-periodic-update', str(bare)],
        PYTHONPATH=VIRTUALENV, VIRTUALENV_OVERRIDE_APP_DATA=str(folder.join('data')))
    assert (0, '') == (status, output)
    python = str(bare.join('bin', 'python'))
    assert 1 == run([python, '-m', 'pip', '--version'])[0]
    # No proxy that exists, no index: nothing of this may need the network.
    status, output = run([python, '-m', 'ensurepip'], PYTHONPATH=str(built),
                         https_proxy='http://127.0.0.1:1', http_proxy='http://127.0.0.1:1')
    assert 0 == status, output
    return python


@pytest.fixture
def index(pki):
    """A package index for localhost."""
    with serving(Index, pki.server_context()) as made:
        yield made


def install(python, index, name, *options, **environment):
    """Install *name* from the index; return (status, output)."""
    return run([python, '-m', 'pip', 'install', '--force-reinstall', '--retries', '0', '-i',
                index.url('/simple/')] + list(options) + [name], **environment)


def test_version(python):
    """The bootstrapped pip says what it is, and has nothing of sslproto27 but what it needs."""
    status, output = run([python, '-m', 'pip', '--version'])
    assert (0, True) == (status, output.startswith('pip 20.3.4+sslproto27 '))
    status, output = run([python, '-c', '''
import pip._internal, sys
from pip._vendor.urllib3.util import ssl_
print(ssl_.SSLTransport.__module__)
print(sorted({name.split('.')[0] for name in sys.modules} & {'sslproto27', 'urllib3', 'requests'}))
'''])
    assert (0, 'pip._vendor.sslproto27.urllib3\n[]\n') == (status, output)


def test_check(python):
    """Every file of it is in RECORD, with its hash."""
    status, output = run([python, '-c', '''
import base64, csv, hashlib, os, pkg_resources
found = pkg_resources.get_distribution('pip')
for path, digest, size in csv.reader(found.get_metadata_lines('RECORD')):
    if digest and not path.startswith('..'):
        data = open(os.path.join(found.location, path), 'rb').read()
        own = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=')
        assert (digest, int(size)) == ('sha256=' + own, len(data)), path
'''])
    assert (0, '') == (status, output)


def test_install(python, index, pki):
    """A package is installed from an index whose authority is given by --cert."""
    status, output = install(python, index, 'simple', '--cert', pki.path('ca'))
    assert 0 == status, output
    assert ['/simple/simple/', '/files/simple-1.0-py2.py3-none-any.whl'] == index.requests
    assert (0, '1\n') == run([python, '-c', 'import simple; print(simple.X)'])


def test_unknown_authority(python, index):
    """An index that is not trusted is not asked for anything."""
    status, output = install(python, index, 'simple')
    assert (1, True) == (status, 'CERTIFICATE_VERIFY_FAILED' in output)
    assert [] == index.requests


@pytest.mark.parametrize('scheme', ['http', 'https'])
def test_proxy(python, index, pki, scheme):
    """It works through a proxy; with an HTTPS proxy that is TLS in TLS, which pip 20.3.4 lacks."""
    with serving(Proxy, pki.server_context() if scheme == 'https' else None) as proxy:
        status, output = install(python, index, 'simple', '--cert', pki.path('ca'),
                                 '--proxy', proxy.url())
        assert 0 == status, output
        assert {'localhost:%d' % index.server_port} == set(proxy.requests)


def test_build_isolation(python, index, pki):
    """The pip that pip runs to fetch what a build needs does TLS in TLS as well."""
    with serving(Proxy, pki.server_context()) as proxy:
        status, output = install(python, index, 'isolated', PIP_CERT=pki.path('ca'),
                                 PIP_PROXY=proxy.url())
        assert 0 == status, output
        assert '/files/backend-1.0-py2.py3-none-any.whl' in index.requests
        assert 2 <= len(proxy.requests)
    assert 0 == run([python, '-c', 'import isolated'])[0]


def test_stock_pip(python, index, pki, pip_wheel):
    """The pip that it was made of cannot do HTTPS through an HTTPS proxy on Python 2."""
    with serving(Proxy, pki.server_context()) as proxy:
        status, output = run([
            python, os.path.join(pip_wheel, 'pip'), 'download', '--no-deps', '--retries', '0', '-i',
            index.url('/simple/'), '--cert', pki.path('ca'), '--proxy', proxy.url(), 'simple'])
        assert (True, []) == (status != 0, index.requests), output


def test_same_bytes(tmpdir, pip_wheel):
    """The wheel is the same each time."""
    folders = [tmpdir.mkdir(name) for name in ('one', 'other')]
    wheels = [build_pip.build_wheel(pip_wheel, str(folder)) for folder in folders]
    contents = [open(path, 'rb').read() for path in wheels]
    assert contents[0] == contents[1]


def test_other_wheels(tmpdir):
    """A wheel of anything else is refused."""
    path = tmpdir.join('simple-1.0-py2.py3-none-any.whl')
    path.write_binary(Index.FILES['simple-1.0-py2.py3-none-any.whl'])
    assert ValueError is type(raised(build_pip.build_wheel, str(path), str(tmpdir)))
