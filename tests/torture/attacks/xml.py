"""XML that declares, nests or encodes what it should not."""

from __future__ import annotations

import random

from tests.support.wire import Answer
from tests.torture.attacks.common import BUCKET, DIGITS, Attack, oss
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud


def by_xml(chance: random.Random) -> list[Attack]:
    rule = "<Rule><ID>{}</ID><Prefix>p</Prefix><Status>Enabled</Status></Rule>"
    lifecycle = f"<LifecycleConfiguration>{rule}</LifecycleConfiguration>"
    plain = lifecycle.format("a")
    entity = '<!DOCTYPE x [<!ENTITY e "boom">]>' + lifecycle.format("&e;")
    laughs = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    external = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + lifecycle.format("&e;")
    depth = chance.choice([1_000, 20_000, 100_000])
    bodies = {
        "DOCTYPE": entity.encode(),
        "DOCTYPE in UTF-16": entity.encode("utf-16"),
        "DOCTYPE in UTF-16, big end first": b"\xfe\xff" + entity.encode("utf-16-be"),
        "DOCTYPE in UTF-16 without a mark": b'<?xml version="1.0" encoding="utf-16-le"?>' + entity.encode("utf-16-le"),
        "DOCTYPE in EBCDIC": ('<?xml version="1.0" encoding="cp037"?>' + entity).encode("cp037"),
        "DOCTYPE in UTF-7": b'<?xml version="1.0" encoding="utf-7"?>' + entity.replace("<", "+ADw-").encode(),
        "a billion laughs": f'<!DOCTYPE x [<!ENTITY e0 "lol">{laughs}]>{lifecycle.format("&e11;")}'.encode(),
        "an external entity": external.encode(),
        "an unknown encoding": ('<?xml version="1.0" encoding="klingon"?>' + plain).encode(),
        "a multibyte encoding": ('<?xml version="1.0" encoding="shift_jis"?>' + plain).encode(),
        "the encoding idna": ('<?xml version="1.0" encoding="idna"?>' + plain).encode(),
        "the encoding zlib": ('<?xml version="1.0" encoding="zlib"?>' + plain).encode(),
        f"{depth} elements deep": b"<a>" * depth + b"</a>" * depth,
        "many attributes": b"<LifecycleConfiguration " + b" ".join(b"a%d='1'" % n for n in range(50_000)) + b"/>",
        "a NUL": plain.replace("a<", "\0<").encode(),
        "bytes that are not UTF-8": plain.encode().replace(b"<ID>a", b"<ID>\xff\xfe"),
        "a long name": b"<" + b"a" * 1_000_000 + b"/>",
        "nothing": b"",
        "3 MB": lifecycle.format("a" * 3_000_000).encode(),
    }
    harmless = {"a multibyte encoding", "many attributes"}
    target = (f"/{BUCKET}/", (("lifecycle", None),))
    found = [
        Attack(f"XML: {name}", oss("PUT", *target, body), name in harmless, _gives_back)
        for name, body in bodies.items()
    ]
    for name in ("DOCTYPE", "DOCTYPE in UTF-16", "an unknown encoding", "the encoding idna", f"{depth} elements deep"):
        for path, method, query in (
            (f"/{BUCKET}/", "POST", (("delete", None),)),
            (f"/{BUCKET}/a", "PUT", (("tagging", None),)),
            (f"/{BUCKET}/", "PUT", (("acl", None),)),
            (f"/{BUCKET}-new/", "PUT", ()),
        ):
            found.append(Attack(f"XML: {name} to {method} {path} {query}", oss(method, path, query, bodies[name])))
    parts = "<CompleteMultipartUpload><Part><PartNumber>{}</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
    for number in (DIGITS, "-1", "1.5", "١", "²", ""):
        body = parts.format(number).encode()
        completion = oss("POST", f"/{BUCKET}/a", (("uploadId", "0" * 32),), body)
        found.append(Attack(f"XML: the part {number[:5]}", completion))
    return found


def _gives_back(cloud: Cloud, answer: Answer) -> str | None:
    """Check that an accepted document can be read again."""
    if answer.status < 300:
        Bucket(cloud, BUCKET).client.get_bucket_acl()
    return None
