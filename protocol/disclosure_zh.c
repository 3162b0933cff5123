#include "protocol/disclosure_zh.h"

#include <stdio.h>

/* Every line of the message table, in the same order: name, who says what to whom, what its receiver learns. */
/* clang-format off */
#define SENTENCES(SAY) \
    SAY(commit,     "各方发给所有其他方：对随机种子、随机数和本方数据的承诺",           "无：承诺具有隐藏性") \
    SAY(nonce,      "收齐全部承诺后，各方发给所有其他方：随机数及全部承诺的散列值",     "一个随机数；各方收到的承诺一致") \
    SAY(key,        "各方发给所有其他方：Paillier 公钥模数及其证明",                    "一个公钥") \
    SAY(link,       "在线会话中，各方发给所有其他方：所依据的预处理的散列值",           "各方依据的是同一份预处理") \
    SAY(psi_set,    "沿环依次传递：经盲化并打乱顺序的集合（隐私求交）",                 "一个集合的规模，合同中已载明；比对方：另知各交集的规模") \
    SAY(psi_count,  "比较方发给所有其他方：共同人员的数量",                             "各方共有多少人") \
    SAY(psi_list,   "沿打乱的路径逐方返回：共同人员的位置",                             "接收方自己的人员中哪些是各方共有的") \
    SAY(psi_root,   "各方发给所有其他方：对齐名单的带密钥散列值",                       "各方的名单一致") \
    SAY(split_root, "按名单划分时各方发给所有其他方：名单的散列值",                   "各方的名单一致") \
    SAY(split,      "标签方发给所有其他方：对齐后的哪些样本为测试样本",                 "训练样本与测试样本的划分") \
    SAY(fore_mask,  "密钥持有方发给数据方：加密的随机权重",                             "无：随机数的密文") \
    SAY(fore_reply, "数据方发给密钥持有方：加掩码的乘积（聚集）",                       "均匀随机数") \
    SAY(back_mask,  "密钥持有方发给所有其他方：加密的随机残差，各方收到的相同",         "无：随机数的密文") \
    SAY(back_ridge, "密钥持有方发给数据方：用于岭正则项的加密随机权重",                 "无：随机数的密文") \
    SAY(back_reply, "数据方发给密钥持有方：加掩码的求和（散布）",                       "均匀随机数") \
    SAY(ot_offer,   "沿链由各方发给其后各方：用于不经意传输的群元素",                   "无：随机群元素") \
    SAY(ot_answer,  "沿链返回：一个群元素和加掩码的随机分组",                           "由其选定的随机分组") \
    SAY(weight,     "各方发给权重分块的所有方：减去一次性掩码的权重份额",               "均匀随机数") \
    SAY(choice,     "沿链由各方发给其前各方：加掩码的传输选择",                         "无：伪随机比特") \
    SAY(turn,       "沿链：由接收方旋转的秘密分享查找表",                               "均匀随机的份额") \
    SAY(table,      "各方发给链尾：查找表的份额，其中仅一项可打开",                     "每个样本一个均匀随机的份额") \
    SAY(flip,       "链尾发给所有其他方：加掩码的份额比特",                             "均匀随机比特") \
    SAY(range,      "最后一轮中，各方发给所有其他方：计数的份额，掩码之和为零",         "得分接近查找表边界的样本数量") \
    SAY(residual,   "各方发给所有其他方：减去一次性掩码的残差份额，各方收到的相同",     "均匀随机数") \
    SAY(lift,       "各方发给权重分块的所有方：全部残差公开值的散列值",                 "各方所见的公开值相同") \
    SAY(gradient,   "各方发给权重分块的所有方：加宽随机掩码的更新步份额",               "统计意义上的随机数") \
    SAY(checkpoint, "各方发给所有其他方：本方日志的长度和根",                           "一份日志的长度") \
    SAY(cosign,     "各方发给所有其他方：对全部长度和根的签名",                         "各方持有同一联合检查点") \
    SAY(block,      "各方发给权重分块的所有方：该分块的最终份额，掩码之和为零",         "接收方自己的权重") \
    SAY(score,      "各方发给标签方：取整后的部分得分，掩码之和为零",                   "每个测试样本上其他各方部分得分之和") \
    SAY(metric,     "标签方发给所有其他方：约定的指标",                                 "AUC、KS、对数损失以及测试样本的计数") \
    SAY(finish,     "各方发给所有其他方：本方日志的长度和根，以及全部公开值的散列值",   "一份日志的长度") \
    SAY(endorse,    "各方发给所有其他方：对全部最终长度和根的签名",                     "各方以同一状态结束")
