#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Tries to break numstore, for hours if it must be, and writes what came of it
# to doc/safety.md:
#
#   bash test/safety.sh            all parts, in their full length
#   bash test/safety.sh PART...    some of: crashes planted errors kills fuzz
#                                  models coverage mutants; the figures of the
#                                  others are those of their last run
#
# STATES, SEED and FUZZ_SECONDS are settings of the environment. Each part
# prints lines `figure NAME VALUE`; they are kept in build/safety.
set -uo pipefail
cd "$(dirname "$0")/.."
states=${STATES:-15000000}
seed=${SEED:-1}
fuzz_seconds=${FUZZ_SECONDS:-7200}
jobs=$(nproc)
results=$PWD/build/safety
mkdir -p "$results"
[ $# -gt 0 ] || set -- crashes planted errors kills fuzz models coverage mutants

build() { # target...
    cmake --preset dev > build/configure.log 2>&1 \
        && cmake --build --preset dev --target "$@" -- --quiet
}
campaign=build/dev/test/campaign/numstore_campaign

crashes() {
    # With all workloads of one to three operations: about 14 million states.
    build numstore_campaign \
        && "$campaign" --deep --states "$states" --seed "$seed" --jobs "$jobs"
}
planted() {
    build numstore_campaign \
        && "$campaign" --faults --states 400000 --seed "$seed" --jobs "$jobs"
}
errors() { build numstore_test_faults && build numstore_faults; }
kills() { build numstore_test_faults && build numstore_kills; }
fuzz() { bash test/fuzz/run.sh --fast "$fuzz_seconds" "$jobs"; }
models() { bash test/models/run.sh; }
coverage() { bash test/coverage.sh; }
mutants() {
    python3 test/mutants/mutants.py build/mutants --count 330 --seed 1
}

failed=0
for part; do
    case $part in
    crashes | planted | errors | kills | fuzz | models | coverage | mutants) ;;
    *) echo "no part is called $part" >&2; exit 2 ;;
    esac
    echo "safety: $part"
    if "$part" > "$results/$part.new" 2>&1; then
        mv "$results/$part.new" "$results/$part.log"
    else
        echo "safety: $part failed: $results/$part.new"
        tail -n 5 "$results/$part.new"
        failed=1
    fi
done
bash test/safety_report.sh "$results" > "$results/safety.md" \
    && cp "$results/safety.md" doc/safety.md
exit $failed
