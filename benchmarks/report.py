"""
Draw the results of `bench.py --json` as SVG charts.

    python benchmarks/report.py RESULTS.json FOLDER

Each chart says when, where and with which versions it was measured, and whether more or less is
better. A bar is a median. The title gives the ratio that matters most.
"""
from __future__ import absolute_import, division, print_function

import argparse
import json
import os
from collections import namedtuple

import pygal
from pygal.style import Style

import engine_bench
import loop_bench
from samples import median

__all__ = ['CHARTS', 'draw']

#: A chart shows some *lines* of one *part* for a few *contestants*, if there are samples. The title
#: gives the ratios of the first contestant to the second. With *base*, the name of a contestant,
#: the bars are percentages of that contestant's.
Chart = namedtuple('Chart', 'name part title unit lines contestants base')

_ON_TROLLIUS = ('ours', 'stock', 'asyncio')

CHARTS = (
    Chart('round-trips', 'loops', 'Small messages on Trollius: {} times the speed of its own TLS',
          '100-byte round trips a CPU second of the server: more is better',
          [line for line in loop_bench.LINES if line.name.startswith('round-trips')],
          _ON_TROLLIUS, None),
    Chart('bulk', 'loops', 'Bulk data on Trollius: {} times the speed of its own TLS',
          'MB a CPU second of the server: more is better',
          [line for line in loop_bench.LINES if line.name in ('echo-64', 'upload', 'download')],
          _ON_TROLLIUS, None),
    Chart('connections', 'loops', 'New connections on Trollius: {} times the speed of its own TLS',
          'handshakes a CPU second of the server: more is better',
          [line for line in loop_bench.LINES if line.name == 'connect'], _ON_TROLLIUS, None),
    Chart('memory', 'loops', 'An idle connection on Trollius: {} of the memory of its own TLS',
          'KiB of RSS: less is better', [loop_bench.IDLE], _ON_TROLLIUS, None),
    Chart('engine', 'engine', "TLS in memory: {} of the speed of Python 3.13's ssl",
          'percent of a loop in C: more is better',
          [line for line in engine_bench.LINES if line.name != 'memory'],
          ('ours', 'ssl', 'pyopenssl'), 'c'),
)

#: A colour for each contestant, the same in all charts.
COLOURS = {'ours': '#0a6b3d', 'stock': '#c0392b', 'asyncio': '#2f6fab', 'ssl': '#2f6fab',
           'pyopenssl': '#8e5ea2'}

#: pygal centres a value on the end of its bar, and draws black lines through it.
_READABLE = ('inline:.text-overlay text.value { text-anchor: start; }'
             '.axis .guides .guide.line { stroke: #dddddd !important; }')


def _title(chart, medians):
    """Return the title, with the least and the most of the ratios."""
    first, second = chart.contestants[:2]
    found = ['%.1f' % (medians[line.name, first] / medians[line.name, second])
             for line in chart.lines if {(line.name, first), (line.name, second)} <= set(medians)]
    least, most = min(found, key=float), max(found, key=float)
    return chart.title.format(least if least == most else '%s to %s' % (least, most))


def draw(chart, results):
    """Return the SVG of *chart* (bytes); None if the *results* lack one of its contestants."""
    part = results['parts'].get(chart.part)
    if part is None or not set(chart.contestants) <= set(part['contestants']):
        return None
    medians = {(line, name): median(values) for line, name, values in part['samples']}
    lines = [line for line in reversed(chart.lines) if (line.name, 'ours') in medians]
    if not lines:
        return None
    rows = [(part['contestants'][name], [
        medians[line.name, name] * (100 / medians[line.name, chart.base] if chart.base else 1)
        if (line.name, name) in medians else None for line in lines]) for name in chart.contestants]
    svg = pygal.HorizontalBar(
        js=(), css=('file://style.css', 'file://graph.css', _READABLE),
        disable_xml_declaration=False, legend_at_bottom=True, legend_at_bottom_columns=1,
        truncate_legend=-1, width=860, height=200 + 26 * len(rows) * (1 + len(lines)),
        range=(0, 1.1 * max(value for _, values in rows for value in values if value)),
        print_values=True, print_values_position='top', value_formatter='{:.0f}'.format,
        style=Style(colors=[COLOURS[name] for name in chart.contestants], background='white',
                    plot_background='white', title_font_size=15, label_font_size=12,
                    legend_font_size=12, value_font_size=12, font_family='sans-serif'))
    svg.uuid = chart.name  # a random one would differ each time
    svg.title = _title(chart, medians)
    svg.x_title = '%s (%s, %s)' % (chart.unit, results['date'], results['machine'])
    svg.x_labels = [line.text for line in lines]
    for one, values in rows:
        svg.add('%s (%s, %s)' % (one['label'], one['python'], one['openssl']), values)
    return svg.render()


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split('\n')[0])
    parser.add_argument('results', metavar='RESULTS.json')
    parser.add_argument('folder', metavar='FOLDER')
    options = parser.parse_args()
    with open(options.results) as source:
        results = json.load(source)
    if not os.path.isdir(options.folder):
        os.makedirs(options.folder)
    for chart in CHARTS:
        svg = draw(chart, results)
        if svg is not None:
            path = os.path.join(options.folder, chart.name + '.svg')
            with open(path, 'wb') as target:
                target.write(svg)
            print('drew %s' % path)


if __name__ == '__main__':
    main()
