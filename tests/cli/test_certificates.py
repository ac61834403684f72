"""Certificates for people: whatever anybody has put into one is shown, and breaks nothing."""
from __future__ import absolute_import, division, print_function

import re
import ssl

import pytest

from sslproto27._cli.certificates import name_of_client, print_tree
from sslproto27._cli.console import Console
from sslproto27._core.x509 import decode_certificate, split_der
from tests.support.commands import Screen, command, starts_programs
from tests.support.der import (
    SEQUENCE, SUBJECT_ALT_NAME, attribute, certificate, extension, tlv, with_name)
from tests.support.peers import echo_tls, serving

UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
DAY = 86400
YEAR = 365.2425 * DAY


def tree(*chain, **kwargs):
    """Return the lines of a tree, as of *now*, in seconds since the epoch."""
    screen = Screen()
    print_tree(Console(screen), list(chain), kwargs.get('now', 1.6e9))
    return screen.shown.splitlines()


def contents(der):
    """Return the elements (DER) in the one element that *der* is."""
    return split_der(der[4:] if der[1:2] == b'\x82' else der[3:] if der[1:2] == b'\x81'
                     else der[2:])


def with_validity(der, begin, end):
    """Return a certificate with other dates, of (tag, content); its signature is now wrong."""
    tbs, algorithm, signature = contents(der)
    parts = contents(tbs)
    parts[4] = tlv(SEQUENCE, tlv(*begin), tlv(*end))
    return tlv(SEQUENCE, tlv(SEQUENCE, *parts), algorithm, signature)


@pytest.mark.parametrize('time, date, years', [
    (b'00000101000000Z', '0000-01-01', -1970), (b'00000301000000Z', '0000-03-01', -1970),
    (b'00010101000000Z', '0001-01-01', -1969), (b'09991231235959Z', '0999-12-31', -970),
    (b'20000229000000Z', '2000-02-29', 30), (b'99991231235959Z', '9999-12-31', 8030)])
def test_years(time, date, years):
    """A date of any year is shown, with the days from it or to it."""
    line = tree(certificate(time=tlv(GENERALIZED_TIME, time)))[1]
    assert line.startswith('   valid    %s to %s, ' % (date, date))
    days = int(re.search('([0-9]+) days', line).group(1))
    assert abs(days - abs(years * YEAR - 1.6e9) / DAY) < 500
    assert ('expired' in line) == (years < 50)


@pytest.mark.parametrize('tag, time', [
    (UTC_TIME, b'250101000000+0100'), (UTC_TIME, b'2501010000Z'), (UTC_TIME, b''),
    (UTC_TIME, b'250231000000Z'), (UTC_TIME, b'250101250000Z'),
    (GENERALIZED_TIME, b'20250101000000.5Z'), (0x04, b'x')])
def test_no_time(tag, time):
    """What is no time is said to be none, and the other fields are shown."""
    lines = tree(certificate(time=tlv(tag, time)))
    assert ['x  issued by issuer', '   valid    (malformed) to (malformed), which is not a time',
            '   names    (none)', '   serial   01'] == lines[:4]
    assert [] != [line for line in lines if line.startswith('   (certificate: notBefore')]
    assert lines[-1].startswith('   SHA-256  ')


@pytest.mark.parametrize('subject, shown', [
    (b'', '(no name)'), (attribute(0x03, b'\x00\xff\xe4'), '\\ufffd\\ufffd'),
    (attribute(0x03, b'\x00'), '(no name)'), (attribute(0x0C, b''), '(no name)'),
    (attribute(0x0C, b'a\0b\n\x1b[2J'), r'a\x00b\x0a\x1b[2J'),
    (attribute(0x0C, b'\xff'), '(malformed)'), (attribute(0x02, b'\x01'), '(malformed)'),
    (b'\x05\x00', '(malformed)'), (attribute(0x0C, b'x' * 5000), 'x' * 200 + '...'),
    (attribute(0x03, b'\x00\xe4', b'\x55\x04\x05'), 'serialNumber=\\ufffd')])
