#include "node/hefu/try_output.h"

#include "node/local/certificate.h"
#include "protocol/verify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char marker_name[] = ".hefu-try";
static const char *const own_names[] = {"ca", "ca-gm", "nodes", "coordinator", "reports", "model", "evidence", "report.html",
                                        "result.json"};
enum { OWN_NAMES = sizeof own_names / sizeof own_names[0], COPY_BYTES_MAX = BUNDLE_LOG_MAX };

/* ---- the directory ---- */

static int is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    int empty = 1;

    if (!d)
        return 0;
    while ((e = readdir(d)))
        empty &= strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(d);
    return empty;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st;
    (void)flag;
    (void)where;
    return remove(path);
}

static status remove_earlier_run(const char *dir, struct fault *f)
{
    char path[FILES_PATH_BYTES];

    for (size_t i = 0; i < OWN_NAMES; i++) {
        TRY(files_join(path, dir, own_names[i], f));
        if (files_exist(path) && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
            return fault_set(f, STATUS_IO, "%s: cannot be removed: %s", path, strerror(errno));
    }
    return OK;
}

status output_open(int *lock, const char *dir, int force, struct bar *bar, struct fault *f)
{
    char marker[FILES_PATH_BYTES], earlier[FILES_PATH_BYTES];
    struct stat st;

    *lock = -1;
    TRY(files_join(marker, dir, marker_name, f));
    TRY(files_join(earlier, dir, "result.json", f));
    if (stat(dir, &st) == 0 && !S_ISDIR(st.st_mode)) {
        fault_set(f, STATUS_CONFIG, "%s: is a file, not a directory", dir);
        fault_hint(f, "choose another --out");
        return STATUS_CONFIG;
    }
    if (files_exist(dir) && !files_exist(marker) && !is_empty(dir) && !force) {
        fault_set(f, STATUS_CONFIG, "%s: is not empty, and not the output of an earlier hefu try", dir);
        fault_hint(f, "choose another --out, or add --force to write into it");
        return STATUS_CONFIG;
    }
    TRY(files_make_directory(dir, f));
    *lock = open(marker, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*lock < 0)
        return fault_set(f, STATUS_IO, "%s: cannot write: %s", marker, strerror(errno));
    if (flock(*lock, LOCK_EX | LOCK_NB) != 0) {
        fault_set(f, STATUS_CONFIG, "%s: another hefu try is writing there", dir);
        fault_hint(f, "wait for it, or choose another --out");
        return STATUS_CONFIG;
    }
    if (files_exist(earlier))
        bar_note(bar, "replacing the earlier results in %s", dir);
    return remove_earlier_run(dir, f);
}

void output_close(int *lock)
{
    if (*lock >= 0)
        close(*lock);
    *lock = -1;
}

/* ---- collecting ---- */

/* STATE/sessions/JOB-ATTEMPT of a party. */
static status session_directory(char out[FILES_PATH_BYTES], const struct consortium *c, const struct coordination *job,
                          uint32_t who, struct fault *f)
{
    char name[64];

    snprintf(name, sizeof name, "state/sessions/%s-%u", job->view.id,
             (unsigned)json_count(job->view.state[who], "attempt"));
    return files_join(out, c->party[who].dir, name, f);
}

/* DIR/folder/NAMEsuffix, and its folder exists afterwards. */
static status place(char out[FILES_PATH_BYTES], const char *dir, const char *folder, const char *name,
                    const char *suffix, struct fault *f)
{
    char in[FILES_PATH_BYTES], file[NAME_BYTES + 16];

    TRY(files_join(in, dir, folder, f));
    TRY(files_make_directory(in, f));
    snprintf(file, sizeof file, "%s%s", name, suffix);
    return files_join(out, in, file, f);
}

static status copy(const char *to, const char *from_dir, const char *from_name, struct fault *f)
{
    char from[FILES_PATH_BYTES];
    uint8_t *bytes AUTO(auto_free) = NULL;
    size_t len = 0;

    TRY(files_join(from, from_dir, from_name, f));
    TRY(files_read(&bytes, &len, from, COPY_BYTES_MAX, f));
    return files_write(to, bytes, len, 0600, f);
}

status output_collect(const struct consortium *c, const struct coordination *job, struct fault *f)
{
    char session[FILES_PATH_BYTES], to[FILES_PATH_BYTES];

    for (uint32_t p = 0; p < c->parties; p++) {
        const char *name = c->party[p].name;

        TRY(session_directory(session, c, job, p, f));
        TRY(place(to, c->dir, "reports", name, ".html", f));
        TRY(copy(to, session, "report.html", f));
        TRY(place(to, c->dir, "model", name, ".json", f));
        TRY(copy(to, session, "model.json", f));
        TRY(place(to, c->dir, "evidence", name, ".hefu", f));
        TRY(copy(to, session, "evidence.hefu", f));
    }
    TRY(session_directory(session, c, job, contract_label_party(&job->contract), f));
    TRY(files_join(to, c->dir, "report.html", f));
    return copy(to, session, "report.html", f);
}

/* ---- the evidence ---- */

struct evidence {
    uint8_t *bytes[PARTIES_MAX];
    struct bundle bundle[PARTIES_MAX];
    struct verify_report report;
};

static void evidence_free(struct evidence **e)
{
    if (*e)
        for (size_t p = 0; p < PARTIES_MAX; p++)
            free((*e)->bytes[p]);
    free(*e);
}

/* A certificate in the evidence: issued by this consortium's CA, and the one that the contract names. */
static status check_certificate(void *ctx, const struct contract_party *p, const uint8_t *pem, size_t len,
                                struct fault *f)
{
    struct certificate certificate AUTO(certificate_clear) = {0};
    const struct consortium *c = ctx;
    char ca[FILES_PATH_BYTES], crl[FILES_PATH_BYTES];
    const int gm = c->suite == SUITE_GM1;

    TRY(files_join(ca, c->dir, gm ? "ca-gm/ca.pem" : "ca/ca.pem", f));
    TRY(files_join(crl, c->dir, gm ? "ca-gm/crl.pem" : "ca/crl.pem", f));
    TRY(certificate_parse(&certificate, p->name, pem, len, f));
    if (!hash_equal(&certificate.fingerprint, &p->certificate) ||
        memcmp(certificate.key.bytes, p->identity.bytes, SIGN_PUBLIC_BYTES) != 0 ||
        strcmp(certificate.name, p->name) != 0)
        return fault_set(f, STATUS_UNTRUSTED, "%s: the certificate is not the one in the contract", p->name);
    return certificate_verify(&certificate, ca, crl, (int64_t)time(NULL), f);
}

status output_verify(struct output_verdict *out, const struct consortium *c, struct fault *f)
{
    const struct verify_options options = {.certificate = check_certificate, .ctx = (void *)(uintptr_t)c};
    struct evidence *e AUTO(evidence_free) = NULL;
    char path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&e, 1, sizeof *e));
    for (uint32_t p = 0; p < c->parties; p++) {
        size_t len = 0;

        TRY(place(path, c->dir, "evidence", c->party[p].name, ".hefu", f));
        TRY(files_read(&e->bytes[p], &len, path, COPY_BYTES_MAX, f));
        TRY(bundle_decode(&e->bundle[p], e->bytes[p], len, f));
    }
    TRY(verify_bundles(&e->report, e->bundle, c->parties, &options));
    *out = (struct output_verdict){.verified = e->report.ok, .logs = c->parties, .records = e->report.records,
                                   .checkpoints = e->report.checkpoints};
    for (int i = 0; i < VERIFY_CHECKS; i++)
        if (e->report.line[i].verdict != VERDICT_OK)
            fprintf(stderr, "hefu: %s: %s\n", verify_check_name((enum verify_check)i), e->report.line[i].text);
    return OK;
}

