"""
Errors: class, errno, library and reason of what goes wrong, at every stage, as Python 3.13 says
it.
"""
from __future__ import absolute_import, division, print_function

import pickle
import socket
import ssl

import pytest

from sslproto27 import MemoryBIO, SSLCertVerificationError, SSLContext
from tests.support.memory import (
    Endpoint, Pair, connect, error_facts, knows_openssl_3, only_python2, raised, since_python3)
from tests.support.pipe_pairs import leave_an_error
from tests.support.pki import new_context

OPENSSL_3 = ssl.OPENSSL_VERSION_INFO >= (3,)
WANT_READ = (ssl.SSLWantReadError, ssl.SSL_ERROR_WANT_READ, None, None)
ZERO_RETURN = (ssl.SSLZeroReturnError, ssl.SSL_ERROR_ZERO_RETURN, None, None)
# OpenSSL 3 has a reason for it; before that the class alone says what happened.
EOF = (ssl.SSLEOFError, ssl.SSL_ERROR_EOF) + (
    ('SSL', 'UNEXPECTED_EOF_WHILE_READING') if OPENSSL_3 else (None, None))


def failure(*reasons):
    """Return the facts of an ordinary failure of OpenSSL's SSL library, with any of *reasons*."""
    return [(ssl.SSLError, ssl.SSL_ERROR_SSL, 'SSL', reason) for reason in reasons]


def alert_record(number, level=2):
    """Return an unencrypted alert record."""
    return bytes(bytearray([0x15, 3, 3, 0, 2, level, number]))


def count_flights(pair):
    """Shake hands; return how many flights it takes until both ends are done."""
    source, target = pair.client_end, pair.server_end
    source.handshake_is_done()
    flights = 0
    while not target.handshake_is_done():
        target.incoming.write(source.outgoing.read())
        target.handshake_is_done()
        source, target = target, source
        flights += 1
    return flights


def cut_off(pair, flight, cut):
    """
    Shake hands up to number *flight*, of which ``[:cut]`` arrives, then EOF; return whom it is
    for.
    """
    source, target = pair.client_end, pair.server_end
    source.handshake_is_done()
    for _ in range(flight):
        target.incoming.write(source.outgoing.read())
        target.handshake_is_done()
        source, target = target, source
    target.incoming.write(source.outgoing.read()[:cut])
    target.incoming.write_eof()
    return target


class TestClasses(object):
    @pytest.mark.parametrize('name', ['SSLWantReadError', 'SSLWantWriteError', 'SSLZeroReturnError',
                                      'SSLEOFError', 'SSLSyscallError'])
    def test_kinds_of_ssl_error(self, name):
        """Each kind is an SSLError."""
        assert issubclass(getattr(ssl, name), ssl.SSLError)

    def test_raised_kind_is_the_interpreters_own(self, client_context):
        """What is raised is the ssl module's own class, an operating system error as well."""
        error = raised(Endpoint.wrap(client_context).sslobj.do_handshake)
        assert ssl.SSLWantReadError is type(error)
        assert isinstance(error, socket.error)

    def test_errno(self, client_context):
        """errno is the first argument, an SSL_ERROR_ number."""
        error = raised(Endpoint.wrap(client_context).sslobj.do_handshake)
        assert (ssl.SSL_ERROR_WANT_READ, error.args[0]) == (error.errno, error.errno)

    def test_cert_verification_error(self):
        """
        SSLCertVerificationError is an SSLError, a ValueError, and ssl.CertificateError or a
        kind of it.
        """
        assert [True] * 3 == [issubclass(SSLCertVerificationError, kind)
                              for kind in (ssl.SSLError, ValueError, ssl.CertificateError)]


class TestWantRead(object):
    def test_at_every_stage(self, client_context, server_context):
        """It is the same error in the handshake, at a read, and while the peer has yet to close."""
        pair = Pair(client_context, server_context)
        errors = [raised(pair.client.do_handshake)]
        pair.handshake().exchange()
        errors += [raised(pair.client.read), raised(pair.client.read, 5, bytearray(5)),
                   raised(pair.client.unwrap), raised(pair.client.read)]
        assert [WANT_READ] * 5 == [error_facts(error) for error in errors]
        assert {'The operation did not complete (read)'} == {
            error.args[1].split(' (_ssl')[0] for error in errors}

    def test_is_no_failure(self, pair):
        """However often it is raised, the connection works afterwards."""
        for _ in range(100):
            raised(pair.server.read)
        assert b'abc' == pair.transfer(pair.client_end, b'abc')


