#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Checks the models with Spin: each as it is, where no assertion may fail, and
# each of its broken variants, where one must. In `locks` and `group_commit`
# nobody may wait for ever, either; some variants must be refuted by that.
#
#   bash test/models/run.sh             all of them
#   bash test/models/run.sh MODEL...    some of: beside checkpoint epochs
#                                       group_commit locks log pages
#                                       revocation
set -uo pipefail
models=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
declare -A variants=(
    [beside]="NO_OPENING UNLOCK_FIRST LOG_FREELY HEIR_TRUSTS ONE_CALL"
    [checkpoint]="RECYCLE_EARLY SAME_SLOT ONE_AFTER_REPLAY RESUME_FOLLOWED
                  RESUME_DAMAGED REUSE_AT_ONCE"
    [epochs]="NO_REREAD SLOTS_FIRST VISIBLE_ONLY BARE_SHOW SHOW_EARLY NO_FENCE
              FENCE_FIRST"
    [group_commit]="LATE_END WISH_LOST FLAG_LATE FAILURE_IGNORED
                    SILENT_FAILURE ALL_NEXT KEPT_TO_ITSELF NEXT_SLEEPS TWO_LEAD
                    SHOW_PUBLISHED BARE_SHOW PUBLISH_LATE READ_AT_ONCE"
    [locks]="NO_SEARCH READS_DROPPED UPGRADE_ALONE WAKE_ONE RELEASE_EARLY
             QUIET_LEAVE GRANT_TO_ENDED STALE_WAIT"
    [log]="LATE_WISH PARTIAL ACK_FAILED RETRY_SYNC SHARED_BLOCK NO_WAIT"
    [pages]="ONE_SUPERBLOCK BLIND_TO_READERS NO_RESERVATION
             RELEASE_COMMITTED NO_FAILED_STATE"
    [revocation]="LOOK_FIRST NO_SLOT REVOKE_LAST REVOKE_ASIDE NO_NUMBER
                  SLOT_LET_GO"
)
stuck=" SILENT_FAILURE ALL_NEXT KEPT_TO_ITSELF NEXT_SLEEPS NO_SEARCH"
stuck="$stuck WAKE_ONE QUIET_LEAVE GRANT_TO_ENDED "
checked=0
states=0
refuted=0
failed=0

# The model log needs -DNOREDUCE, for its processes stop when the power goes.
# A variant is refuted long before its states are all seen: compiling it is
# what takes time.
verify() { # model, level of optimisation, -D...
    local flags=-DREDUCE ends=-E
    case $1 in
        log) flags=-DNOREDUCE ;;
        locks | group_commit) ends= ;;
    esac
    mkdir -p "$work/$1" && cd "$work/$1" || return 1
    spin "${@:3}" -a "$models/$1.pml" > spin.log 2>&1 \
        && cc "$2" -w -DSAFETY -DMEMLIM=2048 "$flags" -o pan pan.c \
        && ./pan $ends -m20000 -w22 > pan.log 2>&1 || {
            cat spin.log pan.log
            return 1
        }
    ! grep -qE 'max search depth too small|memory limit' pan.log \
        && grep -q 'errors:' pan.log
}

errors() { sed -nE 's/.*errors: ([0-9]+).*/\1/p' pan.log; }

complain() {
    echo "$*"
    failed=1
}

check() { # model
    local start=$SECONDS depth found variant why
    verify "$1" -O2 && [ "$(errors)" = 0 ] \
        || { complain "model $1: refuted, or not checked"; tail -5 pan.log; }
    found=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' pan.log)
    depth=$(sed -nE 's/.*depth reached ([0-9]+),.*/\1/p' pan.log)
    found=$(LC_ALL=C awk -v n="${found:-0}" 'BEGIN { printf "%d", n }')
    states=$((states + found))
    checked=$((checked + 1))
    local names=
    for variant in ${variants[$1]}; do
        why='assertion violated'
        [[ $stuck != *" $variant "* ]] || why='invalid end state'
        if verify "$1" -O0 "-D$variant" && [ "$(errors)" = 1 ] \
            && grep -q "^pan:1: $why" pan.log; then
            refuted=$((refuted + 1))
            names+=" $variant"
        else
            complain "model $1: the variant $variant is not refuted"
        fi
    done
    echo "model $1: $found states, depth $depth," \
        "$((SECONDS - start)) seconds, refuted:$names"
}

for tool in spin cc; do
    command -v "$tool" > /dev/null \
        || { echo "no $tool; see cmake/setup.sh models" >&2; exit 2; }
done
[ $# -gt 0 ] \
    || set -- beside checkpoint epochs group_commit locks log pages revocation
for model; do
    [ -n "${variants[$model]:-}" ] \
        || { echo "no model is called $model" >&2; exit 2; }
    check "$model"
done
echo "figure models $checked"
echo "figure model_states $states"
echo "figure model_variants_refuted $refuted"
exit "$failed"
