/* `cwg pid`: the pid of a container, for scripts. */
#include <stdio.h>

#include "cwg/command/command.h"
#include "cwg/container/container.h"

int run_pid(int argc, char *argv[])
{
    struct failure failure = {.text = ""};
    struct container container;
    struct end end;

    if (argc != 2)
        return wrong("pid takes one argument: [ENGINE/]NAME");
    if (end_parse(argv[1], "NAME", &end, &failure))
        return wrong(failure.text);
    if (end.host[0])
        return wrong("pid knows the containers of this machine alone: leave HOST out");
    if (container_find(end.engine, end.name, &container, &failure)) {
        container_add_remedy("", &failure);
        return failed(failure.text);
    }
    container_close(&container);
    if (!container.pid)
        return failed("a file of a network namespace has no pid");
    (void)printf("%d\n", container.pid);
    return EXIT_DONE;
}
