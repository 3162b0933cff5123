/* What hefu try leaves behind: the directory, the collected results of all parties, the verdict on their evidence. */
#ifndef HEFU_TRY_OUTPUT_H
#define HEFU_TRY_OUTPUT_H

#include "node/hefu/consortium.h"
#include "node/hefu/coordinate.h"

/* Makes DIR ready for a run: new or empty, or of an earlier run, whose results are removed; any other directory that
 * holds something is refused unless force is set.  Stays locked against a second run until closed. */
MUST_USE status output_open(int *lock, const char *dir, int force, struct bar *bar,
                            struct fault *f);
void output_close(int *lock); /* for AUTO */

/* report.html, reports/, model/ and evidence/ out of the nodes' session directories. */
MUST_USE status output_collect(const struct consortium *c, const struct coordination *job, struct fault *f);

/* Checks all evidence as an auditor would.  *verified tells the verdict; what failed is said on stderr. */
struct output_verdict {
    int verified;
    uint32_t logs;
    uint64_t records, checkpoints;
};
MUST_USE status output_verify(struct output_verdict *out, const struct consortium *c, struct fault *f);

/* DIR/result.json, and on stdout the same object or a few lines. */
MUST_USE status output_print(const struct consortium *c, const struct coordination *job,
                             const struct output_verdict *verdict, int as_json, struct fault *f);

#endif
