#include "node/local/proof.h"

#include "node/local/keyring.h"
#include "node/local/retention.h"
#include "node/local/session_files.h"
#include "protocol/verify.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_FILE_MAX = 16 * 1024 };

static const struct {
    const char *name, *file;
    size_t request_max, answer_max;
} kinds[PROOF_KINDS] = {
    [PROOF_START] = {"start", "stamp-start", TIMESTAMP_REQUEST_MAX, TIMESTAMP_TOKEN_MAX},
    [PROOF_END] = {"end", "stamp-end", TIMESTAMP_REQUEST_MAX, TIMESTAMP_TOKEN_MAX},
    [PROOF_DEPOSIT] = {"deposit", "deposit", STAMP_LINE_BYTES, DEPOSIT_RECEIPT_MAX},
};

const char *proof_name(enum proof_kind kind)
{
    return kinds[kind].name;
}

static status file_path(char out[FILES_PATH_BYTES], const char *dir, enum proof_kind kind, const char *part,
                        struct fault *f)
{
    char name[32];

    snprintf(name, sizeof name, "%s.%s", kinds[kind].file, part);
    return files_join(out, dir, name, f);
}

/* ---- reading ---- */

void proof_clear(struct proof *p)
{
    free(p->request);
    free(p->answer);
    *p = (struct proof){0};
}

/* OK and NULL when there is no such file. */
static status read_part(uint8_t **out, size_t *len, const char *dir, enum proof_kind kind, const char *part, size_t max,
                        struct fault *f)
{
    char path[FILES_PATH_BYTES];

    TRY(file_path(path, dir, kind, part, f));
    return files_exist(path) ? files_read(out, len, path, max, f) : OK;
}

static void take_text(char *out, size_t cap, const json_t *all, const char *key)
{
    const char *text = json_string_value(json_object_get(all, key));

    snprintf(out, cap, "%s", text ? text : "");
}

/* refused: whether the last answer was one that asking again does not change. */
static status read_state(struct proof *p, int *refused, const char *dir, enum proof_kind kind, struct fault *f)
{
    uint8_t *text AUTO(auto_free) = NULL;
    size_t len = 0;
    json_t *all;

    TRY(read_part(&text, &len, dir, kind, "state", STATE_FILE_MAX, f));
    all = text ? json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (text && !all)
        return fault_set(f, STATUS_CONFIG, "%s/%s.state is damaged", dir, kinds[kind].file);
    p->queued = json_integer_value(json_object_get(all, "queued"));
    p->tried = json_integer_value(json_object_get(all, "tried"));
    p->tries = (uint32_t)json_integer_value(json_object_get(all, "tries"));
    *refused = json_is_true(json_object_get(all, "refused"));
    take_text(p->error, sizeof p->error, all, "error");
    take_text(p->adapter, sizeof p->adapter, all, "adapter");
    json_decref(all);
    return OK;
}

status proof_read(struct proof *out, const char *session_dir, enum proof_kind kind, struct fault *f)
{
    int refused = 0;

    *out = (struct proof){0};
    TRY(read_part(&out->request, &out->request_len, session_dir, kind, "request", kinds[kind].request_max, f));
    TRY(read_part(&out->answer, &out->answer_len, session_dir, kind, "answer", kinds[kind].answer_max, f));
    TRY(read_state(out, &refused, session_dir, kind, f));
    out->state = out->answer ? PROOF_HELD : !out->request ? PROOF_NONE : refused ? PROOF_REFUSED : PROOF_WAITING;
    return OK;
}

/* ---- writing ---- */

static status write_state(const struct proof *p, const char *dir, enum proof_kind kind, struct fault *f)
{
    char path[FILES_PATH_BYTES], *text AUTO(auto_free) = NULL;
    json_t *all = json_pack("{s:I, s:I, s:i, s:b, s:s, s:s}", "queued", (json_int_t)p->queued, "tried", (json_int_t)p->tried,
                            "tries", (int)p->tries, "refused", p->state == PROOF_REFUSED, "error", p->error, "adapter",
                            p->adapter);

    text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    json_decref(all);
    if (!text)
        return fault_set(f, STATUS_CONFIG, "the state of the %s cannot be written: its text is not UTF-8", kinds[kind].name);
    TRY(file_path(path, dir, kind, "state", f));
    return files_write(path, text, strlen(text), 0600, f);
}

