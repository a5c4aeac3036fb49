"""docs/training.md runs on the example build as it stands."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipelines.intake.recipes import load_recipe
from pipelines.tokens.show_order import main
from tests.laws.builds import Finished


def blocks(repository: Path, language: str) -> list[str]:
    text = (repository / "docs" / "training.md").read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def example_build(built: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(built.build, "build/example")
    return Path("build/example")


def test_the_first_example_runs_as_it_is_printed(repository: Path, example_build: Path):
    names: dict[str, object] = {}
    exec(compile(blocks(repository, "python")[0], "docs/training.md", "exec"), names)
    assert names["batch"].tokens.shape == (8, 512)
    assert names["batch"].step == 4


def test_withdrawing_runs_as_it_is_printed(repository: Path, example_build: Path):
    from pipelines.intake.signatures import SigningKey
    from pipelines.tokens.loader import open_loader

    key = SigningKey.create(Path("takedown.pem"))
    options = {"sequence_length": 512, "packing": "best_fit", "batch": 8, "seed": 1}
    plain = open_loader(example_build, **options)
    doc = plain.documents(0)["doc_id"][0].as_py()
    code = blocks(repository, "python")[1].replace('fromhex("…")', f'fromhex("{doc.hex()}")')
    code = code.replace('key="…"', f'key="{key.public}"')
    names = {"Path": Path, "open_loader": open_loader, "build": example_build, "options": options}
    exec(compile(code, "docs/training.md", "exec"), names)
    masked = names["loader"].batch(0)
    size = plain.documents(0)["tokens"][0].as_py()
    assert plain.batch(0).labels[0, 1] != -100
    assert (masked.labels[0, :size] == -100).all()


def test_the_curriculum_of_the_page_is_a_recipes(repository: Path, example: Path, tmp_path: Path):
    recipe = tmp_path / "recipe.yaml"
    (page,) = blocks(repository, "yaml")
    recipe.write_text(example.read_text(encoding="utf-8") + page, encoding="utf-8")
    stages = load_recipe(recipe).curriculum
    assert [stage.name for stage in stages] == [
        stage["name"] for stage in YAML(typ="safe").load(page)["curriculum"]
    ]
    assert stages[0].mixture[1].times == 2


def test_an_order_is_told_without_training(example_build: Path, capsys: pytest.CaptureFixture):
    assert main([str(example_build), "--length", "512", "--batch", "8"]) == 0
    told = capsys.readouterr().out
    assert re.match(r"all: \d+ steps of 8 sequences of 512 tokens; \d+\.\d\d % padding; \d left over", told)
    assert "of partner snu_kaist, language ko, epoch 0, which has" in told
    assert main([str(example_build), "--length", "64", "--batch", "1", "--split", "validation"]) == 0
    assert " steps of 1 sequences of 64 tokens" in capsys.readouterr().out
    assert main([str(example_build), "--batch", "8"]) == 2
    assert "name a curriculum in the recipe" in capsys.readouterr().err
    assert main([str(example_build / "none")]) == 1
