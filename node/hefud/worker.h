/* The process of one attempt: reads its session directory, runs its party over fd 3, leaves the results there. */
#ifndef HEFU_WORKER_H
#define HEFU_WORKER_H

/* The program's exit code. */
int worker_main(const char *session_dir, const char *config_path);

#endif
