"""Queries over objects of the embedded OSS, with oss2."""

from __future__ import annotations

import base64
import gzip
import json
import uuid
from typing import Any

import oss2
import pytest

from tests.support.cloud import Cloud
from tests.support.roles import assume_role

CSV = 'name,age,city\nAnn,30,"Köln, West"\nBob,,Ulm\nEve,41,Ulm\n'
PEOPLE = [{"name": "Ann", "age": 30, "home": {"city": "Köln"}}, {"name": "Bob", "home": {"city": "Ulm"}}]


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> oss2.Bucket:
    made = cloud.bucket("select-" + uuid.uuid4().hex[:12])
    made.create_bucket()
    made.put_object("a.csv", CSV)
    made.put_object("a.csv.gz", gzip.compress(CSV.encode()))
    made.put_object("broken.csv", 'a,b\n1,2\n"3,4\n')
    made.put_object("never-closed.csv", '"3,4\n')
    made.put_object("a.json", json.dumps({"people": PEOPLE}))
    made.put_object("lines.json", "\n".join(map(json.dumps, PEOPLE)))
    return made


def ask(bucket: oss2.Bucket, key: str, sql: str, **parameters: Any) -> str:
    answer = bucket.select_object(key, sql, select_params={"EnablePayloadCrc": True, **parameters})
    assert answer.status == 206
    return str(answer.read().decode())


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ("select name, city from ossobject where age > 29", {"CsvHeaderInfo": "Use"}, 'Ann,"Köln, West"\nEve,Ulm\n'),
        ("select _1 from ossobject limit 2", {"CsvHeaderInfo": "Ignore", "OutputRecordDelimiter": ";"}, "Ann;Bob;"),
        ("select count(*), avg(age), max(name) from ossobject", {"CsvHeaderInfo": "Use"}, "3,35.5,Eve\n"),
        ("select * from ossobject where city = 'Ulm'", {"CsvHeaderInfo": "Use"}, "Bob,,Ulm\nEve,41,Ulm\n"),
        (
            "select city from ossobject",
            {"CsvHeaderInfo": "Use", "LineRange": (2, 2), "KeepAllColumns": True},
            ",,Ulm\n",
        ),
        ("select age from ossobject", {"CsvHeaderInfo": "Use", "OutputHeader": True, "LineRange": (3, 3)}, "age\n41\n"),
    ],
)
def test_rows_of_csv_are_found(bucket: oss2.Bucket, sql: str, parameters: dict[str, Any], expected: str) -> None:
    assert ask(bucket, "a.csv", sql, **parameters) == expected
    if "LineRange" not in parameters:
        assert ask(bucket, "a.csv.gz", sql, CompressionType="GZIP", **parameters) == expected


def test_rows_are_divided_as_those_of_the_object_unless_the_query_says_otherwise(bucket: oss2.Bucket) -> None:
    bucket.put_object("bars.csv", "a|b,c|d\n\ne|f|g\n\n")
    given = {"FieldDelimiter": "|", "RecordDelimiter": "\n\n"}
    assert ask(bucket, "bars.csv", "select _2, _3 from ossobject", **given) == "b,c|d\n\nf|g\n\n"
    other = ask(bucket, "bars.csv", "select _1, _3 from ossobject", OutputFieldDelimiter=";", **given)
    assert other == "a;d\n\ne;g\n\n"


def test_documents_of_json_are_found(bucket: oss2.Bucket) -> None:
    found = '{"name":"Ann","city":"Köln"}\n'
    document = {"Json_Type": "DOCUMENT"}
    assert (
        ask(bucket, "a.json", "select name, p.home.city from ossobject.people[*] p where age = 30", **document) == found
    )
    assert ask(bucket, "lines.json", "select name, home.city from ossobject limit 1", Json_Type="LINES") == found
    raw = ask(bucket, "a.json", "select count(*) from ossobject.people[*]", OutputRawData=True, **document)
    assert raw == '{"_1":2}\n'


