#include "protocol/contract.h"

#include "crypto/paillier.h"
#include "crypto/wire.h"

#include <string.h>

enum { BINS_MIN = 2, BINS_MAX = 64, DAY_SECONDS = 86400 };
static const uint64_t year_10000 = 253402300800; /* Unix seconds */

/* ---- canonical bytes [SPEC 1.2] ---- */

static void put_party(struct wire_writer *w, const struct contract_party *p)
{
    wire_put_string(w, p->name);
    wire_put_bytes(w, p->certificate.bytes, HASH_BYTES);
    wire_put_bytes(w, p->identity.bytes, SIGN_PUBLIC_BYTES);
    wire_put_u8(w, p->has_label);
    wire_put_u32(w, p->rows);
    wire_put_u16(w, p->columns);
    wire_put_bytes(w, p->bins, p->columns);
    wire_put_bytes(w, p->data_root.bytes, HASH_BYTES);
    wire_put_bytes(w, p->schema_hash.bytes, HASH_BYTES);
}

static void get_party(struct wire_reader *r, struct contract_party *p)
{
    wire_get_string(r, p->name, sizeof p->name);
    wire_get_bytes(r, p->certificate.bytes, HASH_BYTES);
    wire_get_bytes(r, p->identity.bytes, SIGN_PUBLIC_BYTES);
    p->has_label = wire_get_u8(r);
    p->rows = wire_get_u32(r);
    p->columns = wire_get_u16(r);
    if (p->columns > CONTRACT_COLUMNS_MAX)
        r->state = STATUS_MALFORMED;
    else
        wire_get_bytes(r, p->bins, p->columns);
    wire_get_bytes(r, p->data_root.bytes, HASH_BYTES);
    wire_get_bytes(r, p->schema_hash.bytes, HASH_BYTES);
}

status contract_encode(struct wire_writer *w, const struct contract *c)
{
    wire_put_bytes(w, "HEFU-CONTRACT", 13);
    wire_put_u8(w, c->version);
    wire_put_u16(w, c->protocol);
    wire_put_u8(w, c->suite);
    wire_put_u8(w, c->sigmoid);
    wire_put_u8(w, c->test_rule);
    wire_put_string(w, c->job);
    wire_put_string(w, c->purpose);
    wire_put_u64(w, c->not_before);
    wire_put_u64(w, c->not_after);
    wire_put_bytes(w, c->nonce, sizeof c->nonce);
    wire_put_bytes(w, c->previous.bytes, HASH_BYTES);
    wire_put_u32(w, c->key_bits);
    wire_put_u16(w, c->passes);
    wire_put_u32(w, c->ridge_micro);
    wire_put_u8(w, c->optimiser);
    wire_put_u16(w, c->step_1024);
    wire_put_u16(w, c->momentum_1024);
    wire_put_u16(w, c->test_permille);
    wire_put_u8(w, c->fraction_bits);
    wire_put_u8(w, c->score_bits);
    wire_put_u8(w, c->table_bits);
    wire_put_u8(w, c->score_range);
    wire_put_u16(w, c->slope_1024);
    wire_put_u32(w, c->min_rows);
    wire_put_u32(w, c->min_positives);
    wire_put_u8(w, c->rows_per_bin);
    wire_put_u8(w, c->attempts_max);
    wire_put_u16(w, c->outputs);
    wire_put_bytes(w, c->consent_root.bytes, HASH_BYTES);
    wire_put_bytes(w, c->assessment_hash.bytes, HASH_BYTES);
    wire_put_u8(w, c->data_level);
    wire_put_string(w, c->authorisations);
    wire_put_u8(w, c->replay);
    wire_put_string(w, c->auditor);
    wire_put_bytes(w, c->auditor_key.bytes, SEAL_PUBLIC_BYTES);
    wire_put_u16(w, c->retention_days);
    wire_put_u16(w, c->parties);
    for (party p = 0; p < c->parties && p < PARTIES_MAX; p++)
        put_party(w, &c->party[p]);
    return wire_writer_status(w);
}

