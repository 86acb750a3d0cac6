/* `cwg doctor`: checks this machine and others, and the way between them. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/base/step.h"
#include "cwg/checkup/checkup.h"
#include "cwg/command/command.h"
#include "cwg/command/doctor.h"
#include "cwg/site/signals.h"

enum {
    CHECK_MS = 180000, /* with the time to type a password */
    CHECK_SIZE = 16,   /* of a check's name */
    FINDINGS_MAX = 64,
};

void doctor_show_step(const struct doctor *doctor, const char *text, const char *host)
{
    char step[END_HOST_SIZE + 64];

    (void)snprintf(step, sizeof(step), "%s%s", text, host);
    if (!doctor->json)
        step_show(step);
}

static void tell(struct doctor *doctor, const char *host, const char *check, const char *result,
                 const char *text)
{
    char place[END_HOST_SIZE + CHECK_SIZE + 2];

    doctor->fails += strcmp(result, FOUND_FAIL) == 0;
    doctor->warns += strcmp(result, FOUND_WARN) == 0;
    if (doctor->json) {
        (void)json_array_append_new(doctor->findings,
                                    json_pack("{s:s,s:s,s:s,s:s}", "host", host, "check", check,
                                              "result", result, "text", text));
        return;
    }
    (void)snprintf(place, sizeof(place), "%s%s%s", host, host[0] ? ": " : "", check);
    doctor_show_step(doctor, "", "");
    (void)printf("%-4s  %-*s  %s\n", result, doctor->width, place, text);
    (void)fflush(stdout);
}

void doctor_tell(struct doctor *doctor, const char *host, const char *check, const char *result,
                 const char *format, ...)
{
    struct failure printable = {.text = ""};
    va_list arguments;

    va_start(arguments, format);
    (void)vfail(&printable, "", format, arguments);
    va_end(arguments);
    tell(doctor, host, check, result, printable.text);
}

static bool is_result(const char *word)
{
    return strcmp(word, FOUND_OK) == 0 || strcmp(word, FOUND_NOTE) == 0 ||
           strcmp(word, FOUND_WARN) == 0 || strcmp(word, FOUND_FAIL) == 0;
}

/* Takes what a machine has found out about itself. Another machine's words are checked. */
static void tell_checks(struct doctor *doctor, const char *host, const json_t *answer)
{
    const json_t *findings = json_object_get(answer, "checks"), *finding;
    size_t i;

    json_array_foreach(findings, i, finding)
    {
        const char *check = json_text(finding, "check", CHECK_SIZE - 1);
        const char *result = json_text(finding, "result", 4);
        const char *text = json_text(finding, "text", FAILURE_TEXT_SIZE - 1);

        if (i == FINDINGS_MAX || !check || !end_is_name(check) || !result || !is_result(result) ||
            !text) {
            doctor_tell(
                doctor, host, "checks", FOUND_FAIL,
                "cwg there tells of its checks in an unknown way: install the same release at "
                "both");
            return;
        }
        doctor_tell(doctor, host, check, result, "%s", text);
    }
    if (json_array_size(findings) == 0)
        doctor_tell(doctor, host, "checks", FOUND_FAIL,
                    "cwg there tells of no check: install the same release at both");
}

/* Tells how another machine was reached, or why not. */
static void tell_session(struct doctor *doctor, const struct site *site,
                         const struct failure *failure)
{
    const char *host = site->host;
    if (!site->greeted && failure_is(failure, "unreachable")) {
        if (strstr(failure->text, " true` has to work first"))
            doctor_tell(doctor, host, "ssh", FOUND_FAIL, "%s", failure->text);
        else
            doctor_tell(doctor, host, "ssh", FOUND_FAIL, "%s; `ssh %s true` has to work first",
                        failure->text, host);
        return;
    }
    if (!site->greeted) {
        doctor_tell(doctor, host, failure_is(failure, "interrupted") ? "ssh" : "cwg", FOUND_FAIL,
                    "%s", failure->text);
        return;
    }
    doctor_tell(doctor, host, "ssh", FOUND_OK, "it reaches %s, and cwg there answers after %d ms",
                host, site->answer_ms);
    if (strcmp(site->version, VERSION) == 0)
        doctor_tell(doctor, host, "cwg", FOUND_OK, "version " VERSION " there and here");
    else
        doctor_tell(doctor, host, "cwg", FOUND_WARN,
                    "%s%s there, and " VERSION " here: install the same release at both",
                    site->version[0] ? "version " : "an unknown version", site->version);
}

