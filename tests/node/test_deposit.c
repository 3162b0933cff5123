/* Adapters that answer, fail, hang and babble; and the queue of what outsiders are asked. */
#include "kit/synthetic.h"
#include "node/local/proof.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <cmocka.h>

#include "scratch.h"

static const char line[] = "{\"contract\":\"...\"}\n";
static struct synthetic session;

static status run(const char *adapter, uint32_t deadline_s, uint8_t **receipt, size_t *len, struct fault *f)
{
    *receipt = NULL;
    *len = 0;
    return deposit_run(receipt, len, adapter, line, sizeof line - 1, deadline_s, f);
}

static void refused(const char *adapter, uint32_t deadline_s, status code, const char *words)
{
    struct fault f = {0};
    uint8_t *receipt;
    size_t len;

    assert_int_equal(run(adapter, deadline_s, &receipt, &len, &f), code);
    assert_null(receipt);
    if (!strstr(f.message, words))
        fail_msg("\"%s\" instead of \"%s\"", f.message, words);
}

static void an_adapter_reads_the_line_and_its_output_is_the_receipt(void **state)
{
    uint8_t *receipt AUTO(auto_free) = NULL;
    struct fault f = {0};
    size_t len = 0;

    (void)state;
    assert_int_equal(run("echo got: && cat", 10, &receipt, &len, &f), OK);
    assert_int_equal(len, 5 + sizeof line - 1);
    assert_memory_equal(receipt + 5, line, sizeof line - 1);
}

static void an_adapter_need_not_read(void **state)
{
    uint8_t *receipt AUTO(auto_free) = NULL;
    struct fault f = {0};
    size_t len = 0;

    (void)state;
    assert_int_equal(run("exec <&-; echo 7", 10, &receipt, &len, &f), OK);
    assert_memory_equal(receipt, "7\n", 2);
}

static void an_adapter_that_fails_is_told_with_its_code(void **state)
{
    (void)state;
    refused("echo half; exit 3", 10, STATUS_REFUSED, "failed with exit code 3");
    refused("no-such-command-anywhere 2>/dev/null", 10, STATUS_REFUSED, "failed with exit code 127");
    refused("kill -9 $$", 10, STATUS_REFUSED, "was killed");
    refused("true", 10, STATUS_REFUSED, "gave no receipt");
}

static void an_adapter_that_writes_too_much_is_stopped(void **state)
{
    uint8_t *receipt AUTO(auto_free) = NULL;
    struct fault f = {0};
    size_t len = 0;

    (void)state;
    refused("yes", 10, STATUS_LIMIT, "more than 16384 bytes");
    assert_int_equal(run("head -c 16384 /dev/zero", 10, &receipt, &len, &f), OK);
    assert_int_equal(len, 16384);
}

static void an_adapter_that_hangs_is_killed_with_all_it_started(void **state)
{
    char command[FILES_PATH_BYTES + 64];
    uint8_t *pid AUTO(auto_free) = NULL;
    struct fault f = {0};
    size_t len = 0;
    int ended = 0;

    (void)state;
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    snprintf(command, sizeof command, "sleep 600 & echo $! >%s; wait", in_scratch("pid"));
    refused(command, 1, STATUS_TIMEOUT, "has not ended by its deadline");
    refused("exec >&-; sleep 600", 1, STATUS_TIMEOUT, "has not ended by its deadline");
    assert_int_equal(files_read(&pid, &len, in_scratch("pid"), 32, &f), OK);
    assert_int_equal(waitpid(atoi((char *)pid), &ended, 0), atoi((char *)pid)); /* it became ours */
    assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
}

static void a_deposit_has_one_encoding(void **state)
{
    const struct deposit d = {{(const uint8_t *)line, sizeof line - 1}, {(const uint8_t *)"ok", 2}};
    struct wire_writer w AUTO(wire_writer_clear) = {0};
    struct deposit back;

    (void)state;
    assert_int_equal(deposit_encode(&w, &d), OK);
    assert_int_equal(deposit_decode(&back, w.bytes, w.len), OK);
    assert_memory_equal(back.line.bytes, line, sizeof line - 1);
    assert_int_equal(back.receipt.len, 2);
    for (size_t len = 0; len < w.len; len++)
        assert_int_equal(deposit_decode(&back, w.bytes, len), STATUS_MALFORMED);
    wire_put_u8(&w, 0);
    assert_int_equal(deposit_decode(&back, w.bytes, w.len), STATUS_MALFORMED);
}

/* ---- the queue ---- */

