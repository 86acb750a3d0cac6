#include "cwg/agent/voice/exposition.h"

#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

/* Names of links and sites need no escapes: they have letters, digits, '_', '.' and '-'. */

static void begin(FILE *stream, const char *name, const char *type, const char *help)
{
    (void)fprintf(stream, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A family of one sample without labels. */
static void write_one(FILE *stream, const char *name, const char *type, const char *help,
                      double value)
{
    begin(stream, name, type, help);
    (void)fprintf(stream, "%s %.15g\n", name, value);
}

/* A counter of what went well and what didn't. */
static void write_both(FILE *stream, const char *name, const char *help, uint64_t good,
                       uint64_t bad)
{
    begin(stream, name, "counter", help);
    (void)fprintf(stream, "%s{result=\"success\"} %" PRIu64 "\n", name, good);
    (void)fprintf(stream, "%s{result=\"failure\"} %" PRIu64 "\n", name, bad);
}

static void write_counts(FILE *stream, const struct exposition *exposition)
{
    size_t counts[END_STATES] = {0};

    for (size_t i = 0; i < exposition->count; i++) {
        if (exposition->ends[i]->decided)
            counts[exposition->ends[i]->verdict.state]++;
    }
    begin(stream, "cwg_links", "gauge", "Declared links of this site by their state.");
    for (enum end_state state = END_OFF; state < END_STATES; state++)
        (void)fprintf(stream, "cwg_links{state=\"%s\"} %zu\n", end_state_text(state),
                      counts[state]);
}

/* Each state of each link is a sample, so that a series doesn't end with a state. */
static void write_states(FILE *stream, const struct exposition *exposition)
{
    begin(stream, "cwg_link_state", "gauge", "1 for the state that a declared link is in, else 0.");
    for (size_t i = 0; i < exposition->count; i++) {
        const struct agent_end *end = exposition->ends[i];

        for (enum end_state state = END_OFF; end->decided && state < END_STATES; state++)
            (void)fprintf(stream,
                          "cwg_link_state{link=\"%s\",host=\"%u\",site=\"%s\",state=\"%s\"} %d\n",
                          end->want.link, end->want.host, end->want.site, end_state_text(state),
                          state == end->verdict.state);
    }
    begin(stream, "cwg_link_since_seconds", "gauge",
          "Seconds since 1970 at which the state of a declared link began.");
    for (size_t i = 0; i < exposition->count; i++) {
        const struct agent_end *end = exposition->ends[i];

        if (end->reported)
            (void)fprintf(
                stream, "cwg_link_since_seconds{link=\"%s\",host=\"%u\",site=\"%s\"} %" PRId64 "\n",
                end->want.link, end->want.host, end->want.site, end->since);
    }
}

static uint64_t sent_by(const struct carrier *carrier)
{
    return carrier->sent + carrier->post.sent;
}

static uint64_t taken_by(const struct carrier *carrier)
{
    return carrier->taken;
}

static uint64_t is_up(const struct carrier *carrier)
{
    return carrier->reach.told && carrier->reach.state == REACH_UP;
}

static void write_carriers(FILE *stream, const struct exposition *exposition)
{
    static const struct {
        const char *name, *type, *help;
        uint64_t (*value)(const struct carrier *carrier);
    } families[] = {
        {"cwg_carrier_up", "gauge", "1 while the session with a site that this agent calls works.",
         is_up},
        {"cwg_records_sent_total", "counter",
         "Records that were handed to the session with a site that this agent calls.", sent_by},
        {"cwg_records_taken_total", "counter",
         "New records that came by the session with a site that this agent calls.", taken_by},
    };

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        begin(stream, families[i].name, families[i].type, families[i].help);
        for (size_t j = 0; j < exposition->carrier_count; j++)
            (void)fprintf(stream, "%s{site=\"%s\"} %" PRIu64 "\n", families[i].name,
                          exposition->carriers[j]->site,
                          families[i].value(exposition->carriers[j]));
    }
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* By the names that Prometheus's own libraries give these. */
static void write_process(FILE *stream)
{
    struct rusage usage = {.ru_utime = {0}};
    FILE *statm = fopen("/proc/self/statm", "re");
    long pages = 0;

    (void)getrusage(RUSAGE_SELF, &usage);
    write_one(stream, "process_cpu_seconds_total", "counter",
              "Processor time of the agent, without its children.",
              seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
    /* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers */
    if (statm && fscanf(statm, "%*d %ld", &pages) == 1)
        write_one(stream, "process_resident_memory_bytes", "gauge", "Resident memory of the agent.",
                  (double)pages * (double)sysconf(_SC_PAGESIZE));
    if (statm)
        (void)fclose(statm);
}

void exposition_write(FILE *stream, const void *owner)
{
    const struct exposition *exposition = owner;
    const struct household *house = exposition->house;
    uint64_t succeeded = 0, failed = 0;

    for (size_t i = 0; i < PROBES_AT_ONCE; i++) {
        succeeded += house->probes[i].succeeded;
        failed += house->probes[i].failed;
    }
    begin(stream, "cwg_build_info", "gauge", "1; the label is the agent's version.");
    (void)fprintf(stream, "cwg_build_info{version=\"%s\"} 1\n", VERSION);
    write_one(stream, "cwg_agent_start_time_seconds", "gauge",
              "Seconds since 1970 at which the agent started.", (double)exposition->started);
    write_one(stream, "cwg_agent_loop_turns_total", "counter",
              "Events and times for which the agent woke up.", (double)exposition->turns);
    write_counts(stream, exposition);
    write_states(stream, exposition);
    write_one(stream, "cwg_link_changes_total", "counter",
              "Changes of the state of declared links.", (double)house->changes);
    write_both(stream, "cwg_helper_tasks_total", "Tasks of net-admin-helper, without probes.",
               house->work.succeeded, house->work.failed);
    write_both(stream, "cwg_probes_total", "Probes of links that don't pass packets.", succeeded,
               failed);
    write_both(stream, "cwg_lookups_total", "Containers that engines were asked for.",
               house->lookups.found, house->lookups.missed);
    write_carriers(stream, exposition);
    write_one(
        stream, "cwg_records_refused_total", "counter",
        "Records of other sites that were refused: a wrong signature or end, or an old serial.",
        (double)house->refused);
    write_process(stream);
}
