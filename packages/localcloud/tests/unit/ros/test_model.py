"""The statuses of stacks and resources, and what may follow each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import pytest

from localcloud.ros.model import (
    PHASE_MOVES,
    RESOURCE_MOVES,
    STACK_MOVES,
    IllegalMoveError,
    Phase,
    ResourceStatus,
    Source,
    Stack,
    StackStatus,
    move,
)


def new_stack(status: StackStatus, phase: Phase) -> Stack:
    return Stack(id="1", name="one", created=0.0, source=Source(template=""), status=status, phase=phase)


@pytest.mark.parametrize(
    ("moves", "states"), [(STACK_MOVES, StackStatus), (RESOURCE_MOVES, ResourceStatus), (PHASE_MOVES, Phase)]
)
def test_the_moves_of_every_state_are_told(moves: Mapping[StrEnum, frozenset[StrEnum]], states: type[StrEnum]) -> None:
    assert set(moves) == set(states)
    assert set().union(*moves.values()) <= set(states)


def test_what_goes_on_can_always_fail() -> None:
    for moves in (STACK_MOVES, RESOURCE_MOVES):
        for status, following in moves.items():
            if status.is_in_progress and status is not StackStatus.REVIEW_IN_PROGRESS:
                assert status.failed in following
                assert status.complete in following


@pytest.mark.parametrize(
    ("state", "to"),
    [
        (ResourceStatus.CREATE_COMPLETE, ResourceStatus.CREATE_FAILED),
        (ResourceStatus.CREATE_IN_PROGRESS, ResourceStatus.DELETE_IN_PROGRESS),
        (ResourceStatus.DELETE_COMPLETE, ResourceStatus.UPDATE_IN_PROGRESS),
    ],
)
def test_a_resource_does_not_move_where_its_status_does_not_lead(state: ResourceStatus, to: ResourceStatus) -> None:
    with pytest.raises(IllegalMoveError, match=f"{state} is not followed by {to}"):
        move(RESOURCE_MOVES, state, to)


def test_a_deleted_stack_is_not_updated() -> None:
    deleted = new_stack(StackStatus.DELETE_COMPLETE, Phase.IDLE)
    with pytest.raises(IllegalMoveError, match="DELETE_COMPLETE is not followed by UPDATE_IN_PROGRESS"):
        deleted.moved(Phase.APPLY, StackStatus.UPDATE_IN_PROGRESS)


def test_an_idle_stack_does_not_roll_back() -> None:
    idle = new_stack(StackStatus.UPDATE_COMPLETE, Phase.IDLE)
    with pytest.raises(IllegalMoveError, match="idle is not followed by rollback"):
        idle.moved(Phase.ROLLBACK)
