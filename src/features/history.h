/* A person's stored lines; `recsys/events/history.py` says how they are packed. */
#ifndef RECSYS_HISTORY_H
#define RECSYS_HISTORY_H

#include <stdint.h>

#include "items/ids.h"

enum { HISTORY_SEPARATOR = 0x1f };

/* Split ids joined by HISTORY_SEPARATOR; returns how many there are, and writes the
 * first `count_max`. An empty text is one empty id. */
int64_t history_split(const char *text, int64_t size, id_text *ids, int64_t count_max);

#endif
