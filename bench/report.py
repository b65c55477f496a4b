#!/usr/bin/env python3
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
"""Makes the whole report of the benchmarks.

    python3 bench/report.py --bench build/release/bench/bench --out report \\
        --sizes 1,16,256 -- --repeats 5

What follows -- goes to the program. Writes rows.jsonl, table.md and the plots
to the folder; with --only-draw from the rows that are there.
"""
import argparse
import json
import math
import os
import subprocess
import sys

INSERT = "insert_4KiB_durable"
SIZED = "insert_size_"
COLOURS = [("#0b62a8", "#6cb6ff"), ("#c2410c", "#ff9e64"),
           ("#2b7a3d", "#7ee08a"), ("#8b3fb5", "#d8a4ff"),
           ("#8a6d00", "#e6c84f"), ("#b0225c", "#ff8fb8"),
           ("#4a5560", "#a9b5c2")]


def run(program, arguments, folder, series, out):
    """Adds the rows of one run to the file as they come."""
    command = [os.path.abspath(program), "--folder", folder] + arguments
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bench:
        for line in bench.stdout:
            row = json.loads(line)
            row["series"] = series
            out.write(json.dumps(row) + "\n")
            out.flush()
    if bench.returncode != 0:
        sys.exit("%s ended with %d" % (" ".join(command), bench.returncode))


def measure(options, arguments):
    with open(os.path.join(options.out, "rows.jsonl"), "w") as out:
        run(options.bench, arguments, options.out, "main", out)
        for size in filter(None, options.sizes.split(",")):
            run(options.bench,
                arguments + ["--mib", size, "--filter", INSERT],
                options.out, "sizes", out)


def load(folder):
    with open(os.path.join(folder, "rows.jsonl")) as lines:
        return [json.loads(line) for line in lines]


def short(value, unit):
    if unit == "s":
        for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
            if value * factor >= 1 or name == "µs":
                return "%.3g %s" % (value * factor, name)
    for limit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return "%.3g %s%s" % (value / limit, name, joined(unit))
    return "%.3g %s" % (value, unit.replace("bytes", "B"))


def joined(unit):
    """Bytes follow their prefix, as in GB/s; words stand apart."""
    if unit.startswith("bytes"):
        return unit.replace("bytes", "B")
    return " " + unit if unit[0].isalpha() else unit


def figures(rows):
    """Lines of one row and figure together, in the order of the run."""
    groups = {}
    for row in rows:
        if "row" in row and row["series"] == "main":
            groups.setdefault((row["row"], row["figure"]), []).append(row)
    return groups


def advantage(ours, peer):
    """How many times as good as the peer: above 1 is better."""
    ratio = ours["ratio"].get(peer["system"])
    if not ratio:
        return ""
    return " (%.2f)" % (ratio if ours["more_is_better"] else 1 / ratio)


def table(rows):
    out = ["| work | figure | numstore | beside it (numstore is so many times "
           "as good) |", "|---|---|---|---|"]
    for (name, figure), lines in figures(rows).items():
        ours, peers = lines[0], lines[1:]
        first = short(ours["median"], ours["unit"])
        if not ours["system"] == "numstore":
            first = ours["system"] + ": " + first
        beside = ["%s %s%s" % (p["system"], short(p["median"], p["unit"]),
                               advantage(ours, p)) for p in peers]
        out.append("| %s | %s | %s | %s |" % (name, figure, first,
                                              "; ".join(beside)))
    return "\n".join(out) + "\n"


def notes(rows):
    seen = {}
    for row in rows:
        if "row" in row:
            seen.setdefault(row["row"], row["note"])
    return "".join("- `%s`: %s.\n" % item for item in seen.items())


def write_table(rows, folder):
    about = next(row for row in rows if "row" not in row)
    lines = ["Medians of %d repeats that take turns, and of the ratios within "
             "one turn. float32, %s; numstore with log_bytes %s, cache_bytes "
             "%s.\n" % (about["repeats"], binary(about["array_bytes"]),
                        binary(about["log_bytes"]),
                        binary(about["cache_bytes"])),
             table(rows), notes(rows)]
    with open(os.path.join(folder, "table.md"), "w") as out:
        out.write("\n".join(lines))


def style(count):
    def rules(shade, paper, ink, grid):
        text = "svg{background:%s}text{fill:%s;font:13px sans-serif}" \
            ".grid{stroke:%s;fill:none}" % (paper, ink, grid)
        for i in range(count):
            colour = COLOURS[i % len(COLOURS)][shade]
            text += ".s%d{stroke:%s;fill:none;stroke-width:2}" \
                ".d%d{fill:%s}" % (i, colour, i, colour)
        return text
    return "<style>%s@media(prefers-color-scheme:dark){%s}</style>" % (
        rules(0, "#ffffff", "#1f2328", "#d0d7de"),
        rules(1, "#0d1117", "#e6edf3", "#30363d"))


