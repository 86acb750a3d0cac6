/* What `cwg doctor` tells of the way between this machine and another. */
#include <stdio.h>
#include <string.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/checkup/checkup.h"
#include "cwg/checkup/knock.h"
#include "cwg/command/doctor.h"
#include "cwg/join/path.h"
#include "cwg/join/trial.h"

enum {
    ASK_MS = 20000,
    LEAST = MEASURE_LINK_MIN + MEASURE_AROUND, /* the longest packet of the smallest link */
};

/* Can the other machine begin, too? No join needs it. A login isn't tried: doc/decisions has the
 * reasons. */
static void check_back(struct doctor *doctor, const struct site *here, struct site *site)
{
    struct call call = {.site = site};
    const char *client = site->ssh_client, *says;

    if (!client[0] || here->host[0] || !addresses_have(&here->addresses, client)) {
        doctor_tell(doctor, site->host, "ssh-back", FOUND_NOTE,
                    "not tried: %s sees this session come from %s, and that is no address of this "
                    "machine's own that could be tried from there",
                    site->host, client[0] ? client : "nowhere");
        return;
    }
    doctor_show_step(doctor, "trying the way back from ", site->host);
    call.request = request_plain("knock");
    (void)calls_run(&call, 1, ASK_MS);
    says = json_text(call.answer, "says", KNOCK_TEXT_SIZE - 1);
    if (says)
        doctor_tell(doctor, site->host, "ssh-back", FOUND_OK,
                    "%s reaches this machine at %s, port %d, and %s answers; no login was tried",
                    site->host, client, KNOCK_PORT, says);
    else if (call.refused && !failure_is(&call.failure, "protocol"))
        doctor_tell(doctor, site->host, "ssh-back", FOUND_WARN,
                    "%s; joins that begin here don't need it: if some shall begin there, let sshd "
                    "run here, and open TCP port %d to %s",
                    call.failure.text, KNOCK_PORT, site->host);
    else
        doctor_tell(doctor, site->host, "ssh-back", FOUND_NOTE, "it couldn't be asked%s%s",
                    call.failed ? ": " : "", call.failed ? call.failure.text : "");
    calls_free(&call, 1);
}

/* Compares the clocks. All that is certain is half a round trip. */
static void check_clock(struct doctor *doctor, struct site *site)
{
    struct call call = {.site = site, .request = request_plain("clock")};
    const int64_t begun = clock_now(), today = clock_today();
    int64_t clock = 0;

    if (calls_run(&call, 1, ASK_MS) || json_whole(call.answer, "clock", 0, INT64_MAX, &clock)) {
        doctor_tell(doctor, site->host, "clock", FOUND_NOTE, "its clock couldn't be asked%s%s",
                    call.failed ? ": " : "", call.failed ? call.failure.text : "");
    } else {
        const int64_t half = (clock_now() - begun) / 2;
        const double ahead = (double)(clock - today - half) / 1000;

        doctor_tell(doctor, site->host, "clock", FOUND_NOTE,
                    "%.3f s %s this machine's, give or take %.3f s; no link depends on it",
                    ahead < 0 ? -ahead : ahead, ahead < 0 ? "behind" : "ahead of",
                    (double)(half + 1) / 1000);
    }
    calls_free(&call, 1);
}

/* A session ends after a minute without a request. Trials with many hosts take longer. */
static void keep_sessions(struct doctor *doctor)
{
    struct call calls[CALLS_MAX];
    size_t count = 0;

    for (size_t i = 0; i < doctor->sites.count && count < CALLS_MAX; i++) {
        if (doctor->sites.site[i]->greeted)
            calls[count++] =
                (struct call){.site = doctor->sites.site[i], .request = request_plain("clock")};
    }
    (void)calls_run(calls, count, ASK_MS);
    calls_free(calls, count);
}

static const char *place_of(const char *endpoint)
{
    return strcmp(endpoint, "-") == 0 ? "behind a NAT" : endpoint;
}

static int lesser(const int pair[static 2])
{
    return pair[0] < pair[1] ? pair[0] : pair[1];
}

static int greater(const int pair[static 2])
{
    return pair[0] < pair[1] ? pair[1] : pair[0];
}

