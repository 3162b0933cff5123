/* What one viewer may see of a finished job, and its three faces: an HTML file, result.json, a few lines of text.
 *
 * Plain data.  The worker that fills it in keeps the texts and arrays alive until the report is written; nothing here
 * is owned.  NULL, NAN and REPORT_UNKNOWN mean "this viewer does not know": the line or the section is left out and,
 * where a reader would miss it, a sentence says why.  All texts may come from operators: they are escaped here. */
#ifndef HEFU_REPORT_H
#define HEFU_REPORT_H

#include "protocol/contract.h"
#include "protocol/stage.h"
#include "training/metrics.h"

#include <stdbool.h>
#include <stdio.h>

#define REPORT_UNKNOWN UINT64_MAX
enum { REPORT_PRECISION = 12 }; /* digits of a number in result.json */

enum report_viewer { REPORT_LABEL_PARTY, REPORT_FEATURE_PARTY, REPORT_COORDINATOR };
enum report_check { REPORT_NOT_CHECKED, REPORT_PASSED, REPORT_FAILED };

struct report_party {
    const char *name;
    bool has_label;
    uint32_t rows;                /* distinct ids it brought */
    uint32_t columns, bins;       /* 0: not known */
    uint64_t bytes_sent, bytes_received;
    uint64_t phase_bytes[PHASES]; /* sent, by enum phase */
    uint64_t records;             /* of its log */
    const char *head;             /* hex of its log's last head, or NULL */
};

/* The joint model, or the label party's own columns alone, on the test rows. */
struct report_model {
    double auc, ks, logloss;      /* log-loss after calibration; NAN: not known */
    const struct metrics *detail; /* curves, deciles, histograms: only the label party has them */
};

/* The viewer's own columns; weights are those of the joint model. */
struct report_bin { const char *text; double weight; uint32_t rows; /* training rows in it */ };
struct report_column { const char *name; const struct report_bin *bin; size_t bins; };

struct report_disclosure { const char *to, *what, *amount /* or NULL */, *learns; };
struct report_verdict { enum report_check result; const char *text; };
struct report_fact { const char *name, *value; };
struct report_notice { bool warning; const char *text; };

struct report {
    enum report_viewer viewer;
    const char *viewer_name;      /* party or coordinator */
    const char *job, *purpose;
    const char *finished;         /* time as text, or NULL */
    const char *version;          /* of the program, or NULL */

    struct report_party party[PARTIES_MAX]; /* in contract order; exactly one has the label */
    uint16_t parties;
    uint32_t rows_aligned, rows_train, rows_test, test_positives;
    uint16_t passes;
    uint32_t key_bits;
    int exact;                    /* the exact sigmoid: scores are log-odds, nothing is calibrated */

    struct report_model joint, alone;
    double logloss_raw;           /* joint, before calibration; NAN: not known */
    struct calibration calibration; /* NAN: not known; points are then of the raw score */

    const struct report_column *column;
    size_t columns;

    enum stage stage;             /* an online session's phases are only those after its preparation */
    double phase_seconds[PHASES]; /* by enum phase; 0: did not run */
    double seconds_total;

    struct {                      /* what hefu plan would have said of the viewer's own node, and what came */
        const char *rates;        /* where they come from; NULL: nothing was predicted */
        double cpu_seconds[PHASES], cpu_seconds_actual[PHASES];
        uint64_t sent[PHASES], sent_actual[PHASES];
    } forecast;

    const struct report_disclosure *disclosure;
    size_t disclosures;

    struct {
        enum report_check verified;
        uint32_t sessions;        /* logs that were checked */
        uint32_t attempt;
        const char *contract_id, *session_id; /* hex */
        uint64_t checkpoints;
        const struct report_verdict *verdict;
        size_t verdicts;
    } audit;

    const struct report_fact *parameter; /* of the contract, in plain words */
    size_t parameters;
    const struct report_notice *notice;
    size_t notices;
};

/* One self-contained HTML file: inline style and SVG, no script, no network reference.  The file appears whole or not
 * at all. */
MUST_USE status report_write_html(const char *path, const struct report *r, struct fault *f);
void report_print_html(FILE *out, const struct report *r);

/* One JSON object; what is unknown is null. */
MUST_USE status report_write_json(const char *path, const struct report *r, struct fault *f);
MUST_USE status report_print_json(FILE *out, const struct report *r);

/* A few lines for a terminal.  html_path may be NULL. */
void report_print_text(FILE *out, const struct report *r, const char *html_path);

/* Index of the label party. */
party report_label_party(const struct report *r);

/* Standard error of an AUC (Hanley-McNeil). */
double report_auc_error(double auc, uint32_t rows, uint32_t positives);

#endif
