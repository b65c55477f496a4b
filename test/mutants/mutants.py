#!/usr/bin/env python3
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
"""Changes the library in many small ways and counts what the tests notice.

    python3 test/mutants/mutants.py WORK [--count 320] [--seed 1]
    python3 test/mutants/mutants.py WORK --again SURVIVORS --tests A,B,...

Below the folder WORK a copy of include/ gets all the changes at once, each
chosen at run time by its number, so that the tests are compiled once. Then
each change is tried in a process of its own, the fastest suites first, until
one fails, crashes or takes too long. Survivors are written to
WORK/survivors.txt; doc/mutants.md says what became of them. The second form
tries such a list again, against the test files that are named: new ones, or
those that are too slow for all.
"""
import argparse
import os
import random
import re
import shutil
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
DATABASE = ['recovery', 'redo', 'log_analysis', 'committer', 'publisher',
            'commit_durability', 'checkpointer', 'free_map_maker',
            'reclaimer', 'keyed_tree', 'keyed_node', 'keyed_write_out',
            'version_chain', 'cut_queue', 'log_space']
TESTS = ['log/wal', 'rope/structure', 'rope/sweep', 'rope/spill',
         'rope/node_source', 'rope/rope_tree_small_pages',
         'rope/rope_tree_failures', 'pager/page_shares', 'pager/page_bitmap',
         'pager/edit', 'pager/epochs', 'pager/page_cache',
         'pager/verified_pages', 'pager/page_writer',
         'log/log_batch_view', 'database/cut_queue', 'database/keyed_tree',
         'rope/survey', 'rope/node', 'rope/overwrite',
         'crash/recovery', 'crash/random_script', 'database/durability',
         'database/commit_order', 'rope/failing_new', 'rope/cursor',
         'rope/check', 'rope/insert', 'rope/erase', 'rope/bulk',
         'rope/leaf_path', 'rope/leaf_shape', 'rope/selection',
         'rope/rope_tree', 'rope/write_out', 'rope/retire',
         'database/damage']
# Beside the tests, whichever they are: the engine under their policies.
COMMON = ['main', 'bags/simulated_512', 'bags/simulated_512_no_log',
          'bags/simulated_4096', 'bags/simulated_64_kib']