class TestZeroReturn(object):
    def test_read_after_both_have_closed(self, pair):
        """A read after both directions are closed is SSLZeroReturnError, into a buffer as well."""
        pair.shut_down()
        assert [ZERO_RETURN] * 4 == [error_facts(error) for error in (
            raised(pair.client.read), raised(pair.server.read),
            raised(pair.client.read, 3, bytearray(3)),
            raised(pair.client.read, 1))]

    def test_message(self, pair):
        """It says so in Python 3's words."""
        pair.shut_down()
        assert raised(pair.client.read).args[1].startswith(
            'TLS/SSL connection has been closed (EOF)')

    def test_close_in_mid_handshake(self, client_context, server_context):
        """A peer that says goodbye in the handshake ends it with SSLZeroReturnError."""
        pair = Pair(client_context, server_context)
        raised(pair.client.do_handshake)
        pair.client_end.incoming.write(alert_record(0, level=1))
        assert ZERO_RETURN == error_facts(raised(pair.client.do_handshake))

    def test_read_after_close_in_mid_handshake(self, client_context, server_context):
        """After that a read gives b'', the end that the peer has announced, into a buffer 0."""
        pair = Pair(client_context, server_context)
        raised(pair.client.do_handshake)
        pair.client_end.incoming.write(alert_record(0, level=1))
        raised(pair.client.do_handshake)
        assert [b'', b'', 0] == [pair.client.read(), pair.client.read(1),
                                 pair.client.read(5, bytearray(5))]

    def test_truncation_after_close_notify_is_harmless(self, pair):
        """EOF after the peer's close_notify is a clean end."""
        raised(pair.client.unwrap)
        pair.pump()
        pair.server_end.incoming.write_eof()
        assert [b'', b'', None] == [pair.server.read(), pair.server.read(), pair.server.unwrap()]


@knows_openssl_3
class TestEOF(object):
    def test_before_the_first_byte(self, client_context, server_context):
        """
        EOF where the peer's first byte should be ends the handshake of either side with
        SSLEOFError.
        """
        pair = Pair(client_context, server_context)
        raised(pair.client.do_handshake)
        errors = []
        for end in (pair.client_end, pair.server_end):
            end.incoming.write_eof()
            errors.append(error_facts(raised(end.sslobj.do_handshake)))
        assert [EOF, EOF] == errors

    def test_in_every_flight(self, client_context, server_context, tls_version):
        """A flight cut off at any of many places, in a record's header or body, is SSLEOFError."""
        flights = count_flights(Pair(client_context, server_context))
        assert {'TLSv1.2': 4, 'TLSv1.3': 3}[tls_version] == flights
        for flight in range(flights):
            for cut in (1, 4, 5, 6, 20, 40, -20, -6, -1):
                target = cut_off(Pair(client_context, server_context), flight, cut)
                assert EOF == error_facts(raised(target.sslobj.do_handshake)), (flight, cut)

    def test_at_a_read(self, pair):
        """EOF without close_notify is SSLEOFError, not a clean end."""
        pair.client_end.incoming.write_eof()
        assert EOF == error_facts(raised(pair.client.read))

    def test_at_a_read_into_a_buffer(self, pair):
        """It is so into a buffer as well."""
        pair.client_end.incoming.write_eof()
        assert EOF == error_facts(raised(pair.client.read, 5, bytearray(5)))

    def test_in_mid_record(self, pair):
        """A record cut short by EOF is SSLEOFError, and none of it is delivered."""
        pair.server.write(b'abc')
        pair.client_end.incoming.write(pair.server_end.outgoing.read()[:-1])
        pair.client_end.incoming.write_eof()
        assert EOF == error_facts(raised(pair.client.read))

    def test_data_before_it_is_delivered(self, pair):
        """Complete records before EOF are read first."""
        pair.server.write(b'abc')
        pair.pump()
        pair.client_end.incoming.write_eof()
        assert (b'abc', EOF) == (pair.client.read(), error_facts(raised(pair.client.read)))

    def test_at_unwrap(self, pair):
        """EOF instead of the peer's close_notify is SSLEOFError at unwrap."""
        raised(pair.client.unwrap)
        pair.client_end.incoming.write_eof()
        assert EOF == error_facts(raised(pair.client.unwrap))

    def test_a_write_may_still_work_before_it_is_seen(self, pair):
        """EOF from the peer is not noticed by a write, which is one way only."""
        pair.client_end.incoming.write_eof()
        assert 3 == pair.client.write(b'abc')

    @since_python3(13, 'SSLEOFError for each further call')
    def test_is_final(self, pair):
        """After it, each further read is SSLEOFError again, and on OpenSSL 3 each write as well."""
        pair.client_end.incoming.write_eof()
        raised(pair.client.read)
        errors = [raised(pair.client.read), raised(pair.client.read, 5, bytearray(5))]
        if OPENSSL_3:
            errors += [raised(pair.client.write, b'x'), raised(pair.client.read)]
        assert {EOF[:2]} == {error_facts(error)[:2] for error in errors}

    @since_python3(13, 'SSLEOFError for each further call')
    def test_is_final_in_the_handshake(self, client_context, server_context):
        """After it, each further do_handshake and read is SSLEOFError again."""
        pair = Pair(client_context, server_context)
        pair.server_end.incoming.write_eof()
        raised(pair.server.do_handshake)
        errors = [raised(pair.server.do_handshake), raised(pair.server.read),
                  raised(pair.server.do_handshake)]
        assert [EOF[:2]] * 3 == [error_facts(error)[:2] for error in errors]

    def test_message(self, pair):
        """It says so in Python 3's words."""
        pair.client_end.incoming.write_eof()
        assert 'EOF occurred in violation of protocol' in raised(pair.client.read).args[1]


