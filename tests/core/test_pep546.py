"""
install and uninstall: PEP 546's names in the ssl module. Each test is a child process with an
ssl of its own.
"""
from __future__ import absolute_import, division, print_function

import ssl

import pytest

from sslproto27 import SSLContext
from tests.support import pki
from tests.support.memory import PY2, only_python2

SNAPSHOT = '''
from __future__ import print_function
import ssl
def snapshot():
    return [dict(vars(owner)) for owner in (ssl, ssl.SSLContext, ssl.SSLSocket, ssl._ssl)]
before = snapshot()
import sslproto27
'''

HANDSHAKE = '''
def handshake(client, server):
    """Shake hands over BIOs that each end reads the other's from."""
    done = []
    while len(done) < 2:
        for end in (client, server):
            if end in done:
                continue
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            done.append(end)
'''


@pytest.fixture
def output(run_python):
    """A function that runs a script after the snapshot and returns the words that it prints."""
    def run(script):
        child = run_python(SNAPSHOT + HANDSHAKE + script)
        assert (0, '') == (child.returncode, child.stderr)
        return child.stdout.split()
    return run


def test_import_patches_nothing(output):
    """Importing sslproto27 changes neither the ssl module nor its classes."""
    assert ['True'] == output('print(before == snapshot())')


def test_using_it_patches_nothing(output):
    """Nor does making a context and an object."""
    protocol = 'ssl.PROTOCOL_SSLv23' if PY2 else 'ssl.PROTOCOL_TLS_CLIENT'
    assert ['True'] == output('''
context = sslproto27.SSLContext(%s)
sslobj = sslproto27.wrap_bio(context, sslproto27.MemoryBIO(), sslproto27.MemoryBIO())
print(before == snapshot())
''' % protocol)


def test_install_returns_none(output):
    """Both return None."""
    assert ['None', 'None'] == output('print(sslproto27.install(), sslproto27.uninstall())')


def test_names_are_there(output):
    """After install, ssl has MemoryBIO, SSLObject and SSLContext.wrap_bio, and they are ours."""
    assert ['True', 'True', 'True'] == output('''
sslproto27.install()
print(ssl.MemoryBIO is sslproto27.MemoryBIO, ssl.SSLObject is sslproto27.SSLObject,
      callable(ssl.SSLContext.wrap_bio))
''')


@only_python2
def test_adds_nothing_else(output):
    """install adds just these three names, and replaces none."""
    assert ['MemoryBIO', 'SSLObject', 'wrap_bio', 'True'] == output('''
sslproto27.install()
after = snapshot()
print(' '.join(sorted(name for old, new in zip(before, after) for name in new if name not in old)))
print(all(new[name] is old[name] for old, new in zip(before, after) for name in old))
''')


MEMBERS = ('get_ciphers hostname_checks_common_name keylog_filename maximum_version '
           'minimum_version num_tickets post_handshake_auth security_level set_psk_client_callback '
           'set_psk_server_callback sni_callback sslobject_class').split()


@only_python2
def test_members_of_contexts(output):
    """With context_members, ssl.SSLContext has each member of 3.13's, as far as the engine can."""
    from sslproto27._core.chosen import ABSENT
    # PyPy's own ssl has get_ciphers.
    expected = [one for one in MEMBERS if one not in ABSENT or hasattr(ssl.SSLContext, one)]
    assert ['None'] + expected == output('''
print(sslproto27.install(context_members=True))
print(' '.join(name for name in %r if hasattr(ssl.SSLContext, name)))
''' % (MEMBERS,))


def test_members_work(output):
    """A plain context, made before or after, can then be told what one of 3.13's can."""
    script = '''
from tests.support import pki
before = pki.new_context(server_side=True)
sslproto27.install(context_members=True)
for context in (before, pki.new_context(server_side=True)):
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    print(context.minimum_version.name, context.maximum_version.name)
    print(context.sni_callback)
    context.sni_callback = seen = lambda sslobj, name, owner: None
    print(context.sni_callback is seen, context.sni_callback is not None)
print(ssl.TLSVersion is sslproto27.TLSVersion)
'''
    assert ['TLSv1_2', 'TLSv1_2', 'None', 'True', 'True'] * 2 + ['True'] == output(script)


def test_ciphers_of_plain_contexts(output):
    """get_ciphers then lists the suites of a plain context: the ones that it was told, first."""
    if not hasattr(pki.new_context(cls=SSLContext), 'get_ciphers'):
        pytest.skip('the pair engine has no list of them')
    assert ['ECDHE-RSA-AES128-GCM-SHA256', '49199'] == output('''
from tests.support import pki
context = pki.new_context()
sslproto27.install(context_members=True)
context.set_ciphers('ECDHE-RSA-AES128-GCM-SHA256')
for cipher in context.get_ciphers():
    if 'TLSv1.3' != cipher['protocol']:
        print(cipher['name'], cipher['id'] & 0xFFFF)
''')


