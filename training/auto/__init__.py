"""`recsys auto`: picks, tunes and blends a model within a time budget, from training data alone.

`plan` says what is held out and why, `hold_out` cuts it, `portfolio` is the table of
what is tried, `judge` fits and measures, `search` decides what to try next.
"""
