"""Builds the compiled scoring core; everything else is in pyproject.toml.

Environment:
    RECSYS_CHECKED_KERNEL=1  bounds checks on, for tests (about ten times slower).
"""

import os

import numpy as np
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

scoring = Extension(
    "recsys._scoring",
    sources=["src/_scoring.pyx", "src/scoring/scan.c", "src/scoring/fold_in.c"],
    depends=["src/scoring/scan.h", "src/scoring/fold_in.h"],
    include_dirs=["src/scoring", np.get_include()],
    define_macros=[("NPY_NO_DEPRECATED_API", "NPY_1_7_API_VERSION")],
    # No -march and no -ffast-math: one binary runs on every machine of its
    # kind (the C files dispatch at run time) and sums keep their order.
    extra_compile_args=["-O3", "-ffp-contract=off"],
)

setup(ext_modules=cythonize([scoring], compiler_directives=DIRECTIVES, force=CHECKED))
