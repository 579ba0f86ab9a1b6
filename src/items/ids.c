#include "ids.h"

#include <string.h>

/* Each constant is its index shifted through the polynomial 0xEDB88320, four bits at a time:
 * a table of 16 stays in one cache line, where one of 256 fills sixteen. */
static const uint32_t nibble[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

static uint32_t crc_of(const char *text, int64_t size) {
    uint32_t rest = 0xFFFFFFFFu;
    for (int64_t i = 0; i < size; i++) {
        rest ^= (uint8_t)text[i];
        rest = (rest >> 4) ^ nibble[rest & 15];
        rest = (rest >> 4) ^ nibble[rest & 15];
    }
    return rest ^ 0xFFFFFFFFu;
}

/* Walk from a slot to the id; bounded by the number of slots. */
static int32_t find_from(const id_table *table, id_text id, int64_t slot) {
    for (int64_t probe = 0; probe < table->slot_count; probe++) {
        const int32_t row = table->slots[slot];
        id_text found;
        if (row < 0 || row >= table->item_count) return -1;
        if (ids_at(table, row, &found) && found.size == id.size &&
            memcmp(found.text, id.text, (size_t)id.size) == 0)
            return row;
        slot = (slot + 1) & (table->slot_count - 1);
    }
    return -1;
}

/* Every lookup misses the cache three times, at the slot, the offsets and the id. The
 * misses of some lookups are waited for together. */
static void find_some(const id_table *table, const id_text *ids, int64_t count, int32_t *rows) {
    int64_t slots[IDS_TOGETHER];
    for (int64_t i = 0; i < count; i++) {
        slots[i] = crc_of(ids[i].text, ids[i].size) & (table->slot_count - 1);
        __builtin_prefetch(&table->slots[slots[i]]);
    }
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = table->slots[slots[i]];
        if (row >= 0 && row < table->item_count) __builtin_prefetch(&table->offsets[row]);
    }
    for (int64_t i = 0; i < count; i++) {
        id_text found;
        if (ids_at(table, table->slots[slots[i]], &found)) __builtin_prefetch(found.text);
    }
    for (int64_t i = 0; i < count; i++) rows[i] = find_from(table, ids[i], slots[i]);
}

void ids_find(const id_table *table, const id_text *ids, int64_t count, int32_t *rows) {
    if (table->slot_count == 0) {
        for (int64_t i = 0; i < count; i++) rows[i] = -1;
        return;
    }
    for (int64_t first = 0; first < count; first += IDS_TOGETHER) {
        const int64_t left = count - first;
        find_some(table, ids + first, left < IDS_TOGETHER ? left : IDS_TOGETHER, rows + first);
    }
}
