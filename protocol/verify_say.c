#include "protocol/verify_state.h"

#include "crypto/wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *verify_check_name(enum verify_check check)
{
    switch (check) {
    case VERIFY_CONTRACT:
        return "contract";
    case VERIFY_APPROVALS:
        return "approvals";
    case VERIFY_CERTIFICATES:
        return "certificates";
    case VERIFY_KEYS:
        return "keys";
    case VERIFY_RECORDS:
        return "records";
    case VERIFY_SESSION:
        return "session";
    case VERIFY_CHAIN:
        return "chain";
    case VERIFY_SIGNATURES:
        return "signatures";
    case VERIFY_NUMBERS:
        return "numbers";
    case VERIFY_RECEIPTS:
        return "receipts";
    case VERIFY_ORDER:
        return "order";
    case VERIFY_SCHEDULE:
        return "schedule";
    case VERIFY_FACTS:
        return "facts";
    case VERIFY_CHECKPOINTS:
        return "checkpoints";
    case VERIFY_MATCH:
        return "match";
    case VERIFY_END:
        return "end";
    case VERIFY_LINK:
        return "link";
    case VERIFY_CHECKS:
        break;
    }
    return "unknown";
}

/* ---- signatures, each checked once ---- */

void verify_memo_clear(struct verify_memo *m)
{
    free(m->slot);
    memset(m, 0, sizeof *m);
}

static struct hash *memo_find(const struct verify_memo *m, const struct hash *key)
{
    static const struct hash zero = {{0}};
    size_t at = (size_t)load_u64(key->bytes) & (m->cap - 1);

    while (memcmp(&m->slot[at], &zero, sizeof zero) != 0 && memcmp(&m->slot[at], key, sizeof *key) != 0)
        at = (at + 1) & (m->cap - 1);
    return &m->slot[at];
}

static status memo_grow(struct verify_memo *m)
{
    static const struct hash zero = {{0}};
    struct verify_memo grown = {.cap = m->cap ? 2 * m->cap : 4096, .count = m->count};

    if (m->cap > 2 * m->count)
        return OK;
    TRY(alloc_zeroed(&grown.slot, grown.cap, sizeof *grown.slot));
    for (size_t i = 0; i < m->cap; i++)
        if (memcmp(&m->slot[i], &zero, sizeof zero) != 0)
            *memo_find(&grown, &m->slot[i]) = m->slot[i];
    free(m->slot);
    *m = grown;
    return OK;
}

/* tag NULL: the bytes are a text that is signed as it stands. */
static int is_signed(struct verify *v, const struct sign_public *key, const char *tag, const void *bytes, size_t len,
                     const struct signature *sig)
{
    struct hasher h;
    struct hash id, *slot;
    status checked;

    hasher_init(&h, sign_public_suite(key), "hefu/verified/v1");
    hasher_add(&h, key->bytes, SIGN_PUBLIC_BYTES);
    hasher_add(&h, tag, tag ? strlen(tag) : 0);
    hasher_add(&h, bytes, len);
    hasher_add(&h, sig->bytes, SIGNATURE_BYTES);
    hasher_final(&h, &id);
    if (memo_grow(v->memo) != OK) {
        v->no_memory = 1;
        return 0;
    }
    v->signatures++;
    slot = memo_find(v->memo, &id);
    if (memcmp(slot, &id, sizeof id) == 0)
        return 1;
    checked = tag ? sign_check(sig, key, tag, bytes, len) : sign_text_check(sig, key, bytes, len);
    v->no_memory |= checked == STATUS_NO_MEMORY;
    if (checked != OK)
        return 0;
    *slot = id;
    v->memo->count++;
    return 1;
}

int verify_signed_by(struct verify *v, const struct sign_public *key, const char *tag, const uint8_t *bytes, size_t len,
                     const uint8_t signature[SIGNATURE_BYTES])
{
    struct signature sig;

    memcpy(sig.bytes, signature, SIGNATURE_BYTES);
    return is_signed(v, key, tag, bytes, len, &sig);
}

int verify_note_of(struct verify *v, const struct joint_point *j, party p, const struct signature *s)
{
    char text[NOTE_TEXT_MAX];
    size_t len = note_text(text, j, p);

    return is_signed(v, &v->approval[p].card.sign, NULL, text, len, s);
}

/* ---- writing the report ---- */

const char *verify_name_of(const struct verify *v, party p)
{
    return v->out->has_contract && p < v->out->contract.parties ? v->out->contract.party[p].name : "a party";
}

void verify_passed(struct verify *v, enum verify_check check, const char *fmt, ...)
{
    struct verify_line *line = &v->out->line[check];
    size_t start;
    va_list ap;

    if (line->verdict != VERDICT_UNCHECKED || line->text[0])
        return;
    line->verdict = VERDICT_OK;
    start =
        (size_t)snprintf(line->text, sizeof line->text, "%s", v->partly_read ? "as far as the logs can be read: " : "");
    va_start(ap, fmt);
    vsnprintf(line->text + start, sizeof line->text - start, fmt, ap);
    va_end(ap);
}

void verify_unchecked(struct verify *v, enum verify_check check, const char *why)
{
    struct verify_line *line = &v->out->line[check];

    if (line->verdict == VERDICT_UNCHECKED && !line->text[0])
        snprintf(line->text, sizeof line->text, "not checked: %s", why);
}

/* The first failure of a check stays. */
void verify_failed(struct verify *v, enum verify_check check, party who, const char *fmt, ...)
{
    struct verify_line *line = &v->out->line[check];
    va_list ap;

    if (line->verdict == VERDICT_FAIL)
        return;
    v->out->ok = 0;
    line->verdict = VERDICT_FAIL;
    line->who = who;
    va_start(ap, fmt);
    vsnprintf(line->text, sizeof line->text, fmt, ap);
    va_end(ap);
}

/* The same, at a record: "log of bank, record 17, field seq: ...". */
void verify_failed_at(struct verify *v, enum verify_check check, party who, uint64_t seq, const char *field,
                      const char *fmt, ...)
{
    struct verify_line *line = &v->out->line[check];
    char what[240];
    va_list ap;

    if (line->verdict == VERDICT_FAIL)
        return;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    verify_failed(v, check, who, "log of %s, record %llu, %s: %s", verify_name_of(v, who), (unsigned long long)seq,
                  field, what);
    line->has_seq = 1;
    line->seq = seq;
    line->field = field;
}