/* A session directory as a node leaves it: evidence tells whether it has ended. */
static const char *make_session(const char *name, int evidence)
{
    static char dir[FILES_PATH_BYTES];
    struct wire_writer file AUTO(wire_writer_clear) = {0};
    char path[FILES_PATH_BYTES];
    struct fault f = {0};

    snprintf(dir, sizeof dir, "%s/%s", scratch, name);
    assert_int_equal(files_make_directory(dir, &f), OK);
    assert_int_equal(files_join(path, dir, "contract", &f), OK);
    assert_int_equal(files_write(path, session.contract_bytes.bytes, session.contract_bytes.len, 0600, &f), OK);
    assert_int_equal(files_join(path, dir, "approvals", &f), OK);
    assert_int_equal(files_write(path, session.approval_bytes, (size_t)session.contract.parties * APPROVAL_BYTES, 0600, &f),
                     OK);
    assert_int_equal(files_join(path, dir, "log", &f), OK);
    assert_int_equal(files_write(path, session.log[0].bytes, session.log[0].len, 0600, &f), OK);
    assert_int_equal(bundle_encode(&file, &session.bundle[0]), OK);
    assert_int_equal(files_join(path, dir, "evidence.hefu", &f), OK);
    if (evidence)
        assert_int_equal(files_write(path, file.bytes, file.len, 0600, &f), OK);
    return dir;
}

static int64_t in_time(void)
{
    return (int64_t)session.contract.not_after - 10;
}

static void stamps_are_asked_for_at_the_start_and_at_the_end(void **state)
{
    struct proof start AUTO(proof_clear) = {0}, end AUTO(proof_clear) = {0}, again AUTO(proof_clear) = {0};
    const char *dir = make_session("stamps", 0);
    enum suite suite = 0;
    struct stamps want;
    struct hash digest;
    struct fault f = {0};

    (void)state;
    assert_int_equal(stamps_of_bundle(&want, &session.bundle[0], &f), OK);
    assert_int_equal(proof_queue_stamps(dir, "1.2.3.4", in_time(), &f), OK);
    assert_int_equal(proof_read(&start, dir, PROOF_START, &f), OK);
    assert_int_equal(proof_read(&end, dir, PROOF_END, &f), OK);
    assert_int_equal(start.state, PROOF_WAITING);
    assert_int_equal(end.state, PROOF_NONE);
    assert_int_equal(start.queued, in_time());
    assert_int_equal(timestamp_request_digest(&digest, &suite, start.request, start.request_len, &f), OK);
    assert_int_equal(suite, session.contract.suite);
    assert_true(hash_equal(&digest, &want.start));
    make_session("stamps", 1);
    assert_int_equal(proof_queue_stamps(dir, "", in_time() + 5, &f), OK);
    assert_int_equal(proof_read(&end, dir, PROOF_END, &f), OK);
    assert_int_equal(end.state, PROOF_WAITING);
    assert_int_equal(timestamp_request_digest(&digest, &suite, end.request, end.request_len, &f), OK);
    assert_int_equal(suite, session.contract.suite);
    assert_true(hash_equal(&digest, &want.end));
    /* what waits is not asked anew */
    assert_int_equal(proof_queue_stamps(dir, "", in_time() + 9, &f), OK);
    assert_int_equal(proof_read(&again, dir, PROOF_START, &f), OK);
    assert_int_equal(again.queued, in_time());
    assert_memory_equal(again.request, start.request, start.request_len);
}

static void nothing_is_asked_that_would_come_too_late_or_of_a_session_that_never_began(void **state)
{
    struct proof start AUTO(proof_clear) = {0};
    char dir[FILES_PATH_BYTES];
    struct fault f = {0};

    (void)state;
    snprintf(dir, sizeof dir, "%s", make_session("late", 1));
    assert_int_equal(proof_queue_stamps(dir, "", (int64_t)session.contract.not_after + STAMP_DEADLINE_S + 1, &f), OK);
    assert_int_equal(proof_read(&start, dir, PROOF_START, &f), OK);
    assert_int_equal(start.state, PROOF_NONE);
    assert_int_equal(unlink(in_scratch("late/log")), 0);
    assert_int_equal(proof_queue_stamps(dir, "", in_time(), &f), OK);
    assert_int_equal(proof_read(&start, dir, PROOF_START, &f), OK);
    assert_int_equal(start.state, PROOF_NONE);
}

