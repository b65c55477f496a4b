#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Builds the tests with clang 19 and source-based counters, runs them, and
# prints which part of include/ they reach:
#
#   bash test/coverage.sh            the whole suite
#   bash test/coverage.sh LAYER...   some of: format storage log pager rope
#                                    database array nd io testing crash faults
#
# What is counted, and how instantiations of templates are merged:
# test/coverage.py. What is not covered: build/coverage/uncovered.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in llvm-profdata-19 llvm-cov-19 python3; do
    command -v "$tool" > /dev/null \
        || { echo "no $tool; see cmake/setup.sh coverage" >&2; exit 2; }
done
all=(format storage log pager rope database array nd io testing crash faults)
[ $# -gt 0 ] || set -- "${all[@]}"

cmake --preset coverage > /dev/null
cmake --build --preset coverage --target "${@/#/numstore_test_}"
rm -rf build/coverage/profiles
mkdir -p build/coverage/profiles
LLVM_PROFILE_FILE=$PWD/build/coverage/profiles/%4m.profraw \
    ctest --preset coverage --label-regex "^($(IFS='|'; echo "$*"))$" \
        --exclude-regex '^(crash_campaign|planted_faults)$'

data=build/coverage/merged.profdata
llvm-profdata-19 merge -sparse -o "$data" build/coverage/profiles/*.profraw
# Each program by itself: of an inline function llvm-cov keeps what the first
# program says, also where that one never calls it and another does.
rm -f build/coverage/*.coverage.json build/coverage/*.lines.info
for layer; do
    export_as() {
        llvm-cov-19 export -format="$1" -instr-profile="$data" \
            "build/coverage/test/numstore_test_$layer" \
            -sources "$PWD/include" > "build/coverage/$layer.$2"
    }
    export_as text coverage.json
    export_as lcov lines.info
done
python3 test/coverage.py build/coverage "$PWD"