status contract_decode(struct contract *out, const uint8_t *bytes, size_t len, struct fault *f)
{
    struct wire_reader r;
    char magic[13];

    memset(out, 0, sizeof *out);
    wire_reader_init(&r, bytes, len);
    wire_get_bytes(&r, magic, sizeof magic);
    out->version = wire_get_u8(&r);
    out->protocol = wire_get_u16(&r);
    out->suite = wire_get_u8(&r);
    out->sigmoid = wire_get_u8(&r);
    out->test_rule = wire_get_u8(&r);
    wire_get_string(&r, out->job, sizeof out->job);
    wire_get_string(&r, out->purpose, sizeof out->purpose);
    out->not_before = wire_get_u64(&r);
    out->not_after = wire_get_u64(&r);
    wire_get_bytes(&r, out->nonce, sizeof out->nonce);
    wire_get_bytes(&r, out->previous.bytes, HASH_BYTES);
    out->key_bits = wire_get_u32(&r);
    out->passes = wire_get_u16(&r);
    out->ridge_micro = wire_get_u32(&r);
    out->optimiser = wire_get_u8(&r);
    out->step_1024 = wire_get_u16(&r);
    out->momentum_1024 = wire_get_u16(&r);
    out->test_permille = wire_get_u16(&r);
    out->fraction_bits = wire_get_u8(&r);
    out->score_bits = wire_get_u8(&r);
    out->table_bits = wire_get_u8(&r);
    out->score_range = wire_get_u8(&r);
    out->slope_1024 = wire_get_u16(&r);
    out->min_rows = wire_get_u32(&r);
    out->min_positives = wire_get_u32(&r);
    out->rows_per_bin = wire_get_u8(&r);
    out->attempts_max = wire_get_u8(&r);
    out->outputs = wire_get_u16(&r);
    wire_get_bytes(&r, out->consent_root.bytes, HASH_BYTES);
    wire_get_bytes(&r, out->assessment_hash.bytes, HASH_BYTES);
    out->data_level = wire_get_u8(&r);
    wire_get_string(&r, out->authorisations, sizeof out->authorisations);
    out->replay = wire_get_u8(&r);
    wire_get_string(&r, out->auditor, sizeof out->auditor);
    wire_get_bytes(&r, out->auditor_key.bytes, SEAL_PUBLIC_BYTES);
    out->retention_days = wire_get_u16(&r);
    out->parties = wire_get_u16(&r);
    if (out->parties > PARTIES_MAX)
        r.state = STATUS_MALFORMED;
    for (party p = 0; r.state == OK && p < out->parties; p++)
        get_party(&r, &out->party[p]);
    if (wire_finish(&r) != OK || memcmp(magic, "HEFU-CONTRACT", 13) != 0)
        return fault_set(f, STATUS_MALFORMED, "the contract does not decode: it is cut, extended or not a contract");
    return contract_check(out, 1, f);
}

/* ---- rules [SPEC 1.3] ---- */

static status in_range(struct fault *f, const char *key, uint64_t value, uint64_t low, uint64_t high)
{
    if (value >= low && value <= high)
        return OK;
    return fault_set(f, STATUS_CONFIG, "contract: %s is %llu, accepted is %llu to %llu", key,
                     (unsigned long long)value, (unsigned long long)low, (unsigned long long)high);
}

/* What people read must be text on every terminal: UTF-8 without control characters. */
static int text_ok(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;

    while (*at) {
        const uint8_t first = *at++;
        const int more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : (first & 0xf0) == 0xe0 ? 2
                         : first >= 0xf0 && first < 0xf5 ? 3 : -1;

        if (more < 0 || first < 0x20 || first == 0x7f || (first == 0xc2 && *at < 0xa0))
            return 0;
        if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at >= 0xa0) || (first == 0xf0 && *at < 0x90) ||
            (first == 0xf4 && *at >= 0x90))
            return 0; /* overlong, surrogate, or beyond Unicode */
        for (int i = 0; i < more; i++)
            if ((*at++ & 0xc0) != 0x80)
                return 0;
    }
    return 1;
}

