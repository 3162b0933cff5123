/* The functions that a cheat may do in its own way: HOOK(what it returns, `return` if anything, name, parameters, arguments).
 * Included once for every use that is made of the list; tests/CMakeLists.txt reads the names. */
HOOK(status, return, session_send_part,
     (struct session *ss, party to, enum message_kind kind, uint32_t pass, uint64_t index, const void *body, size_t len),
     (ss, to, kind, pass, index, body, len))
HOOK(status, return, session_send,
     (struct session *ss, party to, enum message_kind kind, uint32_t pass, const void *body, size_t len),
     (ss, to, kind, pass, body, len))
HOOK(status, return, session_send_vector,
     (struct session *ss, party to, enum message_kind kind, uint32_t pass, const void *items, size_t item_bytes, size_t count),
     (ss, to, kind, pass, items, item_bytes, count))
HOOK(status, return, session_exchange,
     (struct session *ss, enum message_kind kind, uint32_t pass, void *bodies, size_t len),
     (ss, kind, pass, bodies, len))
HOOK(status, return, session_agree,
     (struct session *ss, enum message_kind kind, uint32_t pass, const struct hash *ours, const char *does_what),
     (ss, kind, pass, ours, does_what))
HOOK(status, return, session_recv_vector,
     (struct session *ss, party from, enum message_kind kind, uint32_t pass, void *items, size_t item_bytes, size_t count),
     (ss, from, kind, pass, items, item_bytes, count))
HOOK(status, return, session_fact, (struct session *ss, enum fact kind, uint64_t a, uint64_t b), (ss, kind, a, b))
HOOK(void, , session_pad_rng,
     (const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass, uint64_t index),
     (ss, g, purpose, peer, pass, index))
HOOK(void, , session_reply_rng,
     (const struct session *ss, struct rng *g, const char *purpose, party peer, uint32_t pass, uint64_t index),
     (ss, g, purpose, peer, pass, index))
HOOK(void, , merkle_root, (const struct merkle *m, struct hash *out), (m, out))
HOOK(status, return, handshake_run, (struct session *ss, const struct hash *data), (ss, data))
HOOK(status, return, group_hash_scale_all,
     (struct group_element *out, const struct group_scalar *s, const struct hash *contract, uint32_t attempt, char *const *ids,
      size_t count, const struct parallel *p),
     (out, s, contract, attempt, ids, count, p))
HOOK(status, return, group_check_all, (const struct group_element *e, size_t count, const struct parallel *p), (e, count, p))
HOOK(status, return, align_split, (struct session *ss, uint8_t *out, uint32_t common, const uint8_t *listed),
     (ss, out, common, listed))
HOOK(void, , paillier_encrypt_many,
     (uint64_t *out, const struct paillier_public *pub, mpz_t *const m, const uint64_t *residues, size_t count),
     (out, pub, m, residues, count))
HOOK(void, , blind_draw_many, (const struct blind *b, uint64_t *out, struct rng *g, size_t count), (b, out, g, count))
HOOK(status, return, gather_new,
     (struct gather **out, const struct pair_modulus *m, const struct matrix *own, const uint64_t *entries, uint32_t group_rows,
      const struct parallel *p, uint32_t fuse),
     (out, m, own, entries, group_rows, p, fuse))
HOOK(status, return, gather_replies, (const struct gather *g, uint64_t *out, uint32_t first, size_t count),
     (g, out, first, count))
HOOK(void, , scatter_add, (struct scatter *s, const uint64_t *numbers, uint32_t first_row, size_t count),
     (s, numbers, first_row, count))
HOOK(status, return, precondition_make,
     (struct precondition *out, const struct matrix *m, const struct plan *plan, uint32_t ridge_micro),
     (out, m, plan, ridge_micro))
HOOK(void, , precondition_apply, (ring *out, const struct matrix *m, const ring *x), (out, m, x))
HOOK(void, , sigmoid_table_curve,
     (struct sigmoid_table *out, const struct plan *plan, party parties, uint32_t positives, uint32_t negatives),
     (out, plan, parties, positives, negatives))
HOOK(status, return, sigmoid_run, (struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass), (s, out, score, pass))
HOOK(status, return, sigmoid_beyond, (struct sigmoid_chain *s, ring *out, const ring *score, uint32_t pass),
     (s, out, score, pass))
