/* hefu prepare: propose a job and run its offline session ahead of time.  Labels are not needed yet. */
#include "node/hefu/cmd.h"
#include "node/hefu/coordinate.h"

#include <stdio.h>

status cmd_prepare(int argc, char **argv, struct fault *f)
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

    TRY(cmd_parse(&(struct cmd_line){"hefu prepare", "JOB.yaml",
                                     "Do ahead of time what a training needs neither labels nor weights for: propose the "
                                     "job, wait for approvals, align the tables and exchange all that is encrypted.  hefu "
                                     "train then only trains, once, while ids and features are what they were.",
                                     options, {&file}, 1},
                  argc, argv, f));
    TRY(job_file_load(&job, file, f));
    TRY(audience_of_coordinator(&audience, coordinator, f));
    interrupts_catch();
    bar_init(&bar, stderr, quiet);
    TRY(coordinate_propose_offline(&c, &audience, &job, &bar, f));
    bar_note(&bar, "job %s proposed to %u parties, to be prepared", c.view.id, c.view.count);
    if (no_wait) {
        printf("%s\n", c.view.id);
        return OK;
    }
    TRY(coordinate_run(&c, f));
    return coordinate_print(&c, as_json, f);
}
