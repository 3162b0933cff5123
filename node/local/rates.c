#include "node/local/rates.h"

#include "node/local/files.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_BYTES_MAX = 64 * 1024 };

static void json_free(json_t **value)
{
    json_decref(*value);
}

struct field {
    const char *name;
    size_t offset;
};

static const struct field key_fields[] = {
#define R(name) {#name, offsetof(struct rates_of_key, name)},
    RATES_OF_KEY(R)
#undef R
};
static const struct field fields[] = {
#define R(name) {#name, offsetof(struct rates, name)},
    RATES_OF_ALL(R)
#undef R
};
enum { KEY_FIELDS = sizeof key_fields / sizeof *key_fields, FIELDS = sizeof fields / sizeof *fields };

static const struct tier { const char *name; uint32_t lanes; } tiers[] = {{"ifma", 8}, {"avx2", 4}, {"scalar", 1}};

static const struct tier *tier_of(const char *name)
{
    for (size_t i = 0; i < sizeof tiers / sizeof *tiers; i++)
        if (strcmp(tiers[i].name, name) == 0)
            return &tiers[i];
    return NULL;
}

uint32_t rates_lanes(const struct rates *r)
{
    const struct tier *t = tier_of(r->tier);

    return t ? t->lanes : 1;
}

const struct rates_of_key *rates_key(const struct rates *r, uint32_t bits)
{
    for (size_t i = 0; i + 1 < RATES_KEYS; i++)
        if (r->key[i].bits >= bits)
            return &r->key[i];
    return &r->key[RATES_KEYS - 1];
}

/* ---- writing ---- */

/* Six digits are as many as a measurement has; so reading and writing again gives the same bytes. */
static json_t *number(double v)
{
    char text[32];

    snprintf(text, sizeof text, "%.6g", v);
    return json_real(strtod(text, NULL));
}

static json_t *group(const void *from, const struct field *list, size_t count)
{
    json_t *out = json_object();

    for (size_t i = 0; i < count; i++)
        json_object_set_new(out, list[i].name, number(*(const double *)((const char *)from + list[i].offset)));
    return out;
}

status rates_encode(char **text, const struct rates *r, struct fault *f)
{
    json_t *all AUTO(json_free) = json_object(), *keys = json_object();
    char *body AUTO(auto_free) = NULL;

    for (size_t i = 0; i < RATES_KEYS; i++) {
        json_t *one = group(&r->key[i], key_fields, KEY_FIELDS);
        char bits[16];

        snprintf(bits, sizeof bits, "%u", r->key[i].bits);
        json_object_set_new(one, "measured", json_boolean(r->key[i].measured));
        json_object_set_new(keys, bits, one);
    }
    json_object_set_new(all, "version", json_integer(RATES_VERSION));
    json_object_set_new(all, "tier", json_string(r->tier));
    json_object_set_new(all, "processor", json_string(r->processor));
    json_object_set_new(all, "date", json_string(r->date));
    json_object_set_new(all, "threads", json_integer(r->threads));
    json_object_set_new(all, "nanoseconds", group(r, fields, FIELDS));
    json_object_set_new(all, "keys", keys);
    body = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));
    if (!body || asprintf(text, "%s\n", body) < 0)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    return OK;
}

status rates_save(const char *path, const struct rates *r, struct fault *f)
{
    char *text AUTO(auto_free) = NULL;

    TRY(rates_encode(&text, r, f));
    return files_write(path, text, strlen(text), 0600, f);
}

/* ---- reading ---- */

static status refuse(struct fault *f, const char *file, const char *what, const char *why)
{
    fault_set(f, STATUS_CONFIG, "%s: %s %s", file, what, why);
    fault_hint(f, "hefu plan --calibrate writes it anew");
    return STATUS_CONFIG;
}

/* extra: members that are not rates. */
static status read_group(void *to, const json_t *from, const struct field *list, size_t count, size_t extra,
                         const char *file, struct fault *f)
{
    for (size_t i = 0; i < count; i++) {
        const double v = json_number_value(json_object_get(from, list[i].name));

        if (!(v > 0) || !isfinite(v))
            return refuse(f, file, list[i].name, "is not a positive number of nanoseconds");
        *(double *)((char *)to + list[i].offset) = v;
    }
    return json_object_size(from) == count + extra ? OK : refuse(f, file, "a rate", "is there that nothing knows");
}

