/* job.yaml: what a coordinator asks for.  configs/job.yaml is a commented sample. */
#ifndef HEFU_JOB_FILE_H
#define HEFU_JOB_FILE_H

#include "node/local/config.h"

struct job_table {
    char party[NAME_BYTES];
    char table[NAME_BYTES];
};

/* The label party is the one whose table has a label column; the nodes tell which. */
struct job_file {
    char name[NAME_BYTES];
    char purpose[CONTRACT_TEXT_MAX];
    struct job_table tables[PARTIES_MAX];
    uint32_t num_tables;      /* 2..PARTIES_MAX, one for each party */
    struct job_training {
        uint32_t passes;
        uint32_t ridge_micro; /* ridge * 10^6 */
        uint32_t sigmoid;     /* enum sigmoid */
        uint32_t table_bits, score_range; /* as in the contract; 0 for the linear sigmoid */
    } training;
    uint32_t suite;           /* enum suite */
    uint32_t key_bits;
    struct job_test {
        uint32_t rule;        /* enum test_rule */
        uint32_t permille;    /* TEST_DRAWN: share of test rows */
    } test;
    struct job_limits {
        uint32_t min_rows, min_positives, rows_per_bin, attempts;
    } limits;
    uint32_t score_bits;
    uint32_t window_hours;    /* how long the contract may be approved and run */
    struct hash previous;     /* the contract before this one on the same data; zero: none */
    struct job_law {
        struct hash consent_root, assessment; /* zero: none */
        uint32_t data_level;                  /* 0: not stated */
        char authorisations[CONTRACT_TEXT_MAX];
    } law;
    struct job_audit {
        uint32_t replay;      /* enum replay_rule */
        char auditor[CONTRACT_AUDITOR_MAX];
        struct seal_public auditor_key; /* zero: none */
        uint32_t retention_days;
    } audit;
};

MUST_USE status job_file_load(struct job_file *out, const char *path, struct fault *f);
MUST_USE status job_file_parse(struct job_file *out, const char *file, const void *text, size_t len, struct fault *f);

#endif
