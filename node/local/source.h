/* Where a party's table comes from, and how it is loaded. */
#ifndef HEFU_SOURCE_H
#define HEFU_SOURCE_H

#include "training/table.h"

enum source_kind { SOURCE_CSV = 1 };

struct source {
    enum source_kind kind;
    const char *path;
    const char *id_column;
    const char *label_column; /* NULL at a feature party */
    const char *split_path;   /* CSV with the columns id and split; NULL when the contract draws the test rows */
    const char *id_rule;      /* NULL for IDS_RULE_DEFAULT */
    enum table_on_duplicate on_duplicate;
    bool labels_pending;      /* an offline session does not need the labels: they are not looked at */
};

/* A CSV source from what is stored of it: "" stands for no label column and no split. */
struct source source_stored(const char *path, const char *id_column, const char *label_column, const char *split_path,
                            bool refuse_duplicates);

/* Load a table and learn its dictionary.  Outputs are zeroed by the caller; data and dictionary are written on success
 * only.  Fails in words. */
MUST_USE status source_open(struct dataset *data, struct dictionary *dictionary, struct table_notes *notes,
                            const struct source *s, struct fault *f);

/* Load a table with a dictionary learned before: the same file gives the same codes. */
MUST_USE status source_open_with(struct dataset *data, struct table_notes *notes, const struct dictionary *dictionary,
                                 const struct source *s, struct fault *f);

/* Whether a CSV file has a column of that name.  Reads no more than the header. */
MUST_USE status source_has_column(bool *has, const char *path, const char *column, struct fault *f);

#endif