def test_subject(subject, shown):
    """A subject of any kind, or of none, is one line."""
    lines = tree(certificate(subject=subject))
    assert shown + '  issued by issuer' == lines[0]
    assert lines[1].startswith('   valid    2020-01-01 to ')


@pytest.mark.parametrize('tag, content, shown', [
    (0x82, b'a\0b', r'a\x00b'), (0x82, b'\xc3\xb6', '\\xf6'), (0x82, b'', ''),
    (0x87, b'123', '<invalid>'), (0xA0, b'', 'othername:<unsupported>'),
    (0xA4, tlv(SEQUENCE, attribute(0x03, b'\x00\xff')), 'DirName:\\ufffd'),
    (0x82, b'x' * 5000, 'x' * 200 + '...'), (0x87, b'\x7f\0\0\1', '127.0.0.1'),
    (0x82, b'127.0.0.1', '127.0.0.1 (as a DNS name)'), (0x82, b'::1', '::1 (as a DNS name)')])
def test_names(tag, content, shown):
    """A name of any kind is shown."""
    lines = [line for line in tree(with_name(tag, content)) if line.startswith('   names')]
    assert ['   names    ' + (shown or '(none)')] == lines


def test_malformed_names():
    """Names that cannot be read are said to be so."""
    lines = tree(with_name(0x82, b'\xff'))
    assert '   (certificate: text is not utf-8)' in lines


def test_serial():
    """A serial number that is none is said to be so, a long one is cut."""
    assert '   serial   (malformed)' in tree(certificate(serial=b''))
    assert '   serial   ' + '7F' * 100 + '...' in tree(certificate(serial=b'\x7f' * 5000))


def test_any_byte(pki):
    """Whichever byte of a certificate is changed there is a tree, with its fingerprint."""
    der = pki.chain('rich')[0]
    for position in range(len(der)):
        for value in (0, 0x1f, 0x7f, 0x80, 0xff):
            changed = bytearray(der)
            changed[position] = value
            assert '  SHA-256  ' in tree(bytes(changed))[-1]


@pytest.mark.parametrize('der, name', [
    (certificate(), u'x'), (certificate(subject=attribute(0x03, b'\x00\xff')), u'\ufffd'),
    (certificate(subject=b''), None),
    (certificate(subject=b'', extensions=extension(
        SUBJECT_ALT_NAME, tlv(0xA4, tlv(SEQUENCE, attribute(0x0C, b'y'))))), u'y')])
def test_name_of_client(der, name):
    """A client's name is text, of whatever its certificate has it."""
    assert name == name_of_client(decode_certificate(der))
    assert name_of_client(None) is None


@starts_programs
@pytest.mark.parametrize('begin, end', [
    ((GENERALIZED_TIME, b'00010101000000Z'), (GENERALIZED_TIME, b'20500101000000Z')),
    ((GENERALIZED_TIME, b'00000101000000Z'), (GENERALIZED_TIME, b'00000201000000Z')),
    ((UTC_TIME, b'2501010000Z'), (UTC_TIME, b'250101000000+0100'))])
def test_connect(pki, tmpdir, begin, end):
    """connect shows such a certificate; it is refused in lines, and --insecure goes on."""
    path = tmpdir.join('odd.pem')
    der = with_validity(pki.chain('localhost')[0], begin, end)
    text = pki.text('localhost')
    key = re.search('(?s)-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*-----END \\1-----\n', text).group()
    path.write(key + ssl.DER_cert_to_PEM_cert(der))
    context = pki.server_context()
    context.load_cert_chain(str(path))

    def handle(sock):
        try:
            echo_tls(sock, context)
        except ssl.SSLError:
            pass  # the client has refused

    with serving(handle) as port:
        server = 'localhost:%d' % port
        status, stdout, stderr = command('connect', server, '--cafile', pki.path('ca'), input='x')
        assert (1, '') == (status, stdout)
        assert stderr.splitlines()[-1].startswith('sslproto27: localhost')
        assert 'Traceback' not in stderr
        status, stdout, stderr = command('connect', server, '--insecure', input='x')
        assert (0, 'x') == (status, stdout), stderr
        assert '   valid    ' in stderr and '   SHA-256  ' in stderr