/* ---- the result ---- */

/* The agreed result, the bytes of every party, and the verdict. */
static json_t *result_object(const struct consortium *c, const struct coordination *job,
                             const struct output_verdict *verdict)
{
    json_t *result = coordinate_outcome(job);
    json_t *transcript = json_object_get(result, "transcript");
    char report[FILES_PATH_BYTES];

    if (!result)
        return NULL;
    if (!transcript) {
        transcript = json_object();
        json_object_set_new(result, "transcript", transcript);
    }
    json_object_set_new(transcript, "verified", json_boolean(verdict->verified));
    json_object_set_new(transcript, "sessions", json_integer(1));
    json_object_set_new(transcript, "logs", json_integer(verdict->logs));
    json_object_set_new(transcript, "records", json_integer((json_int_t)verdict->records));
    json_object_set_new(transcript, "checkpoints", json_integer((json_int_t)verdict->checkpoints));
    if (files_join(report, c->dir, "report.html", NULL) == OK)
        json_object_set_new(result, "report", json_string(report));
    return result;
}

static void print_row(const char *name, double auc, double ks, double logloss, const char *format)
{
    printf("  %-24.24s ", name);
    printf(format, auc);
    printf("   ");
    printf(format, ks);
    printf("   ");
    printf(format, logloss);
    putchar('\n');
}

