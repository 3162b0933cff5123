/* The timeline: a lane for each party, a line for each sender and step, and the same as a table. */
#include "node/hefu_audit/sheet.h"

#include "protocol/messages.h"

#include <string.h>

/* Steps in the order of the protocol: three phases, the passes with the look-up that comes before the last one, three
 * phases.  A pass that the contract does not have stands with the last slot. */
enum { SLOT_PASS_0 = 3, SLOT_REVEAL = SLOT_PASS_0 + PASSES_MAX + 2, SLOTS = SLOT_REVEAL + 3 };

struct cell {
    uint64_t messages, bytes;
};

struct step {
    int used, sealed; /* sealed: a joint checkpoint or the joint end follows */
    enum phase phase;
    uint32_t pass;
    int range;
    struct cell said[PARTIES_MAX][PARTIES_MAX]; /* from, to */
};

struct lanes {
    const struct contract *contract;
    const struct story *of[PARTIES_MAX];
    struct step *step;
};

/* ---- counting ---- */

static struct step *step_of(struct lanes *l, uint32_t phase, uint32_t pass, int range)
{
    const uint32_t passes = l->contract->passes;
    uint32_t slot;
    struct step *s;

    if (phase >= PHASE_REVEAL)
        slot = SLOT_REVEAL + (phase - PHASE_REVEAL);
    else if (phase < PHASE_TRAIN)
        slot = phase - PHASE_HANDSHAKE;
    else if (range)
        slot = SLOT_PASS_0 + passes;
    else
        slot = SLOT_PASS_0 + (pass < passes ? pass : pass > PASSES_MAX ? PASSES_MAX + 1 : pass + 1);
    s = &l->step[slot];
    s->phase = (enum phase)phase;
    s->pass = pass;
    s->range = range;
    return s;
}

static void count(struct lanes *l, const struct record *r, party from, party to)
{
    const int range = r->phase == PHASE_TRAIN && r->pass == 0 && r->kind != MESSAGE_checkpoint && r->kind != MESSAGE_cosign;
    struct step *s;

    if (from >= l->contract->parties || to >= l->contract->parties || r->phase == 0 || r->phase >= PHASES)
        return;
    s = step_of(l, r->phase, r->pass, range);
    s->used = 1;
    s->said[from][to].messages++;
    s->said[from][to].bytes += r->body_len;
}

/* A message is counted where its sender wrote it down; where the sender's file was not given, at its receiver. */
static void read_lane(struct lanes *l, const struct story *s)
{
    const party self = s->bundle->self;
    struct log_reader reader;
    struct log_entry e;

    log_reader_init(&reader, s->bundle->log.bytes, s->bundle->log.len, s->contract.parties);
    while (log_next(&reader, &e) == LOG_ENTRY) {
        const struct record *r = &e.record;

        if (r->type == RECORD_SEND)
            count(l, r, self, r->peer);
        else if (r->type == RECORD_RECV && r->peer < PARTIES_MAX && !l->of[r->peer])
            count(l, r, r->peer, self);
        else if (r->type == RECORD_CHECKPOINT)
            step_of(l, PHASE_TRAIN, r->pass, 0)->sealed = 1;
        else if (r->type == RECORD_END)
            step_of(l, PHASE_FINISH, 0, 0)->sealed = 1;
    }
}

static int same_step(const struct step *a, const struct step *b)
{
    return a->phase == PHASE_TRAIN && b->phase == PHASE_TRAIN && !a->range && !b->range && a->used && b->used && a->pass > 0 &&
           b->pass == a->pass + 1 && a->sealed == b->sealed && memcmp(a->said, b->said, sizeof a->said) == 0;
}

/* How many steps from slot on say the same, at least 1. */
static size_t run_length(const struct lanes *l, size_t slot)
{
    size_t n = 1;

    while (slot + n < SLOTS && same_step(&l->step[slot + n - 1], &l->step[slot + n]))
        n++;
    return n;
}

static struct cell sum_from(const struct step *s, party from)
{
    struct cell sum = {0};

    for (party to = 0; to < PARTIES_MAX; to++) {
        sum.messages += s->said[from][to].messages;
        sum.bytes += s->said[from][to].bytes;
    }
    return sum;
}

/* ---- words ---- */