static void failures_are_kept_until_there_is_an_answer_and_the_first_answer_stays(void **state)
{
    struct proof p AUTO(proof_clear) = {0}, after AUTO(proof_clear) = {0}, held AUTO(proof_clear) = {0};
    struct fault f = {0}, why = {.code = STATUS_CLOSED, .message = "it is away"};
    char dir[FILES_PATH_BYTES];

    (void)state;
    snprintf(dir, sizeof dir, "%s", make_session("failures", 1));
    assert_int_equal(proof_queue_stamps(dir, "", in_time(), &f), OK);
    assert_int_equal(proof_read(&p, dir, PROOF_END, &f), OK);
    assert_int_equal(proof_failed(dir, PROOF_END, &p, in_time() + 60, &why, &f), OK);
    assert_int_equal(proof_failed(dir, PROOF_END, &p, in_time() + 120, &why, &f), OK);
    assert_int_equal(proof_read(&after, dir, PROOF_END, &f), OK);
    assert_int_equal(after.state, PROOF_WAITING);
    assert_int_equal(after.tries, 2);
    assert_int_equal(after.tried, in_time() + 120);
    assert_int_equal(after.queued, in_time());
    assert_string_equal(after.error, "it is away");
    assert_int_equal(proof_keep(dir, PROOF_END, (const uint8_t *)"one", 3, &f), OK);
    assert_int_equal(proof_keep(dir, PROOF_END, (const uint8_t *)"two", 3, &f), OK);
    assert_int_equal(proof_read(&held, dir, PROOF_END, &f), OK);
    assert_int_equal(held.state, PROOF_HELD);
    assert_memory_equal(held.answer, "one", 3);
}

/* What asking again does not change is told apart; another authority may still stamp it. */
static void a_stamp_that_is_refused_for_good_says_so_and_a_deposit_goes_on_waiting(void **state)
{
    struct proof p AUTO(proof_clear) = {0}, after AUTO(proof_clear) = {0}, again AUTO(proof_clear) = {0};
    struct proof deposit AUTO(proof_clear) = {0}, waits AUTO(proof_clear) = {0};
    const struct fault no = {.code = STATUS_REFUSED, .message = "badAlg"}, away = {.code = STATUS_CLOSED, .message = "away"};
    struct fault f = {0};
    char dir[FILES_PATH_BYTES];

    (void)state;
    snprintf(dir, sizeof dir, "%s", make_session("refused", 1));
    assert_int_equal(proof_queue_stamps(dir, "", in_time(), &f), OK);
    assert_int_equal(proof_read(&p, dir, PROOF_START, &f), OK);
    assert_int_equal(proof_failed(dir, PROOF_START, &p, in_time() + 60, &no, &f), OK);
    assert_int_equal(proof_read(&after, dir, PROOF_START, &f), OK);
    assert_int_equal(after.state, PROOF_REFUSED);
    assert_string_equal(after.error, "badAlg");
    assert_memory_equal(after.request, p.request, p.request_len);
    assert_int_equal(proof_failed(dir, PROOF_START, &after, in_time() + 90, &away, &f), OK);
    assert_int_equal(proof_read(&again, dir, PROOF_START, &f), OK);
    assert_int_equal(again.state, PROOF_WAITING);
    assert_int_equal(again.tries, 2);
    assert_int_equal(proof_queue_deposit(dir, "exit 1", in_time(), &f), OK);
    assert_int_equal(proof_read(&deposit, dir, PROOF_DEPOSIT, &f), OK);
    assert_int_equal(proof_failed(dir, PROOF_DEPOSIT, &deposit, in_time() + 60, &no, &f), OK);
    assert_int_equal(proof_read(&waits, dir, PROOF_DEPOSIT, &f), OK);
    assert_int_equal(waits.state, PROOF_WAITING);
}

/* START is stamped, END is not: a receipt alone stands for it. */
static void a_start_may_be_stamped_and_the_end_only_deposited(void **state)
{
    struct wire_writer file AUTO(wire_writer_clear) = {0};
    struct proof end AUTO(proof_clear) = {0};
    struct bundle b;
    struct fault f = {0};
    char dir[FILES_PATH_BYTES];

    (void)state;
    snprintf(dir, sizeof dir, "%s", make_session("mixed", 0));
    assert_int_equal(proof_queue_stamps(dir, "", in_time(), &f), OK);
    assert_int_equal(proof_keep(dir, PROOF_START, (const uint8_t *)"token", 5, &f), OK);
    make_session("mixed", 1);
    assert_int_equal(proof_queue_deposit(dir, "cat", in_time(), &f), OK);
    assert_int_equal(proof_keep(dir, PROOF_DEPOSIT, (const uint8_t *)"block 7", 7, &f), OK);
    assert_int_equal(proof_read(&end, dir, PROOF_END, &f), OK);
    assert_int_equal(end.state, PROOF_NONE);
    assert_int_equal(proof_attach(&file, dir, &f), OK);
    assert_int_equal(bundle_decode(&b, file.bytes, file.len, &f), OK);
    assert_int_equal(b.attachment[ATTACHMENT_TIMESTAMP_START].len, 5);
    assert_null(b.attachment[ATTACHMENT_TIMESTAMP_END].bytes);
    assert_non_null(b.attachment[ATTACHMENT_DEPOSIT].bytes);
}

