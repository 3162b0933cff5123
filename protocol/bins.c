#include "protocol/bins.h"

#include "protocol/accumulate.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELLS_BYTES_MAX = 64 << 20, /* of joint cells, and of tables of gather */
    GROUP_CELLS_MAX = 1 << 16,
    FOLDS = 2,                  /* products that scatter spends on a joint cell at the end */
    PIECE = 256,                /* products that are worth a thread's while */
    FETCH = PAIR_LANES_MAX,     /* products from a cell's fetching to its use, at least */
    WINDOW = 5, WINDOWS = 4,    /* digits of |M| < 2^20 */
    DIGITS = 1 << WINDOW,
    DIAGONAL_BLOCK = 256,       /* bins whose powers are held at a time */
};

/* ---- groups of columns ---- */

struct group {
    uint16_t first, columns;
    uint32_t cells;
    size_t offset; /* of its first cell among all cells */
    size_t bin;    /* of its first bin among the matrix's */
};

struct grouping {
    uint16_t groups;
    size_t cells;
    struct group group[CONTRACT_COLUMNS_MAX];
};

/* size[c]: columns of the group that begins with column c. */
static void group_by(struct grouping *out, const struct matrix *own, const uint16_t *size)
{
    size_t bin = 0;

    memset(out, 0, sizeof *out);
    for (uint16_t c = 0; c < own->columns;) {
        struct group *g = &out->group[out->groups++];

        *g = (struct group){.first = c, .cells = 1, .offset = out->cells, .bin = bin};
        for (; g->columns < size[g->first] && c < own->columns; c++) {
            g->cells *= own->bins[c];
            g->columns++;
            bin += own->bins[c];
        }
        out->cells += g->cells;
    }
}

/* The grouping with the fewest products: uses of every group, and price for each cell of a group of several columns. */
static void group_cheapest(struct grouping *out, const struct matrix *own, uint64_t uses, uint64_t price)
{
    uint64_t cost[CONTRACT_COLUMNS_MAX + 1]; /* of columns c onward */
    uint16_t size[CONTRACT_COLUMNS_MAX];

    cost[own->columns] = 0;
    for (uint16_t c = own->columns; c-- > 0;) {
        uint64_t cells = own->bins[c];

        size[c] = 1;
        cost[c] = uses + cost[c + 1];
        for (uint16_t k = 2; c + k <= own->columns && cells * own->bins[c + k - 1] <= GROUP_CELLS_MAX; k++) {
            cells *= own->bins[c + k - 1];
            if (uses + price * cells + cost[c + k] < cost[c]) {
                size[c] = k;
                cost[c] = uses + price * cells + cost[c + k];
            }
        }
    }
    group_by(out, own, size);
}

/* fuse columns to a group, or AUTO: the cheapest grouping whose cells, copies numbers of so many words each, fit. */
static void group_best(struct grouping *out, const struct matrix *own, uint32_t fuse, uint64_t price, uint64_t copies,
                       size_t words)
{
    uint16_t size[CONTRACT_COLUMNS_MAX];

    if (fuse != BINS_FUSE_AUTO) {
        for (uint16_t c = 0; c < own->columns; c++)
            size[c] = (uint16_t)fuse;
        group_by(out, own, size);
        return;
    }
    group_cheapest(out, own, own->n, price);
    while (out->groups < own->columns && copies * out->cells * words * sizeof(uint64_t) > CELLS_BYTES_MAX) {
        price += price / 2 + 1;
        group_cheapest(out, own, own->n, price);
    }
}

static uint32_t joint_code(const struct group *g, const struct matrix *own, size_t row)
{
    const uint8_t *codes = own->codes + row * own->columns + g->first;
    uint32_t code = 0;

    for (uint16_t c = 0; c < g->columns; c++)
        code = code * own->bins[g->first + c] + codes[c];
    return code;
}

static status numbers_new(uint64_t **out, const struct pair_modulus *m, size_t count)
{
    return alloc_zeroed(out, count * pair_words(m), sizeof **out);
}

/* ---- scatter ---- *
 *
 * Kept as a (1 + beta N), a number would be added by four of the five blocks of a product, the betas by plain addition.
 * That is left out.  For 96 columns of 10 bins the shorter products spare 17 %; bringing the numbers into that form and
 * adding the betas costs 10 %, and a larger share for fewer columns. */