/* Tells of a path on which a link's longest packets, of `needed` bytes, don't pass whole. */
static void tell_small_path(struct doctor *doctor, const char *host,
                            const struct measured measured[static 2], const int needed[static 2])
{
    const int least = lesser((const int[]){measured[0].whole, measured[1].whole});
    bool told = true, split = true;
    char passes[96], remedy[96];

    for (int i = 0; i < 2; i++) {
        if (measured[i].whole < needed[i]) {
            told &= measured[i].told > 0 &&
                    measured[i].told <= greater((const int[]){measured[i].whole, LEAST - 1});
            split &= measured[i].split;
        }
    }
    if (least > 0) {
        (void)snprintf(passes, sizeof(passes), "up to %d bytes to there, and up to %d from there",
                       measured[0].whole, measured[1].whole);
        (void)snprintf(remedy, sizeof(remedy), "give cwg join --mtu %d", least - MEASURE_AROUND);
    } else {
        (void)snprintf(passes, sizeof(passes),
                       "only if shorter than %d bytes, in one direction at least", LEAST);
        (void)snprintf(remedy, sizeof(remedy), "no --mtu is small enough: use another path");
    }
    doctor_tell(doctor, host, "mtu", split ? FOUND_WARN : FOUND_FAIL,
                "packets pass whole %s; longer ones (a link sends up to %d) %s%s: %s", passes,
                greater(needed), split ? "are taken apart on the way" : "get lost",
                told ? "" : ", and no router says so", remedy);
}

/* Measures how large packets may be. */
static void check_path(struct doctor *doctor, struct site *here, struct site *site,
                       const struct trial *trial)
{
    const bool ipv6 = trial->endpoint[0][0] == '[' || trial->endpoint[1][0] == '[';
    struct failure failure = {.text = ""};
    struct measured measured[2];
    int needed[2];

    if (!trial->mtu[0] || !trial->mtu[1]) {
        doctor_tell(doctor, site->host, "mtu", FOUND_NOTE, "the link's MTU couldn't be asked");
        return;
    }
    keep_sessions(doctor);
    doctor_show_step(doctor, "trying large packets between this machine and ", site->host);
    if (path_measure(here, site, trial, measured, &failure)) {
        doctor_tell(doctor, site->host, "mtu", FOUND_NOTE,
                    "not measured: %s; by what the kernels know of the path a link has %d",
                    failure.text, lesser(trial->mtu));
        return;
    }
    for (int i = 0; i < 2; i++)
        needed[i] = trial->mtu[i] + (ipv6 ? MEASURE_AROUND : MEASURE_AROUND_IPV4);
    if (measured[0].whole < needed[0] || measured[1].whole < needed[1])
        tell_small_path(doctor, site->host, measured, needed);
    else
        doctor_tell(doctor, site->host, "mtu", FOUND_OK,
                    "packets of %d bytes pass whole to there, and of %d from there; those of a "
                    "link (MTU %d) have %d at most",
                    measured[0].whole, measured[1].whole, greater(trial->mtu), greater(needed));
}

/* How bad is it that UDP couldn't be tried? A policy may allow others links than the trial's. */
static const char *judge(const struct trial *trial, const struct failure *failure)
{
    if (failure_is(failure, "no-namespaces"))
        return FOUND_WARN;
    if (!trial->tried && failure_is(failure, "policy") && strstr(failure->text, "isn't among the"))
        return FOUND_NOTE;
    return FOUND_FAIL;
}

/* Tries UDP between this machine and another one. */
static void check_way(struct doctor *doctor, struct site *here, struct site *site)
{
    struct failure failure = {.text = ""};
    struct trial trial;
    int error;

    keep_sessions(doctor);
    doctor_show_step(doctor, "trying UDP between this machine and ", site->host);
    error = trial_run(here, site, &trial, &failure);
    if (error) {
        doctor_tell(doctor, site->host, "udp", judge(&trial, &failure), "%s%s%s",
                    trial.tried ? "" : "not tried: ", failure.text,
                    trial.tried && failure_is(&failure, "silent")
                        ? "; both ports were any that are free: if a firewall lets a certain one "
                          "pass, cwg join --port may work"
                        : "");
        return;
    }
    if (trial.second_began)
        doctor_tell(
            doctor, site->host, "udp", FOUND_WARN,
            "packets pass both ways, but only after %s began, too: what comes in there (%s) and "
            "isn't an answer seems to be dropped; a join takes 5 s longer: open UDP there",
            site->host, place_of(trial.endpoint[1]));
    else
        doctor_tell(doctor, site->host, "udp", FOUND_OK,
                    "a link passes packets both ways: this machine (%s), %s (%s), after %d ms",
                    place_of(trial.endpoint[0]), site->host, place_of(trial.endpoint[1]),
                    trial.milliseconds);
    check_path(doctor, here, site, &trial);
}

void doctor_try_way(struct doctor *doctor, struct site *here, struct site *site)
{
    check_back(doctor, here, site);
    check_clock(doctor, site);
    if (here->host[0] || !here->greeted)
        doctor_tell(doctor, site->host, "udp", FOUND_FAIL,
                    "not tried: this machine's own session failed");
    else
        check_way(doctor, here, site);
}
