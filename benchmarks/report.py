"""
Draw the results of `bench.py --json` as SVG charts.

    python benchmarks/report.py RESULTS.json FOLDER

Each chart says when, where and with which versions it was measured. A bar is a median; the title
says whether more or less is better.
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
from samples import median, spread

__all__ = ['CHARTS', 'draw']

#: A chart shows some lines of one part, if there are samples. With *base*, the name of a
#: contestant, its bars are percentages of that contestant's.
Chart = namedtuple('Chart', 'name part title lines base')

CHARTS = (
    Chart('round-trips', 'loops', '100-byte round trips a CPU second of the server: more is better',
          [line for line in loop_bench.LINES if line.name.startswith('round-trips')], None),
    Chart('bulk', 'loops', 'MB a CPU second of the server: more is better',
          [line for line in loop_bench.LINES if line.name in ('echo-64', 'upload', 'download')],
          None),
    Chart('connections', 'loops', 'New connections a CPU second of the server: more is better',
          [line for line in loop_bench.LINES if line.name == 'connect'], None),
    Chart('memory', 'loops', 'KiB of memory of an idle connection: less is better',
          [loop_bench.IDLE], None),
    Chart('engine', 'engine', 'The engine in memory, in percent of C: more is better',
          [line for line in engine_bench.LINES if line.name != 'memory'], 'c'),
)

#: A colour for each contestant, the same in all charts.
COLOURS = {
    'ours': '#0a6b3d', 'stock': '#c0392b', 'plain': '#b0b0b0', 'asyncio': '#2f6fab',
    'twisted': '#8e5ea2', 'pypy': '#7fc97f', 'before': '#6b8e23', 'ssl': '#2f6fab',
    'pyopenssl': '#8e5ea2', 'c': '#b0b0b0'}


def _value(chart, samples, line, name):
    """Return pygal's value for one bar; None for no bar."""
    values = samples.get((line.name, name))
    if not values:
        return None
    value = median(values)
    if chart.base is not None:
        value *= 100 / median(samples[line.name, chart.base])
    return {'value': value, 'label': '+- %.0f %%' % spread(values)}


def draw(chart, results):
    """Return the SVG of *chart* (bytes); None if the *results* have nothing for it."""
    part = results['parts'].get(chart.part)
    if part is None:
        return None
    samples = {(line, name): values for line, name, values in part['samples']}
    lines = [line for line in chart.lines if (line.name, 'ours') in samples]
    if not lines:
        return None
    known = [name for name in COLOURS if name in part['contestants']]
    names = [name for name in known if any((line.name, name) in samples for line in lines)]
    svg = pygal.HorizontalBar(
        js=(), disable_xml_declaration=False, legend_at_bottom=True, legend_at_bottom_columns=1,
        truncate_legend=-1, width=860, height=200 + 26 * len(names) * (1 + len(lines)),
        print_values=True, print_values_position='top', value_formatter='{:.0f}'.format,
        style=Style(colors=[COLOURS[name] for name in names], background='white',
                    plot_background='white', title_font_size=16, label_font_size=12,
                    legend_font_size=12, value_font_size=11, font_family='sans-serif'))
    svg.uuid = chart.name  # a random one would differ each time
    svg.title = chart.title
    svg.x_title = '%s, %s' % (results['date'], results['machine'])
    svg.x_labels = [line.text for line in reversed(lines)]
    for name in names:
        one = part['contestants'][name]
        svg.add('%s (%s, %s)' % (one['label'], one['python'], one['openssl']),
                [_value(chart, samples, line, name) for line in reversed(lines)])
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
