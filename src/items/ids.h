/* Item ids to rows: the hash table that `recsys/bundle/items.py` builds.
 *
 * CRC-32 of the id's UTF-8 (the polynomial of zlib and PNG), open addressing with
 * linear probing, -1 for a free slot. Offsets and slots are trusted to be what
 * `verify_bundle` has accepted, except that nothing outside the arrays is ever read. */
#ifndef RECSYS_IDS_H
#define RECSYS_IDS_H

#include <stdint.h>

typedef struct {
    const uint8_t *bytes; /* all ids in UTF-8, one after the other */
    int64_t byte_count;
    const int64_t *offsets; /* where each begins, item_count + 1 of them */
    int64_t item_count;
    const int32_t *slots; /* rows, slot_count of them: a power of two */
    int64_t slot_count;
} id_table;

enum { IDS_TOGETHER = 32 };

typedef struct {
    const char *text;
    int64_t size;
} id_text;

/* Write the row of each id, or -1; any number of them. */
void ids_find(const id_table *table, const id_text *ids, int64_t count, int32_t *rows);

/* The id at a row; 0 where the row or its offsets are outside the arrays. */
static inline int ids_at(const id_table *table, int64_t row, id_text *id) {
    if (row < 0 || row >= table->item_count) return 0;
    const int64_t start = table->offsets[row], stop = table->offsets[row + 1];
    if (start < 0 || stop <= start || stop > table->byte_count) return 0;
    id->text = (const char *)table->bytes + start;
    id->size = stop - start;
    return 1;
}

#endif
