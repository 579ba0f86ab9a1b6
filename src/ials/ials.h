/* One half-step of implicit ALS: the vectors of some rows against fixed column factors.
 *
 * Row u's vector x minimises (Rendle et al. 2021, "Revisiting the performance of iALS")
 *
 *     sum_seen (a + s_i) (1 - x.y_i)^2 + a sum_unseen (x.y_i)^2 + ridge_u |x|^2
 *
 * that is (a Y^T Y + sum s_i y_i y_i^T + ridge_u I) x = sum (a + s_i) y_i. The caller
 * has turned Y so that Y^T Y is diagonal, which ALS is free to do because scores
 * stay. The system is then a diagonal plus one term per seen item, and conjugate
 * gradients preconditioned by that diagonal need a few passes over the seen items and
 * none over the f x f matrix, whatever the ridge of the row.
 */
#ifndef RECSYS_IALS_H
#define RECSYS_IALS_H

#include <stdint.h>

enum { IALS_LANES = 16, IALS_ROWS = 4 };

typedef struct {
    const float *factors;  /* of the columns, (columns, width) */
    int64_t width;         /* a multiple of IALS_LANES */
    const float *gram;     /* diagonal of Y^T Y times `unobserved`, width */
    float unobserved;      /* the weight a of what was not seen */
    const int64_t *starts; /* rows + 1 */
    const int32_t *columns;
    const float *weights; /* s_i, not negative */
    const float *ridges;  /* by row, positive */
    int steps_max;
    float tolerance; /* of the residual, relative to the right side */
} ials_model;

/* Floats of scratch for one thread. */
int64_t ials_scratch_count(int64_t width);

/* Solve rows [first, stop), starting from what `vectors` (all rows) holds, in place.
 * Returns the number of passes over seen items. */
int64_t ials_solve(const ials_model *model, int64_t first, int64_t stop, float *vectors,
                   float *scratch);

/* The part of the loss that seen items add to that of seeing nothing:
 * sum_seen (a + s) (1 - x.y)^2 - a (x.y)^2. */
double ials_seen_loss(const ials_model *model, int64_t first, int64_t stop,
                      const float *vectors);

#endif
