"""
Draw docs/images: the layers, read from the imports, and the states, read from the tables.

    draw_diagrams.py            (needs Graphviz' dot)

tests/project/test_diagrams.py checks that the drawings match the code.
"""
from __future__ import absolute_import, division, print_function

import collections
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGES = os.path.join(ROOT, 'docs', 'images')
sys.path.insert(0, ROOT)

from sslproto27._core import pipe_states as _pipe  # noqa: E402
from sslproto27._stream import states as _states  # noqa: E402
from tests.support import imports  # noqa: E402

HEAD = '''digraph {
  graph [rankdir=TB, fontname="Helvetica", bgcolor="white", pad=0.2, nodesep=%s, ranksep=%s]
  node [shape=box, style="rounded,filled", fillcolor="#eef3fa", color="#4a6fa5", margin="0.15,0.08",
        fontname="Helvetica", fontsize=13]
  edge [color="#4a6fa5", fontname="Helvetica", fontsize=11]
'''

#: A node for several states.
ANY_OF = 'style="rounded,dashed", fontsize=11, color="#999999", fontcolor="#555555"'

#: If an event leads to the same state from at least this many states, they share one node.
COMMON = 4

#: A layer with at most this many modules lists their names; a larger one only shows their number.
LISTED = 7


def states(module):
    """Return the drawing of a module's state machine, in Graphviz' language."""
    # The drawing runs from top to bottom, in the module's order of the states.
    order = [getattr(module, name) for name in module.__all__].index
    transitions = module.TRANSITIONS
    sources, events = collections.OrderedDict(), collections.OrderedDict()
    for (before, event), after in sorted(transitions.items(),
                                         key=lambda one: (order(one[0][0]), order(one[1]), one)):
        sources.setdefault((event, after), []).append(before)
    lines = ['  %s' % state for state in sorted({before for before, _ in transitions}
                                                | set(transitions.values()), key=order)]
    for (event, after), befores in sources.items():
        if len(befores) >= COMMON:
            befores = [', '.join(befores)]
            lines.append('  "%s" [label="any of:\\n%s", %s]' % (
                befores[0], befores[0].replace(', ', '\\n'), ANY_OF))
        for before in befores:
            events.setdefault((before, after), []).append(event)
    for (before, after), labels in events.items():
        lines.append('  "%s" -> %s [label="%s"%s]' % (
            before, after, '\\n'.join(' %s ' % one for one in labels),
            ', style=dashed' if ', ' in before else ''))
    return HEAD % (0.5, 0.5) + '\n'.join(lines) + '\n}\n'


def layers():
    """
    Return the drawing of the layers and their imports, in Graphviz' language.

    Indirect imports are not drawn.
    """
    groups = imports.layers()
    groups['core'] -= imports.BOTTOM
    groups['bottom'] = imports.BOTTOM
    layer_of = {module: name for name, modules in groups.items() for module in modules}
    below = {name: {layer_of[one] for module in modules for one in imports.own_imports(module)}
             - {name} for name, modules in groups.items()}
    reached = {}

    def reach(name):
        if name not in reached:
            reached[name] = below[name].union(*[reach(one) for one in below[name]])
        return reached[name]

    lines = []
    for name, modules in groups.items():
        listed = sorted(one for one in modules if one != name and not one.startswith(name + '.'))
        text = '' if not listed or listed == [''] else (
            ', '.join(listed[:4]) + (',\\n' + ', '.join(listed[4:]) if listed[4:] else '')
            if len(listed) <= LISTED else '%d modules' % len(listed))
        lines.append('  "%s" [label="%s"%s]' % (
            name, name + ('\\n' + text if text else ''),
            ', fillcolor="#fdf3e1", color="#b9822b"' if name in modules else ''))
        for one in sorted(below[name]):
            if not any(one in reach(other) for other in below[name]):
                lines.append('  "%s" -> "%s"' % (name, one))
    return HEAD % (0.25, 0.4) + '\n'.join(lines) + '\n}\n'


def main():
    """Write the drawings."""
    if not os.path.isdir(IMAGES):
        os.makedirs(IMAGES)
    for name, source in [('layers', layers()), ('pipe-states', states(_pipe)),
                         ('protocol-states', states(_states))]:
        path = os.path.join(IMAGES, name + '.svg')
        dot = subprocess.Popen(['dot', '-Tsvg', '-o', path], stdin=subprocess.PIPE)
        dot.communicate(source.encode('ascii'))
        if dot.returncode:
            sys.exit('dot failed')
        print(os.path.relpath(path, ROOT))


if __name__ == '__main__':
    main()
