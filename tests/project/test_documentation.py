"""
The code of the README and of the pages in docs runs as it is written.

Whoever adds a block says here what it prints, and with what servers.
"""
from __future__ import absolute_import, division, print_function

import contextlib
import os
import platform
import re
import sys

import pytest

import sslproto27
from tests.support.documents import Folder, blocks, is_like, pages, targets
from tests.support.engines import only_graft
from tests.support.https import serving
from tests.support.memory import PY2, only_python2, since_python3
from tests.support.pipe_pairs import PYPY
from tests.support.programs import ROOT

BLOCKS = blocks()

#: What a console has as the first line if it cannot be run, and why it cannot.
NOT_RUN = '# not run by the tests: '

#: Languages of what nobody runs: figures and drawings, and Sphinx' own.
NO_CODE = {'', 'text', '{toctree}', '{eval-rst}', '{include} ../SECURITY.md',
           '{include} ../README.md'}

REASONS = {
    'trollius': 'Trollius is for Python 2.7',
    'tornado': 'Tornado 5.1 is not installed: it can be on Python 2.7 and 3.5 to 3.9',
    'twisted.web': 'Twisted is not installed',
    'requests': 'requests is not installed',
    'OpenSSL': 'pyOpenSSL is not installed',
    'trustme': 'trustme, which makes the certificate, is not installed',
    'autobahn': 'autobahn is installed for CPython 2.7 alone',
    'gevent': 'gevent is installed for CPython 2.7 alone',
}

ECHO = 'quickstart.md: A server'
TWISTED_SERVER = 'twisted.md: A server'


class Python(object):
    """
    What is to be known of a block to run it.

    Args:
        expected (str): all that it prints.
        servers (dict): by a port that the block has: 'https', maybe with a certificate's name,
            an example, or a block that serves.
        after (str): a block that comes before it in the same program.
        first, then (str): code before and after it.
        needs (tuple of str): modules.
        files (dict): by the name that it has for a file, the test certificate, where they differ.
        mark: when to skip it.
    """

    def __init__(self, expected='', servers=None, after=None, first='', then='', needs=(),
                 files=None, mark=None):
        self.expected, self.servers, self.after = expected, servers or {}, after
        self.first, self.then, self.needs = first, then, needs
        self.files, self.mark = files or {}, mark


def pep543(expected, after='pep543.md: Without sockets', **kwargs):
    """Return the `Python` for a block of PEP 543's page, which may come after its long one."""
    if after:
        expected = 'TLSv1_3, hello\n' + expected
    return Python(expected, after=after, files={'client': 'encrypted'}, **kwargs)


GET = "print(%s.get('https://localhost:8443/', verify='ca.pem').text)\n"
TORNADO = 'from tornado import tcpserver\n'
RUN_TWISTED = '''
def stop(result):
    print(result)
    reactor.stop()
reactor.callWhenRunning(lambda: main().addBoth(stop))
reactor.run()
'''
IS_OURS = "print(tcpserver.TCPServer._handle_connection.__module__.startswith('sslproto27'))\n"
SERVER = '''
import ssl, sslproto27
from sslproto27 import context
server = sslproto27.create_default_context(ssl.Purpose.CLIENT_AUTH)
'''
SHAKE_HANDS = '''
server = sslproto27.SSLPipe(server, server_side=True)
client = sslproto27.SSLPipe(client, server_hostname='localhost')
server.do_handshake()
client.do_handshake()
for _ in range(3):
    server.feed_ssldata(client.data_to_send())
    client.feed_ssldata(server.data_to_send())
print(client.state + ' ' + server.state)
'''

#: requests through an HTTPS proxy.
PROXIED = Python('hello\n', {'8443': 'https', '8080': 'https_proxy.py'}, needs=['requests'],
                 mark=only_python2)

