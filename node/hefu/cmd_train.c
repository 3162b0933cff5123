/* hefu train: propose a job to its parties, or take up one that is prepared; wait for approvals, start it, show progress, say
 * how it went. */
#include "node/hefu/cmd.h"
#include "node/hefu/coordinate.h"

#include <stdio.h>
#include <string.h>

/* A job that was prepared, by its id. */
static status take_up(struct coordination *c, struct audience *a, const char *id, struct bar *bar, struct fault *f)
{
    uint32_t i = 0;

    TRY(coordinate_resume(c, a, id, bar, f));
    TRY(job_view_verdict(&c->view, f));
    while (i < c->view.count && strcmp(job_view_state(&c->view, i), "prepared") == 0)
        i++;
    if (i == c->view.count)
        return OK;
    if (job_view_any(&c->view, "done"))
        fault_hint(f, "a preparation is used once: propose the job file again");
    else
        fault_hint(f, "hefu watch %s%s goes on with a job that is not prepared", id, a->option);
    return fault_set(f, STATUS_USAGE, "job %s is not prepared: at %s it is %s", id, job_view_name(&c->view, i),
                     job_view_state(&c->view, i));
}

static status find_job(struct coordination *c, struct audience *a, const char *what, int fresh, struct bar *bar,
                       struct fault *f)
{
    struct job_file job;
    int found = 0;

    if (!files_exist(what) && strlen(what) == JOB_ID_BYTES - 1 && strspn(what, "0123456789abcdef") == JOB_ID_BYTES - 1) {
        TRY(take_up(c, a, what, bar, f));
        c->use_preparation = 1;
        return OK;
    }
    TRY(job_file_load(&job, what, f));
    if (!fresh)
        TRY(coordinate_find_prepared(c, &found, a, &job, bar, f));
    c->use_preparation = found;
    return found ? OK : coordinate_propose(c, a, &job, bar, f);
}

status cmd_train(int argc, char **argv, struct fault *f)
{
    const char *file = NULL, *coordinator = "coordinator.yaml";
    int no_wait = 0, fresh = 0, as_json = 0, quiet = 0;
    const struct cmd_option options[] = {
        {"coordinator", "FILE", "the coordinator's certificate and its nodes (./coordinator.yaml)", .text = &coordinator},
        {"no-wait", NULL, "propose only and print the job id; hefu watch goes on from there", .flag = &no_wait},
        {"fresh", NULL, "even if the job is prepared: do all of it now", .flag = &fresh},
        {"json", NULL, "one JSON object on stdout", .flag = &as_json},
        {"quiet", NULL, "no progress", .flag = &quiet},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};
    struct coordination c AUTO(coordinate_clear) = {0};
    struct bar bar;

    TRY(cmd_parse(&(struct cmd_line){"hefu train", "JOB",
                                     "Propose the job of a job file to its parties, wait until every operator has "
                                     "approved, train, and print the agreed metrics.  A job that hefu prepare has "
                                     "prepared, named by its file or its id, is trained on its preparation.",
                                     options, {&file}, 1},
                  argc, argv, f));
    TRY(audience_of_coordinator(&audience, coordinator, f));
    interrupts_catch();
    bar_init(&bar, stderr, quiet);
    TRY(find_job(&c, &audience, file, fresh, &bar, f));
    if (c.use_preparation) {
        char text[COORDINATE_TEXT_BYTES];

        coordinate_preparation_text(text, json_object_get(c.view.state[0], "preparation"));
        bar_note(&bar, "job %s is prepared: %s", c.view.id, text);
        bar_note(&bar, "training on this preparation uses it up");
    } else {
        bar_note(&bar, "job %s proposed to %u parties", c.view.id, c.view.count);
    }
    if (no_wait && !c.use_preparation) {
        printf("%s\n", c.view.id);
        return OK;
    }
    TRY(coordinate_run(&c, f));
    return coordinate_print(&c, as_json, f);
}
