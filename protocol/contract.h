/* The contract of a job: the canonical file that every party signs before anything runs, and the arithmetic that
 * follows from it.  Nothing that is not in here decides a length, a width or a count.  [SPEC 1] */
#ifndef HEFU_CONTRACT_H
#define HEFU_CONTRACT_H

#include "crypto/seal.h"
#include "crypto/wire.h"

typedef uint16_t party;
struct wire_writer;

enum {
    CONTRACT_VERSION = 2,    /* of its bytes */
    PROTOCOL_VERSION = 2,    /* of what the parties say and compute: messages, records, arithmetic */
    PARTIES_MAX = 8,
    PARTY_NAME_MAX = 32,     /* bytes with the terminator */
    CONTRACT_COLUMNS_MAX = 1024,
    CONTRACT_TEXT_MAX = 256,
    CONTRACT_AUDITOR_MAX = 64, /* bytes with the terminator */
    RETENTION_DAYS_MAX = 3650, RETENTION_DAYS_DEFAULT = 90,
    DATA_LEVEL_MAX = 5,
    CONTRACT_BYTES_MAX = 64 * 1024,
    PASSES_MAX = 64,
    ATTEMPTS_MAX = 3,
    TABLE_BITS_MIN = 5,
    TABLE_BITS_MAX = 8,
    TABLE_BITS_DEFAULT = 6,
    SCORE_RANGE_DEFAULT = 8,
    PASSES_EXACT = 14, PASSES_LINEAR = 10, /* defaults */
};

enum sigmoid { SIGMOID_LINEAR = 1, SIGMOID_TABLE = 2 }; /* 1/2 + z/4; the exact one, looked up by oblivious transfer */
enum optimiser_kind { OPTIMISER_NESTEROV = 1, OPTIMISER_JACOBI = 2 }; /* [SPEC 4.5.7] */
enum test_rule { TEST_DRAWN = 1, TEST_LISTED = 2 };
enum replay_rule { REPLAY_OFF = 0, REPLAY_SEALED = 1 }; /* seeds: destroyed when a session has ended, or kept sealed for a replay */

/* What a job may yield, each as contract_disclosures says it.  What has no bit in the contract is forbidden. */
enum contract_output {
    OUTPUT_WEIGHTS = 1,       /* each party: the weights of its own columns             */
    OUTPUT_SCORES = 2,        /* the label party: rounded sums for the test rows        */
    OUTPUT_METRICS = 4,       /* everyone, the coordinator included: AUC, KS, ...       */
    OUTPUT_SIZES = 8,         /* every party: rows, columns and bins of all             */
    OUTPUT_INTERSECTION = 16, /* every party: which of its people are known to all      */
    OUTPUT_SPLIT = 32,        /* every party: training and test rows                    */
    OUTPUT_RANGE = 64,        /* exact sigmoid: how many scores lie beyond its table    */
};

struct contract_party {
    char name[PARTY_NAME_MAX];
    struct hash certificate;          /* SHA-256 of the party's certificate */
    struct sign_public identity;      /* the certificate's key, of the contract's suite */
    uint8_t has_label;
    uint32_t rows;                    /* distinct ids it brings: the committed set size */
    uint16_t columns;                 /* 1..CONTRACT_COLUMNS_MAX */
    uint8_t bins[CONTRACT_COLUMNS_MAX]; /* bins of each column, 2..64 */
    struct hash data_root;            /* salted commitment to its encoded rows: training/data_root.h */
    struct hash schema_hash;          /* the same of its column names and bins */
};

struct contract {
    uint8_t version, suite, sigmoid, test_rule;
    uint16_t protocol;                /* PROTOCOL_VERSION */
    char job[64];                     /* a name for people */
    char purpose[CONTRACT_TEXT_MAX];
    uint64_t not_before, not_after;   /* Unix seconds; checked by nodes, never part of the arithmetic */
    uint8_t nonce[16];                /* makes two proposals of the same job different */
    struct hash previous;             /* id of the contract before this one on the same data; zero: none */
    uint16_t parties;                 /* 2..PARTIES_MAX; the party with the label is listed once, anywhere */
    struct contract_party party[PARTIES_MAX];
    uint32_t key_bits;                /* Paillier; a node refuses less than 2048 */
    uint16_t passes;                  /* 2..PASSES_MAX */
    uint32_t ridge_micro;             /* ridge * 10^6, 100..1000000 */
    uint8_t optimiser;                /* enum optimiser_kind */
    uint16_t step_1024;               /* OPTIMISER_NESTEROV: step * 1024 / P is taken per block, 1331 = 1.3; else 0 */
    uint16_t momentum_1024;           /* OPTIMISER_NESTEROV: 717 = 0.7; else 0 */
    uint16_t test_permille;           /* TEST_DRAWN: share of test rows; TEST_LISTED: 0 */
    uint8_t fraction_bits;            /* f of weights and scores, 12..20 */
    uint8_t score_bits;               /* fractional bits of the scores that the label party sees, 4..10 */
    uint8_t table_bits;               /* SIGMOID_TABLE: log2 of the table's entries, TABLE_BITS_MIN..MAX; else 0 */
    uint8_t score_range;              /* SIGMOID_TABLE: the table covers scores in [-this, this): 4, 8, 16, 32; else 0 */
    uint16_t slope_1024;              /* SIGMOID_TABLE: slope of the sigmoid taken between entries, 0..256; else 0 */
    uint32_t min_rows;                /* fewer common people: stop */
    uint32_t min_positives;           /* fewer positives or negatives among the training rows: stop */
    uint8_t rows_per_bin;             /* a party with more bins than training rows / this: stop; a wide block's own
                                         weights would tell its owner the labels.  0..100, a node wants 2 or more */
    uint8_t attempts_max;             /* 1..ATTEMPTS_MAX */
    uint16_t outputs;                 /* enum contract_output, combined: contract_outputs, and nothing else */
    struct hash consent_root;         /* root of the batch of consents this rests on; zero: none */
    struct hash assessment_hash;      /* hash of the impact assessment; zero: none */
    uint8_t data_level;               /* highest level of the data, 1..DATA_LEVEL_MAX; 0: not stated */
    char authorisations[CONTRACT_TEXT_MAX]; /* their numbers; "": none */
    uint8_t replay;                   /* enum replay_rule */
    char auditor[CONTRACT_AUDITOR_MAX]; /* who may open sealed seeds; "": each owner its own */
    struct seal_public auditor_key;   /* the auditor's; zero without one */
    uint16_t retention_days;          /* REPLAY_SEALED: seeds are kept so long beyond the window, 0..RETENTION_DAYS_MAX; else 0 */
};