PYTHON = {
    'README.md: sslproto27': Python(
        'Hello, TLS\n', {'8443': 'trollius.md: A Trollius server'}, needs=['trollius']),
    'README.md: TLS with no connection at all': Python(
        'True\n', then='print(hello[:1] == b"\\x16")\n'),
    'README.md: TLS with no connection at all (2)': Python(re.compile(r'[0-9]+ bytes to send\n$')),

    'index.md: sslproto27': Python('Hello, TLS\n', {'8443': ECHO}),

    'quickstart.md: A server': None,  # the others' server
    'quickstart.md: A client': Python('Hello, TLS\nTLSv1.3\n', {'8443': ECHO}),
    'quickstart.md: The same with a blocking socket': Python('Hello, socket\n', {'8443': ECHO}),
    'quickstart.md: With no connection': Python('Hello, memory\n'),

    'howto.md: STARTTLS on a loop': Python('TLSv1.3\n', {'2525': 'smtp_server.py'}),
    'howto.md: STARTTLS on a socket': Python('TLSv1.3\n', {'2525': 'smtp_server.py'}),
    "howto.md: Programs that use ssl's sockets": Python(
        'sslproto27.sockets, True\nhello\n', {'8443': 'https'}, mark=only_python2),
    'howto.md: TLS in TLS': Python(
        'Hello, inner TLS\n', {'8080': 'https_proxy.py', '8443': ECHO}),
    'howto.md: TLS in TLS (2)': Python(
        'Hello, inner socket\n', {'8080': 'https_proxy.py', '8443': ECHO}),
    'howto.md: Mutual TLS': Python('Hello, client.example.org\n'),

    'engine.md: Renegotiation': Python(
        'True\n', first=SERVER, then='print(bool(server.options & 0x100))\n'),
    'faq.md: Why do I see nothing in the log?': Python(
        'DEBUG\n', then="log = logging.getLogger('sslproto27')\n"
        'print(logging.getLevelName(log.getEffectiveLevel()))\n'),
    'faq.md: How do I turn verification off in a test?': Python(
        'True\n', then='print(sslproto27.SSLPipe(context).state == "PLAINTEXT")\n'),

    'applications.md: Jupyter notebook': Python(
        'True\n', needs=['tornado'], first=TORNADO + '''
class c(object):
    class NotebookApp(object):
        pass
''', then=IS_OURS),
    'applications.md: gunicorn': Python(
        'True\n', needs=['tornado'], first=TORNADO, then='post_fork(None, None)\n' + IS_OURS),
    'applications.md: autobahn': Python(
        'SSLTransport\n', {'8443': ECHO}, needs=['trollius', 'autobahn'], then='''
transport, _ = trollius.get_event_loop().run_until_complete(connect(u'localhost', 8443))
print(type(transport).__name__)
'''),
    'applications.md: trollius-redis': Python(
        'SSLTransport\n', {'6380': 'https_proxy.py'}, needs=['trollius'], then='''
transport, _ = loop.run_until_complete(loop.create_connection(
    trollius.Protocol, 'localhost', 6380))
print(type(transport).__name__)
'''),
    'applications.md: gevent and eventlet': Python(
        'hello\n', {'8443': 'https'}, needs=['requests', 'gevent'], then=GET % 'requests'),

    'operating.md: Several processes': Python(
        'a worker\na worker\n', needs=['tornado'], then='''
fork = process.fork_processes
def fork_and_stop(processes):
    fork(processes)
    ioloop.IOLoop.current().add_callback(ioloop.IOLoop.current().stop)
process.fork_processes = fork_and_stop
serve(web.Application(), 0, 2)
import os
os.write(1, b'a worker\\n')
'''),
    'pipe.md: A client on a socket': Python('Hello, pipe\nCLOSED, None\n', {'8443': ECHO}),

    'trollius.md: A program for Trollius and asyncio': Python(
        '8\n', {'8443': ECHO}, first='import sslproto27\n',
        then='''
context = sslproto27.create_default_context(cafile='ca.pem')
print(len(aio.run(ask(context, b'a line!\\n'))))
'''),
    'trollius.md: A Trollius server': None,  # that of the README's client
    'tornado.md: TLS on Tornado 4.5 to 5.1': Python(
        'True\n', needs=['tornado'], first=TORNADO, then='''
ioloop.IOLoop.current().add_callback(ioloop.IOLoop.current().stop)
serve(web.Application(), 0)
''' + IS_OURS),
    'tornado.md: STARTTLS, PROXY, TLS in TLS': Python(
        'TLSv1.3\n', {'2525': 'smtp_server.py'}, needs=['tornado'],
        then='from tornado import ioloop\nioloop.IOLoop.current().run_sync(upgrade)\n'),
    'twisted.md: A client': Python(
        "b'hello'\n" if sys.version_info[0] > 2 else 'hello\n', {'8443': 'https localhost'},
        needs=['twisted.web'], then=RUN_TWISTED),
    TWISTED_SERVER: None,  # see test_twisted_server
    'twisted.md: STARTTLS': Python(
        'TLSv1.3\n', {'2525': 'smtp_server.py'}, needs=['twisted.web'], then='''
from twisted.internet import endpoints, protocol
below = endpoints.TCP4ClientEndpoint(reactor, '127.0.0.1', 2525)
reactor.callWhenRunning(lambda: below.connect(protocol.Factory.forProtocol(Client)))
reactor.run()
'''),
    'requests.md: requests and urllib3': Python(
        'hello\n', {'8443': 'https'}, then=GET % 'requests', needs=['requests']),
    'requests.md: requests and urllib3 (2)': Python(
        'hello\n', {'8443': 'https'}, then=GET % 'session', needs=['requests']),
    'requests.md: Through a proxy': PROXIED,
    'requests.md: Through a proxy (2)': PROXIED,
    'pyopenssl.md: Coming from pyOpenSSL': Python(
        'True\n', then='print(hello[:1] == b"\\x16")\n', needs=['OpenSSL']),
    'pyopenssl.md: Coming from pyOpenSSL (2)': Python(
        'True\n', then='print(hello[:1] == b"\\x16")\n'),

    "migration.md: From Trollius' own TLS": Python(
        'True\n', needs=['trollius'], then='''
import trollius
print(isinstance(trollius.new_event_loop(), sslproto27.trollius.SelectorEventLoop))
'''),
    "migration.md: From Tornado's own TLS": Python(
        'True\n', needs=['tornado'], first=TORNADO, then=IS_OURS),
    'migration.md: To Python 3': Python('the hello is in outgoing\n'),

    'contexts.md: Contexts': Python(
        'True\n', then='''
print(ours.minimum_version == tls_context.get_minimum_version(theirs) == TLSVersion.TLSv1_3)
'''),
    'contexts.md: One session, many servers': Python(
        '80\n', then='print(len(server.session_ticket_keys[0]))\n', mark=only_python2),
    'contexts.md: Pre-shared keys': Python(
        'OPEN OPEN\n', first=SERVER + '''
client = sslproto27.create_default_context()
client.maximum_version = sslproto27.TLSVersion.TLSv1_2
server.set_ciphers('PSK')
key = b'sixteen secrets!'
keys = {u'sensor-7': key}
''', then=SHAKE_HANDS, mark=pytest.mark.skipif(
            not PY2 and sys.version_info < (3, 13), reason="in Python 3's ssl since 3.13")),

    'contexts.md: A context for each server name': Python(
        'True\n', first=SERVER, then='print(serve_all(server, server, server) is server)\n'),

    'pep543.md: A client': pep543('HELLO\n', None, servers={'8443': 'pep543.md: A server'}),
    'pep543.md: A server': None,  # that of the clients
    'pep543.md: Whom to trust': pep543('HELLO\n', None, servers={'8443': 'pep543.md: A server'}),
    'pep543.md: Without sockets': pep543('TLSv1_3, hello\n', None),
    'pep543.md: Mutual TLS': pep543('True\n'),
    'pep543.md: Protocols inside TLS: ALPN': pep543('NextProtocol.HTTP1\n'),
    'pep543.md: A server of many names: SNI': pep543('TLSv1_2\n'),
}

