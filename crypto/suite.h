/* The two suites of algorithms.  A contract names its suite; its session, its approvals and whoever verifies them take it from
 * there and from nowhere else: nothing is negotiated, and a record of another suite is malformed.  A key, a generator, a hasher
 * and a tree remember theirs; signatures are 64 and hashes 32 bytes in either.  [SPEC 1.6]
 *
 *          signatures          key agreement           hashes                 streams        seals
 *   INT1   Ed25519             X25519                  SHA-256, BLAKE2b       ChaCha20       XChaCha20-Poly1305
 *   GM1    SM2 (GB/T 32918.2)  SM2 (GB/T 32918.3)      SM3 (GB/T 32905)       SM4 counter    SM4 counter, HMAC-SM3 */
#ifndef HEFU_SUITE_H
#define HEFU_SUITE_H

enum suite { SUITE_INT1 = 1, SUITE_GM1 = 2 };

/* "INT1" or "GM1"; NULL when it is neither. */
const char *suite_name(enum suite s);
/* 0 when the text is neither. */
enum suite suite_from_name(const char *text);

#endif
