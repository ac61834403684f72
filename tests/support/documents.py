"""
The code blocks of the pages, and how they are run. Nothing here knows what one of them should do.

A block is named by its page and the heading above it, 'README.md: TLS with no connection at all',
and ' (2)' and so on if it is not the first one there.
"""
from __future__ import absolute_import, division, print_function

import collections
import contextlib
import glob
import io
import os
import re
import shutil
import subprocess
import sys

from tests.support.engines import pass_on
from tests.support.programs import ROOT, child, environment, running

__all__ = ['Block', 'Folder', 'blocks', 'is_like', 'pages', 'targets']

#: Attributes: key (str), language (str; 'indented' if it has no fence), code (str).
Block = collections.namedtuple('Block', 'key language code')

#: A command, over several lines if they end in a backslash, and what is shown of its output.
CONTINUED = re.compile(r'((?:.*\\\n)*.*)\n([\s\S]*)')

BULLET = re.compile(r'(?:[-*]|[0-9]+\.) ')


def pages():
    """Return the paths of all pages."""
    return sorted(glob.glob(os.path.join(ROOT, 'docs', '*.md'))
                  + [os.path.join(ROOT, name)
                     for name in ('README.md', 'CONTRIBUTING.md', 'SECURITY.md')])


def blocks():
    """Return an OrderedDict from key to `Block`, of all pages."""
    found = collections.OrderedDict()
    for page in pages():
        counts = collections.Counter()
        for heading, language, code in _blocks_of(page):
            counts[heading] += 1
            key = '%s: %s' % (os.path.basename(page), heading)
            if counts[heading] > 1:
                key += ' (%d)' % counts[heading]
            found[key] = Block(key, language, code)
    return found


def _blocks_of(page):
    """Yield (heading, language, code) of a page."""
    with io.open(page, encoding='utf-8') as file:
        lines = [str(line) for line in file.read().encode('ascii', 'replace').decode().splitlines()]
    heading, may_indent, number = '', True, 0
    while number < len(lines):
        line, code = lines[number], []
        number += 1
        if line.startswith('```'):
            while lines[number] != '```':
                code.append(lines[number])
                number += 1
            number += 1
            yield heading, line[3:], '\n'.join(code) + '\n'
        elif line.startswith('    ') and may_indent:
            while number <= len(lines) and line.startswith('    '):
                code.append(line[4:])
                line = lines[number] if number < len(lines) else ''
                number += 1
            yield heading, 'indented', '\n'.join(code) + '\n'
        elif line.startswith('#'):
            heading = line.lstrip('#').strip()
        if line.strip():
            # What is indented below an item of a list is the rest of that.
            may_indent = not BULLET.match(line) and (may_indent or not line.startswith(' '))


def targets():
    """Return the names of the Makefile's targets that `make help` lists."""
    with open(os.path.join(ROOT, 'Makefile')) as file:
        return set(re.findall(r'(?m)^([a-z0-9-]+):.*##', file.read()))


#: What differs from one machine and run to the next: a date, a word with a figure, a path.
VARYING = re.compile(r'[0-9]+ [A-Z][a-z]{2} [0-9]{4}|\S*[0-9/#]\S*')


def is_like(shown, printed):
    """
    Return whether lines are those that a page shows.

    What differs from run to run is all the same (`VARYING`), and so is how often it stands there. A
    line of '...' stands for any number of lines.
    """
    def lines(text):
        for line in text.strip().splitlines():
            line = ' '.join(VARYING.sub('0', line).split())
            yield re.sub('0(?: 0)+', '0', line)

    pattern = ''.join(r'(?:.*\n)*?' if line == '...' else re.escape(line) + r'\n'
                      for line in lines(shown))
    return re.match(pattern + '$', ''.join(line + '\n' for line in lines(printed))) is not None


class Folder(object):
    """
    Where blocks are run: a folder with the files that they name, and servers at their ports.

    Attributes:
        path (str): of the folder.
        ports (dict of str to str): what a block has for a port, and the port that it gets.
    """

    def __init__(self, path, pki, files=()):
        self.path, self.ports = path, {}
        files = dict({'ca': 'ca', 'localhost': 'localhost', 'client': 'client'}, **dict(files))
        for name, material in files.items():
            shutil.copy(pki.path(material), os.path.join(path, name + '.pem'))
        os.mkdir(os.path.join(path, 'bin'))
        for name, arguments in (('sslproto27', ' -m sslproto27'), ('python', '')):
            script = os.path.join(path, 'bin', name)
            with open(script, 'w') as file:
                file.write('#!/bin/sh\nexec "%s"%s "$@"\n' % (sys.executable, arguments))
            os.chmod(script, 0o755)
        self.options = dict(cwd=path, env=dict(
            environment(), SSL_CERT_FILE=pki.path('ca'),
            PATH=os.pathsep.join([os.path.join(path, 'bin'), os.environ['PATH']])))

    def filled(self, code):
        """Return *code* for the names and ports that there are here."""
        for written, port in self.ports.items():
            code = code.replace(written, port)
        return code.replace('mail.example.org', 'localhost').replace('example.org', 'localhost')

    def run(self, code, *options):
        """Run Python code, with options of the interpreter; return (status, stdout, stderr)."""
        with running(list(options) + ['-c', self.filled(code)], **self.options) as process:
            stdout, stderr = process.communicate()
            return process.returncode, stdout, pass_on(stderr)

    @contextlib.contextmanager
    def serving(self, written, arguments):
        """Run Python with *arguments*, a server, and let its port be what blocks have for one."""
        with running(['-u'] + arguments, **self.options) as process:
            line = process.stdout.readline()
            if not line.startswith('listening on port '):
                raise AssertionError(process.stderr.read())
            self.ports[written] = line.split()[-1]
            yield

    def check_console(self, code, extra='', lasting=False):
        """
        Run a console's commands one after the other, and hold what they print to what is shown.

        Args:
            extra (str): is appended to each command.
            lasting (bool): they do not end: what is shown is all that is read of them.
        """
        for part in re.split(r'(?m)^\$ ', code)[1:]:
            command, shown = CONTINUED.match(part).groups()
            command = self.filled(command) + extra
            if lasting:
                command = 'exec ' + command
            with child(['sh', '-c', command], **dict(self.options, stderr=subprocess.STDOUT)
                       ) as process:
                if lasting:
                    count = len(shown.strip().splitlines()) or 1
                    printed = ''.join(process.stdout.readline() for _ in range(count))
                    assert process.poll() is None, printed
                    process.terminate()
                    process.wait()
                else:
                    printed = process.communicate()[0]
                    assert 0 == process.returncode, printed
            if shown.strip() or not lasting:
                assert is_like(self.filled(shown), printed), printed
