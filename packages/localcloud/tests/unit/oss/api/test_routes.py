"""The table of operations: each names the right that it needs, and what is not in it is refused by name."""

from __future__ import annotations

import pytest

from localcloud.oss.api import (
    accesspoints,
    cnames,
    copies,
    cors,
    forms,
    live,
    metaquery,
    objects,
    processing,
    redundancy,
    refused,
    replication,
    site,
    uploads,
)
from localcloud.oss.api.call import Handler
from localcloud.oss.api.routes import OPERATIONS, find_operation
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.errors import OssError
from localcloud.oss.settings.collection import COLLECTIONS

# They ask for each object that they find: the ones in a body, a symlink and its target; and a bucket that does not exist is told.
ASKING = {objects.delete_objects, site.get_page, site.get_root}
ASKING |= {
    accesspoints.get_points,
    cnames.change_cname,
    live.put_channel,
    live.get_channel,
    metaquery.change,
    redundancy.tell,
    replication.change,
}  # one of several things, by a parameter
ASKING |= {processing.get_processed, processing.post_process}  # for what they read, and what they write
ASKING |= {forms.post_object}  # whose signature is in the form
OPEN = {cors.preflight}  # browsers send it unsigned


def test_every_other_operation_names_the_action_that_it_needs() -> None:
    several = {each.parameter for each in COLLECTIONS}  # one, or the list of them
    rows = [
        operation
        for (method, _), operations in OPERATIONS.items()
        for name, operation in operations.items()
        if not (method == "GET" and name in several)
    ]
    rows += [operation.copy for operation in rows if operation.copy]
    assert {operation.handler for operation in rows if operation.action is None} == ASKING | OPEN


def test_every_operation_that_takes_an_acl_by_header_needs_the_right_to_set_it() -> None:
    taking = {
        (method, parameter)
        for (method, level), operations in OPERATIONS.items()
        for parameter, operation in operations.items()
        if level == "object" and operation.header_actions.get("x-oss-object-acl") == "PutObjectAcl"
    }
    assert taking == {("PUT", ""), ("PUT", "symlink"), ("POST", "append"), ("POST", "uploads"), ("POST", "uploadId")}


@pytest.mark.parametrize(
    ("query", "copy", "handler"),
    [
        ({}, False, objects.put_object),
        ({}, True, copies.copy_object),
        ({"uploadId": "1", "partNumber": "1"}, False, uploads.put_part),
        ({"uploadId": "1", "partNumber": "1"}, True, copies.copy_part),
        ({"partNumber": "1"}, False, refused.put_stray_part),
        ({"partNumber": "1"}, True, refused.put_stray_part),
        ({"x-oss-signature": "0", "x-oss-expires": "60"}, False, objects.put_object),
    ],
)
def test_query_and_copy_source_select_the_operation(query: dict[str, str], copy: bool, handler: Handler) -> None:
    assert find_operation("PUT", ResourceUrl(bucket="b", key="k", query=query), copy=copy).handler is handler


@pytest.mark.parametrize(
    ("method", "target", "error"),
    [
        (
            "GET",
            ResourceUrl(bucket="b", query={"vpcip": ""}),
            r"NotImplemented: not implemented: GET bucket with \?vpcip",
        ),
        ("DELETE", ResourceUrl(bucket="b", query={"quota": ""}), r"NotImplemented: .* DELETE bucket with \?quota"),
        (
            "DELETE",
            ResourceUrl(bucket="b", query={"metadataConfiguration": ""}),
            r"NotImplemented: .* DELETE bucket with \?metadataConfiguration",
        ),
        ("PUT", ResourceUrl(bucket="b", query={"metadataJournalTable": ""}), "NotImplemented: "),
        ("PUT", ResourceUrl(bucket="b", query={"vip": ""}), "NotImplemented: "),
        ("GET", ResourceUrl(bucket="b", query={"processConfiguration": ""}), "NotImplemented: "),
        ("POST", ResourceUrl(bucket="b", key="k", query={}), "NotImplemented: not implemented: POST on a object"),
        ("PATCH", ResourceUrl(bucket="b", key="k", query={}), "MethodNotAllowed"),
        ("PUT", ResourceUrl(bucket="", query={}), "NotImplemented: not implemented: PUT on a service"),
    ],
)
def test_what_is_not_there_is_refused_by_name(method: str, target: ResourceUrl, error: str) -> None:
    with pytest.raises(OssError, match=error):
        find_operation(method, target, copy=False)


@pytest.mark.parametrize("name", ["restoreNow", "foo", "prefixz"])
def test_a_parameter_that_oss_does_not_know_means_nothing(name: str) -> None:
    assert find_operation("GET", ResourceUrl(bucket="b", query={name: ""}), copy=False).handler is site.get_root


def test_a_parameter_of_oss_that_is_not_known_here_is_refused() -> None:
    with pytest.raises(OssError, match="not implemented"):
        find_operation("GET", ResourceUrl(bucket="b", key="k", query={"x-oss-new": ""}), copy=False)
