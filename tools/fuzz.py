"""Feed the pipe mutated bytes for a while, and save those that make it do something new.

    fuzz.py [SECONDS] [SEED]

Behaviour guides the search. The pipe's state, its error's reason and the records of its
answer make a combination. Bytes that lead to a new combination are saved in tests/corpus,
and mutated further. `make test` replays the corpus. A failure prints the scenario and the
bytes, and ends the run with status 1.
"""
from __future__ import print_function

import binascii
import os
import random
import sys
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from tests.support import fuzzing  # noqa: E402
from tests.support.pki import temporary_pki  # noqa: E402


def main(seconds, seed):
    chance = random.Random(seed)
    print('seed %d, %d seconds' % (seed, seconds))
    with temporary_pki() as pki:
        scenarios = fuzzing.Scenarios(pki)
        seen, pools, count = set(), {}, 0
        for name in scenarios.names:
            # Keys differ in each run: after the handshake, only the form of the bytes can be kept.
            pools[name] = scenarios.seeds(name) + [data for _, data in fuzzing.corpus(name)]
            for data in pools[name]:
                seen.add((name, fuzzing.check(scenarios.pipe(name), [data], b'data')))
        end = time.time() + seconds
        while time.time() < end:
            name = chance.choice(scenarios.names)
            data = fuzzing.mutate(chance, pools[name])
            count += 1
            try:
                outcome = name, fuzzing.check(scenarios.pipe(name), [data], b'data')
            except Exception:
                traceback.print_exc()
                print('%s: %s' % (name, binascii.hexlify(data).decode('ascii')))
                return 1
            if outcome not in seen:
                seen.add(outcome)
                pools[name].append(data)
                print('%s: %s' % (fuzzing.save(name, data), outcome[1:]))
    print('%d inputs, %d behaviours' % (count, len(seen)))
    return 0


if __name__ == '__main__':
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 60,
                  int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10 ** 6)))