struct scatter {
    const struct pair_modulus *m;
    const struct matrix *own;
    const struct parallel *p;
    struct grouping by;
    uint64_t *cells;
    /* of the call in hand */
    const uint64_t *numbers;
    uint32_t first_row;
    size_t count, pieces;
};

status scatter_new(struct scatter **out, const struct pair_modulus *m, const struct matrix *own, const struct parallel *p,
                   uint32_t fuse)
{
    struct scatter *s;

    TRY(alloc_zeroed(&s, 1, sizeof *s));
    s->m = m;
    s->own = own;
    s->p = p;
    group_best(&s->by, own, fuse, FOLDS, 1, pair_words(m));
    if (numbers_new(&s->cells, m, s->by.cells) != OK) {
        scatter_free(s);
        return STATUS_NO_MEMORY;
    }
    for (size_t i = 0; i < s->by.cells; i++)
        pair_copy(m, s->cells + i * pair_words(m), m->one);
    *out = s;
    return OK;
}

void scatter_free(struct scatter *s)
{
    if (s)
        free(s->cells);
    free(s);
}

static uint64_t *cell_of(const struct scatter *s, const struct group *g, size_t cell)
{
    return s->cells + (g->offset + cell) * pair_words(s->m);
}

/* Joint cells outgrow the nearest cache. */
static void fetch(const uint64_t *cell, size_t words)
{
    for (size_t w = 0; w < words; w += 8)
        __builtin_prefetch(cell + w, 1, 3);
}

/* A thread has some cells for its own: those of some groups, of the first and the last of them perhaps a part.  Every group
 * counts as pieces parts, for all have the same work; the thread's are the parts [first * groups, end * groups). */
struct share {
    size_t first_part, end_part, first_group, end_group;
};

static int has_cell(const struct scatter *s, const struct share *share, size_t group, uint32_t cell)
{
    const size_t part = group * s->pieces + cell * s->pieces / s->by.group[group].cells;

    return part >= share->first_part && part < share->end_part;
}

static void scatter_piece(void *ctx, size_t first, size_t count)
{
    const struct scatter *s = ctx;
    const size_t words = pair_words(s->m), groups = s->by.groups, end = first + count;
    const struct share share = {first * groups, end * groups, first * groups / s->pieces,
                                (end * groups + s->pieces - 1) / s->pieces};
    const size_t ahead = FETCH / (share.end_group - share.first_group) + 1;
    struct accumulator a;

    accumulator_init(&a, s->m);
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = share.first_group; k < share.end_group; k++) {
            const struct group *g = &s->by.group[k];
            const uint32_t cell = joint_code(g, s->own, s->first_row + i);

            if (i + ahead < s->count)
                fetch(cell_of(s, g, joint_code(g, s->own, s->first_row + i + ahead)), words);
            if (has_cell(s, &share, k, cell))
                accumulator_add(&a, cell_of(s, g, cell), s->numbers + i * words);
        }
    accumulator_end(&a);
}

void scatter_add(struct scatter *s, const uint64_t *numbers, uint32_t first_row, size_t count)
{
    assert(first_row + count <= s->own->n);
    s->numbers = numbers;
    s->first_row = first_row;
    s->count = count;
    s->pieces = count * s->by.groups / PIECE + 1;
    parallel_for(s->p, s->pieces, 1, scatter_piece, s);
}

struct marginals {
    const struct scatter *s;
    uint64_t *sums;
};

/* From the last column to the second: add the cells, stride apart, up by the column's bin, then fold that column away.
 * What is left are the first column's sums. */
static void take_apart(const struct scatter *s, const struct group *g, uint64_t *sums)
{
    const uint8_t *bins = s->own->bins + g->first;
    const size_t words = pair_words(s->m);
    size_t stride = 1, bin = 0;
    struct accumulator a;

    accumulator_init(&a, s->m);
    for (uint16_t c = 0; c < g->columns; c++)
        bin += bins[c];
    for (uint16_t c = g->columns; c-- > 1; stride *= bins[c]) {
        bin -= bins[c];
        for (size_t b = 0; b < bins[c]; b++)
            pair_copy(s->m, sums + (bin + b) * words, s->m->one);
        for (size_t i = 0; i < g->cells / stride; i++)
            accumulator_add(&a, sums + (bin + i % bins[c]) * words, cell_of(s, g, i * stride));
        accumulator_end(&a);
        for (size_t i = 0; i < g->cells / stride; i++)
            if (i % bins[c])
                accumulator_add(&a, cell_of(s, g, (i - i % bins[c]) * stride), cell_of(s, g, i * stride));
        accumulator_end(&a);
    }
    for (size_t b = 0; b < bins[0]; b++)
        pair_copy(s->m, sums + b * words, cell_of(s, g, b * stride));
}

