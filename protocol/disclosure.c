#include "protocol/disclosure_zh.h"

#include <stdio.h>
#include <string.h>

const char *language_tag(enum language l)
{
    return l == LANGUAGE_ZH ? "zh" : "en";
}

/* ---- messages ---- */

/* clang-format off */
#define SHIELDED(BY) \
    BY(commit, CIPHER)    BY(nonce, CONTROL)     BY(key, CONTROL)         BY(link, NONE) \
    BY(psi_set, CIPHER)   BY(psi_count, NONE)    BY(psi_list, NONE)       BY(psi_root, NONE)    BY(split, NONE)      BY(split_root, CONTROL) \
    BY(fore_mask, CIPHER) BY(fore_reply, MASK)   BY(back_mask, CIPHER)    BY(back_ridge, CIPHER) BY(back_reply, MASK) \
    BY(ot_offer, CIPHER)  BY(ot_answer, CIPHER)  BY(weight, MASK)         BY(choice, CIPHER)    BY(turn, MASK) \
    BY(table, MASK)       BY(flip, MASK)         BY(range, NONE)          BY(residual, MASK)    BY(lift, CONTROL) \
    BY(gradient, STATISTICAL) BY(checkpoint, CONTROL) BY(cosign, CONTROL) BY(block, NONE)       BY(score, NONE) \
    BY(metric, NONE)      BY(finish, CONTROL)    BY(endorse, CONTROL)
/* clang-format on */

static enum shield shield_of(uint32_t kind)
{
    switch (kind) {
#define BY(name, shield) case MESSAGE_##name: return SHIELD_##shield;
        SHIELDED(BY)
#undef BY
    }
    return 0;
}

struct disclosure_sentence disclosure_sentence(uint32_t kind, enum language l)
{
    const struct message_info *info = message_info(kind);
    struct disclosure_sentence s = {0};

    if (!info)
        return s;
    s = l == LANGUAGE_ZH ? disclosure_zh_sentence(kind) : (struct disclosure_sentence){info->when, info->learns, 0};
    s.shield = shield_of(kind);
    return s;
}

const char *disclosure_shield(enum shield s, enum language l)
{
    static const char *const words[SHIELDS] = {
        [SHIELD_NONE] = "an agreed output or fact",
        [SHIELD_CONTROL] = "no data: keys, hashes, signatures, counts",
        [SHIELD_CIPHER] = "hidden by encryption or commitment",
        [SHIELD_MASK] = "hidden by a one-time mask",
        [SHIELD_STATISTICAL] = "hidden statistically",
    };

    return s >= SHIELDS ? NULL : l == LANGUAGE_ZH ? disclosure_zh_shields[s] : words[s];
}

const char *disclosure_phase(enum phase p, enum language l)
{
    static const char *const words[PHASES] = {
        [PHASE_HANDSHAKE] = "Handshake: commitments and keys",
        [PHASE_ALIGN] = "Alignment: private set intersection",
        [PHASE_PREPARE] = "Preparation: encryption, transfers",
        [PHASE_TRAIN] = "Training: additive secret sharing",
        [PHASE_REVEAL] = "Reveal: own weights",
        [PHASE_EVALUATE] = "Evaluation: test rows",
        [PHASE_FINISH] = "Finish: joint signatures",
    };

    return p >= PHASES ? NULL : l == LANGUAGE_ZH ? disclosure_zh_phases[p] : words[p];
}

/* ---- outputs ---- */

size_t disclosure_outputs(struct disclosure out[DISCLOSURES_MAX], const struct contract *c, enum language l)
{
    const size_t count = contract_disclosures(c, out);

    for (size_t i = 0; l == LANGUAGE_ZH && i < count; i++)
        disclosure_zh_output(&out[i], c);
    return count;
}

/* ---- what it rests on, and what stays open ---- */

