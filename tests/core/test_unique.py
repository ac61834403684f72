"""What is one of a kind: copies and pickles of it are refused, whoever asks, and however."""
from __future__ import absolute_import, division, print_function

import copy
import importlib
import pickle
import pkgutil
import socket
import ssl
import sys
import warnings

import pytest

import sslproto27
from sslproto27 import MemoryBIO, SSLContext, SSLPipe, SSLProtocol, SSLSocket, pep543
from sslproto27._stream.transport import StandaloneDebugTransport, StandaloneTransport
from sslproto27._core.unique import Unique
from tests.support.memory import PY2, connect
from tests.support.pipe_pairs import PYPY

if PY2:
    import cPickle
    import copy_reg
    from sslproto27 import sockets
    from sslproto27._core.context.callbacks import KeyLog
    from sslproto27._core.constants import PROTOCOL_TLS_CLIENT, TLSVersion
    PICKLES = (pickle, cPickle)
else:
    import copyreg as copy_reg
    TLSVersion = ssl.TLSVersion
    PROTOCOL_TLS_CLIENT = ssl.PROTOCOL_TLS_CLIENT
    PICKLES = (pickle,)

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)

#: Ways to make two of one.
WAYS = [('copy', copy.copy), ('deepcopy', copy.deepcopy),
        ('deepcopy in a list', lambda one: copy.deepcopy([one]))]
WAYS += [('%s %d' % (module.__name__, protocol),
          lambda one, module=module, protocol=protocol: module.dumps(one, protocol))
         for module in PICKLES for protocol in PROTOCOLS]

#: What may be copied: values, what merely makes or describes connections, errors, and, on Python 3,
#: the standard library's own.
VALUES = frozenset("""
    Backend CipherSuite NextProtocol TLSConfiguration TLSVersion EventLoopPolicy SelectorEventLoop
    StreamReader StreamWriter Return TCPServer HTTPServer TCPClient SSLAdapter
    """.split())


def public_classes():
    """Return (name, class) of each class that the package's public modules have."""
    found = {}
    for _, name, _ in pkgutil.walk_packages(sslproto27.__path__, 'sslproto27.'):
        if any(part.startswith('_') for part in name.split('.')):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # of how frameworks are written
                module = importlib.import_module(name)
        except (ImportError, RuntimeError):  # of a framework that is not here
            continue
        for one in module.__all__:
            found[one] = getattr(module, one)
    for one in sslproto27.__all__:
        found[one] = getattr(sslproto27, one)
    return sorted((name, one) for name, one in found.items()
                  if isinstance(one, type) and one.__module__.startswith('sslproto27'))


@pytest.mark.parametrize('name, cls', public_classes())
def test_every_class_is_decided(name, cls):
    """Each public class of ours cannot be copied, unless it is a value, or an error."""
    assert (issubclass(cls, Unique)
            != (name in VALUES or issubclass(cls, Exception))), name


class Loop(object):
    """As much of a loop as it takes to make a protocol."""

    def get_debug(self):
        """Return that there is nothing to check."""
        return False


class App(object):
    """An application's protocol."""

    def data_received(self, data):
        """Take *data*."""


def _protocol(pair):
    return SSLProtocol(Loop(), App(), pair.client.context, server_hostname='localhost')


class Lower(object):
    """As much of a socket as it takes to make another one over it."""

    type = socket.SOCK_STREAM

    def sendall(self, data):
        """Take *data*."""


def _socket(pair):
    return SSLSocket(Lower(), pair.client.context, server_hostname='localhost',
                     do_handshake_on_connect=False)


def _debug_transport(pair):
    transport = StandaloneDebugTransport(_protocol(pair))
    transport._mark_closed()  # nobody warns that it was not closed
    return transport


def _pep543_context():
    return pep543.BACKEND.client_context(pep543.TLSConfiguration())


def _key(pair):
    return pep543.BACKEND.private_key.from_buffer(
        b'-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----')


def _certificate(pair):
    return pep543.BACKEND.certificate.from_buffer(pair.client.getpeercert(True))


