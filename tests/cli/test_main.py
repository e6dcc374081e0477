"""The command as a user meets it: help, exit codes, one-line errors, and a light start."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from geomrcnn.cli.main import EXTRAS, VERBS, LazyGroup, Verb, cli, run

HEAVY = {"tensorflow", "keras", "rasterio", "osgeo", "geopandas", "openvino", "matplotlib", "scipy"}

TOY_VERBS = """
    import click
    from geomrcnn.errors import RasterError

    @click.command()
    def works():
        click.echo("done")

    @click.command()
    def returns():
        return "a value that is no exit code"

    @click.command()
    @click.argument("number", type=int)
    def wants_a_number(number):
        click.echo(number)

    @click.command()
    def refuses():
        raise RasterError("a.tif has 1 band, the model wants 3")

    @click.command()
    def cannot_write():
        open("/no/such/folder/file", "w")

    @click.command()
    def is_interrupted():
        raise KeyboardInterrupt

    @click.command()
    def wants_an_extra():
        raise ModuleNotFoundError("No module named 'keras.ops'", name="keras.ops")

    @click.command()
    def is_broken():
        import geomrcnn.there_is_no_such_module
"""


def python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    (tmp_path / "toy_verbs.py").write_text(textwrap.dedent(TOY_VERBS))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_verbs", raising=False)
    names = re.findall(r"def (\w+)", TOY_VERBS)
    return LazyGroup("toy", {name: Verb(f"toy_verbs:{name}", "") for name in names}, "Toys.")


@pytest.mark.parametrize("arguments", ["--help", "-h", "--version"])
def test_the_first_answer_imports_nothing_heavy(arguments: str) -> None:
    code = f"""
import sys
from geomrcnn.cli.main import cli, run
sys.argv[0] = "geomrcnn"
code = run(cli, [{arguments!r}])
print("HEAVY", sorted({HEAVY!r} & set(sys.modules)))
sys.exit(code)
"""
    answer = python(code)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines()[-1] == "HEAVY []"


def test_help_lists_every_verb() -> None:
    output = CliRunner().invoke(cli, ["--help"]).output
    for name, verb in VERBS.items():
        assert re.search(rf"^  {name} +{re.escape(verb.summary)}$", output, re.MULTILINE)


def test_version_is_that_of_the_installed_package() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "geomrcnn", "--version"], capture_output=True, text=True
    )
    assert answer.stdout.strip().endswith(importlib.metadata.version("geomrcnn"))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    result = CliRunner().invoke(cli, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert re.search(rf"^ +(\$ )?geomrcnn {verb} ", result.output, re.MULTILINE)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_imported_without_tensorflow(verb: str) -> None:
    code = """
import sys
for module in ("tensorflow", "keras", "pycocotools", "matplotlib", "h5py"):
    sys.modules[module] = None
from geomrcnn.cli.main import cli, run
sys.exit(run(cli, [sys.argv[1], "--help"]))
"""
    answer = python(code, verb)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["works"], 0, ""),
        (["returns"], 0, ""),
        (["refuses"], 1, "Error: a.tif has 1 band, the model wants 3"),
        (["cannot_write"], 1, "No such file or directory: '/no/such/folder/file'"),
        (["is_interrupted"], 130, "Error: interrupted"),
        (["wants_an_extra"], 1, "imports keras, which needs the extra 'train'"),
        (["wants_a_number", "seven"], 2, "'seven' is not a valid integer"),
        (["wants_a_number"], 2, "Missing argument 'NUMBER'"),
        (["no_such_verb"], 2, "No such command 'no_such_verb'"),
        (["--no-such-option"], 2, "No such option"),
    ],
)
def test_exit_code_and_message(
    toy: LazyGroup,
    arguments: list[str],
    code: int,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(toy, arguments) == code
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
    if code == 1:
        assert len(errors.strip().splitlines()) == 1


def test_a_missing_module_of_our_own_is_a_bug_and_shows_its_traceback(toy: LazyGroup) -> None:
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        run(toy, ["is_broken"])


def test_a_reader_that_leaves_early_is_no_error_to_talk_about() -> None:
    code = """
import sys, click
from geomrcnn.cli.main import run
@click.command()
def talks():
    for line in range(20000):
        print(line)
sys.exit(run(talks, []))
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == b""
    assert process.returncode == 1


def test_every_extra_that_an_error_may_name_exists() -> None:
    offered = importlib.metadata.metadata("geomrcnn").get_all("Provides-Extra")
    assert offered is not None
    assert set(EXTRAS.values()) <= set(offered)
