#!/bin/sh
# What whole trainings cost: real nodes on this machine, a hefud process each, TLS between them, signed evidence on.
#   sh tests/bench/training.sh BUILD_DIR [full|rows|columns|wide|million|rivals|quick [SIZE...]]
# full     one training of three parties, 23 columns: credit data and made-up tables, both sigmoids, 2048 and 3072 bits;
#          SIZE...: rows of the made-up tables, to train and to test (30000 9000)
# rows     cost against rows, with its slope and a plot in BUILD_DIR/bench (10000 30000 100000 300000)
# columns  the same against columns: rows, then columns of each of two parties (20000 4 8 16 32 64 128)
# wide     two parties, rows and columns of each (100000 165)
# million  memory: two parties of 15 columns, rows (1000000)
# rivals   the trainings that other systems' figures are known of
# quick    a little of each, in a few minutes, with figures that mean nothing
# The credit data lie in HEFU_DATA_ROOT (default ../shared/data); without them the tables are all made up.
# HEFU_PASSES: instead of what a job file gets by default.
# Prints what tests/bench/bench prints: name, size, unit, value, ratio.  README of the lines: RESULTS.md.
usage="usage: sh tests/bench/training.sh BUILD_DIR [full|rows|columns|wide|million|rivals|quick [SIZE...]]"
[ $# -gt 0 ] && [ -x "$1/bin/hefud" ] && [ -x "$1/bench/bench_optimum" ] && [ -x "$1/bench/bench_table" ] || {
    echo "$usage" >&2
    echo "training: error: ${1-no directory}: holds no bin/hefud, bench/bench_table and bench/bench_optimum" >&2
    exit 2
}
HEFU_BIN=$(cd "$1/bin" && pwd)
bench=$(cd "$1/bench" && pwd)
mode=${2-full}
shift
[ $# -eq 0 ] || shift
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/../cli/lib.sh"
data_root=${HEFU_DATA_ROOT-$root/../shared/data}
ridge=0.003
hertz=$(getconf CLK_TCK)

fail() {
    echo "training: error: $1" >&2
    shift
    tail -n 20 "$@" >&2
    exit 4
}

# ---- tables: a directory with PARTY.csv of each party, the label party's first, and split.csv ----

# made NAME, TRAIN ROWS, TEST ROWS, PARTY=COLUMNS...
made() {
    set_name=$1
    tables=$work/tables/$set_name
    label=default
    shift
    [ -d "$tables" ] || { mkdir -p "$tables" && "$bench/bench_table" "$tables" "$@"; }
    shift 2
    parties=
    columns=0
    for pair; do
        parties="$parties ${pair%%=*}"
        columns=$((columns + ${pair#*=}))
    done
}

credit_is_there() {
    [ -f "$data_root/default_credit_3p/bank.csv" ] && [ -f "$data_root/default_credit_fate/split.csv" ]
}

# The three parties' tables as they are: not everybody is known to all.
credit_given() {
    set_name=credit_given tables=$data_root/default_credit_3p
    parties="bank tax social" columns=23 label=default
}

# pick FILE, COLUMN...: these columns of a CSV, in this order.
pick() {
    file=$1
    shift
    awk -F , -v names="$*" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; count = split(names, name, " ") }
        { for (i = 1; i <= count; i++) printf "%s%s", $at[name[i]], i < count ? "," : "\n" }' "$file"
}

# All 30,000 clients, known to all three; the columns that each has are those of the given tables.
credit_all() {
    set_name=credit_all tables=$work/tables/credit_all
    parties="bank tax social" columns=23 label=y
    [ ! -d "$tables" ] || return 0
    mkdir -p "$tables"
    from=$data_root/default_credit_fate
    paste -d , "$from/default_credit_hetero_guest.csv" "$from/default_credit_hetero_host.csv" |
        sed '1s/.*/id,y,PAY_6,B1,B2,B3,B4,B5,B6,A1,A2,A3,A4,A5,A6,same,LIMIT,SEX,EDU,MARRIAGE,AGE,PAY_0,PAY_2,PAY_3,PAY_4,PAY_5/' \
            >"$tables/all"
    awk -F , '$1 != $16 && NR > 1 { exit 1 }' "$tables/all" || fail "the two credit tables are not in one order" /dev/null
    pick "$tables/all" id y LIMIT SEX AGE B1 B2 B3 B4 B5 B6 PAY_6 >"$tables/bank.csv"
    pick "$tables/all" id PAY_2 PAY_3 A1 A2 A3 A4 A5 A6 >"$tables/tax.csv"
    pick "$tables/all" id EDU MARRIAGE PAY_0 PAY_4 PAY_5 >"$tables/social.csv"
    cp "$from/split.csv" "$tables/split.csv"
}

# The two parties of the data as published.
credit_two() {
    set_name=credit_two tables=$work/tables/credit_two
    parties="guest host" columns=23 label=y
    [ ! -d "$tables" ] || return 0
    mkdir -p "$tables"
    for party in $parties; do
        cp "$data_root/default_credit_fate/default_credit_hetero_$party.csv" "$tables/$party.csv"
    done
    cp "$data_root/default_credit_fate/split.csv" "$tables/split.csv"
}

# What the best model of these tables reaches: lines "exact AUC LOGLOSS" and "linear AUC LOGLOSS".
optimum() {
    [ -f "$work/optimum-$set_name" ] && return 0
    set --
    for party in $parties; do
        set -- "$@" "$tables/$party.csv"
    done
    "$bench/bench_optimum" "$ridge" "$label" "$tables/split.csv" "$@" >"$work/optimum-$set_name"
}

# ---- one training ----

make_nodes() {
    # shellcheck disable=SC2086  # one word per party
    consortium auto $parties
    sed -i 's/handshake_s: 5/handshake_s: 60/' coordinator.yaml
    threads=$(($(nproc) / $#))
    for party; do
        sed -i 's/handshake_s: 5/handshake_s: 60/; s/peer_s: 10/peer_s: 3600\n  step_s: 36000/' "$party/node.yaml"
        printf 'limits:\n  threads: %s\n' $((threads ? threads : 1)) >>"$party/node.yaml"
        if [ "$party" = "$1" ]; then
            "$hefu" table add people "$tables/$party.csv" --id id --node "$party" --label "$label" \
                --split "$tables/split.csv"
        else
            "$hefu" table add people "$tables/$party.csv" --id id --node "$party"
        fi
    done
    {
        printf 'name: bench\npurpose: to measure a training\nkey_bits: %s\ntables:\n' "$bits"
        printf '  - {party: %s, table: people}\n' "$@"
        printf 'training:\n  ridge: %s\n  sigmoid: %s\n' "$ridge" "$sigmoid"
        [ -z "${HEFU_PASSES-}" ] || printf '  passes: %s\n' "$HEFU_PASSES"
        printf 'limits:\n  min_rows: 100\n  min_positives: 10\n  rows_per_bin: 2\ntest:\n  listed: true\n'
    } >job.yaml
}

all_linked() {
    for party; do
        "$hefu" jobs --node "$party" && [ "$(grep -c "linked with" "$party/hefud.log")" -ge $(($# - 1)) ] || return 1
    done
}

stop_nodes() {
    for pid in $pids; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in $pids; do
        wait "$pid" 2>/dev/null || true
    done
    pids=
}

# CPU seconds of a daemon and of its workers that have ended.
cpu_of() {
    awk -v hertz="$hertz" '{ sub(/.*\) /, ""); printf "%.2f\n", ($12 + $13 + $14 + $15) / hertz }' "/proc/$1/stat"
}

# CPU seconds that this machine's programs have used since it started.
cpu_of_all() {
    awk -v hertz="$hertz" '/^cpu / { printf "%.2f\n", ($2 + $3 + $4 + $7 + $8) / hertz }' /proc/stat
}

# watch NAME PID...: ten times a second what each daemon and its worker have used.  Lines of
# name, time, when the worker started, its CPU seconds, its peak memory in KiB, the daemon's.  Ends with the daemons.
watch() {
    exec awk -v of="$*" -v hertz="$hertz" '
        function first_line(path) {
            text = ""
            getline text <path
            close(path)
            return text
        }
        function peak(pid, text, path) {
            path = "/proc/" pid "/status"
            while ((getline text <path) > 0)
                if (text ~ /^VmHWM/)
                    break
            close(path)
            split(text, part, " ")
            return part[1] == "VmHWM:" ? part[2] : 0
        }
        function find_worker(pid, command, text) {
            command = "cat /proc/" pid "/task/*/children 2>/dev/null"
            text = ""
            command | getline text
            close(command)
            split(text, part, " ")
            return part[1]
        }
        BEGIN {
            count = split(of, word, " ")
            for (;;) {
                for (i = 1; i < count; i += 2) {
                    if (!worker[i])
                        worker[i] = find_worker(word[i + 1])
                    if (!first_line("/proc/" word[i + 1] "/stat"))
                        exit
                    stat = worker[i] ? first_line("/proc/" worker[i] "/stat") : ""
                    if (!stat) {
                        worker[i] = ""
                        continue
                    }
                    split(first_line("/proc/uptime"), now, " ")
                    sub(/.*\) /, "", stat)
                    split(stat, field, " ")
                    print word[i], now[1], field[20] / hertz, (field[12] + field[13]) / hertz, peak(worker[i]), \
                        peak(word[i + 1])
                }
                fflush()
                if (system("sleep 0.1"))
                    exit
            }
        }'
}

# members FILE KEY: the numbers of an object in JSON as hefu prints it, a name and a value a line.
members() {
    sed -n '/^ *"'"$2"'": {/,/}/s/^ *"\([^"]*\)": \([0-9.e+-]*\),*$/\1 \2/p' "$1"
}

# member FILE KEY: a number.
member() {
    sed -n 's/^ *"'"$2"'": \([0-9.e+-]*\),*$/\1/p' "$1" | head -n 1
}

# What alignment took of a party's CPU: its worker's account of when the phase was, and the samples around.
cpu_of_alignment() {
    members "$1/state/sessions/$job-0/result.json" seconds |
        awk -v party="$1" '
            function at(time, i) { # between two samples in proportion
                for (i = 1; i <= samples; i++)
                    if (when[i] >= time)
                        break
                if (i > samples)
                    return cpu[samples]
                return cpu[i - 1] + (cpu[i] - cpu[i - 1]) * (time - when[i - 1]) / (when[i] - when[i - 1])
            }
            NF == 2 {
                seconds[$1] = $2
                if ($1 != "total")
                    phases += $2
                next
            }
            $1 == party {
                if (!samples)
                    when[0] = $3
                if ($2 > when[samples]) {
                    when[++samples] = $2
                    cpu[samples] = $4
                }
            }
            END {
                start = when[0] + seconds["total"] - phases + seconds["handshake"]
                printf "%.2f\n", at(start + seconds["align"]) - at(start)
            }' - samples
}

# train SIGMOID BITS: of the tables chosen; leaves its figures in variables.
train() {
    sigmoid=$1 bits=$2
    rm -rf "$work/run"
    mkdir "$work/run"
    cd "$work/run"
    # shellcheck disable=SC2086  # one word per party
    set -- $parties
    make_nodes "$@" >setup.log 2>&1 || fail "the consortium cannot be set up" setup.log
    watched=
    for party; do
        start_node "$party"
        watched="$watched $party $started"
    done
    wait_until 60 all_linked "$@" || fail "the nodes are not linked" ./*/hefud.log

    load=$(cut -d ' ' -f 1 /proc/loadavg)
    busy=$(cpu_of_all)
    for pid in $pids; do
        cpu_of "$pid"
    done >cpu.before
    # shellcheck disable=SC2086  # name and process by turns
    watch $watched >samples 2>/dev/null &
    watcher=$!
    began=$(cut -d ' ' -f 1 /proc/uptime)
    "$hefu" train job.yaml --json >result.json 2>train.log </dev/null || {
        kill "$watcher"
        fail "the training failed" train.log ./*/hefud.log
    }
    wall=$(awk -v began="$began" '{ printf "%.2f", $1 - began }' /proc/uptime)
    for pid in $pids; do
        cpu_of "$pid"
    done >cpu.after
    busy=$(cpu_of_all | awk -v before="$busy" '{ print $1 - before }')
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    stop_nodes

    job=$(sed -nE 's/.*job ([0-9a-f]{16}) proposed.*/\1/p' train.log | head -n 1)
    "$HEFU_BIN/hefu-audit" verify ./*/state/sessions/"$job"-0/evidence.hefu >verify.log 2>&1 ||
        fail "the evidence does not verify" verify.log
    printf '%s\n' "$@" | paste -d ' ' - cpu.before cpu.after >cpu
    : >costs # party, CPU seconds of all but alignment, of alignment, MiB
    for party; do
        awk -v party="$party" -v align="$(cpu_of_alignment "$party")" '
            FILENAME == "cpu" { if ($1 == party) cpu = $3 - $2; next }
            $1 == party && $5 > worker { worker = $5 }
            $1 == party && $6 > daemon { daemon = $6 }
            END { printf "%s %.2f %.2f %.1f\n", party, cpu - align, align, (worker + daemon) / 1024 }' cpu samples >>costs
    done
    cpu=$(most 2) cpu_align=$(most 3) memory=$(most 4)
    cpu_sum=$(awk '{ n += $2 + $3 } END { printf "%.2f", n }' costs)
    others=$(awk -v all="$busy" -v own="$cpu_sum" -v wall="$wall" \
        'BEGIN { n = (all - own) / wall; printf "%.2f", (n > 0) * n }')
    sent=$(members result.json bytes_sent | awk '{ n += $2 } END { printf "%.2f", n / 1e6 }')
    size=$(printf '%dx%dx%d %s %s %d' $# "$(member result.json rows_train)" "$columns" "$set_name" "$sigmoid" "$bits")
    cd "$work"
}

# The largest of a column of costs.
most() {
    awk -v column="$1" '$column > n { n = $column } END { print n + 0 }' costs
}

# ---- figures ----

# line NAME UNIT VALUE [LIMIT]: the ratio is how many times the value goes into what is demanded.
line() {
    printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$size" "$2" "$3" \
        "$(awk -v value="$3" -v limit="${4-}" 'BEGIN { if (limit && value > 0) printf "%.2f", limit / value; else print "-" }')"
}

# |value - wanted|
distance() {
    awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; printf "%.6f", d < 0 ? -d : d }'
}

# print_costs NAME [CPU LIMIT, MB LIMIT]
print_costs() {
    line "$1_passes" passes "$(member run/result.json passes)"
    line "$1_cpu" s "$cpu" "${2-}"
    line "$1_cpu_align" s "$cpu_align"
    while read -r party one align mib; do
        line "$1_cpu_of_$party" s "$one"
        line "$1_cpu_align_of_$party" s "$align"
        line "$1_memory_of_$party" MiB "$mib"
    done <run/costs
    line "$1_sent_by_all" MB "$sent" "${3-}"
    line "$1_wall" s "$wall"
    line "$1_memory" MiB "$memory"
    line "$1_load_before" processes "$load"
    line "$1_used_by_others" processors "$others"
}

print_quality() {
    optimum
    line training_rows_common rows "$(member run/result.json rows_aligned)"
    line training_rows_tested rows "$(member run/result.json rows_test)"
    line training_auc 1 "$(member run/result.json auc_test)"
    while read -r kind auc logloss; do
        [ "$kind" != rows ] || continue
        limit=0.0003
        [ "$kind" = "$sigmoid" ] || limit=
        line "training_auc_from_${kind}_optimum" 1 "$(distance "$(member run/result.json auc_test)" "$auc")" "$limit"
        line "training_logloss_from_${kind}_optimum" 1 "$(distance "$(member run/result.json logloss_test)" "$logloss")"
    done <"$work/optimum-$set_name"
}

# one SIGMOID BITS [CPU LIMIT, MB LIMIT]
one() {
    train "$1" "$2"
    print_costs training "${3-}" "${4-}"
    print_quality
}

# Both sigmoids.
both() {
    one exact 2048 20 900
    exact_cpu=$cpu
    one linear 2048 16 200
}

full() {
    if credit_is_there; then
        credit_given
        both
    fi
    made made "$1" "$2" bank=10 tax=8 social=5
    both
    if credit_is_there; then
        credit_all
        both
    fi
    one exact 3072
    line training_cpu_3072_to_2048 x "$(awk -v a="$cpu" -v b="$exact_cpu" 'BEGIN { printf "%.3f", a / b }')" 3.2
}

# ---- cost against rows and columns ----

# slope NAME FIELD: of the logarithm of the CPU seconds over that of a number of the size, by least squares; then between
# the two largest.
slope() {
    awk -F '\t' -v name="$1" -v field="$2" '
        $1 == name {
            split($2, part, /[x ]/)
            x = log(part[field]); y = log($4)
            if (n) last = (y - before_y) / (x - before_x)
            before_x = x; before_y = y
            n++; sx += x; sy += y; sxx += x * x; sxy += x * y
        }
        END { printf "%.3f %.3f\n", (n * sxy - sx * sy) / (n * sxx - sx * sx), last }' lines
}

# against NAME FIELD LIMIT: slopes of what the file lines holds, and the plot.
against() {
    cat lines
    slope "$1_cpu" "$2" >slopes
    size="$(awk -F '\t' -v name="$1_cpu" '$1 == name { print $2; exit }' lines) and more"
    read -r fitted last <slopes
    line "$1_slope" 1 "$fitted" "$3"
    line "$1_slope_of_the_last_two" 1 "$last" "$3"
    awk -f "$root/tests/bench/plot.awk" lines >"$bench/$1.svg"
}

rows() {
    : >lines
    for rows; do
        made "made_$rows" "$rows" $((rows / 10)) bank=10 tax=10
        train exact 2048
        print_costs rows >>lines
        rm -rf "$tables"
    done
    against rows 2 1.1
}

columns() {
    : >lines
    count=$1
    shift
    for half; do
        made "made_$half" "$count" $((count / 10)) bank="$half" tax="$half"
        train exact 2048
        print_costs columns >>lines
        rm -rf "$tables"
    done
    against columns 3 1
}

# ---- wide, many, and the others ----

# 294 s on 32 cores, a fiftieth, by all parties together.
wide() {
    for sigmoid in exact linear; do
        made wide "$1" $(($1 / 10)) bank="$2" tax="$2"
        train "$sigmoid" 2048
        print_costs wide
        line wide_cpu_of_all s "$cpu_sum" 188.16
    done
}

million() {
    made million "$1" $(($1 / 10)) bank=15 tax=15
    for sigmoid in exact linear; do
        train "$sigmoid" 2048
        print_costs million
        line million_memory_under_4_GiB MiB "$memory" 4096
    done
}

# rival NAME, CPU SECONDS, MB: another's, as many times as ours.
rival() {
    printf 'rival_%s_cpu\t%s\ts\t%s\t%s\n' "$1" "$size" "$2" \
        "$(awk -v a="$2" -v b="$cpu" -v c="$cpu_align" 'BEGIN { printf "%.2f", a / b }')"
    printf 'rival_%s_sent_by_all\t%s\tMB\t%s\t%s\n' "$1" "$size" "$3" \
        "$(awk -v a="$3" -v b="$sent" 'BEGIN { printf "%.2f", a / b }')"
}

# Their figures are for 30,000 x 23 and one epoch, measured once on a machine of this kind: CPU seconds of a party, or of
# all where they were only known in all.  Ours are a whole training's.
rivals() {
    for sigmoid in exact linear; do
        if credit_is_there; then
            credit_two
        else
            made made_two 30000 9000 guest=13 host=10
        fi
        train "$sigmoid" 2048
        print_costs rivals
        rival mp_spdz_semi2k 8.1 4807
        rival mp_spdz_hemi 25 1033
        cpu=$cpu_sum
        rival fate_1_11_lr_masked_rate_0_of_all 960 127
        rival fate_1_11_lr_of_all 7500 1200
        rival fate_1_11_secureboost_one_tree_of_all 335 73
        if credit_is_there; then
            credit_all
        else
            made made 30000 9000 bank=10 tax=8 social=5
        fi
        train "$sigmoid" 2048
        print_costs rivals
        rival mp_spdz_semi2k 20 19198
        rival mp_spdz_replicated_ring_honest_majority 0.37 13.3
    done
}

# ---- what was asked for ----

quick() {
    made quick 700 200 bank=4 tax=3 social=2
    one exact 2048 20 900
    one linear 2048 16 200
    rows 1000 2000
    columns 1000 2 4 8
    wide 1000 10
}

cd "$work"
printf 'name\tsize\tunit\tvalue\tratio\n'
# sizes DEFAULT... -- SIZE...: those given, or else the default ones.
sizes() {
    defaults=
    while [ "$1" != -- ]; do
        defaults="$defaults $1"
        shift
    done
    shift
    [ $# -gt 0 ] || set -- "$defaults"
    echo "$*"
}

# shellcheck disable=SC2046  # one word per size
case $mode in
full) full $(sizes 30000 9000 -- "$@") ;;
rows) rows $(sizes 10000 30000 100000 300000 -- "$@") ;;
columns) columns $(sizes 20000 4 8 16 32 64 128 -- "$@") ;;
wide) wide $(sizes 100000 165 -- "$@") ;;
million) million $(sizes 1000000 -- "$@") ;;
rivals) rivals ;;
quick) quick ;;
*)
    echo "$usage" >&2
    echo "training: error: \"$mode\" is none of these" >&2
    exit 2
    ;;
esac