#: By name, how to get one of a connection in memory.
OURS = {
    'SSLPipe': lambda pair: SSLPipe(pair.client.context, server_hostname='localhost'),
    'SSLProtocol': _protocol,
    'StandaloneTransport': lambda pair: StandaloneTransport(_protocol(pair)),
    'StandaloneDebugTransport': _debug_transport,
    'SSLSocket': _socket,
    'OpenSSLClientContext': lambda pair: _pep543_context(),
    'Buffer': lambda pair: _pep543_context().wrap_buffers('localhost'),
    'TLSWrappedSocket': lambda pair: _pep543_context().wrap_socket(Lower(), 'localhost'),
    'PEMPrivateKey': _key,
    'PEMCertificate': _certificate,
    'PEMTrustStore': lambda pair: pep543.BACKEND.trust_store.system(),
}
if PY2:
    OURS.update({
        'MemoryBIO': lambda pair: pair.client_end.incoming,
        'SSLSession': lambda pair: pair.client.session,
        'SSLObject': lambda pair: pair.client,
        'SSLContext': lambda pair: SSLContext(),
        'KeyLog': lambda pair: KeyLog('/dev/null'),
        'SocketFile': lambda pair: _socket(pair).makefile(),
    })
    if not PYPY:  # there it is the same class
        OURS['OwnedFile'] = lambda pair: sockets.SSLSocket(
            socket.socket(), _context=pair.client.context,
            server_hostname='localhost').makefile()


def tornado_objects():
    """Return what the Tornado adapter has."""
    tornado_socket = pytest.importorskip('sslproto27.tornado._socket')
    from sslproto27.tornado import SSLIOStream
    stream = SSLIOStream(socket.socket())
    stream.close()
    return [stream, tornado_socket.TLSSocket(None)]


@pytest.fixture
def pair(client_context, server_context):
    """A connection."""
    return connect(client_context, server_context)


def refusal(way, one):
    """Return what *way* raises: its class and text."""
    try:
        way(one)
    except Exception as error:
        return type(error), str(error)
    return None


def refused(name):
    """Return what a copy of a *name* must raise."""
    return TypeError, "cannot pickle '%s' object" % name


@pytest.mark.parametrize('name', sorted(OURS))
def test_refused(pair, name):
    """copy, deepcopy and each protocol of pickle raise TypeError, which names the class."""
    one = OURS[name](pair)
    assert {way: refused(name) for way, _ in WAYS} == {
        label: refusal(way, one) for label, way in WAYS}


def test_tornado_refused():
    """So do a Tornado stream and the face of its socket."""
    found = tornado_objects()
    with_tls = type(found[1])(None, pipe=object())
    assert isinstance(with_tls, ssl.SSLSocket)
    for one in found + [with_tls]:
        name = type(one).__name__
        assert [refused(name)] * len(WAYS) == [refusal(way, one) for _, way in WAYS]


def all_unique():
    """Return each subclass of `Unique` that the package has, in private modules too."""
    for _, name, _ in pkgutil.walk_packages(sslproto27.__path__, 'sslproto27.'):
        if not name.endswith('.__main__') and '._cli.startup' not in name:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter('ignore')  # of how frameworks are written
                    importlib.import_module(name)
            except (ImportError, AttributeError, NotImplementedError, RuntimeError):
                continue  # of a framework, a Python or an engine that is not here
    found, queue = [], [Unique]
    while queue:
        subclasses = queue.pop().__subclasses__()
        queue += subclasses
        found += [one for one in subclasses if one.__module__.startswith('sslproto27')]
    return sorted(set(found), key=lambda one: (one.__module__, one.__name__))


def disguised(cls):
    """Return an empty object of a subclass of *cls* that passes for another class."""
    sub = type('Disguised', (cls,), {'__class__': property(lambda self: socket.socket)})
    if '__abstractmethods__' in dir(sub):
        sub.__abstractmethods__ = frozenset()
    try:
        return object.__new__(sub)
    except TypeError:  # a native class is among the bases
        return sub.__new__(sub, ssl.PROTOCOL_SSLv23)


@pytest.mark.parametrize('cls', all_unique(),
                         ids=lambda cls: '%s.%s' % (cls.__module__, cls.__name__))
def test_disguised(cls):
    """An object of any class of ours is refused, whatever class it passes for."""
    one = disguised(cls)
    if cls.__name__ == 'ContextView':
        vars(one)['_context'] = None  # it passes on what it is asked
    assert [refused('Disguised')] * len(WAYS) == [refusal(way, one) for _, way in WAYS]


@pytest.mark.parametrize('name', sorted(set(OURS) - {'KeyLog'}))
def test_subclass_with_state(pair, name):
    """A subclass that hands out its state, as pickle asks for it, is no way around."""
    one = OURS[name](pair)
    cls = type('Sub', (type(one),), {'__getstate__': lambda self: {}, '__slots__': ()})
    sub = cls.__new__(cls) if name in ('MemoryBIO', 'SSLContext') else object.__new__(cls)
    assert [refused('Sub')] * len(WAYS) == [refusal(way, sub) for _, way in WAYS]


def test_bytes_in_the_bio_are_safe():
    """What a refused copy was to be made of is as it was."""
    bio = MemoryBIO()
    bio.write(b'abc')
    for _, way in WAYS:
        refusal(way, bio)
    assert b'abc' == bio.read()