# OpenSSL 3 and 1.1.1 word it differently.
TOO_LONG = failure('PACKET_LENGTH_TOO_LONG', 'DATA_LENGTH_TOO_LONG', 'ENCRYPTED_LENGTH_TOO_LONG')

# What is no TLS: the bytes, then what a server and what a client calls them.
JUNK = {
    'http': (b'GET / HTTP/1.0\r\n\r\n', failure('HTTP_REQUEST'), failure('HTTP_REQUEST')),
    'proxy': (b'CONNECT a:1 HTTP/1.1\r\n\r\n', failure('HTTPS_PROXY_REQUEST'),
              failure('HTTPS_PROXY_REQUEST')),
    'http answer': (b'HTTP/1.1 400 Bad Request\r\n\r\n', failure('WRONG_VERSION_NUMBER'),
                    failure('WRONG_VERSION_NUMBER')),
    'smtp': (b'220 mail.example.org ESMTP\r\n', failure('WRONG_VERSION_NUMBER'),
             failure('WRONG_VERSION_NUMBER')),
    'zeroes': (b'\0' * 20, failure('WRONG_VERSION_NUMBER'), failure('WRONG_VERSION_NUMBER')),
    'handshake of junk': (b'\x16\x03\x01\x00\x05hello', failure('UNEXPECTED_MESSAGE'),
                          failure('UNEXPECTED_MESSAGE')),
    'data at once': (b'\x17\x03\x03\x00\x05hello',
                     failure('UNEXPECTED_MESSAGE', 'APP_DATA_IN_HANDSHAKE'),
                     failure('UNEXPECTED_MESSAGE', 'APP_DATA_IN_HANDSHAKE')),
    'too long': (b'\x16\x03\x03\xff\xff' + b'x' * 20000, TOO_LONG, TOO_LONG),
}

ALERTS = {
    10: 'SSLV3_ALERT_UNEXPECTED_MESSAGE', 20: 'SSLV3_ALERT_BAD_RECORD_MAC',
    22: 'TLSV1_ALERT_RECORD_OVERFLOW', 40: 'SSLV3_ALERT_HANDSHAKE_FAILURE',
    42: 'SSLV3_ALERT_BAD_CERTIFICATE', 43: 'SSLV3_ALERT_UNSUPPORTED_CERTIFICATE',
    44: 'SSLV3_ALERT_CERTIFICATE_REVOKED', 45: 'SSLV3_ALERT_CERTIFICATE_EXPIRED',
    46: 'SSLV3_ALERT_CERTIFICATE_UNKNOWN', 47: 'SSLV3_ALERT_ILLEGAL_PARAMETER',
    48: 'TLSV1_ALERT_UNKNOWN_CA', 49: 'TLSV1_ALERT_ACCESS_DENIED', 50: 'TLSV1_ALERT_DECODE_ERROR',
    51: 'TLSV1_ALERT_DECRYPT_ERROR', 70: 'TLSV1_ALERT_PROTOCOL_VERSION',
    71: 'TLSV1_ALERT_INSUFFICIENT_SECURITY', 80: 'TLSV1_ALERT_INTERNAL_ERROR',
    86: 'TLSV1_ALERT_INAPPROPRIATE_FALLBACK', 90: 'TLSV1_ALERT_USER_CANCELLED',
    109: 'TLSV13_ALERT_MISSING_EXTENSION', 110: 'TLSV1_UNSUPPORTED_EXTENSION',
    112: 'TLSV1_UNRECOGNIZED_NAME', 113: 'TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE',
    116: 'TLSV13_ALERT_CERTIFICATE_REQUIRED',
}


