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

uint32_t sigmoid_share_bits(uint16_t parties)
{
    return parties == 2 ? 1 : 8;
}

size_t item_turn(uint32_t table_bits, uint32_t k)
{
    return ((size_t)table_bits << table_bits) + 8 * item_ring(k);
}

size_t item_table(uint16_t parties, uint32_t table_bits, uint32_t k)
{
    const size_t entries = (size_t)1 << table_bits;

    return entries + (parties == 2 ? entries / 8 : 0) + sigmoid_share_bits(parties) * item_ring(k);
}