class Rebuilt(SSLContext):
    """A context whose author says how to make it anew."""

    def __reduce__(self):
        return Rebuilt, (PROTOCOL_TLS_CLIENT,)


class Registered(SSLContext):
    """A context that copy_reg knows how to make anew."""


def test_rebuilt():
    """A subclass that says how its objects are made anew is made anew so, as in CPython."""
    context = Rebuilt(PROTOCOL_TLS_CLIENT)
    assert [Rebuilt] * 2 == [type(copy.copy(context)), type(pickle.loads(pickle.dumps(context, 2)))]


def test_registered():
    """copy_reg's word counts, too."""
    context = Registered(PROTOCOL_TLS_CLIENT)
    copy_reg.pickle(Registered, lambda one: (Registered, (PROTOCOL_TLS_CLIENT,)))
    try:
        made = [copy.copy(context), pickle.loads(pickle.dumps(context, 2))]
    finally:
        del copy_reg.dispatch_table[Registered]
    assert [Registered] * 2 == [type(one) for one in made]


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_values(protocol):
    """PEP 543's configurations and enumerations, and versions, come back equal, or the same."""
    configuration = pep543.TLSConfiguration(
        inner_protocols=[pep543.NextProtocol.H2, b'other'], ciphers=[0x1301, 0xabcd])
    again = pickle.loads(pickle.dumps(configuration, protocol))
    assert (pep543.TLSConfiguration, configuration) == (type(again), again)
    for one in (pep543.NextProtocol.H2, pep543.TLSVersion.TLSv1_2, TLSVersion.TLSv1_3,
                pep543.CipherSuite(0x1301)):
        assert one is pickle.loads(pickle.dumps(one, protocol))
        assert one is copy.copy(one) is copy.deepcopy(one)


def test_configuration_with_a_key(pair):
    """A configuration that has a key can be copied, as nothing in it can change; not pickled."""
    chain = ([_certificate(pair)], _key(pair))
    configuration = pep543.TLSConfiguration(certificate_chain=chain)
    for copied in (copy.copy(configuration), copy.deepcopy(configuration)):
        assert configuration == copied
    assert refusal(lambda one: pickle.dumps(one, 2), configuration)[0] is TypeError


@pytest.mark.parametrize('protocol', PROTOCOLS)
def test_adapter(protocol):
    """An adapter for requests, and its session, come back with our connections, and verifying."""
    requests = pytest.importorskip('requests')
    adapters = pytest.importorskip('sslproto27.requests')
    session = requests.Session()
    session.mount('https://', adapters.SSLAdapter(suppress_ragged_eofs=True, max_retries=3))
    again = pickle.loads(pickle.dumps(session, protocol))
    adapter = again.get_adapter('https://localhost')
    assert (adapters.SSLAdapter, True, 3) == (
        type(adapter), adapter._suppress_ragged_eofs, adapter.max_retries.total)
    pool = adapter.poolmanager.connection_from_url('https://localhost')
    assert issubclass(pool.ConnectionCls, adapters._Connection)
    adapter.cert_verify(pool, 'https://localhost', again.verify, None)
    assert ('CERT_REQUIRED', True) == (pool.cert_reqs, pool.ConnectionCls.suppress_ragged_eofs)


@pytest.mark.parametrize('cls', [SSLContext, ssl.SSLContext], ids=['ours', "ssl's"])
def test_adapter_with_a_context(cls):
    """One that has a context, whosever it is, is refused: what comes back would trust anybody."""
    adapters = pytest.importorskip('sslproto27.requests')
    context = cls(ssl.PROTOCOL_SSLv23 if PY2 else PROTOCOL_TLS_CLIENT)
    adapter = adapters.SSLAdapter(ssl_context=context)
    assert [refused('SSLContext')] * len(WAYS) == [refusal(way, adapter) for _, way in WAYS]


@pytest.mark.parametrize('cls', [SSLContext, ssl.SSLContext], ids=['ours', "ssl's"])
def test_view_of_a_context(cls):
    """So is the view of a context that urllib3 is given."""
    from sslproto27._urllib3.sockets import ContextView
    view = ContextView(cls(ssl.PROTOCOL_SSLv23 if PY2 else PROTOCOL_TLS_CLIENT))
    assert [refused('ContextView')] * len(WAYS) == [refusal(way, view) for _, way in WAYS]


def test_modules_are_seen():
    """The list of public classes is not empty: what the first test is about."""
    names = [name for name, _ in public_classes()]
    assert {'SSLPipe', 'SSLProtocol', 'SSLSocket', 'TLSConfiguration'} <= set(names)
    assert PY2 is ('MemoryBIO' in names)
    assert sys.modules['sslproto27'] is sslproto27
