/* Results, early return and clean-up: the three habits every file shares. */
#ifndef HEFU_STATUS_H
#define HEFU_STATUS_H

#include <stddef.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))
#define AUTO(clear) __attribute__((cleanup(clear)))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Whose fault decides the exit code: a peer's 3, the operator's 2, an audit mismatch 1, the world's 4. */
typedef enum status {
    OK = 0,
    STATUS_NO_MEMORY,    /* world:    allocation failed                                     */
    STATUS_IO,           /* world:    file, disk, socket                                    */
    STATUS_TIMEOUT,      /* world:    a deadline passed                                     */
    STATUS_CLOSED,       /* world:    the other end went away                               */
    STATUS_CANCELLED,    /* operator: stopped on request                                    */
    STATUS_USAGE,        /* operator: wrong arguments                                       */
    STATUS_CONFIG,       /* operator: a file or a value in it is unusable                   */
    STATUS_REFUSED,      /* operator: policy or an operator said no                         */
    STATUS_LIMIT,        /* contract: a limit of the contract was not met                   */
    STATUS_MALFORMED,    /* peer:     bytes that no honest party sends                      */
    STATUS_UNEXPECTED,   /* peer:     well-formed, but not what the protocol says comes now */
    STATUS_UNTRUSTED,    /* peer:     signature, certificate or proof does not verify       */
    STATUS_EQUIVOCATION, /* peer:     told two parties different things                     */
    STATUS_MISMATCH,     /* audit:    evidence does not agree                               */
} status;

/* A short fixed name, such as "timeout".  Never NULL. */
const char *status_name(status code);

/* The exit code of a program that ends with this status: 0, 1, 2, 3 or 4. */
int status_exit_code(status code);

#define TRY(call)                      \
    do {                               \
        status try_result_ = (call);   \
        if (try_result_ != OK)         \
            return try_result_;        \
    } while (0)

/* What went wrong, in words for a person: one sentence, and what to do about it.
 * Holds no secret and nothing a peer sent verbatim. */
struct fault {
    status code;
    char message[480];
    char hint[320];
};

/* Record a fault (the first one stays) and return its code, so that a caller can write
 *     return fault_set(f, STATUS_CONFIG, "%s:%zu: ...", file, line);
 * f may be NULL. */
status fault_set(struct fault *f, status code, const char *fmt, ...) PRINTF_LIKE(3, 4);
void fault_hint(struct fault *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* calloc that reports through status; count * size is checked for overflow.  *out is untouched on failure. */
MUST_USE status alloc_zeroed(void *out, size_t count, size_t size);

/* For AUTO: frees what a pointer variable points to. */
void auto_free(void *pointer_variable);
void auto_wipe(void *pointer_variable); /* all that was allocated, then frees it */

#endif
