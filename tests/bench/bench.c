/* How fast the parts are, and one small training.  (measure.h; bench_kernels.c has the arithmetic, tier by tier.) */
#include "crypto/blind.h"
#include "crypto/group.h"
#include "crypto/wire.h"
#include "kit/sim.h"
#include "kit/synthetic.h"
#include "protocol/correlate.h"
#include "protocol/verify.h"

#include "measure.h"

/* ---- Paillier ---- */

enum { BATCH = BIGNUM_BATCH_MAX };

struct key {
    struct paillier_public pub;
    struct paillier_secret sec;
    mpz_t lambda, mu;           /* of the textbook's decryption */
    mpz_t m, r, c, d, exponent; /* plaintext, randomness, two ciphertexts, 32 bits */
    mpz_t out;
    struct rng g;
    struct blind *blind;
    /* the same as the product has them, many at once */
    struct bignum_batch plain;
    struct rng draw[BATCH];
    uint64_t *cipher, *number, *to[BATCH];
    const uint64_t *from[BATCH];
};

static void key_make(struct key *k, uint32_t bits)
{
    BIGNUM(t);

    memset(k, 0, sizeof *k);
    seeded(&k->g, "bench key");
    if (paillier_keygen(&k->pub, &k->sec, bits, &k->g) != OK)
        abort();
    mpz_inits(k->lambda, k->mu, k->m, k->r, k->c, k->d, k->exponent, k->out, NULL);
    mpz_lcm(k->lambda, k->sec.p_minus_1, k->sec.q_minus_1);
    mpz_invert(k->mu, k->lambda, k->pub.n); /* L((1 + N)^lambda) = lambda */
    rng_below_mpz(&k->g, k->m, k->pub.n);
    rng_unit_mpz(&k->g, k->c, k->pub.n2);
    rng_unit_mpz(&k->g, k->d, k->pub.n2);
    rng_bits(&k->g, k->exponent, 32);
    mpz_setbit(k->exponent, 31);
    bignum_batch_init(&k->plain);
    k->cipher = calloc(BATCH, pair_words(&k->pub.pair) * sizeof *k->cipher);
    k->number = calloc(BATCH, pair_words(&k->pub.pair) * sizeof *k->number);
    if (!k->cipher || !k->number)
        abort();
    for (int i = 0; i < BATCH; i++) {
        mpz_set(k->plain.x[i], k->m);
        k->draw[i] = k->g;
        k->draw[i].block += (uint64_t)(i + 1) << 32;
        k->to[i] = k->number + (size_t)i * pair_words(&k->pub.pair);
        k->from[i] = k->cipher + (size_t)i * pair_words(&k->pub.pair);
        pair_get_mpz(&k->pub.pair, k->to[i], &k->d, 1);
        pair_get_mpz(&k->pub.pair, k->cipher + (size_t)i * pair_words(&k->pub.pair), &k->c, 1);
    }
}

static void key_clear(struct key *k)
{
    bignum_batch_clear(&k->plain);
    free(k->cipher);
    free(k->number);
    mpz_clears(k->lambda, k->mu, k->m, k->r, k->c, k->d, k->exponent, k->out, NULL);
    paillier_public_clear(&k->pub);
    paillier_secret_clear(&k->sec);
    rng_clear(&k->g);
}

struct keygen {
    uint32_t bits;
    struct rng g;
};

static void keygen_ours(void *ctx)
{
    struct keygen *k = ctx;
    struct paillier_public pub;
    struct paillier_secret sec;

    if (paillier_keygen(&pub, &sec, k->bits, &k->g) != OK)
        abort();
    paillier_public_clear(&pub);
    paillier_secret_clear(&sec);
}

static void encrypt_ours(void *ctx)
{
    struct key *k = ctx;

    blind_draw_many(k->blind, k->number, k->draw, BATCH);
    paillier_encrypt_many(k->number, &k->pub, k->plain.x, k->number, BATCH);
}

/* (1 + mN) r^N mod N^2 */
static void encrypt_plain(void *ctx)
{
    struct key *k = ctx;

    rng_unit_mpz(&k->g, k->r, k->pub.n);
    mpz_powm(k->r, k->r, k->pub.n, k->pub.n2);
    mpz_mul(k->out, k->m, k->pub.n);
    mpz_add_ui(k->out, k->out, 1);
    mpz_mul(k->out, k->out, k->r);
    mpz_mod(k->out, k->out, k->pub.n2);
}

