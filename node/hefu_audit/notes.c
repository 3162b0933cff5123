#include "node/hefu_audit/notes.h"

#include "node/local/files.h"
#include "protocol/note.h"

#include <stdio.h>
#include <string.h>

/* The session and the keys that its records are signed with. */
struct signers {
    struct hash session;
    struct sign_public key[PARTIES_MAX];
};

static status signers_read(struct signers *out, const struct story *s, struct fault *f)
{
    struct approval a;

    if (bundle_session(&out->session, s->bundle) != OK)
        return fault_set(f, STATUS_MISMATCH, "%s: the approvals cannot be read, so no session key is known", s->path);
    for (party p = 0; p < s->contract.parties; p++) {
        TRY(approval_decode(&a, s->bundle->approval[p].bytes));
        out->key[p] = a.card.sign;
    }
    return OK;
}

static void point_read(struct joint_point *j, struct joint_item item[PARTIES_MAX], const struct story *s,
                       const struct signers *who, const struct milestone *m)
{
    *j = (struct joint_point){.contract = &s->contract, .session = &who->session, .pass = m->end ? (uint32_t)NOTE_END : m->pass};
    for (party p = 0; p < s->contract.parties; p++) {
        joint_item_read(&item[p], m->joint, p);
        j->log[p] = item[p].log;
    }
}

/* Into dir, or behind its name on stdout. */
static status put(const char *dir, const char *name, const char *text, size_t len, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    if (!dir) {
        printf("--- %s\n%s", name, text);
        return OK;
    }
    TRY(files_join(path, dir, name, f));
    return files_write(path, text, len, 0644, f);
}

static status write_keys(const struct story *s, const struct signers *who, const char *dir, struct fault *f)
{
    const struct joint_point j = {.contract = &s->contract, .session = &who->session};
    char name[PARTY_NAME_MAX + 8], key[NOTE_KEY_MAX + 1];

    for (party p = 0; p < s->contract.parties; p++) {
        snprintf(name, sizeof name, "%s.key", s->contract.party[p].name);
        note_key(key, &j, p, &who->key[p]);
        memcpy(key + strlen(key), "\n", 2);
        TRY(put(dir, name, key, strlen(key), f));
    }
    return OK;
}

static status write_point(const struct story *s, const struct signers *who, const struct milestone *m, const char *dir,
                          struct fault *f)
{
    char name[PARTY_NAME_MAX + 32], point[24], text[NOTE_TEXT_MAX];
    struct joint_item item[PARTIES_MAX];
    struct joint_point j;

    point_read(&j, item, s, who, m);
    if (m->end)
        snprintf(point, sizeof point, "end");
    else
        snprintf(point, sizeof point, "pass-%u", m->pass);
    for (party p = 0; p < s->contract.parties; p++) {
        const size_t len = note_write(text, &j, p, &who->key[p], &item[p].signature);

        snprintf(name, sizeof name, "%s-%s.note", point, s->contract.party[p].name);
        TRY(put(dir, name, text, len, f));
    }
    return OK;
}

status notes_write(const struct story *s, const char *dir, struct fault *f)
{
    struct signers who;

    TRY(signers_read(&who, s, f));
    if (dir)
        TRY(files_make_directory(dir, f));
    TRY(write_keys(s, &who, dir, f));
    for (size_t i = 0; i < s->milestones; i++)
        TRY(write_point(s, &who, &s->milestone[i], dir, f));
    if (dir)
        printf("%s: %zu notes of %u parties, and their keys\n", dir, s->milestones * s->contract.parties, s->contract.parties);
    return OK;
}
