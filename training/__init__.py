"""Offline jobs: raw cross-channel events in, a published model bundle out."""
