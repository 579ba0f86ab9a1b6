"""Runs migrations on the connection that `recsys.storage.postgres_schema` gives."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