int contract_name_ok(const char *name)
{
    const size_t len = strlen(name);

    if (len < 1 || len >= PARTY_NAME_MAX || !text_ok(name) || name[0] == '-' || name[0] == '_' || name[0] == '.')
        return 0;
    for (size_t i = 0; i < len; i++) {
        const uint8_t c = (uint8_t)name[i];

        if (c < 0x80 && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' &&
            c != '.')
            return 0;
        if (c == 0xc2 && (uint8_t)name[i + 1] == 0xa0)
            return 0; /* a blank that cannot be seen */
        if (c == 0xe3 && (uint8_t)name[i + 1] == 0x80 && (uint8_t)name[i + 2] == 0x80)
            return 0; /* the wide blank */
        if (c == 0xe2 && (uint8_t)name[i + 1] <= 0x81)
            return 0; /* general punctuation: blanks without width, direction marks */
    }
    return 1;
}

static int is_zero(const uint8_t bytes[HASH_BYTES])
{
    static const uint8_t zero[HASH_BYTES];

    return memcmp(bytes, zero, HASH_BYTES) == 0;
}

static status check_commitments(const struct contract_party *me, struct fault *f)
{
    if (!is_zero(me->data_root.bytes) && !is_zero(me->schema_hash.bytes))
        return OK;
    fault_hint(f, "its node says both when it offers the table; perhaps its version is older");
    return fault_set(f, STATUS_CONFIG, "contract: party %s commits to no %s: its %s is zero", me->name,
                     is_zero(me->data_root.bytes) ? "data" : "columns", is_zero(me->data_root.bytes) ? "data_root" : "schema_hash");
}

static status check_party(const struct contract *c, party p, struct fault *f)
{
    const struct contract_party *me = &c->party[p];

    if (!contract_name_ok(me->name)) {
        fault_set(f, STATUS_CONFIG, "contract: the name of party %u is not usable", p + 1u);
        fault_hint(f, "use 1 to %d bytes of letters, digits, -, _ and .", PARTY_NAME_MAX - 1);
        return STATUS_CONFIG;
    }
    for (party q = 0; q < p; q++)
        if (strcmp(me->name, c->party[q].name) == 0)
            return fault_set(f, STATUS_CONFIG, "contract: party %s is named twice", me->name);
    if (sign_public_check(&me->identity, c->suite) != OK)
        return fault_set(f, STATUS_CONFIG, "contract: the identity of %s is no key of suite %s", me->name, suite_name(c->suite));
    TRY(in_range(f, "rows of a party", me->rows, 1, UINT32_MAX / 2));
    TRY(in_range(f, "columns of a party", me->columns, 1, CONTRACT_COLUMNS_MAX));
    TRY(in_range(f, "has_label", me->has_label, 0, 1));
    for (uint16_t i = 0; i < me->columns; i++)
        TRY(in_range(f, "bins of a column", me->bins[i], BINS_MIN, BINS_MAX));
    return OK;
}

/* The preconditioned Hessian has eigenvalues from 0 to P.  Nesterov is stable while step < (2 + 2 momentum) /
 * (1 + 2 momentum), Jacobi's coefficients always are.  A training that diverges would also outgrow the lift's masks.
 * [SPEC 4.5.7] */
static status check_optimiser(const struct contract *c, struct fault *f)
{
    const int nesterov = c->optimiser == OPTIMISER_NESTEROV;

    TRY(in_range(f, "optimiser", c->optimiser, OPTIMISER_NESTEROV, OPTIMISER_JACOBI));
    TRY(in_range(f, "step (in 1/1024)", c->step_1024, nesterov ? 1 : 0, nesterov ? 2048 : 0));
    TRY(in_range(f, "momentum (in 1/1024)", c->momentum_1024, 0, nesterov ? 1000 : 0));
    if (!nesterov || (uint32_t)c->step_1024 * (1024u + 2u * c->momentum_1024) < 2048u * (1024u + c->momentum_1024))
        return OK;
    fault_set(f, STATUS_CONFIG, "contract: a step of %u/1024 with a momentum of %u/1024 diverges", c->step_1024,
              c->momentum_1024);
    fault_hint(f, "step 1331 and momentum 717 (1.3 and 0.7) are safe for any number of parties");
    return STATUS_CONFIG;
}

