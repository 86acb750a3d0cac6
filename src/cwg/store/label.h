/* What the label of a container declares: ends of links that are this container. One end is
 *
 *   web-db,net=1572871,host=0,site=s2[,port=51801][,keepalive=25][,mtu=1380]
 *
 * in any order behind the link's name. Several ends have blanks between them. */
#pragma once

#include "cwg/store/want.h"

enum {
    LABEL_TEXT_MAX = 512, /* characters */
    LABEL_ENDS_MAX = 4,
};

/* Reads a label's text as wants of a container. All of it counts, or nothing. Returns the number of
 * ends, at least one, or -1 with what is wrong. */
int label_parse(const char *text, const char *engine, const char *name,
                struct want ret_wants[static LABEL_ENDS_MAX], struct failure *failure);
