/* A timestamping authority on 127.0.0.1 for tests (RFC 3161):  tsa DIR [--evil KIND] [--manner KIND] [--skew SECONDS] [--tls 1]
 *
 * Makes a CA and a key of its own, writes DIR/tsa-ca.pem and then DIR/tsa-port, and answers until it is killed, over https with
 * --tls, whose CA is then in DIR/tsa-tls.pem.  --evil: what the authority does wrong (node/authority.h); --manner: what the
 * server does (node/tsa_server.h); --skew: how far its clock is off. */
#include "node/tsa_server.h"

static void die(const char *what)
{
    perror(what);
    exit(4);
}

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    fprintf(stderr, "no such kind: %s\n", name);
    exit(2);
}

/* Where it is, at once and whole. */
static void write_port(const char *dir, unsigned port)
{
    char path[1024], made[1024];
    FILE *file;

    snprintf(made, sizeof made, "%s/tsa-port.new", dir);
    snprintf(path, sizeof path, "%s/tsa-port", dir);
    file = fopen(made, "w");
    if (!file || fprintf(file, "%u\n", port) < 0 || fclose(file) || rename(made, path))
        die(path);
}

int main(int argc, char **argv)
{
    struct authority a;
    struct tsa_server s = {.authority = &a};
    long skew = 0;
    int tls = 0;
    char path[1024];

    if (argc < 2) {
        fputs("usage: tsa DIR [--evil KIND] [--manner KIND] [--skew SECONDS] [--tls 1]\n", stderr);
        return 2;
    }
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--skew") == 0)
            skew = strtol(argv[i + 1], NULL, 10);
        tls |= strcmp(argv[i], "--tls") == 0;
        if (strcmp(argv[i], "--evil") == 0)
            s.evil = (enum evil)find_name(evil_name, EVILS, argv[i + 1]);
        if (strcmp(argv[i], "--manner") == 0)
            s.manner = (enum manner)find_name(manner_name, MANNERS, argv[i + 1]);
    }
    authority_make(&a, s.evil, (int64_t)time(NULL));
    a.skew = skew;
    snprintf(path, sizeof path, "%s/tsa-ca.pem", argv[1]);
    authority_write(path, a.ca);
    snprintf(path, sizeof path, "%s/tsa-tls.pem", argv[1]);
    if (tls)
        tsa_make_tls(&s, path);
    if (!tsa_listen(&s, AF_INET))
        die("socket");
    write_port(argv[1], s.port);
    tsa_serve_all(&s);
}
