"""Migrations of the PostgreSQL schema, run by Alembic."""
