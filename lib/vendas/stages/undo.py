"""Undo: remove files from silver and quarantine, and restore rows of other files that were their duplicates."""

from vendas.lake.events import Event
from vendas.lake.ledger import latest
from vendas.lake.tables import QUARANTINE_TABLE, RESUBMITTED_TABLE, SILVER_TABLE, Lake
from vendas.settings import Settings
from vendas.stages.survey import SurveyedFile
from vendas.stages.transform import validate_files, write_returning


def take_out(
    tables: Lake, settings: Settings, events: list[Event], leaving: list[Event], sharing: list[Event]
) -> dict[str, int]:
    """Remove the rows of leaving files from quarantine and silver; return the number of rows silver then has, by file.

    A sale that other files have, too, was dropped from them as a duplicate; it is restored in the first of these files,
    in bronze order, in the same commit. `sharing` has silver's events of the files with duplicates, `events` is the
    whole ledger. Without leaving files, do nothing and return an empty dictionary.
    """
    if not leaving:
        return {}
    gone = [event.arquivo for event in leaving]
    for table in (QUARANTINE_TABLE, RESUBMITTED_TABLE):
        if any(tables.count_by_file(table, gone).values()):
            tables.replace(table, [], gone)
    change = tables.change(SILVER_TABLE)
    files = [*gone, *(event.arquivo for event in sharing)]
    held = tables.count_by_file(SILVER_TABLE, files)
    if not any(held[file] for file in gone):  # as after a run that was killed before it recorded this in the ledger
        return held
    arquivos = [event.arquivo for event in sharing]
    known = latest(events, arquivos)
    surveyed = [SurveyedFile.of(settings.bronze, known[arquivo]["bronze"]) for arquivo in arquivos]
    validated = validate_files(tables.workers, surveyed, settings.staging)
    returning = write_returning(tables, validated, change, arquivos, gone)
    held = change.publish(returning.files, files, replaced=gone)
    validated.discard()
    return held
