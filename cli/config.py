"""Commands on a tree of configuration files: changes, validate, set-environment. They need no app and no token.

They are what a pipeline calls before a merge, so that what the app would refuse afterwards is seen before. What they do
is in config_tree, which is loaded when one of them is called.
"""

from pathlib import Path
from typing import Annotated

import typer

from cli.reading import AsJson

CONFIG = Path("config")

app = typer.Typer(no_args_is_help=True, help="Check and edit the files in config/; no app and no token are needed.")

Base = Annotated[
    str, typer.Option("--base", help="The state before: a branch, a tag, a commit, or an expression such as HEAD~1.")
]
Head = Annotated[str, typer.Option("--head", help="The state after, in the same form.")]
Repository = Annotated[Path, typer.Option("--repo", help="A directory in the git repository.")]
Directory = Annotated[Path, typer.Argument(help="The directory of the configuration.")]
Version = Annotated[str, typer.Argument(help="The version, such as 2.0.0.")]
Plants = Annotated[
    list[str] | None, typer.Option("--plant", help="Only circuits of this plant; may be given several times.")
]
Write = Annotated[bool, typer.Option("--write", help="Change the files. Without it they are left alone.")]
Config = Annotated[Path, typer.Option("--config", help="The directory of the configuration.")]


@app.command()
def changes(base: Base, head: Head = "HEAD", repo: Repository = Path(), as_json: AsJson = False) -> None:
    """Show what bringing BASE to HEAD would train, register or refuse. Ends with 1 where it would be refused."""
    from cli import config_tree

    raise typer.Exit(config_tree.show_changes(repo, base, head, as_json=as_json))


@app.command()
def validate(directory: Directory = CONFIG, as_json: AsJson = False) -> None:
    """Check every file of the configuration. Ends with 1 and all mistakes when there are any."""
    from cli import config_tree

    raise typer.Exit(config_tree.show_mistakes(directory, as_json=as_json))


@app.command("set-environment")
def set_environment(version: Version, plant: Plants = None, write: Write = False, config: Config = CONFIG) -> None:
    """Set training.environment_version in the circuits' files, and print the difference. Nothing else in a file moves.

    Merging it trains every circuit whose file changes.
    """
    from cli import config_tree

    raise typer.Exit(config_tree.set_environment(config, version, plant or [], write=write))
