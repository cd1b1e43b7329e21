"""The states of an instance."""

from __future__ import annotations

import itertools

import pytest

from localcloud.fc.model import MOVES, InstanceState, move


def test_every_state_has_its_moves_and_closed_is_the_end() -> None:
    assert set(MOVES) == set(InstanceState)
    assert [state for state, moves in MOVES.items() if not moves] == [InstanceState.CLOSED]


@pytest.mark.parametrize(("state", "to"), list(itertools.product(InstanceState, InstanceState)))
def test_only_the_moves_of_the_table_are_made(state: InstanceState, to: InstanceState) -> None:
    if to in MOVES[state]:
        assert move(state, to) is to
    else:
        with pytest.raises(ValueError, match=f"is {state.value} cannot become {to.value}"):
            move(state, to)