/* clang-format on */

struct disclosure_sentence disclosure_zh_sentence(uint32_t kind)
{
    switch (kind) {
#define SAY(name, what, learns) case MESSAGE_##name: return (struct disclosure_sentence){what, learns, 0};
        SENTENCES(SAY)
#undef SAY
    }
    return (struct disclosure_sentence){0};
}

const char *const disclosure_zh_phases[PHASES] = {
    [PHASE_HANDSHAKE] = "握手：承诺与密钥",
    [PHASE_ALIGN] = "对齐：隐私求交",
    [PHASE_PREPARE] = "预处理：同态加密、不经意传输",
    [PHASE_TRAIN] = "训练：加性秘密分享",
    [PHASE_REVEAL] = "交付：本方权重",
    [PHASE_EVALUATE] = "评估：测试样本",
    [PHASE_FINISH] = "结束：联合签名",
};

const char *const disclosure_zh_shields[SHIELDS] = {
    [SHIELD_NONE] = "合同约定的输出或事实",
    [SHIELD_CONTROL] = "不含业务数据：密钥、散列值、签名、计数",
    [SHIELD_CIPHER] = "加密或承诺隐藏",
    [SHIELD_MASK] = "一次性掩码隐藏",
    [SHIELD_STATISTICAL] = "统计隐藏",
};

#define WHAT(...) snprintf(d->what, sizeof d->what, __VA_ARGS__)
#define LEARNS(...) snprintf(d->learns, sizeof d->learns, __VA_ARGS__)

void disclosure_zh_output(struct disclosure *d, const struct contract *c)
{
    switch (d->output) {
    case OUTPUT_SIZES:
        WHAT("规模：各方的样本数、列数和分箱数");
        LEARNS("各方数据表有多大；不含任何取值和列名");
        break;
    case OUTPUT_INTERSECTION:
        WHAT("交集：接收方自己的人员中哪些是全部 %u 方共有的", c->parties);
        LEARNS("这些人是各方的共同客户；%s知道各集合每个重叠区域的人数，但不知道具体是谁",
               d->to == c->parties - 1 ? "作为比较方，还" : "与另一方合谋时，还");
        break;
    case OUTPUT_SPLIT:
        WHAT("共同人员中哪些是训练样本、哪些是测试样本");
        LEARNS("%s", c->test_rule == TEST_DRAWN ? "无：由各方共同随机抽取" : "标签方名单所载的内容");
        break;
    case OUTPUT_RANGE:
        WHAT("最后一轮中：得分接近或超出 ±%u 的训练样本数量", c->score_range);
        LEARNS("该数量为零；否则得知其数量，且任务中止");
        break;
    case OUTPUT_WEIGHTS:
        WHAT("接收方自己的权重：其各列的每个分箱一个数值");
        LEARNS("其分箱在联合模型中与标签的关系：平均而言，其每个分箱对应不少于 %u 个训练样本", c->rows_per_bin);
        break;
    case OUTPUT_SCORES:
        WHAT("每个测试样本：其他各方部分得分之和，精度为 1/%u", 1u << c->score_bits);
        LEARNS("%s", c->parties == 2 ? "只有两方时，该和即为对方的部分得分：得分相同提示分箱相同"
                                     : "仅为总和，除非除一方外的其余各方汇集其所见");
        break;
    case OUTPUT_METRICS:
        WHAT("约定的指标：联合模型与标签方单方模型的 AUC、KS、对数损失，测试样本中的正样本数");
        LEARNS("模型的区分能力；不涉及任何个人");
        break;
    }
}

