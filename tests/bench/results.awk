# The demands of the node's speed against what was measured, as a table in Markdown.
#   awk -f tests/bench/results.awk results.tsv                      the table
#   awk -f tests/bench/results.awk results.tsv tests/bench/RESULTS.md >new.md    the page with its table replaced
# results.tsv is what tests/bench/all.sh prints.  Of several lines that a demand is about the worst counts, and is shown.

# demand TEXT, COMMAND, NAME, SIZE (an expression), FIELD (4 value, 5 ratio), "least" or "most", LIMIT, UNIT
function demand(text, command, name, size, field, kind, limit, unit) {
    demands++
    what[demands] = text; by[demands] = command; of[demands] = name; about[demands] = size; where[demands] = field
    sense[demands] = kind; bound[demands] = limit; in_unit[demands] = unit; found[demands] = ""
}
function worse(a, b, kind) {
    return kind == "most" ? a > b : a < b
}
function figure(value) {
    return value >= 100 ? sprintf("%.0f", value) : value >= 10 ? sprintf("%.1f", value) : sprintf("%.3g", value)
}
function table(i, sign, shown, verdict) {
    print "| figure | demand | measured | met | line | command |"
    print "| --- | --- | --- | --- | --- | --- |"
    for (i = 1; i <= demands; i++) {
        sign = sense[i] == "most" ? "<=" : ">="
        shown = found[i] == "" ? "not measured" : figure(found[i]) in_unit[i]
        verdict = found[i] == "" ? "-" : worse(found[i], bound[i] + 0, sense[i]) ? "**no**" : "yes"
        printf "| %s | %s %s%s | %s | %s | `%s`%s | `%s` |\n", what[i], sign, bound[i], in_unit[i], shown, verdict, of[i], at[i] ? ", " at[i] : "", by[i]
    }
    printf "\n%s, commit %s, %s. Load before: %s on %s processors.\n", fact["date"], fact["commit"], fact["machine"], fact["load"], \
        fact["processors"]
}
BEGIN {
    FS = "\t"
    kernels = "bench_kernels"
    demand("pair multiplication mod N^2, 2048 bits, to mpz_mul + mpz_mod", kernels, "pair_multiply_ifma", "^2048$", 5, "least", 7.0, "x")
    demand("the same, 3072 bits", kernels, "pair_multiply_ifma", "^3072$", 5, "least", 6.3, "x")
    demand("pair kernel, share of the IFMA issue rate", kernels, "pair_of_issue_rate", "^(2048|3072)$", 4, "least", 0.9, "")
    demand("scatter, 100,000 x 8 x 16, plain, to GMP", kernels, "scatter_plain", "^2048 100000x", 5, "least", 7, "x")
    demand("the same, joint bins", kernels, "scatter_joint", "^2048 100000x", 5, "least", 14, "x")
    demand("own-key encryption, full-length randomness, to r^N by GMP", kernels, "encrypt_own", "^2048$", 5, "least", 140, "x")
    demand("decryption, to GMP's by CRT", kernels, "decrypt", "^2048$", 5, "least", 7, "x")
    demand("AVX2 tier, to mpz", kernels, "pair_multiply_avx2", "^2048$", 5, "least", 3, "x")
    demand("scalar tier, to mpz", kernels, "pair_multiply_scalar", "^2048$", 5, "least", 1.4, "x")

    demand("records that an auditor checks a second, all logs given", "bench", "audit_verify", "^3 of 3 ", 4, "least", 100000, " 1/s")

    demand("log of a message", "bench_evidence", "evidence_bytes_a_message", "", 4, "most", 1024, " bytes")
    demand("evidence in the CPU time of training, linear sigmoid, replay off", "bench_evidence", "evidence_of_cpu", " linear replay off INT1", 4, "most", 2, " %")
    demand("the same, exact sigmoid", "bench_evidence", "evidence_of_cpu", " exact replay off INT1", 4, "most", 2, " %")
    demand("the same, with the bodies that a replay needs, linear", "bench_evidence", "evidence_of_cpu", " linear replay sealed INT1", 4, "most", 2, " %")
    demand("the same, exact", "bench_evidence", "evidence_of_cpu", " exact replay sealed INT1", 4, "most", 2, " %")

    full = "training.sh full"
    training("exact", 20, 900)
    training("linear", 16, 200)
    demand("3072 bits, CPU to that of 2048", full, "training_cpu_3072_to_2048", "", 4, "most", 3.2, "x")
    demand("2 parties, 100,000 x 330, CPU of both, exact sigmoid", "training.sh wide", "wide_cpu_of_all", " exact ", 4, "most", 188.16, " s")
    demand("the same, linear sigmoid", "training.sh wide", "wide_cpu_of_all", " linear ", 4, "most", 188.16, " s")
    demand("cost against rows, exponent (linear)", "training.sh rows", "rows_slope", "", 4, "most", 1.1, "")
    demand("the same, between the last two", "training.sh rows", "rows_slope_of_the_last_two", "", 4, "most", 1.1, "")
    demand("cost against columns, exponent (sublinear)", "training.sh columns", "columns_slope", "", 4, "most", 1, "")
    demand("the same, between the last two", "training.sh columns", "columns_slope_of_the_last_two", "", 4, "most", 1, "")
    demand("1,000,000 x 30, memory of a node", "training.sh million", "million_memory", "", 4, "most", 4096, " MiB")
    demand("`hefu plan` against actual, farthest off in five shapes: CPU", "plan.sh", "plan_off_cpu_s", "", 4, "most", 0.25, "")
    demand("the same, bytes", "plan.sh", "plan_off_bytes_sent", "", 4, "most", 0.25, "")
    demand("the same, elapsed time", "plan.sh", "plan_off_wall_s", "", 4, "most", 0.25, "")
}
function training(sigmoid, seconds, megabytes, sets, size, i) {
    split("made credit_all credit_given", sets, " ")
    for (i = 1; i <= 3; i++) {
        size = "^3x[0-9]*x23 " sets[i] " " sigmoid " 2048$"
        demand(sigmoid " training, 3 parties x 23 columns, tables " sets[i] ": CPU a party", full, "training_cpu", size, 4, "most", seconds, " s")
        demand("its traffic in all", full, "training_sent_by_all", size, 4, "most", megabytes, " MB")
        demand("its AUC from the optimum of the " sigmoid " sigmoid", full, "training_auc_from_" sigmoid "_optimum", size, 4, "most", 0.0003, "")
    }
}
FNR == 1 && NR > 1 { page = 1 }
page && /^<!-- table/ { print; print ""; table(); print ""; skipping = 1 }
page && /^<!-- end of table/ { skipping = 0 }
page { if (!skipping) print; next }
$1 == "about" { fact[$2] = $4; next }
/^plan_/ { # the ratio is predicted to actual
    sub(/_of_.*/, "", $1)
    sub(/^plan/, "plan_off", $1)
    $4 = $5 > 1 ? $5 - 1 : 1 - $5
}
{
    for (i = 1; i <= demands; i++)
        if ($1 == of[i] && $2 ~ about[i] && $where[i] != "-" && (found[i] == "" || worse($where[i] + 0, found[i], sense[i]))) {
            found[i] = $where[i] + 0
            at[i] = $2
        }
}
END { if (!page) table() }