class TestReasons(object):
    @pytest.mark.parametrize('kind', sorted(JUNK))
    @pytest.mark.parametrize('side', ['server', 'client'])
    def test_junk_instead_of_tls(self, client_context, server_context, kind, side):
        """What is no TLS is told apart by its true reason."""
        data, expected_of_server, expected_of_client = JUNK[kind]
        pair = Pair(client_context, server_context)
        end = getattr(pair, side + '_end')
        end.incoming.write(data)
        expected = expected_of_server if side == 'server' else expected_of_client
        assert error_facts(raised(end.sslobj.do_handshake)) in expected

    @pytest.mark.parametrize('number', sorted(ALERTS))
    @since_python3(8, 'the names of TLS 1.3 alerts')
    def test_alerts(self, client_context, server_context, number):
        """An alert of the peer's is the reason, under OpenSSL's name for it."""
        pair = Pair(client_context, server_context)
        raised(pair.client.do_handshake)
        pair.client_end.incoming.write(alert_record(number))
        assert error_facts(raised(pair.client.do_handshake)) in failure(ALERTS[number])

    def test_unknown_alert(self, client_context, server_context):
        """An alert without a name has no reason, but it has its library."""
        pair = Pair(client_context, server_context)
        raised(pair.client.do_handshake)
        pair.client_end.incoming.write(alert_record(1))
        error = raised(pair.client.do_handshake)
        assert error_facts(error) in failure(None)
        assert error.args[1].startswith('[SSL] unknown error')

    def test_message(self, client_context, server_context):
        """The text is [library: reason], then OpenSSL's own words."""
        pair = Pair(client_context, server_context)
        pair.server_end.incoming.write(JUNK['smtp'][0])
        assert raised(pair.server.do_handshake).args[1].startswith(
            '[SSL: WRONG_VERSION_NUMBER] wrong version number')

    def test_of_errors_in_text(self, client_context, server_context):
        """str() of an error is its text."""
        pair = Pair(client_context, server_context)
        pair.server_end.incoming.write(JUNK['http'][0])
        assert str(raised(pair.server.do_handshake)).startswith('[SSL: HTTP_REQUEST] http request')

    def test_no_shared_cipher(self, pki):
        """
        Where no cipher is common the server says NO_SHARED_CIPHER, and the client gets the
        alert.
        """
        client, server = pki.client_context('TLSv1.2'), pki.server_context(version='TLSv1.2')
        client.set_ciphers('ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256')
        server.set_ciphers('ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384')
        errors = Pair(client, server).try_handshake()
        assert (failure('SSLV3_ALERT_HANDSHAKE_FAILURE') + failure('NO_SHARED_CIPHER')) == [
            error_facts(error) for error in errors]

    def test_server_without_a_certificate(self, pki):
        """A server that has none shares no cipher with anybody."""
        server = new_context(server_side=True, version='TLSv1.2')
        errors = Pair(pki.client_context('TLSv1.2'), server).try_handshake()
        assert (failure('SSLV3_ALERT_HANDSHAKE_FAILURE') + failure('NO_SHARED_CIPHER')) == [
            error_facts(error) for error in errors]

    @pytest.mark.parametrize('versions', [('TLSv1.2', 'TLSv1.3'), ('TLSv1.3', 'TLSv1.2')], ids=repr)
    def test_no_common_version(self, pki, versions):
        """Where no version is common the server says so, and the client gets the alert."""
        client, server = pki.client_context(versions[0]), pki.server_context(version=versions[1])
        errors = [error_facts(error) for error in Pair(client, server).try_handshake()]
        assert failure('TLSV1_ALERT_PROTOCOL_VERSION') == errors[:1]
        assert errors[1] in failure('UNSUPPORTED_PROTOCOL', 'VERSION_TOO_LOW')

    def test_missing_client_certificate(self, pki, client_context, tls_version):
        """
        A client without the certificate that it needs: both ends say so, in 1.3 the client's at
        a read.
        """
        pair = Pair(client_context, pki.server_context(version=tls_version, trust='ca'))
        client_error, server_error = pair.try_handshake()
        assert error_facts(server_error) in failure('PEER_DID_NOT_RETURN_A_CERTIFICATE')
        if tls_version == 'TLSv1.2':
            assert error_facts(client_error) in failure('SSLV3_ALERT_HANDSHAKE_FAILURE')
        else:
            assert None is client_error
            assert error_facts(raised(pair.client.read)) in failure(
                'TLSV13_ALERT_CERTIFICATE_REQUIRED', None)

    @pytest.mark.parametrize('position', [0, 1, 2, 5, -1])
    def test_tampering(self, pair, position):
        """
        A changed byte of ciphertext is DECRYPTION_FAILED_OR_BAD_RECORD_MAC; the peer gets the
        alert.
        """
        pair.server.write(b'pay 100 to Bob')
        record = bytearray(pair.server_end.outgoing.read())
        record[position if position < 0 else 5 + position] ^= 1
        pair.client_end.incoming.write(record)
        assert error_facts(raised(pair.client.read)) in failure(
            'DECRYPTION_FAILED_OR_BAD_RECORD_MAC')
        pair.pump()
        assert error_facts(raised(pair.server.read)) in failure('SSLV3_ALERT_BAD_RECORD_MAC')

    def test_replay(self, pair):
        """A record that comes twice does not decrypt the second time."""
        pair.server.write(b'pay 100 to Bob')
        record = pair.server_end.outgoing.read()
        pair.client_end.incoming.write(record * 2)
        assert b'pay 100 to Bob' == pair.client.read()
        assert error_facts(raised(pair.client.read)) in failure(
            'DECRYPTION_FAILED_OR_BAD_RECORD_MAC')

    def test_plain_text_in_mid_connection(self, pair):
        """Plain text where a record should be is no TLS version."""
        pair.client_end.incoming.write(b'is anybody there?')
        assert error_facts(raised(pair.client.read)) in failure('WRONG_VERSION_NUMBER')

    def test_too_long_a_record(self, pair):
        """A record longer than any may be is refused by its header."""
        pair.client_end.incoming.write(b'\x17\x03\x03\xff\xff' + b'x' * 70000)
        assert error_facts(raised(pair.client.read)) in failure(
            'PACKET_LENGTH_TOO_LONG', 'ENCRYPTED_LENGTH_TOO_LONG')

    @pytest.mark.parametrize('data', [b'abc', b''], ids=repr)
    @since_python3(10, 'the same answer for a write of nothing')
    def test_write_after_unwrap(self, pair, data):
        """After our close_notify nothing can be written: PROTOCOL_IS_SHUTDOWN."""
        raised(pair.client.unwrap)
        assert error_facts(raised(pair.client.write, data)) in failure('PROTOCOL_IS_SHUTDOWN')
        pair.pump()
        pair.server.unwrap()
        assert error_facts(raised(pair.server.write, data)) in failure('PROTOCOL_IS_SHUTDOWN')

    @pytest.mark.parametrize('begun', [False, True], ids=['untouched', 'begun'])
    @since_python3(8, 'the name of this reason')
    def test_unwrap_before_the_handshake(self, client_context, server_context, begun):
        """A connection that is not there yet cannot be closed: SHUTDOWN_WHILE_IN_INIT."""
        pair = Pair(client_context, server_context)
        if begun:
            raised(pair.client.do_handshake)
        for sslobj in (pair.client, pair.server):
            assert error_facts(raised(sslobj.unwrap)) in failure('SHUTDOWN_WHILE_IN_INIT')

    @since_python3(8, 'the name of this reason')
    def test_data_after_close_notify(self, pair):
        """unwrap refuses data of a peer that has not seen our close_notify yet."""
        pair.client.write(b'in flight')
        raised(pair.server.unwrap)
        pair.pump()
        assert error_facts(raised(pair.server.unwrap)) in failure(
            'APPLICATION_DATA_AFTER_CLOSE_NOTIFY')

    def test_failure_is_final(self, pair):
        """
        After a failure each further read and write raises too, and nothing is delivered any
        more.
        """
        pair.client_end.incoming.write(b'junk in the middle')
        raised(pair.client.read)
        pair.server.write(b'abc')
        pair.pump()
        assert [True] * 3 == [isinstance(error, ssl.SSLError) for error in (
            raised(pair.client.read), raised(pair.client.write, b'x'), raised(pair.client.unwrap))]


