/* Pins in the files that people also edit: adds a certificate's fingerprint to node.yaml or coordinator.yaml, keeping
 * every other line as it is. */
#ifndef HEFU_TRUST_H
#define HEFU_TRUST_H

#include "node/local/certificate.h"
#include "node/local/files.h"

/* To peers or coordinators of node.yaml, by the certificate's role; it must verify against the node's own CA.  A name
 * that is there already gets the new fingerprint.  Keeps a copy of the certificate for hefu node check.  The SM2 certificate of a
 * peer, which must be there already, becomes its gm_fingerprint; it must verify against the CA under gm. */
MUST_USE status trust_in_node_file(const char *path, const struct certificate *c, const char *address, struct fault *f);

/* To nodes of coordinator.yaml; in the same way. */
MUST_USE status trust_in_coordinator_file(const char *path, const struct certificate *c, const char *address,
                                          struct fault *f);

/* Where the copy of that party's certificate is: DIR/peers/NAME.pem, or DIR/peers-gm/NAME.pem. */
MUST_USE status trust_certificate_path(char out[FILES_PATH_BYTES], const char *dir, const char *name, enum suite s,
                                       struct fault *f);

/* text with one more item in the block list of a top-level key; NULL-terminated, the caller frees it. */
MUST_USE status trust_insert_item(char **out, const char *text, const char *key, const char *const *lines,
                                  size_t num_lines);

/* text with one more key in the item that has this fingerprint, in a line below it.  STATUS_CONFIG when there is no such line. */
MUST_USE status trust_insert_key(char **out, const char *text, const struct hash *fingerprint, const char *line);

#endif
