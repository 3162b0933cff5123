#!/usr/bin/env python3
"""Vectors of suite GM1, by another implementation: SM2 and SM4 from their standards in plain Python, SM3 of hashlib.
   python3 make_gm_vectors.py > gm_vectors.h"""

import hashlib
import hmac
import struct


def emit(name, value):
    def text(b):
        h = b.hex()
        return " \\\n    ".join('"%s"' % h[i:i + 100] for i in range(0, len(h), 100))

    if isinstance(value, list):
        print("#define %s \\\n    { \\\n    %s}" % (name, ", \\\n    ".join(text(v) for v in value)))
    else:
        print("#define %s \\\n    %s" % (name, text(value)))


def sm3(b):
    return hashlib.new("sm3", b).digest()


def mac(key, b):
    return hmac.new(key, b, "sm3").digest()


def u32(v):
    return struct.pack(">I", v)


def u64(v):
    return struct.pack(">Q", v)


def sized(b):
    return u64(len(b)) + b


def tuple_hash(*parts):
    return sm3(b"".join(sized(p) for p in parts))


def keyed(key, tag, b=b""):
    return mac(key, sized(tag) + sized(b))


# --- SM4, GB/T 32907, by its table ----------------------------------------------------------------------------------

SBOX = bytes.fromhex(
    "d690e9fecce13db716b614c228fb2c052b679a762abe04c3aa44132649860699"
    "9c4250f491ef987a33540b43edcfac62e4b31ca9c908e89580df94fa758f3fa6"
    "4707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35"
    "1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89e"
    "eabf8ad240c738b5a3f7f2cef96115a1e0ae5da49b341a55ad933230f58cb1e3"
    "1df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51"
    "8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b0"
    "8969974a0c96777e65b9f109c56ec68418f07dec3adc4d2079ee5f3ed7cb3948")


def rotate(x, n):
    return (x << n | x >> (32 - n)) & 0xffffffff


def sub(x):
    return int.from_bytes(bytes(SBOX[b] for b in x.to_bytes(4, "big")), "big")


def sm4_keys(key):
    k = [a ^ b for a, b in zip(struct.unpack(">4I", key), (0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc))]
    for i in range(32):
        ck = int.from_bytes(bytes((4 * i + j) * 7 & 255 for j in range(4)), "big")
        t = sub(k[i + 1] ^ k[i + 2] ^ k[i + 3] ^ ck)
        k.append(k[i] ^ t ^ rotate(t, 13) ^ rotate(t, 23))
    return k[4:]


def sm4(keys, block):
    x = list(struct.unpack(">4I", block))
    for i in range(32):
        t = sub(x[i + 1] ^ x[i + 2] ^ x[i + 3] ^ keys[i])
        x.append(x[i] ^ t ^ rotate(t, 2) ^ rotate(t, 10) ^ rotate(t, 18) ^ rotate(t, 24))
    return struct.pack(">4I", *x[:-5:-1])


def counter(key, start, b):
    keys, out, at = sm4_keys(key), b"", int.from_bytes(start, "big")
    while len(out) < len(b):
        out += sm4(keys, (at % (1 << 128)).to_bytes(16, "big"))
        at += 1
    return bytes(x ^ y for x, y in zip(b, out))


assert sm4(sm4_keys(bytes.fromhex("0123456789abcdeffedcba9876543210")),
           bytes.fromhex("0123456789abcdeffedcba9876543210")).hex() == "681edf34d206965e86b3e94f536e4246"

# --- SM2, GB/T 32918 ------------------------------------------------------------------------------------------------

P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff
A = P - 3
B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93
N = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123
G = (0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7,
     0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0)
ID = b"1234567812345678"


def b32(v):
    return v.to_bytes(32, "big")


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0]:
        if (p[1] + q[1]) % P == 0:
            return None
        slope = (3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P)
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P)
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def times(k, p):
    out = None
    while k:
        if k & 1:
            out = add(out, p)
        p = add(p, p)
        k >>= 1
    return out


def compressed(p):
    return bytes([2 + (p[1] & 1)]) + b32(p[0])


def z_of(p, who=ID):
    return sm3(struct.pack(">H", 8 * len(who)) + who + b32(A) + b32(B) + b32(G[0]) + b32(G[1]) + b32(p[0]) + b32(p[1]))


