#include "helper/base/json.h"

void json_add_string(struct text *text, const char *string)
{
    text_add(text, "\"");
    for (const char *c = string; *c; c++) {
        const char character[] = {*c, '\0'};

        if (*c == '"' || *c == '\\')
            text_add(text, "\\");
        text_add(text, *c == '\n' ? "; " : character);
    }
    text_add(text, "\"");
}

void json_add_failure(struct text *text, const struct failure *failure)
{
    text_print(text, "{\"code\":\"%s\",\"message\":", failure_word(failure->code));
    json_add_string(text, failure->text);
    text_add(text, "}");
}
