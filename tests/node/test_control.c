/* Who may ask a node for what, and how questions and answers travel. */
#include "node/net/control.h"

#include "crypto/wire.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "node/scratch.h"

static const char *const names[CONTROL_OPS] = {
    [CONTROL_HELLO] = "hello",     [CONTROL_PROPOSE] = "propose", [CONTROL_CONTRACT] = "contract",
    [CONTROL_JOB] = "job",         [CONTROL_START] = "start",     [CONTROL_CANCEL] = "cancel",
    [CONTROL_JOBS] = "jobs",       [CONTROL_APPROVE] = "approve", [CONTROL_REFUSE] = "refuse",
    [CONTROL_EXPLAIN] = "explain",
};

static const struct control_caller operator = {CONTROL_OPERATOR, "operator"};
static const struct control_caller coordinator = {CONTROL_COORDINATOR, "acme"};
static const struct control_caller nobody = {CONTROL_NOBODY, ""};

/* Answers with who asked and an "echo" of the request's field, or fails as the request says. */
static status answer_back(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                          struct fault *f)
{
    const json_t *fail = json_object_get(request, "fail"), *echo = json_object_get(request, "echo");

    ++*(atomic_int *)node;
    if (json_is_true(fail))
        return STATUS_NO_MEMORY; /* without words */
    if (json_is_string(fail)) {
        fault_hint(f, "try less");
        return fault_set(f, STATUS_LIMIT, "%s", json_string_value(fail));
    }
    json_object_set_new(answer, "who", json_string(who->name));
    json_object_set_new(answer, "echo", json_copy((json_t *)(uintptr_t)echo));
    return OK;
}

static atomic_int asked;

static struct control_ops all_ops(void)
{
    struct control_ops ops = {.node = &asked};

    for (int i = 0; i < CONTROL_OPS; i++)
        ops.op[i] = answer_back;
    return ops;
}

static json_t *ask(const struct control_caller *who, const char *text)
{
    struct control_ops ops = all_ops();
    json_t *answer = control_answer(&ops, who, text, strlen(text));

    assert_non_null(answer);
    return answer;
}

static const char *error_of(const json_t *answer, const char *field)
{
    assert_true(json_is_false(json_object_get(answer, "ok")));
    return json_string_value(json_object_get(json_object_get(answer, "error"), field));
}

static void each_operation_is_for_those_it_is_for(void **state)
{
    static const enum control_op for_both[] = {CONTROL_HELLO, CONTROL_JOB, CONTROL_CANCEL, CONTROL_JOBS};
    static const enum control_op for_operators[] = {CONTROL_APPROVE, CONTROL_REFUSE, CONTROL_EXPLAIN};

    (void)state;
    for (int op = 0; op < CONTROL_OPS; op++) {
        int operators = 0, coordinators = 1;
        char text[64];

        for (size_t i = 0; i < sizeof for_both / sizeof *for_both; i++)
            operators |= for_both[i] == (enum control_op)op;
        for (size_t i = 0; i < sizeof for_operators / sizeof *for_operators; i++) {
            operators |= for_operators[i] == (enum control_op)op;
            coordinators &= for_operators[i] != (enum control_op)op;
        }
        snprintf(text, sizeof text, "{\"op\":\"%s\"}", names[op]);
        for (int i = 0; i < 3; i++) {
            const struct control_caller *who = (const struct control_caller *[]){&operator, &coordinator, &nobody}[i];
            int allowed = i == 0 ? operators : i == 1 ? coordinators : 0, before = asked;
            json_t *answer = ask(who, text);

            assert_int_equal(json_is_true(json_object_get(answer, "ok")), allowed);
            assert_int_equal(asked - before, allowed);
            if (!allowed)
                assert_string_equal(error_of(answer, "code"), "refused");
            json_decref(answer);
        }
    }
}

static void an_unknown_certificate_gets_nothing(void **state)
{
    json_t *answer = ask(&nobody, "{\"op\":\"hello\",\"echo\":1}");

    (void)state;
    assert_int_equal(json_object_size(answer), 2); /* ok and error */
    assert_null(json_object_get(answer, "echo"));
    json_decref(answer);
    /* ... not even whether a question is well formed. */
    answer = ask(&nobody, "nonsense");
    assert_string_equal(error_of(answer, "code"), "refused");
    json_decref(answer);
}

