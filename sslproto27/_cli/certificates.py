"""
Prints certificates for people: a chain as a tree, with the authority at its root.

The peer can be anybody, so any field can be malformed. We print whatever can be read.
"""
from __future__ import absolute_import, division, print_function

import binascii
import calendar
import datetime
import hashlib

from .._core.hostname_match import is_ip_address
from .._core.x509 import decode_readable
from .console import printable

__all__ = ['name_of_client', 'names_in', 'print_tree', 'telling_name']

_DAY = 86400

#: Warn if a certificate is valid for less than this many days.
_SOON = 30

#: The most names of a certificate that we print.
_NAMES = 10

#: The most characters of a value that we print.
_LONGEST = 200

_MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split()

#: The fields of a distinguished name that identify it, in the order in which we print them.
_TELLING = ('commonName', 'organizationName', 'organizationalUnitName')


def print_tree(console, chain, now, details=True):
    """
    Print a chain of certificates.

    Args:
        console (Console): where to print.
        chain (list of bytes): DER, the peer's certificate first.
        now (float): seconds since the epoch, to compute the days left.
        details (bool): also print the names, serial number and fingerprint of the peer's
            certificate.
    """
    for depth, der in enumerate(reversed(chain)):
        indent = u'' if not depth else u'   ' * (depth - 1) + u'`- '
        below = u'   ' * (depth + 1)
        certificate, malformed = decode_readable(der)
        if certificate:
            # Below the root, the tree itself shows the issuer.
            console.line(indent, ('bold', telling_name(certificate.get('subject'))),
                         *([] if depth else _whose(certificate)))
            console.line(below, *_validity(certificate, now))
            if depth == len(chain) - 1 and details:
                _details(console, below, certificate)
        for reason in sorted(malformed.values()):
            console.line(below if certificate else indent, ('bad', '(%s)' % reason))
        if depth == len(chain) - 1 and details:
            digest = binascii.hexlify(hashlib.sha256(der).digest()).decode('ascii')
            console.line(below, ('dim', 'SHA-256  '), digest)


def _shown(value):
    """Return a field of any length and content as short, printable text; '' for None."""
    text = u'' if value is None else printable(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + u'...'


def telling_name(rdns):
    """Return the identifying part of a distinguished name (text); *rdns* is the decoded name."""
    if rdns is None:
        return u'(malformed)'
    values = [(name, _shown(value)) for rdn in rdns for name, value in rdn]
    telling = [value for wanted in _TELLING for name, value in values if name == wanted]
    return _shown(u', '.join(telling or [u'%s=%s' % pair for pair in values])) or u'(no name)'


def _whose(certificate):
    """Return the spans that name the issuer of the tree's root."""
    issuer = certificate.get('issuer')
    # Compare by repr, since Python 2 warns if text is compared with bytes, such as a BIT STRING.
    if issuer is not None and repr(certificate.get('subject')) == repr(issuer):
        return [('dim', '  issued by itself')]
    return [('dim', '  issued by '), telling_name(issuer)]


def _validity(certificate, now):
    first, start = _moment(certificate.get('notBefore'))
    last, end = _moment(certificate.get('notAfter'))
    if start is not None and now < start:
        state = 'bad', 'not valid for another ' + _days(start - now + _DAY)
    elif end is not None and now > end:
        state = 'bad', 'expired %s ago' % _days(now - end)
    elif start is None or end is None:
        state = 'bad', 'which is not a time'
    else:
        state = 'warn' if end - now < _SOON * _DAY else 'good', _days(end - now) + ' left'
    return [('dim', 'valid    '), '%s to %s, ' % (first, last), state]


def _days(seconds):
    number = int(seconds // _DAY)
    return '%d day%s' % (number, '' if number == 1 else 's')


def _moment(text):
    """Return 'Jan  5 09:34:43 2018 GMT' as ('2018-01-05', seconds since the epoch)."""
    if text is None:
        return '(malformed)', None
    month, day, clock, year, _ = text.split()
    year, month, day = int(year), _MONTHS.index(month) + 1, int(day)
    hour, minute, second = (int(part) for part in clock.split(':'))
    # datetime has no year 0. Any 400 years have 146097 days.
    cycle = 400 if not year else 0
    moment = datetime.datetime(year + cycle, month, day, hour, minute, second)
    seconds = calendar.timegm(moment.timetuple()) - cycle // 400 * 146097 * _DAY
    return '%04d-%02d-%02d' % (year, month, day), seconds


def _alternative(kind, value):
    text = telling_name(value) if kind == 'DirName' else _shown(value)
    if kind == 'DNS' and is_ip_address(text):
        return text + u' (as a DNS name)'  # which no client takes for the address
    return text if kind in ('DNS', 'IP Address') else u'%s:%s' % (kind, text)


def names_in(certificate):
    """Return the names of a certificate from `decode_readable` as text; '' if there are none."""
    names = [_alternative(*name) for name in certificate.get('subjectAltName', ())]
    more = u', and %d more' % (len(names) - _NAMES) if len(names) > _NAMES else u''
    return u', '.join(names[:_NAMES]) + more


def _details(console, indent, certificate):
    console.line(indent, ('dim', 'names    '), names_in(certificate) or '(none)')
    console.line(indent, ('dim', 'serial   '),
                 _shown(certificate.get('serialNumber')) or '(malformed)')


def name_of_client(certificate):
    """
    Return a client's common name, or without one its first alternative name (text or None).

    Args:
        certificate (dict or None): from `decode_certificate`.
    """
    if not certificate:
        return None
    names = [value for rdn in certificate['subject'] for name, value in rdn
             if name == 'commonName']
    names += [telling_name(value) if kind == 'DirName' else value
              for kind, value in certificate.get('subjectAltName', ())]
    return _shown(names[0]) if names else None
