"""Facts that are spread over the shards of a cluster give the answers that they give in one place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segment import sharded

Answers = dict[str, Any]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    done = subprocess.run(
        [sys.executable, str(Path(sharded.__file__)), str(tmp_path_factory.mktemp("cluster"))],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: Answers = json.loads(done.stdout)
    return answers


def test_both_shards_hold_a_part_of_every_table(asked: Answers) -> None:
    held = {table: rows for table, rows in asked["spread"].items() if table not in ("memberships", "left_behind")}
    assert all(len(rows) == 2 and min(rows) > 0 for rows in held.values()), held


def test_a_cluster_gives_the_answers_of_one_place(asked: Answers) -> None:
    whole, cluster = asked["whole"], asked["cluster"]
    assert whole.keys() == cluster.keys()
    assert {
        question: (cluster[question], found) for question, found in whole.items() if cluster[question] != found
    } == {}


def test_the_questions_find_somebody(asked: Answers) -> None:
    # Answers that are all empty would agree whatever was wrong.
    found = [members for question, members in asked["whole"].items() if question.endswith(", everybody")]
    assert sum(bool(members) for members in found) > 0.8 * len(found)


def test_a_shard_by_itself_knows_its_own_people_given_the_cut_offs_of_all(asked: Answers) -> None:
    whole, first, second = asked["alone"]
    assert {name: sorted(first[name] + second[name]) for name in whole} == whole
    assert any(first.values())
    assert any(second.values())
