"""A bucket of the embedded OSS: operations of the model go out as signed bytes, and what is there comes back through oss2."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

import oss2

from tests.support import signers
from tests.support.wire import Answer, Connection, Request
from tests.torture import model
from tests.torture.cloud import Cloud

SETTINGS = {
    "lifecycle": "<LifecycleConfiguration><Rule><ID>{}</ID><Prefix>never/</Prefix><Status>Enabled</Status>"
    "<Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>",
    "tagging": "<Tagging><TagSet><Tag><Key>mark</Key><Value>{}</Value></Tag></TagSet></Tagging>",
    "encryption": "<ServerSideEncryptionRule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>{}</SSEAlgorithm>"
    "</ApplyServerSideEncryptionByDefault></ServerSideEncryptionRule>",
}
_CODE = re.compile(rb"<Code>(.*?)</Code>")
_UPLOAD_ID = re.compile(rb"<UploadId>(.*?)</UploadId>")


def _completion(parts: Sequence[bytes]) -> bytes:
    tags = [hashlib.md5(part, usedforsecurity=False).hexdigest().upper() for part in parts]
    named = [f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in enumerate(tags, 1)]
    return f"<CompleteMultipartUpload>{''.join(named)}</CompleteMultipartUpload>".encode()


class Bucket:
    """A bucket and the ids of its uploads.

    Args:
        cloud: where it lies.
        name: its name; it is created.
    """

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.name = name
        self.upload_ids: dict[str, str] = {}  # by the name that the model knows
        self.move(cloud)
        self.client.create_bucket()

    def move(self, cloud: Cloud) -> None:
        """Go on with the same bucket in another process."""
        self._cloud = cloud
        self.client = cloud.bucket(self.name)

    def request(self, operation: model.Operation) -> Request:
        """Return the signed request of an operation."""
        return signers.oss(self._cloud.key, self._unsigned(operation), self._cloud.region)

    def _unsigned(self, operation: model.Operation) -> Request:
        path = f"/{self.name}/" + (operation.key if not isinstance(operation, model.SetSetting) else "")
        host = (("Host", self._cloud.endpoints["oss"].removeprefix("http://")),)
        plain = Request("PUT", path, headers=host)
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
        return model.Reply(model.OK, answer.body if isinstance(operation, model.Get) else None)

    def perform(self, operation: model.Operation, connection: Connection) -> model.Reply:
        """Send an operation and return its reply."""
        return self.reply(operation, connection.exchange(self.request(operation)))

    # What is there

    def object(self, key: str) -> model.Stored | None:
        """Return what lies at a key.

        Raises:
            oss2.exceptions.OssError: it cannot be read.
        """
        try:
            got = self.client.get_object(key)
            content = got.read()
            tags = self.client.get_object_tagging(key).tag_set.tagging_rule
            acl = self.client.get_object_acl(key).acl
        except oss2.exceptions.NoSuchKey:
            return None
        return model.Stored(content, got.object_type, got.headers.get("x-oss-meta-mark", ""), acl, tags.get("mark", ""))

    def keys(self) -> list[str]:
        """Return all keys."""
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
        tags = self.client.get_bucket_tagging().tag_set.tagging_rule
        if tags:
            found["tagging"] = tags["mark"]
        return {**found, "acl": self.client.get_bucket_acl().acl}

    def blobs(self) -> int:
        """Return how many data files the bucket needs: one for each object and each part."""
        return len(self.keys()) + sum(len(parts) for _, parts in self.uploads().values())
