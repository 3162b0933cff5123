/* node.yaml and coordinator.yaml: read strictly into plain structures.  configs/ holds a commented sample of each. */
#ifndef HEFU_CONFIG_H
#define HEFU_CONFIG_H

#include "node/local/files.h"
#include "node/local/name.h"
#include "node/local/timestamp.h"
#include "protocol/contract.h"

enum {
    CONFIG_FILE_BYTES_MAX = 256 * 1024,
    CONFIG_ADDRESS_BYTES = 256,
    CONFIG_PEERS_MAX = 32,        /* institutions this node knows; a job takes PARTIES_MAX of them */
    CONFIG_COORDINATORS_MAX = 16,
    CONFIG_TABLES_MAX = 64,
    CONFIG_APPROVALS_MAX = 8,
};

struct config_peer {
    char name[NAME_BYTES];
    char address[CONFIG_ADDRESS_BYTES]; /* tcp://HOST:PORT */
    struct hash fingerprint;            /* SHA-256 of the certificate's DER */
    struct hash gm_fingerprint;         /* the same of its SM2 certificate; zero: none is known */
};

struct config_coordinator {
    char name[NAME_BYTES];
    struct hash fingerprint;
};

struct config_deadlines {
    uint32_t handshake_s; /* TLS and hello with one peer */
    uint32_t peer_s;      /* a peer that cannot be reached, or does not begin its part of a running job */
    uint32_t step_s;      /* a peer that can be reached but says nothing in a running job: it computes */
    uint32_t approval_s;  /* from proposal to the last signature */
    uint32_t job_s;       /* a whole attempt */
};

#define CONFIG_SUITE(s) (1u << (s))
enum config_approve { APPROVE_ASK = 1, APPROVE_AUTO = 2 };

/* Limits of what this node takes part in.  A job outside them is refused; one inside is asked about or approved. */
struct config_policy {
    uint32_t approve;      /* enum config_approve */
    uint32_t min_rows;     /* smallest limit of common people that a contract may state */
    uint32_t max_passes;
    uint32_t min_key_bits;
    uint32_t outputs;      /* what may leave as a result: OUTPUT_WEIGHTS, _SCORES and _METRICS, combined */
    uint32_t suites;       /* of contracts: CONFIG_SUITE(SUITE_INT1) and so on, combined; 0: those that it has identities for */
    char coordinators[CONFIG_COORDINATORS_MAX][NAME_BYTES]; /* who may propose; none: all known coordinators */
    uint32_t num_coordinators;
    char tables[CONFIG_TABLES_MAX][NAME_BYTES]; /* what may be used; none: all registered tables */
    uint32_t num_tables;
    uint32_t contracts_per_table; /* approved within POLICY_USES_DAYS; 0: no limit */
    uint32_t approvals;    /* how many approvers must sign before the node does; 0 as 1: the operator alone, without signature */
};

struct config_limits {
    uint32_t memory_mb; /* of one job */
    uint32_t queue_mb;  /* of frames waiting for one peer */
    uint32_t threads;   /* of one job; 0: one for each processor that the node may use */
    uint32_t kernel;    /* enum config_kernel */
};

/* Arithmetic on ciphertexts: the processor's best, or one kind by force.  The bytes are the same.  (crypto/pair.h) */
enum config_kernel { KERNEL_AUTO = 0, KERNEL_IFMA, KERNEL_AVX2, KERNEL_SCALAR };
const char *config_kernel_name(uint32_t kernel);

/* Where the evidence of a session is timestamped; tsa_url "": nowhere. */
struct config_evidence {
    char tsa_url[CONFIG_ADDRESS_BYTES]; /* node/local/url.h */
    char tsa_ca[FILES_PATH_BYTES];
    char tsa_tls_ca[FILES_PATH_BYTES]; /* who vouches for an https server; "": whom the system trusts */
    char tsa_policy[TIMESTAMP_POLICY_BYTES]; /* "": as the authority pleases */
};

/* The second identity, SM2, of a node that takes part in contracts of suite GM1: it signs what belongs to them.  TLS stays with
 * the first.  certificate "": there is none; a coordinator has ca and crl alone, for hefu node trust. */
struct config_gm {
    char certificate[FILES_PATH_BYTES], key[FILES_PATH_BYTES], ca[FILES_PATH_BYTES];
    char crl[FILES_PATH_BYTES]; /* "": no revocation list */
};

enum config_log { LOG_ERROR = 1, LOG_WARN = 2, LOG_INFO = 3, LOG_DEBUG = 4 };

/* Paths are absolute or relative to the working directory: what the file says is taken relative to the file. */
struct node_config {
    char name[NAME_BYTES];
    char listen[CONFIG_ADDRESS_BYTES];
    char state_dir[FILES_PATH_BYTES];
    char certificate[FILES_PATH_BYTES], key[FILES_PATH_BYTES], ca[FILES_PATH_BYTES];
    char crl[FILES_PATH_BYTES]; /* "": no revocation list */
    struct config_gm gm;
    struct config_peer peers[CONFIG_PEERS_MAX];
    uint32_t num_peers;
    struct config_coordinator coordinators[CONFIG_COORDINATORS_MAX];
    uint32_t num_coordinators;
    struct config_deadlines deadlines;
    struct config_policy policy;
    struct config_limits limits;
    struct config_evidence evidence;
    uint32_t log; /* enum config_log */
};

struct coordinator_config {
    char certificate[FILES_PATH_BYTES], key[FILES_PATH_BYTES], ca[FILES_PATH_BYTES];
    char crl[FILES_PATH_BYTES];
    struct config_gm gm;
    struct config_peer nodes[CONFIG_PEERS_MAX];
    uint32_t num_nodes;
    struct config_deadlines deadlines;
};

/* path is the file itself.  STATUS_CONFIG with file, line, column, key and accepted range. */
MUST_USE status config_load_node(struct node_config *out, const char *path, struct fault *f);
MUST_USE status config_load_coordinator(struct coordinator_config *out, const char *path, struct fault *f);

/* The same from memory; file names the text in messages, and its directory is where relative paths begin. */
MUST_USE status config_parse_node(struct node_config *out, const char *file, const void *text, size_t len,
                                  struct fault *f);
MUST_USE status config_parse_coordinator(struct coordinator_config *out, const char *file, const void *text, size_t len,
                                         struct fault *f);

/* tcp://HOST:PORT with a port from 1 to 65535. */
int config_address_is_valid(const char *text);

/* The peer of that name, or NULL. */
const struct config_peer *config_find_peer(const struct config_peer *peers, uint32_t count, const char *name);
/* Its certificate in contracts of that suite, or NULL. */
const struct hash *config_peer_pin(const struct config_peer *peer, enum suite s);

/* The files of the identity that signs in contracts of that suite; certificate "": there is none.  Views of c. */
struct config_identity { const char *certificate, *key, *ca, *crl; };
struct config_identity config_identity(const struct node_config *c, enum suite s);

#endif
