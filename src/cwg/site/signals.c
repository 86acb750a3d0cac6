#include "cwg/site/signals.h"

#include <signal.h>
#include <stddef.h>

#include "cwg/site/site.h"

static void interrupt(int signal)
{
    (void)signal;
    site_interrupted = 1;
}

void signals_catch(void)
{
    const struct sigaction action = {.sa_handler = interrupt};
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        struct sigaction before;

        /* nohup(1) and a shell's background ignore some. */
        if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            (void)sigaction(signals[i], &action, NULL);
    }
    (void)signal(SIGPIPE, SIG_IGN);
}
