"""`sslproto27._core.versions`: frameworks that an adapter has not been written for are refused."""
from __future__ import absolute_import, division, print_function

import types

import pytest

from sslproto27._core.versions import installed_version, require_version


@pytest.mark.parametrize('found', [
    '1.2', '1.2.3', '1.20', '1.20.post1', '1.21', '1.22.9', None])
def test_supported(found):
    """A version counts as far as it is given; what tells none passes."""
    assert require_version('Frame', found, [('1.2', '1.2'), ('1.20', '1.22')]) is None


@pytest.mark.parametrize('found', ['1.1', '1.3', '1.19', '1.23', '11.2', '2', 'none', ''])
def test_refused(found):
    """Any other is an error, whose text names both."""
    with pytest.raises(ImportError) as info:
        require_version('Frame', found, [('1.2', '1.2'), ('1.20', '1.22')])
    assert 'Frame %s is not supported, but 1.2 and 1.20 to 1.22' % found == str(info.value)


def test_other_error():
    """An adapter may choose the error."""
    with pytest.raises(ValueError) as info:
        require_version('Frame', '3', [('2', '2')], ValueError)
    assert 'Frame 3 is not supported, but 2' == str(info.value)


@pytest.mark.parametrize('note, version', [
    ('frame-2.2.1.dist-info', '2.2.1'), ('frame-2.1.post2.dist-info', '2.1.post2'),
    ('frame-2.0-py2.7.egg-info', '2.0'), ('frame-2.0.egg-info', '2.0'),
    ('frame_other-1.dist-info', None), ('frame-work-1.dist-info', None), ('other', None)])
def test_note_of_the_installer(tmpdir, note, version):
    """What pip, or a distribution's own tool, has noted beside a package is its version."""
    tmpdir.mkdir(note)
    module = types.ModuleType('frame')
    module.__file__ = str(tmpdir.join('frame', '__init__.py'))
    assert version == installed_version(module, 'frame')