static status read_text(char *to, size_t cap, const json_t *all, const char *key, const char *file, struct fault *f)
{
    const char *text = json_string_value(json_object_get(all, key));

    if (!text || strlen(text) >= cap)
        return refuse(f, file, key, "is missing or too long");
    strcpy(to, text);
    return OK;
}

status rates_decode(struct rates *out, const char *file, const void *text, size_t len, struct fault *f)
{
    static const char *const bits[RATES_KEYS] = {"2048", "3072", "4096"};
    json_t *all AUTO(json_free) = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const json_t *keys = json_object_get(all, "keys");
    json_int_t threads = json_integer_value(json_object_get(all, "threads"));
    struct rates r = {0};

    if (json_integer_value(json_object_get(all, "version")) != RATES_VERSION)
        return refuse(f, file, "this", "is no file of rates of this version");
    TRY(read_text(r.tier, sizeof r.tier, all, "tier", file, f));
    TRY(read_text(r.processor, sizeof r.processor, all, "processor", file, f));
    TRY(read_text(r.date, sizeof r.date, all, "date", file, f));
    if (!tier_of(r.tier))
        return refuse(f, file, "tier", "is none that there is");
    if (threads < 1 || threads > UINT16_MAX)
        return refuse(f, file, "threads", "is not a number of processors");
    r.threads = (uint32_t)threads;
    TRY(read_group(&r, json_object_get(all, "nanoseconds"), fields, FIELDS, 0, file, f));
    for (size_t i = 0; i < RATES_KEYS; i++) {
        const json_t *one = json_object_get(keys, bits[i]);

        TRY(read_group(&r.key[i], one, key_fields, KEY_FIELDS, 1, file, f));
        r.key[i].bits = (uint32_t)strtoul(bits[i], NULL, 10);
        r.key[i].measured = json_is_true(json_object_get(one, "measured"));
    }
    *out = r;
    return OK;
}

status rates_load(struct rates *out, const char *path, struct fault *f)
{
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(files_read(&text, &len, path, FILE_BYTES_MAX, f));
    return rates_decode(out, path, text, len, f);
}

/* ---- words ---- */

void rates_describe(char *out, size_t cap, const struct rates *r, uint32_t key_bits)
{
    if (!r->date[0])
        snprintf(out, cap, "typical ones of a server processor with AVX-512 IFMA, nothing was measured here");
    else
        snprintf(out, cap, "measured %s on %s, %s, %u processors%s", r->date, r->processor, r->tier, r->threads,
                 rates_key(r, key_bits)->measured ? "" : "; typical ones for keys of this length");
}

/* As measured on a shared virtual machine of two AMD Zen 4 threads. */
void rates_typical(struct rates *out)
{
    *out = (struct rates){
        .tier = "ifma",
        .threads = 2,
        .key = {
            {.bits = 2048,
             .key = 65800000, .key_check = 35800000, .own_residue = 206000, .own_encrypt = 76900,
             .foreign_residue = 1400000, .foreign_hide = 235000, .import = 2730, .product = 665, .chain = 617,
             .decrypt = 375000, .slot = 22.2},
            {.bits = 3072,
             .key = 263000000, .key_check = 129000000, .own_residue = 686000, .own_encrypt = 233000,
             .foreign_residue = 4250000, .foreign_hide = 750000, .import = 5420, .product = 1480, .chain = 1430,
             .decrypt = 1140000, .slot = 28.6},
            {.bits = 4096,
             .key = 634000000, .key_check = 294000000, .own_residue = 1510000, .own_encrypt = 491000,
             .foreign_residue = 10300000, .foreign_hide = 1730000, .import = 9010, .product = 2490, .chain = 2270,
             .decrypt = 2480000, .slot = 30.8},
        },
        .load = 109, .point_hash = 9780, .point_scale = 9700, .point_check = 853, .gram = 0.808, .solve = 0.803,
        .fit = 13.6, .cell = 2.98, .opening = 82.5, .transfer_set_up = 20000000, .transfer = 20.5, .turn_send = 2.2,
        .turn_receive = 1.56, .fetch_send = 13.5, .fetch_receive = 380, .pair_send = 8.58, .pair_receive = 236,
        .record_send = 146000, .record_receive = 108000, .byte_send = 1.15, .byte_receive = 5.6, .byte_line = 0.406,
        .sync = 2610000,
    };
}