void contract_training_defaults(struct contract *c, enum sigmoid sigmoid)
{
    const int table = sigmoid == SIGMOID_TABLE;

    c->sigmoid = (uint8_t)sigmoid;
    c->table_bits = table ? TABLE_BITS_DEFAULT : 0;
    c->score_range = table ? SCORE_RANGE_DEFAULT : 0;
    c->slope_1024 = table ? 128 : 0; /* p (1 - p) of one default in seven */
    c->passes = table ? PASSES_EXACT : PASSES_LINEAR;
    c->optimiser = table ? OPTIMISER_JACOBI : OPTIMISER_NESTEROV;
    c->step_1024 = table ? 0 : 1331;
    c->momentum_1024 = table ? 0 : 717;
    c->outputs = contract_outputs(c);
}

static status check_sigmoid(const struct contract *c, struct fault *f)
{
    const int table = c->sigmoid == SIGMOID_TABLE;

    TRY(in_range(f, "sigmoid", c->sigmoid, SIGMOID_LINEAR, SIGMOID_TABLE));
    TRY(in_range(f, "table_bits", c->table_bits, table ? TABLE_BITS_MIN : 0, table ? TABLE_BITS_MAX : 0));
    TRY(in_range(f, "slope (in 1/1024)", c->slope_1024, 0, table ? 256 : 0));
    if (table && 6u * c->parties > 1u << c->table_bits) { /* scores up to half of the range are surely not counted as near its end */
        fault_set(f, STATUS_CONFIG, "contract: a sigmoid table of %u entries is too coarse for %u parties", 1u << c->table_bits,
                  c->parties);
        fault_hint(f, "use one of 64 entries or more");
        return STATUS_CONFIG;
    }
    if (table ? c->score_range == 4 || c->score_range == 8 || c->score_range == 16 || c->score_range == 32
              : c->score_range == 0)
        return OK;
    return fault_set(f, STATUS_CONFIG, "contract: score_range is %u, accepted is %s", c->score_range,
                     table ? "4, 8, 16 or 32" : "0 with the linear sigmoid");
}

static status check_law(const struct contract *c, struct fault *f)
{
    if (!text_ok(c->authorisations))
        return fault_set(f, STATUS_CONFIG, "contract: authorisations is not plain UTF-8 text");
    return in_range(f, "data_level", c->data_level, 0, DATA_LEVEL_MAX);
}

/* An auditor has a name and a key, and something to open. */
static status check_audit(const struct contract *c, struct fault *f)
{
    const int named = c->auditor[0] != '\0', keyed = !is_zero(c->auditor_key.bytes);

    if (!text_ok(c->auditor))
        return fault_set(f, STATUS_CONFIG, "contract: auditor is not plain UTF-8 text");
    TRY(in_range(f, "replay", c->replay, REPLAY_OFF, REPLAY_SEALED));
    TRY(in_range(f, "retention_days", c->retention_days, 0, c->replay == REPLAY_SEALED ? RETENTION_DAYS_MAX : 0));
    if (named != keyed)
        return fault_set(f, STATUS_CONFIG, "contract: %s, accepted is both or none",
                         named ? "auditor is given without auditor_key" : "auditor_key is given without auditor");
    if (keyed && c->replay == REPLAY_OFF)
        return fault_set(f, STATUS_CONFIG, "contract: auditor is given with replay off, accepted is none: nothing is kept to audit");
    if (keyed && seal_public_check(&c->auditor_key, c->suite) != OK)
        return fault_set(f, STATUS_CONFIG,
                         "contract: auditor_key is no %s key that secrets can be sealed to, accepted is what hefu-audit keygen makes",
                         suite_name(c->suite));
    return OK;
}

static status check_window(const struct contract *c, struct fault *f)
{
    if (c->not_after <= c->not_before)
        return fault_set(f, STATUS_CONFIG, "contract: the window ends before it begins");
    return in_range(f, "the window's end (Unix seconds)", c->not_after, 1, year_10000 - 1);
}