static void a_deposit_waits_with_its_line_and_is_made_once(void **state)
{
    struct proof p AUTO(proof_clear) = {0};
    struct wire_writer file AUTO(wire_writer_clear) = {0};
    char want[STAMP_LINE_BYTES], dir[FILES_PATH_BYTES];
    struct stamps s;
    struct bundle b;
    struct deposit d;
    struct fault f = {0};

    (void)state;
    snprintf(dir, sizeof dir, "%s", make_session("deposit", 0));
    assert_int_equal(proof_queue_deposit(dir, "cat", in_time(), &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "no evidence yet"));
    f = (struct fault){0};
    make_session("deposit", 1);
    assert_int_equal(proof_queue_deposit(dir, "cat", in_time(), &f), OK);
    assert_int_equal(proof_queue_deposit(dir, "cat -u", in_time() + 1, &f), OK);
    assert_int_equal(proof_read(&p, dir, PROOF_DEPOSIT, &f), OK);
    assert_string_equal(p.adapter, "cat -u");
    assert_int_equal(p.queued, in_time());
    assert_int_equal(stamps_of_bundle(&s, &session.bundle[0], &f), OK);
    assert_int_equal(p.request_len, stamp_line(want, &s));
    assert_memory_equal(p.request, want, p.request_len);
    assert_int_equal(proof_keep(dir, PROOF_DEPOSIT, (const uint8_t *)"block 7", 7, &f), OK);
    assert_int_equal(proof_queue_deposit(dir, "cat", in_time(), &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "deposited already"));
    /* and it travels with the evidence */
    f = (struct fault){0};
    assert_int_equal(proof_attach(&file, dir, &f), OK);
    assert_int_equal(bundle_decode(&b, file.bytes, file.len, &f), OK);
    assert_null(b.attachment[ATTACHMENT_TIMESTAMP_START].bytes);
    assert_int_equal(
        deposit_decode(&d, b.attachment[ATTACHMENT_DEPOSIT].bytes, b.attachment[ATTACHMENT_DEPOSIT].len), OK);
    assert_memory_equal(d.receipt.bytes, "block 7", 7);
    assert_memory_equal(b.log.bytes, session.log[0].bytes, b.log.len);
}

static void a_damaged_state_is_named(void **state)
{
    struct proof p AUTO(proof_clear) = {0};
    struct fault f = {0};
    char dir[FILES_PATH_BYTES];

    (void)state;
    snprintf(dir, sizeof dir, "%s", make_session("damaged", 1));
    assert_int_equal(proof_queue_stamps(dir, "", in_time(), &f), OK);
    assert_int_equal(files_write(in_scratch("damaged/stamp-start.state"), "{", 1, 0600, &f), OK);
    assert_int_equal(proof_read(&p, dir, PROOF_START, &f), STATUS_CONFIG);
    assert_non_null(strstr(f.message, "stamp-start.state is damaged"));
}

static int set_up(void **state)
{
    return scratch_make(state) == 0 && synthetic_make(&session, 2, 5, SIZE_MAX) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    synthetic_clear(&session);
    return scratch_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_adapter_reads_the_line_and_its_output_is_the_receipt),
        cmocka_unit_test(an_adapter_need_not_read),
        cmocka_unit_test(an_adapter_that_fails_is_told_with_its_code),
        cmocka_unit_test(an_adapter_that_writes_too_much_is_stopped),
        cmocka_unit_test(an_adapter_that_hangs_is_killed_with_all_it_started),
        cmocka_unit_test(a_deposit_has_one_encoding),
        cmocka_unit_test(stamps_are_asked_for_at_the_start_and_at_the_end),
        cmocka_unit_test(nothing_is_asked_that_would_come_too_late_or_of_a_session_that_never_began),
        cmocka_unit_test(failures_are_kept_until_there_is_an_answer_and_the_first_answer_stays),
        cmocka_unit_test(a_stamp_that_is_refused_for_good_says_so_and_a_deposit_goes_on_waiting),
        cmocka_unit_test(a_start_may_be_stamped_and_the_end_only_deposited),
        cmocka_unit_test(a_deposit_waits_with_its_line_and_is_made_once),
        cmocka_unit_test(a_damaged_state_is_named),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("deposit", tests, set_up, tear_down);
}
