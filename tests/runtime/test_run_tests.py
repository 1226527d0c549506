"""`scripts/run_tests.py`: noise is named and does not fail a run; a failure does."""

from __future__ import annotations

from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "run_tests.py"


@pytest.fixture
def run_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    spec = util.spec_from_file_location("run_tests", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "_LAST_FAILED", tmp_path / "lastfailed")
    return module


def exit_code(
    run_tests: ModuleType, monkeypatch: pytest.MonkeyPatch, first: int, failed: dict[str, int]
) -> int:
    """Of a run that ends with `first` and these failed tests, each with its exit code alone."""
    monkeypatch.setattr(run_tests, "_failed", lambda: sorted(failed))
    monkeypatch.setattr(
        run_tests, "_pytest", lambda asked: failed[asked[1]] if asked[0] == "-n0" else first
    )
    code: int = run_tests.main(["-q"])
    return code


@pytest.mark.parametrize(
    ("first", "failed", "code"),
    [
        (0, {}, 0),
        (1, {"noise": 0}, 0),
        (1, {"noise": 0, "broken": 1}, 1),
        (1, {"gone": 4}, 1),
        (1, {}, 1),
        (1, {f"noise{number}": 0 for number in range(21)}, 1),  # too many to be noise
        (2, {"noise": 0}, 2),  # interrupted
        (5, {}, 5),  # no tests
    ],
)
def test_only_what_fails_alone_too_fails_a_run(
    run_tests: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    first: int,
    failed: dict[str, int],
    code: int,
) -> None:
    assert exit_code(run_tests, monkeypatch, first, failed) == code


def test_a_flaky_test_is_named(
    run_tests: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(run_tests, monkeypatch, 1, {"noise": 0}) == 0
    assert "flaky: noise" in capsys.readouterr().out