SUPPORT = '''
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <type_traits>
namespace numstore_mutants {
inline bool reached[4096];
struct choice {
    int id = std::getenv("MUTANT") ? std::atoi(std::getenv("MUTANT")) : 0;
    ~choice() {
        char const* const name = std::getenv("REACHED");
        std::FILE* const f = name ? std::fopen(name, "ab") : nullptr;
        for (int i = 0; f != nullptr && i != 4096; ++i)
            if (reached[i])
                std::fprintf(f, "%d\\n", i);
        if (f != nullptr)
            std::fclose(f);
    }
};
inline choice const chosen;
}
constexpr bool numstore_mutant(int n) noexcept {
    if (std::is_constant_evaluated())
        return false;
    if (numstore_mutants::chosen.id == 0)
        numstore_mutants::reached[n] = true;
    return numstore_mutants::chosen.id == n;
}
'''
SWAP = {'<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '=='}
CONSTANT = re.compile(r'constexpr|static_assert|requires|template|operator'
                      r'|^\s*(//|#|\*|using|friend|case|assert)')


def closing(text, at, step):
    """The end of an operand from `at` on, in the direction `step`."""
    opening, ending = ('(', ')') if step > 0 else (')', '(')
    depth = 0
    i = at
    while 0 <= i < len(text):
        c = text[i]
        if c in opening + ('[' if step > 0 else ']'):
            depth += 1
        elif c in ending + (']' if step > 0 else '['):
            if depth == 0:
                return i
            depth -= 1
        elif depth == 0 and c in ',;{}':
            return i
        elif depth == 0 and c == ' ':
            word = re.match(r' (&&|\|\||\?|:|=|[-+|]=) ', text[i:i + 4]) \
                if step > 0 else re.search(
                    r' (&&|\|\||\?|:|=|[-+|]=|return) $', text[:i + 1])
            if word or (step < 0 and text[:i].endswith('return')):
                return i
        i += step
    return None


def comparison(line):
    m = re.search(r' (<|<=|>|>=|==|!=) ', line)
    if not m or re.search(r'<<|>>|<=>|\bfor \(|\bauto\b', line):
        return None
    left = closing(line, m.start() - 1, -1)
    right = closing(line, m.end(), 1)
    if left is None or right is None:
        return None
    a = line[left + 1:m.start()]
    b = line[m.end():right]
    if not a.strip() or not b.strip():
        return None
    op = m.group(1)
    return ('%s into %s' % (op, SWAP[op]), line[:left + 1]
            + '(numstore_mutant(@) ? (%s %s %s) : (%s %s %s))'
            % (a, SWAP[op], b, a, op, b) + line[right:])


def negation(line):
    m = re.match(r'^(\s*(?:\} else )?(?:if|while) \()(.*)(\)( \{)?)$', line)
    if not m or ';' in line or ' = ' in line:
        return None
    depth = 0
    for c in m.group(2):
        depth += (c == '(') - (c == ')')
        if depth < 0:
            return None
    if depth != 0:
        return None
    return ('condition negated', m.group(1) + 'numstore_mutant(@) != bool(%s)'
            % m.group(2) + m.group(3))


def removal(line):
    m = re.match(r'^(\s+)((?:[\w.:\->\[\]*]+\(.*\)|\+\+[\w.\->]+|--[\w.\->]+'
                 r'|[\w.\->\[\]*()]+ (?:=|\+=|-=|\|=) [^{]+);)$', line)
    if not m or m.group(2).count('(') != m.group(2).count(')') \
            or re.match(r'return|raise|throw|using|lock', m.group(2)):
        return None
    return ('statement removed', m.group(1)
            + '{ if (!numstore_mutant(@)) %s }' % m.group(2))


def constant(line):
    m = re.search(r' ([-+]) ([12])\b(?!\.)', line)
    if not m:
        return None
    return ('%s %s into %s 0' % (m.group(1), m.group(2), m.group(1)),
            line[:m.start(2)] + '(numstore_mutant(@) ? 0 : %s)' % m.group(2)
            + line[m.end(2):])


def minimum(line):
    m = re.search(r'std::(min|max)(<[\w:]+>)?\(', line)
    if not m or 'auto' in line:
        return None
    end = closing(line, m.end(), 1)
    while end is not None and line[end] == ',':
        end = closing(line, end + 1, 1)
    if end is None or line[end] != ')' or '{' in line[m.end():end]:
        return None
    rest = (m.group(2) or '') + line[m.end() - 1:end + 1]
    other = 'max' if m.group(1) == 'min' else 'min'
    return ('%s into %s' % (m.group(1), other), line[:m.start()]
            + '(numstore_mutant(@) ? std::%s%s : std::%s%s)'
            % (other, rest, m.group(1), rest) + line[end + 1:])


def answer(line):
    m = re.match(r'^(\s+return )(true|false);$', line)
    if not m:
        return None
    return ('%s returned negated' % m.group(2), m.group(1)
            + ('!' if m.group(2) == 'true' else '') + 'numstore_mutant(@);')


KINDS = [comparison, negation, removal, constant, minimum, answer]


def sites(path):
    """(line number, description, changed line) for all that can change."""
    lines = open(path).read().split('\n')
    found = []
    for i, line in enumerate(lines):
        before = lines[i - 1].rstrip() if i else ''
        if CONSTANT.search(line) or not line.startswith('    ') \
                or not re.search(r'[;{}]$|\)$|else$', before):
            continue
        options = [o for o in (kind(line) for kind in KINDS) if o]
        found += [(i, what, changed) for what, changed in options]
    return lines, found


def targets():
    base = os.path.join(ROOT, 'include/numstore')
    for folder in ('rope', 'log', 'pager'):
        for name in sorted(os.listdir(os.path.join(base, folder))):
            yield folder + '/' + name
    for name in DATABASE:
        yield 'database/%s.hpp' % name


def choose(count, generator):
    """The same number from each file, as far as they have as many."""
    left = {}
    for name in targets():
        lines, found = sites(os.path.join(ROOT, 'include/numstore', name))
        generator.shuffle(found)
        left[name] = found
    chosen = []
    used = set()
    while len(chosen) < count and any(left.values()):
        for name in left:
            while left[name]:
                line, what, changed = left[name].pop()
                if (name, line) not in used:
                    used.add((name, line))
                    chosen.append((name, line, what, changed))
                    break
    return chosen[:count]


def again(path):
    """The changes of a list of survivors, wherever their lines are now."""
    chosen = []
    used = set()
    for entry in open(path).read().splitlines():
        place, what, code = entry.split('\t')[:3]
        name = place.split(':')[0]
        lines, found = sites(os.path.join(ROOT, 'include/numstore', name))
        wanted = int(place.split(':')[1]) - 1
        found.sort(key=lambda site: abs(site[0] - wanted))
        for line, kind, changed in found:
            if kind == what and lines[line].strip() == code \
                    and (name, line) not in used:
                used.add((name, line))
                chosen.append((name, line, what, changed))
                break
        else:
            print('not found:', entry)
    return chosen


def write_headers(work, mutants, dropped):
    shutil.rmtree(work + '/include', ignore_errors=True)
    shutil.copytree(ROOT + '/include', work + '/include')
    with open(work + '/include/numstore_mutant.hpp', 'w') as f:
        f.write('#pragma once\n' + SUPPORT)
    texts = {}
    for n, (name, line, what, changed) in enumerate(mutants, 1):
        if n in dropped:
            continue
        path = work + '/include/numstore/' + name
        if name not in texts:
            texts[name] = open(path).read().split('\n')
        texts[name][line] = changed.replace('@', str(n))
    for name, text in texts.items():
        with open(work + '/include/numstore/' + name, 'w') as f:
            f.write('\n'.join(text))


def build(work, mutants, tests):
    """Compiles the tests; a change that does not compile is dropped."""
    dropped = set()
    write_headers(work, mutants, dropped)
    todo = COMMON + tests
    while todo:
        test = todo[0]
        result = subprocess.run(
            ['g++', '-std=c++20', '-O1', '-w', '-DBOOST_TEST_DYN_LINK',
             '-D_GLIBCXX_ASSERTIONS', '-fmax-errors=50',
             '-include', 'numstore_mutant.hpp', '-I' + work + '/include',
             '-c', ROOT + '/test/%s.cpp' % test,
             '-o', work + '/%s.o' % test.replace('/', '_')],
            capture_output=True, text=True)
        if result.returncode == 0:
            print('compiled', test, flush=True)
            todo.pop(0)
            continue
        bad = set()
        for m in re.finditer(r'include/numstore/([\w/]+\.hpp):(\d+)',
                             result.stderr):
            bad |= {n for n, x in enumerate(mutants, 1)
                    if x[0] == m.group(1) and x[1] == int(m.group(2)) - 1}
        if not bad - dropped:
            sys.exit(result.stderr)
        dropped |= bad
        write_headers(work, mutants, dropped)
        todo = COMMON + tests
    subprocess.run(['g++'] + [work + '/%s.o' % t.replace('/', '_')
                              for t in COMMON + tests]
                   + ['-o', work + '/driver', '-lboost_unit_test_framework',
                      '-lpthread'], check=True)
    return dropped


def passes(work, suite, mutant, seconds, reached=None):
    environment = dict(os.environ, MUTANT=str(mutant))
    if reached:
        environment['REACHED'] = reached
    command = 'ulimit -v 4000000; exec "%s/driver" --run_test=%s' \
        ' --catch_system_errors=no --log_level=nothing' \
        ' --report_level=no' % (work, suite)
    try:
        return subprocess.run(['bash', '-c', command], env=environment,
                              timeout=seconds, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def suites_of(work):
    text = subprocess.run([work + '/driver', '--list_content'],
                          capture_output=True, text=True).stderr
    return re.findall(r'^(\w+)\*', text, re.M)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('work')
    parser.add_argument('--count', type=int, default=320)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--no-build', action='store_true')
    parser.add_argument('--again')
    parser.add_argument('--tests', type=lambda s: s.split(','), default=TESTS)
    options = parser.parse_args()
    work = os.path.abspath(options.work)
    os.makedirs(work, exist_ok=True)
    if options.again:
        mutants = again(options.again)
    else:
        mutants = choose(options.count, random.Random(options.seed))
    dropped_file = work + '/dropped.txt'
    if options.no_build:
        dropped = {int(n) for n in open(dropped_file).read().split()}
    else:
        dropped = build(work, mutants, options.tests)
        with open(dropped_file, 'w') as f:
            f.write('\n'.join(map(str, sorted(dropped))))
    run(work, mutants, dropped)


def run(work, mutants, dropped):
    reached_by = {}
    seconds = {}
    for suite in suites_of(work):
        file = work + '/reached.' + suite
        if os.path.exists(file):
            os.remove(file)
        start = os.times().elapsed
        if not passes(work, suite, 0, 600, file):
            sys.exit('without a change %s fails' % suite)
        seconds[suite] = os.times().elapsed - start
        reached_by[suite] = {int(n) for n in open(file).read().split()}
    order = sorted(seconds, key=seconds.get)
    print('\n'.join('suite %s: %.2f s' % (s, seconds[s]) for s in order))
    killed = tried = 0
    with open(work + '/survivors.txt', 'w') as survivors:
        for n, (name, line, what, _) in enumerate(mutants, 1):
            if n in dropped:
                continue
            tried += 1
            if tried % 20 == 0:
                print(tried - 1, 'tried,', killed, 'killed', flush=True)
            by = [s for s in order if n in reached_by[s]]
            if any(not passes(work, s, n, 10 * seconds[s] + 2) for s in by):
                killed += 1
                continue
            text = open(os.path.join(ROOT, 'include/numstore', name)).read()
            print('%s:%d\t%s\t%s\t%s' % (
                name, line + 1, what, text.split('\n')[line].strip(),
                'survives' if by else 'not reached'),
                file=survivors, flush=True)
    print('figure mutants %d' % tried)
    print('figure mutants_killed %d' % killed)


if __name__ == '__main__':
    main()
