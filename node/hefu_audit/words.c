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

static const char *const rules_zh[RULES] = {
    [1] = "合同完整，各文件中相同，且为各方所签署的那一份",
    [RULE_SIGNED] = "全部签名有效；签名密钥均有证书且未被吊销",
    [RULE_WINDOW] = "会话在合同期限内进行，且以其所指明的工作为基础",
    [RULE_KEYS] = "每个加密密钥长度符合约定，附有正确性证明，并与本会话绑定",
    [5] = "每条记录均可读取，且为唯一规范编码",
    [6] = "每条记录含有前一条的散列值：无篡改、无删除、无插入",
    [7] = "所签署的根即为日志的根",
    [8] = "每个联合检查点均包含此前各检查点的全部内容",
    [9] = "所发即所收，且每份回执均有签名",
    [10] = "编号无缺失、无重复；每条记录均属于本会话和本次尝试",
    [11] = "全部消息存在同一先后顺序",
    [12] = "所发消息与合同所规定的完全一致，不多不少",
    [13] = "每条消息的长度均与合同规定一致",
    [14] = "每轮之后各方签署了同一联合检查点",
    [15] = "先承诺种子和数据，后公布随机数，再发送密文，各方一致",
    [RULE_OUTPUTS] = "除约定的输出向约定的接收方公开外，未公开任何内容",
    [RULE_LIMITS] = "人数在合同限制之内",
    [RULE_SETS] = "各集合的人数与约定一致，且共同人数足够",
    [RULE_REUSE] = "同一数据所涉的合同数未超过其所有者的允许",
    [RULE_GRADIENTS] = "梯度的公开次数在限制之内",
    [RULE_ATTEMPTS] = "尝试次数在限制之内，中止时附有固定列表中的代码",
    [RULE_TIMESTAMPS] = "外部机构确认了达成一致和结束的时间",
    [RULE_DEPOSITS] = "会话的结束已向第三方存证",
    [RULE_VERSION] = "所运行的程序为审计方允许的构建",
    [RULE_PERSONS] = "凡按策略须由人员签署的参与方，均由相关人员各以本人密钥签署",
    [RULE_DESTROYED] = "种子已按期销毁，且未提前",
    [RULE_UNUSUAL] = "时延和顺序上的异常情况（仅告知，不作为不通过）",
    [RULE_REPEATS] = "会话、种子、联合值和加密密钥均未重复使用",
};

const char *rule_words(int rule, enum language l)
{
    return l == LANGUAGE_ZH ? rules_zh[rule] : rule_sentence(rule);
}
