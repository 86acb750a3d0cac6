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

json_t *form_read(const char *text, struct failure *failure)
{
    json_error_t where;
    json_t *file = json_loads(text, JSON_REJECT_DUPLICATES, &where);

    if (json_is_object(file))
        return file;
    if (text[strspn(text, " \t\r\n")] == '\0')
        (void)fail(failure, "declare",
                   "nothing is declared: the file, or standard input, is empty");
    else if (file)
        (void)fail(failure, "declare", "the file has to be one object of JSON: see cwg-links(5)");
    else
        (void)fail(failure, "declare", "line %d: %.200s", where.line, where.text);
    json_decref(file);
    return NULL;
}

/* Notes a text among others. Returns whose it is: `owner`, or the one who had it before. */
static const char *note(json_t *noted, const char *text, const char *owner)
{
    const json_t *before = json_object_get(noted, text);

    if (before)
        return json_string_value(before);
    (void)json_object_set_new(noted, text, json_string(owner));
    return owner;
}

/* No name stands there twice, and no key: one of the two was copied wrongly. */
static int check_sites(const json_t *sites, struct failure *failure)
{
    json_t *names = json_object(), *keys = json_object();
    const json_t *site;
    int error = 0;
    size_t i;

    json_array_foreach(sites, i, site)
    {
        const char *name = json_string_value(json_object_get(site, "site"));
        const char *key = json_string_value(json_object_get(site, "key"));
        const char *other = name && key ? note(keys, key, name) : name;

        if (!name)
            continue;
        if (json_object_get(names, name))
            error = fail(failure, "declare", "\"sites\" has %.63s twice", name);
        else if (strcmp(other, name) != 0)
            error = form_fail_key(other, name, failure);
        if (error)
            break;
        (void)note(names, name, name);
    }
    json_decref(names);
    json_decref(keys);
    return error;
}

/* A site declares both ends of a link of its own, and an operator a link but once. */
static int check_links(const json_t *links, struct failure *failure)
{
    json_t *names = json_object();
    const json_t *link;
    int error = 0;
    size_t i;

    json_array_foreach(links, i, link)
    {
        const char *name = json_string_value(json_object_get(link, "link"));
        const json_t *host = json_object_get(link, "host");
        const bool second = json_integer_value(host) != 0;
        char end[WHAT_SIZE];

        if (!name)
            continue;
        (void)snprintf(end, sizeof(end), "%.63s %d", name, second);
        if (json_object_get(names, end))
            error = fail(failure, "declare", "\"links\" has %.63s%s twice", name,
                         !host    ? ""
                         : second ? " with host 1"
                                  : " with host 0");
        if (error)
            break;
        (void)note(names, end, name);
    }
    json_decref(names);
    return error;
}

int form_fail_key(const char *one, const char *other, struct failure *failure)
{
    return fail(failure, "declare",
                "sites %.63s and %.63s have one key: one of the two keys was copied wrongly", one,
                other);
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
    if (!any)
        return fail(failure, "declare",
                    "it declares nothing: \"sites\" or \"links\" has to be a list");
    return check_sites(json_object_get(file, "sites"), failure) ||
                   check_links(json_object_get(file, "links"), failure)
               ? -1
               : 0;
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
