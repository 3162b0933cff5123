#!/bin/sh
# The same source gives the same hefud, byte for byte, in whatever folders it lies and is built: so its SHA-256 names it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

# built SOURCE BUILD: the digest of the hefud that comes out of it.
built() {
    mkdir -p "$1"
    (cd "$root" && cp -r CMakeLists.txt crypto protocol training node "$work/$1") &&
        cmake -S "$1" -B "$2" -DHEFU_TESTS=OFF -DCMAKE_BUILD_TYPE=Release >"$work/said" 2>&1 &&
        cmake --build "$2" --target hefud -j "$(nproc)" >>"$work/said" 2>&1 &&
        sha256sum <"$2/bin/hefud"
}

if built here here/build >first && built some/where/else elsewhere >second && cmp -s first second; then
    ok "two folders give one hefud"
else
    cat first second >>said 2>/dev/null || true
    not_ok "two folders give one hefud"
fi
finish