static void step_name(char out[128], const struct step *s, size_t run, enum language l)
{
    if (s->phase != PHASE_TRAIN)
        snprintf(out, 128, "%s", disclosure_phase(s->phase, l));
    else if (s->range)
        snprintf(out, 128, "%s", word(WORD_RANGE_CHECK, l));
    else if (s->pass == 0)
        snprintf(out, 128, "%s", word(WORD_START_POINT, l));
    else if (run > 1)
        snprintf(out, 128, "%s %u–%zu%s", word(WORD_PASSES, l), s->pass, s->pass + run - 1, word(WORD_EACH, l));
    else
        snprintf(out, 128, "%s %u%s", word(WORD_PASS, l), s->pass, word(WORD_PASS_END, l));
}

/* "6 messages, 7.42 kB", with whose in front unless NULL. */
static void sum_text(char out[128], struct cell sum, const char *whose, enum language l)
{
    snprintf(out, 128, "%s%s%s %s, %s", whose ? whose : "", whose ? ": " : "", fmt_count(sum.messages).s,
             word(WORD_MESSAGES_UNIT, l), fmt_bytes(sum.bytes).s);
}

static void svg_text(FILE *f, const char *class, const char *anchor, double x, double y, const char *en, const char *zh)
{
    fprintf(f, "<text class=\"%s en\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\" lang=\"en\">", class, anchor, x, y);
    html_text(f, en);
    fprintf(f, "</text><text class=\"%s zh\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\" lang=\"zh-Hans\">", class, anchor, x, y);
    html_text(f, zh);
    fputs("</text>", f);
}

/* ---- the picture ---- */

enum { WIDTH = 1000, LANE_LEFT = 300, LANE_RIGHT = 660, SUM_LEFT = 700, HEAD = 92, LINE = 19, GAP = 16 };

static double lane_x(const struct lanes *l, party p)
{
    return LANE_LEFT + (double)(LANE_RIGHT - LANE_LEFT) * p / (l->contract->parties - 1);
}

static double thickness(uint64_t bytes)
{
    double t = 1.25;

    for (; bytes >= 1000; bytes /= 10)
        t += 0.45;
    return t > 6 ? 6 : t;
}

static void sender_line(FILE *f, const struct lanes *l, const struct step *s, party from, double y)
{
    const struct cell sum = sum_from(s, from);
    const double x = lane_x(l, from), t = thickness(sum.bytes), tip = 4 + t;
    double left = x, right = x;
    char text[LANGUAGES][128];

    fprintf(f, "<g class=\"c%u\">", from % PARTIES_MAX);
    for (party to = 0; to < l->contract->parties; to++) {
        const double at = lane_x(l, to), back = at < x ? tip : -tip;

        if (!s->said[from][to].messages || to == from)
            continue;
        left = at < left ? at : left;
        right = at > right ? at : right;
        fprintf(f, "<path class=\"tip\" d=\"M%.1f %.1fl%.1f %.1fv%.1fz\"/>", at, y, back, -tip * 0.7, tip * 1.4);
    }
    fprintf(f, "<path class=\"say\" stroke-width=\"%.2f\" d=\"M%.1f %.1fH%.1f\"/>", t, left < x ? left + tip : x, y,
            right > x ? right - tip : x);
    fprintf(f, "<circle class=\"from\" cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\"/>", x, y);
    sum_text(text[LANGUAGE_EN], sum, story_party(l->contract, from), LANGUAGE_EN);
    sum_text(text[LANGUAGE_ZH], sum, story_party(l->contract, from), LANGUAGE_ZH);
    svg_text(f, "sum", "start", SUM_LEFT, y + 4, text[LANGUAGE_EN], text[LANGUAGE_ZH]);
    fputs("</g>\n", f);
}

static unsigned senders(const struct lanes *l, const struct step *s)
{
    unsigned n = 0;

    for (party p = 0; p < l->contract->parties; p++)
        n += sum_from(s, p).messages > 0;
    return n;
}

static double step_height(const struct lanes *l, const struct step *s)
{
    return LINE * (senders(l, s) ? senders(l, s) : 1) + GAP + (s->sealed ? LINE : 0);
}

static double draw_step(FILE *f, const struct lanes *l, const struct step *s, size_t run, double y)
{
    char en[128], zh[128];

    step_name(en, s, run, LANGUAGE_EN);
    step_name(zh, s, run, LANGUAGE_ZH);
    svg_text(f, "step", "start", 0, y + 4, en, zh);
    for (party p = 0; p < l->contract->parties; p++)
        if (sum_from(s, p).messages) {
            sender_line(f, l, s, p, y);
            y += LINE;
        }
    if (!senders(l, s))
        y += LINE;
    if (s->sealed) {
        fprintf(f, "<path class=\"seal\" d=\"M%d %.1fH%d\"/>", LANE_LEFT - 20, y - 2, LANE_RIGHT + 20);
        svg_text(f, "sealed", "start", SUM_LEFT, y + 2, word(WORD_CHECKPOINT_HERE, LANGUAGE_EN),
                 word(WORD_CHECKPOINT_HERE, LANGUAGE_ZH));
        y += LINE;
    }
    return y + GAP;
}

