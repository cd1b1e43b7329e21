"""Laws of schedules: the last moment and the next one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.fc.operations.schedule import Cron, read_schedule

FIELD = st.sampled_from(["*", "0", "30", "*/20", "5-10"])


@given(
    FIELD, FIELD, st.sampled_from(["*", "3", "*/6"]), st.sampled_from(["*", "1", "29"]),
    st.sampled_from(["*", "2", "JAN,JUL"]), st.sampled_from(["*", "MON-FRI", "7"]),
    st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin"]), st.integers(1_600_000_000, 1_900_000_000),
)  # fmt: skip
@settings(deadline=None)
def test_no_moment_lies_between_the_last_one_and_the_next(
    second: str, minute: str, hour: str, day: str, month: str, weekday: str, zone: str, moment: int
) -> None:
    schedule = read_schedule(f"CRON_TZ={zone} {second} {minute} {hour} {day} {month} {weekday}")
    assert isinstance(schedule, Cron)
    last = schedule.until(moment)
    following = schedule.after(moment, since=moment)
    assert last is None or last <= moment
    assert following is None or following > moment
    if last is not None:
        assert schedule.after(last, since=last) == following
    if following is not None:
        assert schedule.until(following) == following
