#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Builds the fuzz targets with clang 19 and runs them, one after the other or,
# with two jobs, two at a time:
#
#   bash test/fuzz/run.sh [--fast] SECONDS [JOBS [TARGET...]]
#
# SECONDS is what all targets take together, on each core. --fast leaves
# AddressSanitizer out. What is found stays in build/fuzz/corpus, and what
# failed in build/fuzz/failed; the numbers of executions are summed over all
# runs in build/fuzz/executions.
set -uo pipefail
cd "$(dirname "$0")/../.."
preset=fuzz
if [ "${1:-}" = --fast ]; then
    preset=fuzz-fast
    shift
fi
seconds=${1:?seconds}
jobs=${2:-1}
shift $(($# < 2 ? $# : 2))
[ $# -gt 0 ] || set -- decode_formats images_512 images_4096 images_blind
work=$PWD/build/fuzz
ASAN_OPTIONS=detect_stack_use_after_return=0:malloc_context_size=4
export ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=16
export PATH=$PWD/build/deps/usr/bin:$PATH

mkdir -p build
cmake --preset $preset > build/configure.log 2>&1 \
    || { cat build/configure.log; exit 1; }
for target in "$@"; do
    cmake --build --preset $preset --target "fuzz_$target" -j 1 -- --quiet \
        || exit 1
done

run() { # target, seconds
    local name=$1 max=130
    [ "$name" != decode_formats ] || max=256
    mkdir -p "$work/corpus/$name" "$work/failed"
    nice "build/$preset/test/fuzz/fuzz_$name" -max_total_time="$2" \
        -timeout=60 -entropic=0 -rss_limit_mb=1024 -malloc_limit_mb=64 \
        -max_len=$max -print_final_stats=1 \
        -artifact_prefix="$work/failed/$name-" \
        "$work/corpus/$name" "test/fuzz/corpus/${name%_*}" \
        > "$work/$name.log" 2>&1
    local result=$? count
    count=$(awk '/^stat::number_of_executed_units/ {print $2}' \
                "$work/$name.log" | tail -1)
    echo "$name ${count:-0}" >> "$work/executions"
    echo "$name: ${count:-0} executions in $2 s, exit $result"
    [ $result -eq 0 ] || grep -E 'ERROR|SUMMARY|not so|expected|escaped' \
        "$work/$name.log"
    return $result
}

each=$((seconds * jobs / $#))
failed=0
for target in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n || failed=1
    done
    run "$target" $((each > 0 ? each : 1)) &
done
while [ "$(jobs -p | wc -l)" -gt 0 ]; do
    wait -n || failed=1
done
awk '{all += $2; if ($1 ~ /^images/) files += $2}
     END {print "figure fuzz_executions " all + 0
          print "figure malformed_files " files + 0}' "$work/executions"
exit $failed
