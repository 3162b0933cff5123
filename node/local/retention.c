#include "node/local/retention.h"

#include "protocol/destroyed.h"
#include "protocol/verify.h"

#include <stdlib.h>
#include <string.h>

static const char SEAL_FILE[] = "seed.audit", STATEMENT_FILE[] = "destroyed";

static int has(const char *dir, const char *name)
{
    char path[FILES_PATH_BYTES];

    return files_join(path, dir, name, NULL) == OK && files_exist(path);
}

static void papers_free(struct session_papers **p)
{
    if (*p)
        session_papers_clear(*p);
    free(*p);
}

/* The id of the session in that directory, whose approvals are there once it has begun. */
static status read_session_id(struct hash *out, const char *dir, struct fault *f)
{
    struct session_papers *papers AUTO(papers_free) = NULL;

    TRY(alloc_zeroed(&papers, 1, sizeof *papers));
    TRY(session_papers_read(papers, dir, f));
    verify_session_id(out, papers->contract.suite, &papers->contract_id, papers->approval, papers->contract.parties);
    return OK;
}

/* ---- destroying ---- */

static status sign_statement(const char *dir, const struct contract *c, const struct hash *id, party self,
                             const struct keyring *keys, int64_t now, struct fault *f)
{
    struct destroyed d = {.contract = *id, .who = self, .what = destroyed_expected(c), .when = (uint64_t)now};
    uint8_t to_sign[DESTROYED_SIGNED_BYTES], bytes[DESTROYED_BYTES];
    char path[FILES_PATH_BYTES];

    TRY(read_session_id(&d.session, dir, f));
    destroyed_signed_bytes(to_sign, &d);
    if (!keyring_public(keys, c->suite)) {
        fault_hint(f, "gm in node.yaml names it");
        return fault_set(f, STATUS_CONFIG, "the key that signs for suite %s is not here", suite_name(c->suite));
    }
    keyring_sign(keys, &d.signature, c->suite, DESTROYED_SIGN_TAG, to_sign, sizeof to_sign);
    destroyed_encode(bytes, &d);
    TRY(files_join(path, dir, STATEMENT_FILE, f));
    return files_write(path, bytes, sizeof bytes, 0600, f);
}

/* The statement comes last: a crash before it leaves no statement, and the next call does it all again. */
static status destroy(enum retention *out, const char *dir, const struct contract *c, const struct hash *id, party self,
                      const struct keyring *keys, int64_t now, struct fault *f)
{
    const int left = has(dir, "seed.sealed") || has(dir, "start.sealed") || has(dir, SEAL_FILE) || has(dir, "bodies");
    const int begun = has(dir, "log") && has(dir, "approvals");

    if (!left && (!begun || has(dir, STATEMENT_FILE)))
        return OK;
    TRY(session_destroy_secrets(dir, f));
    if (begun)
        TRY(sign_statement(dir, c, id, self, keys, now, f));
    *out = RETENTION_DESTROYED;
    return OK;
}

/* ---- sealing ---- */

static status destroy_own(const char *dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    TRY(files_join(path, dir, "seed.sealed", f));
    TRY(files_destroy(path, f));
    TRY(files_join(path, dir, "start.sealed", f));
    return files_destroy(path, f);
}

static status write_seal(const char *dir, const struct contract *c, const struct hash *id, party self, uint32_t attempt,
                         const struct keyring *keys, int64_t now, struct fault *f)
{
    struct audit_secrets s AUTO(audit_secrets_clear) = {.place = {*id, {{0}}, self, attempt, (uint64_t)now}};
    uint8_t sealed[AUDIT_SEAL_MAX];
    char path[FILES_PATH_BYTES];

    TRY(read_session_id(&s.place.session, dir, f));
    TRY(session_secret_read(&s.seed, c->suite, "seed", dir, keys, id, attempt, f));
    TRY(session_secret_read(&s.start, c->suite, "start", dir, keys, id, attempt, f));
    TRY(audit_seal_make(sealed, &c->auditor_key, &s, f));
    TRY(files_join(path, dir, SEAL_FILE, f));
    return files_write(path, sealed, audit_seal_bytes(c->suite), 0600, f);
}

/* The seal is on disk before the own copies go.  A seed without a start is of a session that never began. */
static status seal(enum retention *out, const char *dir, const struct contract *c, const struct hash *id, party self,
                   uint32_t attempt, const struct keyring *keys, int64_t now, struct fault *f)
{
    const int seed = has(dir, "seed.sealed"), start = has(dir, "start.sealed");

    if (!seed && !start)
        return OK;
    if (seed && start)
        TRY(write_seal(dir, c, id, self, attempt, keys, now, f));
    TRY(destroy_own(dir, f));
    *out = RETENTION_SEALED;
    return OK;
}

status retention_settle(enum retention *out, const char *session_dir, const struct contract *c, const struct hash *contract_id,
                        party self, uint32_t attempt, const struct keyring *keys, int64_t now, struct fault *f)
{
    int lock AUTO(files_unlock) = -1;

    *out = RETENTION_KEPT;
    if (!files_exist(session_dir))
        return OK;
    TRY(files_lock(&lock, session_dir, f)); /* a node and hefu evidence destroy may both be here */
    if (now >= (int64_t)contract_destroy_after(c))
        return destroy(out, session_dir, c, contract_id, self, keys, now, f);
    return c->auditor[0] ? seal(out, session_dir, c, contract_id, self, attempt, keys, now, f) : OK;
}

/* ---- reading ---- */

status retention_open(struct audit_secrets *out, const char *session_dir, const struct session_papers *papers, party self,
                      uint32_t attempt, const struct audit_key *key, struct fault *f)
{
    const struct contract *c = &papers->contract;
    struct audit_place place = {.contract = papers->contract_id, .who = self, .attempt = attempt};
    uint8_t *sealed AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];
    size_t len = 0;

    if (!c->auditor[0])
        return fault_set(f, STATUS_CONFIG, "the contract names no auditor: the seed is sealed for its owner");
    if (memcmp(key->pub.bytes, c->auditor_key.bytes, SEAL_PUBLIC_BYTES) != 0)
        return fault_set(f, STATUS_MISMATCH, "the key is not that of %s, whom the contract names as auditor", c->auditor);
    TRY(files_join(path, session_dir, SEAL_FILE, f));
    if (!files_exist(path)) {
        fault_hint(f, "it is written when the session has ended, and destroyed after the contract's retention");
        return fault_set(f, STATUS_CONFIG, "%s: nothing is sealed to %s there", path, c->auditor);
    }
    TRY(files_read(&sealed, &len, path, AUDIT_SEAL_MAX, f));
    verify_session_id(&place.session, papers->contract.suite, &papers->contract_id, papers->approval, c->parties);
    TRY(audit_seal_open(out, key, sealed, len, &place, f));
    out->seed.suite = out->start.suite = c->suite;
    return OK;
}

status retention_statement(uint8_t **bytes, size_t *len, const char *session_dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    *bytes = NULL;
    *len = 0;
    TRY(files_join(path, session_dir, STATEMENT_FILE, f));
    return files_exist(path) ? files_read(bytes, len, path, DESTROYED_BYTES, f) : OK;
}