static void take_groups_apart(void *ctx, size_t first, size_t count)
{
    const struct marginals *t = ctx;

    for (size_t i = first; i < first + count; i++)
        take_apart(t->s, &t->s->by.group[i], t->sums + t->s->by.group[i].bin * pair_words(t->s->m));
}

void scatter_sums(struct scatter *s, uint64_t *sums)
{
    struct marginals t = {s, sums};

    parallel_for(s->p, s->by.groups, 1, take_groups_apart, &t);
}

/* ---- gather ---- */

struct gather {
    const struct pair_modulus *m;
    const struct matrix *own;
    const uint64_t *entries;
    uint32_t group_rows;
    struct grouping by;
    uint64_t *tables; /* [group_rows][by.cells]; NULL when every group is one column */
};

static const uint64_t *entry_of(const struct gather *g, size_t bin, uint32_t row)
{
    return g->entries + (bin * g->group_rows + row) * pair_words(g->m);
}

static uint64_t *table_of(const struct gather *g, const struct group *group, uint32_t row)
{
    return g->tables + (row * g->by.cells + group->offset) * pair_words(g->m);
}

/* The products of one group for one row position: the cells of the first c columns from those of the first c - 1, last
 * cell first, so that they grow in place. */
static void make_table(const struct gather *g, const struct group *group, uint32_t row)
{
    const size_t words = pair_words(g->m);
    uint64_t *table = table_of(g, group, row);
    uint32_t cells = g->own->bins[group->first];
    size_t bin = group->bin;

    for (uint32_t i = 0; i < cells; i++)
        pair_copy(g->m, table + i * words, entry_of(g, bin + i, row));
    bin += cells;
    for (uint16_t c = 1; c < group->columns; c++) {
        const uint32_t bins = g->own->bins[group->first + c];

        for (uint32_t i = cells; i-- > 0;) {
            uint64_t shorter[PAIR_WORDS_MAX];

            pair_copy(g->m, shorter, table + i * words);
            for (uint32_t b = 0; b < bins; b += PAIR_LANES_MAX) {
                uint64_t *out[PAIR_LANES_MAX];
                const uint64_t *entry[PAIR_LANES_MAX];
                size_t lanes = 0;

                for (; lanes < PAIR_LANES_MAX && b + lanes < bins; lanes++) {
                    out[lanes] = table + ((size_t)i * bins + b + lanes) * words;
                    entry[lanes] = entry_of(g, bin + b + lanes, row);
                }
                pair_multiply_one_var(g->m, out, entry, shorter, lanes);
            }
        }
        cells *= bins;
        bin += bins;
    }
}

static void make_tables(void *ctx, size_t first, size_t count)
{
    const struct gather *g = ctx;

    for (size_t i = first; i < first + count; i++)
        make_table(g, &g->by.group[i % g->by.groups], (uint32_t)(i / g->by.groups));
}

status gather_new(struct gather **out, const struct pair_modulus *m, const struct matrix *own, const uint64_t *entries,
                  uint32_t group_rows, const struct parallel *p, uint32_t fuse)
{
    struct gather *g;

    TRY(alloc_zeroed(&g, 1, sizeof *g));
    g->m = m;
    g->own = own;
    g->entries = entries;
    g->group_rows = group_rows;
    group_best(&g->by, own, fuse, group_rows, group_rows, pair_words(m));
    if (g->by.groups < own->columns) {
        if (numbers_new(&g->tables, m, group_rows * g->by.cells) != OK) {
            gather_free(g);
            return STATUS_NO_MEMORY;
        }
        parallel_for(p, (size_t)group_rows * g->by.groups, 1, make_tables, g);
    }
    *out = g;
    return OK;
}

void gather_free(struct gather *g)
{
    if (g)
        free(g->tables);
    free(g);
}

