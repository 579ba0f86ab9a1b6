"""Builds the compiled core; everything else is in pyproject.toml.

Environment:
    RECSYS_CHECKED_KERNEL=1  bounds checks and C assertions on, for tests.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

CHECKED = os.environ.get("RECSYS_CHECKED_KERNEL") == "1"

# The file itself holds no performance directives: one there would silently
# override these, and the checked build would check nothing.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": CHECKED,
    "wraparound": False,
    "initializedcheck": CHECKED,
    "cdivision": True,
    "embedsignature": True,
}

# No -march and no -ffast-math: one binary runs on every machine of its
# kind (the C files dispatch at run time) and sums keep their order.
COMPILE_ARGS = ["-O3", "-ffp-contract=off"]

features = Extension(
    "recsys._features", sources=["src/_features.pyx"], extra_compile_args=COMPILE_ARGS
)
items = Extension("recsys._items", sources=["src/_items.pyx"], extra_compile_args=COMPILE_ARGS)
results = Extension(
    "recsys._results", sources=["src/_results.pyx"], extra_compile_args=COMPILE_ARGS
)

scoring = Extension(
    "recsys._scoring",
    sources=[
        "src/_scoring.pyx",
        "src/scoring/simd.c",
        "src/scoring/simd_x86.c",
        "src/scoring/codes.c",
        "src/scoring/scan.c",
        "src/scoring/pass_rows.c",
        "src/scoring/pass_codes.c",
        "src/scoring/fold_in.c",
    ],
    depends=[
        "src/scoring/simd.h",
        "src/scoring/scan.h",
        "src/scoring/arithmetic.h",
        "src/scoring/search.h",
        "src/scoring/codes.h",
        "src/scoring/top.h",
        "src/scoring/fold_in.h",
        "src/scoring/fold_in_body.h",
    ],
    include_dirs=["src/scoring"],
    undef_macros=["NDEBUG"] if CHECKED else [],
    extra_compile_args=COMPILE_ARGS,
)

setup(
    ext_modules=cythonize(
        [features, items, results, scoring], compiler_directives=DIRECTIVES, force=CHECKED
    )
)
