"""Operations on multipart uploads and their parts."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from localcloud.oss.errors import OssError
from localcloud.oss.listing import Page, list_page
from localcloud.oss.model import (
    MIN_PART,
    NO_ATTRIBUTES,
    Attributes,
    Blob,
    Bucket,
    ObjectKind,
    Part,
    StoredObject,
    Upload,
)
from localcloud.oss.operations.acls import check_object_acl
from localcloud.oss.operations.base import Operations
from localcloud.oss.operations.keys import already_exists, check_key

Chosen = Sequence[tuple[int, str]]  # numbers of parts with their entity tags


class _PartsChangedError(Exception):
    """A part was uploaded again while its upload was completed."""


class UploadOperations(Operations):
    """Unfinished multipart uploads."""

    def begin(
        self,
        bucket: str,
        key: str,
        attributes: Attributes = NO_ATTRIBUTES,
        *,
        sequential: bool = False,
        overwrite: bool = True,
        requester: str = "",
    ) -> Upload:
        """Begin a multipart upload.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            attributes: those of the object to come.
            sequential: its parts come in the order of their numbers.
            overwrite: False refuses to begin where an object is, before any part is sent.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: NoSuchBucket, InvalidObjectName, InvalidArgument (ACL), AccessDenied (a public ACL, which the bucket blocks),
                FileAlreadyExists.
        """
        check_key(key)
        holder = self._store.buckets.get(bucket)
        check_object_acl(holder, attributes.acl)
        if not overwrite and self._store.objects.find(bucket, key):
            raise already_exists(key)
        upload = Upload(
            bucket=bucket,
            key=key,
            upload_id=uuid.uuid4().hex.upper(),
            initiated=self._clock(),
            attributes=replace(attributes, storage=self._settle(attributes.storage, holder)),
            sequential=sequential,
        )
        self._store.uploads.begin(upload)
        self._events.tell_of_upload("ObjectCreated:InitiateMultipartUpload", upload, requester)
        return upload

    def get(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Return an unfinished upload.

        Raises:
            OssError: NoSuchBucket, NoSuchUpload.
        """
        self._store.buckets.get(bucket)
        return self._store.uploads.get(bucket, key, upload_id)

    def page(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        marker: str = "",
        id_marker: str | None = None,
        limit: int = 1000,
    ) -> Page[Upload]:
        """Return one page of a bucket's unfinished uploads, in order of keys and ids; see `listing.list_page`.

        Args:
            bucket: the bucket's name.
            prefix: only keys that begin with it.
            delimiter: keys that hold it behind the prefix are rolled up.
            marker: the key, or the common prefix, behind which the page begins.
            id_marker: the id behind which it begins, among the uploads of the key `marker`; None: behind all of them.
            limit: how many uploads and common prefixes a page may hold.

        Raises:
            OssError: NoSuchBucket.
        """
        self._store.buckets.get(bucket)
        return list_page(
            partial(self._store.uploads.after, bucket, prefix, upload_id=id_marker),
            lambda upload: upload.key,
            prefix=prefix,
            delimiter=delimiter,
            marker=marker,
            limit=limit,
        )

    def parts(self, upload: Upload) -> list[Part]:
        """Return the parts of an unfinished upload in order of their numbers."""
        return self._store.uploads.parts(upload)

    def put_part(
        self,
        upload: Upload,
        number: int,
        blob: Blob,
        *,
        event: str = "ObjectCreated:UploadPart",
        requester: str = "",
    ) -> Part:
        """Add a part, or replace the one of the same number.

        Args:
            upload: the upload.
            number: the part's number, from 1 to `MAX_PARTS`.
            blob: its bytes.
            event: the event that subscribers are told.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: PartNotSequential, NoSuchUpload (it ended meanwhile).
        """

        def check(last: int) -> None:
            if upload.sequential and number not in {last, last + 1}:  # that the last one may come again is assumed
                raise OssError(
                    "PartNotSequential", f"The upload is sequential: part {last + 1} comes next, not {number}."
                )

        part = Part(
            number=number, data=blob.data, size=blob.size, etag=blob.etag, crc64=blob.crc64, modified=self._clock()
        )
        with self._store.blobs.giving(blob):
            self._store.uploads.put_part(upload, part, check)
        self._events.tell_of_upload(event, upload, requester, part)
        return part

    def complete(
        self,
        upload: Upload,
        chosen: Chosen | None,
        *,
        acl: str | None = None,
        overwrite: bool = True,
        requester: str = "",
    ) -> StoredObject:
        """Make an object of the parts.

        Args:
            upload: the upload.
            chosen: parts in ascending order; None: all parts that were uploaded.
            acl: the object's ACL; None: the one that the upload began with (that the later one counts is assumed).
            overwrite: False refuses to replace an object.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: InvalidPart, InvalidPartOrder, EntityTooSmall, FileAlreadyExists, NoSuchUpload (it has ended meanwhile),
                AccessDenied (a public ACL, which the bucket blocks).
        """
        attributes = upload.attributes if acl is None else replace(upload.attributes, acl=acl)
        item = None
        # Where parts came again meanwhile, those of the moment when the upload ends count, and are compared anew.
        while item is None:
            item = self._complete(upload, chosen, attributes, overwrite=overwrite)
        self._events.tell("ObjectCreated:CompleteMultipartUpload", item, requester)
        return item

    def _complete(
        self, upload: Upload, chosen: Chosen | None, attributes: Attributes, *, overwrite: bool
    ) -> StoredObject | None:
        """Make an object of the parts; None: they changed meanwhile, and the upload is as it was."""
        blobs = self._store.blobs
        with self._store.uploads.open_parts(upload) as uploaded:
            parts = choose_parts(uploaded, chosen)
            whole = blobs.concatenate([blobs.path(part.data) for part in parts])

        def make(holder: Bucket, uploaded: Sequence[Part], before: StoredObject | None) -> StoredObject:
            if before and not overwrite:
                raise already_exists(upload.key)
            self._check_replaceable(holder, before)
            check_object_acl(holder, attributes.acl)
            _check_data_size(attributes, whole)
            if choose_parts(uploaded, chosen) != parts:
                raise _PartsChangedError
            shown = _with_digest(attributes, whole) if upload.sequential else attributes
            return self._make(ObjectKind.MULTIPART, holder, upload.key, whole, shown, etag=_etag_of(parts))

        try:
            with blobs.giving(whole):
                return self._store.uploads.complete(upload, make)
        except _PartsChangedError:
            return None

    def abort(self, upload: Upload, *, requester: str = "") -> None:
        """Forget an upload and the bytes of its parts.

        Args:
            upload: the upload.
            requester: the principal's id, told to subscribers.

        Raises:
            OssError: NoSuchUpload (it has ended meanwhile).
        """
        self._store.uploads.abort(upload)
        self._events.tell_of_upload("ObjectRemoved:AbortMultipartUpload", upload, requester)


