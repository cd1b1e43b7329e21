"""Input that means harm: refused in time, while the other services answer and the memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.support.wire import exchange
from tests.torture.attacks.common import BUCKET, Attack, function, sls
from tests.torture.attacks.headers import by_header
from tests.torture.attacks.json import by_json
from tests.torture.attacks.logs import STORE, by_log
from tests.torture.attacks.numbers import by_number
from tests.torture.attacks.packages import by_package
from tests.torture.attacks.templates import by_template
from tests.torture.attacks.xml import by_xml
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud
from tests.torture.control import Api
from tests.torture.patient import Patient
from tests.torture.sweep import Sweep

KINDS = {
    "templates": by_template,
    "xml": by_xml,
    "numbers": by_number,
    "headers": by_header,
    "json": by_json,
    "packages": by_package,
    "logs": by_log,
}


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """The embedded cloud that all kinds of attacks are aimed at."""
    with closing(Patient(tmp_path_factory.mktemp("hostile"), _furnish)) as patient:
        yield patient


def _furnish(cloud: Cloud) -> None:
    Bucket(cloud, BUCKET).client.put_object("a", b"content")
    api = Api(cloud)
    api.fc("POST", "/2021-04-06/services", {"serviceName": "s"})
    for path in ("/2021-04-06/services/s/functions", "/2023-03-30/functions"):
        api.fc("POST", path, function("f"))
    for target, body in (
        ("/", f'{{"projectName": "{BUCKET}", "description": ""}}'),
        ("/logstores", f'{{"logstoreName": "{STORE}", "ttl": 1, "shardCount": 1}}'),
        (f"/logstores/{STORE}/index", '{"line": {"token": [" "]}, "keys": {"j": {"type": "json", "token": []}}}'),
    ):
        service, request = sls("POST", target, {}, body.encode())(cloud)
        assert exchange(cloud.address(service), request).status == 200


@pytest.mark.parametrize("kind", KINDS)
def test_hostile(kind: str, sweep: Sweep, patient: Patient) -> None:
    queue: list[Attack] = []
    while sweep.goes_on():
        if not queue:
            queue = KINDS[kind](sweep.random)
            sweep.random.shuffle(queue)
        attack = queue.pop()
        patient.strike(sweep, attack.name, attack.make, harmless=attack.harmless, then=attack.then)