def test_class_of_objects(output):
    """sslobject_class of a plain context is what wrap_bio makes, and ssl.SSLObject without."""
    assert ['SSLObject', 'Mine', 'Mine', 'SSLObject'] == output('''
from tests.support import pki
sslproto27.install(context_members=True)
class Mine(ssl.SSLObject):
    pass
context, other = pki.new_context(), pki.new_context()
first = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
context.sslobject_class = Mine
second = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
third = other.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
for one in (first, second):
    print(type(one).__name__)
print(context.sslobject_class.__name__)
print(type(third).__name__)
''')


@only_python2
def test_members_go_too(output):
    """uninstall takes the members out as well, also where install came twice, in either order."""
    assert ['False', 'True'] * 2 == output('''
for both in ((True, False), (False, True)):
    for context_members in both:
        sslproto27.install(context_members=context_members)
    print(before == snapshot())
    sslproto27.uninstall()
    print(before == snapshot())
''')


@only_python2
def test_members_that_are_there(output):
    """What ssl.SSLContext has already stays, also after uninstall."""
    assert ['mine', 'mine'] == output('''
ssl.SSLContext.get_ciphers = lambda context: 'mine'
sslproto27.install(context_members=True)
print(ssl.SSLContext(ssl.PROTOCOL_SSLv23).get_ciphers())
sslproto27.uninstall()
print(ssl.SSLContext(ssl.PROTOCOL_SSLv23).get_ciphers())
''')


@only_python2
def test_uninstall_restores(output):
    """After uninstall, ssl is what it was before: no name more, no object other."""
    assert ['False', 'True'] == output('''
sslproto27.install()
print(before == snapshot())
sslproto27.uninstall()
print(before == snapshot())
''')


@only_python2
def test_idempotent(output):
    """However often each is called, once in and once out suffice."""
    assert ['True', 'True', 'True'] == output('''
sslproto27.uninstall()
print(before == snapshot())
sslproto27.install()
first = snapshot()
sslproto27.install()
print(first == snapshot())
sslproto27.uninstall()
sslproto27.uninstall()
print(before == snapshot())
''')


@only_python2
def test_can_be_installed_again(output):
    """After uninstall it can be installed again."""
    assert ['True'] == output('''
sslproto27.install()
first = snapshot()
sslproto27.uninstall()
sslproto27.install()
print(first == snapshot())
''')


@pytest.mark.skipif(PY2, reason='on 2.7 there is something to install')
def test_nothing_to_do(output):
    """On Python 3 both do nothing."""
    assert ['True', 'True'] == output('''
sslproto27.install()
print(before == snapshot())
sslproto27.uninstall()
print(before == snapshot())
''')


def test_wrap_bio_of_plain_contexts(output):
    """After install, a handshake runs on ssl's names alone, over contexts made before and after."""
    script = '''
import sys
from tests.support import pki
certificates = pki.PKI(sys.argv[1])
client_context = certificates.client_context()
sslproto27.install()
server_context = certificates.server_context()
there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
client = client_context.wrap_bio(back, there, server_hostname='localhost')
server = server_context.wrap_bio(there, back, server_side=True)
handshake(client, server)
client.write(b'hello')
print(isinstance(client, ssl.SSLObject), client.context is client_context)
print(server.read().decode('ascii'))
'''
    assert ['True', 'True', 'hello'] == output(script)


def test_signature_of_the_method(output):
    """
    The method's arguments are those of Python 3: incoming, outgoing, server_side,
    server_hostname.
    """
    script = '''
from tests.support import pki
sslproto27.install()
context = pki.new_context()
first = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), False, 'localhost', None)
second = context.wrap_bio(incoming=ssl.MemoryBIO(), outgoing=ssl.MemoryBIO(), server_side=False,
                          server_hostname='localhost', session=None)
print(first.server_hostname, second.server_hostname)
'''
    assert ['localhost', 'localhost'] == output(script)


def test_objects_outlive_uninstall(output):
    """Objects made while installed go on working afterwards."""
    script = '''
import sys
from tests.support import pki
certificates = pki.PKI(sys.argv[1])
sslproto27.install()
there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
client = certificates.client_context().wrap_bio(back, there, server_hostname='localhost')
server = certificates.server_context().wrap_bio(there, back, server_side=True)
sslproto27.uninstall()
handshake(client, server)
client.write(b'hello')
print(server.read().decode('ascii'))
'''
    assert ['hello'] == output(script)


@only_python2
def test_import_brings_no_framework(output):
    """The core imports no framework."""
    assert ['[]'] == output('''
import sys
print(sorted(set(sys.modules) & {'trollius', 'tornado', 'twisted', 'urllib3', 'six', 'asyncio'}))
''')


@only_python2
def test_no_key_log(run_python):
    """Where secrets cannot be logged hasattr says so: urllib3 then goes on without."""
    finished = run_python('''
import os, ssl
os.environ['SSLPROTO27_ENGINE'] = 'pair'
import sslproto27
sslproto27.install(context_members=True)
for context in (ssl.create_default_context(), sslproto27.create_default_context()):
    print(hasattr(context, 'keylog_filename'), hasattr(context, 'minimum_version'))
try:
    context.keylog_filename = os.devnull
except AttributeError as error:
    print(error)
''')
    assert (0, '') == (finished.returncode, finished.stderr)
    assert ['(False, True)'] * 2 == finished.stdout.splitlines()[:2]
    assert 'keylog_filename' in finished.stdout.splitlines()[2]
