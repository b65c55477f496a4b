#!/usr/bin/env python3
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
"""Compares arrays with axes with NumPy and its .npy files, in turns.

    python3 bench/npy.py --bench build/release/bench/npy --folder . \\
        --rows 1000000,100000 --rounds 5

float32 in rows of ten. NumPy changes a file by np.load, the change, and
np.save, without a sync. Numstore does the same to arrays in two databases, with
durability full (on stable storage when the call returns) and none, a few calls
of each in turn. Both change the same rows to the same values, and must agree in
the end. Prints a line of JSON for each row, then the rows as a table in
Markdown. Times are medians, ratios medians of the ratios of each round.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

import numpy as np

WIDTH = 10
BOTH = ("none", "full")


class Ours:
    """The program that runs numstore's half."""

    def __init__(self, program, folder):
        self.process = subprocess.Popen(
            [os.path.abspath(program), folder], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit("the program ended at: %s" % " ".join(map(str, words)))
        return answer

    def do(self, *words):
        if self.ask(*words) != "done":
            sys.exit("%s failed" % " ".join(map(str, words)))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def rewrite(change):
    """A change of a .npy file as NumPy does it."""
    def run(path, rows, value):
        np.save(path, change(np.load(path), rows, value))
    return run


def fresh(rows, value):
    return np.full((len(rows), WIDTH), value, "f4")


def replace(a, rows, value):
    a[rows[0]:rows[0] + len(rows)] = fresh(rows, value)
    return a


def replace_scattered(a, rows, value):
    a[rows] = fresh(rows, value)
    return a


def append(a, rows, value):
    return np.concatenate([a, fresh(rows, value)])


def insert(a, rows, value):
    return np.insert(a, rows[0], fresh(rows, value), axis=0)


def remove(a, rows, value):
    return np.delete(a, slice(rows[0], rows[0] + len(rows)), axis=0)


def drop(a, rows, value):
    return np.delete(a, rows, axis=0)


def scale(a, rows, value):
    for row in rows:
        a[row:row + 10] *= np.float32(value)
    return a


def scale_each(path, rows, value):
    for row in rows:
        a = np.load(path)
        a[row:row + 10] *= np.float32(value)
        np.save(path, a)


class Comparison:
    def __init__(self, options, ours):
        self.rounds = options.rounds
        self.turn = options.turn
        self.ours = ours
        self.random = np.random.default_rng(7)
        self.rows = []

    def begin(self, count):
        self.count = count
        values = np.arange(count * WIDTH, dtype="f4").reshape(-1, WIDTH)
        for name in ("x", "y"):
            np.save(name + ".npy", values % 8191)
            self.ours.do("import", name, name + ".npy")
        self.buffer = np.empty((count, WIDTH), "f4")

    def measure(self, row, numpy, operation, durabilities=("none",),
                rows=lambda r: r.integers(0, 1, 1), name="x", rounds=None,
                turn=None):
        """numpy(path, rows, value) beside the operation, in turns, each of
        several operations: of one alone a cold cache would be most."""
        turn = turn or self.turn
        times = {d: [] for d in durabilities}
        peer = []
        for i in range(rounds or self.rounds):
            calls = [(np.asarray(rows(self.random), dtype="i8"),
                      i * turn + k + 2) for k in range(turn)]
            start = time.perf_counter()
            for at, value in calls:
                numpy(name + ".npy", at, value)
            peer.append((time.perf_counter() - start) / turn)
            for d in durabilities:
                taken = 0
                for at, value in calls:
                    at.tofile("rows")
                    taken += float(self.ours.ask(d, name, operation, value))
                times[d].append(taken / turn)
        for d in durabilities:
            ratios = [p / o for p, o in zip(peer, times[d])]
            found = {"rows": self.count, "row": row, "durability": d,
                     "numstore_s": statistics.median(times[d]),
                     "numpy_s": statistics.median(peer),
                     "ratio": statistics.median(ratios),
                     "lowest": min(ratios), "highest": max(ratios)}
            self.rows.append(found)
            print(json.dumps(found), flush=True)

    def some(self, n, name="x"):
        """n rows anywhere, each once."""
        size = len(np.load(name + ".npy", mmap_mode="r"))
        return lambda r: r.choice(size, n, replace=False)

    def run_of(self, n):
        """n neighbouring rows."""
        size = len(np.load("x.npy", mmap_mode="r"))
        return lambda r: np.arange(n) + r.integers(0, size - n)

    def middle(self, n):
        size = len(np.load("x.npy", mmap_mode="r"))
        return lambda r: np.arange(n) + size // 2

    def reads(self):
        self.measure("full load", lambda p, r, v: np.load(p), "load")
        self.measure("full load, the same buffer",
                     lambda p, r, v: np.copyto(
                         self.buffer, np.load(p, mmap_mode="r")), "load")
        self.measure("full load, cold", self.load_cold, "load_cold", turn=1)
        self.measure("sum of all, in place (memmap)",
                     lambda p, r, v: np.load(p, mmap_mode="r").sum(),
                     "sum_in_place")
        self.measure("open (memmap)",
                     lambda p, r, v: np.load(p, mmap_mode="r"), "open",
                     turn=50)
        self.read_rows("x", "")

    def load_cold(self, path, rows, value):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        np.load(path)

    def read_rows(self, name, note):
        mapped = np.load(name + ".npy", mmap_mode="r")
        for n in (100, 1000, 10000):
            self.measure("read %d rows anywhere (memmap)%s" % (n, note),
                         lambda p, r, v: mapped[r], "read_rows",
                         rows=lambda r: r.integers(0, len(mapped), n),
                         name=name, rounds=2 * self.rounds)

    def changes(self):
        self.measure("replace 100 rows", rewrite(replace), "replace", BOTH,
                     self.run_of(100))
        self.measure("replace 100 rows anywhere", rewrite(replace_scattered),
                     "replace_scattered", BOTH, self.some(100))
        self.measure("append 100 rows", rewrite(append), "append", BOTH,
                     self.run_of(100))
        self.measure("insert 100 rows in the middle", rewrite(insert),
                     "insert", BOTH, self.middle(100))
        self.measure("remove 100 rows in the middle", rewrite(remove),
                     "remove", BOTH, self.middle(100))
        self.measure("100 times 10 rows *= 2, as one", rewrite(scale),
                     "scale_together", BOTH, self.apart())
        self.measure("100 times 10 rows *= 2, one by one", scale_each,
                     "scale_each", BOTH, self.apart(),
                     rounds=min(2, self.rounds), turn=1)
        self.measure("remove 1 % of the rows", rewrite(drop), "drop", BOTH,
                     self.some(self.count // 100, "y"), name="y", rounds=1,
                     turn=1)
        self.read_rows("y", ", 1 % removed")

    def apart(self):
        """A hundred places for ten rows that do not overlap."""
        n = len(np.load("x.npy", mmap_mode="r")) // 10
        return lambda r: 10 * r.choice(n, 100, replace=n < 100)

    def agree(self):
        for d in BOTH:
            for name in ("x", "y"):
                self.ours.do("export", d, name, "ours.npy")
                if not np.array_equal(np.load(name + ".npy"),
                                      np.load("ours.npy")):
                    sys.exit("%s of %s is not what NumPy has" % (name, d))
            self.ours.do("verify", d)


def short(seconds):
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")):
        if seconds * factor >= 1 or unit == "ns":
            return "%.3g %s" % (seconds * factor, unit)


def print_table(rows):
    print("\n| rows of 10 | work | durability | numstore | NumPy | ratio |")
    print("|---|---|---|---|---|---|")
    for r in rows:
        print("| {:,} | {} | {} | {} | {} | {:.3g} |".format(
            r["rows"], r["row"], r["durability"], short(r["numstore_s"]),
            short(r["numpy_s"]), r["ratio"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", required=True, help="the program npy")
    parser.add_argument("--folder", default=".",
                        help="for files, which are removed in the end")
    parser.add_argument("--rows", default="1000000,100000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turn", type=int, default=5,
                        help="operations of one program before the other's")
    options = parser.parse_args()
    program = os.path.abspath(options.bench)
    os.chdir(options.folder)
    rows = []
    try:
        for count in map(int, options.rows.split(",")):
            ours = Ours(program, ".")
            comparison = Comparison(options, ours)
            comparison.begin(count)
            comparison.reads()
            comparison.changes()
            comparison.agree()
            ours.end()
            rows += comparison.rows
    finally:
        for file in ("x.npy", "y.npy", "ours.npy", "rows", "full.ns",
                     "none.ns"):
            if os.path.exists(file):
                os.unlink(file)
    print_table(rows)


if __name__ == "__main__":
    main()