static void decrypt_ours(void *ctx)
{
    struct key *k = ctx;

    paillier_decrypt_many(k->plain.x, &k->pub, &k->sec, k->cipher, BATCH);
}

/* L(c^lambda mod N^2) mu mod N */
static void decrypt_plain(void *ctx)
{
    struct key *k = ctx;

    mpz_powm(k->out, k->c, k->lambda, k->pub.n2);
    mpz_sub_ui(k->out, k->out, 1);
    mpz_tdiv_q(k->out, k->out, k->pub.n);
    mpz_mul(k->out, k->out, k->mu);
    mpz_mod(k->out, k->out, k->pub.n);
}

static void add_ours(void *ctx)
{
    struct key *k = ctx;

    pair_multiply_var(&k->pub.pair, k->to, (const uint64_t *const *)k->to, k->from, BATCH);
}

static void add_plain(void *ctx)
{
    struct key *k = ctx;

    mpz_mul(k->d, k->d, k->c);
    mpz_mod(k->d, k->d, k->pub.n2);
}

static void scale_ours(void *ctx)
{
    struct key *k = ctx;

    pair_power(&k->pub.pair, k->number, k->cipher, BATCH, k->exponent);
}

static void scale_plain(void *ctx)
{
    struct key *k = ctx;

    mpz_powm(k->out, k->c, k->exponent, k->pub.n2);
}

static void bench_encrypt(struct key *k, const char *size, int own, int with_tables)
{
    static const char *const names[2][2] = {{"encrypt_foreign_direct", "encrypt_foreign_table"},
                                            {"encrypt_own_direct", "encrypt_own_table"}};
    static const char *const tables[2] = {"build_foreign_table", "build_own_table"};
    const uint64_t uses = with_tables ? UINT64_MAX : 1;
    const char *name = names[own][with_tables];
    double began;
    status made;

    if (!wanted(name) && !(with_tables && wanted(tables[own])))
        return;
    began = cpu_s();
    made = own ? blind_new_own(&k->blind, &k->pub, &k->sec, uses, &k->g) : blind_new(&k->blind, &k->pub, uses, &k->g);
    if (made != OK)
        abort();
    if (with_tables && wanted(tables[own]))
        print(tables[own], size, "s", cpu_s() - began, 0);
    measure(&(struct task){.name = name, .size = size, .ours = encrypt_ours, .plain = encrypt_plain, .ctx = k,
                           .per_call = BATCH, .plain_per_call = 1});
    blind_free(k->blind);
    k->blind = NULL;
}

static void bench_paillier(uint32_t bits)
{
    struct key k AUTO(key_clear);
    struct keygen keygen = {.bits = bits};
    char size[NAME_COLUMNS];

    snprintf(size, sizeof size, "%u", bits);
    key_make(&k, bits);
    seeded(&keygen.g, "bench keygen");
    measure(&(struct task){.name = "keygen", .size = size, .ours = keygen_ours, .ctx = &keygen});
    for (int own = 1; own >= 0; own--)
        for (int with_tables = 0; with_tables <= 1; with_tables++)
            bench_encrypt(&k, size, own, with_tables);
    measure(&(struct task){.name = "decrypt", .size = size, .ours = decrypt_ours, .plain = decrypt_plain, .ctx = &k,
                           .per_call = BATCH, .plain_per_call = 1});
    measure(&(struct task){.name = "add", .size = size, .ours = add_ours, .plain = add_plain, .ctx = &k,
                           .per_call = BATCH, .plain_per_call = 1});
    measure(&(struct task){.name = "scale_32_bits", .size = size, .ours = scale_ours, .plain = scale_plain, .ctx = &k,
                           .per_call = BATCH, .plain_per_call = 1});
}

/* ---- alignment and evidence ---- */

struct person {
    struct hash contract;
    struct group_scalar blind;
    struct group_element element;
};

static void group_hash_ours(void *ctx)
{
    struct person *p = ctx;

    group_hash(&p->element, &p->contract, 0, "110101199001011237", 18);
}

static void group_scale_ours(void *ctx)
{
    struct person *p = ctx;

    if (group_scale(&p->element, &p->blind, &p->element) != OK)
        abort();
}

