#!/bin/sh
# From a fresh checkout to a joint model: installs packages, builds, starts a bank, a tax bureau and a social-insurance
# bureau (three hefud processes that speak TLS on loopback) and a coordinator, trains on the bundled sample, verifies
# the signed transcript, and leaves the results in hefu-out/.
#   sh deploy/quickstart.sh [options of hefu try]
set -eu
cd "$(dirname "$0")/.."

step() {
    printf '\n== %s\n' "$1"
}

step "1 of 3: packages"
sh deploy/packages.sh

step "2 of 3: build"
[ -f build/CMakeCache.txt ] || export CMAKE_GENERATOR=Ninja
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DHEFU_TESTS=OFF >"$log" 2>&1; then
    cat "$log" >&2
    exit 4
fi
cmake --build build --parallel "$(nproc)" --target hefu hefud hefu-audit

step "3 of 3: train"
echo "2048-bit keys make a quick demonstration; 3072 bits are the default elsewhere."
build/bin/hefu try \
    --party bank=configs/sample/bank.csv \
    --party tax=configs/sample/tax.csv \
    --party social=configs/sample/social.csv \
    --id id --label default --key-bits 2048 --out hefu-out "$@"
