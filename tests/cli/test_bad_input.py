"""Bad input of every kind: one line on stderr that names the place, the right exit code, and nothing else."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from modulo.cli import _run

GOOD: dict[str, Any] = {
    "id": "big",
    "statement": "Give x above 3 as JSON.",
    "answer": "json",
    "verifiers": [{"smt": {"variables": {"x": "int"}, "constraints": {"big": "x > 3"}}}],
}
FILES: dict[str, str | bytes] = {
    "good.yaml": json.dumps(GOOD),
    "script.yaml": "- '{\"x\": 5}'\n",
    "answer.json": '{"x": 5}',
    "bytes.bin": b"\xff\xfe\x00",
}
SOLVE = ("solve", "-m", "scripted:script.yaml")


def problem(**changes: Any) -> str:
    """A problem file with some fields changed, and those that are `None` left out."""
    return json.dumps({k: v for k, v in {**GOOD, **changes}.items() if v is not None})


def judged_by(spec: Any) -> str:
    return problem(answer="text", verifiers=[spec])


def cases_of(**spec: Any) -> str:
    return judged_by({"tests": {"entry": "f", "cases": [{"args": [1], "expect": 1}], **spec}})


def smt(**spec: Any) -> str:
    return judged_by({"smt": spec})


SMT = {"variables": {"x": "int"}, "constraints": ["x > 3"]}
DOMAIN = "(define (domain d) (:predicates (p)) (:action a :parameters () :effect (p)))"
TASK = "(define (problem q) (:domain d) (:init) (:goal (p)))"

# What the file p.yaml (or the one named) holds, and words of the error.
PROBLEMS: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "p.yaml: holds no problem"),
    "only a comment": ("# nothing\n", "p.yaml: holds no problem"),
    "not UTF-8": (b"id: a\nstatement: \xff\n", "p.yaml:2: is not UTF-8 text; save it as UTF-8"),
    "YAML syntax": ("id: a\nstatement: [1, 2\n", "p.yaml:3: is not YAML: "),
    "a tab": ("id: a\n\tstatement: b\n", "p.yaml:2: is not YAML: "),
    "a key twice": ("id: a\nid: b\n", "p.yaml:2: is not YAML: the key 'id' stands twice"),
    "an alias": ("id: &a x\nstatement: *a\n", "p.yaml:2: is not YAML: aliases (*name) are not supported"),
    "a key that is a number": ("1: a\n", "p.yaml:1: is not YAML: the key 1 is not text; put it in quotes"),
    "a Python object": (
        "id: !!python/object:os.system x\n",
        "p.yaml:1: is not YAML: could not determine a constructor",
    ),
    "a list": ("- a\n- b\n", "p.yaml: a problem is a mapping with statement and verifiers, not a list"),
    "a scalar": ("hello\n", "p.yaml: a problem is a mapping with statement and verifiers, not text"),
    "not a number": (problem()[:-1] + ', "extra": .nan}', "p.yaml: extra: nan is not a JSON number"),
    "nested too deeply": ("[" * 100_000, "p.yaml: is not YAML: nested too deeply"),
    "no statement": (problem(statement=None), "p.yaml: statement: is missing"),
    "blank statement": (problem(statement=" \n"), "p.yaml: statement: the statement is blank"),
    "statement is a number": (problem(statement=3), "p.yaml: statement: "),
    "id too long": (problem(id="x" * 201), "p.yaml: id: "),
    "an unknown field": (problem(verifier=[]), "p.yaml: verifier: is not a field of a problem; the fields are id, "),
    "an unknown answer": (
        problem(answer="yaml"),
        "p.yaml: answer: is one of text, python, json, math, plan, smtlib, not",
    ),
    "no verifiers": (problem(verifiers=None), "p.yaml: verifiers: give at least one, such as `- tests:"),
    "empty verifiers": (problem(verifiers=[]), "p.yaml: verifiers: give at least one"),
    "verifiers are a mapping": (problem(verifiers={"smt": SMT}), "p.yaml: verifiers: is a list, one `- name: spec`"),
    "a verifier is text": (problem(verifiers=["smt"]), "p.yaml: verifiers[0]: "),
    "a verifier has two names": (
        problem(verifiers=[{"smt": SMT, "math": {}}]),
        "p.yaml: verifiers[0]: a verifier is a",
    ),
    "an unknown verifier": (
        judged_by({"nope": {}}),
        "p.yaml: verifiers[0]: no verifier is called 'nope'; installed are",
    ),
    "hard is text": (smt(**SMT, hard="maybe"), "p.yaml: verifiers[0].hard: "),
    "tests: a list": (judged_by({"tests": []}), "p.yaml: verifiers[0].tests: expected a mapping of fields"),
    "tests: nothing": (judged_by({"tests": {"cases": []}}), "p.yaml: verifiers[0].tests.cases: give at least one case"),
    "tests: no entry": (
        judged_by({"tests": {"cases": [{"args": [3], "expect": 9}]}}),
        "p.yaml: verifiers[0].tests.entry: ",
    ),
    "tests: entry is no name": (
        cases_of(entry="f(x)"),
        "p.yaml: verifiers[0].tests.entry: 'f(x)' is not a name in Python",
    ),
    "tests: no case": (cases_of(cases=[]), "p.yaml: verifiers[0].tests.cases: give at least one case"),
    "tests: args": (cases_of(cases=[{"args": 3, "expect": 3}]), "p.yaml: verifiers[0].tests.cases[0].args: write the"),
    "tests: no expect": (
        cases_of(cases=[{"args": [3]}]),
        "p.yaml: verifiers[0].tests.cases[0].expect: give exactly one",
    ),
    "tests: a misspelled field": (cases_of(casses=[]), "p.yaml: verifiers[0].tests.casses: no such field"),
    "tests: an unknown tag": (
        cases_of(hidden=[{"args": [{"$list": []}], "expect": 3}]),
        "p.yaml: verifiers[0].tests.hidden[0].args[0]: unknown tag '$list'",
    ),
    "tests: a limit": (cases_of(memory_mb=1), "p.yaml: verifiers[0].tests.memory_mb: "),
    "smt: nothing": (smt(), "p.yaml: verifiers[0].smt: give exactly one of smtlib, smtlib_file, or variables"),
    "smt: an unknown sort": (
        smt(variables={"x": "integer"}, constraints=["x > 3"]),
        "p.yaml: verifiers[0].smt.variables",
    ),
    "smt: an unknown name": (smt(variables={"x": "int"}, constraints={"c": "y > 3"}), "verifiers[0].smt.constraints"),
    "smt: not an expression": (
        smt(variables={"x": "int"}, constraints=["x >"]),
        "p.yaml: verifiers[0].smt.constraints",
    ),
    "smt: code": (smt(variables={"x": "int"}, constraints=["print(x)"]), "p.yaml: verifiers[0].smt.constraints"),
    "smt: reads a file": (smt(smtlib='(include "/etc/passwd")'), "p.yaml: verifiers[0].smt.smtlib: "),
    "smt: not SMT-LIB": (smt(smtlib="(assert (> x"), "p.yaml: verifiers[0].smt.smtlib: "),
    "smt: a file that is not there": (smt(smtlib_file="no.smt2"), "p.yaml: verifiers[0].smt.smtlib_file: cannot read"),
    "math: nothing": (
        judged_by({"math": {}}),
        "p.yaml: verifiers[0].math: give exactly one of `equals`",
    ),
    "math: unreadable": (judged_by({"math": {"equals": "2 +"}}), "p.yaml: verifiers[0].math.equals: cannot be read as"),
    "math: a float": (judged_by({"math": {"equals": 0.5}}), "p.yaml: verifiers[0].math.equals: put quotes round a"),
    "math: tolerance": (
        judged_by({"math": {"equals": "2", "tolerance": -1}}),
        "verifiers[0].math.tolerance: a positive",
    ),
    "plan: a file that is not there": (
        judged_by({"plan": {"domain": "no.pddl", "problem": TASK}}),
        "p.yaml: verifiers[0].plan.domain: cannot read no.pddl: No such file or directory",
    ),
    "plan: PDDL that is not understood": (
        judged_by({"plan": {"domain": DOMAIN.replace("(p)))", "(oneof (p) (p))))"), "problem": TASK}}),
        "p.yaml: verifiers[0].plan.domain: line 1: ",
    ),
    "schema: empty": (
        judged_by({"schema": {}}),
        "p.yaml: verifiers[0].schema: expected a JSON Schema with at least one",
    ),
    "schema: not one": (judged_by({"schema": {"type": "whole"}}), "p.yaml: verifiers[0].schema.type"),
    "schema: elsewhere": (
        judged_by({"schema": {"$ref": "http://x.invalid/s"}}),
        "p.yaml: verifiers[0].schema.$ref: $ref 'http",
    ),
}
OTHER_FILES: dict[str, tuple[str, str, str]] = {
    "JSON syntax": ("p.json", '{"id": "a",\n "statement": }', "p.json:2: is not JSON: Expecting value at column 15"),
    "JSON key twice": ("p.json", '{"id": "a", "id": "b"}', "p.json: is not JSON: the key 'id' stands twice"),
    "JSON NaN": ("p.json", '{"id": NaN}', "p.json: is not JSON: NaN is not JSON"),
    "JSON lines, a bad line": ("p.jsonl", problem() + '\n{"id": \n', "p.jsonl:2: is not JSON: "),
    "JSON lines, a bad problem": (
        "p.jsonl",
        problem() + '\n\n{"id": "b"}\n',
        "p.jsonl:3: verifiers: give at least one",
    ),
    "JSON lines, an id twice": ("p.jsonl", problem() + "\n" + problem(), "id: 'big' stands twice"),
}

# Arguments, exit code, words of the error.
FLAGS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "no such command": (("sovle", "good.yaml"), 2, "No such command 'sovle'"),
    "no problem": (("solve",), 2, "Missing argument 'PROBLEM'"),
    "no such flag": ((*SOLVE, "good.yaml", "--sampels", "3"), 2, "No such option: --sampels"),
    "-n takes a number": ((*SOLVE, "good.yaml", "-n", "many"), 2, "Invalid value for '-n': "),
    "-n is positive": ((*SOLVE, "good.yaml", "-n", "0"), 2, "-n: input should be greater than or equal to 1, not 0"),
    "--rounds is positive": ((*SOLVE, "good.yaml", "--rounds", "-1"), 2, "--rounds: "),
    "--max-tokens": ((*SOLVE, "good.yaml", "--max-tokens", "0"), 2, "--max-tokens: "),
    "--timeout": ((*SOLVE, "good.yaml", "--timeout", "-3"), 2, "--timeout: "),
    "--timeout nan": ((*SOLVE, "good.yaml", "--timeout", "nan"), 2, "--timeout: "),
    "--timeout inf": ((*SOLVE, "good.yaml", "--timeout", "inf"), 2, "--timeout: "),
    "--temperature": ((*SOLVE, "good.yaml", "--temperature", "9"), 2, "--temperature: "),
    "--seed": ((*SOLVE, "good.yaml", "--seed", "-1"), 2, "--seed: "),
    "--feedback": ((*SOLVE, "good.yaml", "--feedback", "loud"), 2, "--feedback: input should be 'none', 'binary'"),
    "--sandbox": ((*SOLVE, "good.yaml", "--sandbox", "chroot"), 2, "--sandbox: input should be 'auto', 'docker'"),
    "--strategy": (
        (*SOLVE, "good.yaml", "--strategy", "magic"),
        2,
        "no strategy is called 'magic'; installed are best",
    ),
    "--trace is a folder": ((*SOLVE, "good.yaml", "--trace", "."), 2, "--trace cannot be written: Is a directory"),
    "--trace under a file": (
        (*SOLVE, "good.yaml", "--trace", "good.yaml/t"),
        2,
        "good.yaml/t: --trace cannot be written",
    ),
    "no such file": ((*SOLVE, "no.yaml"), 2, "no.yaml: cannot be read: No such file or directory"),
    "a folder": ((*SOLVE, "."), 2, ".: is a directory; give a problem file"),
    "the second file": ((*SOLVE, "good.yaml", "no.yaml"), 2, "no.yaml: cannot be read"),
    "the same twice": ((*SOLVE, "good.yaml", "good.yaml"), 2, "id: 'big' stands twice among the problems given"),
    "stdin twice": ((*SOLVE, "-", "-"), 2, "PROBLEM: - can be given once only"),
    "stdin empty": ((*SOLVE, "-"), 2, "<stdin>: holds no problem"),
    "verify: nothing": (("verify",), 2, "give a PROBLEM file, or --batch with --problems"),
    "verify: no such problem": (("verify", "no.yaml", "answer.json"), 2, "no.yaml: cannot be read: No such file"),
    "verify: no such candidate": (
        ("verify", "good.yaml", "no.json"),
        2,
        "no.json: CANDIDATE cannot be read: No such file",
    ),
    "verify: candidate is a folder": (("verify", "good.yaml", "."), 2, ".: CANDIDATE cannot be read: Is a directory"),
    "verify: candidate is bytes": (("verify", "good.yaml", "bytes.bin"), 2, "bytes.bin: CANDIDATE is not UTF-8 text"),
    "verify: --sandbox": (
        ("verify", "good.yaml", "answer.json", "--sandbox", "x"),
        2,
        "--sandbox: input should be 'auto'",
    ),
    "verify: --batch alone": (("verify", "--batch", "b.jsonl"), 2, "--batch CANDIDATES.jsonl and --problems PROBLEMS"),
    "verify: --problems alone": (("verify", "--problems", "good.yaml"), 2, "--batch CANDIDATES.jsonl and --problems"),
    "verify: --batch and PROBLEM": (
        ("verify", "good.yaml", "--batch", "b", "--problems", "good.yaml"),
        2,
        "go together, without PROBLEM",
    ),
    "verify: --batch and CANDIDATE": (
        ("verify", "--batch", "b", "--problems", "good.yaml", "--json", "good.yaml", "answer.json"),
        2,
        "go together, without PROBLEM",
    ),
    "verify: --batch is not there": (
        ("verify", "--batch", "no.jsonl", "--problems", "good.yaml"),
        2,
        "no.jsonl: --batch cannot be read: No such file or directory",
    ),
    "models fetch": (("models", "fetch", "9b"), 2, "there are no weights named '9b'; known are 0.5b"),
    "models remove": (("models", "remove", "9b"), 2, "there are no weights named '9b'; known are 0.5b"),
}
MODELS: dict[str, tuple[int, str]] = {
    "": (2, "--model: "),
    "gpt-4": (2, "cannot open model 'gpt-4': it starts with none of litellm, local"),
    "http://127.0.0.1:8000/v1": (2, "cannot open model 'http://127.0.0.1:8000/v1'"),
    "scripted:": (2, "model string 'scripted:' needs a file"),
    "scripted:no.yaml": (2, "cannot read script no.yaml: No such file or directory"),
    "scripted:good.yaml": (2, "script good.yaml: "),
    "scripted:bytes.bin": (2, "cannot read script bytes.bin: it is not UTF-8 text"),
    "replay:no.jsonl": (2, "no.jsonl"),
    "vllm:not a url": (2, "vllm:not a url"),
    "vllm:": (2, "vllm:"),
    "openai:ftp://host/v1": (2, "openai:ftp://host/v1"),
    "openai:http://user:secret@host/v1": (2, "holds a user name or password"),
    "litellm:claude": (2, "must be litellm:PROVIDER/MODEL"),
    "local:9b": (2, "there are no weights named '9b'"),
    "local:/no/such.gguf": (2, "/no/such.gguf"),
    "no_such_module:model": (2, "cannot open model 'no_such_module:model': No module named 'no_such_module'"),
    "json:no_such_name": (2, "cannot open model 'json:no_such_name': module 'json' has no attribute"),
    "json:JSONDecoder": (2, "cannot open model 'json:JSONDecoder': a generator needs name, generate(…) and aclose()"),
}
BATCHES: dict[str, tuple[str | bytes, str]] = {
    "not JSON": ('{"problem_id": "big"', "b.jsonl:1: is not JSON"),
    "not UTF-8": (b'{"problem_id": "big", "candidate": "\xff"}', "b.jsonl:1: is not JSON"),
    "a list": ("[]", "b.jsonl:1: is a JSON object"),
    "no candidate": ('{"problem_id": "big"}', "b.jsonl:1: candidate: is missing or not text"),
    "candidate is not text": (
        '{"problem_id": "big", "candidate": {"x": 5}}',
        "b.jsonl:1: candidate: is missing or not",
    ),
    "no problem_id": ('{"candidate": "5"}', "b.jsonl:1: problem_id: is missing or not text"),
    "unknown problem_id": ('{"problem_id": "small", "candidate": "5"}', "b.jsonl:1: problem_id: no problem is called"),
    "a later line": ('{"problem_id": "big", "candidate": "5"}\n\nx\n', "b.jsonl:3: is not JSON"),
}
SETTINGS: dict[str, tuple[str, dict[str, str], str]] = {
    "not TOML": ("n = ", {}, "modulo.toml: is not TOML: "),
    "an unknown setting": ("samples = 3", {}, "modulo.toml: samples: is not a setting; the settings are model, "),
    "a wrong type": ('n = "many"', {}, "modulo.toml: n: "),
    "a variable": ("", {"MODULO_ROUNDS": "0"}, "MODULO_ROUNDS: "),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in FILES.items():
        write(tmp_path / name, text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))


def write(path: Path, text: str | bytes) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)


def listing() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*"))


def refused(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str) -> None:
    """Run the command and check everything that holds of every refusal."""
    before = listing()
    assert _run(list(arguments)) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    assert err.startswith("modulo: ")
    assert words in err
    assert "Traceback" not in err
    assert "internal error" not in err
    assert len(err) < 1000
    assert listing() == before


@pytest.mark.parametrize("command", ["solve", "verify"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_problem_files(name: str, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, words = PROBLEMS[name]
    write(Path("p.yaml"), text)
    refused(capsys, (*SOLVE, "p.yaml") if command == "solve" else ("verify", "p.yaml", "answer.json"), 2, words)


@pytest.mark.parametrize("name", OTHER_FILES)
def test_json_and_json_lines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    file, text, words = OTHER_FILES[name]
    write(Path(file), text)
    refused(capsys, (*SOLVE, file), 2, words)


def test_verify_takes_one_problem(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("two.jsonl"), problem() + "\n" + problem(id="b"))
    refused(
        capsys, ("verify", "two.jsonl", "answer.json"), 2, "two.jsonl: holds 2 problems; verify takes one, or --batch"
    )


def test_problem_and_candidate_both_from_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(problem().encode())))
    refused(
        capsys, ("verify", "-", "-"), 2, "CANDIDATE: standard input already holds the problem; give the candidate as"
    )


@pytest.mark.parametrize("name", FLAGS)
def test_flags(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    refused(capsys, *FLAGS[name])


@pytest.mark.parametrize("model", MODELS)
def test_model_strings(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, words = MODELS[model]
    refused(capsys, ("solve", "good.yaml", "--model", model), code, words)


@pytest.mark.parametrize("name", BATCHES)
def test_batch_lines(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text, words = BATCHES[name]
    write(Path("b.jsonl"), text)
    refused(capsys, ("verify", "--batch", "b.jsonl", "--problems", "good.yaml", "--json"), 2, words)


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    toml, variables, words = SETTINGS[name]
    write(Path("modulo.toml"), toml)
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    refused(capsys, (*SOLVE, "good.yaml"), 2, words)


def test_a_trace_file_with_no_readable_trace(capsys: pytest.CaptureFixture[str]) -> None:
    write(Path("t.jsonl"), '{"trace_id": "a", "attempts": []}\n')
    assert _run(["verify", "t.jsonl"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.partition(": ")[2][:20] for line in err.splitlines()] == [
        "t.jsonl:1: skipped, ",
        "t.jsonl: holds no re",
    ]


def run_outside(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from modulo.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SOLVE, "no.yaml"), "no.yaml: cannot be read: No such file or directory"),
        (("solve", "good.yaml", "-m", "gpt-4"), "cannot open model 'gpt-4'"),
        (("verify", "good.yaml", "bytes.bin"), "bytes.bin: CANDIDATE is not UTF-8 text"),
        ((*SOLVE, "good.yaml", "-n", "x"), "Invalid value for '-n'"),
    ],
)
def test_the_real_command(arguments: tuple[str, ...], words: str) -> None:
    before = listing()
    done = run_outside(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert listing() == before


def test_a_model_that_is_down_is_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(["solve", "good.yaml", "--json", "--timeout", "20", "-m", "openai:http://127.0.0.1:9/v1#m"]) == 4
    out, err = capsys.readouterr()
    line = json.loads(out)
    assert (line["status"], line["answer"], line["termination"]) == ("error", None, "unavailable")
    assert "127.0.0.1:9" in line["error"]
    assert "127.0.0.1:9" in err
    assert "Traceback" not in err


def test_a_sandbox_that_is_down_is_4() -> None:
    write(Path("code.json"), problem(answer="python", verifiers=[json.loads(cases_of())["verifiers"][0]]))
    write(Path("f.py"), "def f(x):\n    return x\n")
    no_docker = {"DOCKER_HOST": "unix:///nonexistent/docker.sock"}
    done = run_outside("verify", "code.json", "f.py", "--sandbox", "docker", "--json", **no_docker)
    assert done.returncode == 4
    assert json.loads(done.stdout)["outcome"] == "error"
    assert done.stderr.count("\n") == 1
    assert "docker" in done.stderr.lower()