static void tell_machine(struct doctor *doctor, const struct call *call)
{
    const struct site *site = call->site;

    if (site->host[0])
        tell_session(doctor, site, &call->failure);
    if (!call->failed)
        tell_checks(doctor, site->host, call->answer);
    else if (site->greeted || !site->host[0])
        doctor_tell(doctor, site->host, "checks", FOUND_FAIL, "%s%s", call->failure.text,
                    failure_is(&call->failure, "protocol") ? ": install the same release at both"
                                                           : "");
}

/* Starts a session with each machine, and lets all check themselves at once. */
static void check_machines(struct doctor *doctor)
{
    struct call calls[CALLS_MAX];
    size_t count = 0;

    for (size_t i = 0; i <= doctor->host_count; i++) {
        const char *host = i ? doctor->hosts[i - 1] : "";
        struct failure failure = {.text = ""};
        struct site *site = sites_get(&doctor->sites, host, &failure);

        if (!site)
            doctor_tell(doctor, host, "session", FOUND_FAIL, "%s", failure.text);
        else
            calls[count++] = (struct call){.site = site, .request = request_plain("check")};
    }
    doctor_show_step(doctor, "checking machines", "");
    (void)calls_run(calls, count, CHECK_MS);
    for (size_t i = 0; i < count; i++)
        tell_machine(doctor, &calls[i]);
    calls_free(calls, count);
}

/* Tries the way to each machine that was reached. */
static void check_ways(struct doctor *doctor)
{
    struct site *here = doctor->sites.count > 0 ? doctor->sites.site[0] : NULL;

    for (size_t i = 0; i < doctor->sites.count && !site_interrupted; i++) {
        struct site *site = doctor->sites.site[i];

        if (site->greeted && site->host[0])
            doctor_try_way(doctor, here, site);
    }
}

/* Ends the sessions, which removes what the trials made. */
static void end_sessions(struct doctor *doctor)
{
    for (size_t i = 0; i < doctor->sites.count; i++) {
        struct site *site = doctor->sites.site[i];

        if (site->greeted && site_close(site))
            doctor_tell(doctor, site->host, "session", FOUND_WARN,
                        "it didn't end as it should; the trial's link there goes with its scratch "
                        "process");
    }
    (void)sites_close(&doctor->sites);
}

static int parse(int argc, char *argv[], struct doctor *doctor,
                 char hosts[static HOSTS_MAX][END_HOST_SIZE])
{
    static const struct option known[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct failure failure = {.text = ""};
    int option;

    while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == '?' || option == ':')
            return wrong_option("doctor", option);
        doctor->json = true;
    }
    if (argc - optind > HOSTS_MAX)
        return wrong("doctor takes at most 15 hosts");
    for (int i = optind; i < argc; i++) {
        char *host = hosts[doctor->host_count];

        if (end_parse_host(argv[i], host, &failure))
            return wrong(failure.text);
        doctor->hosts[doctor->host_count++] = host;
    }
    return 0;
}

static int column_width(const struct doctor *doctor)
{
    size_t width = 0;

    for (size_t i = 0; i < doctor->host_count; i++) {
        if (strlen(doctor->hosts[i]) + 2 > width)
            width = strlen(doctor->hosts[i]) + 2;
    }
    return (int)(width + strlen("capabilities"));
}

static void print_json(struct doctor *doctor)
{
    json_t *object =
        json_pack("{s:b,s:O}", "failed", doctor->fails > 0, "checks", doctor->findings);

    (void)json_dumpf(object, stdout, JSON_COMPACT);
    (void)putchar('\n');
    json_decref(object);
}

/* Says how it stands, behind all that was found. What wasn't checked may fail all the same: without
 * a host that is the way to every other machine. */
static void print_sum(const struct doctor *doctor)
{
    if (doctor->fails)
        (void)printf("%d to mend\n", doctor->fails);
    else if (doctor->warns)
        (void)printf("nothing fails; %d to look at (warn)\n", doctor->warns);
    else
        (void)printf("nothing that was checked fails%s\n",
                     doctor->host_count ? "" : "; cwg doctor HOST checks the way to a machine");
}

int run_doctor(int argc, char *argv[])
{
    char hosts[HOSTS_MAX][END_HOST_SIZE];
    struct doctor doctor = {.findings = json_array()};
    int status = parse(argc, argv, &doctor, hosts);

    if (status) {
        json_decref(doctor.findings);
        return status;
    }
    doctor.width = column_width(&doctor);
    signals_catch();
    check_machines(&doctor);
    check_ways(&doctor);
    if (site_interrupted)
        doctor_tell(&doctor, "", "doctor", FOUND_FAIL, "interrupted before all was checked");
    end_sessions(&doctor);
    doctor_show_step(&doctor, "", "");
    if (doctor.json)
        print_json(&doctor);
    else
        print_sum(&doctor);
    json_decref(doctor.findings);
    return doctor.fails ? EXIT_FAILED : EXIT_DONE;
}
