/* hefu-audit joint-replay: all parties of a session again, in one place, for those that kept no bodies.  Read-only; the verdict
 * is all that comes out. */
#include "node/hefu_audit/premises.h"
#include "node/local/joint_replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REST_MAX = 64 };

/* --party NAME=DIR and --table NAME=FILE, in the order given. */
struct pairs {
    const char *text[PARTIES_MAX];
    size_t count;
};

struct joint_arguments {
    struct pairs parties, tables;
    const char *session, *key;
    int as_json;
};

struct meeting {
    struct premises *at[PARTIES_MAX];
    struct replay_input in[PARTIES_MAX], offline[PARTIES_MAX];
    struct replay_verdict verdict[PARTIES_MAX];
};

static void meeting_free(struct meeting **m)
{
    if (*m)
        for (party p = 0; p < PARTIES_MAX; p++)
            premises_free(&(*m)->at[p]);
    free(*m);
}

/* ---- arguments ---- */

static status add_pair(struct pairs *to, const char *option, const char *value, struct fault *f)
{
    const char *sign = value ? strchr(value, '=') : NULL;

    if (!sign || sign == value || !sign[1])
        return fault_set(f, STATUS_USAGE, "%s needs NAME=PATH", option);
    if (to->count == PARTIES_MAX)
        return fault_set(f, STATUS_USAGE, "%s is given more than %d times", option, PARTIES_MAX);
    to->text[to->count++] = value;
    return OK;
}

/* NULL when that party is not among them. */
static const char *path_of(const struct pairs *all, const char *name)
{
    const size_t len = strlen(name);

    for (size_t i = 0; i < all->count; i++)
        if (strncmp(all->text[i], name, len) == 0 && all->text[i][len] == '=')
            return all->text[i] + len + 1;
    return NULL;
}

static status read_arguments(struct joint_arguments *a, int argc, char **argv, struct fault *f)
{
    const struct audit_option options[] = {
        {"session", &a->session, NULL}, {"audit-key", &a->key, NULL}, {"json", NULL, &a->as_json}, {0}};
    char *rest[REST_MAX];
    const char *none[1];
    size_t files = 0;
    int count = 0;

    for (int i = 0; i < argc; i++) {
        const int is_party = strcmp(argv[i], "--party") == 0, is_table = strcmp(argv[i], "--table") == 0;

        if (is_party || is_table) {
            TRY(add_pair(is_party ? &a->parties : &a->tables, argv[i], i + 1 < argc ? argv[i + 1] : NULL, f));
            i++;
        } else if (count < REST_MAX) {
            rest[count++] = argv[i];
        }
    }
    TRY(audit_arguments(options, none, 0, &files, count, rest, f));
    if (a->session && a->parties.count >= 2)
        return OK;
    fault_set(f, STATUS_USAGE, "joint-replay needs --session, and --party of every party");
    fault_hint(f, "hefu-audit joint-replay --session ID --party NAME=DIR --party NAME=DIR");
    return STATUS_USAGE;
}

/* ---- all parties ---- */

static status seat(struct meeting *m, const struct joint_arguments *a, size_t i, const struct audit_key *key, struct fault *f)
{
    const char *text = a->parties.text[i];
    const size_t len = strcspn(text, "=");
    char name[PARTY_NAME_MAX];
    struct premises *p AUTO(premises_free) = NULL;
    struct premises_place place = {.node = text + len + 1, .session = a->session, .key = key, .without_bodies = 1};
    party who;

    if (len >= sizeof name)
        return fault_set(f, STATUS_USAGE, "%.40s is no party's name", text);
    memcpy(name, text, len);
    name[len] = '\0';
    place.table = path_of(&a->tables, name);
    TRY(premises_open(&p, &place, f));
    who = p->table.self;
    if (strcmp(p->papers.contract.party[who].name, name) != 0)
        return fault_set(f, STATUS_USAGE, "%s: the session is of %s there, not of %s", place.node, p->papers.contract.party[who].name,
                         name);
    if (m->at[who])
        return fault_set(f, STATUS_USAGE, "%s is given twice", name);
    m->at[who] = p;
    p = NULL;
    return OK;
}

static status check_same_contract(const struct meeting *m, struct fault *f)
{
    const struct premises *first = NULL;

    for (party p = 0; p < PARTIES_MAX && !first; p++)
        first = m->at[p];
    for (party p = 0; p < first->papers.contract.parties; p++) {
        const char *name = first->papers.contract.party[p].name;

        if (!m->at[p])
            return fault_set(f, STATUS_USAGE, "%s is missing: every party's part is needed, --party %s=DIR", name, name);
    }
    for (party p = 0; p < PARTIES_MAX; p++)
        if (m->at[p] && (!hash_equal(&m->at[p]->papers.contract_id, &first->papers.contract_id) ||
                         m->at[p]->table.attempt != first->table.attempt || m->at[p]->table.stage != first->table.stage))
            return fault_set(f, STATUS_USAGE, "the sessions are not of one attempt at one contract");
    return OK;
}

