"""A bucket of the embedded OSS: operations of the model go out as signed bytes, and what is there comes back through oss2."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import oss2

from tests.support import signers
from tests.support.wire import Answer, Connection, Request, exchange
from tests.torture import model
from tests.torture.cloud import Cloud

SETTINGS = {
    "lifecycle": "<LifecycleConfiguration><Rule><ID>{}</ID><Prefix>never/</Prefix><Status>Enabled</Status>"
    "<Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>",
    "tagging": "<Tagging><TagSet><Tag><Key>mark</Key><Value>{}</Value></Tag></TagSet></Tagging>",
    "versioning": "<VersioningConfiguration><Status>{}</Status></VersioningConfiguration>",
    "encryption": "<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{}</SSEAlgorithm>"
    "</ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>",
}
_CODE = re.compile(rb"<Code>(.*?)</Code>")
_UPLOAD_ID = re.compile(rb"<UploadId>(.*?)</UploadId>")


def _completion(parts: Sequence[bytes]) -> bytes:
    tags = [hashlib.md5(part, usedforsecurity=False).hexdigest().upper() for part in parts]
    named = [f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in enumerate(tags, 1)]
    return f"<CompleteMultipartUpload>{''.join(named)}</CompleteMultipartUpload>".encode()


@dataclass(frozen=True)
class Listed:
    """A version or a delete marker, as it is listed."""

    key: str
    version: str
    marker: bool


class Bucket:
    """A bucket, the ids of its uploads, and the marks of the versions that it said to have made.

    Args:
        cloud: where it lies.
        name: its name; it is created.
    """

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.name = name
        self.upload_ids: dict[str, str] = {}  # by the name that the model knows
        self.version_marks: dict[str, str] = {}  # of what was put, by the id in the answer
        self.move(cloud)
        self.client.create_bucket()

    def move(self, cloud: Cloud) -> None:
        """Go on with the same bucket in another process."""
        self._cloud = cloud
        self.client = cloud.bucket(self.name)

    def request(self, operation: model.Operation) -> Request:
        """Return the signed request of an operation."""
        return self._signed(self._unsigned(operation))

    def perform(self, operation: model.Operation, connection: Connection) -> model.Reply:
        """Send an operation and return its reply."""
        if isinstance(operation, model.Get | model.Delete) and operation.version is not None:
            listed = self.listed(operation.key)
            if operation.version >= len(listed):
                return model.Reply(f"{len(listed)} versions")
            query = (("versionId", listed[operation.version].version),)
            return self.reply(
                operation, connection.exchange(self._signed(replace(self._unsigned(operation), query=query)))
            )
        return self.reply(operation, connection.exchange(self.request(operation)))

    def listed(self, key: str = "") -> list[Listed]:
        """Return the versions and markers of a key, or of all keys, by key and from new to old."""
        found: list[Listed] = []
        after: tuple[tuple[str, str], ...] = ()
        while True:
            query = (("versions", None), ("prefix", key), ("max-keys", "100"), *after)
            path = f"/{self.name}/"
            answer = exchange(self._cloud.address("oss"), self._signed(Request("GET", path, query, headers=self._host)))
            assert answer.status == 200, answer
            page = ElementTree.fromstring(answer.body)
            found += [
                Listed(each.findtext("Key", ""), each.findtext("VersionId", ""), each.tag == "DeleteMarker")
                for each in page
                if each.tag in {"Version", "DeleteMarker"}
            ]
            if page.findtext("IsTruncated") != "true":
                return [each for each in found if key in ("", each.key)]
            marker, version = page.findtext("NextKeyMarker", ""), page.findtext("NextVersionIdMarker", "")
            after = (("key-marker", marker), ("version-id-marker", version))

    @property
    def _host(self) -> tuple[tuple[str, str], ...]:
        return (("Host", self._cloud.endpoints["oss"].removeprefix("http://")),)

    def _signed(self, request: Request) -> Request:
        return signers.oss(self._cloud.key, request, self._cloud.region)

    def _unsigned(self, operation: model.Operation) -> Request:
        path = f"/{self.name}/" + (operation.key if not isinstance(operation, model.SetSetting) else "")
        plain = Request("PUT", path, headers=self._host)
        match operation:
            case model.Put(content=content, forbid=forbid, tag=tag):
                made = plain.with_headers(("x-oss-meta-mark", model.mark_of(content)))
                made = made.with_headers(("x-oss-forbid-overwrite", "true")) if forbid else made
                made = made.with_headers(("x-oss-tagging", f"mark={tag}")) if tag else made
                return signers.with_md5(replace(made, body=content))
            case model.Append(position=position, content=content):
                made = replace(
                    plain, method="POST", query=(("append", None), ("position", str(position))), body=content
                )
                return made.with_headers(("x-oss-meta-mark", model.mark_of(content)))
            case model.Delete():
                return replace(plain, method="DELETE")
            case model.Forget(content=content):
                version = {mark: version for version, mark in self.version_marks.items()}[model.mark_of(content)]
                return replace(plain, method="DELETE", query=(("versionId", version),))
            case model.Get():
                return replace(plain, method="GET")
            case model.Copy(source=source):
                return plain.with_headers(("x-oss-copy-source", f"/{self.name}/{source}"))
            case model.SetAcl(acl=acl):
                return replace(plain, query=(("acl", None),)).with_headers(("x-oss-object-acl", acl))
            case model.SetTag(tag=""):
                return replace(plain, method="DELETE", query=(("tagging", None),))
            case model.SetTag(tag=tag):
                return replace(plain, query=(("tagging", None),), body=SETTINGS["tagging"].format(tag).encode())
            case model.Begin(mark=mark):
                made = replace(plain, method="POST", query=(("uploads", None),))
                return made.with_headers(("x-oss-meta-mark", mark))
            case model.PutPart(upload=upload, number=number, content=content):
                query = (("partNumber", str(number)), ("uploadId", self.upload_ids[upload]))
                return replace(plain, query=query, body=content)
            case model.Complete(upload=upload, forbid=forbid, named=named):
                everything = (("x-oss-complete-all", "yes"),) if named is None else ()
                once = (("x-oss-forbid-overwrite", "true"),) if forbid else ()
                made = replace(plain, method="POST", query=(("uploadId", self.upload_ids[upload]),))
                return replace(made.with_headers(*everything, *once), body=_completion(named) if named else b"")
            case model.Abort(upload=upload):
                return replace(plain, method="DELETE", query=(("uploadId", self.upload_ids[upload]),))
            case model.SetSetting(name="acl", mark=mark):
                return replace(plain, query=(("acl", None),)).with_headers(("x-oss-acl", mark))
            case model.SetSetting(name=name, mark=""):
                return replace(plain, method="DELETE", query=((name, None),))
            case model.SetSetting(name=name, mark=mark):
                return replace(plain, query=((name, None),), body=SETTINGS[name].format(mark).encode())

    def reply(self, operation: model.Operation, answer: Answer) -> model.Reply:
        """Return what the model calls an answer; a new upload's id is kept."""
        if answer.status >= 300:
            code = _CODE.search(answer.body)
            return model.Reply(code[1].decode() if code else f"HTTP {answer.status}")
        if isinstance(operation, model.Begin):
            found = _UPLOAD_ID.search(answer.body)
            assert found, answer
            self.upload_ids[operation.upload] = found[1].decode()
        version = answer.headers.get("x-oss-version-id", "null")
        if isinstance(operation, model.Put) and version != "null":
            self.version_marks[version] = model.mark_of(operation.content)
        return model.Reply(model.OK, answer.body if isinstance(operation, model.Get) else None)

    # What is there

    def object(self, key: str, version: str | None = None) -> model.Stored | None:
        """Return what lies at a key, or one version of it.

        Raises:
            oss2.exceptions.OssError: it cannot be read.
        """
        asked = {"versionId": version} if version else None
        try:
            got = self.client.get_object(key, params=asked)
            content = got.read()
            tags = self.client.get_object_tagging(key, params=asked).tag_set.tagging_rule
            acl = self.client.get_object_acl(key, params=asked).acl
        except oss2.exceptions.NoSuchKey:
            return None
        mark, null = got.headers.get("x-oss-meta-mark", ""), got.headers.get("x-oss-version-id", "null") == "null"
        return model.Stored(content, got.object_type, mark, acl, tags.get("mark", ""), null)

    def history(self, key: str) -> dict[str, model.Version]:
        """Return the versions and markers of a key by their ids, from new to old.

        Raises:
            oss2.exceptions.OssError: one cannot be read.
        """
        found: dict[str, model.Version] = {}
        for each in self.listed(key):
            item = model.Marker(each.version == "null") if each.marker else self.object(key, each.version)
            assert item is not None
            found[each.version] = item
        return found

    def keys(self) -> list[str]:
        """Return the keys of all objects."""
        return [each.key for each in oss2.ObjectIterator(self.client)]

    def uploads(self) -> dict[str, tuple[str, dict[int, int]]]:
        """Return the uploads that have not ended: key and sizes of the parts, by id."""
        found = {}
        for each in self.client.list_multipart_uploads().upload_list:
            parts = self.client.list_parts(each.key, each.upload_id).parts
            found[each.upload_id] = (each.key, {part.part_number: part.size for part in parts})
        return found

    def settings(self) -> dict[str, str]:
        """Return the settings that the model knows."""
        found = {}
        with contextlib.suppress(oss2.exceptions.NoSuchLifecycle):
            found["lifecycle"] = self.client.get_bucket_lifecycle().rules[0].id
        with contextlib.suppress(oss2.exceptions.NoSuchServerSideEncryptionRule):
            found["encryption"] = self.client.get_bucket_encryption().sse_algorithm
        if versioning := self.client.get_bucket_versioning().status:
            found["versioning"] = versioning
        tags = self.client.get_bucket_tagging().tag_set.tagging_rule
        if tags:
            found["tagging"] = tags["mark"]
        return {**found, "acl": self.client.get_bucket_acl().acl}

    def blobs(self) -> int:
        """Return how many data files the bucket needs: one for each version and each part."""
        return sum(not each.marker for each in self.listed()) + sum(len(parts) for _, parts in self.uploads().values())
