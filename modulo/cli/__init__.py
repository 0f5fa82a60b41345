"""The command `modulo`. Signatures only: each command's work is imported when it is called, so that help is quick."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from modulo.errors import ModuloError

__all__ = ["app", "main"]

app = typer.Typer(
    name="modulo",
    help="Get answers from a language model that formal verifiers have checked.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(
    help="List, fetch and remove local model weights.", invoke_without_command=True, rich_markup_mode=None
)
app.add_typer(models_app, name="models")

SANDBOXES = "auto, docker, gvisor, bubblewrap or unsafe-subprocess"
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line on stdout.")]
Cache = Annotated[str | None, typer.Option(help="File or folder to keep verdicts in. [in memory]")]
Sandbox = Annotated[str | None, typer.Option(help=f"Where untrusted code runs: {SANDBOXES}. [auto]")]


@app.command()
def solve(
    problems: Annotated[list[str], typer.Argument(metavar="PROBLEM", help="YAML, JSON or JSONL files, or -.")],
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="local, vllm:URL, openai:URL, litellm:… [local]")
    ] = None,
    strategy: Annotated[str | None, typer.Option(help="best_of_n or critique_retry. [best_of_n]")] = None,
    n: Annotated[int | None, typer.Option("-n", help="Samples a problem, for best_of_n. [8]")] = None,
    rounds: Annotated[int | None, typer.Option(help="Attempts a problem, for critique_retry. [4]")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Completion tokens a problem may spend in all.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds a problem may take.")] = None,
    feedback: Annotated[
        str | None, typer.Option(help="none, binary, first, all or counterexample. [counterexample]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first sample; sample i uses SEED + i.")] = None,
    temperature: Annotated[float | None, typer.Option(help="Sampling temperature. [0.8]")] = None,
    sandbox: Sandbox = None,
    cache: Cache = None,
    trace: Annotated[str | None, typer.Option(help="File to append traces to. [runs/traces.jsonl]")] = None,
    json: Json = False,
) -> None:
    """Solve problems; print each verified answer.

    Exit: 0 all verified, 1 some not, 2 bad input, 4 provider or sandbox unavailable, 130 interrupted.
    """
    from modulo.cli.solve import run

    flags = {
        "model": model,
        "strategy": strategy,
        "n": n,
        "rounds": rounds,
        "max_tokens": max_tokens,
        "timeout": timeout,
        "feedback": feedback,
        "seed": seed,
        "temperature": temperature,
        "sandbox": sandbox,
        "cache": cache,
        "trace": trace,
    }
    raise typer.Exit(run(problems, flags, as_json=json))


@app.command()
def verify(
    problem: Annotated[
        str | None, typer.Argument(metavar="PROBLEM", help="A problem file, or a trace file to check again.")
    ] = None,
    candidate: Annotated[
        str | None, typer.Argument(metavar="CANDIDATE|-", help="A file with the candidate, or - for standard input.")
    ] = None,
    batch: Annotated[str | None, typer.Option(help='JSONL of {"problem_id", "candidate"}, or -.')] = None,
    problems: Annotated[str | None, typer.Option(help="Problem file for --batch.")] = None,
    sandbox: Sandbox = None,
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Check candidates against a problem's verifiers; no model is called.

    Exit: 0 all pass, 1 some not, 2 bad input, 4 a verifier cannot run here.
    """
    from modulo.cli.verify import run

    raise typer.Exit(
        run(problem, candidate, batch=batch, problems=problems, sandbox=sandbox, cache=cache, as_json=json)
    )


@app.command()
def doctor(json: Json = False) -> None:
    """Say which models, sandboxes and solvers work on this machine, and how to get those that do not."""
    from modulo.cli.doctor import run

    raise typer.Exit(run(as_json=json))


@models_app.callback()
def models_list(context: typer.Context, json: Json = False) -> None:
    """List, fetch and remove local model weights."""
    if context.invoked_subcommand is None:
        from modulo.cli.models import show

        raise typer.Exit(show(as_json=json))


@models_app.command("fetch")
def models_fetch(name: Annotated[str, typer.Argument(help="Name or alias, such as 0.5b.")]) -> None:
    """Download weights and check their sha256."""
    from modulo.cli.models import fetch

    raise typer.Exit(fetch(name))


@models_app.command("remove")
def models_remove(name: Annotated[str, typer.Argument(help="Name or alias, such as 0.5b.")]) -> None:
    """Delete downloaded weights."""
    from modulo.cli.models import remove_weights

    raise typer.Exit(remove_weights(name))


def main(arguments: list[str] | None = None) -> None:
    """Entry point: run a command and exit with its code; every error is one line on stderr."""
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        code = int(app(args=arguments, standalone_mode=False, prog_name="modulo") or 0)
        return _say("interrupted", 130) if code == 130 else code  # which typer makes of a KeyboardInterrupt
    except KeyboardInterrupt:
        return _say("interrupted", 130)
    except ModuloError as error:
        return _say(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except typer.Abort:
        return _say("interrupted", 130)
    except Exception as error:  # noqa: BLE001 - the edge of the program: no traceback reaches a user
        return _unexpected(error)


def _unexpected(error: Any) -> int:
    if hasattr(error, "format_message"):  # a usage error of the option parser, whose class typer keeps private
        message = error.format_message()
        return 0 if not message else _say(f"{message} (see modulo --help)", 2)
    if os.environ.get("MODULO_DEBUG"):
        raise error
    return _say(f"internal error: {type(error).__name__}: {error} (MODULO_DEBUG=1 shows where)", 3)


def _say(message: str, code: int) -> int:
    line = " ".join(message.split())
    print(f"modulo: {line}", file=sys.stderr)  # noqa: T201
    return code
