/* hefu table: what data this node may bring into a job. */
#include "node/hefu/cmd.h"
#include "node/hefu/identity.h"
#include "node/local/config.h"
#include "node/local/source.h"
#include "node/net/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static status open_store(struct store **out, const char *dir, struct fault *f)
{
    struct node_config *config AUTO(auto_free) = NULL;
    char path[FILES_PATH_BYTES];

    TRY(alloc_zeroed(&config, 1, sizeof *config));
    TRY(identity_config(path, dir, "node.yaml", f));
    TRY(config_load_node(config, path, f));
    return store_open(out, config->state_dir, f);
}

/* The daemon may run in another directory: remember whole paths. */
static status whole_path(char out[FILES_PATH_BYTES], const char *path, struct fault *f)
{
    char *real AUTO(auto_free) = realpath(path, NULL);

    if (!real) {
        fault_hint(f, "check the path");
        return fault_set(f, STATUS_CONFIG, "%s: there is no such file", path);
    }
    return files_join(out, "/", real, f);
}

static status take_text(char *out, size_t cap, const char *option, const char *text, struct fault *f)
{
    if (strlen(text) >= cap)
        return fault_set(f, STATUS_USAGE, "--%s is longer than %zu bytes", option, cap - 1);
    strcpy(out, text);
    return OK;
}

/* Read the whole table once, as a job would: what it finds is told now, not in the middle of a job. */
static status try_table(struct store_table *t, int labels_later, struct fault *f)
{
    struct dataset data AUTO(dataset_clear) = {0};
    struct dictionary dictionary AUTO(dictionary_clear) = {0};
    struct table_notes notes AUTO(table_notes_clear) = {0};
    const struct source source = {
        .kind = SOURCE_CSV,
        .path = t->path,
        .id_column = t->id_column,
        .label_column = t->label_column[0] ? t->label_column : NULL,
        .split_path = t->split_path[0] ? t->split_path : NULL,
        .on_duplicate = t->refuse_duplicates ? TABLE_DUPLICATE_REFUSE : TABLE_DUPLICATE_FIRST,
        .labels_pending = labels_later != 0,
    };

    TRY(source_open(&data, &dictionary, &notes, &source, f));
    for (size_t i = 0; i < notes.count; i++)
        fprintf(stderr, "hefu: %s: %s\n", notes.list[i].warning ? "warning" : "notice", notes.list[i].text);
    t->rows = data.rows;
    t->columns = data.columns;
    return OK;
}

static json_t *table_json(const struct store_table *t)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:I, s:I}", "name", t->name, "kind", t->kind, "path",
                     t->path, "id", t->id_column, "label", t->label_column[0] ? t->label_column : NULL, "split",
                     t->split_path[0] ? t->split_path : NULL, "on_duplicate", t->refuse_duplicates ? "refuse" : "first",
                     "rows", (json_int_t)t->rows, "columns", (json_int_t)t->columns);
}

static void print_table(const struct store_table *t)
{
    printf("name          %s\nfile          %s\nid column     %s\n", t->name, t->path, t->id_column);
    printf("label column  %s\n", t->label_column[0] ? t->label_column : "none");
    if (t->split_path[0])
        printf("split         %s\n", t->split_path);
    printf("duplicates    %s\n", t->refuse_duplicates ? "refused when they conflict" : "the first row counts");
    printf("people        %llu\ncolumns       %llu\n", (unsigned long long)t->rows, (unsigned long long)t->columns);
}

static status note(struct store *store, const char *what, const char *name, struct fault *f)
{
    char action[NAME_BYTES + 32];

    snprintf(action, sizeof action, "table %s %s", name, what);
    return store_note(store, "", "operator", action, f);
}

