"""
How Sphinx builds these pages, on Python 3.

There the public names of the core are the standard library's own classes. The reference documents
the ones for 2.7, so their modules are imported here too, over an engine that can do nothing.
"""
import os
import re
import sys
from unittest import mock

from sphinx.ext.autodoc.mock import _MockModule

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

import sslproto27  # noqa: E402
import sslproto27._core.engine  # noqa: E402
import sslproto27._core.versions  # noqa: E402

sslproto27._core.engine.binding = mock.MagicMock()
# Sphinx brings a urllib3 of its own, newer than the one that the adapters are for.
sslproto27._core.versions.require_version = mock.MagicMock()
_MockModule.version_info = (5, 1, 1, 0)  # what Tornado, which is no real one here, is asked for
with mock.patch('ssl.CertificateError', ValueError):  # as on 2.7
    from sslproto27._core import (
        constants as _constants, errors as _errors, bio as _memorybio, pep546 as _pep546,
        session as _session, sslobject as _sslobject)
    from sslproto27._core.context import sslcontext as _context

for module in _constants, _context, _errors, _memorybio, _pep546, _session, _sslobject:
    for name in set(module.__all__) & set(sslproto27.__all__):
        setattr(sslproto27, name, getattr(module, name))

project = 'sslproto27'
copyright = 'the sslproto27 authors'
release = version = sslproto27.__version__

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon', 'sphinx_copybutton']
autodoc_mock_imports = ['trollius', 'tornado', 'twisted', 'zope', 'urllib3', 'requests']
autodoc_default_options = {'members': True, 'member-order': 'bysource'}
autodoc_inherit_docstrings = False
napoleon_numpy_docstring = False
napoleon_use_ivar = True
myst_heading_anchors = 3

html_theme = 'furo'
html_title = 'sslproto27 ' + version
html_static_path = ['_static']
html_css_files = ['pages.css']
html_copy_source = html_show_sourcelink = False

# What the button of a console's block copies: its commands, without prompts and output.
copybutton_prompt_text = '$ '
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = '\\'


def to_rst(app, what, name, obj, options, lines):
    """Make reStructuredText of what the docstrings have: `names` as code, code that is indented."""
    for number, line in enumerate(lines):
        # The standard library's names have no page here, so that they are no links.
        lines[number] = re.sub(r'(?<!`)`([^`<]+)`(?!`)(\w?)',
                               lambda found: '``%s``' % found.group(1)
                               + ('\\\\ ' + found.group(2) if found.group(2) else ''), line)
    if what == 'module':
        lines[:] = re.sub(r'(?m)^(\S.*)\n\n(?=    )', r'\1\n\n::\n\n', '\n'.join(lines)).split('\n')


def setup(app):
    """Called by Sphinx."""
    app.connect('autodoc-process-docstring', to_rst)
