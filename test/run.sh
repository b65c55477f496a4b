#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds the tests and runs them:
#
#   bash test/run.sh                 the whole suite, with g++
#   bash test/run.sh STAGE...        some of: suite crash consumers models
#                                    asan-ubsan tsan clang
#   bash test/run.sh --more STAGE... the same, counted together with the run
#                                    before
#
# Prints the minutes of each stage; the last line counts the tests.
set -uo pipefail
cd "$(dirname "$0")/.."
counts=build/test-counts
export PATH=$PWD/build/deps/usr/bin:$PATH
if command -v ccache > /dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER=ccache
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime
    export CCACHE_SLOPPINESS=$CCACHE_SLOPPINESS,include_file_ctime
fi

mkdir -p build
passed=0
failed=0
if [ "${1:-}" = --more ]; then
    shift
    read -r passed failed < "$counts" || failed=1
fi
[ $# -gt 0 ] || set -- suite crash consumers

configure() { cmake --preset "$@" > build/configure.log 2>&1 \
                  || { cat build/configure.log; false; }; }

build() { # preset, targets...
    local quiet=--quiet preset=$1
    shift
    [ ! -t 1 ] || quiet=
    cmake --build --preset "$preset" ${1:+--target "$@"} -- $quiet
}

# Runs the tests of a preset and adds to the counts; a run that ends without
# a summary counts as a failure.
run_tests() { # preset, options of ctest...
    local summary bad all
    ctest --preset "$@" 2>&1 | tee build/ctest.log
    summary=$(sed -nE \
        's/.*, ([0-9]+) tests failed out of ([0-9]+)$/\1 \2/p' build/ctest.log)
    read -r bad all <<< "$summary" || return 1
    [ -n "${all:-}" ] || return 1
    passed=$((passed + all - bad))
    failed=$((failed + bad))
}

set_up() { bash cmake/setup.sh "$@"; }
layers=(format storage log pager rope database array nd io testing
        concurrency soak)
crash_labels='crash|faults|fuzz'
suite() {
    configure dev && build dev "${layers[@]/#/numstore_test_}" \
        && run_tests dev --label-regex "$(IFS='|'; echo "^(${layers[*]})$")"
}
crash() {
    configure dev && build dev numstore_test_{crash,faults,fuzz} \
            numstore_campaign \
            numstore_replay_{decode_formats,images_{512,blind}} \
        && run_tests dev --label-regex "^($crash_labels)$"
}
models() { configure dev && run_tests dev --label-regex '^models$'; }
consumers() {
    configure dev && build dev \
        && run_tests dev --label-exclude \
            "$(IFS='|'; echo "^(${layers[*]}|$crash_labels|models)$")"
}
asan-ubsan() {
    configure asan-ubsan && build asan-ubsan && run_tests asan-ubsan
}
tsan() { configure tsan && build tsan && run_tests tsan; }
clang() {
    configure clang-smoke \
        && build clang-smoke numstore_headers \
        && build clang-smoke && run_tests clang-smoke
}

timed() { # name, command...
    local name=$1 start=$SECONDS before=$failed result=passed
    shift
    echo "stage $name"
    "$@" || failed=$((failed + 1))
    [ "$failed" -eq "$before" ] || result=failed
    LC_ALL=C awk -v name="$name" -v result="$result" \
        -v seconds=$((SECONDS - start)) 'BEGIN {
            printf "stage %s: %.1f minutes, %s\n", name, seconds / 60, result
        }'
    [ "$result" = passed ]
}

parts=(test)
for stage; do
    case $stage in
    suite | crash | consumers) ;;
    models) parts+=(models) ;;
    asan-ubsan | tsan | clang) parts+=(clang) ;;
    *) echo "no stage is called $stage" >&2; exit 2 ;;
    esac
done
if timed set-up set_up "${parts[@]}"; then
    for stage; do
        timed "$stage" "$stage"
    done
fi
echo "$passed $failed" > "$counts"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
