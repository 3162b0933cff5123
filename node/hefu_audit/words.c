#include "node/hefu_audit/words.h"

#include <string.h>

static const char *const words[WORD_COUNT][LANGUAGES] = {
#define W(name, en, zh) [WORD_##name] = {en, zh},
    WORDS(W)
#undef W
};

const char *word(enum word w, enum language l)
{
    return words[w][l];
}

enum word stage_word(enum stage s)
{
    switch (s) {
    case STAGE_OFFLINE:
        return WORD_OFFLINE;
    case STAGE_ONLINE:
        return WORD_ONLINE;
    case STAGE_WHOLE:
        break;
    }
    return WORD_WHOLE;
}

status language_named(enum language *out, const char *name, struct fault *f)
{
    *out = LANGUAGE_EN;
    for (int l = 0; name && l < LANGUAGES; l++)
        if (strcmp(name, language_tag((enum language)l)) == 0) {
            *out = (enum language)l;
            return OK;
        }
    return name ? fault_set(f, STATUS_USAGE, "--lang %s: it is en or zh", name) : OK;
}

static const char *const questions[VERIFY_CHECKS][LANGUAGES] = {
    [VERIFY_CONTRACT] = {"Is it one and the same contract in all files, in its one canonical form?",
                         "各文件中的合同是否为同一份，且为唯一规范编码？"},
    [VERIFY_APPROVALS] = {"Did every party sign this contract, for the same attempt?",
                          "各方是否均签署了本合同，且为同一次尝试？"},
    [VERIFY_CERTIFICATES] = {"Are the certificates those that the contract names?", "证书是否为合同所指定的证书？"},
    [VERIFY_KEYS] = {"Are the encryption keys as long as the contract says, and proven sound for this session?",
                     "加密密钥长度是否符合合同，且附有绑定本会话的正确性证明？"},
    [VERIFY_RECORDS] = {"Is every record whole and in its one canonical form?", "每条记录是否完整，且为唯一规范编码？"},
    [VERIFY_SESSION] = {"Does every record belong to this session and its writer?", "每条记录是否属于本会话及其书写方？"},
    [VERIFY_CHAIN] = {"Does every record hold the hash of the one before, so that none was changed?",
                      "每条记录是否含有前一条的散列值，即未被篡改？"},
    [VERIFY_SIGNATURES] = {"Are the records signed by the party that wrote them?", "记录是否由书写方签名？"},
    [VERIFY_NUMBERS] = {"Is no message missing and none repeated?", "消息是否无缺失、无重复？"},
    [VERIFY_RECEIPTS] = {"Is what was received what its sender signed?", "收到的内容是否为发送方所签名的内容？"},
    [VERIFY_ORDER] = {"Is there one common order of everything that was said?", "全部消息是否存在同一先后顺序？"},
    [VERIFY_SCHEDULE] = {"Were exactly those messages sent that the contract implies, of exactly those sizes?",
                         "所发消息及其长度是否与合同规定完全一致？"},
    [VERIFY_FACTS] = {"Do the numbers of people agree with each other and with the limits of the contract?",
                      "人数是否相互一致，且符合合同限制？"},
    [VERIFY_CHECKPOINTS] = {"Did all parties sign the same state after every pass?", "每轮之后各方是否签署了同一状态？"},
    [VERIFY_MATCH] = {"Do sender and receiver record the same messages?", "发送方与接收方记载的消息是否一致？"},
    [VERIFY_END] = {"Does every log end properly, or with a named reason?", "每份日志是否正常结束，或载明中止原因？"},
    [VERIFY_LINK] = {"Does the online session stand on the offline session that was shown?",
                     "在线会话是否以所出示的离线会话为基础？"},
};

const char *check_question(enum verify_check check, enum language l)
{
    return check < VERIFY_CHECKS ? questions[check][l] : NULL;
}