def secret(seed):
    for i in range(4):
        d = int.from_bytes(mac(seed, b"hefu/sm2 key/v1\0" + bytes([i])), "big")
        if 1 <= d <= N - 2:
            return d
    raise ValueError


def sign(d, who, message):
    e = int.from_bytes(sm3(z_of(times(d, G), who) + message), "big") % N
    v, k = b"\1" * 32, b"\0" * 32
    for separator in (b"\0", b"\1"):
        k = mac(k, v + separator + b32(d) + b32(e))
        v = mac(k, v)
    while True:
        v = mac(k, v)
        nonce = int.from_bytes(v, "big")
        if 1 <= nonce < N:
            r = (e + times(nonce, G)[0]) % N
            s = pow(1 + d, -1, N) * (nonce - r * d) % N
            if r and s and r + nonce != N:
                return b32(r) + b32(s)
        k = mac(k, v + b"\0")
        v = mac(k, v)


def half(p):
    return (1 << 127) + p[0] % (1 << 127)


def exchange(d, r, lasting, fresh, zs, length):
    t = (d + half(times(r, G)) * r) % N
    u = times(t, add(lasting, times(half(fresh), fresh)))
    z = b32(u[0]) + b32(u[1]) + zs
    return b"".join(sm3(z + u32(i)) for i in range(1, length // 32 + 2))[:length]


print("/* Made by make_gm_vectors.py; do not edit. */")
print("#ifndef HEFU_TEST_GM_VECTORS_H\n#define HEFU_TEST_GM_VECTORS_H\n")

KEY = bytes(range(32))
emit("GM_HASH_TUPLE", tuple_hash(b"hefu/test/v1", b"abc", b"", u64(7), KEY))
emit("GM_HASH_KEYED", keyed(KEY, b"body", b"hello"))
LEAF = sm3(b"\0" + b"leaf")
emit("GM_MERKLE_LEAF", LEAF)
emit("GM_MERKLE_NODE", sm3(b"\1" + LEAF + sm3(b"\0")))
emit("GM_MERKLE_EMPTY", sm3(b""))

address = u32(3) + u32(4) + u64(5) + b"\1" + sm3(b"request")
stream = keyed(KEY, b"addressed", address)
emit("GM_RNG_ANSWERS", sm3(b"request"))
emit("GM_RNG", counter(stream[:16], stream[16:], bytes(1200)))

PLAIN = bytes(i * 7 & 255 for i in range(1000))
NONCE = bytes(range(100, 124))


def seal_keys(use):
    return tuple(mac(KEY, use + bytes([i]) + NONCE) for i in range(2))


def sealed(keys, chunk, context, clear, plain):
    body = clear + counter(keys[0][:16], u64(chunk) + u64(0), plain)
    return body + mac(keys[1], u64(chunk) + u64(len(context)) + u64(len(body)) + context + body)[:16]


emit("GM_SEAL", sealed(seal_keys(b"hefu/sm4 seal/v1"), 0, b"context", b"", PLAIN[:100]))
STREAM = seal_keys(b"hefu/sm4 stream/v1")
emit("GM_STREAM", [sealed(STREAM, 0, b"", b"\0", PLAIN[:600]), sealed(STREAM, 1, b"", b"\1", PLAIN[600:])])

d = secret(KEY)
emit("GM_SECRET", b32(d))
emit("GM_PUBLIC", compressed(times(d, G)))
emit("GM_SIGNATURE", sign(d, ID, tuple_hash(b"hefu/test/v1", b"message")))

# Two ends of an exchange as sign.c derives them.
SEEDS = [bytes([1]) * 32, bytes([2]) * 32]
ends = [[secret(keyed(s, b"hefu/exchange/" + w)) for w in (b"lasting", b"fresh")] for s in SEEDS]
points = [[times(k, G) for k in e] for e in ends]
publics = [b"".join(compressed(p) for p in e) for e in points]
first = 0 if publics[0] < publics[1] else 1
zs = z_of(points[first][0]) + z_of(points[1 - first][0])
keys = [exchange(*ends[i], *points[1 - i], zs, 32) for i in range(2)]
assert keys[0] == keys[1]
emit("GM_EXCHANGE_PUBLIC", publics)
emit("GM_EXCHANGE", tuple_hash(b"hefu/pair/v2", keys[0], publics[first], publics[1 - first], b"session"))

print("\n#endif")
