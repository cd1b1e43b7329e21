"""The whole way with the real libraries: TensorFlow and OpenCV, built, loaded by the initializer, and run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy
import oss2
import pytest
from PIL import Image

from bench.direct import BUCKET, SERVICE, function_settings, make_bucket
from bench.functions import FunctionService
from bench.roles import create_function_role
from heavylift.build.machine import find_interpreter
from heavylift.cli.pictures import difference_from_transposed
from heavylift.clouds.archives import upload
from heavylift.clouds.embedded import EmbeddedCloud, Endpoints
from heavylift.clouds.invocation import Invocation
from heavylift.contracts.manifest import Build
from heavylift.contracts.startlog import find_starts
from tests.support.paths import ROOT

MB = 1024 * 1024
pytestmark = pytest.mark.timeout(900)  # the first build downloads and packs more than a gigabyte


@dataclass(frozen=True)
class Deployed:
    """The example function in a running embedded cloud."""

    build: Build
    endpoints: Endpoints
    bucket: oss2.Bucket
    service: FunctionService
    first: Invocation

    def invoke(self, **job: object) -> dict[str, object]:
        answer: dict[str, object] = json.loads(self.service.invoke("rotate", json.dumps(job).encode()).body)
        return answer


@pytest.fixture(scope="module")
def deployed(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The function, created and invoked for the first time."""
    folder = tmp_path_factory.mktemp("cloud")
    with EmbeddedCloud(folder / "data", ["--fc-python", str(find_interpreter(build.target))]) as endpoints:
        bucket = make_bucket(endpoints)
        for archive in build.archives:
            upload(bucket, archive.path, archive.key, lambda _done: None, checkpoints=folder)
        service = FunctionService(endpoints, SERVICE)
        service.create(role_arn=create_function_role(endpoints, bucket=BUCKET))
        service.create_function(function_settings(build, endpoints))
        yield Deployed(build, endpoints, bucket, service, service.invoke("rotate"))


def test_the_first_request_finds_an_initialized_instance(deployed: Deployed) -> None:
    assert deployed.first.error_type is None, deployed.first.body
    assert json.loads(deployed.first.body)["status"] == "success"
    order = [line.split(" RequestId")[0] for line in deployed.first.log_tail.splitlines() if line.startswith("FC I")]
    assert order == ["FC Initialize Start", "FC Initialize End", "FC Invoke Start", "FC Invoke End"]


def test_the_start_stays_within_its_bounds_of_disk_and_memory(deployed: Deployed) -> None:
    (start,) = find_starts(deployed.first.log_tail.splitlines())
    assert start.mode == "initializer"
    assert start.peak_disk < deployed.build.unpacked + 64 * MB
    assert start.memory_before_import < 256 * MB


def test_the_picture_is_the_input_with_its_axes_exchanged(deployed: Deployed) -> None:
    before = (ROOT / "function" / "pic" / "e2.jpg").read_bytes()
    assert difference_from_transposed(before, deployed.bucket.get_object("picture").read()) < 4
    assert difference_from_transposed(before, before) == float("inf")


def test_a_second_request_finds_the_instance_warm(deployed: Deployed) -> None:
    second = deployed.service.invoke("rotate")
    assert "FC Initialize" not in second.log_tail
    assert second.headers["x-fc-instance-id"] == deployed.first.headers["x-fc-instance-id"]


@pytest.mark.parametrize(("turn", "quarters"), [(90, -1), (180, 2), (270, 1)])
def test_a_picture_is_rotated_clockwise_by_the_model(deployed: Deployed, turn: int, quarters: int) -> None:
    pixels = numpy.random.default_rng(7).integers(0, 256, (5, 9, 4), dtype=numpy.uint8)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "png")
    deployed.bucket.put_object("incoming/small.png", encoded.getvalue())
    answer = deployed.invoke(source="incoming/small.png", target="rotated/small.png", rotate=turn)
    assert answer["status"] == "success"
    rotated = numpy.asarray(Image.open(io.BytesIO(deployed.bucket.get_object("rotated/small.png").read())))
    numpy.testing.assert_array_equal(rotated, numpy.rot90(pixels, quarters))


def test_bad_input_is_answered_with_a_sentence_and_nothing_is_written(deployed: Deployed) -> None:
    job = json.dumps({"source": "incoming/none.png", "target": "rotated/none.png", "rotate": 90}).encode()
    answer = deployed.service.invoke("rotate", job)
    assert answer.error_type == "UnhandledInvocationError"
    described = json.loads(answer.body)
    assert "incoming/none.png" in described["errorMessage"]
    assert not deployed.bucket.object_exists("rotated/none.png")


def test_without_an_initializer_the_first_request_loads(deployed: Deployed, build: Build) -> None:
    plain = replace(function_settings(build, deployed.endpoints), name="rotate-plain", initializer=None)
    deployed.service.create_function(plain)
    first = deployed.service.invoke("rotate-plain")
    assert first.error_type is None, first.body
    (start,) = find_starts(first.log_tail.splitlines())
    assert start.mode == "request"
    assert "FC Initialize" not in first.log_tail