#: What the command `info` tells of other interpreters than the page's.
INFO = {}
if not PY2:
    INFO = {'memory BIOs grafted through ctypes': "the standard library's own memory BIOs"}
elif PYPY:
    INFO = {'CPython 2.7.18': 'PyPy 7.3 (Python 2.7.18)', 'through ctypes': 'through cffi'}

#: How a console's block is run: the arguments of `Folder.check_console`, and `Python`'s; *other*
#: are words that are others here.
CONSOLE = {
    'quickstart.md: Install (2)': dict(other=INFO),
    'quickstart.md: The same with a blocking socket (2)': dict(servers={'8443': ECHO}),
    'commandline.md: info': dict(other=INFO),
    'commandline.md: demo': dict(needs=['trollius', 'trustme']),
    'commandline.md: connect': dict(
        # trustme's intermediate certificates, on 2.7, do not say whose they are.
        servers={'443': 'https'}, extra=' --lenient', other={
            'Example Root, Example Inc': 'trustme v1, Testing CA #1',
            'Example Intermediate, Example Inc': 'trustme v1, Testing CA #2',
            '- example.org\n': '- trustme v1, Testing cert #3\n', ', www.example.org': ''}),
    'commandline.md: serve': dict(lasting=True, extra=' --listen 127.0.0.1:0', needs=['trustme']),
    'commandline.md: proxy': dict(lasting=True, extra=' --listen 127.0.0.1:0', needs=['trollius']),
    'applications.md: What `install()` does not reach': dict(
        lasting=True, extra=' --listen 127.0.0.1:0', needs=['trollius']),
    'commandline.md: bench': dict(
        extra=' --seconds 0.05', other={'CPython': platform.python_implementation()}),
}


