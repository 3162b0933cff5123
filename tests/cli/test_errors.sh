#!/bin/sh
# What goes wrong in life is said in words: the file, line, column or party, and what to do about it.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$work"

people bank.csv 1 600 age limit label
people tax.csv 1 600 income paid
people few.csv 560 900 income paid
people none.csv 1000 1600 income paid

# try_with LABEL FILE, OTHER FILE, OPTION...
try_with() {
    a=$1 b=$2
    shift 2
    "$hefu" try --party "bank=$a" --party "tax=$b" --id id --label label --passes 2 --out out --quiet "$@"
}

# ---- files and columns ----

expect missing_file 2 "missing.csv" "no such file" "hint: " -- try_with bank.csv missing.csv

sed 's/^id,/person,/' tax.csv >no-id.csv
expect no_id_column 2 "no-id.csv" '"id"' "hint: " -- try_with bank.csv no-id.csv

expect no_label_column 2 '"label"' "hint: " -- try_with tax.csv few.csv

expect nearest_label_of_all_files 2 '"labl"' 'did you mean "label" of bank.csv?' -- \
    "$hefu" try --party tax=tax.csv --party bank=bank.csv --id id --label labl --out out
expect id_and_label_are_two_columns 2 '--id and --label name the same column, "id"' -- \
    "$hefu" try --party tax=tax.csv --party bank=bank.csv --id id --label id --out out
expect label_in_two_tables 2 '"label"' "bank.csv of bank" "other.csv of tax" "hint: " -- \
    sh -c 'cp bank.csv other.csv; "$@"' sh "$hefu" try --party bank=bank.csv --party tax=other.csv --id id --label label

awk -F, -v OFS=, 'NR == 41 { $4 = 2 } { print }' bank.csv >label-2.csv
expect label_not_0_or_1 2 "label-2.csv:41" '"label"' "hint: " -- try_with label-2.csv tax.csv

awk -F, -v OFS=, 'NR > 1 { $4 = 1 } { print }' bank.csv >one-class.csv
expect one_class_only 2 "one-class.csv" "label" "hint: " -- try_with one-class.csv tax.csv

awk -F, -v OFS=, 'NR == 30 { $2 = "\"12" } { print }' tax.csv >quote.csv
expect unterminated_quote 2 "quote.csv:30" "quote" "hint: " -- try_with bank.csv quote.csv

awk -F, -v OFS=, 'NR == 77 { $0 = $0 ",9" } { print }' tax.csv >ragged.csv
expect ragged_row 2 "ragged.csv:77" "4" "3" "hint: " -- try_with bank.csv ragged.csv

awk -F, -v OFS=, 'NR == 55 { $3 = "12o4" } { print }' tax.csv >text.csv
expect text_in_a_numeric_column 2 "text.csv:55" '"paid"' "hint: " -- try_with bank.csv text.csv

awk -F, -v OFS=, 'NR > 1 { $2 = 7; $3 = "" } { print }' tax.csv >useless.csv
expect no_usable_column_left 2 "useless.csv" "column" "hint: " -- try_with bank.csv useless.csv

# ---- arguments ----

expect key_too_short 2 "1024" "2048" "hint: " -- try_with bank.csv tax.csv --key-bits 1024
expect one_party_only 2 "2 to 8" "hint: " -- "$hefu" try --party bank=bank.csv --id id --label label
expect bad_party_name 2 "-bank" "hint: " -- "$hefu" try --party -bank=bank.csv --party tax=tax.csv --id id --label label
expect unknown_option 2 "--pases" "hint: " -- try_with bank.csv tax.csv --pases 3
expect foreign_directory_is_left_alone 2 "not empty" "--force" -- \
    sh -c 'mkdir mine; echo x >mine/file; "$@"' sh "$hefu" try --party bank=bank.csv --party tax=tax.csv --id id \
    --label label --out mine

expect a_file_is_no_place_for_results 2 "bank.csv: is a file, not a directory" "--out" -- \
    "$hefu" try --party bank=bank.csv --party tax=tax.csv --id id --label label --out bank.csv

# ---- found out together ----

expect empty_intersection 2 "common" "hint: " -- try_with bank.csv none.csv --key-bits 2048
expect intersection_below_the_minimum 2 "41" "100" "hint: " -- try_with bank.csv few.csv --key-bits 2048
expect no_node_is_left_behind 1 -- pgrep -f "$HEFU_BIN/hefud"

finish
