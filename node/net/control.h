/* What people ask a node: one JSON object in, one out.  The local operator asks over a Unix socket that only the node's
 * own user can open; a coordinator asks over a link, and is known by its certificate.  [docs of the operations: the
 * table in control.c]
 *
 * An answer is {"ok":true,...} or {"ok":false,"error":{"code":"refused","message":"...","hint":"..."}}; code is the
 * status_name. */
#ifndef HEFU_CONTROL_H
#define HEFU_CONTROL_H

#include "crypto/hash.h"

#include <jansson.h>

enum { CONTROL_BYTES_MAX = 4 * 1024 * 1024, CONTROL_NAME_BYTES = 64 };

enum control_role {
    CONTROL_NOBODY = 0,      /* a certificate that no rule knows: gets nothing */
    CONTROL_OPERATOR = 1,    /* this machine, this user */
    CONTROL_COORDINATOR = 2, /* named in node.yaml */
};

struct control_caller {
    enum control_role role;
    char name[CONTROL_NAME_BYTES]; /* for the records: "operator", or the coordinator's name */
};

enum control_op {
    CONTROL_HELLO,
    CONTROL_PROPOSE,
    CONTROL_CONTRACT,
    CONTROL_JOB,
    CONTROL_START,
    CONTROL_CANCEL,
    CONTROL_JOBS,
    CONTROL_APPROVE,
    CONTROL_REFUSE,
    CONTROL_EXPLAIN,
    CONTROL_OPS
};

/* Fills answer (an object that already holds "ok":true).  A failure is told to the caller in f's words; to a coordinator only
 * if they name no file. */
typedef status control_handler(void *node, const struct control_caller *who, const json_t *request, json_t *answer,
                               struct fault *f);

struct control_ops {
    void *node;
    control_handler *op[CONTROL_OPS]; /* called from several threads */
    void (*log)(void *node, const struct fault *f); /* NULL, or: keeps the words that a coordinator is not told */
};

/* The answer to a request; never NULL unless memory is out.  Checks the form, the operation and the caller's role
 * first: who may not ask learns nothing but that. */
json_t *control_answer(const struct control_ops *ops, const struct control_caller *who, const void *request, size_t len);
/* The same as text (NUL-terminated, malloc'ed); NULL when memory is out. */
char *control_answer_text(const struct control_ops *ops, const struct control_caller *who, const void *request,
                          size_t len);

/* STATE/hefud.sock, mode 0600; every connection is served by a thread of its own, a few at a time. */
struct control_server;
MUST_USE status control_server_open(struct control_server **out, const char *state_dir, const struct control_ops *ops,
                                    struct fault *f);
/* Ends open connections and removes the socket. */
void control_server_close(struct control_server *s);

/* One request of the local operator.  OK when the node answered {"ok":true}: *answer is the whole object (json_decref).
 * When it answered with an error, f holds its words and the status is its code.  No daemon: STATUS_IO with a hint. */
MUST_USE status control_call_local(const char *state_dir, const json_t *request, json_t **answer, unsigned deadline_ms,
                                   struct fault *f);
/* The same reading of an answer that came by another way (link_control_call). */
MUST_USE status control_read_answer(json_t **answer, const void *text, size_t len, struct fault *f);

/* The status with this status_name; STATUS_IO when no status has it. */
status control_status_named(const char *name);
/* {"code":..., "message":..., "hint":...} and back. */
json_t *control_fault_json(const struct fault *f);
void control_fault_read(struct fault *f, const json_t *error);
/* For a reader who is not this node's operator: words that name a file here, and so perhaps columns or values of it, become a
 * sentence that does not.  1 when the message was one. */
int control_fault_hide(struct fault *f);

/* Fields of a request.  A missing field or one of another type is STATUS_USAGE and names the field.  The text is
 * borrowed from the request. */
MUST_USE status control_text(const char **out, const json_t *request, const char *field, struct fault *f);
/* Lower-case hexadecimal to bytes; the caller frees *out. */
MUST_USE status control_bytes(uint8_t **out, size_t *len, const json_t *value, const char *field, size_t max,
                              struct fault *f);
json_t *control_hex(const void *bytes, size_t len);

#endif
