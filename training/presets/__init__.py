"""Presets that come with this version, one TOML file each."""
