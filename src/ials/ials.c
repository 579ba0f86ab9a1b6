#include "ials.h"

#include "ials_body.h"

typedef int64_t (*solver)(const ials_model *, int64_t, int64_t, float *, float *);

static int64_t solve_portable(const ials_model *model, int64_t first, int64_t stop,
                              float *vectors, float *scratch) {
    return ials_solve_body(model, first, stop, vectors, scratch);
}

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

__attribute__((target("avx2,fma"))) static int64_t solve_avx2(
    const ials_model *model, int64_t first, int64_t stop, float *vectors, float *scratch) {
    return ials_solve_body(model, first, stop, vectors, scratch);
}

__attribute__((target("avx512f,avx2,fma"))) static int64_t solve_avx512(
    const ials_model *model, int64_t first, int64_t stop, float *vectors, float *scratch) {
    return ials_solve_body(model, first, stop, vectors, scratch);
}

static solver choose(void) {
    if (__builtin_cpu_supports("avx512f")) return solve_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return solve_avx2;
    return solve_portable;
}

#else

static solver choose(void) { return solve_portable; }

#endif

int64_t ials_scratch_count(int64_t width) { return 4 * width; }

int64_t ials_solve(const ials_model *model, int64_t first, int64_t stop, float *vectors,
                   float *scratch) {
    return choose()(model, first, stop, vectors, scratch);
}

double ials_seen_loss(const ials_model *model, int64_t first, int64_t stop,
                      const float *vectors) {
    double loss = 0.0;
    for (int64_t row = first; row < stop; row++) {
        for (int64_t at = model->starts[row]; at < model->starts[row + 1]; at++) {
            const double score =
                ials_dot(vectors + row * model->width,
                         model->factors + model->columns[at] * model->width, model->width);
            const double weight = (double)model->unobserved + model->weights[at];
            loss += weight * (1.0 - score) * (1.0 - score) - model->unobserved * score * score;
        }
    }
    return loss;
}
