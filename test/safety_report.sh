#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Writes the figures of test/safety.sh as Markdown: safety_report.sh FOLDER
set -euo pipefail
results=$1

figure() { # name
    local value
    value=$(cat "$results"/*.log 2> /dev/null \
                | sed -nE "s/^.*figure $1 ([0-9.]+).*$/\1/p" | tail -1)
    LC_ALL=en_US.UTF-8 awk -v v="${value:--}" 'BEGIN {
        if (v !~ /^[0-9]+$/) { print v; exit }
        while (length(v) > 3) {
            out = "," substr(v, length(v) - 2) out
            v = substr(v, 1, length(v) - 3)
        }
        print v out
    }'
}
row() { # what, figure, how it is run again
    printf '| %s | %s | %s |\n' "$1" "$(figure "$2")" "$3"
}

cat << 'E2'
# Proof of safety

What was done to numstore, and how often. `bash test/safety.sh` does it all
again and writes this page; `bash test/safety.sh PART` one part. What is
promised, and which test shows it: [fault-model.md](fault-model.md).

| what | how many | part, and how one case is run again |
|---|---:|---|
E2
again='`numstore_campaign --run POLICIES KIND NUMBER --seed S`'
states='states after a power loss or a kill'
row "$states, recovered and compared with the model" \
    crash_states "\`crashes\`: $again, as a report names it"
row 'of these after a crash inside recovery, up to two levels deep' \
    crash_states_inside_recovery 'the same'
row 'of these without a power loss: a killed process' \
    crash_states_after_kills 'the same'
row 'of these with the newest superblock damaged as well' \
    crash_states_without_newest_superblock 'the same'
row 'workloads' crash_workloads 'the same'
row 'of these of one to three operations (25,259 with the log are all)' \
    crash_brief_workloads 'the same'
row 'moments at which power went' crash_points \
    'every call of the device and every acknowledgement'
row 'faults planted in the engine' planted_faults \
    '`planted`: `include/numstore/faults.hpp`'
row 'of these found by the campaign' planted_faults_found 'the same'
errors='EIO, ENOSPC, EFBIG, short transfers, once and sticky'
row "calls of a device that failed: $errors" \
    injected_device_errors '`errors`: a report names call, error and step'
row 'allocations that failed, in every public call' \
    injected_allocation_failures '`errors`: `NUMSTORE_FAULT="call"`'
row 'processes killed with SIGKILL under load' kills \
    '`kills`: `NUMSTORE_SEED`; the file is kept'
row 'of these on a full disk' kills_full_disk 'the same'
row 'of these after a step was refused for that' \
    kills_full_disk_after_refusals 'the same'
row 'of these short of memory' kills_memory_limit 'the same'
row 'of these after a step was refused for that' \
    kills_memory_limit_after_refusals 'the same'
row 'executions of the fuzzers' fuzz_executions \
    '`fuzz`: `build/fuzz/failed` keeps inputs'
row 'of these whole files, damaged with right checksums' malformed_files \
    'the same'
row 'models checked in all their interleavings' models '`models`: `test/models`'
row 'states of these models' model_states 'the same'
row 'broken variants refuted' model_variants_refuted 'the same'
row 'lines of `include/` covered, %' coverage_lines \
    '`coverage`: `build/coverage/uncovered.txt`'
row 'branches covered, %' coverage_branches 'the same'
row 'conditions shown to matter (MC/DC), %' coverage_mcdc 'the same'
row 'source mutants' mutants \
    '`mutants`: [mutants.md](mutants.md) lists those that survive'
row 'of these noticed by the tests' mutants_killed 'the same'
