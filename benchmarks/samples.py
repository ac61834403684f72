"""Samples that were taken in turns: medians, ratios, and the bars for the ratios."""
from __future__ import absolute_import, division, print_function

from collections import namedtuple

__all__ = ['Bar', 'bars_table', 'cell', 'interleaved', 'judged', 'median', 'ratios', 'spread']

#: A ratio to judge. *above* and *below* are (line, contestant); *side* is 'least' or 'most';
#: *limit* is the bar, *goal* a further one or None.
Bar = namedtuple('Bar', 'text above below side limit goal')


def interleaved(count, rounds, take):
    """
    Return a list of *rounds* samples for each of *count* contestants, who take turns.

    Args:
        take (callable): takes a contestant's index, and returns one sample.
    """
    samples = [[] for _ in range(count)]
    for number in range(rounds):
        for turn in range(count):
            index = (number + turn) % count
            samples[index].append(take(index))
    return samples


def quantile(values, part):
    """Return the value that is larger than a *part* of *values*, interpolated."""
    values = sorted(values)
    place = (len(values) - 1) * part
    low = int(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def median(values):
    """Return the median."""
    return quantile(values, 0.5)


def spread(values):
    """Return half the interquartile range as a percentage of the median."""
    return 50 * (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)


def ratios(bar, samples):
    """
    Return the ratio of each round, because a slow round slows both of its samples.

    Two different lines have no rounds in common: then we compare with the median of the second.
    """
    above, below = samples[bar.above], samples[bar.below]
    if bar.above[0] != bar.below[0]:
        below = [median(below)] * len(above)
    return [a / b for a, b in zip(above, below)]


def cell(values):
    """Return the median and the spread, as 15 characters of a table."""
    digits = 1 if median(values) < 200 else 0
    return '%9.*f +-%2.0f%%' % (digits, median(values), spread(values))


def judged(bars, samples):
    """
    Return the verdicts on those *bars* that have samples, as a list of dicts.

    Args:
        samples (dict): by (line, contestant), the samples.
    """
    verdicts = []
    for bar in bars:
        if bar.above not in samples or bar.below not in samples:
            continue
        values = ratios(bar, samples)
        ratio = median(values)
        verdict = dict(bar._asdict(), ratio=ratio, spread=spread(values))
        for name in ('limit', 'goal'):
            bound = verdict[name]
            verdict[name + '_ok'] = bound is None or (
                ratio >= bound if bar.side == 'least' else ratio <= bound)
        verdicts.append(verdict)
    return verdicts


def bars_table(verdicts):
    """Yield the lines of a table of the results of `judged`."""
    yield '%-62s%14s   %-18s%s' % ('', 'ratio', 'bar', 'goal')
    for one in verdicts:
        row = '%-62s%8.3f +-%2.0f%%   %-18s' % (
            one['text'], one['ratio'], one['spread'], _bound(one, 'limit'))
        yield (row + _bound(one, 'goal')).rstrip()
    missed = sum(not one['limit_ok'] for one in verdicts)
    yield '%d of %d bars missed; %d of %d goals not reached' % (
        missed, len(verdicts),
        sum(not one['goal_ok'] for one in verdicts),
        sum(one['goal'] is not None for one in verdicts))


def _bound(verdict, name):
    if verdict[name] is None:
        return ''
    sign = '>=' if verdict['side'] == 'least' else '<='
    return '%s %.2f %s' % (sign, verdict[name], 'ok' if verdict[name + '_ok'] else 'MISSED')
