#include "history.h"

#include <string.h>

int64_t history_split(const char *text, int64_t size, id_text *ids, int64_t count_max) {
    const char *const end = text + size;
    int64_t count = 0;
    for (;;) {
        const char *stop = memchr(text, HISTORY_SEPARATOR, (size_t)(end - text));
        if (stop == NULL) stop = end;
        if (count < count_max) ids[count] = (id_text){text, stop - text};
        count++;
        if (stop == end) return count;
        text = stop + 1;
    }
}
