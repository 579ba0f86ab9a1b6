/* The caller's rounding mode and flush-to-zero bits would change answers. */
#ifndef RECSYS_ARITHMETIC_H
#define RECSYS_ARITHMETIC_H

#include <fenv.h>

/* Round to nearest, keep denormals; returns what to hand to `arithmetic_restore`. */
static inline fenv_t arithmetic_default(void) {
    fenv_t caller;
    fegetenv(&caller);
    fesetenv(FE_DFL_ENV);
    return caller;
}

static inline void arithmetic_restore(fenv_t caller) { fesetenv(&caller); }

#endif
