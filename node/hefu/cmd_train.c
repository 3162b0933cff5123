/* hefu train: propose a job to its parties, wait for their approvals, start it, show progress, say how it went. */
#include "node/hefu/cmd.h"
#include "node/hefu/coordinate.h"

#include <stdio.h>
#include <string.h>

status cmd_train(int argc, char **argv, struct fault *f)
{
    const char *file = NULL, *coordinator = "coordinator.yaml";
    int no_wait = 0, as_json = 0, quiet = 0;
    const struct cmd_option options[] = {
        {"coordinator", "FILE", "the coordinator's certificate and its nodes (./coordinator.yaml)", .text = &coordinator},
        {"no-wait", NULL, "propose only and print the job id; hefu watch goes on from there", .flag = &no_wait},
        {"json", NULL, "one JSON object on stdout", .flag = &as_json},
        {"quiet", NULL, "no progress", .flag = &quiet},
        {0},
    };
    struct job_file job;
    struct audience audience AUTO(audience_clear) = {0};
    struct coordination c AUTO(coordinate_clear) = {0};
    struct bar bar;

    TRY(cmd_parse(&(struct cmd_line){"hefu train", "JOB.yaml",
                                     "Propose a job to its parties, wait until every operator has approved, train, and "
                                     "print the agreed metrics.",
                                     options, {&file}, 1},
                  argc, argv, f));
    TRY(job_file_load(&job, file, f));
    TRY(audience_of_coordinator(&audience, coordinator, f));
    interrupts_catch();
    bar_init(&bar, stderr, quiet);
    TRY(coordinate_propose(&c, &audience, &job, &bar, f));
    bar_note(&bar, "job %s proposed to %u parties", c.view.id, c.view.count);
    if (no_wait) {
        printf("%s\n", c.view.id);
        return OK;
    }
    TRY(coordinate_run(&c, f));
    return coordinate_print(&c, as_json, f);
}
