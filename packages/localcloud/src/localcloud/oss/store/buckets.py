"""The rows of buckets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from localcloud.oss.errors import OssError, no_such_bucket
from localcloud.oss.model import Bucket
from localcloud.oss.store.database import Database, Row

_ACCOUNT = "@"  # begins the name of the row that holds an account's settings: no bucket's does
_COLUMNS = "name, owner, created, acl, storage_class, settings, region"
_FIRST = ""  # the name of the row of the first account, from when there was no other


class BucketRows:
    """The buckets of a store. Thread-safe; each call is one transaction, or a part of the caller's.

    They are few and every request asks for one: they are kept in memory, too, and change there before anybody else gets the lock.
    """

    def __init__(self, database: Database, account_id: str, region: str) -> None:
        self._database = database
        self._first = account_id
        rows = {row[0]: _bucket(row, region) for row in database.run(f"SELECT {_COLUMNS} FROM buckets")}  # noqa: S608 - fixed
        self._of_accounts = {
            name.removeprefix(_ACCOUNT) or account_id: row.settings
            for name, row in rows.items()
            if name == _FIRST or name.startswith(_ACCOUNT)
        }
        self._buckets = {
            name: replace(bucket, of_account=self.of_account(bucket.owner))
            for name, bucket in rows.items()
            if name != _FIRST and not name.startswith(_ACCOUNT)
        }

    def find(self, name: str) -> Bucket | None:
        """Return a bucket, or None; it does not wait for the database."""
        return self._buckets.get(name)

    def get(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            OssError: NoSuchBucket.
        """
        bucket = self.find(name)
        if bucket is None:
            raise no_such_bucket(name)
        return bucket

    def all(self) -> list[Bucket]:
        """Return all buckets in order of their names; it does not wait for the database."""
        return sorted(self._buckets.values(), key=lambda bucket: bucket.name)

    def change(self, name: str, change: Callable[[Bucket | None], Bucket]) -> Bucket:
        """Replace a bucket by what a function makes of it (None: there is no such bucket) and return that.

        Raises:
            OssError: ServiceUnavailable (the disk is full), and what `change` raises.
        """

        def work() -> Bucket:
            after = change(self.find(name))
            after = replace(after, of_account=self.of_account(after.owner))
            assert after.name == name
            self._write(after)
            return after

        with self._database.lock:
            self._buckets[name] = after = self._database.write(work)
        return after

    def of_account(self, account_id: str) -> Mapping[str, str]:
        """Return the settings of an account."""
        return self._of_accounts.get(account_id, {})

    def change_account(self, account_id: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Replace the settings of an account, which count for all its buckets, by what a function makes of them.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """
        name = _FIRST if account_id == self._first else f"{_ACCOUNT}{account_id}"

        def work() -> Mapping[str, str]:
            after = change(self.of_account(account_id))
            self._write(Bucket(name=name, owner="", region="", created=0.0, acl="", storage_class="", settings=after))
            return after

        with self._database.lock:
            self._of_accounts[account_id] = after = self._database.write(work)
            self._buckets = {
                name: replace(bucket, of_account=after) if bucket.owner == account_id else bucket
                for name, bucket in self._buckets.items()
            }

    def _write(self, bucket: Bucket) -> None:
        self._database.run(
            f"INSERT OR REPLACE INTO buckets ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - fixed
            bucket.name,
            bucket.owner,
            bucket.created,
            bucket.acl,
            bucket.storage_class,
            json.dumps(dict(bucket.settings)),
            bucket.region,
        )

    def delete(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            OssError: NoSuchBucket; BucketNotEmpty, for objects, versions of them or unfinished uploads in it.
        """

        def work() -> None:
            self.get(name)
            for table, what in (("objects", "objects"), ("versions", "objects"), ("uploads", "Multipart Uploads")):
                if self._database.run(f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1", name):  # noqa: S608 - fixed names
                    raise OssError(
                        "BucketNotEmpty", f"The bucket has {what}. Please delete them first.", {"BucketName": name}
                    )
            self._database.run("DELETE FROM fetches WHERE bucket = ?", name)
            self._database.run("DELETE FROM replications WHERE bucket = ?", name)
            self._database.run("DELETE FROM buckets WHERE name = ?", name)

        with self._database.lock:
            self._database.write(work, frees=True)
            del self._buckets[name]


def _bucket(row: Row, home: str) -> Bucket:
    name, owner, created, acl, storage_class, settings, region = row
    return Bucket(
        name=name,
        owner=owner,
        region=region or home,
        created=created,
        acl=acl,
        storage_class=storage_class,
        settings=json.loads(settings),
    )