status gather_replies(const struct gather *g, uint64_t *out, uint32_t first, size_t count)
{
    const size_t words = pair_words(g->m), terms = (size_t)g->group_rows * g->by.groups;
    const uint64_t **factor AUTO(auto_free) = NULL;

    TRY(alloc_zeroed(&factor, count * terms, sizeof *factor));
    for (size_t i = 0; i < count; i++)
        for (uint32_t r = 0; r < g->group_rows; r++) {
            const uint64_t row = (first + (uint64_t)i) * g->group_rows + r;

            for (uint16_t k = 0; k < g->by.groups; k++) {
                const struct group *group = &g->by.group[k];
                const uint64_t **to = &factor[i * terms + (size_t)r * g->by.groups + k];

                if (row >= g->own->n)
                    *to = g->m->one; /* the last reply may be short of rows */
                else if (g->tables)
                    *to = table_of(g, group, r) + joint_code(group, g->own, row) * words;
                else
                    *to = entry_of(g, group->bin + joint_code(group, g->own, row), r);
            }
        }
    pair_horner_var(g->m, out, factor, 1, 0, terms, count);
    return OK;
}

/* ---- the preconditioner ---- */

/* out[a] for a in [first, first + count) from the powers 0..DIGITS-1 of the bases that their exponents apply to. */
struct exponents {
    const struct pair_modulus *m;
    const struct matrix *own;
    const uint64_t *base, *inverse; /* of all bins */
    size_t first;                   /* bin of the first powers */
    uint64_t *plus, *minus;         /* power d of base j at (j - first) * DIGITS + d, and of its inverse */
    uint64_t *out;
    atomic_int failed;
};

static void make_powers_of(const struct exponents *e, uint64_t *power, const uint64_t *base, size_t first, size_t count)
{
    const size_t words = pair_words(e->m);

    for (size_t j = first; j < first + count; j += PAIR_LANES_MAX)
        for (size_t d = 0; d < DIGITS; d++) {
            uint64_t *out[PAIR_LANES_MAX];
            const uint64_t *before[PAIR_LANES_MAX], *factor[PAIR_LANES_MAX];
            size_t lanes = 0;

            for (; lanes < PAIR_LANES_MAX && j + lanes < first + count; lanes++) {
                out[lanes] = power + ((j + lanes) * DIGITS + d) * words;
                before[lanes] = out[lanes] - (d ? words : 0);
                factor[lanes] = base + (e->first + j + lanes) * words;
                if (d == 0)
                    pair_copy(e->m, out[lanes], e->m->one);
            }
            if (d)
                pair_multiply_var(e->m, out, before, factor, lanes);
        }
}

static void make_powers(void *ctx, size_t first, size_t count)
{
    const struct exponents *e = ctx;

    make_powers_of(e, e->plus, e->base, first, count);
    make_powers_of(e, e->minus, e->inverse, first, count);
}

static const uint64_t *power_of(const struct exponents *e, size_t j, int32_t exponent, uint32_t window)
{
    const uint32_t magnitude = exponent < 0 ? (uint32_t)-exponent : (uint32_t)exponent;
    const uint32_t digit = (magnitude >> (WINDOW * (WINDOWS - 1 - window))) % DIGITS;

    return (exponent < 0 ? e->minus : e->plus) + ((j - e->first) * DIGITS + digit) * pair_words(e->m);
}

/* Straus: a row's squarings are shared by all its bases. */
static void raise_rows(void *ctx, size_t first, size_t count)
{
    struct exponents *e = ctx;
    const size_t width = e->own->width, terms = e->own->diagonal ? 1 : width, per_row = WINDOWS * terms;
    const uint64_t **factor AUTO(auto_free) = NULL;

    if (alloc_zeroed(&factor, PAIR_LANES_MAX * per_row, sizeof *factor) != OK) {
        atomic_store(&e->failed, 1);
        return;
    }
    for (size_t i = first; i < first + count; i += PAIR_LANES_MAX) {
        size_t lanes = 0;

        for (; lanes < PAIR_LANES_MAX && i + lanes < first + count; lanes++)
            for (uint32_t w = 0; w < WINDOWS; w++)
                for (size_t k = 0; k < terms; k++) {
                    const size_t a = e->first + i + lanes, j = e->own->diagonal ? a : k;

                    factor[lanes * per_row + w * terms + k] =
                        power_of(e, j, e->own->precondition[e->own->diagonal ? j : a * width + j], w);
                }
        pair_horner_var(e->m, e->out + (e->first + i) * pair_words(e->m), factor, WINDOWS, WINDOW, terms, lanes);
    }
}