static void prepare(struct meeting *m)
{
    for (party p = 0; p < PARTIES_MAX && m->at[p]; p++) {
        m->in[p] = premises_input(m->at[p]);
        if (!m->at[p]->offline)
            continue;
        m->offline[p] = premises_input(m->at[p]->offline);
        m->in[p].offline = &m->offline[p];
    }
}

/* ---- what is said ---- */

static const char *name_of(const struct meeting *m, party p)
{
    return m->at[0]->papers.contract.party[p].name;
}

static int all_agree(const struct meeting *m)
{
    int same = 1;

    for (party p = 0; p < PARTIES_MAX && m->at[p]; p++)
        same &= m->verdict[p].same;
    return same;
}

static void print_one(const struct meeting *m, party p)
{
    const struct replay_verdict *v = &m->verdict[p];
    char number[32], joint[PREMISES_JOINT_BYTES];

    printf("  %-16s %s records agree", name_of(m, p), audit_number(number, v->compared));
    if (!v->same)
        printf("; first mismatch record %llu, field %s%s: %s%s", (unsigned long long)v->seq, v->field,
               v->stage == m->at[p]->table.stage ? "" : " of the offline session", v->words, premises_joint_words(joint, v));
    else if (v->waits)
        printf(", then it waits for %s", name_of(m, v->who));
    else if (v->stopped)
        printf(", up to where the session stopped");
    putchar('\n');
}

static void print_verdict(const struct meeting *m)
{
    const char *comma = "";

    if (all_agree(m)) {
        printf("PASS: joint replay agrees: every record of every party is what honest parties write\n");
    } else {
        printf("joint replay does NOT agree: ");
        for (party p = 0; p < PARTIES_MAX && m->at[p]; p++)
            if (!m->verdict[p].same) {
                printf("%sthe log of %s%s%s", comma, name_of(m, p), m->verdict[p].who == p ? "" : ", by what is signed by ",
                       m->verdict[p].who == p ? "" : name_of(m, m->verdict[p].who));
                comma = "; ";
            }
        putchar('\n');
    }
    for (party p = 0; p < PARTIES_MAX && m->at[p]; p++)
        print_one(m, p);
}

static json_t *verdict_json(const struct meeting *m)
{
    json_t *list = json_array();

    for (party p = 0; p < PARTIES_MAX && m->at[p]; p++) {
        const struct replay_verdict *v = &m->verdict[p];
        json_t *o = json_pack("{s:s, s:b, s:b, s:I, s:I}", "party", name_of(m, p), "same", v->same, "stopped", v->stopped, "compared",
                              (json_int_t)v->compared, "joint_checkpoints", (json_int_t)v->joints);

        if (!v->same)
            json_object_update_new(o, json_pack("{s:I, s:s, s:s, s:s, s:s}", "record", (json_int_t)v->seq, "field", v->field, "words",
                                                v->words, "stage", stage_name(v->stage), "about", name_of(m, v->who)));
        if (!v->same && v->joints)
            json_object_update_new(o, json_pack("{s:I, s:i}", "last_joint", (json_int_t)v->joint_seq, "last_joint_pass",
                                                (int)v->joint_pass));
        if (v->same && v->waits)
            json_object_set_new(o, "waits_for", json_string(name_of(m, v->who)));
        json_array_append_new(list, o);
    }
    return json_pack("{s:b, s:o}", "same", all_agree(m), "parties", list);
}

status command_joint_replay(int argc, char **argv, struct fault *f)
{
    struct joint_arguments a = {0};
    struct audit_key key AUTO(audit_key_clear) = {0};
    struct meeting *m AUTO(meeting_free) = NULL;

    TRY(read_arguments(&a, argc, argv, f));
    if (a.key)
        TRY(audit_key_load(&key, a.key, f));
    TRY(alloc_zeroed(&m, 1, sizeof *m));
    for (size_t i = 0; i < a.parties.count; i++)
        TRY(seat(m, &a, i, a.key ? &key : NULL, f));
    TRY(check_same_contract(m, f));
    prepare(m);
    TRY(joint_replay_run(m->verdict, m->in, f));
    if (a.as_json)
        TRY(audit_print_json(verdict_json(m), f));
    else
        print_verdict(m);
    return all_agree(m) ? OK : STATUS_MISMATCH;
}