/* The state goes first: what has a request has a state. */
static status add(const char *dir, enum proof_kind kind, const void *request, size_t len, const char *adapter, int64_t now,
                  struct fault *f)
{
    struct proof p = {.queued = now};
    char path[FILES_PATH_BYTES];

    snprintf(p.adapter, sizeof p.adapter, "%s", adapter);
    TRY(write_state(&p, dir, kind, f));
    TRY(file_path(path, dir, kind, "request", f));
    return files_create(path, request, len, 0600, f);
}

status proof_failed(const char *session_dir, enum proof_kind kind, struct proof *p, int64_t now, const struct fault *why,
                    struct fault *f)
{
    p->tried = now;
    p->tries++;
    p->state = kind != PROOF_DEPOSIT && why->code == STATUS_REFUSED ? PROOF_REFUSED : PROOF_WAITING;
    snprintf(p->error, sizeof p->error, "%s", why->message[0] ? why->message : status_name(why->code));
    return write_state(p, session_dir, kind, f);
}

status proof_keep(const char *session_dir, enum proof_kind kind, const uint8_t *answer, size_t len, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    TRY(file_path(path, session_dir, kind, "answer", f));
    return files_exist(path) ? OK : files_create(path, answer, len, 0600, f);
}

/* ---- queueing ---- */

static int has_file(const char *dir, const char *name)
{
    char path[FILES_PATH_BYTES];

    return files_join(path, dir, name, NULL) == OK && files_exist(path);
}

static int is_queued(const char *dir, enum proof_kind kind)
{
    char name[32];

    snprintf(name, sizeof name, "%s.request", kinds[kind].file);
    return has_file(dir, name);
}

static status read_evidence(struct bundle *out, uint8_t **bytes, const char *dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];
    size_t len = 0;

    TRY(files_join(path, dir, "evidence.hefu", f));
    if (!files_exist(path)) {
        fault_hint(f, "it is written when the session ends");
        return fault_set(f, STATUS_CONFIG, "%s has no evidence yet", dir);
    }
    TRY(files_read(bytes, &len, path, BUNDLE_LOG_MAX, f));
    return bundle_decode(out, *bytes, len, f);
}

static status make_request(uint8_t **out, size_t *len, enum suite suite, const struct hash *digest, const char *policy,
                           struct fault *f)
{
    uint64_t nonce;

    keyring_random(&nonce, sizeof nonce);
    return timestamp_request(out, len, suite, digest, nonce, policy, f);
}

status proof_renew(struct proof *p, const char *session_dir, enum proof_kind kind, const char *policy, struct fault *f)
{
    uint8_t *request = NULL;
    char path[FILES_PATH_BYTES];
    struct hash digest;
    enum suite suite;
    size_t len = 0;

    TRY(timestamp_request_digest(&digest, &suite, p->request, p->request_len, f));
    TRY(make_request(&request, &len, suite, &digest, policy, f));
    free(p->request);
    p->request = request;
    p->request_len = len;
    TRY(file_path(path, session_dir, kind, "request", f));
    return files_write(path, request, len, 0600, f);
}

static status queue_stamp(const char *dir, enum proof_kind kind, enum suite suite, const struct hash *digest,
                          const char *policy, int64_t now, struct fault *f)
{
    uint8_t *request AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(make_request(&request, &len, suite, digest, policy, f));
    return add(dir, kind, request, len, "", now, f);
}

static status queue_start(const char *dir, const struct session_papers *papers, const char *policy, int64_t now,
                          struct fault *f)
{
    const enum suite suite = papers->contract.suite;
    struct hash session, digest;

    verify_session_id(&session, suite, &papers->contract_id, papers->approval, papers->contract.parties);
    stamp_start(&digest, suite, &papers->contract_id, &session);
    return queue_stamp(dir, PROOF_START, suite, &digest, policy, now, f);
}

static status queue_end(const char *dir, const char *policy, int64_t now, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    struct bundle bundle;
    struct stamps s;

    TRY(read_evidence(&bundle, &bytes, dir, f));
    TRY(stamps_of_bundle(&s, &bundle, f));
    return s.joints ? queue_stamp(dir, PROOF_END, s.suite, &s.end, policy, now, f) : OK;
}

static void papers_free(struct session_papers **p)
{
    if (*p)
        session_papers_clear(*p);
    free(*p);
}

