#include "cwg/plugin/declared.h"

#include <stdio.h>

#include "cwg/base/json.h"
#include "cwg/store/label.h"

_Static_assert((int)LABEL_TEXT_MAX < (int)ATTACHMENT_LINK_SIZE,
               "an attachment has room for a label");

int declared_take(const json_t *object, const char *member, const char *which,
                  struct attachment *attachment, struct failure *failure)
{
    const json_t *given = json_object_get(object, member);
    const char *text =
        given && !json_is_null(given) ? json_text(object, member, LABEL_TEXT_MAX) : "";
    struct want wants[LABEL_ENDS_MAX];
    struct failure wrong = {.text = ""};

    if (!end_is_name(attachment->name))
        return fail(failure, "usage", "a container's name can't be \"%.260s\"", attachment->name);
    if (!text)
        return fail(failure, "usage", "%s: it is no text of up to %d characters", which,
                    LABEL_TEXT_MAX);
    if (text[0] && label_parse(text, attachment->engine, attachment->name, wants, &wrong) < 0)
        return fail(failure, "usage", "%s: %s", which, wrong.text);
    (void)snprintf(attachment->link, sizeof(attachment->link), "%s", text);
    return 0;
}
