"""SQL without a process: what statements say, what they refuse and how, and that nothing gets out of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from localcloud.sls.analysis.execution import run
from localcloud.sls.analysis.functions import FUNCTIONS
from localcloud.sls.analysis.parsing import parse
from localcloud.sls.analysis.tables import columns_of, rows
from localcloud.sls.analysis.translation import translate
from localcloud.sls.analysis.types import show_double
from localcloud.sls.errors import SlsError
from localcloud.sls.model import NANOSECONDS

NOW = 1_626_774_758  # 2021-07-20 09:52:38 UTC
TEXT = {"type": "text", "token": [" "], "doc_value": True}
INDEX: dict[str, Any] = {
    "keys": {
        "method": TEXT,
        "status": {"type": "long", "doc_value": True, "alias": "code"},
        "latency": {"type": "double", "doc_value": True},
        "searched": {"type": "text", "token": [" "]},
        "body": {"type": "json", "doc_value": True, "json_keys": {"user.id": {"type": "long", "doc_value": True}}},
    }
}
LOGS = [
    {"method": "GET", "status": "200", "latency": "0.5", "body": '{"user": {"id": 7}, "tags": ["a", {"b": null}]}'},
    {"method": "GET", "status": "404", "latency": "1.5", "body": '{"user": {"id": "8"}}'},
    {"method": "PUT", "status": "200", "latency": "much", "body": "no JSON"},
    {"status": "1.5", "latency": "2"},
]


def ask(
    statement: str, logs: Iterable[Mapping[str, str]] = LOGS, *, index: Mapping[str, Any] = INDEX
) -> list[list[str]]:
    columns = columns_of(index)
    translated = translate(
        parse(statement), {"store": {name: each.type for name, each in columns.items()}}, default="store", now=NOW
    )
    found = [
        ((NOW + place) * NANOSECONDS, (("__topic__", "web"), ("__source__", "here"), *log.items()))
        for place, log in enumerate(logs)
    ]
    return run(translated, lambda _, names: rows(found, [columns[name] for name in names]))


def one(expression: str) -> str:
    ((value,),) = ask(f"SELECT {expression}", [{}])
    return value


def refused(statement: str, code: str = "ParameterInvalid") -> str:
    with pytest.raises(SlsError) as caught:
        ask(statement)
    assert caught.value.code == code
    return caught.value.message


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT count(*)", [["4"]]),
        ("select count(method), count(status), count(latency), count(body) from log", [["3", "3", "3", "3"]]),
        ("SELECT method, count(1) AS n GROUP BY method ORDER BY n DESC, 1", [["GET", "2"], ["PUT", "1"], ["null", "1"]]),
        ("SELECT sum(status), avg(status), min(latency), max(method)", [["804", "268.0", "0.5", "PUT"]]),
        ("SELECT count(DISTINCT status), approx_distinct(method)", [["2", "2"]]),
        ("SELECT approx_distinct(status, 0.5)", [["2"]]),
        ("SELECT status % 100 AS rest, count(*) GROUP BY rest HAVING count(*) > 1", [["0", "2"]]),
        ("SELECT count(*) FILTER (WHERE status = 200) AS ok, count_if(status = 404) AS lost", [["2", "1"]]),
        ("SELECT method FROM store WHERE status IN (404, 500) OR latency BETWEEN 0 AND 1", [["GET"], ["GET"]]),
        ("SELECT method WHERE method LIKE 'P_T' AND NOT status <> 200", [["PUT"]]),
        ("SELECT CASE status WHEN 200 THEN 'ok' ELSE 'bad' END AS s, count(*) GROUP BY s ORDER BY s", [["bad", "2"], ["ok", "2"]]),
        ("SELECT DISTINCT code ORDER BY code", [["200"], ["404"], ["null"]]),
        ("SELECT status ORDER BY status DESC NULLS FIRST LIMIT 1, 2", [["404"], ["200"]]),
        ("SELECT status ORDER BY status LIMIT 1 OFFSET 2", [["404"]]),
        ("SELECT max(n) FROM (SELECT method, count(*) AS n FROM log GROUP BY method)", [["2"]]),
        ("WITH m AS (SELECT method AS x FROM log WHERE status > 0) SELECT count(*) FROM m a JOIN m b ON a.x = b.x", [["5"]]),
        ("SELECT a.status FROM log a LEFT JOIN (SELECT 'PUT' AS m FROM log) b ON a.method = b.m WHERE b.m > '' LIMIT 1", [["200"]]),
        ("SELECT method, status FROM (SELECT 'PUT' AS method FROM log LIMIT 1) b RIGHT JOIN log a USING (method)", [
            ["GET", "200"], ["GET", "404"], ["PUT", "200"], ["null", "null"]]),
        ("SELECT method FROM log WHERE status = (SELECT max(status) FROM log)", [["GET"]]),
        ("SELECT method FROM log WHERE method IN (SELECT method FROM log WHERE status = 404) LIMIT 1", [["GET"]]),
        ("SELECT status FROM log WHERE status > 200 UNION ALL SELECT 1.5 FROM log LIMIT 2", [["404.0"], ["1.5"]]),
        ("SELECT status FROM log EXCEPT SELECT 200 FROM log ORDER BY status", [["404"], ["null"]]),
        ("SELECT row_number() OVER (PARTITION BY method ORDER BY status) AS r ORDER BY r", [["1"], ["1"], ["1"], ["2"]]),
        ("SELECT method, sum(count(*)) OVER () GROUP BY method ORDER BY 1", [["GET", "4"], ["PUT", "4"], ["null", "4"]]),
        ("SELECT lag(status, 1, 0) OVER (ORDER BY __time__) LIMIT 2", [["0"], ["200"]]),
        ("SELECT max_by(method, status), array_agg(status) WHERE method = 'GET'", [["GET", "[200,404]"]]),
        ("SELECT approx_percentile(status, 0.5), stddev(latency)", [["200", "0.7637626158259734"]]),
        ('SELECT "body.user.id", body.user.id WHERE latency > 1', [["8", "8"], ["null", "null"]]),
        ("SELECT json_extract_scalar(body, '$.user.id'), json_extract(body, '$.tags[1]') LIMIT 1", [["7", '{"b":null}']]),
        ("SELECT __time__ - __time__ % 60 AS minute, count(*) GROUP BY minute", [["1626774720", "4"]]),
        ("SELECT date_format(date_trunc('hour', __time__), '%m-%d %H:%i') AS t, count(*) GROUP BY t", [["07-20 17:00", "4"]]),
        ("SELECT count(*) WHERE __date__ >= '2021-07-20 17:52:40'", [["2"]]),
        ("SELECT __topic__, __source__ LIMIT 1", [["web", "here"]]),
        ("SELECT method AS m, count(*) AS n GROUP BY m HAVING n > 1 AND m <> ''", [["GET", "2"]]),
        ("SELECT status AS s, latency AS l ORDER BY -s, l LIMIT 2", [["404", "1.5"], ["200", "0.5"]]),
        ("SELECT max(n) FROM (SELECT method, count(*) AS n FROM log GROUP BY method HAVING n < 2)", [["1"]]),
        ("SELECT count(*) HAVING count(*) > 4", []),
        ("SELECT 1 AS x HAVING true ORDER BY max(status)", [["1"]]),
        ("SELECT 'all' AS x ORDER BY count(*)", [["all"]]),
        ("SELECT status, method -- no more\n /* than that */ FROM log WHERE \"method\" = 'PUT';", [["200", "PUT"]]),
    ],
)  # fmt: skip
def test_a_statement_has_its_answer(statement: str, expected: list[list[str]]) -> None:
    assert ask(statement) == expected


EXPRESSIONS = r"""
7 / 2 => 3
-7 / 2 => -3
-7 % 3 => -1
7 / 2.0 => 3.5
1 / 0.0 => Infinity
try(1 / 0) => null
1 + null => null
9223372036854775807 - 1 => 9223372036854775806
1e10 => 1.0E10
0.0001 => 1.0E-4
round(2.5) => 3.0
round(-2.345, 2) => -2.35
round(1e300) => 1.0E300
round(1e-300, 300) => 1.0E-300
round(5e30, -30) => 5.0E30
try_cast('1_0' AS double) => null
try_cast('١' AS double) => null
cast('NaN' AS double) => null
ceil(1.2) => 2.0
floor(-1.2) => -2.0
abs(-3) => 3
power(2, 10) => 1024.0
sqrt(-1) => null
mod(10, 4) => 2
greatest(1, 2.5) => 2.5
to_base(255, 16) => ff
'a' || 'b' => ab
concat('a', 'b', 'c') => abc
length('ü€') => 2
substr('abcdef', -3, 2) => de
substr('abc', 2) => bc
strpos('abc', 'c') => 3
position('b' IN 'abc') => 2
split('a,b,c', ',')[2] => b
split_part('a,b', ',', 3) => null
lpad('7', 3, '0') => 007
replace('aXbX', 'X') => ab
reverse('abc') => cba
regexp_extract('id=42', '(\w+)=(\d+)', 2) => 42
regexp_like('abc', 'b+') => true
regexp_replace('a1b2', '(?<n>\d)', '<$1>') => a<1>b<2>
regexp_extract_all('a1b22', '\d+') => ["1","22"]
url_extract_parameter('http://h/p?a=1&b=2', 'b') => 2
url_extract_host('https://u@h.cn:8/p') => h.cn
to_hex(md5(to_utf8('a'))) => 0CC175B9C0F1B6A831C399E269772661
from_utf8(from_base64('YWI=')) => ab
coalesce(null, 'x') => x
nullif(1, 1) => null
if(1 > 2, 'a') => null
CASE WHEN false THEN 1 END => null
null IN (1) => null
2 NOT IN (1, 3) => true
'50%' LIKE '50!%' ESCAPE '!' => true
'a*' LIKE 'a_' => true
cast('12' AS bigint) + 1 => 13
cast(2.5 AS bigint) => 3
try_cast('x' AS bigint) => null
cast(1 AS varchar) => 1
cast('abc' AS varchar(2)) => ab
cast(json_parse('3') AS bigint) => 3
cast(true AS varchar) => true
from_unixtime(1626774758) => 2021-07-20 17:52:38.000
from_unixtime(1626774758, 'UTC') => 2021-07-20 09:52:38.000
to_unixtime(timestamp '2021-07-20 17:52:38') => 1.626774758E9
now() => 2021-07-20 17:52:38.000
current_date => 2021-07-20
date_parse('20/Jul/2021:17:52:38', '%d/%b/%Y:%H:%i:%S') => 2021-07-20 17:52:38.000
date '2024-01-31' + interval '1' month => 2024-02-29
date_trunc('week', timestamp '2021-07-20 17:52:38') => 2021-07-19 00:00:00.000
date_add('day', -1, current_date) => 2021-07-19
date_diff('hour', timestamp '2021-07-20 17:00:00', now()) => 0
now() - interval '1' hour => 2021-07-20 16:52:38.000
date_diff('month', date '2021-01-31', date '2021-02-28') => 1
extract(dow FROM now()) => 2
year(now()) => 2021
to_iso8601(now()) => 2021-07-20T17:52:38.000
json_array_length('[1,2]') => 2
json_size('{"a":{"b":1}}', '$.a') => 1
ARRAY[1, 2][2] => 2
cardinality(ARRAY['a']) => 1
array_join(split('b,a', ','), '-') => b-a
typeof(1) => bigint
contains(ARRAY[1, 2], 2) => true
element_at(ARRAY[1], 5) => null
"""


@pytest.mark.parametrize("line", EXPRESSIONS.strip().splitlines())
def test_an_expression_has_its_value(line: str) -> None:
    expression, _, expected = line.partition(" => ")
    assert one(expression) == expected


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELECT nothing", "line 1:8: Column 'nothing' cannot be resolved;please add the column in the index attribute"),
        ("SELECT searched", "line 1:8: Column 'searched' cannot be resolved;please add the column in the index attribute"),
        ('SELECT count(*)\nWHERE method = "GET"', "line 2:16: Column 'GET' cannot be resolved; it seems GET is wrapper by"),
        ("SELECT status, count(*) GROUP BY method", "Column 'status' not in GROUP BY clause;please add the column"),
        ("SELECT * GROUP BY method", "Column 'status' not in GROUP BY clause"),
        ("SELECT method > 3", "line 1:15: '>' cannot be applied to varchar, bigint"),
        ("SELECT method + 1", "line 1:15: '+' cannot be applied to varchar, bigint"),
        ("SELECT sum(method)", "Unexpected parameters (varchar) for function sum. Expected: sum(bigint), sum(double)"),
        ("SELECT url_decode(1)", "Unexpected parameters (bigint) for function url_decode. Expected: url_decode(varchar)"),
        ("SELECT status IN ('a')", "IN value and list items must be the same type: bigint"),
        ("SELECT status LIKE 'a'", "Left side of LIKE expression must evaluate to a varchar (actual: bigint)"),
        ("SELECT method AND true", "Left side of logical expression must evaluate to a boolean (actual: varchar)"),
        ("SELECT coalesce(1, 'a')", "All COALESCE operands must be the same type: bigint"),
        ("SELECT 1 WHERE count(*) > 1", "WHERE clause cannot contain aggregations or window functions"),
        ("SELECT 1 GROUP BY count(*)", "GROUP BY clause cannot contain aggregations or window functions"),
        ("SELECT count(count(*))", "Cannot nest aggregations"),
        ("SELECT lag(rank() OVER (ORDER BY status)) OVER (ORDER BY status)", "Cannot nest window functions"),
        ("SELECT no_such(1)", "line 1:8: Function no_such not registered"),
        ("SELECT count(*) FROM (SELECT 1)", "you are using nested sql, please specify FROM LogStore in the innermost sql"),
        ("SELECT count(*) FROM other", "LogStore (other) is not found"),
        ("SELECT (SELECT method, status FROM log)", "Multiple columns returned by subquery are not yet supported"),
        ("SELECT 1/0", "Division by zero"),
        ("SELECT 9223372036854775807 + 1", "bigint overflow"),
        ("SELECT 9223372036854775808", "Invalid numeric literal"),
        ("SELECT split('a', ',')[2]", "Array subscript out of bounds"),
        ("SELECT split('a', ',')[0]", "SQL array indices start at 1"),
        ("SELECT cast('x' AS bigint)", "Cannot cast 'x' to BIGINT"),
        ("SELECT cast(1e300 AS bigint)", "bigint overflow"),
        ("SELECT regexp_extract('a', '(')", "invalid regular expression"),
        ("SELECT regexp_extract('a', 'a', 1)", "Pattern has 0 groups. Cannot access group 1"),
        ("SELECT json_extract('{}', '$.a..')", "Invalid JSON path"),
        ("SELECT approx_percentile(status, 7)", "Percentile must be between 0 and 1"),
        ("SELECT 'open", "unclosed string quote"),
        ("SELECT count(*", "mismatched input '<EOF>' expecting ')'"),
        ("SELECT 1a", "identifiers must not start with a digit"),
        ("SELECT __tag__:host", "identifiers must not contain ':'"),
        ("SELECT 1 FROM log in", "mismatched input 'in' expecting <EOF>"),
        ("SELECT 1 LIMIT 1000001", "reading data with pagination only allow reading max"),
        ("SELECT 1 LIMIT 0, 10001", "reading data with pagination only allow reading max"),
        ("SELECT 1 FROM (SELECT 1 FROM log LIMIT 1, 2)", "LIMIT with an offset is not supported within a subquery"),
        ("SELECT DISTINCT method ORDER BY status", "ORDER BY expressions must appear in select list"),
        ("SELECT 1 GROUP BY 2", "GROUP BY position 2 is not in select list"),
        ("SELECT method, status FROM log UNION SELECT 'a' FROM log", "UNION query has different number of fields: 2, 1"),
        (f"SELECT {'(' * 100}1{')' * 100}", "in each other more than"),
        (f"SELECT '{'x' * 70_000}'", "more than 65536 characters"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_refused_as_sls_words_it(statement: str, message: str) -> None:
    assert message in refused(statement)


MISSING = """
SELECT time_series(__time__, '1m', '%H', '0')
SELECT ip_to_country('1.1.1.1')
SELECT map_agg(method, status)
SELECT method GROUP BY ROLLUP (method)
SELECT x FROM UNNEST(ARRAY[1]) AS t(x)
SELECT filter(ARRAY[1], x -> x > 1)
SELECT cast(latency AS decimal(10, 2))
SELECT now() AT TIME ZONE 'UTC'
SET SESSION a = 1
where status > 1
extend a = 1
SELECT 1 FROM log NATURAL JOIN log
SELECT (1, 2)
VALUES 1
SELECT count(*) > ALL (SELECT 1 FROM log)
"""


@pytest.mark.parametrize("statement", MISSING.strip().splitlines())
def test_what_is_not_here_is_refused_by_its_name(statement: str) -> None:
    assert refused(statement, "NotImplemented").startswith("not implemented: ")


def test_an_answer_has_a_hundred_rows_unless_it_is_asked_for_more() -> None:
    logs = [{"status": str(number)} for number in range(150)]
    assert len(ask("SELECT status", logs)) == 100
    assert len(ask("SELECT status LIMIT 120", logs)) == 120
    assert ask("SELECT count(*) FROM (SELECT status FROM log)", logs) == [["150"]]


def test_texts_are_analyzed_as_far_as_the_index_says() -> None:
    logs = [{"method": "ü" * 5000}]
    assert ask("SELECT length(method)", logs) == [["1024"]]
    assert ask("SELECT length(method)", logs, index={**INDEX, "max_text_len": 64}) == [["32"]]


ESCAPES = (
    "ATTACH DATABASE '/tmp/x' AS x",
    "SELECT 1; ATTACH DATABASE '/tmp/x' AS x",
    "SELECT load_extension('/tmp/x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT writefile('/tmp/x', 'x')",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pragma_table_info('l0')",
    'SELECT "c0"',
    "SELECT c0, rowid, _rowid_, oid",
    "SELECT * FROM l0",
    "SELECT * FROM log, l0",
    "SELECT t1.c0",
    "SELECT sqlite_version()",
    "SELECT zeroblob(1000000000)",
    "SELECT randomblob(1)",
    "SELECT fts3_tokenizer('x')",
    "SELECT f0('x')",
    "PRAGMA journal_mode",
    "VACUUM INTO '/tmp/x'",
    "CREATE TABLE x (y)",
    "INSERT INTO l0 VALUES (1)",
    "DELETE FROM log",
    "EXPLAIN SELECT 1",
    "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT 1 FROM x) SELECT * FROM x",
    "WITH x AS (SELECT 1 FROM x) SELECT * FROM x",
    "SELECT ?1",
    "SELECT :a",
    "SELECT `method`",
    "SELECT [method]",
    "SELECT x'00'",
    "SELECT method COLLATE nocase",
    "SELECT method FROM log INDEXED BY x",
)


@pytest.mark.parametrize("statement", ESCAPES)
def test_nothing_of_the_database_below_is_reached(statement: str) -> None:
    with pytest.raises(SlsError) as caught:
        ask(statement)
    assert caught.value.code in ("ParameterInvalid", "NotImplemented")
    assert "cannot be run" not in caught.value.message  # it never came to the database


def test_the_text_of_a_statement_is_no_text_of_the_database() -> None:
    nasty = "x' || load_extension('y')); ATTACH '/tmp/z' AS z; --"
    assert one("'{}'".format(nasty.replace("'", "''"))) == nasty
    columns = columns_of(INDEX)
    translated = translate(
        parse(f'SELECT method AS "{nasty}", \'secret\', 4711 FROM log AS "a b" WHERE "a b".method = \'hidden\''),
        {"store": {name: each.type for name, each in columns.items()}},
        default="store",
        now=NOW,
    )
    assert not any(text in translated.sql for text in ("load_extension", "secret", "4711", "hidden", "method", "a b"))


def test_a_database_would_refuse_what_is_no_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second bolt: a statement that were let through."""
    columns = columns_of(INDEX)
    translated = translate(parse("SELECT 1"), {"store": {"method": columns["method"].type}}, default="store", now=NOW)
    for text in ("ATTACH ':memory:' AS x", "PRAGMA query_only", "CREATE TABLE x (y)", "DELETE FROM l0"):
        object.__setattr__(translated, "sql", text)
        object.__setattr__(translated, "parameters", {})
        with pytest.raises(SlsError, match=r"cannot be run: (not authorized|too many attached)"):
            run(translated, lambda *_: [])


JAVA = "0.0 -0.0 1.0 0.001 9999999.0 1.0E7 1.23456789E7 1.0E-5 1.5513696E9 NaN -Infinity 1.7976931348623157E308"


@pytest.mark.parametrize("text", JAVA.split())
def test_numbers_are_written_as_java_does(text: str) -> None:
    assert show_double(float(text)) == text


def test_functions_are_named_as_they_are_called() -> None:
    assert all(name == name.lower() for name in FUNCTIONS)
    assert sqlite3.sqlite_version_info > (3, 30)  # NULLS LAST, FILTER and windows


@pytest.mark.parametrize(
    "expression",
    ["from_unixtime(9e11)", "date(from_unixtime(-9e11))", "date_add('year', 2147483648, from_unixtime(0))"],
)
def test_a_time_that_no_calendar_has_is_refused(expression: str) -> None:
    assert "out of range" in refused(f"SELECT {expression}")