static void what_is_no_request_is_said_to_be_none(void **state)
{
    static const char *const bad[] = {"",  "{",  "[]", "null", "{\"op\":1}", "{}", "{\"op\":\"fly\"}", "{\"op\":\"hello\"} x",
                                      "{\"op\":\"hello\",\"op\":\"jobs\"}", "{\"op\":\"\xff\"}"};
    int before = asked;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *answer = ask(&operator, bad[i]);

        assert_string_equal(error_of(answer, "code"), "usage");
        json_decref(answer);
    }
    assert_int_equal(asked, before);
}

static void words_that_name_a_file_are_hidden_and_addresses_are_not(void **state)
{
    static const struct { const char *message, *hint; int hidden, hint_hidden; } cases[] = {
        {"/a/b.csv:3: the columns are \"x\"", "", 1, 1},
        {"bank/state/sessions/x/log: cannot be written", "make room", 1, 1},
        {"it ended by signal 9", "its last words are in bank/worker.log", 0, 1},
        {"tax at tcp://127.0.0.1:2 does not answer", "ask it", 0, 0},
        {"tax at tcp://127.0.0.1:2 does not answer", "see /var", 0, 1},
        {"tcp://h:1 or /etc/x", "", 1, 1},
        {"the job took longer than 3 s", "raise it", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fault f = {.code = STATUS_IO};

        strcpy(f.message, cases[i].message);
        strcpy(f.hint, cases[i].hint);
        assert_int_equal(control_fault_hide(&f), cases[i].hidden);
        assert_int_equal(strcmp(f.message, cases[i].message) != 0, cases[i].hidden);
        assert_int_equal(strcmp(f.hint, cases[i].hint) != 0, cases[i].hint_hidden);
    }
}

static void a_failure_travels_with_code_message_and_hint(void **state)
{
    struct control_ops ops = all_ops();
    const char *request = "{\"op\":\"hello\",\"fail\":\"too \\u4e2d much\"}";
    char *text AUTO(auto_free) = control_answer_text(&ops, &operator, request, strlen(request));
    json_t *answer = NULL;
    struct fault f = {0};

    (void)state;
    assert_int_equal(control_read_answer(&answer, text, strlen(text), &f), STATUS_LIMIT);
    assert_null(answer);
    assert_int_equal(f.code, STATUS_LIMIT);
    assert_string_equal(f.message, "too \xe4\xb8\xad much");
    assert_string_equal(f.hint, "try less");

    answer = ask(&operator, "{\"op\":\"hello\",\"fail\":true}");
    assert_string_equal(error_of(answer, "code"), status_name(STATUS_NO_MEMORY));
    assert_true(error_of(answer, "message")[0]);
    json_decref(answer);
}

static void every_status_has_its_name_back(void **state)
{
    (void)state;
    for (int code = OK + 1; code <= STATUS_MISMATCH; code++)
        assert_int_equal(control_status_named(status_name((status)code)), code);
    assert_int_equal(control_status_named("no such thing"), STATUS_IO);
}

static void hexadecimal_is_read_strictly(void **state)
{
    static const char *const bad[] = {"\"0\"", "\"AB\"", "\"0g\"", "\"00 \"", "\"0011223344\"", "7", "null"};
    const uint8_t bytes[] = {0, 1, 0xab, 0xff};
    json_t *hex = control_hex(bytes, sizeof bytes);
    uint8_t *out = NULL;
    size_t len = 0;

    (void)state;
    assert_string_equal(json_string_value(hex), "0001abff");
    assert_int_equal(control_bytes(&out, &len, hex, "x", 4, NULL), OK);
    assert_int_equal(len, 4);
    assert_memory_equal(out, bytes, 4);
    free(out);
    json_decref(hex);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *value = json_loads(bad[i], JSON_DECODE_ANY, NULL);
        struct fault f = {0};

        assert_int_equal(control_bytes(&out, &len, value, "bins", 4, &f), STATUS_USAGE);
        assert_non_null(strstr(f.message, "'bins'"));
        json_decref(value);
    }
}

/* ---- over the socket ---- */

static struct control_server *server;

static int serve(void **state)
{
    struct control_ops ops = all_ops();
    struct fault f = {0};

    return scratch_make(state) || control_server_open(&server, scratch, &ops, &f) != OK;
}

static int stop(void **state)
{
    control_server_close(server);
    return scratch_remove(state);
}

static status call(const char *echo, struct fault *f)
{
    json_t *request = json_pack("{s:s, s:s}", "op", "hello", "echo", echo), *answer = NULL;
    status result = control_call_local(scratch, request, &answer, 20000, f);

    if (result == OK && strcmp(json_string_value(json_object_get(answer, "echo")), echo) != 0)
        result = STATUS_MISMATCH;
    json_decref(request);
    json_decref(answer);
    return result;
}