struct signer {
    struct sign_public pub;
    struct sign_secret sec;
    struct record record;
};

/* What a message costs its two ends besides its body: written and signed here, read and checked there. */
static void record_ours(void *ctx)
{
    struct signer *s = ctx;
    uint8_t bytes[RECORD_BYTES];
    struct signature signature;
    struct record back;

    s->record.seq++;
    record_encode(bytes, &s->record);
    sign_make(&signature, &s->sec, RECORD_SIGN_TAG, bytes, sizeof bytes);
    if (record_decode(&back, bytes) != OK ||
        sign_check(&signature, &s->pub, RECORD_SIGN_TAG, bytes, sizeof bytes) != OK)
        abort();
}

static void bench_others(void)
{
    struct person person = {.contract = {{1}}};
    struct signer signer = {.record = {.suite = SUITE_INT1, .type = RECORD_SEND, .peer = 1, .kind = MESSAGE_psi_count,
                                       .phase = PHASE_ALIGN, .body_len = BODY_PSI_COUNT}};
    const struct rng_key seed = {.bytes = {2}};
    struct rng g;

    seeded(&g, "bench others");
    group_scalar_random(&person.blind, &g);
    group_hash_ours(&person);
    sign_keypair(&signer.pub, &signer.sec, &seed);
    measure(&(struct task){.name = "group_hash", .size = "1", .ours = group_hash_ours, .ctx = &person});
    measure(&(struct task){.name = "group_scale", .size = "1", .ours = group_scale_ours, .ctx = &person});
    measure(&(struct task){.name = "record_sign_check", .size = "256", .ours = record_ours, .ctx = &signer});
    rng_clear(&g);
}

/* ---- the auditor ---- */

enum { AUDIT_PARTIES = 3, AUDIT_ROWS = 150000, AUDIT_ROWS_QUICK = 2000, AUDIT_PASSES = 40 };

struct audit {
    struct synthetic session;
    size_t files;
    uint64_t records; /* of those files */
};

/* As hefu-audit does it, certificates aside. */
static void audit_ours(void *ctx)
{
    struct audit *a = ctx;
    struct verify_report *r = malloc(sizeof *r);

    if (!r || verify_bundles(r, a->session.bundle, a->files, &(struct verify_options){.allow_small_keys = 1}) != OK || !r->ok)
        abort();
    a->records = r->records;
    free(r);
}

/* With the logs of all parties, which vouch for each other's records; and with one, whose messages from others need their
 * signatures checked. */
static void bench_audit(void)
{
    const uint32_t rows = options.quick ? AUDIT_ROWS_QUICK : AUDIT_ROWS, test = rows * 3 / 10;
    struct audit a = {0};
    struct contract c;
    char size[NAME_COLUMNS];

    if (!wanted("audit_verify"))
        return;
    synthetic_contract(&c, AUDIT_PARTIES, 1);
    c.passes = AUDIT_PASSES;
    for (party p = 0; p < AUDIT_PARTIES; p++)
        c.party[p].rows = rows;
    if (synthetic_play(&a.session, &c, (struct population){.rows = rows, .train = rows - test, .test = test}, 1, SIZE_MAX,
                       NULL) != OK)
        abort();
    for (a.files = AUDIT_PARTIES; a.files; a.files -= AUDIT_PARTIES - 1) {
        audit_ours(&a);
        snprintf(size, sizeof size, "%zu of %u logs, %llu records", a.files, AUDIT_PARTIES, (unsigned long long)a.records);
        measure(&(struct task){.name = "audit_verify", .size = size, .ours = audit_ours, .ctx = &a,
                               .per_call = (double)a.records});
        if (a.files == 1)
            break;
    }
    synthetic_clear(&a.session);
}

/* ---- one training ---- */

enum {
    TRAIN_PARTIES = 3,
    TRAIN_ROWS = 400,
    TRAIN_ROWS_QUICK = 80,
    TRAIN_COLUMNS = 4,
    TRAIN_BINS = 10,
    TRAIN_PASSES = 16,
};

/* CPU seconds of one party's thread by phase. */
static struct watch {
    double last, phase_s[PHASES];
    uint16_t phase;
} watches[TRAIN_PARTIES];

