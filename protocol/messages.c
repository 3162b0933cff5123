#include "protocol/messages.h"

#include "crypto/keyproof.h"
#include "crypto/paillier.h"

static const struct message_info table[] = {
#define MSG(name, id, phase, shape, when, learns) {#name, MESSAGE_##name, PHASE_##phase, SHAPE_##shape, when, learns},
    MESSAGES(MSG)
#undef MSG
};

const struct message_info *message_list(size_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

const struct message_info *message_info(uint32_t kind)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if ((uint32_t)table[i].kind == kind)
            return &table[i];
    return NULL;
}

const char *phase_name(enum phase p)
{
    switch (p) {
    case PHASE_HANDSHAKE: return "handshake";
    case PHASE_ALIGN: return "align";
    case PHASE_PREPARE: return "prepare";
    case PHASE_TRAIN: return "train";
    case PHASE_REVEAL: return "reveal";
    case PHASE_EVALUATE: return "evaluate";
    case PHASE_FINISH: return "finish";
    case PHASES: break;
    }
    return "unknown";
}

size_t body_key(uint32_t key_bits)
{
    return paillier_modulus_bytes(key_bits) + keyproof_bytes(key_bits);
}

size_t item_cipher(uint32_t key_bits)
{
    return paillier_cipher_bytes(key_bits);
}

size_t item_ring(uint32_t k)
{
    return ((size_t)k + 7) / 8;
}
