"""The C side of the scoring core; the headers say what everything means."""

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint64_t


cdef extern from "codes.h" nogil:
    ctypedef struct scan_codes:
        int64_t group_count
        int64_t factor_count
        int64_t head_pairs
        int64_t tail_pairs
        const uint8_t *head_high
        const uint8_t *head_low
        const uint8_t *tail_high
        const uint8_t *tail_low
        const int32_t *order
        const uint16_t *steps
        const uint16_t *tails
        const uint16_t *rests
        const float *norms
        const float *residuals
        const float *rotation
        double defect
        int32_t first_stage
    ctypedef struct codes_target:
        uint8_t *head_high
        uint8_t *head_low
        uint8_t *tail_high
        uint8_t *tail_low
        uint16_t *steps
        uint16_t *tails
        uint16_t *rests
        float *norms
        float *residuals
        uint8_t *digests
        int64_t digest_bytes
    int CODES_GROUP, CODES_PAIR_BYTES, CODES_RANK_COUNT
    int DIGEST_HALVES, DIGEST_BYTES_MIN, DIGEST_BYTES_MAX
    int STAGE_HEAD4, STAGE_HEAD8, STAGE_ALL4, STAGE_ALL8, STAGE_COUNT
    int64_t codes_head_pairs(int64_t factor_count)
    int64_t codes_tail_pairs(int64_t factor_count)
    void codes_encode(const double *rotated, int64_t count, int64_t factor_count,
                      const float *row_norms, const codes_target *target)


cdef extern from "simd.h" nogil:
    ctypedef struct simd_ops:
        const char *name
    int SIMD_VARIANT_COUNT
    const simd_ops *simd_variant(int position)


cdef extern from "scan.h" nogil:
    ctypedef struct scan_items:
        int64_t item_count
        int64_t factor_count
        const float *factors
        const float *norms
        float norm_max
        const float *prior
        float prior_max
        const float *priors
        const float *priors_max
        int64_t prior_row_count
        const int32_t *head
        int64_t head_count
        const scan_codes *codes
        const uint8_t *ranks
        const uint8_t *digests
        int64_t digest_bytes
        const float *code_prior
        const float *code_priors
        const int64_t *link_starts
        const int32_t *link_items
        const float *link_values
        int64_t link_count
    int SCAN_MASKS_MAX
    ctypedef struct scan_query:
        const float *vector
        const uint8_t *allowed[8]
        int allowed_count
        const int32_t *excluded
        int64_t excluded_count
        const int32_t *history_rows
        const float *history_weights
        int64_t history_count
        const int32_t *boost_rows
        const float *boost_values
        int64_t boost_count
        int64_t prior_row
        const scan_codes *subset
        const float *subset_prior
        const int32_t *extra
        int64_t extra_count
    ctypedef struct scan_candidate:
        float most
        int32_t row
    int SCAN_CANDIDATES_MAX, SCAN_LOWEST_SHARE
    ctypedef struct scan_scratch:
        uint64_t *taken
        int32_t *keys
        double *sums
        double *boosts
        int32_t *slots
        int64_t slot_mask
        float *lowest
        int64_t lowest_max
        scan_candidate *candidates
        int64_t *effort
    int SCAN_OK, SCAN_VECTOR, SCAN_EXCLUDED, SCAN_HISTORY, SCAN_WEIGHT, SCAN_LINKS, SCAN_ROW
    int SCAN_BOOST, SCAN_BOOST_VALUE, SCAN_PRIOR_ROW
    int64_t scan_norms(const simd_ops *ops, const float *factors, int64_t item_count,
                       int64_t factor_count, float *norms)
    int64_t scan_reach(const scan_items *items, const int32_t *rows, int64_t count)
    int scan_top_k(const scan_items *items, const simd_ops *ops, const scan_query *query,
                   const scan_scratch *scratch, int32_t capacity, int32_t *out_items,
                   double *out_scores, int32_t *out_count, int64_t *position)
    int SCAN_BATCH_MAX
    size_t scan_lane_bytes()
    int scan_top_k_batch(const scan_items *items, const simd_ops *ops, const scan_query *queries,
                         const scan_scratch *const *scratch, void *lanes, int count,
                         int32_t capacity, int32_t *out_items, double *out_scores,
                         int32_t *out_counts, int *failed, int64_t *position)
    int scan_score(const scan_items *items, const simd_ops *ops, const scan_query *query,
                   const scan_scratch *scratch, const int32_t *rows, int64_t count,
                   double *out_scores, double *out_parts, int64_t *position)
    int PART_COUNT
    int64_t scan_link_terms(const scan_items *items, const scan_query *query, int32_t row,
                            int32_t *out_positions, double *out_terms)


cdef extern from "fold_in.h" nogil:
    ctypedef struct fold_in_model:
        const float *factors
        const double *gram
        int64_t item_count
        int64_t factor_count
        double alpha
        double regularization
        double regularization_exponent
        double unobserved
        int is_diagonal
    int FOLD_IN_OK, FOLD_IN_ROW, FOLD_IN_WEIGHT, FOLD_IN_SYSTEM
    int64_t fold_in_scratch_count(int64_t factor_count)
    int fold_in_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                     const float *weights, int64_t count, double *scratch, float *out,
                     int64_t *position)
    int fold_in_parts(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                      const float *weights, int64_t count, const int32_t *ranked,
                      int64_t ranked_count, double *scratch, float *vector, double *parts,
                      int64_t *position)
