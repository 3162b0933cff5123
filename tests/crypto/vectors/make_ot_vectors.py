#!/usr/bin/env python3
"""Known answers for crypto/ot.h: the whole protocol once more, from its definitions, in Python integers and hashlib.

    python3 tests/crypto/vectors/make_ot_vectors.py > tests/crypto/vectors/ot_vectors.h

The group, the hashes and the generator are those of make_vectors.py; AES is here (FIPS 197, proved on its appendix C.1).
The sender is computed from its own view only: it never sees a choice, nor the leaves that it must not know."""
import contextlib
import functools
import hashlib
import io
import operator

with contextlib.redirect_stdout(io.StringIO()):
    import make_vectors as mv
from make_vectors import KEY, L, G, Rng, add, mul, sha256, tuple_hash, u32, u64

mv.LINES.clear()


# --- AES-128, FIPS 197 ----------------------------------------------------------------------------------------------

def times(a, b):
    """In GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    out = 0
    while b:
        if b & 1:
            out ^= a
        a = a << 1 ^ (0x11b if a & 0x80 else 0)
        b >>= 1
    return out


def sbox_entry(x):
    inverse = next((y for y in range(256) if times(x, y) == 1), 0)
    return 0x63 ^ inverse ^ (inverse * 0x101 >> 7 ^ inverse * 0x101 >> 6 ^ inverse * 0x101 >> 5 ^ inverse * 0x101 >> 4) & 255


SBOX = [sbox_entry(x) for x in range(256)]
TWICE = [times(x, 2) for x in range(256)]


def round_keys(key):
    words, constant = [key[i:i + 4] for i in range(0, 16, 4)], 1
    for i in range(4, 44):
        w = words[-1]
        if i % 4 == 0:
            w = bytes([SBOX[w[1]] ^ constant, SBOX[w[2]], SBOX[w[3]], SBOX[w[0]]])
            constant = TWICE[constant]
        words.append(bytes(a ^ b for a, b in zip(w, words[-4])))
    return [b"".join(words[i:i + 4]) for i in range(0, 44, 4)]


def xor(*blocks):
    return bytes(functools.reduce(operator.xor, column) for column in zip(*blocks))


class Aes:
    def __init__(self, key):
        self.keys = round_keys(key)

    def __call__(self, block):
        state = xor(block, self.keys[0])
        for number, key in enumerate(self.keys[1:], 1):
            state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]  # SubBytes, ShiftRows
            if number < 10:
                mixed = []
                for c in range(0, 16, 4):
                    a = state[c:c + 4]
                    mixed += [TWICE[a[i]] ^ TWICE[a[(i + 1) % 4]] ^ a[(i + 1) % 4] ^ a[(i + 2) % 4] ^ a[(i + 3) % 4]
                              for i in range(4)]
                state = mixed
            state = xor(state, key)
        return state


assert Aes(bytes(range(16)))(bytes.fromhex("00112233445566778899aabbccddeeff")).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


def number(n):
    """A block that counts: the number in its last eight bytes, big-endian."""
    return bytes(8) + u64(n)


def bit(b, i):
    return b[i // 8] >> i % 8 & 1


# --- set-up ---------------------------------------------------------------------------------------------------------

SESSION = sha256(b"session of the ot vectors")
CONTEXT = tuple_hash(b"hefu/ot/v1", SESSION, u64(2), u64(1), b"vectors")
BASE = 128


def offset(index, b, beside):
    return mv.ristretto_from_hash(hashlib.sha512(b"hefu-ot-point" + CONTEXT + u32(index) + bytes([b]) + beside).digest())


def pad(offer, answer, index, b, shared):
    return tuple_hash(b"hefu/ot/pad/v1", CONTEXT, tuple_hash(b"hefu/ot/offer/v1", offer), answer, u64(index), u64(b),
                      mv.ristretto_encode(shared))[:16]


sender, receiver = Rng(KEY, b"ot sender"), Rng(KEY, b"ot receiver")

# The sender of the extension chooses in the base OTs: the side that delta does not lie on.
DELTA = sender.fill(16)
offer, secrets = b"", []
for i in range(BASE):
    side = 1 - bit(DELTA, i)
    random = mv.ristretto_encode(mv.ristretto_from_hash(sender.fill(64)))
    secrets.append(int.from_bytes(sender.fill(64), "little") % L)
    x, y = offset(i, side, random)
    known = mv.ristretto_encode(add(mul(secrets[i], G), (-x % mv.P, y)))
    offer += random + known if side else known + random

# The receiver of the extension answers with the sums of both sides of every level of 32 trees.
secret = int.from_bytes(receiver.fill(64), "little") % L
answer_point = mv.ristretto_encode(mul(secret, G))
answer, leaves = answer_point, []
for tree in range(32):
    level = {0: receiver.fill(16)}  # nodes by their number: the side taken at level i is bit i
    for i in range(4):
        level = {x | b << i: Aes(seed)(number(b)) for x, seed in level.items() for b in (0, 1)}
        for b in (0, 1):
            at = 4 * tree + i
            pair = [offer[64 * at + 32 * c:64 * at + 32 * c + 32] for c in (0, 1)]
            shared = mul(secret, add(mv.ristretto_decode(pair[b]), offset(at, b, pair[1 - b])))
            answer += xor(pad(offer, answer_point, at, b, shared), *(s for x, s in level.items() if x >> i & 1 == b))
    leaves.append(level)

# The sender learns all leaves but one of each tree.
known_leaves = []
for tree in range(32):
    level = {}
    for i in range(4):
        at = 4 * tree + i
        side = 1 - bit(DELTA, at)
        sum_of = answer[32 + 32 * at + 16 * side:][:16]
        shared = mul(secrets[at], mv.ristretto_decode(answer_point))
        level = {x | b << i: Aes(seed)(number(b)) for x, seed in level.items() for b in (0, 1)}
        missing = sum(bit(DELTA, 4 * tree + k) << k for k in range(i)) | side << i
        level[missing] = xor(sum_of, pad(offer, answer_point, at, side, shared),
                             *(s for x, s in level.items() if x >> i & 1 == side))
    assert len(level) == 15 and all(leaves[tree][x] == seed for x, seed in level.items())
    known_leaves.append(level)


# --- extension ------------------------------------------------------------------------------------------------------

def stream(seed, first, blocks):
    """Bits as an integer: bit i of the stream is bit i."""
    aes = Aes(seed)
    return int.from_bytes(b"".join(aes(number(first + i)) for i in range(blocks)), "little")


def columns(rows, count):
    """Block j takes bit j of every row."""
    return [sum((row >> j & 1) << i for i, row in enumerate(rows)).to_bytes(16, "little") for j in range(count)]


def receiver_extend(choices, count, first):
    blocks = -(-count // 128)
    chosen = int.from_bytes(choices, "little") % 2**count
    message, rows = b"", []
    for tree in range(32):
        streams = {x: stream(seed, first // 128, blocks) for x, seed in leaves[tree].items()}
        total = 0
        for s in streams.values():
            total ^= s
        message += (total ^ chosen).to_bytes(16 * blocks, "little")
        for i in range(4):
            row = 0
            for x, s in streams.items():
                row ^= s if x >> i & 1 else 0
            rows.append(row)
    return message, columns(rows, count)


def sender_extend(message, count, first):
    blocks = -(-count // 128)
    rows = []
    for tree in range(32):
        streams = {x: stream(seed, first // 128, blocks) for x, seed in known_leaves[tree].items()}
        correction = int.from_bytes(message[16 * blocks * tree:16 * blocks * (tree + 1)], "little")
        element = sum(bit(DELTA, 4 * tree + i) << i for i in range(4))
        for i in range(4):
            row = correction if element >> i & 1 else 0
            for x, s in streams.items():
                row ^= s if (x ^ element) >> i & 1 else 0
            rows.append(row)
    return columns(rows, count)


COUNTS = [300, 5]
choices = [Rng(KEY, b"ot choices", index=i).fill(-(-count // 8)) for i, count in enumerate(COUNTS)]
first, messages, ts, qs = 0, [], [], []
for chosen, count in zip(choices, COUNTS):
    message, t = receiver_extend(chosen, count, first)
    q = sender_extend(message, count, first)
    assert all(a == (xor(b, DELTA) if bit(chosen, i) else b) for i, (a, b) in enumerate(zip(q, t)))
    messages.append(message)
    ts.append(t)
    qs.append(q)
    first += len(message) // 4


# --- pads -----------------------------------------------------------------------------------------------------------

PI = Aes(tuple_hash(b"hefu/ot/pi/v1", CONTEXT)[:16])


def expand(block, index, length):
    once = PI(block)
    return b"".join(xor(PI(xor(once, u64(index) + u64(i))), once) for i in range(-(-length // 16)))[:length]


def place(j, l):
    """j without its bit l."""
    return j % 2**l + (j >> l + 1 << l)


def sender_row(bits, size, row, first):
    keys = [[expand(q if c == 0 else xor(q, DELTA), first + row * bits + l, size * 2**bits // 2) for c in (0, 1)]
            for l, q in enumerate(qs[0][row * bits:(row + 1) * bits])]
    return [xor(*(keys[l][j >> l & 1][size * place(j, l):size * (place(j, l) + 1)] for l in range(bits)))
            for j in range(2**bits)]


SHAPES = [(1, 1), (3, 2), (4, 16), (7, 1), (8, 2)]
mv.emit("OT_SESSION", SESSION)
mv.emit("OT_OFFER_SHA256", sha256(offer))
mv.emit("OT_OFFER_END", offer[-64:])
mv.emit("OT_ANSWER_SHA256", sha256(answer))
mv.emit("OT_ANSWER_END", answer[-64:])
mv.emit("OT_DELTA", DELTA)
mv.emit("OT_MESSAGE_SHA256", [sha256(m) for m in messages])
mv.emit("OT_T_SHA256", [sha256(b"".join(t)) for t in ts])
mv.emit("OT_Q_SHA256", [sha256(b"".join(q)) for q in qs])
mv.emit("OT_FIRST_T", ts[0][0])
mv.emit("OT_EXPAND_0", expand(qs[0][7], 7, 40))
mv.emit("OT_EXPAND_1", expand(xor(qs[0][7], DELTA), 7, 40))
mv.emit("OT_ENTRIES_SHA256", [sha256(b"".join(b"".join(sender_row(bits, size, row, 0)) for row in range(300 // bits)))
                              for bits, size in SHAPES])

print("/* Made by make_ot_vectors.py; do not edit. */")
print("#ifndef HEFU_TEST_OT_VECTORS_H\n#define HEFU_TEST_OT_VECTORS_H\n")
print("\n".join(mv.LINES))
print("\n#endif")
