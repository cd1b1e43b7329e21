"""The events that subscribers are told of multipart uploads."""

from __future__ import annotations

from localcloud.oss.model import ObjectEvent
from localcloud.oss.operations.service import OssService


def test_each_step_of_an_upload_is_told_with_who_caused_it(service: OssService) -> None:
    told: list[ObjectEvent] = []
    service.objects.put("kept", "source", b"1234567")
    service.subscribe(told.append)
    upload = service.uploads.begin("kept", "a", requester="me")
    part = service.uploads.put_part(upload, 1, service.blobs.write([b"12345"]), requester="me")
    source = ("kept", "source", None)
    copied = service.copies.copy_part(upload, 2, source, interval=lambda _: (0, 3), requester="you")
    service.uploads.abort(upload, requester="me")
    assert [(each.name, each.bucket, each.key, each.size, each.etag, each.requester) for each in told] == [
        ("ObjectCreated:InitiateMultipartUpload", "kept", "a", 0, "", "me"),
        ("ObjectCreated:UploadPart", "kept", "a", 5, part.etag, "me"),
        ("ObjectCreated:UploadPartCopy", "kept", "a", 3, copied.etag, "you"),
        ("ObjectRemoved:AbortMultipartUpload", "kept", "a", 0, "", "me"),
    ]
