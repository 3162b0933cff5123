/* hefu-audit report: everything that verify finds and the files tell, as a page for people. */
#include "node/hefu_audit/sheet.h"
#include "node/local/files.h"

#include <stdio.h>
#include <stdlib.h>

static status write_page(const char *path, struct sheet *s, struct fault *f)
{
    char *text AUTO(auto_free) = NULL;
    size_t len = 0;

    s->f = open_memstream(&text, &len);
    if (!s->f)
        return STATUS_NO_MEMORY;
    sheet_report(s);
    if (fclose(s->f) != 0)
        return STATUS_NO_MEMORY;
    return files_write(path, text, len, 0600, f);
}

status command_report(int argc, char **argv, struct fault *f)
{
    struct audit_trust trust = {0};
    const char *path[EVIDENCE_MAX], *html = NULL, *lang = NULL, *builds_path = NULL;
    size_t files = 0;
    const struct audit_option options[] = {{"html", &html, NULL}, {"lang", &lang, NULL},
                                           {"ca", &trust.of[SUITE_INT1].ca, NULL}, {"crl", &trust.of[SUITE_INT1].crl, NULL},
                                           {"gm-ca", &trust.of[SUITE_GM1].ca, NULL}, {"gm-crl", &trust.of[SUITE_GM1].crl, NULL},
                                           {"tsa-ca", &trust.tsa_ca, NULL},
                                           {"builds", &builds_path, NULL}, {0}};
    struct builds builds AUTO(builds_clear) = {0};
    struct evidence e AUTO(evidence_clear) = {0};
    struct stories all AUTO(stories_clear) = {0};
    struct audit_sessions checked AUTO(audit_sessions_clear) = {0};
    struct sheet sheet = {.all = &all, .checked = &checked};
    struct fault unread = {0};

    TRY(audit_arguments(options, path, EVIDENCE_MAX, &files, argc, argv, f));
    if (files == 0)
        return fault_set(f, STATUS_USAGE, "no evidence file was named");
    if (!html)
        return fault_set(f, STATUS_USAGE, "report needs --html: where to write the page");
    TRY(language_named(&sheet.first, lang, f));
    TRY(audit_trust_exists(&trust, f));
    TRY(audit_trust_builds(&trust, &builds, builds_path, f));
    TRY(evidence_load(&e, path, files, f));
    TRY(audit_sessions_check(&checked, &e, &trust, f));
    if (stories_read(&all, &e, &unread) == STATUS_NO_MEMORY) /* a contract that cannot be read is among the verdicts */
        return STATUS_NO_MEMORY;
    TRY(write_page(html, &sheet, f));
    printf("%s: %s\n", html, checked.ok ? "transcript verified" : "transcript NOT verified");
    return checked.ok ? OK : STATUS_MISMATCH;
}
