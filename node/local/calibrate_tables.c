/* Rates of a party's own work on its table, and of its evidence. */
#include "crypto/ring.h"
#include "crypto/sign.h"
#include "node/local/calibrate_parts.h"
#include "node/local/files.h"
#include "node/local/journal.h"
#include "node/local/source.h"
#include "protocol/bins.h"
#include "protocol/messages.h"
#include "protocol/record.h"
#include "training/precondition.h"
#include "training/reference.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROWS = 4000, COLUMNS = 16, BINS = 16, FEW_ROWS = 64, CARRY_BYTES = 64 * 1024, BODIES = 40, RECORDS = 100 };

status gauge_table(struct dataset *out, uint32_t rows, uint16_t columns, uint8_t bins)
{
    struct dataset d AUTO(dataset_clear) = {.rows = rows, .columns = columns};
    struct rng g AUTO(rng_clear) = {0};

    gauge_rng(&g, "table");
    TRY(alloc_zeroed(&d.bins, columns, 1));
    TRY(alloc_zeroed(&d.codes, (size_t)rows * columns, 1));
    TRY(alloc_zeroed(&d.label, rows, 1));
    TRY(alloc_zeroed(&d.ids, rows, sizeof *d.ids));
    memset(d.bins, bins, columns);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t sum = 0;

        for (uint16_t c = 0; c < columns; c++)
            sum += d.codes[(size_t)i * columns + c] = (uint8_t)rng_below(&g, bins);
        d.label[i] = sum + rng_below(&g, (uint64_t)columns * bins) > (uint32_t)columns * bins;
        if (asprintf(&d.ids[i], "person%08u", i) < 0)
            return STATUS_NO_MEMORY;
    }
    *out = d;
    d = (struct dataset){0};
    return OK;
}

/* ---- reading ---- */

static status write_csv(const char *path, const struct dataset *d, struct fault *f)
{
    char *text = NULL, *owned AUTO(auto_free) = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out)
        return STATUS_NO_MEMORY;
    fputs("id", out);
    for (uint16_t c = 0; c < d->columns; c++)
        fprintf(out, ",column%u", c);
    for (uint32_t i = 0; i < d->rows; i++) {
        fprintf(out, "\n%s", d->ids[i]);
        for (uint16_t c = 0; c < d->columns; c++)
            fprintf(out, ",%u.5", d->codes[(size_t)i * d->columns + c] * 1000 + i % 1000);
    }
    fputc('\n', out);
    fclose(out);
    owned = text;
    return files_write(path, text, len, 0600, f);
}

static status time_load(struct rates *r, const struct gauge *g, const struct dataset *d, struct fault *f)
{
    struct dataset first AUTO(dataset_clear) = {0}, again AUTO(dataset_clear) = {0};
    struct dictionary dictionary AUTO(dictionary_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0}, more AUTO(table_notes_clear) = {0};
    char path[FILES_PATH_BYTES];
    const struct source source = {.kind = SOURCE_CSV, .path = path, .id_column = "id"};
    double began;

    TRY(files_join(path, g->dir, "table.csv", f));
    TRY(write_csv(path, d, f));
    TRY(source_open(&first, &dictionary, &notes, &source, f));
    began = gauge_cpu_s();
    TRY(source_open_with(&again, &more, &dictionary, &source, f));
    r->load = (gauge_cpu_s() - began) / ((double)d->rows * (d->columns + 1)) * 1e9;
    return OK;
}

/* ---- models of one's own ---- */

static status time_precondition(double *seconds, const struct dataset *d, uint32_t rows)
{
    const struct matrix m = {.n = rows, .columns = d->columns, .width = dataset_width(d), .bins = d->bins,
                             .codes = d->codes};
    struct contract c = {.parties = 2, .key_bits = 2048, .passes = 16, .ridge_micro = 3000, .fraction_bits = 16,
                         .sigmoid = SIGMOID_LINEAR};
    struct precondition p AUTO(precondition_clear) = {0};
    struct plan plan;
    double began;

    for (party i = 0; i < 2; i++) {
        c.party[i].columns = d->columns;
        memcpy(c.party[i].bins, d->bins, d->columns);
    }
    TRY(plan_make(&plan, &c, rows, NULL));
    began = gauge_cpu_s();
    TRY(precondition_make(&p, &m, &plan, c.ridge_micro));
    *seconds = gauge_cpu_s() - began;
    return OK;
}

