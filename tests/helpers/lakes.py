"""Lakes for tests that need no JVM."""

from vendas.lake.tables import Lake
from vendas.lake.workers import ThisProcess
from vendas.settings import load_settings


def empty_lake(place):
    """Return the lake at a place with all tables, which are empty; this process does all work on it."""
    settings = load_settings(lake=place)
    made = Lake(settings.lake, ThisProcess(settings))
    made.create_tables()
    return made