@contextlib.contextmanager
def served(folder, pki, servers):
    """Run the servers that a block wants."""
    if not servers:
        yield
        return
    (port, what), rest = sorted(servers.items())[0], dict(sorted(servers.items())[1:])
    if what.split()[0] == 'https':
        context = pki.server_context(what.partition(' ')[2] or 'chain')
        context.set_alpn_protocols(['http/1.1'])
        with serving(context=context) as server:
            folder.ports[port] = str(server.server_port)
            with served(folder, pki, rest):
                yield
        return
    arguments = ['-c', BLOCKS[what].code.replace(port, '0').replace('example.org', 'localhost')
                 ] if what in BLOCKS else [os.path.join(ROOT, 'examples', what),
                                           pki.path('localhost'), '0']
    with folder.serving(port, arguments):
        with served(folder, pki, rest):
            yield


def cases(table):
    """Return the parameters of a test that runs the blocks of a table."""
    return [pytest.param(key, marks=[case.mark] if getattr(case, 'mark', None) else [])
            for key, case in sorted(table.items()) if case is not None]


def need(modules):
    """Skip a test where one of the modules is missing."""
    for name in modules:
        pytest.importorskip(name, reason=REASONS[name])


@pytest.mark.parametrize('key', cases(PYTHON))
def test_python(pki, tmpdir, key):
    """A block of Python prints what it should, and nothing on standard error."""
    case = PYTHON[key]
    need(case.needs)
    folder = Folder(str(tmpdir), pki, case.files)
    code = case.first + (BLOCKS[case.after].code if case.after else '') + BLOCKS[key].code
    with served(folder, pki, case.servers):
        # Warnings of the libraries that a block uses are not its own.
        status, stdout, stderr = folder.run(code + case.then, '-W', 'ignore')
    assert (0, '') == (status, stderr)
    if hasattr(case.expected, 'match'):
        assert case.expected.match(stdout), stdout
    else:
        assert case.expected == stdout


def test_twisted_server(pki, tmpdir):
    """Twisted's server echoes to a client of another page."""
    need(['twisted.web'])
    folder, client = Folder(str(tmpdir), pki), 'pipe.md: A client on a socket'
    with served(folder, pki, {'8443': TWISTED_SERVER}):
        assert (0, PYTHON[client].expected, '') == folder.run(BLOCKS[client].code)


@pytest.mark.parametrize('key', ['pep543.md: Without sockets',
                                 'pep543.md: A server of many names: SNI'])
def test_other_backend(pki, tmpdir, key):
    """PEP 543's code names no library: with the other backend it prints the same."""
    need(['OpenSSL'])
    case, code = PYTHON[key], BLOCKS[key].code
    if case.after:
        code = BLOCKS[case.after].code + code
    code = code.replace('\n\n', '\nfrom sslproto27.pep543.pyopenssl import BACKEND\n\n', 1)
    folder = Folder(str(tmpdir), pki, case.files)
    assert (0, case.expected, '') == folder.run(code, '-W', 'ignore')


@pytest.mark.parametrize('key', [
    pytest.param(key, marks=([since_python3(13, 'the chain')] if 'connect' in key else [])
                 + ([only_graft] if 'connect' in key or 'bench' in key or case.get('other') is INFO
                    else []))
    for key, case in sorted(CONSOLE.items())])
def test_console(pki, tmpdir, key):
    """Commands end well, and print lines like those that are shown."""
    case = dict(CONSOLE[key])
    need(case.pop('needs', ()))
    folder = Folder(str(tmpdir), pki)
    tmpdir.mkdir('public')
    code = BLOCKS[key].code
    for word, other in case.pop('other', {}).items():
        code = code.replace(word, other)
    with served(folder, pki, case.pop('servers', None)):
        folder.check_console(code, **case)


