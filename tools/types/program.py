"""
Every public name, used with its types: mypy reads this, nobody runs it.

What must not pass is marked ``type: ignore``, and it is an error if that is not needed.
"""
import asyncio
import socket
import ssl
from typing import Any, assert_type

import requests as requests_
from tornado import iostream

import sslproto27
from sslproto27 import aio, context, pep543, requests, sockets, tornado, trollius, \
    twisted, urllib3
from sslproto27.pep543 import pyopenssl


def core() -> None:
    settings = sslproto27.create_default_context()
    assert_type(settings, ssl.SSLContext)
    made: sslproto27.SSLContext = settings
    version: sslproto27.TLSVersion = ssl.TLSVersion.TLSv1_3
    sslproto27.install()
    sslproto27.uninstall()
    incoming, outgoing = sslproto27.MemoryBIO(), ssl.MemoryBIO()
    tls = sslproto27.wrap_bio(made, incoming, outgoing, server_hostname='localhost')
    assert_type(tls, ssl.SSLObject)
    session: sslproto27.SSLSession | None = tls.session
    try:
        tls.do_handshake()
    except sslproto27.SSLCertVerificationError as error:
        print(error.verify_message, sslproto27.__version__, version)
    again: sslproto27.SSLObject = sslproto27.wrap_bio(
        made, incoming, outgoing, False, None, session)
    sslproto27.wrap_bio(made, incoming, b'')  # type: ignore[arg-type]
    again.write(u'text')  # type: ignore[arg-type]


def pipe() -> bytes:
    one = sslproto27.SSLPipe(ssl.create_default_context(), server_hostname='localhost',
                             suppress_ragged_eofs=True, overhead_limit=1000)
    one.do_handshake()
    one.feed_ssldata(b'')
    one.feed_appdata(bytearray(b'hello'))
    one.feed_appdata('hello')  # type: ignore[arg-type]
    one.feed_eof()
    one.shutdown()
    one.discard()
    assert_type(one.backlog_size, int)
    assert_type(one.backlog, list[bytes | memoryview])
    assert_type(one.records_received(), list[bytes])
    assert_type(one.established or one.has_appdata or one.has_data_to_send, bool)
    if one.failure is not None:
        raise one.failure
    print(one.state.lower())
    print(one.ssl_object.version())  # type: ignore[union-attr]
    return one.appdata_received() + one.data_to_send() + one.data_to_send(1000) + one.unwrap()


def blocking() -> None:
    with sslproto27.SSLSocket(socket.create_connection(('localhost', 443)),
                              ssl.create_default_context(), server_hostname='localhost') as tls:
        inner = sslproto27.SSLSocket(tls, ssl.create_default_context(), True)
        inner.do_handshake()
        inner.sendall(b'GET /')
        assert_type(inner.send(memoryview(b'')), int)
        assert_type(inner.recv(100), bytes)
        assert_type(inner.read(100), bytes)
        assert_type(inner.read(None, bytearray(3)), int)
        inner.recv_into(b'')  # mypy lets bytes pass as a writable buffer
        assert_type(inner.getpeercert(True), bytes | None)
        assert_type(inner.getpeercert(), dict[str, Any] | None)
        assert_type(inner.context, ssl.SSLContext)
        inner.settimeout('3')  # type: ignore[arg-type]
        inner.unwrap()
        sslproto27.SSLSocket(3, ssl.create_default_context())  # type: ignore[arg-type]


