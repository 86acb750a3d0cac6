#include "cwg/store/form.h"

#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"

enum {
    WHAT_SIZE = 80, /* "link NAME: " */
};

static int check_members(const json_t *object, const char *const known[], const char *what,
                         const char *where, struct failure *failure)
{
    const char *name = json_stranger(object, known);

    return name ? fail(failure, "declare",
                       "%s: no member is called \"%.100s\"%s: cwg-links(5) lists all", what, name,
                       where)
                : 0;
}

int form_check_file(const json_t *file, struct failure *failure)
{
    static const char *const lists[] = {"sites", "links", NULL};
    bool any = false;

    if (check_members(file, lists, "the file", "", failure))
        return -1;
    for (const char *const *list = lists; *list; list++) {
        const json_t *member = json_object_get(file, *list);

        if (member && !json_is_array(member))
            return fail(failure, "declare", "\"%s\" has to be a list", *list);
        any |= json_array_size(member) > 0;
    }
    return any ? 0
               : fail(failure, "declare",
                      "it declares nothing: \"sites\" or \"links\" has to be a list");
}

int form_check_site(const json_t *site, enum form form, struct failure *failure)
{
    static const char *const of_site[] = {"site", "key", "ssh", NULL};
    static const char *const of_fleet[] = {"site", "key", NULL};
    const bool fleet = form == FORM_FLEET;

    return check_members(site, fleet ? of_fleet : of_site, "a site", fleet ? " with --etcd" : "",
                         failure);
}

int form_check_link(const json_t *link, const char *name, enum form form, struct failure *failure)
{
    static const char *const of_site[] = {"link",      "net", "host", "container", "site", "port",
                                          "keepalive", "mtu", "psk",  "off",       NULL};
    static const char *const of_fleet[] = {"link", "net", "ends", "keepalive", "mtu", "off", NULL};
    static const char *const of_end[] = {"site", "container", "port", NULL};
    const bool fleet = form == FORM_FLEET;
    const char *where = fleet ? " with --etcd" : "";
    const json_t *off = json_object_get(link, "off"), *end;
    char what[WHAT_SIZE];
    size_t i;

    (void)snprintf(what, sizeof(what), "link %.63s", name);
    if (check_members(link, fleet ? of_fleet : of_site, what, where, failure))
        return -1;
    json_array_foreach(json_object_get(link, "ends"), i, end)
    {
        if (check_members(end, of_end, what, " of an end", failure))
            return -1;
    }
    return off && !json_is_boolean(off)
               ? fail(failure, "declare", "%s: \"off\" has to be true or false", what)
               : 0;
}
