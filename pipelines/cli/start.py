"""What comes before every command: --version, --verbose, and the help page if there is no command."""

from typing import Annotated

import typer

from pipelines.cli import terminal


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        terminal.say(f"worldwire {version('worldwire')}")
        raise typer.Exit


def add_start(app: typer.Typer) -> None:
    """Gives the application its options."""

    @app.callback(invoke_without_command=True)
    def start(
        context: typer.Context,
        verbose: Annotated[
            bool, typer.Option("--verbose", "-v", help="Also say what is done, on standard error.")
        ] = False,
        version: Annotated[
            bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
        ] = False,
    ) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
            raise typer.Exit
        terminal.set_up_logging(verbose=verbose)


def show_help_alone(app: typer.Typer) -> None:
    """Lets a group of commands show its help page when none of them is named."""

    @app.callback(invoke_without_command=True)
    def start(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())
            raise typer.Exit