status contract_check(const struct contract *c, int allow_toys, struct fault *f)
{
    uint32_t labels = 0;

    if (!text_ok(c->job) || !text_ok(c->purpose))
        return fault_set(f, STATUS_CONFIG, "contract: the job's name or purpose is not plain UTF-8 text");
    TRY(in_range(f, "version", c->version, CONTRACT_VERSION, CONTRACT_VERSION));
    TRY(in_range(f, "protocol", c->protocol, PROTOCOL_VERSION, PROTOCOL_VERSION));
    TRY(in_range(f, "suite", c->suite, SUITE_INT1, SUITE_GM1));
    TRY(check_sigmoid(c, f));
    TRY(in_range(f, "test_rule", c->test_rule, TEST_DRAWN, TEST_LISTED));
    if (allow_toys ? c->key_bits < 256 || c->key_bits > PAILLIER_BITS_MAX || c->key_bits % 64
                         : c->key_bits != 2048 && c->key_bits != 3072 && c->key_bits != 4096) {
        fault_set(f, STATUS_CONFIG, "contract: key_bits is %u, accepted is 2048, 3072 or 4096", c->key_bits);
        fault_hint(f, "3072 is the default; keys below 2048 bits can be factored and are always refused");
        return STATUS_CONFIG;
    }
    TRY(in_range(f, "passes", c->passes, 2, PASSES_MAX));
    TRY(in_range(f, "ridge (in millionths)", c->ridge_micro, 100, 1000000));
    TRY(check_optimiser(c, f));
    if (c->test_rule == TEST_DRAWN)
        TRY(in_range(f, "test share (in 1/1000)", c->test_permille, 50, 900));
    else
        TRY(in_range(f, "test share of listed rows", c->test_permille, 0, 0));
    TRY(in_range(f, "fraction_bits", c->fraction_bits, 12, 20));
    TRY(in_range(f, "score_bits", c->score_bits, 4, 10));
    TRY(in_range(f, "min_rows", c->min_rows, 10, UINT32_MAX / 2));
    TRY(in_range(f, "min_positives", c->min_positives, 1, UINT32_MAX / 2));
    TRY(in_range(f, "rows_per_bin", c->rows_per_bin, allow_toys ? 0 : 2, 100));
    TRY(in_range(f, "attempts_max", c->attempts_max, 1, ATTEMPTS_MAX));
    TRY(in_range(f, "outputs", c->outputs, contract_outputs(c), contract_outputs(c)));
    TRY(check_law(c, f));
    TRY(check_audit(c, f));
    TRY(in_range(f, "parties", c->parties, 2, PARTIES_MAX));
    for (party p = 0; p < c->parties; p++) {
        TRY(check_party(c, p, f));
        if (!allow_toys)
            TRY(check_commitments(&c->party[p], f));
        labels += c->party[p].has_label;
    }
    if (labels != 1) {
        fault_set(f, STATUS_CONFIG, "contract: %u parties bring a label, exactly one must", labels);
        return STATUS_CONFIG;
    }
    return check_window(c, f);
}

status contract_id(struct hash *out, const struct contract *c)
{
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct hasher h;

    TRY(contract_encode(&w, c));
    hasher_init(&h, c->suite, "hefu/contract/v1");
    hasher_add(&h, w.bytes, w.len);
    hasher_final(&h, out);
    return OK;
}

party contract_label_party(const struct contract *c)
{
    party p = 0;

    while (p < c->parties && !c->party[p].has_label)
        p++;
    return p;
}

void contract_chain(party chain[PARTIES_MAX], const struct contract *c)
{
    const party label = contract_label_party(c);

    for (party p = 0; p < c->parties; p++)
        chain[p == label ? 0 : p < label ? p + 1 : p] = p;
}

party contract_party_named(const struct contract *c, const char *name)
{
    party p = 0;

    while (p < c->parties && strcmp(c->party[p].name, name) != 0)
        p++;
    return p;
}

uint32_t contract_width(const struct contract *c, party p)
{
    uint32_t width = 0;

    for (uint16_t i = 0; i < c->party[p].columns; i++)
        width += c->party[p].bins[i];
    return width;
}

uint16_t contract_outputs(const struct contract *c)
{
    return (uint16_t)(OUTPUT_WEIGHTS | OUTPUT_SCORES | OUTPUT_METRICS | OUTPUT_SIZES | OUTPUT_INTERSECTION | OUTPUT_SPLIT |
                      (c->sigmoid == SIGMOID_TABLE ? OUTPUT_RANGE : 0));
}

uint64_t contract_destroy_after(const struct contract *c)
{
    return c->replay == REPLAY_SEALED ? c->not_after + (uint64_t)c->retention_days * DAY_SECONDS : 0;
}
