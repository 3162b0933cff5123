#!/usr/bin/env python3
"""Known answers for crypto/, computed by a second implementation: Python integers, hashlib and nothing of ours.

    python3 tests/crypto/vectors/make_vectors.py > tests/crypto/vectors/vectors.h

Each part first proves itself on a published value (RFC 7748, 8032, 8439, 9496) where there is one."""
import hashlib
import math
import struct
from itertools import count

LINES = []


def emit(name, value):
    if isinstance(value, bytes):
        value = value.hex()
    elif isinstance(value, int):
        value = "-%x" % -value if value < 0 else "%x" % value
    if isinstance(value, str):
        pieces = [value[i:i + 100] for i in range(0, len(value), 100)] or [""]
        text = " \\\n    ".join('"%s"' % p for p in pieces)
    elif isinstance(value[0], bytes):
        text = "{ \\\n    " + ", \\\n    ".join('"%s"' % v.hex() for v in value) + "}"
    else:
        text = "{" + ", ".join(str(v) for v in value) + "}"
    LINES.append("#define %s \\\n    %s" % (name, text))


# --- hashes ---------------------------------------------------------------------------------------------------------

def sha256(b):
    return hashlib.sha256(b).digest()


def u32(v):
    return struct.pack(">I", v)


def u64(v):
    return struct.pack(">Q", v)


def sized(b):
    return u64(len(b)) + b


def tuple_hash(*parts):
    return sha256(b"".join(sized(p) for p in parts))


def keyed(key, tag, b):
    return hashlib.blake2b(sized(tag) + sized(b), key=key, digest_size=32).digest()


def merkle(leaves):
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + merkle(leaves[:k]) + merkle(leaves[k:]))


emit("HASH_TUPLE", tuple_hash(b"hefu/test/v1", b"abc", b"", u64(7), bytes(range(32))))
emit("HASH_KEYED", keyed(bytes(range(32)), b"body", b"hello"))
emit("HASH_MERKLE", [merkle([bytes([j]) * j for j in range(n)]) for n in range(10)])


# --- rng ------------------------------------------------------------------------------------------------------------

