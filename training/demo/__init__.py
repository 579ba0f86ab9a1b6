"""The whole path from events to answers in one command."""
