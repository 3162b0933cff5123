#include "node/local/commitment.h"

#include "training/data_root.h"

static void key_of_table(struct rng_key *out, enum suite s, const struct keyring *keys, const char *table)
{
    keyring_derive(keys, out, s, "hefu/table/v1", table);
}

status commitment_make(struct contract_party *me, enum suite s, const struct keyring *keys, const char *table, const struct dataset *data,
                       const struct dictionary *dictionary)
{
    struct rng_key blind AUTO(rng_key_clear) = {0};

    key_of_table(&blind, s, keys, table);
    data_root(&me->data_root, data, &blind);
    return data_root_schema(&me->schema_hash, dictionary, &blind);
}

status commitment_check(const struct contract_party *me, enum suite s, const struct keyring *keys, const char *table,
                        const struct dataset *data, struct fault *f)
{
    struct rng_key blind AUTO(rng_key_clear) = {0};
    struct hash root;

    key_of_table(&blind, s, keys, table);
    data_root(&root, data, &blind);
    if (hash_equal(&root, &me->data_root))
        return OK;
    fault_hint(f, "propose the job again; keep the file as it is until the job is done");
    return fault_set(f, STATUS_CONFIG, "the table has changed since the job was proposed: its rows are not those that the "
                     "contract commits to");
}