status proof_queue_stamps(const char *session_dir, const char *policy, int64_t now, struct fault *f)
{
    struct session_papers *papers AUTO(papers_free) = NULL;
    int lock AUTO(files_unlock) = -1, want_start, want_end;

    if (!has_file(session_dir, "log"))
        return OK;
    TRY(files_lock(&lock, session_dir, f)); /* a node and hefu evidence stamp may both be here */
    want_start = !is_queued(session_dir, PROOF_START);
    want_end = !is_queued(session_dir, PROOF_END) && has_file(session_dir, "evidence.hefu");
    if (!want_start && !want_end)
        return OK;
    TRY(alloc_zeroed(&papers, 1, sizeof *papers));
    TRY(session_papers_read(papers, session_dir, f));
    if (now > (int64_t)papers->contract.not_after + STAMP_DEADLINE_S)
        return OK;
    if (want_start)
        TRY(queue_start(session_dir, papers, policy, now, f));
    return want_end ? queue_end(session_dir, policy, now, f) : OK;
}

status proof_queue_deposit(const char *session_dir, const char *adapter, int64_t now, struct fault *f)
{
    uint8_t *bytes AUTO(auto_free) = NULL;
    struct proof old AUTO(proof_clear) = {0};
    char line[STAMP_LINE_BYTES];
    struct bundle bundle;
    struct stamps s;
    int lock AUTO(files_unlock) = -1;
    size_t len;

    if (strlen(adapter) >= DEPOSIT_ADAPTER_BYTES)
        return fault_set(f, STATUS_USAGE, "the adapter is longer than %d bytes", DEPOSIT_ADAPTER_BYTES - 1);
    TRY(files_lock(&lock, session_dir, f));
    TRY(proof_read(&old, session_dir, PROOF_DEPOSIT, f));
    if (old.state == PROOF_HELD)
        return fault_set(f, STATUS_CONFIG, "%s is deposited already", session_dir);
    if (old.state == PROOF_WAITING) {
        strcpy(old.adapter, adapter);
        return write_state(&old, session_dir, PROOF_DEPOSIT, f);
    }
    TRY(read_evidence(&bundle, &bytes, session_dir, f));
    TRY(stamps_of_bundle(&s, &bundle, f));
    len = stamp_line(line, &s);
    if (len == 0)
        return fault_set(f, STATUS_CONFIG, "%s has no joint checkpoint: there is nothing to deposit", session_dir);
    return add(session_dir, PROOF_DEPOSIT, line, len, adapter, now, f);
}

/* ---- export ---- */

static struct bundle_part part_of(const uint8_t *bytes, size_t len)
{
    return (struct bundle_part){bytes, len};
}

status proof_attach(struct wire_writer *out, const char *session_dir, struct fault *f)
{
    struct proof start AUTO(proof_clear) = {0}, end AUTO(proof_clear) = {0}, deposit AUTO(proof_clear) = {0};
    struct wire_writer deposited AUTO(wire_writer_clear) = {0};
    uint8_t *bytes AUTO(auto_free) = NULL, *destroyed AUTO(auto_free) = NULL;
    struct bundle bundle;
    size_t destroyed_len = 0;

    TRY(read_evidence(&bundle, &bytes, session_dir, f));
    TRY(retention_statement(&destroyed, &destroyed_len, session_dir, f));
    TRY(proof_read(&start, session_dir, PROOF_START, f));
    TRY(proof_read(&end, session_dir, PROOF_END, f));
    TRY(proof_read(&deposit, session_dir, PROOF_DEPOSIT, f));
    bundle.attachment[ATTACHMENT_TIMESTAMP_START] = part_of(start.answer, start.answer_len);
    bundle.attachment[ATTACHMENT_TIMESTAMP_END] = part_of(end.answer, end.answer_len);
    bundle.attachment[ATTACHMENT_DESTROYED] = part_of(destroyed, destroyed_len);
    if (deposit.state == PROOF_HELD) {
        TRY(deposit_encode(&deposited, &(struct deposit){part_of(deposit.request, deposit.request_len),
                                                         part_of(deposit.answer, deposit.answer_len)}));
        bundle.attachment[ATTACHMENT_DEPOSIT] = part_of(deposited.bytes, deposited.len);
    }
    return bundle_encode(out, &bundle);
}
