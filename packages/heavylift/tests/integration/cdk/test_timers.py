"""A timer of `HeavyFunction`, deployed to an embedded cloud whose clock the test moves."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_ros20190910 import models as ros_models
from alibabacloud_ros20190910.client import Client as RosClient

from heavylift.clouds.node import with_node
from tests.support.builds import write_build
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
# Runs the embedded cloud with a clock that is ahead by the seconds in a file; behind that comes `python -m localcloud`.
AHEAD = textwrap.dedent(
    """
    import pathlib, runpy, sys, time

    real, file = time.time, pathlib.Path(sys.argv[1])
    time.time = lambda: real() + float(file.read_text())
    sys.argv = ["localcloud", *sys.argv[5:]]
    runpy.run_module("localcloud", run_name="__main__")
    """
)
APP = textwrap.dedent(
    """
    from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

    with HeavyApp() as app:
        made = HeavyFunction(HeavyStack(app, "timed"), "One", dist="dist", memory=512, cpu=0.5, disk=512, generation="3.0")
        made.every("@every 5m", payload="tick")
    """
)
CODE = 'def initializer(context):\n    pass\n\n\ndef handler(event, context):\n    print("EVENT " + event.decode())\n'


@pytest.mark.node
def test_a_timer_fires_when_its_time_has_come(
    tmp_path: Path, start_cloud: Callable[..., Running], assembly_of: Callable[[Path, str], Any]
) -> None:
    ahead, script = tmp_path / "ahead", tmp_path / "ahead.py"
    ahead.write_text("0")
    script.write_text(AHEAD)
    cloud = start_cloud(tmp_path / "cloud", prefix=(sys.executable, str(script), str(ahead)))
    write_build(tmp_path / "dist", code=CODE)
    (tmp_path / "app.py").write_text(APP)
    context = json.dumps({"account": cloud.account_id})
    environment = {**with_node(os.environ), "CDK_OUTDIR": "cdk.out", "CDK_CONTEXT_JSON": context}
    subprocess.run([sys.executable, "app.py"], cwd=tmp_path, env=environment, check=True)
    assembly = assembly_of(tmp_path / "cdk.out", "timed")
    for place, key, content in assembly.assets:
        bucket = cloud.bucket(place.replace("${ALIYUN::Region}", cloud.region))
        bucket.create_bucket()
        bucket.put_object(key, content)
    client = RosClient(cloud.config("ros"))
    create = ros_models.CreateStackRequest(
        region_id=cloud.region, stack_name="timed", template_body=json.dumps(assembly.template), timeout_in_minutes=10
    )
    wanted = ros_models.GetStackRequest(region_id=cloud.region, stack_id=client.create_stack(create).body.stack_id)
    wait_for(lambda: not client.get_stack(wanted).body.status.endswith("_IN_PROGRESS"), 120)
    assert client.get_stack(wanted).body.status == "CREATE_COMPLETE"

    def events() -> list[dict[str, str]]:
        lines = [
            line for log in (cloud.data / "fc" / "logs").glob("*timed-one.log") for line in log.read_text().splitlines()
        ]
        return [json.loads(line.removeprefix("EVENT ")) for line in lines if line.startswith("EVENT ")]

    assert events() == []

    def after_a_while(number: int) -> bool:
        whole = ahead.with_suffix(".new")  # never half written: the cloud reads it whenever it asks for the time
        whole.write_text(str(int(ahead.read_text()) + 10))  # in steps: a timer counts from when the cloud first sees it
        whole.replace(ahead)
        return len(events()) >= number

    wait_for(lambda: after_a_while(2))
    first, second, *_ = events()
    assert (first["payload"], first["triggerName"]) == ("tick", second["triggerName"])
    moments = [datetime.datetime.fromisoformat(each["triggerTime"]) for each in (first, second)]
    apart = (moments[1] - moments[0]).total_seconds()
    assert apart > 0
    assert apart % 300 == 0