static int ground_en(char out[DISCLOSURE_SENTENCE_MAX], const struct contract *c, size_t i)
{
    switch (i) {
    case 0:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "In the semi-honest model (every party follows the protocol) nobody learns anything but the outputs "
                        "named here and the facts that are agreed or visible: sizes, counts, and the lengths, order and "
                        "times of messages.");
    case 1:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "“Hidden by encryption or commitment” rests on problems believed to be hard: Paillier encryption "
                        "with %u-bit keys, Diffie-Hellman in ristretto255 (blinded sets, oblivious transfer) and on %s, and the "
                        "security of the hash functions, AES and %s. It is not unconditional.", c->key_bits,
                        c->suite == SUITE_GM1 ? "the SM2 curve" : "Curve25519", c->suite == SUITE_GM1 ? "SM4" : "ChaCha20");
    case 2:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "“Hidden by a one-time mask”: every value is a uniformly random number to its receiver. The masks "
                        "are pseudorandom numbers from secret seeds or from oblivious transfers, so this rests on the "
                        "same problems, and on the seeds staying secret.");
    case 3:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "“Hidden statistically”: what the receiver sees is independent of the hidden value but for a "
                        "deviation; over all such messages of a session together it is a statistical distance of at most "
                        "2^-40: very small, not zero.");
    case 4:
        return c->parties == 2
                   ? snprintf(out, DISCLOSURE_SENTENCE_MAX,
                              "With two parties there is no third to hide among: what an output says of the other parties "
                              "it says of the one partner.")
                   : snprintf(out, DISCLOSURE_SENTENCE_MAX,
                              "If all parties but one collude and pool what they saw, the messages still tell them nothing "
                              "more; but their outputs add up: the label party together with all others but one knows "
                              "that one's partial score of every test row. Colluding parties also know how many people lie "
                              "in each overlap of the sets, and where an overlap is very small its number may tell who.");
    case 5:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "A party that deviates from the protocol may learn more than is said here, or spoil the result. Its "
                        "peers, this audit or a replay on its premises can find it and name the record; none of them "
                        "prevents it, and none undoes what has leaked.");
    case 6:
        return c->replay == REPLAY_SEALED ? snprintf(out, DISCLOSURE_SENTENCE_MAX,
                                       "By the contract seeds are kept sealed: as long as they and the received messages are "
                                       "kept, each party's computation can be replayed and checked on its premises.")
                            : snprintf(out, DISCLOSURE_SENTENCE_MAX,
                                       "By the contract seeds are destroyed after the session: it cannot be replayed, and "
                                       "messages that are well formed but wrong stay unfound.");
    case 7:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "Whether ciphertexts, masked or summed values are personal information is a question of law. This "
                        "statement says what can technically be learned; it may serve an impact assessment and does not "
                        "replace one.");
    case 8:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "Beside the log: the coordinator of the job is told, over a connection of its own, numbers of people "
                        "(also when they are too few), progress and the agreed metrics; whoever is given the evidence files "
                        "learns the contract and the kinds, lengths and order of messages, no contents; time-stamping "
                        "authorities and notaries get digests and totals.");
    }
    return 0;
}

int disclosure_ground(char out[DISCLOSURE_SENTENCE_MAX], const struct contract *c, size_t i, enum language l)
{
    return l == LANGUAGE_ZH ? disclosure_zh_ground(out, c, i) : ground_en(out, c, i);
}

static const char *const limits_en[] = {
    "Whether the data that a party brought are true: false or poisoned rows follow the protocol as well; only samples "
    "compared with the source systems show it.",
    "Agreements outside the system: parties that hand each other what they know.",
    "What a party concludes from what it legitimately received.",
    "Another computation between colluding parties outside the log; control of outgoing connections and an account of data "
    "commitments help.",
    "Leaks through timing, power consumption or radiation.",
    "Reading the memory of a compromised computer.",
    "Mistakes in preparing the data before they were committed to.",
    "A back door in the very version of the program that the parties agreed on.",
    "Selective failure: a deviating party may make it depend on data whether a session stops, and so gain one bit for each "
    "failed attempt; a replay shows it afterwards.",
    "Misuse of the model once it was delivered.",
    "The contents of messages: the log fixes them by keyed tags and lengths; whether they were computed correctly only a "
    "replay on that party's premises shows.",
    "The time of day: records hold an order and no clock; only time stamps of a third party bound it.",
    "A replay proves deviations afterwards; it undoes no leak.",
    NULL,
};

int disclosure_limit(char out[DISCLOSURE_SENTENCE_MAX], size_t i, enum language l)
{
    const char *const *limits = l == LANGUAGE_ZH ? disclosure_zh_limits : limits_en;

    return i + 1 < sizeof limits_en / sizeof limits_en[0] && limits[i]
               ? snprintf(out, DISCLOSURE_SENTENCE_MAX, "%s", limits[i])
               : 0;
}

/* ---- traffic ---- */

static void add(struct disclosure_traffic *t, enum record_type type, uint32_t kind, party peer, uint64_t bytes, uint64_t seq)
{
    const struct message_info *info = message_info(kind);
    struct disclosure_flow *flow;
    size_t count;

    if (!info || (type != RECORD_SEND && type != RECORD_RECV))
        return;
    flow = (type == RECORD_SEND ? t->sent : t->received) + (info - message_list(&count));
    if (flow->messages++ == 0)
        flow->first = seq;
    flow->last = seq;
    flow->bytes += bytes;
    flow->peers |= peer < PARTIES_MAX ? UINT32_C(1) << peer : 0;
}

void disclosure_count(struct disclosure_traffic *t, const struct record *r)
{
    add(t, r->type, r->kind, r->peer, r->body_len, r->seq);
}

/* No log that an evidence file can hold is longer. */
enum { IMPLIED_MAX = 1 << 20 };

status disclosure_implied(struct disclosure_traffic *t, int *complete, const struct contract *c, enum stage stage, party self,
                          enum schedule_known known, const struct population *population, struct fault *f)
{
    struct schedule s AUTO(schedule_clear) = {0};
    const status made = schedule_make(&s, c, stage, self, IMPLIED_MAX, known, population, f);

    *complete = s.complete;
    for (size_t i = 0; i < s.count; i++)
        add(t, s.step[i].type, s.step[i].kind, s.step[i].peer, s.step[i].body_len, i);
    return made;
}
