"""
Mail over STARTTLS with the standard library's smtplib and TLS in memory.

The same works for httplib, imaplib and ftplib: they use any socket that you give them.

Usage: smtp_starttls.py AUTHORITY PORT SENDER RECIPIENT MESSAGE

AUTHORITY is a PEM file with the certificate to trust; the server's must be for 'localhost'.
"""
from __future__ import print_function

import logging
import smtplib
import sys

import sslproto27


def starttls(smtp, context, hostname):
    """
    Switch to TLS: smtplib's own starttls, but with any context, and with the host name verified.

    Raises:
        smtplib.SMTPException: the server has no STARTTLS, or refuses it.
        ssl.SSLError: the handshake failed.
    """
    smtp.ehlo_or_helo_if_needed()
    if not smtp.has_extn('starttls'):
        raise smtplib.SMTPException('the server has no STARTTLS')
    code, text = smtp.docmd('STARTTLS')
    if code != 220:
        raise smtplib.SMTPResponseException(code, text)
    smtp.file.close()  # drop data read ahead: it was not protected by TLS
    smtp.sock = sslproto27.SSLSocket(smtp.sock, context, server_hostname=hostname)
    smtp.file = smtp.sock.makefile('rb')
    # RFC 3207 4.2: forget what the server said before TLS
    smtp.helo_resp = smtp.ehlo_resp = None
    smtp.esmtp_features, smtp.does_esmtp = {}, False


def main(authority, port, sender, recipient, message):
    context = sslproto27.create_default_context(cafile=authority)
    smtp = smtplib.SMTP('127.0.0.1', int(port), local_hostname='localhost')
    starttls(smtp, context, 'localhost')
    print(smtp.sock.version(), smtp.sock.cipher()[0])
    smtp.sendmail(sender, [recipient], 'Subject: example\r\n\r\n' + message)
    smtp.quit()


if __name__ == '__main__':
    if len(sys.argv) != 6:
        sys.exit(__doc__.strip())
    logging.basicConfig()
    main(*sys.argv[1:])
