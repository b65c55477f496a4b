#!/usr/bin/env bash
# Copyright the numstore authors. SPDX-License-Identifier: Apache-2.0
#
# Installs what is missing, builds an example and runs it on example/data:
#
#   bash example/run.sh [NAME]        NAME is co2 unless given
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:-co2}
[ -e "example/$name.cpp" ] || { echo "no example/$name.cpp" >&2; exit 1; }

bash cmake/setup.sh
export PATH=$PWD/build/deps/usr/bin:$PATH

echo "builds example/$name.cpp"
log=build/example.log
if ! { cmake --preset release \
       && cmake --build --preset release --target "example_$name"; } \
       > "$log" 2>&1; then
    tail -n 40 "$log" >&2
    exit 1
fi

data=$PWD/example/data
folder=$PWD/build/release/example/run/$name
rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
exec "../../$name" "$data"
