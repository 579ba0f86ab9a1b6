"""Generated from `proto/recsys/v1`; `make proto` rewrites it. Never edit by hand."""
