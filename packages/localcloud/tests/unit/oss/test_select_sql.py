"""The SQL of queries: what it finds, and what it refuses."""

from __future__ import annotations

import struct
from decimal import Decimal
from typing import Any

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.select.frames import data_frame, end_frame
from localcloud.oss.select.records import Dialect, Document, split_cells, split_rows, write_json
from localcloud.oss.select.sql import parse
from localcloud.oss.select.values import DataError

PERSON: dict[str, Any] = {
    "name": "Ann",
    "age": 30,
    "size": Decimal("1.70"),
    "tags": ["a", "b"],
    "home": {"city": "Köln"},
    "gone": None,
}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name = 'Ann'", True),
        ("name <> 'Ann' or age >= 30", True),
        ("not name = 'Ann'", False),
        ("age between 20 and 29", False),
        ("age not between 20 and 29", True),
        ("age in (1, 30)", True),
        ("home.city like 'K_l%'", True),
        ("home.city like '%x%'", False),
        ("name like 'A$%' escape '$'", False),
        ("tags[1] = 'b'", True),
        ("gone is null and name is not null", True),
        ("missing = 1 or missing != 1", False),
        ("age * 2 - 10 = 50", True),
        ("(name || home.city) = 'AnnKöln'", True),
        ("cast(age as string) = '30'", True),
        ("size > 1.65", True),
        ("s.age = 30", True),
    ],
)
def test_a_condition_holds_or_not(condition: str, expected: bool) -> None:
    where = parse(f"select * from ossobject s where {condition}").where
    assert where is not None
    assert (where(Document(PERSON)) is True) is expected


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "delete from ossobject",
        "select * from elsewhere",
        "select * from ossobject order by age",
        "select * from ossobject group by age",
        "select a || b from ossobject",
        "select a, count(*) from ossobject",
        "select * from ossobject where avg(age) > 3",
        "select * from ossobject where " + "(" * 60 + "true" + ")" * 60,
        "select * from ossobject where a = ",
        "select cast(a as blob) from ossobject",
    ],
)
def test_what_is_not_understood_is_refused(sql: str) -> None:
    with pytest.raises(OssError, match="SqlSyntaxError" if sql else "InvalidSqlParameter"):
        parse(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from ossobject limit 1.5",
        "select a[1.5] from ossobject",
        f"select * from ossobject[{'1' * 5000}]",
        f"select a from ossobject where a = {'1' * 5000}",
        "select a from ossobject where a = 1e999999999",
        "select a from ossobject where a = 1e99999999999999999999999",
        f"select {'-' * 10_000}1 from ossobject",
        f"select {'cast(' * 3000}a from ossobject",
        f"select a{'+a' * 5000} from ossobject",
    ],
)
def test_what_no_process_could_work_out_is_refused(sql: str) -> None:
    with pytest.raises(OssError, match="The SQL is not valid"):
        parse(sql)


def test_a_row_of_values_is_as_long_as_it_is_worked_out() -> None:
    where = parse(f"select * from ossobject where age{'+1' * 499} = 529").where
    assert where is not None
    assert where(Document(PERSON)) is True


def test_data_that_does_not_fit_is_told() -> None:
    item = parse("select cast(name as int) from ossobject").items[0]
    with pytest.raises(DataError, match="Ann cannot be cast to int"):
        item.evaluate(Document(PERSON))


@pytest.mark.parametrize("quoted", ['1,"a\nb","c""d"', '1,"a\nb","c""d"\n'])
def test_rows_may_hold_what_ends_them_within_quotation_marks(quoted: str) -> None:
    dialect = Dialect()
    rows = list(split_rows(f"x,y,z\n{quoted}".encode(), dialect))
    assert [split_cells(row, dialect) for row in rows] == [["x", "y", "z"], ["1", "a\nb", 'c"d']]


def test_a_quotation_mark_that_is_not_closed_is_told() -> None:
    with pytest.raises(DataError, match="not closed"):
        list(split_rows(b'a\n"b\nc', Dialect()))


def test_numbers_are_written_as_they_were() -> None:
    assert write_json({"a": Decimal("1.50"), "b": [1, None, "ü"]}) == '{"a":1.50,"b":[1,null,"ü"]}'


def test_frames_have_the_documented_form() -> None:
    assert data_frame(7, b"ab")[:8] == b"\x01\x80\x00\x01" + struct.pack(">I", 10)
    assert end_frame(7, 400, "Code.why")[12:-4] == struct.pack(">QQI", 7, 7, 400) + b"Code.why"


def test_a_function_that_does_not_exist_is_named() -> None:
    with pytest.raises(OssError, match="the function upper does not stand here, or does not exist"):
        parse("select upper(a) from ossobject")