/* Names of parties, tables and jobs: 1 to 31 bytes of letters and digits of any script (UTF-8), '-', '_' and '.', beginning
 * with a letter or digit.  Safe as a file name, in a certificate and on a terminal. */
int contract_name_ok(const char *name);

/* The figures that reach the optimum with that sigmoid on usual data: table, optimiser and passes; and what such a job
 * yields.  [SPEC 1.3] */
void contract_training_defaults(struct contract *c, enum sigmoid sigmoid);

/* Canonical bytes and back.  decode refuses anything that contract_check refuses or that would encode differently. */
MUST_USE status contract_encode(struct wire_writer *out, const struct contract *c);
MUST_USE status contract_decode(struct contract *out, const uint8_t *bytes, size_t len, struct fault *f);
/* Ranges and cross-field rules; the fault names the field, its value and its range.  Toy parameters (small keys, any
 * number of rows a bin, no commitment to data) pass only in tests: a node calls it with 0. */
MUST_USE status contract_check(const struct contract *c, int allow_toys, struct fault *f);

/* H("hefu/contract/v1", bytes). */
MUST_USE status contract_id(struct hash *out, const struct contract *c);

party contract_label_party(const struct contract *c);
/* The order of the sigmoid's chain: the label party, then the others as they stand. */
void contract_chain(party chain[PARTIES_MAX], const struct contract *c);
/* The party of that name, or c->parties. */
party contract_party_named(const struct contract *c, const char *name);
uint32_t contract_width(const struct contract *c, party p); /* sum of p's bins: D_p */
uint16_t contract_outputs(const struct contract *c);        /* what a job of this kind yields: enum contract_output */
/* Unix seconds from which on sealed seeds are to be destroyed; 0 with REPLAY_OFF: when their session has ended. */
uint64_t contract_destroy_after(const struct contract *c);

/* Plain words for the operator of party self: who takes part, which data, what each party will receive, limits.
 * own_columns are self's column names (peers' are never known).  Appends to text. */
void contract_explain(struct wire_writer *text, const struct contract *c, party self, const char *const *own_columns);

/* What a receiver learns from the job, one line each; also the report's disclosure table. */
enum { DISCLOSURES_MAX = 6 * PARTIES_MAX };
struct disclosure { party to; enum contract_output output; char what[160]; char learns[240]; };
size_t contract_disclosures(const struct contract *c, struct disclosure out[DISCLOSURES_MAX]);

/* Every field in words: lines "FIELD<tab>VALUE" in the order of the bytes, no field twice.  Two contracts with the same lines
 * are the same contract.  Appends to text. */
void contract_facts(struct wire_writer *text, const struct contract *c);

/* "2026-11-22 10:20:02 UTC", up to the year 9999. */
enum { CONTRACT_TIME_BYTES = 64 };
void contract_time_text(char out[CONTRACT_TIME_BYTES], uint64_t unix_seconds);

/* ---- arithmetic that follows ---- [SPEC 1.4] */

/* Known once alignment is done; stands in every party's record as facts. */
struct population {
    uint32_t rows;  /* common to all */
    uint32_t train; /* rows trained on; the rest is test (or unlisted) */
    uint32_t test;
};

/* Widths and packing for n training rows, from contract figures only, so every party computes the same. */
struct plan {
    uint32_t n;
    uint32_t f;                 /* fraction bits */
    uint32_t f_m;               /* fraction bits of the preconditioner: ceil(log2 n) + 6 */
    uint32_t sigma;             /* statistical bits of a lift mask */
    uint32_t value_bits;        /* bits of a lifted value, sign not counted */
    uint32_t k;                 /* the ring is Z_{2^k} */
    uint32_t fore_bits;         /* shares of scores are mod 2^this, at f fraction bits; at most k */
    uint32_t table_bits;        /* of the sigmoid's table; 0: linear */
    uint32_t shift;             /* t_sh = f_m + 2 */
    uint64_t ridge;             /* Lam = round(4 lambda n) */
    uint32_t back_width;        /* w_b: bits of a backward slot */
    uint32_t back_passes;       /* passes per backward ciphertext */
    uint32_t back_groups;       /* ciphertexts per row */
    struct {
        uint32_t width;         /* w_f: bits of a forward slot for this data owner */
        uint32_t passes;        /* tau: passes per forward ciphertext */
        uint32_t groups;        /* ceil((T - 1) / tau) */
        uint32_t rows;          /* G: rows per reply */
        uint32_t replies;       /* ceil(n / G) per group */
    } fore[PARTIES_MAX];
};

/* STATUS_LIMIT with the bound that fails named. */
MUST_USE status plan_make(struct plan *out, const struct contract *c, uint32_t n, struct fault *f);

#endif