class TestCertificates(object):
    # The server's certificate, the name asked for, verify_code, how verify_message begins,
    # alert at the server.
    CASES = {
        'stranger': ('stranger', 'localhost', 20, 'unable to get local issuer certificate',
                     'TLSV1_ALERT_UNKNOWN_CA'),
        'expired': ('expired', 'localhost', 10, 'certificate has expired',
                    'SSLV3_ALERT_CERTIFICATE_EXPIRED'),
        'other name': ('other', 'localhost', 62,
                       "Hostname mismatch, certificate is not valid for 'localhost'.",
                       'SSLV3_ALERT_BAD_CERTIFICATE'),
        'other address': ('localhost', '127.0.0.2', 64,
                          "IP address mismatch, certificate is not valid for '127.0.0.2'.",
                          'SSLV3_ALERT_BAD_CERTIFICATE'),
    }

    @pytest.fixture(params=sorted(CASES))
    def case(self, request):
        """Each case in turn."""
        return self.CASES[request.param]

    @pytest.fixture
    def errors(self, case, pki, client_context, tls_version):
        """What a client and its server raise in a case."""
        server = pki.server_context(case[0], tls_version)
        return Pair(client_context, server, server_hostname=case[1]).try_handshake()

    def test_class(self, errors):
        """
        A certificate that does not verify is SSLCertVerificationError,
        CERTIFICATE_VERIFY_FAILED.
        """
        expected = SSLCertVerificationError, ssl.SSL_ERROR_SSL, 'SSL', 'CERTIFICATE_VERIFY_FAILED'
        assert expected == error_facts(errors[0])

    def test_verify_code_and_message(self, case, errors):
        """It says why, as a number of OpenSSL's and in words."""
        assert case[2:4] == (errors[0].verify_code, errors[0].verify_message)

    def test_text(self, case, errors):
        """Its text says so too, and str() is its text."""
        assert case[3] == errors[0].verify_message
        text = '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: ' + case[3]
        assert [True, True] == [errors[0].args[1].startswith(text), str(errors[0]).startswith(text)]

    def test_public_name(self, errors):
        """Tracebacks show its public name, and by that name it can be pickled."""
        error = errors[0]
        assert type(error).__module__ in ('sslproto27', 'ssl')
        for number in range(pickle.HIGHEST_PROTOCOL + 1):
            copy = pickle.loads(pickle.dumps(error, number))
            assert (type(error), error.args, vars(error)) == (type(copy), copy.args, vars(copy))

    def test_alert(self, case, errors):
        """The server is told, by the alert that fits."""
        assert error_facts(errors[1]) in failure(case[4])

    def test_alert_waits_though_the_handshake_raised(self, pki, client_context, tls_version):
        """The alert is in the outgoing BIO as soon as the error is raised."""
        pair = Pair(client_context, pki.server_context('stranger', tls_version))
        raised(pair.client.do_handshake)
        pair.pump()
        raised(pair.server.do_handshake)
        pair.pump()
        assert 0 == pair.client_end.outgoing.pending
        assert SSLCertVerificationError is type(raised(pair.client.do_handshake))
        assert pair.client_end.outgoing.pending > 0

    def test_client_certificate(self, pki, tls_version):
        """A server refuses a stranger's certificate by the same error, and the client is told."""
        pair = Pair(pki.client_context(tls_version, leaf='stranger'),
                    pki.server_context(version=tls_version, trust='ca'))
        client_error, error = pair.try_handshake()
        assert (SSLCertVerificationError, 20, 'unable to get local issuer certificate') == (
            type(error), error.verify_code, error.verify_message)
        if tls_version == 'TLSv1.3':
            client_error = raised(pair.client.read)
        assert error_facts(client_error) in failure('TLSV1_ALERT_UNKNOWN_CA')

    def test_no_verification(self, pki, server_context, tls_version):
        """A context that does not verify lets everything pass."""
        context = pki.client_context(tls_version, trust=None)
        pair = Pair(context, pki.server_context('stranger', tls_version))
        assert (None, None) == pair.try_handshake()