static status time_models(struct rates *r, const struct dataset *d)
{
    const double width = dataset_width(d), columns = d->columns;
    double *weight AUTO(auto_free) = NULL, intercept, few, many, began;

    TRY(time_precondition(&few, d, FEW_ROWS));
    TRY(time_precondition(&many, d, ROWS));
    r->solve = few / (width * width * width) * 1e9;
    r->gram = (many > few ? many - few : many) / (ROWS * columns * width) * 1e9;
    TRY(alloc_zeroed(&weight, dataset_width(d), sizeof *weight));
    began = gauge_cpu_s();
    TRY(reference_fit(weight, &intercept, d->codes, d->bins, d->columns, NULL, d->label, ROWS, 0.003, REFERENCE_EXACT));
    began = gauge_cpu_s() - began;
    began -= began > few ? few : 0; /* its own equations, about as many as steps are cheaper than the above */
    r->fit = began / (ROWS * columns * (columns + 8) / 2) * 1e9;
    return OK;
}

/* ---- a pass ---- */

struct pass {
    const struct dataset *d;
    ring *residual, *open, *sums;
    uint8_t *wire;
};

/* Scores and sums by bin, as training/train.c does it. */
static void cells(void *ctx)
{
    struct pass *p = ctx;

    for (uint32_t i = 0; i < p->d->rows; i++) {
        const uint8_t *codes = p->d->codes + (size_t)i * p->d->columns;
        size_t offset = 0;
        ring z = p->residual[i];

        for (uint16_t c = 0; c < p->d->columns; c++) {
            z += p->open[offset + codes[c]];
            offset += p->d->bins[c];
        }
        p->residual[i] = z & ring_mask(100);
        offset = 0;
        for (uint16_t c = 0; c < p->d->columns; c++) {
            p->sums[offset + codes[c]] += z;
            offset += p->d->bins[c];
        }
    }
}

static void openings(void *ctx)
{
    struct pass *p = ctx;
    const size_t item = ring_bytes(100);
    struct hasher h;
    struct hash digest;

    for (uint32_t i = 0; i < p->d->rows; i++)
        ring_put(p->wire + i * item, item, p->residual[i]);
    hasher_init(&h, SUITE_INT1, "hefu/opening share/v1");
    hasher_add(&h, p->wire, p->d->rows * item);
    hasher_final(&h, &digest);
    for (uint32_t i = 0; i < p->d->rows; i++)
        p->residual[i] = (p->residual[i] + ring_get(p->wire + i * item, item)) & ring_mask(100);
}

static status time_pass(struct rates *r, const struct gauge *g, const struct dataset *d)
{
    ring *residual AUTO(auto_free) = NULL, *open AUTO(auto_free) = NULL, *sums AUTO(auto_free) = NULL;
    uint8_t *wire AUTO(auto_free) = NULL;
    struct pass p = {.d = d};

    TRY(alloc_zeroed(&residual, d->rows, sizeof *residual));
    TRY(alloc_zeroed(&open, dataset_width(d), sizeof *open));
    TRY(alloc_zeroed(&sums, dataset_width(d), sizeof *sums));
    TRY(alloc_zeroed(&wire, d->rows, sizeof(ring)));
    p.residual = residual;
    p.open = open;
    p.sums = sums;
    p.wire = wire;
    r->cell = gauge_each(g, cells, &p, (double)d->rows * d->columns);
    r->opening = gauge_each(g, openings, &p, d->rows);
    return OK;
}

status calibrate_tables(struct rates *r, const struct gauge *g, struct fault *f)
{
    struct dataset d AUTO(dataset_clear) = {0};

    TRY(gauge_table(&d, ROWS, COLUMNS, BINS));
    TRY(time_load(r, g, &d, f));
    TRY(time_models(r, &d));
    return time_pass(r, g, &d);
}

/* ---- evidence ---- */

struct evidence {
    struct sign_public pub;
    struct sign_secret sec;
    struct rng_key key;
    struct journal_file *file;
    struct journal journal;
    struct merkle tree;
    struct record record;
    struct signature signature;
    uint8_t *body, *copy;
    int socket[2];
    EVP_CIPHER_CTX *cipher;
};

static void evidence_clear(struct evidence *e)
{
    (void)!journal_close(e->file, NULL);
    for (int i = 0; i < 2; i++)
        if (e->socket[i] >= 0)
            close(e->socket[i]);
    EVP_CIPHER_CTX_free(e->cipher);
    sign_secret_clear(&e->sec);
    free(e->body);
    free(e->copy);
}

/* What goes with a message: encoded, chained, a key for its tag; sent: signed; received: the sender's signature checked. */
static status put_record(struct evidence *e, enum record_type type, struct fault *f)
{
    const size_t len = entry_bytes(type, 2);
    uint8_t entry[RECORD_BYTES + SIGNED_BYTES];
    struct rng_key key AUTO(rng_key_clear) = {0};
    struct hash head;

    memset(entry, 0, sizeof entry);
    record_encode(entry, &e->record);
    if (type == RECORD_SEND) {
        sign_make(&e->signature, &e->sec, RECORD_SIGN_TAG, entry, RECORD_BYTES);
    } else if (sign_check(&e->signature, &e->pub, RECORD_SIGN_TAG, entry, RECORD_BYTES) != OK) {
        return STATUS_MISMATCH;
    }
    memcpy(entry + len - SIGNATURE_BYTES, e->signature.bytes, SIGNATURE_BYTES);
    entry_head(&head, SUITE_INT1, entry, len);
    merkle_append(&e->tree, &head);
    rng_key_derive(&key, &e->key, "hefu/tag", "", 0);
    return e->journal.append(e->journal.ctx, entry, len, f);
}

