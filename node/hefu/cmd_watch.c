/* hefu watch: the progress of a job, live.  As the coordinator it goes on where hefu train stopped: a job that all have
 * approved meanwhile is started. */
#include "node/hefu/cmd.h"
#include "node/hefu/coordinate.h"

#include <stdio.h>

static status watch_as_operator(struct audience *a, const char *id, struct bar *bar, int as_json, struct fault *f)
{
    struct job_view view AUTO(job_view_clear) = {0};

    TRY(job_view_open(&view, a, id, bar, f));
    bar_note(bar, "job %s is %s", id, job_view_state(&view, 0));
    TRY(job_view_watch(&view, f));
    if (job_view_all(&view, "prepared"))
        bar_note(bar, "job %s is prepared; its coordinator trains it with: hefu train %s", id, id);
    else
        bar_note(bar, "job %s is done; its report: hefu report %s%s", id, id, a->option);
    return as_json ? cmd_print_json(json_incref(view.state[0]), f) : OK;
}

static status watch_as_coordinator(struct audience *a, const char *id, struct bar *bar, int as_json, struct fault *f)
{
    struct coordination c AUTO(coordinate_clear) = {0};

    TRY(coordinate_resume(&c, a, id, bar, f));
    TRY(coordinate_run(&c, f));
    return coordinate_print(&c, as_json, f);
}

status cmd_watch(int argc, char **argv, struct fault *f)
{
    const char *id = NULL, *node = NULL, *coordinator = NULL;
    int as_json = 0, quiet = 0;
    const struct cmd_option options[] = {
        {"node", "DIR", "as the operator of the node in DIR", .text = &node},
        {"coordinator", "FILE", "as the coordinator (default: what is in this directory)", .text = &coordinator},
        {"json", NULL, "one JSON object on stdout when it is done", .flag = &as_json},
        {"quiet", NULL, "no progress", .flag = &quiet},
        {0},
    };
    struct audience audience AUTO(audience_clear) = {0};
    struct bar bar;

    TRY(cmd_parse(&(struct cmd_line){"hefu watch", "JOB",
                                     "Show a job's progress until it ends.  As the coordinator, first start it when "
                                     "all have approved.",
                                     options, {&id}, 1},
                  argc, argv, f));
    TRY(audience_find(&audience, node, coordinator, f));
    interrupts_catch();
    bar_init(&bar, stderr, quiet);
    if (audience.node)
        return watch_as_operator(&audience, id, &bar, as_json, f);
    return watch_as_coordinator(&audience, id, &bar, as_json, f);
}