def test_objects_are_described(bucket: oss2.Bucket) -> None:
    csv = bucket.create_select_object_meta("a.csv")
    assert (csv.status, csv.csv_rows, csv.csv_splits) == (200, 4, 1)


def test_the_description_of_an_object_is_kept_until_it_is_to_be_overwritten(bucket: oss2.Bucket) -> None:
    def rows(**said: str) -> int:
        return int(bucket.create_select_object_meta("counted.csv", said).csv_rows)

    bucket.put_object("counted.csv", "a,b|c\nd,e|f\n\n")
    assert rows(RecordDelimiter="\n") == 3
    assert rows(RecordDelimiter="\n\n") == 3
    assert rows(RecordDelimiter="\n\n", OverwriteIfExists="true") == 1
    assert rows(RecordDelimiter="\n") == 1
    bucket.put_object("counted.csv", "another\n")
    assert rows(RecordDelimiter="\n") == 1
    bucket.put_object("counted.csv", "others\nstill\n")
    assert rows(RecordDelimiter="\n") == 2


def test_the_description_of_an_object_needs_the_right_to_write_it(bucket: oss2.Bucket, cloud: Cloud) -> None:
    resource = [f"acs:oss:*:*:{bucket.bucket_name}/*"]
    role = assume_role(cloud, {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": resource})
    with pytest.raises(oss2.exceptions.AccessDenied):
        cloud.bucket(bucket.bucket_name, role).create_select_object_meta("a.csv")


def test_an_error_in_the_data_comes_behind_what_was_found(bucket: oss2.Bucket) -> None:
    with bucket.select_object("broken.csv", "select _1 from ossobject") as answer:
        assert next(answer) == b"a\n1\n"
        with pytest.raises(oss2.exceptions.SelectOperationFailed) as error:
            next(answer)
    assert (error.value.status, error.value.code) == (400, b"InvalidCsvLine")
    assert error.value.message.startswith(b"The line is invalid")


def test_a_record_too_many_that_lacks_a_column_is_told_at_once_unless_it_is_the_last(bucket: oss2.Bucket) -> None:
    sql = "select _1, _2 from ossobject"
    bucket.put_object("partial.csv", "a,b\nc\nd,e\n")
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        ask(bucket, "partial.csv", sql, SkipPartialDataRecord="true")
    assert (refused.value.status, refused.value.code) == (400, "InvalidCsvLine")
    assert ask(bucket, "partial.csv", sql, SkipPartialDataRecord="true", MaxSkippedRecordsAllowed=1) == "a,b\nd,e\n"
    bucket.put_object("partial.csv", "a,b\nc\n")
    with bucket.select_object("partial.csv", sql, select_params={"SkipPartialDataRecord": "true"}) as answer:
        assert next(answer) == b"a,b\n"
        with pytest.raises(oss2.exceptions.SelectOperationFailed):
            next(answer)


@pytest.mark.parametrize(
    ("content", "sql", "parameters"),
    [
        (b"1\n", f"select cast('{'9' * 5000}' as int) from ossobject", {}),
        (b'{"a":' * 800 + b"1" + b"}" * 800, "select * from ossobject", {"Json_Type": "LINES"}),
    ],
)
def test_a_value_that_cannot_be_written_is_told(
    bucket: oss2.Bucket, content: bytes, sql: str, parameters: dict[str, Any]
) -> None:
    bucket.put_object("unwritable", content)
    with (
        bucket.select_object("unwritable", sql, select_params=parameters) as answer,
        pytest.raises(oss2.exceptions.SelectOperationFailed) as error,
    ):
        answer.read()
    assert error.value.status == 400


@pytest.mark.parametrize(
    ("key", "sql", "parameters", "code"),
    [
        ("never-closed.csv", "select * from ossobject", {}, "InvalidCsvLine"),
        ("a.csv", "", {}, "InvalidSqlParameter"),
        ("a.csv", "select * from ossobject order by name", {}, "SqlSyntaxError"),
        ("a.csv", "select nobody from ossobject", {"CsvHeaderInfo": "Use"}, "SqlInvalidColumnName"),
        ("a.csv", "select * from ossobject", {"CompressionType": "GZIP"}, "DecompressFailure"),
        ("a.csv", "select * from ossobject", {"Json_Type": "DOCUMENT"}, "InvalidJsonData"),
        ("a.csv", "select * from ossobject", {"FieldDelimiter": ";;"}, "InvalidInputFieldDelimiter"),
        ("a.csv", "select * from ossobject", {"RecordDelimiter": "\nsada"}, "InvalidInputRecordDelimiter"),
        ("a.csv", "select * from ossobject", {"QuoteCharacter": "''"}, "InvalidInputQuote"),
        ("a.csv", "select * from ossobject", {"CommentCharacter": "##"}, "InvalidCommentCharacter"),
        ("a.csv", "select * from ossobject", {"OutputFieldDelimiter": "||"}, "InvalidOutputFieldDelimiter"),
        ("a.csv", "select * from ossobject", {"OutputRecordDelimiter": ";;;"}, "InvalidOutputRecordDelimiter"),
    ],
)
def test_a_query_that_does_not_fit_is_refused_by_the_documented_code(
    bucket: oss2.Bucket, key: str, sql: str, parameters: dict[str, Any], code: str
) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.select_object(key, sql, select_params=parameters)
    assert (error.value.status, error.value.code) == (400, code)


@pytest.mark.parametrize(
    ("options", "code", "ec"),
    [
        (
            "<OutputSerialization><CSV><FieldDelimiter>|</FieldDelimiter></CSV></OutputSerialization>",
            *("InvalidOutputFieldDelimiter", "0016-00000828"),
        ),
        (
            "<InputSerialization><CSV><RecordDelimiter>CnNhZGFzZA==</RecordDelimiter></CSV></InputSerialization>",
            *("InvalidInputRecordDelimiter", "0016-00000829"),
        ),
        (
            "<InputSerialization><CompressionType>ZIP</CompressionType></InputSerialization>",
            "UnsupportedCompressionFormat",
            None,
        ),
        ("<InputSerialization><CSV><Range>1-2</Range></CSV></InputSerialization>", "InvalidRange", None),
        (
            "<Options><MaxSkippedRecordsAllowed>few</MaxSkippedRecordsAllowed></Options>",
            *("InvalidMaxSkippedRecordsAllowed", None),
        ),
    ],
)
def test_a_wrong_option_of_a_query_is_refused_as_by_oss(
    bucket: oss2.Bucket, options: str, code: str, ec: str | None
) -> None:
    sql = base64.b64encode(b"select * from ossobject").decode()
    request = f"<SelectRequest><Expression>{sql}</Expression>{options}</SelectRequest>"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket._do("POST", bucket.bucket_name, "a.csv", params={"x-oss-process": "csv/select"}, data=request)
    assert (error.value.status, error.value.code, error.value.details.get("EC")) == (400, code, ec)


def test_comments_count_as_lines(bucket: oss2.Bucket) -> None:
    bucket.put_object("comments.csv", "name\nAnn\n#Bob\nEve\nIda\n")
    given = {"CsvHeaderInfo": "Ignore", "CommentCharacter": "#"}
    assert ask(bucket, "comments.csv", "select * from ossobject", LineRange=(1, 3), **given) == "Ann\nEve\n"


@pytest.mark.parametrize(("key", "parameters"), [("a.csv", {}), ("lines.json", {"Json_Type": "LINES"})])
def test_lines_behind_the_last_one_are_refused(bucket: oss2.Bucket, key: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        ask(bucket, key, "select * from ossobject", LineRange=(6, 10), **parameters)
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")


def test_a_wrong_statement_is_refused_before_the_object_is_looked_for(bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidSqlParameter"):
        ask(bucket, "none.csv", "")