def chacha_block(key, counter, nonce=bytes(8)):
    def rot(v, n):
        return (v << n | v >> (32 - n)) & 0xffffffff

    def quarter(x, a, b, c, d):
        for (i, j, k, n) in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            x[i] = (x[i] + x[j]) & 0xffffffff
            x[k] = rot(x[k] ^ x[i], n)

    start = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key)
                 + struct.unpack("<2I", struct.pack("<Q", counter)) + struct.unpack("<2I", nonce))
    x = start[:]
    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                  (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(x, *q)
    return struct.pack("<16I", *((a + b) & 0xffffffff for a, b in zip(x, start)))


# RFC 8439, A.1, vector 1
assert chacha_block(bytes(32), 0).hex().startswith("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1a")


class Rng:
    def __init__(self, key, purpose, peer=0, passes=0, index=0, answers=None):
        context = u32(peer) + u32(passes) + u64(index) + (b"\1" + answers if answers else bytes(33))
        self.key = keyed(key, purpose, context)
        self.buffer, self.block = b"", 0

    def fill(self, n):
        while len(self.buffer) < n:
            self.buffer += chacha_block(self.key, self.block)
            self.block += 1
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def u64(self):
        return struct.unpack(">Q", self.fill(8))[0]

    def below_small(self, bound):
        while True:
            v = self.u64()
            if v >= 2**64 % bound:
                return v % bound

    def bits(self, n):
        return int.from_bytes(self.fill((n + 7) // 8), "big") % 2**n

    def below(self, bound):
        while True:
            v = self.bits(bound.bit_length())
            if v < bound:
                return v

    def unit(self, n):
        while True:
            v = self.below(n)
            if math.gcd(v, n) == 1:
                return v

    def permutation(self, n):
        perm = list(range(n))
        for i in range(n, 1, -1):
            j = self.below_small(i)
            perm[i - 1], perm[j] = perm[j], perm[i - 1]
        return perm


KEY = bytes(range(32))
emit("RNG_PLAIN", Rng(KEY, b"known answer").fill(600))
emit("RNG_ANSWERS", sha256(b"request"))
emit("RNG_ADDRESSED", Rng(KEY, b"known answer", 1, 2, 3 << 40, sha256(b"request")).fill(64))
emit("RNG_DERIVED", keyed(KEY, b"child", b"context"))
r = Rng(KEY, b"known answer")
emit("RNG_BELOW", [r.below_small(3 * 2**62) % 1000003 for _ in range(8)])
emit("RNG_BELOW_MPZ", Rng(KEY, b"known answer").below(2**521 - 1))
emit("RNG_UNIT", Rng(KEY, b"known answer").unit(3 * 5 * 7 * 11 * 13 * 17 * 19 * 23 * 2**30))
emit("RNG_PERMUTATION", Rng(KEY, b"known answer").permutation(20))

# --- edwards25519, ristretto255 -----------------------------------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
I = pow(2, (P - 1) // 4, P)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P)


def mul(n, a):
    out = (0, 1)
    for bit in bin(n)[2:]:
        out = add(out, out)
        if bit == "1":
            out = add(out, a)
    return out


def even(x):
    return x % P % 2 == 0


def absolute(x):
    return x % P if even(x) else -x % P


def sqrt_ratio(u, v):
    """RFC 9496, 4.2: (was u/v square, its non-negative root, or that of i u/v)."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    if check in (-u % P, -u * I % P):
        r = r * I % P
    return check in (u % P, -u % P), absolute(r)


GY = 4 * pow(5, -1, P) % P
G = (sqrt_ratio(GY * GY - 1, D * GY * GY + 1)[1], GY)
G = G if even(G[0]) else (-G[0] % P, GY)


def compress(a):
    return (a[1] | (a[0] & 1) << 255).to_bytes(32, "little")


def ed25519(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & ~7 & (1 << 254) - 1 | 1 << 254
    return a, h[32:], compress(mul(a, G))


def ed25519_sign(seed, message):
    a, prefix, public = ed25519(seed)
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    point = compress(mul(r, G))
    k = int.from_bytes(hashlib.sha512(point + public + message).digest(), "little") % L
    return point + ((r + k * a) % L).to_bytes(32, "little")


SEED1 = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
assert ed25519(SEED1)[2].hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"  # RFC 8032, 7.1
assert ed25519_sign(SEED1, b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")
emit("SIGN_SEED", SEED1)
emit("SIGN_PUBLIC", ed25519(SEED1)[2])
emit("SIGN_SIGNATURE", ed25519_sign(SEED1, tuple_hash(b"hefu/test/v1", b"message")))


def x25519(k, u):
    k = int.from_bytes(k, "little") & ~7 & (1 << 254) - 1 | 1 << 254
    x1, x2, z2, x3, z3 = int.from_bytes(u, "little") % 2**255, 1, 0, int.from_bytes(u, "little") % 2**255, 1
    for t in range(254, -1, -1):
        if k >> t & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        x3, z3 = pow(d * a + c * b, 2, P), x1 * pow(d * a - c * b, 2, P) % P
        e = a * a - b * b
        x2, z2 = a * a * b * b % P, e * (a * a + 121665 * e) % P
        if k >> t & 1:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, -1, P) % P).to_bytes(32, "little")


# RFC 7748, 6.1
NINE = b"\t" + bytes(31)
ALICE = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
BOB = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
ALICE_PUBLIC, BOB_PUBLIC = x25519(ALICE, NINE), x25519(BOB, NINE)
SHARED = x25519(ALICE, BOB_PUBLIC)
assert ALICE_PUBLIC.hex() == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
assert SHARED.hex() == "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"
emit("KX_ALICE", ALICE)
emit("KX_ALICE_PUBLIC", ALICE_PUBLIC)
emit("KX_BOB", BOB)
emit("KX_BOB_PUBLIC", BOB_PUBLIC)
WIDE = [bytes([0xEC]) + k + bytes(33) for k in (ALICE_PUBLIC, BOB_PUBLIC)]  # as crypto/sign.h lays them out
emit("KX_SHARED", tuple_hash(b"hefu/pair/v2", SHARED, *sorted(WIDE), b"session"))

AD_SQRT = sqrt_ratio(-D - 1, 1)[1]                    # sqrt(a d - 1) with a = -1, either sign
AD_SQRT = AD_SQRT if AD_SQRT % 2 == 1 else -AD_SQRT % P  # RFC 9496 takes the odd one
A_MINUS_D = sqrt_ratio(1, -1 - D)[1]


def ristretto_encode(a):
    """RFC 9496, 4.3.2, for an affine point."""
    x, y = a
    z, t = 1, x * y % P
    u1, u2 = (z + y) * (z - y) % P, x * y % P
    inverse = sqrt_ratio(1, u1 * u2 * u2)[1]
    den1, den2 = inverse * u1 % P, inverse * u2 % P
    z_inv = den1 * den2 * t % P
    if even(t * z_inv):
        den = den2
    else:
        x, y, den = y * I % P, x * I % P, den1 * A_MINUS_D % P
    if not even(x * z_inv):
        y = -y % P
    return absolute(den * (z - y)).to_bytes(32, "little")


def ristretto_decode(b):
    """RFC 9496, 4.3.1."""
    s = int.from_bytes(b, "little")
    if s >= P or not even(s):
        return None
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    square, inverse = sqrt_ratio(1, v * u2 * u2)
    den_x = inverse * u2 % P
    den_y = inverse * den_x * v % P
    x, y = absolute(2 * s * den_x), u1 * den_y % P
    return (x, y) if square and even(x * y) and y else None


def ristretto_map(b):
    """RFC 9496, 4.3.4, MAP of 32 bytes."""
    t = int.from_bytes(b, "little") % 2**255 % P
    r = I * t * t % P
    u = (r + 1) * (1 - D * D) % P
    v = (-1 - r * D) * (r + D) % P
    square, s = sqrt_ratio(u, v)
    c = P - 1
    if not square:
        s, c = -absolute(s * t) % P, r
    n = (c * (r - 1) * pow(D - 1, 2, P) - v) % P
    w0, w1, w2, w3 = 2 * s * v % P, n * AD_SQRT % P, (1 - s * s) % P, (1 + s * s) % P
    return (w0 * w3 * pow(w1 * w3, -1, P) % P, w2 * w1 * pow(w1 * w3, -1, P) % P)


def ristretto_from_hash(b):
    return add(ristretto_map(b[:32]), ristretto_map(b[32:]))


def ristretto_hash(contract, attempt, name):
    return ristretto_from_hash(hashlib.sha512(b"hefu-psi" + contract + u32(attempt) + sized(name)).digest())


assert ristretto_encode(G).hex() == "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"  # RFC 9496, A.1
assert ristretto_encode(ristretto_from_hash(hashlib.sha512(  # RFC 9496, A.3
    b"Ristretto is traditionally a short shot of espresso coffee").digest())).hex() == \
    "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46"
CONTRACT = sha256(b"contract")
IDS = [b"", b"a", b"110101199003070000", b"x" * 200]
HASHED = [ristretto_hash(CONTRACT, 2, i) for i in IDS]
r = Rng(KEY, b"group scalar")
SCALAR = int.from_bytes(r.fill(64), "little") % L
emit("GROUP_CONTRACT", CONTRACT)
emit("GROUP_MULTIPLES", [ristretto_encode(mul(n, G)) for n in range(1, 17)])
emit("GROUP_HASHED", [ristretto_encode(a) for a in HASHED])
emit("GROUP_SCALAR", SCALAR.to_bytes(32, "little"))
emit("GROUP_SCALED", [ristretto_encode(mul(SCALAR, a)) for a in HASHED])
BAD = {"identity": bytes(32), "p itself": P.to_bytes(32, "little"), "p + 1": (P + 1).to_bytes(32, "little"),
       "all ones": b"\xff" * 32, "negative": (P - 2).to_bytes(32, "little"), "odd": b"\1" + bytes(31),
       "base with top bit": ristretto_encode(G)[:31] + bytes([ristretto_encode(G)[31] | 0x80])}
for s in count(2, 2):  # canonical, non-negative, and still no element
    if ristretto_decode(s.to_bytes(32, "little")) is None:
        BAD["not square %d" % s] = s.to_bytes(32, "little")
        if len(BAD) == 12:
            break
assert all(ristretto_decode(b) is None for name, b in BAD.items() if name != "identity")
assert all(ristretto_encode(ristretto_decode(ristretto_encode(a))) == ristretto_encode(a) for a in HASHED)
emit("GROUP_BAD", list(BAD.values()))


# --- paillier -------------------------------------------------------------------------------------------------------

def is_prime(n):
    for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97):
        if n % p == 0:
            return n == p
    s = ((n - 1) & (1 - n)).bit_length() - 1
    for base in range(2, 34):
        x = pow(base, (n - 1) >> s, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def draw_prime(rng, bits):
    while True:
        p = rng.bits(bits) | 3 << (bits - 2) | 1
        if is_prime(p):
            return p


def keygen(rng, bits):
    while True:
        p, q = draw_prime(rng, bits // 2), draw_prime(rng, bits // 2)
        if abs(p - q).bit_length() + 100 > bits // 2 and math.gcd(p * q, (p - 1) * (q - 1)) == 1:
            return max(p, q), min(p, q)


def join(a, m, b, k):
    return b + k * ((a - b) * pow(k, -1, m) % m)


WINDOW = 6


def blind_bases(rng, modulus, exponent, units):
    count = -(-(units.bit_length() + 192) // WINDOW)
    return modulus, [pow(rng.unit(units), exponent, modulus) for _ in range(count)]


def blind_draw(rng, table):
    modulus, bases = table
    out = 1
    for base, choice in zip(bases, rng.fill(len(bases))):
        out = out * pow(base, choice % 2**WINDOW, modulus) % modulus
    return out


BINDING = sha256(b"binding")
emit("KEYPROOF_BINDING", BINDING)
for bits in (256, 512, 2048):
    name = "PAILLIER_%d_" % bits
    p, q = keygen(Rng(KEY, b"paillier key", index=bits), bits)
    n, n2 = p * q, p * p * q * q
    assert n.bit_length() == bits
    lam, r = math.lcm(p - 1, q - 1), Rng(KEY, b"paillier values", index=bits)

    def decrypt(c):
        """With lambda, not with two halves."""
        return (pow(c, lam, n2) - 1) // n * pow((pow(1 + n, lam, n2) - 1) // n, -1, n) % n

    m, m2, e = r.below(n), r.below(n), -r.bits(40)
    blind = pow(r.unit(n), n, n2)
    c, c2 = (1 + m * n) * blind % n2, (1 + m2 * n) % n2
    assert decrypt(c) == m and decrypt(c * c2 % n2) == (m + m2) % n
    emit(name + "P", p)
    emit(name + "Q", q)
    emit(name + "N", n)
    emit(name + "M", m)
    emit(name + "BLIND", blind)
    emit(name + "C", c)
    emit(name + "M2", m2)
    emit(name + "SUM", c * c2 % n2)
    emit(name + "E", e)
    emit(name + "SCALED", pow(c, e, n2))
    emit(name + "SCALED_M", m * e % n)

    r = Rng(KEY, b"blind draw", index=bits)
    emit("BLIND_%d_DIRECT" % bits, pow(r.unit(n), n, n2))
    r = Rng(KEY, b"blind draw", index=bits)
    x, y = r.unit(p), r.unit(q)
    emit("BLIND_%d_OWN_DIRECT" % bits, join(pow(x, p, p * p), p * p, pow(y, q, q * q), q * q))
    if bits < 2048:
        table = blind_bases(Rng(KEY, b"blind tables", index=bits), n2, n, n)
        emit("BLIND_%d_TABLE" % bits, blind_draw(Rng(KEY, b"blind draw", index=bits), table))
        r = Rng(KEY, b"blind tables", index=bits)
        mod_p2, mod_q2 = blind_bases(r, p * p, p, p), blind_bases(r, q * q, q, q)
        r = Rng(KEY, b"blind draw", index=bits)
        a, b = blind_draw(r, mod_p2), blind_draw(r, mod_q2)
        emit("BLIND_%d_OWN_TABLE" % bits, join(a, p * p, b, q * q))

    width, key = bits // 8, tuple_hash(b"hefu/keyproof/v1", BINDING, u64(bits), n.to_bytes(bits // 8, "big"))
    roots = [pow(Rng(key, b"key proof challenge", index=i).below(n), pow(n, -1, (p - 1) * (q - 1)), n) for i in range(13)]
    emit("KEYPROOF_%d_SHA256" % bits, sha256(b"".join(x.to_bytes(width, "big") for x in roots)))

print("/* Made by make_vectors.py; do not edit. */")
print("#ifndef HEFU_TEST_VECTORS_H\n#define HEFU_TEST_VECTORS_H\n")
print("\n".join(LINES))
print("\n#endif")