def contexts(one: ssl.SSLContext) -> None:
    context.set_minimum_version(one, context.TLSVersion.TLSv1_2)
    context.set_maximum_version(one, 'TLSv1.3')  # type: ignore[arg-type]
    print(context.get_minimum_version(one).name, context.get_maximum_version(one).name)
    context.set_ciphersuites(one, 'TLS_AES_128_GCM_SHA256')
    assert_type(context.get_ciphers(one), list[dict[str, Any]])
    context.set_num_tickets(one, context.get_num_tickets(one) + context.get_security_level(one))
    context.set_hostname_checks_common_name(one, not context.get_hostname_checks_common_name(one))
    context.set_post_handshake_auth(one, not context.get_post_handshake_auth(one))
    context.set_sslobject_class(one, context.get_sslobject_class(one) or ssl.SSLObject)
    context.set_keylog_filename(one, context.get_keylog_filename(one))
    context.set_keylog_filename(one, None)
    context.set_sni_callback(one, lambda tls, name, of: ssl.ALERT_DESCRIPTION_INTERNAL_ERROR)
    context.set_sni_callback(one, lambda name: None)  # type: ignore[arg-type, misc]
    one = context.by_server_name(one, {'localhost': one})
    context.set_psk_client_callback(one, lambda hint: (None, b''))
    context.set_psk_server_callback(one, lambda identity: b'', 'hint')
    context.set_session_ticket_keys(
        one, context.get_session_ticket_keys(one) + (context.new_session_ticket_key(),))
    context.load_cert_chain_pem(one, '...', b'...', password=lambda: 'secret')
    context.load_crl(one, b'...')
    made: context.SSLContext = context.create_default_context(cafile='ca.pem')
    made.options |= (
        context.OP_ALLOW_CLIENT_RENEGOTIATION | context.OP_ENABLE_KTLS
        | context.OP_ENABLE_MIDDLEBOX_COMPAT | context.OP_IGNORE_UNEXPECTED_EOF
        | context.OP_LEGACY_SERVER_CONNECT | context.OP_NO_COMPRESSION
        | context.OP_NO_RENEGOTIATION | context.OP_NO_TICKET | context.OP_NO_TLSv1_3)
    made.verify_flags |= (
        context.VERIFY_ALLOW_PROXY_CERTS | context.VERIFY_X509_PARTIAL_CHAIN
        | context.VERIFY_X509_STRICT | context.VERIFY_X509_TRUSTED_FIRST)
    for protocol in (context.PROTOCOL_TLS, context.PROTOCOL_TLS_CLIENT,
                     context.PROTOCOL_TLS_SERVER):
        ssl.SSLContext(protocol)


class Echo(aio.Protocol):
    """What the loops below carry."""


@aio.coroutine
def generator(reader: aio.StreamReader) -> Any:
    try:
        data = yield aio.From(reader.readuntil(b'\n'))
    except (aio.IncompleteReadError, aio.LimitOverrunError):
        data = yield aio.From(reader.read(1))
    raise aio.Return(data)


async def coroutines(one: ssl.SSLContext) -> None:
    reader, writer = await aio.open_connection('localhost', 443, ssl=one, session=None)
    assert_type(writer, aio.StreamWriter)
    await generator(reader)
    await writer.start_tls(one, server_hostname='localhost')
    await writer.unwrap()
    await aio.open_unix_connection('/run/one', ssl=True)
    server = await aio.start_server(lambda reader, writer: None, 'localhost', 0, ssl=one)
    assert_type(server, asyncio.Server)
    await aio.start_unix_server(serve, '/run/one', ssl=one, ssl_handshake_limit=10)
    await aio.start_server(serve, ssl=True)  # type: ignore[arg-type]
    await aio.open_pipes(0, 1)
    below, echo = await aio.connect_pipes(Echo, 0, 1)
    assert_type(echo, Echo)
    transport = await aio.start_tls(below, echo, one, server_side=True)
    assert_type(await transport.unwrap(), tuple[asyncio.Transport, bytes])
    await aio.start_tls(below, echo, None)  # type: ignore[arg-type]
    await aio.sleep(0)
    await aio.wait_for(aio.gather(aio.ensure_future(aio.sleep(0))), 1)


async def serve(reader: aio.StreamReader, writer: aio.StreamWriter) -> None:
    """Serve one connection."""


def loops(one: ssl.SSLContext) -> None:
    aio.install()
    aio.uninstall()
    asyncio.set_event_loop_policy(aio.EventLoopPolicy())
    aio.set_event_loop(aio.new_event_loop())
    aio.get_event_loop().close()
    loop = aio.SelectorEventLoop()
    transport, echo = loop.run_until_complete(
        loop.create_connection(Echo, 'localhost', 443, ssl=one, suppress_ragged_eofs=True))
    assert_type(echo, Echo)
    loop.run_until_complete(loop.create_server(Echo, port=0, ssl=one, ssl_handshake_limit=3))
    loop.run_until_complete(loop.start_tls(transport, echo, one))
    layer = sslproto27.SSLProtocol(loop, echo, one, server_side=True)
    loop.run_until_complete(loop.create_connection(lambda: layer, 'localhost', 443))
    layer.transport.write(b'')
    future: aio.Future[None] = loop.create_future()
    try:
        aio.run(coroutines(one))
        loop.run_until_complete(future)
    except (aio.CancelledError, aio.TimeoutError):
        pass


def trolliuses(one: ssl.SSLContext) -> None:
    trollius.install()
    loop: trollius.SelectorEventLoop = aio.SelectorEventLoop()
    policy: trollius.EventLoopPolicy = aio.EventLoopPolicy()
    reader: trollius.StreamReader
    writer: trollius.StreamWriter
    reader, writer = loop.run_until_complete(trollius.open_connection('localhost', ssl=one))
    print(policy, reader, writer, trollius.open_unix_connection, trollius.start_server,
          trollius.start_unix_server, trollius.start_tls, trollius.connect_pipes,
          trollius.open_pipes)
    trollius.uninstall()


