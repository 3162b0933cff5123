/* hefu-audit: checks the evidence of a session, shows it, and replays one party's part. */
#include "crypto/bignum.h"
#include "node/hefu_audit/premises.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    audit_command *run;
    const char *help;
} commands[] = {
    {"verify", command_verify,
     "usage: hefu-audit verify FILE... [--ca ca.pem] [--crl crl.pem] [--gm-ca ca-gm.pem] [--gm-crl crl-gm.pem]\n"
     "                         [--tsa-ca FILE] [--builds FILE] [--json]\n"
     "\n"
     "Check the evidence files (PARTY.hefu) of one session or of several: contract,\n"
     "approvals, every record, its place, its signature, that all files tell the same\n"
     "story, and that nothing is used twice.  Needs no data and no secret.  The more\n"
     "parties' files, the more is shown; what they leave open is said at the end.\n"
     "\n"
     "  --ca FILE    the consortium's CA: who issued the certificates\n"
     "  --crl FILE   its revocation list, the latest there is\n"
     "  --gm-ca FILE, --gm-crl FILE   the same for sessions of suite GM1\n"
     "  --tsa-ca FILE  whose timestamps count\n"
     "  --builds FILE  SHA-256 of the builds of hefud that may have run, one on a line\n"
     "  --json       one JSON object\n"
     "\n"
     "Exit code 0 when everything holds, 1 when anything does not.\n"},
    {"show", command_show,
     "usage: hefu-audit show FILE... [--json | --dump | --notes [--out DIR]]\n"
     "\n"
     "What evidence files tell: who took part, what was said in which order and size, the\n"
     "joint checkpoints, the approvals, and what each party learns.  Checks nothing: use\n"
     "verify.\n"
     "\n"
     "  --dump       every record of one file on a line of tab-separated values\n"
     "  --json       one JSON object, for several files a list\n"
     "  --notes      what all parties signed of one file, as C2SP signed notes for other tools,\n"
     "               and the keys that verify them\n"
     "  --out DIR    a file for each note and key\n"},
    {"statement", command_statement,
     "usage: hefu-audit statement FILE... [--party NAME] [--lang en|zh] [--html OUT]\n"
     "\n"
     "The disclosure statement of each party whose file is given: what left its building,\n"
     "what came in, what the outputs tell and what that rests on.  Checks nothing: use\n"
     "verify, or report, which does both.\n"
     "\n"
     "  --party NAME  of this party; without its file, as the contract implies\n"
     "  --lang zh     in Chinese\n"
     "  --html OUT    a page in both languages instead of text\n"},
    {"report", command_report,
     "usage: hefu-audit report FILE... --html OUT [--lang en|zh] [--ca ca.pem] [--crl crl.pem] [--gm-ca ca-gm.pem]\n"
     "                         [--gm-crl crl-gm.pem] [--tsa-ca FILE] [--builds FILE]\n"
     "\n"
     "Check the evidence files as verify does, and write a page for people: the verdicts,\n"
     "what is not shown, who said what, checkpoints, approvals, and the disclosure statement\n"
     "of every party.  The page is one file that loads nothing; a switch changes its language.\n"
     "\n"
     "  --html OUT   where to write it\n"
     "  --lang zh    Chinese first\n"
     "  --ca FILE, --crl FILE, --gm-ca FILE, --gm-crl FILE, --tsa-ca FILE, --builds FILE   as for verify\n"
     "\n"
     "Exit code 0 when everything holds, 1 when anything does not; the page is written then too.\n"},
    {"replay", command_replay,
     "usage: hefu-audit replay --node DIR --session ID [OPTION...]\n"
     "\n"
     "At an institution's own premises: run its part of a session again from the sealed\n"
     "seed, the table and what was received, and compare every record; the outputs that\n"
     "were delivered too.  Nothing but the verdict comes out, and a sample where one is wanted.\n"
     "\n"
     "  --node DIR       the node's directory, with node.yaml\n"
     "  --session ID     the session's name in STATE/sessions, its beginning, or a directory\n"
     "  --audit-key FILE the auditor's key, when the seed is sealed to it\n"
     "  --table FILE     the table lies there now\n"
     "  --threads N      1; any number comes to the same verdict\n"
     "  --kernel NAME    ifma, avx2 or scalar arithmetic; likewise\n"
     "  --sample N       draw rows, as the log chooses them, for a comparison with the systems\n"
     "                   that they came from; they go, with their ids, to\n"
     "  --sample-file FILE\n"
     "  --json           one JSON object\n"
     "\n"
     "Exit code 0 when every record is what an honest party writes, 1 when one is not.\n"},
    {"joint-replay", command_joint_replay,
     "usage: hefu-audit joint-replay --session ID --party NAME=DIR --party NAME=DIR...\n"
     "                               [--table NAME=FILE...] [--audit-key FILE] [--json]\n"
     "\n"
     "For parties that kept no bodies: run the parts of all of them again, together, each\n"
     "from its own seed and table, and compare every record with every log.  Who runs this\n"
     "sees all tables: it is for a machine that all trust, without a network, and wiped\n"
     "afterwards.  Nothing but the verdict comes out.\n"
     "\n"
     "  --party NAME=DIR   a party's node directory, with node.yaml, or a copy of it\n"
     "  --session ID       as for replay, the same at all\n"
     "  --table NAME=FILE  the table of that party lies there now\n"
     "  --audit-key FILE   the auditor's key, when seeds are sealed to it\n"
     "  --json             one JSON object\n"
     "\n"
     "Exit code 0 when all records agree, 1 when one does not.\n"},
    {"keygen", command_keygen,
     "usage: hefu-audit keygen [--suite INT1|GM1] FILE\n"
     "\n"
     "Make the key of an auditor.  FILE is secret and stays with the auditor; the public\n"
     "half is printed as a job's audit section takes it.  Nodes seal their seeds to it when\n"
     "a session has ended, and keep no copy.\n"},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static const char overview[] = "usage: hefu-audit COMMAND ...\n"
                               "\n"
                               "The auditor's program: evidence without data.  It opens no connection.\n"
                               "\n"
                               "  verify        check the evidence files of a session\n"
                               "  show          what evidence files tell\n"
                               "  statement     what left a party's building, and what came in\n"
                               "  report        all of this as a page for people\n"
                               "  replay        run one party's part again and compare every byte\n"
                               "  joint-replay  the parts of all parties, where no bodies were kept\n"
                               "  keygen        make the key that seeds are sealed to\n"
                               "\n"
                               "hefu-audit COMMAND --help explains a command.\n";

static int finish(status code, const struct fault *f)
{
    if (fflush(stdout) != 0 && code == OK) {
        fputs("hefu-audit: error: the result could not be written\n", stderr);
        return status_exit_code(STATUS_IO);
    }
    if (code != OK && f->message[0]) {
        fprintf(stderr, "hefu-audit: error: %s\n", f->message);
        if (f->hint[0])
            fprintf(stderr, "hefu-audit: hint: %s\n", f->hint);
    } else if (code != OK && code != STATUS_MISMATCH) {
        fprintf(stderr, "hefu-audit: error: %s\n", status_name(code));
    }
    return status_exit_code(code);
}

static int wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv)
{
    struct fault f = {0};

    bignum_wipe_freed_memory();
    if (sodium_init() < 0)
        return finish(fault_set(&f, STATUS_IO, "the system gives no entropy"), &f);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("hefu-audit " AUDIT_VERSION);
        return finish(OK, &f);
    }
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(overview, stdout);
        return finish(OK, &f);
    }
    for (size_t i = 0; argc >= 2 && i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        if (wants_help(argc - 1, argv + 1)) {
            fputs(commands[i].help, stdout);
            return finish(OK, &f);
        }
        return finish(commands[i].run(argc - 1, argv + 1, &f), &f);
    }
    fault_set(&f, STATUS_USAGE, argc >= 2 ? "there is no command %s" : "a command is missing",
              argc >= 2 ? argv[1] : "");
    fault_hint(&f, "the commands are verify, show, statement, report, replay, joint-replay and keygen; hefu-audit --help explains them");
    return finish(STATUS_USAGE, &f);
}
