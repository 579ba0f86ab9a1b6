/* What the machine can do at best: reading memory, and multiplying bytes.
 *
 * Usage: ceilings THREADS MEBIBYTES. Prints "read GB_PER_S" and, where the processor has
 * AVX-512 VNNI, "vnni GOPS" (a multiplication and an addition count as two). Best of some
 * repetitions: a ceiling is what is reached without disturbance. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPETITIONS = 8, AHEAD = 4096, THREADS_MAX = 64 };

typedef struct {
    const uint64_t *words;
    size_t count;
    uint64_t sum;
} part;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Eight sums, so that loads and not additions are what it waits for. */
static void *read_part(void *argument) {
    part *p = argument;
    uint64_t sums[8] = {0};
    for (size_t i = 0; i + 8 <= p->count; i += 8) {
        __builtin_prefetch((const char *)(p->words + i) + AHEAD);
        for (int j = 0; j < 8; j++) sums[j] ^= p->words[i + (size_t)j];
    }
    for (int j = 0; j < 8; j++) p->sum ^= sums[j];
    return NULL;
}

static double read_seconds(const uint64_t *words, size_t count, int threads) {
    pthread_t ids[THREADS_MAX];
    part parts[THREADS_MAX];
    const double start = now();
    for (int t = 0; t < threads; t++) {
        const size_t share = count / (size_t)threads;
        parts[t] = (part){.words = words + share * (size_t)t, .count = share};
        pthread_create(&ids[t], NULL, read_part, &parts[t]);
    }
    for (int t = 0; t < threads; t++) pthread_join(ids[t], NULL);
    return now() - start;
}

#if defined(__x86_64__)
__attribute__((target("avx512f,avx512vnni"))) static void *multiply(void *argument) {
    const int64_t rounds = *(int64_t *)argument;
    /* Twelve independent sums hide the latency; assembly keeps the compiler from dropping them. */
    __asm__ volatile(
        "mov %0, %%rcx\n"
        "1:\n"
        "vpdpbusd %%zmm12, %%zmm13, %%zmm0\n vpdpbusd %%zmm12, %%zmm13, %%zmm1\n"
        "vpdpbusd %%zmm12, %%zmm13, %%zmm2\n vpdpbusd %%zmm12, %%zmm13, %%zmm3\n"
        "vpdpbusd %%zmm12, %%zmm13, %%zmm4\n vpdpbusd %%zmm12, %%zmm13, %%zmm5\n"
        "vpdpbusd %%zmm12, %%zmm13, %%zmm6\n vpdpbusd %%zmm12, %%zmm13, %%zmm7\n"
        "vpdpbusd %%zmm12, %%zmm13, %%zmm8\n vpdpbusd %%zmm12, %%zmm13, %%zmm9\n"
        "vpdpbusd %%zmm12, %%zmm13, %%zmm10\n vpdpbusd %%zmm12, %%zmm13, %%zmm11\n"
        "dec %%rcx\n jnz 1b\n"
        :
        : "r"(rounds)
        : "rcx", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
          "xmm9", "xmm10", "xmm11");
    return NULL;
}

static double vnni_gops(int threads) {
    enum { ROUNDS = 10000000, SUMS = 12, OPS = 128 };
    int64_t rounds = ROUNDS;
    double best = 0;
    for (int i = 0; i < REPETITIONS; i++) {
        pthread_t ids[THREADS_MAX];
        const double start = now();
        for (int t = 0; t < threads; t++) pthread_create(&ids[t], NULL, multiply, &rounds);
        for (int t = 0; t < threads; t++) pthread_join(ids[t], NULL);
        const double found = 1e-9 * OPS * SUMS * (double)ROUNDS * threads / (now() - start);
        if (found > best) best = found;
    }
    return best;
}
#endif

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const int threads = atoi(argv[1]);
    const size_t bytes = (size_t)atoll(argv[2]) << 20;
    if (threads < 1 || threads > THREADS_MAX || bytes == 0) return 2;
    uint64_t *words = malloc(bytes);
    if (words == NULL) return 1;
    memset(words, 1, bytes);
    double best = 1e9;
    for (int i = 0; i < REPETITIONS; i++) {
        const double found = read_seconds(words, bytes / 8, threads);
        if (found < best) best = found;
    }
    printf("read %.2f\n", 1e-9 * (double)bytes / best);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni")) printf("vnni %.0f\n", vnni_gops(threads));
#endif
    free(words);
    return 0;
}