async def tornados(one: ssl.SSLContext) -> None:
    tornado.install(suppress_ragged_eofs=True, ssl_handshake_timeout=3)
    tornado.uninstall()
    stream = tornado.SSLIOStream(socket.socket(), ssl_options=one, session=None)
    assert_type(await stream.connect(('localhost', 443), server_hostname='localhost'),
                tornado.SSLIOStream)
    below = await tornado.TCPClient().connect('localhost', 443, ssl_options=one, timeout=3)
    assert_type(below, iostream.IOStream)
    await tornado.start_tls(below, False, {'ca_certs': 'ca.pem'}, server_hostname='localhost')
    await tornado.start_tls((below, below), False, 'ca.pem')  # type: ignore[arg-type]
    tornado.TCPServer(ssl_options=one, ssl_handshake_timeout=3).listen(0)
    tornado.HTTPServer(lambda request: None, ssl_options=one, xheaders=True)


def clients() -> None:
    urllib3.inject_into_urllib3('pip._vendor.urllib3')
    urllib3.extract_from_urllib3()
    sockets.install(suppress_ragged_eofs=True)
    sockets.uninstall()
    assert_type(sockets.SSLSocket(socket.socket(), ca_certs='ca.pem').recv(10), bytes)
    sslproto27.install(sockets=True, trollius=True, suppress_ragged_eofs=True)
    session = requests_.Session()
    session.mount('https://', requests.SSLAdapter(suppress_ragged_eofs=True, max_retries=3))
    requests.SSLAdapter(ssl_context='ca.pem')  # type: ignore[arg-type]


def pep(backend: pep543.Backend) -> None:
    trust: pep543.TrustStore = backend.trust_store.system()
    chain = pep543.BACKEND.certificate.chain_from_file('chain.pem')
    leaf: pep543.Certificate = chain[0]
    key: pep543.PrivateKey = backend.private_key.from_file('key.pem', 'secret')
    wanted = pep543.TLSConfiguration(
        certificate_chain=((leaf,), key), trust_store=trust, ciphers=pep543.DEFAULT_CIPHER_LIST,
        inner_protocols=[pep543.NextProtocol.H2, b'other'],
        lowest_supported_version=pep543.TLSVersion.TLSv1_2)
    pep543.TLSConfiguration(trust_store='ca.pem')  # type: ignore[arg-type]
    client: pep543.ClientContext = backend.client_context(
        wanted.update(ciphers=[pep543.CipherSuite.TLS_AES_128_GCM_SHA256, 0x1302]))
    buffer: pep543.TLSWrappedBuffer = client.wrap_buffers('localhost')
    try:
        buffer.do_handshake()
    except pep543.WantReadError:
        assert_type(buffer.peek_outgoing(pep543.OUTGOING_LIMIT), bytes)
    except (pep543.WantWriteError, pep543.RaggedEOF, pep543.TLSError) as error:
        print(error.reason)
    listening = backend.server_context(wanted).wrap_socket(socket.socket())
    connection, _ = listening.accept()
    assert_type(connection, pep543.TLSWrappedSocket)
    assert_type(connection.cipher(), pep543.CipherSuite | int | None)
    server: pep543.ServerContext = pyopenssl.PyOpenSSLServerContext(wanted)
    server.wrap_buffers('localhost')  # type: ignore[call-arg]
    print(pyopenssl.PyOpenSSLClientContext(wanted).wrap_buffers(None).bytes_buffered)
    pep(pyopenssl.BACKEND)


def twisteds(one: ssl.SSLContext, endpoint: Any, reactor: Any) -> None:
    twisted.install(handshakeTimeout=3)
    twisted.uninstall()
    options = twisted.TLSOptions(one, 'localhost', shutdownTimeout=0)
    client = twisted.TLSClientEndpoint(endpoint, options, 'localhost', session=None)
    server = twisted.TLSServerEndpoint(endpoint, one, handshakeLimit=10)
    twisted.TLSServerEndpoint(endpoint, 'ca.pem')  # type: ignore[arg-type]
    tls = twisted.startTLS(client.connect(server), one, hostname='localhost')
    assert_type(tls, twisted.TLSProtocol)
    assert_type(tls.negotiatedProtocol, bytes | None)
    tls.write(b'data')
    tls.write('text')  # type: ignore[arg-type]
    print(twisted.TLSFactory(reactor, one, True).buildProtocol(None))
    twisted.AgentEndpointFactory(reactor, one, proxy=twisted.ConnectEndpoint(client, 'proxy', 1))
    print(twisted.ProxyError(407, 'who?').status)