static void print_models(const json_t *o, const char *label)
{
    double auc = json_decimal(o, "auc_test"), ks = json_decimal(o, "ks_test"), loss = json_decimal(o, "logloss_test");
    double auc_alone = json_decimal(o, "auc_label_party_alone"), ks_alone = json_decimal(o, "ks_label_party_alone");
    double loss_alone = json_decimal(o, "logloss_label_party_alone");
    char alone[NAME_BYTES + 8];

    snprintf(alone, sizeof alone, "%s alone", label);
    printf("\n  %-24s     AUC        KS   log-loss\n", "on the test rows");
    print_row(alone, auc_alone, ks_alone, loss_alone, "%7.4f");
    print_row("joint model", auc, ks, loss, "%7.4f");
    print_row("change", auc - auc_alone, ks - ks_alone, loss - loss_alone, "%+7.4f");
}

static void print_costs(const struct consortium *c, const json_t *o)
{
    static const char *const phases[] = {"align", "prepare", "train", "evaluate"};
    const json_t *seconds = json_object_get(o, "seconds"), *sent = json_object_get(o, "bytes_sent");
    char bytes[BAR_SIZE_BYTES];

    printf("\nrows        %llu common to all, %llu trained on, %llu tested\n",
           (unsigned long long)json_count(o, "rows_aligned"), (unsigned long long)json_count(o, "rows_train"),
           (unsigned long long)json_count(o, "rows_test"));
    printf("seconds     ");
    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
        if (!isnan(json_decimal(seconds, phases[i])))
            printf("%s %.1f, ", phases[i], json_decimal(seconds, phases[i]));
    printf("total %.1f\n", json_decimal(seconds, "total"));
    printf("sent        ");
    for (uint32_t p = 0; p < c->parties; p++) {
        bar_bytes_text(bytes, json_count(sent, c->party[p].name));
        printf("%s%s %s", p ? ", " : "", c->party[p].name, bytes);
    }
    printf("\n");
}

static void print_result(const struct consortium *c, const struct coordination *job, const json_t *o,
                         const struct output_verdict *verdict)
{
    const party label = contract_label_party(&job->contract);

    print_models(o, job->contract.party[label].name);
    print_costs(c, o);
    printf("report      %s/report.html\n", c->dir);
    printf("evidence    %s/evidence/\n", c->dir);
    printf("replay      hefu-audit replay --node %s --session %.8s\n", c->party[label].dir, job->view.id);
    if (verdict->verified)
        printf("\ntranscript verified: %u logs, %llu signed records, %llu joint checkpoints\n", verdict->logs,
               (unsigned long long)verdict->records, (unsigned long long)verdict->checkpoints);
}

status output_print(const struct consortium *c, const struct coordination *job, const struct output_verdict *verdict,
                    int as_json, struct fault *f)
{
    json_t *result AUTO(auto_json) = result_object(c, job, verdict);
    char *json AUTO(auto_free) = NULL, *text AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];
    int len = -1;

    if (result)
        json = json_dumps(result, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
    if (json)
        len = asprintf(&text, "%s\n", json);
    if (len < 0)
        return fault_set(f, STATUS_NO_MEMORY, "out of memory");
    TRY(files_join(path, c->dir, "result.json", f));
    TRY(files_write(path, text, (size_t)len, 0600, f));
    if (as_json)
        fputs(text, stdout);
    else
        print_result(c, job, result, verdict);
    if (fflush(stdout) != 0)
        return fault_set(f, STATUS_IO, "the result could not be written");
    return OK;
}
