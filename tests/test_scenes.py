# Copyright The fdconform Authors
# SPDX-License-Identifier: Apache-2.0
"""Scenes play their ops in order, in programs that can be written down."""

from __future__ import annotations

import pytest

from conformance.grammar import program_text, read_program
from conformance.ops import Op
from conformance.program import Program
from conformance.strategies import import_scenes, imported_socket_scenes, jobs
from conformance.strategies.recipes import Recipe
from conformance.strategies.scenes import Scene, act, leave, on_scene
from conformance.strategies.slots import SlotTable
from conformance.strategies.source import SeededSource

EVERY_SCENE = {
    f"{kind}/{place}": scene
    for kind, scenes in (
        *import_scenes.SCENES.items(),
        ("sockets", imported_socket_scenes.SCENES),
        ("linux-jobs", jobs.SCENES),
    )
    for place, scene in enumerate(scenes)
    if scene
}


def played(scene: Scene, seed: int) -> list[Op]:
    source, slots = SeededSource(seed), SlotTable()
    ops = [make(source, slots) for make in scene]
    return [op for op in ops if op is not None]


@pytest.mark.parametrize("name", EVERY_SCENE)
def test_every_scene_can_be_written_down_and_read_back(name: str) -> None:
    for seed in range(30):
        ops = tuple(played(EVERY_SCENE[name], seed))

        assert ops
        assert read_program(program_text(Program(ops))).ops == ops


def test_the_ops_of_a_scene_come_in_order_between_the_others() -> None:
    scene = (act("pipe2", (0,), out=(("in", "pipe.read"), ("out", "pipe.write"))), act("read", "in", (1,)), leave("in"))
    (recipe,) = on_scene([Recipe("save", 1, lambda source, slots: Op("save", ()))], [scene])
    source, slots = SeededSource(1), SlotTable()

    calls = [op.call for op in (recipe.make(source, slots) for _ in range(40)) if op is not None]

    assert [call for call in calls if call != "save"] == ["pipe2", "read", "close"]
    assert calls.count("save") == 37


def test_an_op_whose_part_nobody_plays_is_left_out() -> None:
    assert played((act("read", "nobody", (1,)), act("save")), seed=1) == [Op("save", ())]
