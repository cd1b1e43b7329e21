"""Lines of access logs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from localcloud.oss.accesslog import NONE, LoggedRequest, operation_of, write_line

ENTRY = LoggedRequest(
    address="127.0.0.1",
    time=1_335_888_004.9,
    method="GET",
    uri="/aliyun-logo.png?x-user=admin",
    protocol="HTTP/1.1",
    status=200,
    sent=5576,
    took=71,
    referer="http://www.aliyun.com/product/oss",
    agent="curl/7.15.5",
    host="oss-example.oss-cn-hangzhou.aliyuncs.com",
    request_id="505B01695037C2AF032593A4",
    requester="1657136103983691",
    operation="GetObject",
    bucket="oss-example",
    key="aliyun logo.png",
    size=5576,
    length=302,
    owner="1657136103983691",
    storage_class="Standard",
    access_key_id="LTAI1",
    arn="acs:oss:cn-hangzhou:1657136103983691:oss-example",
)


def test_a_line_has_the_documented_fields_in_their_order() -> None:
    assert write_line(ENTRY).decode() == (
        '127.0.0.1 - - [02/May/2012:00:00:04 +0800] "GET /aliyun-logo.png?x-user=admin HTTP/1.1" 200 5576 71 '
        '"http://www.aliyun.com/product/oss" "curl/7.15.5" "oss-example.oss-cn-hangzhou.aliyuncs.com" '
        '"505B01695037C2AF032593A4" "true" "1657136103983691" "GetObject" "oss-example" "/aliyun%20logo.png" 5576 71 '
        '"-" 302 "1657136103983691" - "-" "Standard" "-" "-" "LTAI1" '
        '"acs:oss:cn-hangzhou:1657136103983691:oss-example"\n'
    )


def test_what_is_unknown_is_a_hyphen() -> None:
    line = write_line(replace(ENTRY, key="", size=None, agent="", requester=NONE)).decode()
    assert '"-" "GetObject" "oss-example" "-" - 71 "-" 302' in line


def test_a_client_writes_no_fields_and_no_lines_of_its_own() -> None:
    line = write_line(replace(ENTRY, agent='a" "b\r\nc', referer="\udcff", key="a\nb"))
    assert line.count(b"\n") == 1
    assert b'"a%22 %22b%0D%0Ac"' in line
    assert b'"\xff"' in line
    assert len(re.findall(rb'"[^"]*"|\[[^]]*\]|\S+', line)) == 29


@pytest.mark.parametrize(
    ("method", "level", "query", "copies", "name"),
    [
        ("GET", "object", "", False, "GetObject"),
        ("GET", "object", "versionId", False, "GetObject"),
        ("HEAD", "object", "", False, "HeadObject"),
        ("PUT", "object", "", True, "CopyObject"),
        ("PUT", "object", "uploadId", True, "UploadPartCopy"),
        ("POST", "object", "uploadId", False, "CompleteUploadPart"),
        ("DELETE", "object", "uploadId", False, "AbortMultiPartUpload"),
        ("POST", "bucket", "delete", False, "DeleteObjects"),
        ("GET", "bucket", "prefix", False, "ListObjects"),
        ("PUT", "bucket", "logging", False, "PutBucketLog"),
        ("GET", "bucket", "lifecycle", False, "GetBucketLifecycle"),
        ("DELETE", "bucket", "cors", False, "DeleteBucketCors"),
        ("POST", "bucket", "worm", False, "PostObject"),
        ("TRACE", "bucket", "", False, "-"),
    ],
)
def test_operations_have_the_names_of_logs(method: str, level: str, query: str, copies: bool, name: str) -> None:
    assert operation_of(method, level, {query: ""} if query else {}, copies=copies) == name