static status run_add(int argc, char **argv, struct fault *f)
{
    const char *name = NULL, *file = NULL, *id = NULL, *label = "", *split = NULL, *on_duplicate = "first", *dir = ".";
    struct store *store AUTO(store_clear) = NULL;
    struct store_table t = {.kind = "csv"};
    int json = 0, labels_later = 0;
    const struct cmd_option options[] = {
        {"id", "COLUMN", "the column that identifies a person", .text = &id, .required = 1},
        {"label", "COLUMN", "the column to be predicted: 0 or 1", .text = &label},
        {"labels-later", NULL, "do not look at the labels yet: enough for hefu prepare", .flag = &labels_later},
        {"split", "FILE", "a CSV with the columns id and split (train or test)", .text = &split},
        {"on-duplicate", "RULE", "for conflicting rows of one id: first (default) or refuse", .text = &on_duplicate},
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"json", NULL, "one JSON object on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu table add", "NAME FILE",
                                     "Register a CSV file as a table.  The file stays where it is.", options,
                                     {&name, &file}, 2},
                  argc, argv, f));
    if (!name_is_valid(name))
        return fault_set(f, STATUS_USAGE, "\"%.40s\" is not a table name: %s", name, NAME_RULE);
    if (strcmp(on_duplicate, "first") != 0 && strcmp(on_duplicate, "refuse") != 0)
        return fault_set(f, STATUS_USAGE, "--on-duplicate is \"%.40s\", not first or refuse", on_duplicate);
    TRY(open_store(&store, dir, f));
    strcpy(t.name, name);
    TRY(take_text(t.id_column, sizeof t.id_column, "id", id, f));
    TRY(take_text(t.label_column, sizeof t.label_column, "label", label, f));
    TRY(whole_path(t.path, file, f));
    if (split)
        TRY(whole_path(t.split_path, split, f));
    t.refuse_duplicates = strcmp(on_duplicate, "refuse") == 0;
    TRY(try_table(&t, labels_later, f));
    TRY(store_add_table(store, &t, f));
    TRY(note(store, "added", name, f));
    if (json)
        return cmd_print_json(table_json(&t), f);
    print_table(&t);
    return OK;
}

static status run_list(int argc, char **argv, struct fault *f)
{
    struct store *store AUTO(store_clear) = NULL;
    struct store_table *tables AUTO(auto_free) = NULL;
    const char *dir = ".";
    size_t count = 0;
    int json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"json", NULL, "one JSON array on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu table list", "", "List the registered tables.", options, {0}, 0}, argc, argv,
                  f));
    TRY(open_store(&store, dir, f));
    TRY(store_list_tables(store, &tables, &count, f));
    if (json) {
        json_t *list = json_array();

        for (size_t i = 0; i < count; i++)
            json_array_append_new(list, table_json(&tables[i]));
        return cmd_print_json(list, f);
    }
    if (count)
        printf("%-20s  %10s  %7s  %-16s  %s\n", "NAME", "PEOPLE", "COLUMNS", "LABEL", "FILE");
    for (size_t i = 0; i < count; i++)
        printf("%-20s  %10llu  %7llu  %-16s  %s\n", tables[i].name, (unsigned long long)tables[i].rows,
               (unsigned long long)tables[i].columns, tables[i].label_column[0] ? tables[i].label_column : "-",
               tables[i].path);
    return OK;
}

static status run_show(int argc, char **argv, struct fault *f)
{
    struct store *store AUTO(store_clear) = NULL;
    const char *name = NULL, *dir = ".";
    struct store_table t;
    int json = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {"json", NULL, "one JSON object on stdout", .flag = &json},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu table show", "NAME", "Show a registered table.", options, {&name}, 1}, argc,
                  argv, f));
    TRY(open_store(&store, dir, f));
    TRY(store_get_table(store, &t, name, f));
    if (json)
        return cmd_print_json(table_json(&t), f);
    print_table(&t);
    return OK;
}

static status run_remove(int argc, char **argv, struct fault *f)
{
    struct store *store AUTO(store_clear) = NULL;
    const char *name = NULL, *dir = ".";
    const struct cmd_option options[] = {
        {"node", "DIR", "the node's directory (.)", .text = &dir},
        {0},
    };

    TRY(cmd_parse(&(struct cmd_line){"hefu table remove", "NAME", "Forget a table.  Its file stays.", options, {&name},
                                     1},
                  argc, argv, f));
    TRY(open_store(&store, dir, f));
    TRY(store_remove_table(store, name, f));
    TRY(note(store, "removed", name, f));
    printf("%s is forgotten\n", name);
    return OK;
}

status cmd_table(int argc, char **argv, struct fault *f)
{
    static const struct cmd table[] = {
        {"add", "register a CSV file", run_add},
        {"list", "list the tables", run_list},
        {"show", "show one table", run_show},
        {"remove", "forget a table", run_remove},
        {0},
    };

    return cmd_dispatch("hefu table", "Registered tables.", table, argc, argv, f);
}
