#!/bin/sh
# The layout shows the architecture: crypto <- protocol <- training <- node/local <- node/net <- programs.
# A file includes its own layer or those to its left; the first three layers touch nothing outside their arguments.
set -eu
cd "$(dirname "$0")/../.."

found=$(mktemp)
trap 'rm -f "$found"' EXIT

# layer PATTERN OF FILES, INCLUDES IT MUST NOT HAVE
layer() {
    dir=$1 forbidden=$2
    [ -d "$dir" ] || return 0
    grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]+[<\"]($forbidden)" "$dir" >>"$found" || true
}
outside='sys/|time\.h|unistd\.h|fcntl\.h|pthread\.h|threads\.h|poll\.h|signal\.h|netinet/|arpa/|netdb\.h'
libraries='openssl/|sqlite3|yaml\.h|jansson|csv\.h|nng/'
layer crypto         "protocol/|training/|node/|tests/|$outside|openssl/([^es]|e[^rv]|s[^h])|${libraries#openssl/|}" # evp.h: AES, SM2; err.h: why it failed; sha.h: SHA-256
layer protocol       "training/|node/|tests/|$outside|$libraries"
layer training       "node/|tests/|$outside|$libraries"
layer node/local     "node/(net|hefu|hefud|hefu_audit)/|tests/|nng/"
layer node/net       "node/(hefu|hefud|hefu_audit)/|tests/"
layer node/hefu      "node/(hefud|hefu_audit)/|tests/|nng/"
layer node/hefud     "node/(hefu|hefu_audit)/|tests/|nng/"
layer node/hefu_audit "node/(net|hefu|hefud)/|tests/|nng/"
layer tests/crypto   "protocol/|training/|node/"
layer tests/protocol "training/(party|dictionary|metrics|reference)|node/"
layer tests/training "node/"

# Calls by which the pure layers would reach the world.
for dir in crypto protocol training; do
    [ -d "$dir" ] || continue
    grep -rnE --include='*.[ch]' \
        '(^|[^_[:alnum:]"])(fopen|open|socket|time|clock_gettime|getrandom|randombytes_buf|pthread_create|fork|printf|fprintf|getenv|system)\(' \
        "$dir" | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(/?\*|//)' >>"$found" || true
done

if [ -s "$found" ]; then
    sed 's/^/    /' "$found"
    echo "not ok layers: a file reaches to its right, or out of the pure layers"
    exit 1
fi
echo "ok layers: every include points left"