def axis(values, base):
    low = math.floor(math.log(min(values), base) + 1e-9)
    high = math.ceil(math.log(max(values), base) - 1e-9)
    return low, max(high, low + 1)


def plot(title, x_label, y_label, lines):
    """An SVG of lines {name: [(x, y), ...]}, both axes logarithmic."""
    width, height, left, top, right, bottom = 760, 420, 80, 40, 150, 50
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    x_low, x_high = axis(xs, 4)
    y_low, y_high = axis(ys, 10)

    def place(x, y):
        across = (math.log(x, 4) - x_low) / (x_high - x_low)
        up = (math.log(y, 10) - y_low) / (y_high - y_low)
        return (left + across * (width - left - right),
                height - bottom - up * (height - top - bottom))

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
           'role="img" aria-label="%s">' % (width, height, title),
           style(len(lines)),
           '<text x="%d" y="22" font-weight="bold">%s</text>' % (left, title)]
    for i in range(x_low, x_high + 1):
        x, y = place(4.0 ** i, 10.0 ** y_low)
        out.append('<path class="grid" d="M%.1f %.1fV%d"/><text x="%.1f" '
                   'y="%.1f" text-anchor="middle">%s</text>'
                   % (x, y, top, x, y + 18, binary(4.0 ** i)))
    for i in range(y_low, y_high + 1):
        x, y = place(4.0 ** x_low, 10.0 ** i)
        out.append('<path class="grid" d="M%.1f %.1fH%d"/><text x="%.1f" '
                   'y="%.1f" text-anchor="end">%s</text>'
                   % (x, y, width - right, x - 6, y + 4,
                      short(10.0 ** i / 1e6, "s")))
    ends = []
    for i, (name, points) in enumerate(lines.items()):
        at = [place(*p) for p in sorted(points)]
        out.append('<polyline class="s%d" points="%s"/>'
                   % (i, " ".join("%.1f,%.1f" % p for p in at)))
        out += ['<circle class="d%d" cx="%.1f" cy="%.1f" r="3"/>' % (i, *p)
                for p in at]
        ends.append((at[-1][1], i, name, at[-1][0]))
    last = top - 16.0
    for y, i, name, x in sorted(ends):
        last = max(y + 4, last + 16)
        out.append('<text x="%d" y="%.1f"><tspan class="d%d">●</tspan> '
                   '%s</text>' % (width - right + 10, last, i, name))
    out.append('<text x="%d" y="%d" text-anchor="middle">%s</text>'
               % ((left + width - right) / 2, height - 10, x_label))
    out.append('<text transform="translate(16 %d) rotate(-90)" '
               'text-anchor="middle">%s</text></svg>'
               % ((top + height - bottom) / 2, y_label))
    return "\n".join(out) + "\n"


def binary(value):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return "%g %s" % (value, unit)
        value /= 1024


def series(rows, wanted, x_of):
    """Microseconds for one edit, sustained, by system."""
    lines = {}
    for row in rows:
        if row.get("figure") == "sustained" and wanted(row):
            lines.setdefault(row["system"], []).append(
                (x_of(row), 1e6 / row["median"]))
    return lines


def draw(rows, folder):
    plots = {
        "array-size.svg": (
            "Inserting 4 KiB in the middle, durable", "size of the array",
            series(rows, lambda r: r["row"] == INSERT
                   and (r["series"] == "sizes"), lambda r: r["array_bytes"])),
        "insert-size.svg": (
            "Inserting in the middle, durable", "size of the insertion",
            series(rows, lambda r: r["row"].startswith(SIZED)
                   and r["series"] == "main",
                   lambda r: int(r["row"][len(SIZED):]))),
    }
    for name, (title, x_label, lines) in plots.items():
        if lines:
            with open(os.path.join(folder, name), "w") as out:
                out.write(plot(title, x_label, "time of one, sustained",
                               lines))


def main():
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--bench", default="build/release/bench/bench")
    parser.add_argument("--out", default="report")
    parser.add_argument("--sizes", default="1,4,16,64,256",
                        help="MiB of the arrays of one plot, up to 4096")
    parser.add_argument("--only-draw", action="store_true")
    options = parser.parse_args(words[:split])
    os.makedirs(options.out, exist_ok=True)
    if not options.only_draw:
        measure(options, words[split + 1:])
    rows = load(options.out)
    write_table(rows, options.out)
    draw(rows, options.out)


if __name__ == "__main__":
    main()
