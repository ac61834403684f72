"""The drawings in docs/images say what the code says: `make diagrams` draws them anew."""
from __future__ import absolute_import, division, print_function

import os
import xml.etree.ElementTree

import pytest

from sslproto27._core import pipe_states as _pipe
from sslproto27._stream import states as _states
from tests.support.imports import BOTTOM, layers, own_imports
from tests.support.programs import ROOT

SVG = '{http://www.w3.org/2000/svg}'


def drawn(name, kind):
    """
    Return what a drawing has of a *kind*, 'node' or 'edge'.

    Returns:
        dict of str to list of str: by Graphviz' name of it, the lines that are written at it.
    """
    tree = xml.etree.ElementTree.parse(os.path.join(ROOT, 'docs', 'images', name + '.svg'))
    return {group.find(SVG + 'title').text: [text.text.strip() for text in group.iter(SVG + 'text')]
            for group in tree.iter(SVG + 'g') if group.get('class') == kind}


def reachable(edges):
    """Return all (a, b) such that the edges, which are such pairs too, lead from a to b."""
    found = set(edges)
    while True:
        more = {(a, d) for a, b in found for c, d in found if b == c} - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize('name, module', [('pipe-states', _pipe), ('protocol-states', _states)])
class TestStates(object):
    """The drawings of the state machines."""

    def test_transitions(self, name, module):
        """Each transition of the table is drawn, and no other."""
        found = {}
        for title, events in drawn(name, 'edge').items():
            befores, after = title.split('->')
            found.update(((before, event), after)
                         for before in befores.split(', ') for event in events)
        assert module.TRANSITIONS == found

    def test_states(self, name, module):
        """A node bears the name of its state, or of the states that it stands for."""
        nodes = drawn(name, 'node')
        for title, lines in nodes.items():
            assert lines in ([title], ['any of:'] + title.split(', '))
        states = {before for before, _ in module.TRANSITIONS} | set(module.TRANSITIONS.values())
        assert states == {title for title in nodes if ', ' not in title}


class TestLayers(object):
    """The drawing of the layers."""

    def expected(self):
        """Return the layers, with what is the engine's as well as the lowest."""
        groups = dict(layers(), bottom=BOTTOM)
        groups['core'] = groups['core'] - BOTTOM
        return groups

    def test_imports(self):
        """From one layer arrows lead to another, by a detour maybe, where imports do so."""
        layer_of = {one: name for name, modules in self.expected().items() for one in modules}
        edges = {(layer_of[one], layer_of[other])
                 for one in layer_of for other in own_imports(one)}
        edges = reachable({(a, b) for a, b in edges if a != b})
        assert edges == reachable({tuple(title.split('->')) for title in drawn('layers', 'edge')})

    def test_modules(self):
        """Each layer is drawn with its modules by name, or with their number."""
        groups, nodes = self.expected(), drawn('layers', 'node')
        assert set(groups) == set(nodes)
        for name, (title, text) in ((name, (lines[0], ' '.join(lines[1:])))
                                    for name, lines in nodes.items()):
            assert name == title
            if text.endswith(' modules'):
                assert len(groups[name]) == int(text.split()[0])
            elif text:
                assert sorted(groups[name]) == sorted(text.split(', '))
            else:
                assert name in groups[name] or groups[name] == {''}
