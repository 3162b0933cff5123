/* What a worker leaves behind when its part of a job is done: evidence.hefu, report.html, result.json, model.json in the
 * session directory, and the summary that others may see. */
#ifndef HEFU_OUTPUTS_H
#define HEFU_OUTPUTS_H

#include "node/local/rates.h"
#include "node/local/session_files.h"
#include "node/local/worker_channel.h"
#include "protocol/verify.h"
#include "training/party.h"
#include "training/table_notes.h"

struct outputs {
    const char *session_dir;
    const struct session_papers *papers;
    const struct session_table *table;
    const struct session *session;
    const struct dataset *data;
    const struct table_notes *notes;
    const struct party_result *result;
    const struct worker_costs *costs;
    const struct rates *rates;            /* of this machine; NULL: nothing is predicted */
    const struct verify_report *verdict;  /* of the own log */
    uint64_t preparation_bytes;           /* of what an offline session left on disk */
    int64_t finished;                     /* Unix seconds */
};

/* evidence.hefu out of the journal; *verdict says what it proves, for an online session together with the file of its
 * offline one.  Also for a session that failed. */
MUST_USE status outputs_write_evidence(struct verify_report *verdict, const char *session_dir,
                                       const struct session_papers *papers, const struct session_table *table,
                                       struct fault *f);

/* report.html, result.json and model.json; not of an offline session. */
MUST_USE status outputs_write(const struct outputs *o, struct fault *f);

/* For a replay, of whose outcome only session_dir, papers, table, data and result are looked at: result.json and model.json, as
 * far as they are there (*found of them), hold what was computed again.  STATUS_MISMATCH names the file and the field. */
MUST_USE status outputs_check(int *found, const struct outputs *o, struct fault *f);

/* What the coordinator may see of the result (node/net/jobs.h lists it); NULL when memory is out. */
json_t *outputs_summary(const struct outputs *o);

#endif