int disclosure_zh_ground(char out[DISCLOSURE_SENTENCE_MAX], const struct contract *c, size_t i)
{
    switch (i) {
    case 0:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "在半诚实模型下（各方均按协议执行），除本声明列明的输出以及约定或可见的事实（规模、数量、消息的"
                        "长度、顺序和时间）外，任何一方都得不到其他信息。");
    case 1:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "“加密或承诺隐藏”依赖计算困难性假设：%u 位密钥的 Paillier 同态加密、ristretto255 群上的 "
                        "Diffie-Hellman 假设（集合盲化、不经意传输）、%s 上的同类假设，以及散列函数、AES 和 %s 的安全性；并非"
                        "无条件安全。", c->key_bits, c->suite == SUITE_GM1 ? "SM2 曲线" : "Curve25519",
                        c->suite == SUITE_GM1 ? "SM4" : "ChaCha20");
    case 2:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "“一次性掩码隐藏”：每个数值对接收方而言都是均匀随机数。掩码是由秘密种子或不经意传输产生的伪随机"
                        "数，因此同样依赖上述假设，并以种子不泄露为前提。");
    case 3:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "“统计隐藏”：接收方所见的分布与被隐藏的数值几乎无关；一次会话的全部此类消息合计，统计距离不超过 "
                        "2^-40：极小，但不为零。");
    case 4:
        return c->parties == 2
                   ? snprintf(out, DISCLOSURE_SENTENCE_MAX,
                              "只有两方时没有第三方可供混同：输出中关于“其他各方”的内容，就是关于对方这一方的内容。")
                   : snprintf(out, DISCLOSURE_SENTENCE_MAX,
                              "即使除一方外的其余各方合谋、汇集全部所见，消息本身也不透露更多内容；但各方的输出会叠加：标签"
                              "方与除一方外的其他各方合谋，可得到剩余一方在每个测试样本上的部分得分；合谋的各方还知道各集合"
                              "每个重叠区域的人数，区域过小时可能由人数推知具体的人。");
    case 5:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "偏离协议的一方可能获知超出本声明的内容，或破坏结果。对方节点、本审计或在其场所内的重放可以发现偏离"
                        "并指明具体记录，但都不能事先阻止，也不能挽回已经发生的泄露。");
    case 6:
        return c->replay == REPLAY_SEALED ? snprintf(out, DISCLOSURE_SENTENCE_MAX,
                                       "合同约定密封保存随机种子：种子和收到的消息保存期间，各方的计算可在其场所内重放核验。")
                            : snprintf(out, DISCLOSURE_SENTENCE_MAX,
                                       "合同约定会话结束后销毁随机种子：会话无法重放，格式正确但内容错误的消息无从发现。");
    case 7:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "密文、加掩码的数值或汇总数值是否属于个人信息，是法律问题。本声明说明技术上能够获知的内容，可作为个人"
                        "信息保护影响评估和数据安全影响评估的材料，但不能代替评估。");
    case 8:
        return snprintf(out, DISCLOSURE_SENTENCE_MAX,
                        "日志之外：任务协调方经其自身的连接得知人数（包括人数不足时）、进度和约定的指标；拿到证据文件的人得知合同以及"
                        "消息的种类、长度和顺序，得不到消息内容；时间戳机构和存证机构只得到摘要和总数。");
    }
    return 0;
}

const char *const disclosure_zh_limits[] = {
    "参与方提供的数据是否真实：虚假或投毒的数据同样可以符合协议；只有抽样与源业务系统核对才能发现。",
    "系统之外的串通：各方私下互相提供所掌握的内容。",
    "一方从其合法得到的内容中作出的推断。",
    "合谋各方在日志之外另行进行的计算；出口网络管控和数据承诺台账有助于发现。",
    "通过时间、功耗或电磁辐射的侧信道泄露。",
    "对被入侵主机的内存的读取。",
    "作出数据承诺之前的数据处理错误。",
    "各方共同认可的程序版本自身的后门。",
    "选择性失败：偏离协议的一方使会话是否中止取决于数据，每次失败的尝试最多获得一个比特；事后重放可以发现。",
    "模型交付之后的滥用。",
    "消息的内容：日志以带密钥的标签和长度固定消息内容；计算是否正确，只有在该方场所内重放才能证实。",
    "具体时间：记录载明先后顺序，不含时钟；只有第三方的时间戳能够限定时间。",
    "重放在事后证明偏离，不能挽回泄露。",
    NULL,
};
