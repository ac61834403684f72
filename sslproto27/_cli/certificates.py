"""Certificates for people: a chain as a tree, the authority at its root."""
from __future__ import absolute_import, division, print_function

import binascii
import hashlib
import ssl

from .._x509 import decode_certificate

__all__ = ['print_tree']

_DAY = 86400

#: Days left from which on it is time to renew.
_SOON = 30

#: How many of a certificate's names are printed.
_NAMES = 10

#: What of a distinguished name tells it from others, in the order in which it is printed.
_TELLING = ('commonName', 'organizationName', 'organizationalUnitName')


def print_tree(console, chain, now, details=True):
    """
    Print a chain of certificates.

    Args:
        console (Console): where to.
        chain (list of bytes): DER, the peer's certificate first.
        now (float): seconds since the epoch, for the days that are left.
        details (bool): also names, serial number and fingerprint of the peer's certificate.
    """
    for depth, der in enumerate(reversed(chain)):
        indent = u'' if not depth else u'   ' * (depth - 1) + u'`- '
        below = u'   ' * (depth + 1)
        try:
            certificate = decode_certificate(der)
        except ValueError as error:
            console.line(indent, ('bad', '(%s)' % error))
        else:
            # Below the root the tree itself says who issued what.
            console.line(indent, ('bold', _name(certificate['subject'])),
                         *([] if depth else _whose(certificate)))
            console.line(below, *_validity(certificate, now))
            if depth == len(chain) - 1 and details:
                _details(console, below, certificate)
        if depth == len(chain) - 1 and details:
            digest = binascii.hexlify(hashlib.sha256(der).digest()).decode('ascii')
            console.line(below, ('dim', 'SHA-256  '), digest)


def _name(rdns):
    values = [pair for rdn in rdns for pair in rdn]
    telling = [value for wanted in _TELLING for name, value in values if name == wanted]
    return u', '.join(telling or [u'%s=%s' % pair for pair in values]) or u'(no name)'


def _whose(certificate):
    """Return the spans that say who issued the root of what is printed."""
    if certificate['subject'] == certificate['issuer']:
        return [('dim', '  issued by itself')]
    return [('dim', '  issued by '), _name(certificate['issuer'])]


def _validity(certificate, now):
    start = ssl.cert_time_to_seconds(certificate['notBefore'])
    end = ssl.cert_time_to_seconds(certificate['notAfter'])
    if now < start:
        state = 'bad', 'not valid for another ' + _days(start - now + _DAY)
    elif now > end:
        state = 'bad', 'expired %s ago' % _days(now - end)
    else:
        state = 'warn' if end - now < _SOON * _DAY else 'good', _days(end - now) + ' left'
    dates = _date(certificate['notBefore']), _date(certificate['notAfter'])
    return [('dim', 'valid    '), '%s to %s, ' % dates, state]


def _days(seconds):
    number = int(seconds // _DAY)
    return '%d day%s' % (number, '' if number == 1 else 's')


def _date(text):
    """Return 'Jan  5 09:34:43 2018 GMT' as '2018-01-05'."""
    month, day, _, year, _ = text.split()
    number = ('Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split().index(month)) + 1
    return '%s-%02d-%02d' % (year, number, int(day))


def _details(console, indent, certificate):
    names = [value if kind in ('DNS', 'IP Address') else u'%s:%s' % (kind, value)
             for kind, value in certificate.get('subjectAltName', ())]
    more = ', and %d more' % (len(names) - _NAMES) if len(names) > _NAMES else ''
    console.line(indent, ('dim', 'names    '), u', '.join(names[:_NAMES]) or '(none)', more)
    console.line(indent, ('dim', 'serial   '), certificate['serialNumber'])