def test_certificate(pki, tmpdir):
    """The certificate of the quickstart's first step is good for the others."""
    folder = Folder(str(tmpdir), pki)
    for name in ('ca.pem', 'localhost.pem'):
        tmpdir.join(name).remove()
    folder.check_console(BLOCKS['quickstart.md: A certificate to try with'].code)
    code = BLOCKS['quickstart.md: With no connection'].code
    assert (0, 'Hello, memory\n', '') == folder.run(code)


def commands(block):
    """Return the commands of a block, without their comments, if it is one for a checkout."""
    lines = [re.split('  +#', line)[0].strip() for line in block.code.splitlines() if line.strip()]
    if block.language == 'console':
        lines = [line[2:] for line in lines if line.startswith('$ ')]
    first = {line.split()[0] for line in lines}
    return lines if first and first <= {'make', 'python3'} else []


def test_every_block():
    """There is no block that nobody runs, and each one that is run here is there."""
    left = {key for key, block in BLOCKS.items() if block.language not in NO_CODE}
    left -= {key for key, block in BLOCKS.items() if commands(block)}
    marked = {key for key, block in BLOCKS.items()
              if block.language == 'console' and block.code.startswith(NOT_RUN)}
    assert {'applications.md: bokeh and flower', 'applications.md: httpie and twine',
            'quickstart.md: Install', 'requests.md: pip and ensurepip',
            'troubleshooting.md: Troubleshooting'} == marked
    known = set(PYTHON) | set(CONSOLE) | marked | {'quickstart.md: A certificate to try with'}
    assert sorted(known) == sorted(left)
    assert {'python'} == {BLOCKS[key].language for key in PYTHON}
    assert {'console'} == {BLOCKS[key].language for key in CONSOLE}
    servers = {one for case in PYTHON.values() if case for one in case.servers.values()}
    servers.add(TWISTED_SERVER)
    assert {key for key, case in PYTHON.items() if case is None} <= servers


@pytest.mark.parametrize('key', sorted(key for key, block in BLOCKS.items() if commands(block)))
def test_checkout(key):
    """Commands for a checkout name targets that make has, and programs that are there."""
    for command in commands(BLOCKS[key]):
        name = command.split()[1]
        if command.startswith('make '):
            assert name in targets(), command
        else:
            assert os.path.exists(os.path.join(ROOT, name)), command


@pytest.mark.parametrize('shown, printed, expected', [
    ('a  1\nb  2\n', 'a  2.5\nb   1,000\n', True), ('a\n...\nd\n', 'a\nb\nc\nd\n', True),
    ('a\n...\n', 'a\n', True), ('a\nb\n', 'a\n', False), ('a\n', 'a\nb\n', False),
    ('a\n...\nc\n', 'a\nb\n', False), ('a  yes\n', 'a  no\n', False),
    ('a  1 MB\n', 'a  1\n', False), ('a  1\n', 'a  one\n', False),
    ('of 3 May 2026, /usr/bin\n', 'of 12 Jun 2027, /bin\n', True)])
def test_is_like(shown, printed, expected):
    """What is shown may differ in its figures, not in what there is."""
    assert expected == is_like(shown, printed)


def test_version():
    """The version that pages show is this one, and it is the newest in the changelog."""
    shown = set()
    for page in pages():
        with open(page) as file:
            shown.update(re.findall(r'sslproto27[- ]+(\d+\.\d[\w.]*)', file.read()))
    with open(os.path.join(ROOT, 'CHANGELOG.md')) as file:
        newest = re.search(r'(?m)^## (\S+) \(\d{4}-\d\d-\d\d\)$', file.read()).group(1)
    assert {sslproto27.__version__} == shown == {newest}


def test_ci_steps():
    """CONTRIBUTING.md lists what CI runs, in its order."""
    with open(os.path.join(ROOT, '.ci', 'run')) as file:
        steps = re.search(r'(?m)^for target in (.*); do$', file.read()).group(1).split()
    with open(os.path.join(ROOT, 'CONTRIBUTING.md')) as file:
        section = file.read().partition('\n## What CI runs\n')[2].partition('\n## ')[0]
    assert steps == re.findall(r'(?m)^\| `make ([a-z0-9-]+)` \|', section)


def test_links():
    """Each file that a page links to is there."""
    missing = []
    for page in pages():
        with open(page) as file:
            for target in re.findall(r'(?m)(?:\]\(|^\[[^]]+\]: )([^)#\s]+)', file.read()):
                if '://' not in target and not os.path.exists(
                        os.path.join(os.path.dirname(page), target)):
                    missing.append((os.path.basename(page), target))
    assert [] == missing