class TestWithoutAConnection(object):
    def test_misuse(self):
        """What OpenSSL was never asked about is a plain SSLError, which knows no library."""
        bio = MemoryBIO()
        bio.write_eof()
        error = raised(bio.write, b'x')
        assert (ssl.SSLError, ('cannot write() after write_eof()',)) == (type(error), error.args)
        # Python 3's error has no such attributes here, observed on 3.13.
        assert (None, None) == (getattr(error, 'library', None), getattr(error, 'reason', None))

    @only_python2
    def test_memory(self):
        """A key that is none is an SSLError with OpenSSL's library and reason."""
        context = SSLContext()
        expected = [(ssl.SSLError, ssl.SSL_ERROR_SSL, 'PEM', 'NO_START_LINE')] * 2
        assert expected == [error_facts(raised(context.load_cert_chain_pem, b'no certificate'))
                            for _ in range(2)]


# Calls of the ssl module that fail, and may leave OpenSSL's queue of errors as they found it or
# not.
FAILING_CALLS = {
    'cafile': lambda context, pki: context.load_verify_locations(cafile=pki.directory),
    'cadata': lambda context, pki: context.load_verify_locations(cadata=b'no certificate'),
    'PEM cadata': lambda context, pki: context.load_verify_locations(cadata=u'no certificate'),
    'cert_chain': lambda context, pki: context.load_cert_chain(pki.path('ca')),
    'ciphers': lambda context, pki: context.set_ciphers('NO-SUCH-CIPHER'),
    'dh_params': lambda context, pki: context.load_dh_params(pki.path('ca')),
    'curve': lambda context, pki: context.set_ecdh_curve('no-such-curve'),
}