/* bytes through a socket and back out: what a worker and its daemon do, half each. */
static int carry(struct evidence *e)
{
    size_t done = 0;

    if (write(e->socket[0], e->body, CARRY_BYTES) != CARRY_BYTES)
        return 0;
    while (done < CARRY_BYTES) {
        const ssize_t n = read(e->socket[1], e->copy + done, CARRY_BYTES - done);

        if (n <= 0)
            return 0;
        done += (size_t)n;
    }
    return 1;
}

static status time_records(struct rates *r, struct evidence *e, struct fault *f)
{
    double cpu = gauge_cpu_s(), wall = gauge_wall_s();

    for (int i = 0; i < RECORDS; i++) {
        TRY(put_record(e, RECORD_SEND, f));
        TRY(e->journal.sync(e->journal.ctx, f));
    }
    cpu = gauge_cpu_s() - cpu;
    wall = gauge_wall_s() - wall;
    r->record_send = cpu / RECORDS * 1e9;
    r->sync = (wall > cpu ? wall - cpu : 1e-9) / RECORDS * 1e9;
    cpu = gauge_cpu_s();
    for (int i = 0; i < RECORDS; i++)
        TRY(put_record(e, RECORD_RECV, f));
    r->record_receive = (gauge_cpu_s() - cpu) / RECORDS * 1e9;
    return OK;
}

static status time_bytes(struct rates *r, struct evidence *e, struct fault *f)
{
    const double all = (double)BODIES * MESSAGE_BODY_MAX;
    static const struct rng_key pair = {.bytes = {5}, .suite = SUITE_INT1};
    static const uint8_t iv[12] = {0};
    double began = gauge_cpu_s(), carried, tagged, kept, sealed;
    struct hash tag;
    int len;

    for (int i = 0; i < BODIES; i++)
        if (!carry(e))
            return fault_set(f, STATUS_IO, "a socket of this machine does not work");
    carried = (gauge_cpu_s() - began) / ((double)BODIES * CARRY_BYTES) / 2;
    began = gauge_cpu_s();
    for (int i = 0; i < BODIES; i++) {
        body_tag(&tag, &pair, 0, (uint64_t)i, e->body, MESSAGE_BODY_MAX);
        memcpy(e->copy, e->body, MESSAGE_BODY_MAX);
    }
    tagged = (gauge_cpu_s() - began) / all;
    began = gauge_cpu_s();
    for (uint64_t i = 0; i < BODIES; i++) {
        TRY(e->journal.body(e->journal.ctx, i, e->body, MESSAGE_BODY_MAX, f));
    }
    TRY(e->journal.sync(e->journal.ctx, f));
    kept = (gauge_cpu_s() - began) / all;
    began = gauge_cpu_s();
    for (int i = 0; i < BODIES; i++)
        if (!EVP_EncryptInit_ex(e->cipher, EVP_aes_256_gcm(), NULL, pair.bytes, iv) ||
            !EVP_EncryptUpdate(e->cipher, e->copy, &len, e->body, MESSAGE_BODY_MAX))
            return fault_set(f, STATUS_IO, "AES-GCM does not work");
    sealed = (gauge_cpu_s() - began) / all;
    r->byte_send = (tagged + carried) * 1e9;
    r->byte_receive = (tagged + kept + carried) * 1e9;
    r->byte_line = (sealed + 2 * carried) * 1e9;
    return OK;
}

status calibrate_records(struct rates *r, const struct gauge *g, struct fault *f)
{
    struct evidence e AUTO(evidence_clear) = {.key = {.bytes = {6}}, .tree = {.suite = SUITE_INT1}, .socket = {-1, -1},
                                              .record = {.suite = SUITE_INT1, .type = RECORD_SEND, .peer = 1}};

    sign_keypair(&e.pub, &e.sec, &e.key);
    TRY(alloc_zeroed(&e.body, 1, MESSAGE_BODY_MAX));
    TRY(alloc_zeroed(&e.copy, 1, MESSAGE_BODY_MAX));
    TRY(journal_open(&e.file, g->dir, f));
    e.journal = journal_functions(e.file);
    e.cipher = EVP_CIPHER_CTX_new();
    if (!e.cipher || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e.socket) != 0)
        return fault_set(f, STATUS_IO, "no sockets or ciphers on this machine");
    TRY(time_records(r, &e, f));
    return time_bytes(r, &e, f);
}
