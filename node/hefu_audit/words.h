/* What the auditor's statement and report say of themselves, in English and Chinese: headings, columns, short remarks. */
#ifndef HEFU_AUDIT_WORDS_H
#define HEFU_AUDIT_WORDS_H

#include "protocol/disclosure.h"
#include "protocol/verify_rules.h"

/* clang-format off */
#define WORDS(W) \
    W(AUDIT_REPORT,  "audit report", "审计报告") \
    W(STATEMENT,     "Disclosure statement", "披露声明") \
    W(STATEMENT_OF,  "Disclosure statement of ", "披露声明——") \
    W(LANGUAGE,      "Language of this page", "页面语言") \
    W(SECTIONS,      "Sections", "章节") \
    W(VERIFIED,      "verified", "验证通过") \
    W(NOT_VERIFIED,  "NOT verified", "验证未通过") \
    W(UNVERIFIED,    "not checked here", "此处未验证") \
    W(GOOD,   "Every check that could be made holds. What the files at hand cannot show is listed below.", \
              "凡可进行的检查全部通过。现有文件不能证明的内容列于下文。") \
    W(BAD,    "At least one check fails. Do not rely on this session before the lines marked ✗ are explained.", \
              "至少一项检查未通过。在标有 ✗ 的各行得到解释之前，请勿采信本次会话。") \
    W(RULES_HELD,    "Rules that hold", "成立的规则") \
    W(OF_RULES,      "rules", "条规则") \
    W(FILES_GIVEN,   "Parties whose files were given", "已提供文件的参与方") \
    W(OF_PARTIES,    "parties", "个参与方") \
    W(SIGNED_RECORDS, "Signed records", "已签名记录") \
    W(JOINT_CHECKPOINTS, "Joint checkpoints", "联合检查点") \
    W(BY_ALL,        "signed by all parties", "由各方共同签名") \
    W(CHECKS,        "Checks", "检查结果") \
    W(CHECKS_WHY,    "What was looked at, without any party’s data, and what was found. The findings are in the words of the program.", \
                     "在不接触任何一方数据的情况下所检查的内容和结果。检查所见为程序原文（英文）。") \
    W(RULE,          "Rule", "规则") \
    W(BEHIND,        "The checks that the rules rest on", "规则所依据的各项检查") \
    W(TOGETHER,      "All sessions together", "全部会话合并检查") \
    W(HOLDS,         "holds", "通过") \
    W(FAILS,         "FAILS", "不通过") \
    W(UNCHECKED,     "not checked", "未检查") \
    W(NOT_APPLICABLE, "not applicable", "不适用") \
    W(VERDICT,       "Verdict", "结论") \
    W(QUESTION,      "Question", "检查内容") \
    W(FINDING,       "Finding", "检查所见") \
    W(OFFLINE,       "Offline session", "离线会话") \
    W(ONLINE,        "Online session", "在线会话") \
    W(WHOLE,         "Whole session", "完整会话") \
    W(PARTIES,       "Parties and files", "参与方与文件") \
    W(PARTIES_WHY,   "Who takes part by the contract, and whose evidence was given to this audit.", \
                     "合同所列的参与方，以及本次审计收到的证据文件。") \
    W(PARTY,         "Party", "参与方") \
    W(PEOPLE,        "People", "人数") \
    W(COLUMNS,       "Columns", "列数") \
    W(BINS,          "Bins", "分箱数") \
    W(LABEL,         "label", "标签") \
    W(EVIDENCE_FILE, "Evidence file", "证据文件") \
    W(NOT_GIVEN,     "not given", "未提供") \
    W(RECORDS,       "Records", "记录") \
    W(LOG_ENDS,      "How its log ends", "日志结尾") \
    W(COMPLETE,      "complete", "完整") \
    W(STOPPED,       "stopped", "中止") \
    W(CUT,           "cut: no end", "被截断：无结尾") \
    W(NAMING,        "naming", "指认") \
    W(CERTIFICATE,   "Certificate", "证书") \
    W(DATA_ROOT,     "Commitment to its data", "数据承诺") \
    W(UNPROVEN,      "Not shown by these files", "现有文件不能证明的内容") \
    W(UNPROVEN_WHY,  "What would need another party’s file, a replay, or somebody outside.", \
                     "需要其他参与方的文件、重放或外部第三方才能证明。所列为程序原文（英文）。") \
    W(CA_UNPROVEN,   "who issued the certificates and whether they were revoked: give --ca and --crl (of suite GM1: --gm-ca and --gm-crl)", \
                     "证书的签发者及是否被吊销：请用 --ca 和 --crl（GM1 套件用 --gm-ca 和 --gm-crl）提供") \
    W(TIMELINE,      "Who said what", "消息时间线") \
    W(TIMELINE_WHY,  "From top to bottom in the order of the protocol. A line goes from its sender (round) to its receivers (arrows) and is the thicker, the more bytes it carries.", \
                     "自上而下按协议顺序排列。每条线从发送方（圆点）指向接收方（箭头），线越粗字节数越多。") \
    W(PASS,          "pass", "第") \
    W(PASS_END,      "", " 轮") \
    W(PASSES,        "passes", "第") \
    W(EACH,          ", each", " 轮，每轮") \
    W(START_POINT,   "before the first pass", "首轮之前") \
    W(RANGE_CHECK,   "range check, before the last pass", "范围核查，末轮之前") \
    W(CHECKPOINT_HERE, "joint checkpoint", "联合检查点") \
    W(NO_MESSAGES,   "The files hold no message.", "文件中没有消息。") \
    W(FROM_PEERS,    "Messages of parties whose file was not given are those that the others received:", \
                     "未提供文件的参与方，其消息取自其他方的接收记录：") \
    W(AS_TABLE,      "The same as a table", "以表格形式查看") \
    W(STEP,          "Step", "步骤") \
    W(SENT_BY,       "sent by", "发送方") \
    W(MESSAGES_UNIT, "messages", "条消息") \
    W(CHECKPOINTS,   "Joint checkpoints", "联合检查点") \
    W(CHECKPOINTS_WHY, "At each of these points every party signed the length and the root of every party’s log. Nothing that stands before can be changed afterwards without new signatures of them all.", \
                     "在每个检查点，各方对所有参与方日志的长度和根共同签名。此前的内容，未经全部重新签名无法更改。") \
    W(AFTER_PASS,    "After pass", "轮次之后") \
    W(AT_END,        "end", "结束") \
    W(SIGNED_BY,     "Signatures of", "签名方") \
    W(HELD_BY,       "Same in the logs of", "记载一致的日志") \
    W(NO_CHECKPOINTS, "The files hold no joint checkpoint.", "文件中没有联合检查点。") \
    W(ENTRIES,       "entries and root", "记录条数与根") \
    W(APPROVALS,     "Approvals", "批准") \
    W(APPROVALS_WHY, "Every party signed the contract for this attempt with the key of its certificate, and with it the key that signs its records.", \
                     "各方以其证书密钥签署合同及本次尝试，同时签署用于签名记录的会话密钥。") \
    W(ATTEMPT,       "Attempt", "尝试") \
    W(STAGE,         "Stage", "阶段") \
    W(SESSION_KEY,   "Session key", "会话密钥") \
    W(SIGNATURE,     "Signature", "签名") \
    W(IN_PERSON,     "Signed in person by", "本人签署") \
    W(UNREADABLE,    "not readable", "无法读取") \
    W(DISCLOSURES,   "Disclosures", "披露") \
    W(DISCLOSURES_WHY, "What left each party’s building, what came in, and what the outputs tell.", \
                     "离开各参与方的内容、进入各参与方的内容，以及输出所揭示的内容。") \
    W(LEFT,          "What left this building", "离开本机构的内容") \
    W(CAME_IN,       "What came in", "进入本机构的内容") \
    W(OUTPUTS_TO,    "What this party receives as output", "本方得到的输出") \
    W(OUTPUTS_OTHERS, "What the others receive as output", "其他各方得到的输出") \
    W(RECEIVES,      "Receives", "得到") \
    W(AND_LEARNS,    "And so learns", "由此获知") \
    W(KIND,          "Kind", "种类") \
    W(MESSAGE,       "Message", "消息") \
    W(TO,            "To", "发往") \
    W(FROM,          "From", "来自") \
    W(MESSAGES_COUNT, "Messages", "条数") \
    W(BYTES,         "Bytes", "字节数") \
    W(RECORD_NUMBERS, "First and last record", "首末记录编号") \
    W(SHIELD,        "What protects the data", "数据保护方式") \
    W(LEARNS,        "Its receiver learns", "接收方获知") \
    W(COLON,         ": ", "：") \
    W(TOTAL,         "total", "合计") \
    W(BASIS,         "Basis", "依据") \
    W(BASIS_LOG,     "the signed log of this party; this statement checks nothing, hefu-audit verify does", \
                     "本方已签名的日志；本声明不作验证，验证请用 hefu-audit verify") \
    W(BASIS_CHECKED, "the signed log of this party, checked above", "本方已签名的日志，验证结果见上文") \
    W(BASIS_TORN,    "the part of this party’s log that can be read", "本方日志中可读取的部分") \
    W(BASIS_CONTRACT, "what the contract implies for a session that ran to its end; the log of this party was not given", \
                     "合同对完整会话所规定的内容；未提供本方日志") \
    W(BASIS_PART,    "what the contract implies up to where the files tell; the log of this party was not given, so later messages are missing here", \
                     "合同所规定、且现有文件能够确定的部分；未提供本方日志，其后的消息未列入") \
    W(GROUNDS,       "What this rests on", "前提与假设") \
    W(LIMITS,        "What no transcript can show", "任何日志都不能证明的内容") \
    W(LIMITS_WHY,    "True of every such record, however well it verifies.", "无论验证结果如何，以下内容均在证明范围之外。") \
    W(OUTSIDERS,     "Time stamps and deposits", "时间戳与存证") \
    W(OUTSIDERS_WHY, "What third parties who hold no data put a date on.", "不持有数据的第三方所确认的时间。") \
    W(NONE_GIVEN,    "None given.", "未提供。") \
    W(STAMPS_ASKED,  "Did a time-stamping authority put a date on the start and the end?", "时间戳机构是否确认了开始和结束的时间？") \
    W(DEPOSITS_ASKED, "Is what was deposited with a third party what the logs come to?", "向第三方存证的内容是否与日志一致？") \
    W(BUILDS_ASKED, "Which build of the program did each party run?", "各方运行的是哪个程序构建？") \
    W(APPROVERS_ASKED, "Who signed for each party, besides its node?", "除节点外，各方由何人签署？") \
    W(DESTROYED_ASKED, "Were seeds and bodies destroyed, and not before the contract allows?", "种子与消息正文是否已销毁，且未早于合同允许的时间？") \
    W(STAMP_NOTE,    "Listed as they stand in the files; the checks above say whether they hold.", \
                     "按文件原样列出；是否有效见上文检查结果。") \
    W(CONTRACT,      "Contract", "合同") \
    W(CONTRACT_WHY,  "What every party signed before anything ran, as far as it concerns people and law.", \
                     "运行之前各方签署的内容中与个人和法律有关的部分。") \
    W(JOB,           "Job", "任务") \
    W(PURPOSE,       "Purpose", "处理目的") \
    W(WINDOW,        "Window", "有效期") \
    W(CONSENTS,      "Root of the batch of consents", "同意批次根") \
    W(ASSESSMENT,    "Hash of the impact assessment", "影响评估文件散列值") \
    W(AUTHORISATIONS, "Authorisations", "授权文号") \
    W(DATA_LEVEL,    "Highest level of the data", "数据最高级别") \
    W(REPLAY,        "Replay", "重放") \
    W(REPLAY_OFF,    "seeds are destroyed after the session", "会话结束后销毁种子") \
    W(REPLAY_SEALED, "seeds are kept sealed, to be destroyed after", "种子密封保存，销毁期限：") \
    W(AUDITOR,       "Auditor who may open the seeds", "可开启种子的审计方") \
    W(NOT_STATED,    "not stated", "未载明") \
    W(CONTRACT_ID,   "Contract id", "合同编号") \
    W(SESSION_ID,    "Session id", "会话编号") \
    W(POPULATION,    "Common people", "共同人数") \
    W(TRAIN_ROWS,    "training rows", "训练样本") \
    W(TEST_ROWS,     "test rows", "测试样本") \
    W(FOOTER,        "Written by hefu-audit. This file is complete in itself: it loads nothing, runs no script and holds no row of anyone’s data.", \
                     "由 hefu-audit 生成。本文件自成一体：不加载任何内容，不运行脚本，不含任何一方的数据。")
/* clang-format on */

enum word {
#define W(name, en, zh) WORD_##name,
    WORDS(W)
#undef W
    WORD_COUNT,
};

const char *word(enum word w, enum language l);
enum word stage_word(enum stage s);

/* --lang: English unless it says otherwise; STATUS_USAGE in words. */
MUST_USE status language_named(enum language *out, const char *name, struct fault *f);

/* What a check asks, for a person; NULL for one that has no words yet. */
const char *check_question(enum verify_check check, enum language l);
/* What a rule of protocol/verify_rules.h says. */
const char *rule_words(int rule, enum language l);

#endif