class TestOthersErrors(object):
    @pytest.mark.parametrize('name', sorted(FAILING_CALLS))
    def test_failed_call_elsewhere(self, pki, client_context, server_context, name):
        """A call of the ssl module that failed before does not turn a want-read into a failure."""
        def fail():
            raised(FAILING_CALLS[name], pki.client_context(), pki)
        pair = Pair(client_context, server_context)
        fail()
        errors = [raised(pair.client.do_handshake)]
        pair.handshake().exchange()
        for call in (pair.client.read, pair.client.unwrap):
            fail()
            errors.append(raised(call))
        assert [WANT_READ] * 3 == [error_facts(error) for error in errors]

    def test_failed_connection_elsewhere(self, pki, client_context, server_context, tls_version):
        """A connection that fails at every step does not disturb another one beside it."""
        stranger = pki.server_context('stranger', tls_version)

        def fail():
            errors = Pair(client_context, stranger).try_handshake()
            assert [False, False] == [error is None for error in errors]
        pair = Pair(client_context, server_context)
        fail()
        errors = [raised(pair.client.do_handshake)]
        fail()
        pair.handshake().exchange()
        for call in (pair.client.read, pair.server.read, pair.client.unwrap):
            fail()
            errors.append(raised(call))
        assert [WANT_READ] * 4 == [error_facts(error) for error in errors]

    def test_failed_neighbour_and_data(self, pki, client_context, server_context, tls_version):
        """Data flows between the failures of others."""
        pair = connect(client_context, server_context)
        received = []
        for number in range(5):
            Pair(client_context, pki.server_context('expired', tls_version)).try_handshake()
            received.append(pair.transfer(pair.client_end, b'x' * (number + 1)))
        assert [b'x', b'xx', b'xxx', b'xxxx', b'xxxxx'] == received

    @only_python2
    @pytest.mark.parametrize('method', ['do_handshake', 'read', 'unwrap'])
    def test_stale_error_of_anybodys(self, client_context, server_context, method):
        """
        An error that any library left in OpenSSL's queue is nobody's failure.

        Python 3.13's read and unwrap take it for their own.
        """
        pair = Pair(client_context, server_context)
        if method != 'do_handshake':
            pair.handshake().exchange()
        leave_an_error()
        assert WANT_READ == error_facts(raised(getattr(pair.client, method)))
