"""What ``run`` does to the frameworks that a program imports."""
from __future__ import absolute_import, division, print_function

import os
import shutil
import ssl
import zipfile

import pytest

from tests.support.commands import INSTALLED, run, starts_programs
from tests.support.memory import only_python2
from tests.support.programs import environment, finish

pytestmark = starts_programs


#: What a program imports of each framework to be patched.
TELLING = {'tornado': 'tornado.iostream', 'trollius': 'trollius', 'urllib3': 'urllib3',
           'twisted': 'twisted.internet.reactor'}


@only_python2
class TestPatches(object):
    """What a program imports is patched, and nothing else."""

    @pytest.mark.parametrize('options', [[], ['--urllib3']])
    def test_urllib3(self, program, options):
        """urllib3 is patched where it is imported, or named."""
        pytest.importorskip('urllib3', reason='urllib3 is what is patched')
        path = program('import urllib3.util.ssl_\n'
                       'print(urllib3.util.ssl_.SSLTransport.__module__)\n')
        status, stdout, stderr = run(*options + [path])
        assert (0, 'sslproto27.urllib3\n') == (status, stdout), stderr

    @pytest.mark.parametrize('options, patched', [([], True), (['--trollius'], True),
                                                  (['--urllib3'], False)])
    def test_trollius(self, program, options, patched):
        """Loops are ours unless other frameworks are named."""
        pytest.importorskip('urllib3', reason='urllib3 is what is named')
        path = program('import trollius\n'
                       'print(type(trollius.get_event_loop_policy()).__module__)\n')
        status, stdout, stderr = run(*options + [path])
        assert (0, patched) == (status, stdout.startswith('sslproto27.')), stderr

    @pytest.mark.parametrize('options, modules', [
        ([], ['ssl']), (['--sockets'], ['sslproto27.sockets']),
        (['--sockets', '--urllib3'], ['sslproto27.sockets']), (['--urllib3'], ['ssl'])])
    def test_sockets(self, program, options, modules):
        """ssl makes our sockets if it is told to, for whoever imports its function by name, too."""
        pytest.importorskip('urllib3', reason='urllib3 is what is named')
        path = program('from ssl import SSLSocket, wrap_socket\nimport socket\n'
                       'made = wrap_socket(socket.socket())\n'
                       'print(type(made).__module__, isinstance(made, SSLSocket))\n')
        assert (0, "('%s', True)\n" % modules[0], '') == run(*options + [path])

    @pytest.mark.parametrize('options, expected', [
        (['--sockets'], 'False'), (['--sockets', '--lenient-eof'], 'True'),
        (['--lenient-eof', '--trollius', '--sockets'], 'True')])
    def test_lenient_sockets(self, program, options, expected):
        """--lenient-eof is for sockets, too."""
        pytest.importorskip('trollius', reason='Trollius is what is named')
        path = program('import socket, ssl\n'
                       'print(ssl.wrap_socket(socket.socket()).suppress_ragged_eofs)\n')
        assert (0, expected + '\n', '') == run(*options + [path])

    @pytest.mark.parametrize('framework, question, strict, lenient', [
        ('trollius', 'trollius.get_event_loop_policy().suppress_ragged_eofs', 'False', 'True'),
        ('tornado', '__import__("sslproto27.tornado._install").tornado._install._settings'
                    '["suppress_ragged_eofs"]', 'False', 'True'),
        ('twisted', '__import__("sslproto27.twisted").twisted._install.installed', '{}',
         "{'suppressRaggedEofs': True}"),
        ('urllib3', '__import__("sslproto27.urllib3").urllib3._suppress["urllib3"]', 'False',
         'True')])
    @pytest.mark.parametrize('is_named', [True, False])
    def test_lenient(self, program, framework, question, strict, lenient, is_named):
        """--lenient-eof reaches each framework, named or only imported."""
        pytest.importorskip(framework, reason='it is what is patched')
        path = program('import %s\nprint(%s)\n' % (TELLING[framework], question))
        named = ['--' + framework] if is_named else []
        # On stderr may be warnings of what the framework imports: cryptography's, by Twisted.
        assert (0, strict + '\n') == run(*named + [path])[:2]
        assert (0, lenient + '\n') == run('--lenient-eof', *named + [path])[:2]

    @pytest.mark.parametrize('options', [[], ['--twisted']])
    def test_twisted(self, program, options):
        """Twisted is patched where it is imported, or named."""
        pytest.importorskip('twisted', reason='Twisted is what is patched')
        path = program('from twisted.internet import reactor, tcp\n'
                       'print(tcp.Connection.startTLS.__module__)\n')
        assert (0, 'sslproto27.twisted._install\n') == run(*options + [path])[:2]

    def test_not_imported(self, program):
        """What the program does not import is not imported for it."""
        path = program('import sys\nprint("trollius" in sys.modules)\n')
        assert (0, 'False\n', '') == run(path)

    @pytest.mark.parametrize('statement', [
        'import twisted', 'import twisted.web', 'import twisted.internet.defer', 'import tornado',
        'from tornado import version', 'import tornado.gen'])
    def test_nothing_more_is_imported(self, program, statement):
        """A part of a framework that does no TLS brings no other part, and no warning of those."""
        pytest.importorskip(statement.split()[1].partition('.')[0], reason='it is imported')
        path = program('''
import sys
%s
print(sorted(name for name, module in sys.modules.items() if module and name.partition('.')[0] in
             ('twisted', 'tornado', 'OpenSSL', 'cryptography')))
''' % statement)
        expected = finish([path])
        assert 0 == expected[0]
        assert expected == run(path)

    @pytest.mark.parametrize('statement', [
        'from twisted.internet import reactor', 'import twisted.web.client',
        'import twisted.internet.posixbase', 'import twisted.internet.epollreactor',
        'import twisted.protocols.amp, twisted.internet.ssl\nfrom twisted.internet import reactor',
        'try:\n    import twisted.internet.nothing\nexcept ImportError:\n    pass\n'
        'import twisted.internet.reactor',
        'import tornado.iostream', 'import tornado.web', 'from tornado import tcpserver, gen',
        'import tornado.websocket'])
    def test_patched_with_its_part(self, program, statement):
        """Whichever part the program begins with, the framework is patched once that does TLS."""
        framework = 'twisted' if 'twisted' in statement else 'tornado'
        pytest.importorskip(framework, reason='it is what is patched')
        question = {'twisted': 'twisted.internet.tcp.Connection.startTLS',
                    'tornado': 'tornado.iostream.IOStream.start_tls'}[framework]
        path = program('%s\nimport %s\nprint(%s.__module__)\n' % (
            statement, question.rpartition('.')[0].rpartition('.')[0], question))
        status, stdout, stderr = run(path)
        assert (0, 'sslproto27.%s._install\n' % framework) == (status, stdout), stderr

    def test_import_that_fails_late(self, program, tmpdir):
        """If the program goes on without a part whose import failed, the rest is not forgotten."""
        package = tmpdir.mkdir('tornado')
        package.join('__init__.py').write('version = "1.0"\n')
        package.join('iostream.py').write('')
        package.join('broken.py').write('import tornado.iostream\nraise ImportError("broken")\n')
        path = program('try:\n    import tornado.broken\nexcept ImportError as error:\n'
                       '    print(error)\nimport uuid\nprint(tornado.version)\n'
                       .replace('try:', 'import tornado\ntry:'))
        status, stdout, stderr = run(path)
        assert (0, 'broken\n1.0\n', 1) == (status, stdout, stderr.count('\n'))
        assert stderr.startswith('sslproto27: tornado is not patched: ')

    @pytest.mark.parametrize('text', [
        'from tornado import nothing', 'import tornado.nothing', 'import tornado.broken',
        'import tornado.relative'])
    def test_import_of_a_part_that_fails(self, program, tmpdir, text):
        """What a framework lacks is python's to tell of, without a frame of ours."""
        package = tmpdir.mkdir('tornado')
        package.join('__init__.py').write('')
        package.join('broken.py').write('raise RuntimeError("no")\n')
        package.join('relative.py').write('import json\nprint(json.__name__)\n')
        path = program(text + '\n')
        assert finish([path]) == run(path)

    def test_import_that_fails_once(self, program, tmpdir):
        """A package whose import fails is patched when it does not, and the error is its own."""
        tmpdir.mkdir('trollius').join('__init__.py').write('raise ImportError("not yet")\n')
        path = program('try:\n    import trollius\n'
                       'except ImportError as error:\n    print(error)\n')
        assert (0, 'not yet\n', '') == run(path)

    @pytest.mark.parametrize('framework', ['tornado', 'trollius'])
    def test_traceback_of_a_framework(self, program, tmpdir, framework):
        """If a framework fails to be imported, its traceback has no frame of ours."""
        tmpdir.mkdir(framework).join('__init__.py').write('raise RuntimeError("no")\n')
        path = program('import %s\n' % framework)
        assert finish([path]) == run(path)

    @pytest.mark.parametrize('name, form', [
        ('six', 'script'), ('argparse', 'module'), ('ctypes', 'folder'), ('six', 'zip'),
        ('ssl', 'link'), ('time', 'script')])
    def test_own_modules(self, program, tmpdir, name, form):
        """A module beside the program is imported where python does so, though we have another."""
        program('', name + '.py')
        path = program('import %s\nprint(hasattr(%s, "__file__") and %s.__file__)\n'
                       % (name, name, name), '__main__.py')
        link = tmpdir.mkdir('other').join('link.py')
        link.mksymlinkto(path)
        archive = str(tmpdir.join('archive.zip'))
        with zipfile.ZipFile(archive, 'w') as file:
            for one in ('__main__.py', name + '.py'):
                file.write(str(tmpdir.join(one)), one)
        start = {'script': [path], 'module': ['-m', '__main__'], 'folder': [str(tmpdir)],
                 'zip': [archive], 'link': [str(link)]}[form]
        assert finish(start, cwd=str(tmpdir)) == finish(INSTALLED + start, cwd=str(tmpdir))

    @pytest.mark.parametrize('options', [[], ['--urllib3']], ids=str)
    def test_vendored_modules(self, program, tmpdir, options):
        """A six in a folder that the program puts first is the program's, for `six.moves`, too."""
        pytest.importorskip('urllib3', reason='urllib3 is what is patched')
        vendored = tmpdir.mkdir('vendor').join('six.py')
        vendored.write('import sys\nmoves = sys.modules["six.moves"] = sys\n')
        path = program('import sys\nsys.path.insert(0, %r)\nimport six, six.moves as moves\n'
                       'print(six.__file__.rstrip("c"), moves is sys)\n'
                       'import urllib3.util.ssl_\n'
                       'print(urllib3.util.ssl_.SSLTransport.__module__)\n' % vendored.dirname)
        status, stdout, stderr = run(*options + [path])
        assert (0, "('%s', True)\nsslproto27.urllib3\n" % vendored) == (status, stdout), stderr

    def test_same_modules(self, program, tmpdir):
        """A program in the folder from which ours come has the same ones: ssl is patched."""
        shutil.copy(ssl.__file__.rstrip('co'), str(tmpdir.join('ssl.py')))
        path = program('import ssl\nprint(hasattr(ssl, "MemoryBIO"),'
                       ' ssl.__file__.replace(".pyc", ".py"))\n')
        env = environment()
        env['PYTHONPATH'] += os.pathsep + str(tmpdir)
        status, stdout, stderr = run(path, env=env)
        assert (0, "(True, '%s')\n" % tmpdir.join('ssl.py')) == (status, stdout), stderr

    def test_patched_beside_own_modules(self, program):
        """A framework is patched by modules of ours, though the program has others."""
        pytest.importorskip('urllib3', reason='urllib3 is what is patched')
        program('raise ValueError("of the program")\n', 'argparse.py')
        program('VALUE = 1\n', 'ctypes.py')
        path = program('import urllib3.util.ssl_, ctypes\n'
                       'print(urllib3.util.ssl_.SSLTransport.__module__, ctypes.VALUE)\n')
        assert (0, "('sslproto27.urllib3', 1)\n", '') == run(path)

    def test_that_cannot_be_patched(self, program, tmpdir):
        """A version that is not ours to patch is told of, and left as it is."""
        tmpdir.mkdir('urllib3').join('__init__.py').write('__version__ = "1.25.9"\n')
        path = program('import urllib3\nprint(urllib3.__version__)\n')
        status, stdout, stderr = run(path)
        assert (0, '1.25.9\n', 1) == (status, stdout, stderr.count('\n'))
        assert stderr.startswith('sslproto27: urllib3 is not patched: ')

    @pytest.mark.parametrize('failure', [
        'raise AttributeError("no SSLv3")', 'raise RuntimeError("no")', 'assert False, "no"',
        'import warnings; warnings.warn("no")'])
    def test_that_is_broken(self, program, tmpdir, failure):
        """A framework whose parts fail in any way is told of in one line; the program goes on."""
        tmpdir.mkdir('urllib3').join('__init__.py').write('__version__ = "1.26.5"\n')
        tmpdir.join('urllib3').mkdir('util').join('__init__.py').write(failure + '\n')
        path = program('import urllib3\nprint(urllib3.__version__)\n')
        status, stdout, stderr = run(path, env=dict(environment(), PYTHONWARNINGS='error'))
        assert (0, '1.26.5\n', 1) == (status, stdout, stderr.count('\n'))
        assert stderr.startswith('sslproto27: urllib3 is not patched: no')

    @pytest.mark.parametrize('how', [
        'import urllib3', 'try:\n    import urllib3\nexcept:\n    pass',
        'import threading\none = threading.Thread(target=__import__, args=["urllib3"])\n'
        'one.start()\none.join()'])
    def test_named_that_cannot_be_patched(self, program, tmpdir, how):
        """What is named and cannot be patched ends the program, whatever that would make of it."""
        tmpdir.mkdir('urllib3').join('__init__.py').write('__version__ = "1.25.9"\n')
        status, stdout, stderr = run('--urllib3', program('print("begun")\n%s\nprint(1)\n' % how))
        assert (1, 'begun\n', 1) == (status, stdout, stderr.count('\n'))
        assert stderr.startswith('sslproto27: urllib3 is not patched: ')

    @pytest.mark.parametrize('place', ['beside', 'vendor'])
    @pytest.mark.parametrize('framework', ['tornado', 'trollius', 'urllib3'])
    @pytest.mark.parametrize('is_named', [True, False])
    def test_own_copy(self, program, tmpdir, place, framework, is_named):
        """The copy that python would import is imported, and patched: beside it, or put first."""
        module = pytest.importorskip(framework, reason='it is what is copied')
        folder = tmpdir if place == 'beside' else tmpdir.mkdir('vendor')
        shutil.copytree(os.path.dirname(module.__file__), str(folder.join(framework)))
        question = {'tornado': 'tornado.iostream.IOStream.start_tls',
                    'trollius': 'trollius.get_event_loop_policy().__class__',
                    'urllib3': 'urllib3.util.ssl_.SSLTransport'}[framework]
        path = program('import sys\nif %r: sys.path.insert(0, %r)\nimport %s, %s\n'
                       'print(%s.__file__.rstrip("c"))\nprint(%s.__module__)\n' % (
                           place == 'vendor', str(folder), framework, TELLING[framework],
                           framework, question))
        named = ['--' + framework] if is_named else []
        status, stdout, stderr = run(*named + [path])
        place, patched = stdout.splitlines()
        assert (0, str(folder.join(framework, '__init__.py'))) == (status, place), stderr
        assert patched.startswith('sslproto27.')

    def test_imported_before(self, program, tmpdir):
        """A framework that the interpreter has imported before the program is patched."""
        pytest.importorskip('urllib3', reason='urllib3 is what is patched')
        hook = tmpdir.mkdir('site').join('sitecustomize.py')
        hook.write('import urllib3.util.ssl_\n')
        path = program('import sys\nprint("urllib3" in sys.modules)\n'
                       'print(sys.modules["urllib3.util.ssl_"].SSLTransport.__module__)\n')
        env = environment()
        env['PYTHONPATH'] = os.pathsep.join([hook.dirname, env['PYTHONPATH']])
        assert (0, 'True\nsslproto27.urllib3\n', '') == run('--urllib3', path, env=env)

    @pytest.mark.parametrize('options, said', [
        ([], ''), (['--tornado'], ''),
        (['--urllib3'], 'sslproto27: urllib3 is not patched: the program has imported it in a way'
                        ' of its own\n')])
    def test_imported_past_us(self, program, options, said):
        """If a program imports by itself what was named, a line says that it is not patched."""
        pytest.importorskip('tornado', reason='Tornado is what is named')
        path = program('import imp, sys\nsys.modules["urllib3"] = imp.new_module("urllib3")\n')
        assert (0, '', said) == run(*options + [path])
