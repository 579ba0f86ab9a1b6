"""Builds the compiled core; everything else is in pyproject.toml.

Environment:
    RECSYS_CHECKED_KERNEL=1  bounds checks and C assertions on, for tests.
    CFLAGS                   flags of your own; an -O among them counts in place of ours.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

CORES = Path("src/scoring")
FEATURES = Path("src/features")
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
    # Nothing is shared between threads but what is written once, and lists.
    "freethreading_compatible": True,
}

# No -march and no -ffast-math: one binary runs on every machine of its
# kind (the C files dispatch at run time) and sums keep their order.
OPTIMISED = [] if "-O" in os.environ.get("CFLAGS", "") else ["-O3"]
COMPILE_ARGS = [*OPTIMISED, "-ffp-contract=off"]

# What one compiled module uses of another it finds in `recsys/*.pxd`.
items = Extension(
    "recsys._items",
    sources=["src/_items.pyx", "src/items/ids.c"],
    depends=["recsys/_items.pxd", "src/items/ids.h"],
    include_dirs=["src"],
    extra_compile_args=COMPILE_ARGS,
)
features = Extension(
    "recsys._features",
    sources=["src/_features.pyx", *sorted(map(str, FEATURES.glob("*.c"))), "src/items/ids.c"],
    depends=[
        "recsys/_features.pxd",
        "recsys/_items.pxd",
        "src/items/ids.h",
        *sorted(map(str, FEATURES.glob("*.h"))),
    ],
    include_dirs=["src"],
    extra_compile_args=COMPILE_ARGS,
)
results = Extension(
    "recsys._results",
    sources=["src/_results.pyx", "src/items/ids.c"],
    depends=["recsys/_items.pxd", "recsys/_scoring.pxd", "src/items/ids.h"],
    include_dirs=["src"],
    extra_compile_args=COMPILE_ARGS,
)
pages = Extension("recsys._pages", sources=["src/_pages.pyx"], extra_compile_args=COMPILE_ARGS)
scoring = Extension(
    "recsys._scoring",
    sources=["src/_scoring.pyx", *sorted(map(str, CORES.glob("*.c")))],
    depends=[
        "src/scoring_core.pxd",
        "src/scoring_parts.pxi",
        "src/scoring_person.pxi",
        "recsys/_scoring.pxd",
        "recsys/_features.pxd",
        "recsys/_items.pxd",
        *sorted(map(str, CORES.glob("*.h"))),
    ],
    include_dirs=["src", "src/scoring"],
    undef_macros=["NDEBUG"] if CHECKED else [],
    extra_compile_args=COMPILE_ARGS,
)

item_item = Extension(
    "training._item_item",
    sources=["src/_item_item.pyx", "src/item_item/links.c"],
    depends=["src/item_item/links.h"],
    include_dirs=["src/item_item"],
    extra_compile_args=COMPILE_ARGS,
)

# Training promises the same bits on the same machine only, so it may fuse.
ials = Extension(
    "training._ials",
    sources=["src/_ials.pyx", "src/ials/ials.c"],
    depends=["src/ials/ials.h", "src/ials/ials_body.h"],
    include_dirs=["src/ials"],
    # The vectors of 16 floats are passed to inlined functions only.
    extra_compile_args=[*OPTIMISED, "-ffp-contract=fast", "-Wno-psabi"],
)

allocation = Extension(
    "training._allocation",
    sources=["src/_allocation.pyx", "src/allocation/allocation.c"],
    depends=["src/allocation/allocation.h"],
    include_dirs=["src/allocation"],
    extra_compile_args=COMPILE_ARGS,
)

setup(
    ext_modules=cythonize(
        [allocation, features, ials, item_item, items, pages, results, scoring],
        include_path=["src", "."],
        compiler_directives=DIRECTIVES,
        force=CHECKED,
    )
)