static void the_operator_asks_over_a_socket_that_only_the_owner_can_open(void **state)
{
    struct fault f = {0};
    struct stat st;
    char *large = malloc(1000001);

    (void)state;
    assert_int_equal(call("hello", &f), OK);
    memset(large, 'x', 1000000);
    large[1000000] = '\0';
    assert_int_equal(call(large, &f), OK);
    free(large);
    assert_int_equal(stat(in_scratch("hefud.sock"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void *call_often(void *arg)
{
    char text[64];
    status *result = arg;

    for (int i = 0; i < 50 && *result == OK; i++) {
        struct fault f = {0};

        snprintf(text, sizeof text, "%p %d", arg, i);
        *result = call(text, &f);
    }
    return NULL;
}

static int connect_raw(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof a.sun_path, "%s/hefud.sock", scratch);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

static void many_ask_at_once_beside_one_that_says_nothing(void **state)
{
    status result[6] = {0};
    pthread_t thread[6];
    int idle = connect_raw();

    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, call_often, &result[i]), 0);
    for (int i = 0; i < 6; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < 6; i++)
        assert_int_equal(result[i], OK);
    close(idle);
}

static void a_request_that_is_too_long_is_not_read(void **state)
{
    int fd = connect_raw();
    uint8_t prefix[4], byte;
    struct fault f = {0};

    (void)state;
    store_u32(prefix, CONTROL_BYTES_MAX + 1);
    assert_int_equal(write(fd, prefix, 4), 4);
    assert_int_equal(read(fd, &byte, 1), 0); /* hung up */
    close(fd);
    assert_int_equal(call("still there", &f), OK);
}

static void closing_ends_connections_and_leaves_no_socket(void **state)
{
    int idle = connect_raw();
    uint8_t byte;
    struct control_ops ops = all_ops();
    struct fault f = {0};

    (void)state;
    assert_int_equal(call("once", &f), OK);
    control_server_close(server);
    assert_int_equal(read(idle, &byte, 1), 0);
    close(idle);
    assert_false(files_exist(in_scratch("hefud.sock")));
    assert_int_equal(control_server_open(&server, scratch, &ops, &f), OK); /* for the tear-down */
}

static void no_daemon_is_said_with_what_to_do(void **state)
{
    json_t *request = json_pack("{s:s}", "op", "hello"), *answer = NULL;
    struct fault f = {0};

    (void)state;
    assert_int_equal(control_call_local(scratch, request, &answer, 1000, &f), STATUS_IO);
    assert_non_null(strstr(f.message, scratch));
    assert_non_null(strstr(f.hint, "hefud"));
    json_decref(request);
}

static void a_state_directory_may_have_a_long_name(void **state)
{
    char dir[FILES_PATH_BYTES];
    struct control_ops ops = all_ops();
    struct control_server *s = NULL;
    json_t *request = json_pack("{s:s}", "op", "hello"), *answer = NULL;
    struct fault f = {0};

    (void)state;
    snprintf(dir, sizeof dir, "%s/%0*d", scratch, 200, 0);
    assert_int_equal(files_make_directory(dir, &f), OK);
    assert_int_equal(control_server_open(&s, dir, &ops, &f), OK);
    assert_int_equal(control_call_local(dir, request, &answer, 20000, &f), OK);
    json_decref(answer);
    json_decref(request);
    control_server_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_is_for_those_it_is_for),
        cmocka_unit_test(an_unknown_certificate_gets_nothing),
        cmocka_unit_test(what_is_no_request_is_said_to_be_none),
        cmocka_unit_test(words_that_name_a_file_are_hidden_and_addresses_are_not),
        cmocka_unit_test(a_failure_travels_with_code_message_and_hint),
        cmocka_unit_test(every_status_has_its_name_back),
        cmocka_unit_test(hexadecimal_is_read_strictly),
        cmocka_unit_test_setup_teardown(the_operator_asks_over_a_socket_that_only_the_owner_can_open, serve, stop),
        cmocka_unit_test_setup_teardown(many_ask_at_once_beside_one_that_says_nothing, serve, stop),
        cmocka_unit_test_setup_teardown(a_request_that_is_too_long_is_not_read, serve, stop),
        cmocka_unit_test_setup_teardown(closing_ends_connections_and_leaves_no_socket, serve, stop),
        cmocka_unit_test_setup_teardown(no_daemon_is_said_with_what_to_do, scratch_make, scratch_remove),
        cmocka_unit_test_setup_teardown(a_state_directory_may_have_a_long_name, scratch_make, scratch_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
