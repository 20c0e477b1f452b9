"""The command line's `vendas dw …`: the embedded warehouse of a lake."""

import os

import typer

from vendas.cli import display
from vendas.cli.terminal import Json, Lake, console, existing, local, print_json
from vendas.formatting import format_counted
from vendas.lake.lock import hold_lake
from vendas.storage import as_folder

app = typer.Typer(help="The embedded warehouse of a lake.", no_args_is_help=True)


@app.command("url")
def dw_url(lake: Lake = None, json: Json = False) -> None:
    """Start the warehouse if needed and print its URL, password included."""
    from vendas.warehouse.embedded import ensure_running

    url = ensure_running(as_folder(existing(lake).dw)).url
    print_json({"url": url}) if json else print(url)


@app.command("stop")
def dw_stop(lake: Lake = None, json: Json = False) -> None:
    """Stop the warehouse if it runs."""
    from vendas.warehouse.embedded import stop

    stopped = stop(as_folder(local(lake).dw))
    console.print("Warehouse stopped." if stopped else "Warehouse was not running.")
    if json:
        print_json({"stopped": stopped})


@app.command("rebuild")
def dw_rebuild(lake: Lake = None, json: Json = False) -> None:
    """Reload the whole warehouse from gold; readers see the old one until it is done, and keys stay the same."""
    from vendas.lake.workers import own_workers
    from vendas.warehouse.rebuild import rebuild_warehouse

    settings = existing(lake)
    with hold_lake(settings.lake, lambda: display.print_waiting(console)), own_workers(settings) as workers:
        held = rebuild_warehouse(workers, settings)
    console.print(f"Loaded {format_counted(sum(held.values()), 'sale')} of {format_counted(len(held), 'file')}.")
    if json:
        print_json({"files": [{"arquivo": name, "dw": rows} for name, rows in held.items()]})


@app.command("psql", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dw_psql(context: typer.Context, lake: Lake = None) -> None:
    """Open psql on the warehouse and pass it all further arguments, e.g. `vendas dw psql -- -c 'select 1'`."""
    from vendas.warehouse.embedded import ensure_running, psql

    command, environment = psql(ensure_running(as_folder(existing(lake).dw)))
    os.execve(command[0], [*command, *context.args], {**os.environ, **environment})
