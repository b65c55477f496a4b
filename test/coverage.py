# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
"""Merges what the instantiations of templates have covered.

A line counts if it has code, and is covered if any instantiation has run it.
A branch is one outcome of one condition in the source, and an MC/DC condition
one operand of a decision; they count once however many instantiations there
are, and are covered if one of them covers them. Conditions that a compiler
folds (if constexpr) have no branches; nor have clean-ups after exceptions;
assertions are compiled out.
"""
import collections
import glob
import itertools
import json
import sys

folder, root = sys.argv[1], sys.argv[2] + '/include/'


def short(name):
    return name[len(root):] if name.startswith(root) else None


def texts(pattern):
    for path in glob.glob(folder + pattern):
        yield open(path)


lines = {}
name = None
for text in itertools.chain.from_iterable(texts('/*.lines.info')):
    key, _, value = text.strip().partition(':')
    if key == 'SF':
        name = short(value)
    elif key == 'DA' and name:
        line, count = value.split(',')[:2]
        at = (name, int(line))
        lines[at] = lines.get(at, False) or int(count) != 0

branches = {}
conditions = {}
programs = (json.load(t)['data'][0] for t in texts('/*.coverage.json'))
for file in itertools.chain.from_iterable(p['files'] for p in programs):
    name = short(file['filename'])
    if not name:
        continue
    for b in file.get('branches', []):
        for outcome, count in (('true', b[4]), ('false', b[5])):
            at = (name, b[0], b[1], outcome)
            branches[at] = branches.get(at, False) or count != 0
    for m in file.get('mcdc_records', []):
        for i, covered in enumerate(m[-1]):
            at = (name, m[0], m[1], 'condition %d' % (i + 1))
            conditions[at] = conditions.get(at, False) or covered

with open(folder + '/uncovered.txt', 'w') as out:
    for kind, items in (('line', lines), ('branch', branches),
                        ('mcdc', conditions)):
        for at in sorted(a for a in items if not items[a]):
            print(kind, '%s:%d' % at[:2], *at[2:], file=out)

files = collections.Counter(a[0] for a in lines)
missed = collections.Counter(a[0] for a in lines if not lines[a])
for name in sorted(missed, key=missed.get, reverse=True)[:20]:
    print('%s: %d of %d lines not covered'
          % (name, missed[name], files[name]))
for what, items in (('lines', lines), ('branches', branches),
                    ('mcdc', conditions)):
    covered = sum(items.values())
    print('%s: %d of %d' % (what, covered, len(items)))
    print('figure coverage_%s %.2f'
          % (what, 100 * covered / max(1, len(items))))