static void picture(FILE *f, const struct lanes *l)
{
    double height = HEAD, y = HEAD;

    for (size_t i = 0; i < SLOTS; i += run_length(l, i))
        if (l->step[i].used || l->step[i].sealed)
            height += step_height(l, &l->step[i]);
    fprintf(f, "<div class=\"scroll\"><svg class=\"lanes\" viewBox=\"0 0 %d %.0f\" role=\"img\" aria-label=\"%s / %s\">\n", WIDTH,
            height, word(WORD_TIMELINE, LANGUAGE_EN), word(WORD_TIMELINE, LANGUAGE_ZH));
    for (party p = 0; p < l->contract->parties; p++) {
        const double x = lane_x(l, p);

        fprintf(f, "<path class=\"rail\" d=\"M%.1f %dV%.0f\"/><text class=\"head\" transform=\"translate(%.1f %d) rotate(-32)\">",
                x, HEAD - 14, height - 4, x, HEAD - 22);
        html_text(f, story_party(l->contract, p));
        fputs("</text>\n", f);
    }
    for (size_t i = 0; i < SLOTS; i += run_length(l, i))
        if (l->step[i].used || l->step[i].sealed)
            y = draw_step(f, l, &l->step[i], run_length(l, i), y);
    fputs("</svg></div>\n", f);
}

/* ---- the table ---- */

static void table(FILE *f, const struct lanes *l)
{
    const struct contract *c = l->contract;

    fputs("<details><summary>", f);
    sheet_word(f, WORD_AS_TABLE);
    fputs("</summary><div class=\"scroll\"><table class=\"wide\"><thead><tr>", f);
    sheet_column(f, "", WORD_STEP);
    for (party p = 0; p < c->parties; p++) {
        fputs("<th scope=\"col\" class=\"n\">", f);
        sheet_word(f, WORD_SENT_BY);
        fputc(' ', f);
        sheet_party(f, c, p);
        fputs("</th>", f);
    }
    fputs("</tr></thead><tbody>\n", f);
    for (size_t i = 0; i < SLOTS; i += run_length(l, i)) {
        const struct step *s = &l->step[i];
        char en[128], zh[128];

        if (!s->used)
            continue;
        step_name(en, s, run_length(l, i), LANGUAGE_EN);
        step_name(zh, s, run_length(l, i), LANGUAGE_ZH);
        fputs("<tr><th scope=\"row\">", f);
        sheet_both(f, en, zh);
        fputs("</th>", f);
        for (party p = 0; p < c->parties; p++) {
            sum_text(en, sum_from(s, p), NULL, LANGUAGE_EN);
            sum_text(zh, sum_from(s, p), NULL, LANGUAGE_ZH);
            fputs("<td class=\"n\">", f);
            sheet_both(f, en, zh);
            fputs("</td>", f);
        }
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table></div></details>\n", f);
}

/* ---- the section ---- */

static void absent(FILE *f, const struct lanes *l)
{
    unsigned n = 0;

    for (party p = 0; p < l->contract->parties; p++)
        if (!l->of[p]) {
            if (n++ == 0) {
                fputs("<p class=\"note\">", f);
                sheet_word(f, WORD_FROM_PEERS);
            }
            fputc(' ', f);
            sheet_party(f, l->contract, p);
        }
    if (n)
        fputs("</p>", f);
}

void sheet_timeline(const struct sheet *s, const struct story *told)
{
    struct step *steps AUTO(auto_free) = NULL;
    struct lanes l = {.contract = &told->contract};
    int any = 0;

    if (alloc_zeroed(&steps, SLOTS, sizeof *steps) != OK)
        return;
    l.step = steps;
    for (party p = 0; p < told->contract.parties; p++)
        l.of[p] = stories_of(s->all, told, p);
    for (party p = 0; p < told->contract.parties; p++)
        if (l.of[p])
            read_lane(&l, l.of[p]);
    for (size_t i = 0; i < SLOTS; i++)
        any |= l.step[i].used;
    if (!any) {
        sheet_tag(s->f, "p", WORD_NO_MESSAGES);
        return;
    }
    picture(s->f, &l);
    absent(s->f, &l);
    table(s->f, &l);
}