/* sums[j] *= ridge[j]^lam; scratch has room for width numbers. */
static void add_ridge(const struct pair_modulus *m, uint64_t *sums, const uint64_t *ridge, uint64_t lam, size_t width,
                      uint64_t *scratch)
{
    BIGNUM(exponent);

    mpz_set_ui(exponent, lam);
    pair_power(m, scratch, ridge, width, exponent);
    for (size_t j = 0; j < width; j++) {
        uint64_t *sum = sums + j * pair_words(m);

        pair_multiply_one_var(m, &sum, (const uint64_t *const[]){sum}, scratch + j * pair_words(m), 1);
    }
}

status bins_precondition(uint64_t *out, const struct pair_modulus *m, uint64_t *sums, const uint64_t *ridge, uint64_t lam,
                         const struct matrix *own, const struct parallel *p)
{
    const size_t width = own->width, block = own->diagonal && width > DIAGONAL_BLOCK ? DIAGONAL_BLOCK : width;
    uint64_t *inverse AUTO(auto_free) = NULL, *plus AUTO(auto_free) = NULL, *minus AUTO(auto_free) = NULL;
    struct exponents e = {.m = m, .own = own, .base = sums, .out = out};

    TRY(numbers_new(&inverse, m, width));
    TRY(numbers_new(&plus, m, block * DIGITS));
    TRY(numbers_new(&minus, m, block * DIGITS));
    add_ridge(m, sums, ridge, lam, width, inverse);
    TRY(pair_invert_var(m, inverse, sums, width));
    e.inverse = inverse;
    e.plus = plus;
    e.minus = minus;
    for (; e.first < width; e.first += block) {
        const size_t bins = width - e.first < block ? width - e.first : block;

        parallel_for(p, bins, PAIR_LANES_MAX, make_powers, &e);
        parallel_for(p, bins, PAIR_LANES_MAX, raise_rows, &e);
    }
    return atomic_load(&e.failed) ? STATUS_NO_MEMORY : OK;
}

/* ---- how much that is ---- */

enum {
    ONE_INVERSE = 40, /* products that take as long as an inverse, about */
    COUNT_RADIX = 52, /* bits of a digit: what memory holds differs little from tier to tier */
};

static uint64_t padded(uint64_t count, uint32_t lanes)
{
    return (count + lanes - 1) / lanes * lanes;
}

static void count_scatter(struct bins_work *out, const struct matrix *own, size_t words)
{
    struct grouping by;

    group_best(&by, own, BINS_FUSE_AUTO, FOLDS, 1, words);
    out->scatter = (uint64_t)own->n * by.groups;
    out->scatter_cells = by.cells;
    for (uint16_t i = 0; i < by.groups; i++)
        for (uint64_t c = by.group[i].columns, cells = by.group[i].cells; c-- > 1;) {
            out->scatter += FOLDS * cells;
            cells /= own->bins[by.group[i].first + c];
        }
}

static void count_gather(struct bins_work *out, const struct matrix *own, uint32_t group_rows, size_t words, uint32_t lanes)
{
    struct grouping by;

    group_best(&by, own, BINS_FUSE_AUTO, group_rows, group_rows, words);
    for (uint16_t i = 0; i < by.groups; i++) {
        const struct group *g = &by.group[i];
        uint64_t cells = own->bins[g->first];

        for (uint16_t c = 1; c < g->columns; c++) {
            out->tables += group_rows * cells * padded(own->bins[g->first + c], lanes);
            cells *= own->bins[g->first + c];
        }
    }
    out->gather = (own->n + (uint64_t)group_rows - 1) / group_rows * group_rows * by.groups;
    out->gather_cells = by.groups < own->columns ? group_rows * by.cells : 0;
}

void bins_count(struct bins_work *out, const struct matrix *own, uint32_t group_rows, uint64_t lam, uint32_t key_bits,
                uint32_t lanes)
{
    const size_t words = 2 * ((key_bits + COUNT_RADIX - 1) / COUNT_RADIX);
    const uint64_t width = own->width, terms = own->diagonal ? 1 : width;
    uint64_t lam_bits = 0;

    memset(out, 0, sizeof *out);
    count_scatter(out, own, words);
    count_gather(out, own, group_rows, words, lanes);
    while (lam >> lam_bits && lam_bits < 63)
        lam_bits++;
    out->powers = padded(width, lanes) * (2 * (DIGITS - 1) + lam_bits + lam_bits / 4 + DIGITS / 2) +
                  width * (lanes + ONE_INVERSE);
    out->raise = padded(width, lanes) * (WINDOWS * terms + WINDOW * (WINDOWS - 1));
}