def choose_parts(uploaded: Sequence[Part], chosen: Chosen | None) -> list[Part]:
    """Return the parts that an object is made of.

    Args:
        uploaded: all parts of the upload, in order of their numbers.
        chosen: those that a client names; None: all.

    Raises:
        OssError: InvalidPart, InvalidPartOrder, EntityTooSmall.
    """
    by_number = {part.number: part for part in uploaded}
    wanted = [(part.number, part.etag) for part in uploaded] if chosen is None else list(chosen)
    numbers = [number for number, _ in wanted]
    if uploaded and not wanted:
        raise OssError("InvalidPart", "The request names none of the parts that were uploaded.")
    if numbers != sorted(set(numbers)):
        raise OssError("InvalidPartOrder", "The list of parts was not in ascending order.", ec="0042-00000209")
    parts = []
    for number, etag in wanted:
        part = by_number.get(number)
        if part is None or part.etag != etag.strip('"').upper():
            raise OssError(
                "InvalidPart",
                "One or more of the specified parts could not be found or the specified entity tag might not have matched "
                "the part's entity tag.",
                {"PartNumber": str(number), "ETag": etag},
            )
        parts.append(part)
    for part in parts[:-1]:
        if part.size < MIN_PART:
            raise OssError(
                "EntityTooSmall",
                "Your proposed upload smaller than the minimum allowed size.",
                {"MinSizeAllowed": str(MIN_PART), "ProposedSize": str(part.size), "PartNumber": str(part.number)},
                ec="0042-00000213",
            )
    return parts


def _check_data_size(attributes: Attributes, whole: Blob) -> None:
    """Refuse parts that are not all of what a client said to encrypt (OSS's SDK for Java expects an error; its code is assumed).

    Raises:
        OssError: InvalidArgument.
    """
    name = "x-oss-meta-client-side-encryption-data-size"
    said = attributes.headers.get(name, "")
    if said.isdecimal() and int(said) != whole.size:
        raise OssError(
            "InvalidArgument", f"The parts have {whole.size} bytes, not those that {name} says.", {"ArgumentName": name}
        )


def _with_digest(attributes: Attributes, whole: Blob) -> Attributes:
    return replace(attributes, headers={**attributes.headers, "content-md5": base64.b64encode(whole.md5).decode()})


def _etag_of(parts: Sequence[Part]) -> str:
    """Return an object's entity tag: the digest of its parts' tags as they are written, where S3 digests their bytes.

    Source: the tag that the suite of OSS's SDK for Go expects of a known file in parts.
    """
    tags = "".join(part.etag for part in parts)
    return f"{hashlib.md5(tags.encode(), usedforsecurity=False).hexdigest().upper()}-{len(parts)}"