/* A step that has done something was work of its phase; one at 0 ends what came before. */
static void watch_step(void *ctx, uint16_t phase, uint32_t pass, uint64_t done, uint64_t total)
{
    struct watch *w = ctx;
    const double now = cpu_s();

    (void)pass;
    (void)total;
    w->phase_s[done || !w->phase ? phase : w->phase] += now - w->last;
    w->phase = phase;
    w->last = now;
}

static status watched_party(struct sim_party *me)
{
    struct watch *w = &watches[me->self];

    w->last = cpu_s();
    me->ss.progress = (struct progress){w, watch_step};
    return party_run(&me->result, &me->ss, me->data);
}

/* What the busiest party needs of each. */
static void print_training(const struct sim *sim, const char *size)
{
    double total_s = 0, total_bytes = 0, train_s = 0;
    char name[NAME_COLUMNS];

    for (enum phase phase = PHASE_HANDSHAKE; phase < PHASES; phase++) {
        double seconds = 0, bytes = 0;

        for (party p = 0; p < TRAIN_PARTIES; p++) {
            const double sent = (double)sim->party[p].ss.phase_bytes[phase];

            seconds = watches[p].phase_s[phase] > seconds ? watches[p].phase_s[phase] : seconds;
            bytes = sent > bytes ? sent : bytes;
        }
        snprintf(name, sizeof name, "training_%s", phase_name(phase));
        print(name, size, "s", seconds, 0);
        print(name, size, "bytes", bytes, 0);
        total_s += seconds;
        total_bytes += bytes;
        if (phase == PHASE_TRAIN)
            train_s = seconds;
    }
    print("training_pass", size, "s", train_s / sim->contract.passes, 0);
    print("training_total", size, "s", total_s, 0);
    print("training_total", size, "bytes", total_bytes, 0);
}

static void bench_training(uint32_t bits)
{
    const uint32_t rows = options.quick ? TRAIN_ROWS_QUICK : TRAIN_ROWS;
    struct dataset data[TRAIN_PARTIES];
    struct sim sim;
    char size[NAME_COLUMNS];

    if (!wanted("training"))
        return;
    for (party p = 0; p < TRAIN_PARTIES; p++)
        sim_dataset(&data[p], 1, p, rows, rows, TRAIN_COLUMNS, TRAIN_BINS, p == 0);
    sim_contract(&sim, TRAIN_PARTIES, data, bits, TRAIN_PASSES);
    sim_approve(&sim, 1);
    snprintf(size, sizeof size, "%u %ux%ux%u", bits, TRAIN_PARTIES, rows, TRAIN_COLUMNS);
    if (sim_run(&sim, watched_party) != OK) {
        fprintf(stderr, "bench: error: the training failed: %s\n", sim.party[0].ss.fault.message);
        exit(4);
    }
    print_training(&sim, size);
    sim_clear(&sim);
    for (party p = 0; p < TRAIN_PARTIES; p++)
        dataset_clear(&data[p]);
}

/* ---- the face ---- */

static const char help[] =
    "usage: bench [--quick] [--bits N] [--only NAME]\n"
    "Speeds and sizes as tab-separated lines: name, size, unit, value, ratio to the plain library.\n"
    "\n"
    "  --quick      a few seconds, small keys: shows that it runs, says nothing of speed\n"
    "  --bits N     Paillier keys of N bits only (512 to 4096, a multiple of 64); default 2048 and 3072\n"
    "  --only NAME  the lines whose name begins with NAME:\n"
    "               keygen, encrypt_own_direct, build_own_table, encrypt_own_table, encrypt_foreign_direct,\n"
    "               build_foreign_table, encrypt_foreign_table, decrypt, add, scale_32_bits,\n"
    "               group_hash, group_scale, record_sign_check, audit_verify, training\n"
    "  --help       this\n"
    "\n"
    "Values are operations a second of one core (of audit_verify: records), seconds of CPU time or bytes sent.  A training's figures are those\n"
    "of its busiest party, phase by phase.\n";

int main(int argc, char **argv)
{
    uint32_t bits[2];
    int code, lengths = options_read(argc, argv, help, bits, &code);

    if (!lengths)
        return code;
    bignum_wipe_freed_memory();
    printf("name\tsize\tunit\tvalue\tratio\n");
    for (int i = 0; i < lengths; i++)
        bench_paillier(bits[i]);
    bench_others();
    bench_audit();
    bench_training(bits[0]);
    return options.printed ? 0 : usage_error("no line begins with the name that --only gives");
}
