#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Installs, on Debian and its relatives, what numstore is built with:
#
#   bash cmake/setup.sh [test] [clang] [bench] [models] [coverage]
#
# No package is ever removed. A library that cannot be installed beside what
# the machine has, or without the rights to install, is unpacked below
# build/deps, where the presets of CMake look first.
set -euo pipefail
cd "$(dirname "$0")/.."
deps=$PWD/build/deps
log=$PWD/build/setup.log
export DEBIAN_FRONTEND=noninteractive
mkdir -p build

say() { printf 'set-up: %s\n' "$*"; }

stop() {
    say "$*"
    [ ! -s "$log" ] || { say "the end of $log:"; tail -n 15 "$log"; }
    exit 1
} >&2

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif ! command -v sudo; then
        echo "neither root nor sudo"
        return 1
    elif [ -t 2 ]; then
        sudo --preserve-env=DEBIAN_FRONTEND "$@"
    else
        sudo -n --preserve-env=DEBIAN_FRONTEND "$@"
    fi >> "$log"
}

candidate() {
    apt-cache policy "$1" 2> /dev/null \
        | awk '$1 == "Candidate:" && $2 != "(none)" {print $2}'
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]
}

# The packages of Boost, 1.81 or newer: those of the distribution, or the
# newer ones that Debian 12 has beside its own 1.74.
boost_package() { # "" or -test
    local version
    version=$(candidate libboost-dev)
    if [ -n "$version" ] && dpkg --compare-versions "$version" ge 1.81; then
        echo "libboost$1-dev"
    else
        echo "libboost${1}1.81-dev"
    fi
}

tool() { command -v "$1" > /dev/null || echo "$2"; }
library() { installed "$1" || [ -e "$deps/.have/$1" ] || echo "$1"; }

missing() {
    tool g++ g++
    tool cmake cmake
    PATH=$deps/usr/bin:$PATH tool ninja ninja-build
    library libxxhash-dev
    library "$(boost_package "")"
    local part
    for part; do
        case $part in
        test) library "$(boost_package -test)"
              library zlib1g-dev
              library python3-numpy ;;
        clang) tool clang++-19 clang-19
               library libclang-rt-19-dev
               library libc++-19-dev ;;
        bench) library liblmdb-dev
               library libsqlite3-dev ;;
        coverage) tool clang++-19 clang-19
                  tool llvm-cov-19 llvm-19
                  tool python3 python3
                  library libclang-rt-19-dev ;;
        models) tool spin spin
                tool cc gcc ;;
        *) stop "no part is called $part" ;;
        esac
    done
}

lists_are_new() {
    compgen -G '/var/lib/apt/lists/*Packages*' > /dev/null \
        && [ -n "$(find /var/lib/apt/lists -maxdepth 0 -mtime -1)" ]
}

update_lists() {
    say "reads the package lists"
    local attempt
    for attempt in 1 2 3; do
        as_root apt-get update -q -o DPkg::Lock::Timeout=300 2>> "$log" \
            && return
        sleep "$attempt"
    done
    say "could not read the package lists, goes on with the old ones"
}

install() {
    as_root apt-get install -q -y --no-remove --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@" 2>> "$log" < /dev/null
}

# Downloads a package, and the parts of Boost or of LLVM's library that it
# needs, without installing it.
unpack() {
    local archives=$deps/.archives name
    rm -rf "$archives"
    mkdir -p "$archives" "$deps/.have"
    local names
    names=$(apt-cache depends --recurse --no-recommends --no-suggests \
        --no-conflicts --no-breaks --no-replaces --no-enhances "$1" \
        | grep -E '^lib(boost|c\+\+|unwind)' || true)
    for name in $(printf '%s\n' "$1" $names | sort -u); do
        (cd "$archives" && apt-get download -q "$name") >> "$log" 2>&1 \
            || return 1
    done
    for name in "$archives"/*.deb; do
        dpkg -x "$name" "$deps" >> "$log" 2>&1 || return 1
    done
    rm -rf "$archives"
    touch "$deps/.have/$1"
    say "unpacked $1 below build/deps"
}

if ! command -v apt-get > /dev/null; then
    say "no apt-get here: numstore needs g++ 12 or clang 19, CMake 3.25," \
        "Ninja, Boost 1.81 (headers, Boost.Test) and the header of xxHash 0.8"
    exit 0
fi

: > "$log"
mapfile -t wanted < <(missing "$@")
if [ ${#wanted[@]} -gt 0 ] && ! lists_are_new; then
    update_lists
    mapfile -t wanted < <(missing "$@")
fi
if [ ${#wanted[@]} -gt 0 ]; then
    say "installs ${wanted[*]}"
    if ! install "${wanted[@]}"; then
        for name in "${wanted[@]}"; do
            install "$name" && continue
            case $name in
            libclang*) ;;
            lib* | ninja-build) unpack "$name" && continue ;;
            esac
            stop "cannot install $name"
        done
    fi
fi
say "complete"
