"""The commands about stacks: open a session, call the parts, report the result. Parsing is `heavylift.cli.options`'.

The commands about calls of a function are `heavylift.cli.calls`'. Every command takes the parsed options and the output, and
returns the exit code. What only some of them need, and takes long to import (OSS's SDK, YAML), these import themselves.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from heavylift.cli.calls import invoke, read_payload, show_logs
from heavylift.cli.output import Output
from heavylift.cli.sessions import make_ros, named_stack, open_existing, open_session, synthesized
from heavylift.clouds import assembly
from heavylift.clouds.ros import Event, RefusedError, Ros, Stack, StackDefinition, StackNotFoundError
from heavylift.clouds.sdkerrors import explain
from heavylift.clouds.session import Session
from heavylift.clouds.stacks import StackFailedError, Stacks, asset_buckets, named_buckets, with_buckets
from heavylift.contracts import app
from heavylift.errors import HeavyliftError

LOCAL_INTERVAL, CLOUD_INTERVAL = 0.2, 2.0  # seconds between two looks at a stack that changes
CHANGED = 2  # exit code of `diff --exit-code` when something differs
ANY_ACCOUNT = "0" * 16  # the app of a build names resources that nobody makes
SHOWN_REASON = 400  # characters of a failure's reason in the list of events


def run(options: argparse.Namespace) -> int:
    """Run the command that the options name.

    Raises:
        HeavyliftError: it failed; also what an SDK raised is turned into one.
    """
    run_command: Callable[[argparse.Namespace, Output], int] = {
        "build": build,
        "deploy": deploy,
        "diff": diff,
        "destroy": destroy,
        "status": status,
        "outputs": outputs,
        "events": events,
        "logs": show_logs,
        "invoke": invoke,
        "push": push,
        "measure": measure,
    }[options.command]
    try:
        return run_command(options, Output(as_json=options.json))
    except HeavyliftError:
        raise
    except Exception as error:
        said = explain(error)
        if said is None:
            raise
        raise said from error


def build(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift build`: run the app, which builds the parts that have changed; no cloud is asked."""
    project = assembly.read_project(options.project.resolve())
    choices = {
        app.PYTHON: options.python,
        app.PLATFORM: options.platform,
        app.PRUNE: "false" if options.no_prune else None,
        app.STRIP: "false" if options.no_strip else None,
        app.RECORD: None if options.record is None else json.dumps([str(each.resolve()) for each in options.record]),
        app.DEPLOYS: "false" if options.python or options.platform else None,
    }
    settings = {**{name: value for name, value in choices.items() if value}, **dict(options.context)}
    facts = assembly.app_facts(account_id=ANY_ACCOUNT, is_local=not options.cloud)
    with tempfile.TemporaryDirectory(prefix="heavylift-build-") as out:
        stacks = assembly.synthesize(project, settings, facts, Path(out))
    names = [stack.name for stack in stacks]
    output.emit({"event": "built", "stacks": names}, f"everything is built: {', '.join(names)}")
    return 0


def deploy(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift deploy`: synthesize, publish the assets, create or update the stack, wait."""
    from heavylift.clouds import assets

    stack, session = synthesized(options)
    ros = make_ros(session)
    buckets = assets.bucket_names(stack.assets, session.region)
    superseded = assets.superseded_buckets(session, ros, stack.name, buckets)
    assets.publish(session, stack.assets, options.project / ".heavylift" / "uploads", output)
    definition = StackDefinition(
        template=stack.template,
        parameters=dict(options.parameter),
        tags=with_buckets(stack.tags, [*buckets, *superseded]),  # both, until the stack needs the first alone
        timeout=options.timeout,
        rollback=options.rollback,
        replace=options.replace,
    )
    try:
        deployed = _stacks(session, ros, output).deploy(stack.name, definition)
    except (RefusedError, StackFailedError):
        unused = set(buckets).difference(assets.buckets_of(ros, stack.name))  # and nothing will ever use them
        assets.remove_unused(session, ros, sorted(unused), output)
        raise
    assets.remove_unused(session, ros, superseded, output, user=stack.name)
    said = {"created": "is created", "updated": "is updated", "unchanged": "is like that already: no changes"}
    output.emit(
        {"event": "deployed", "stack": stack.name, "change": deployed.change, "outputs": dict(deployed.stack.outputs)},
        f"stack {stack.name} {said[deployed.change]}",
    )
    for key, value in deployed.stack.outputs.items():
        output.emit({"event": "output", "key": key, "value": value}, f"  {key} = {value}")
    return 0


def diff(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift diff`: show the changes that a deploy would make."""
    from heavylift.clouds import difference

    stack, session = synthesized(options)
    ros = make_ros(session)
    try:
        before = difference.parse_template(ros.template(ros.find(stack.name).id))
    except StackNotFoundError:
        output.emit({"event": "new", "stack": stack.name}, f"stack {stack.name} is not deployed yet: everything is new")
        before = {}
    changes = difference.compare(before, difference.parse_template(stack.template))
    lines = "\n".join(difference.render(changes))
    for change in changes:
        output.emit(change.record())
    output.emit(
        {"event": "diff", "stack": stack.name, "changes": len(changes)},
        lines or f"stack {stack.name}: no changes",
    )
    return CHANGED if options.exit_code and changes else 0


def destroy(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift destroy`: delete the stack and the bucket with its assets, wait."""
    from heavylift.clouds import assets

    name, session = named_stack(options)
    ros = make_ros(session)
    stack = ros.find(name)
    _confirm(options, session, name)
    ours = asset_buckets(stack)
    others = [each for each in named_buckets(ros.template(stack.id), session.region) if each not in ours]
    _stacks(session, ros, output).destroy(stack)
    assets.remove_unused(session, ros, ours, output)
    assets.tell_left(session, others, output)
    output.emit({"event": "destroyed", "stack": name}, f"stack {name} is destroyed")
    return 0


def status(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift status`: show a stack and its resources, or all stacks."""
    session = open_existing(options)
    ros = make_ros(session)
    if options.stack is None:
        found = list(ros.stacks())
        for stack in found:
            _say_stack(stack, output)
        if not found:
            output.emit({"event": "stacks", "count": 0}, f"there are no stacks in {session.region}")
        return 0
    stack = ros.find(options.stack)
    _say_stack(stack, output)
    for each in ros.resources(stack.id):
        output.emit(
            {
                "event": "resource",
                "id": each.logical_id,
                "type": each.resource_type,
                "physical_id": each.physical_id,
                "status": each.status,
                "reason": each.reason,
            },
            f"  {each.status:<20} {each.resource_type:<28} {each.logical_id}  {each.physical_id}",
        )
    return 0


def outputs(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift outputs`: show a stack's outputs, or the value of one."""
    name, session = named_stack(options)
    stack = make_ros(session).find(name)
    if options.key is not None and options.key not in stack.outputs:
        names = ", ".join(stack.outputs) or "none"
        raise HeavyliftError(f"stack {stack.name} has no output {options.key!r}; its outputs: {names}")
    for key, value in stack.outputs.items():
        if options.key in (None, key):
            output.emit(
                {"event": "output", "key": key, "value": value}, f"{value}" if options.key else f"{key} = {value}"
            )
    return 0


def events(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift events`: show the events of a stack, the newest last."""
    name, session = named_stack(options)
    ros = make_ros(session)
    for event in list(ros.events(ros.find(name).id))[::-1]:
        _say_event(event, output)
    return 0


def push(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift push`: upload the build's archives to a bucket that deployments take them from."""
    from heavylift.cdk.arguments import BUCKET, BUCKET_RULE
    from heavylift.clouds import assets
    from heavylift.clouds.archives import check_archive, is_uploaded, upload
    from heavylift.contracts.manifest import read_build

    if not BUCKET.fullmatch(options.bucket):
        raise HeavyliftError(f"--bucket {options.bucket!r} is no name of a bucket; say {BUCKET_RULE}")
    build = read_build(options.dist)
    for archive in build.archives:  # before anything leaves this machine
        check_archive(archive)
    session = open_session(options)
    bucket = session.bucket(options.bucket)
    assets.make_bucket(bucket, tagged=False)
    work = options.project / ".heavylift" / "uploads"
    work.mkdir(parents=True, exist_ok=True)
    for archive in build.archives:
        there = is_uploaded(bucket, archive.key)
        if not there:
            with output.progress(f"upload {archive.key[:28]}", archive.packed) as progress:
                upload(bucket, archive.path, archive.key, progress, checkpoints=work)
        output.emit(
            {"event": "archive", "key": archive.key, "size": archive.packed, "uploaded": not there},
            f"{'already there' if there else 'uploaded'}: {archive.key} ({archive.packed / 1e6:,.0f} MB)",
        )
    return 0


def measure(options: argparse.Namespace, output: Output) -> int:
    """Run `heavylift measure`: start the function cold, ours and the article's way, in a stack of their own."""
    from heavylift.measure.run import measure as run_measurement
    from heavylift.measure.subject import find_subject
    from heavylift.measure.summary import render

    payload = read_payload(options)
    stack, session = synthesized(options)
    subject = find_subject(stack, options.project.resolve() / "dist", options.function)
    ros = make_ros(session)
    rows = run_measurement(
        session,
        ros,
        _stacks(session, ros, output),
        subject,
        payload=payload,
        starts=options.starts,
        output=output,
    )
    for row in rows:
        output.emit({"event": "measured", **row.record()})
    places = {name: subject.properties[name] for name in ("Runtime", "Cpu", "MemorySize")}
    output.emit({"event": "end", "region": session.region}, render(rows, places))
    return 0


def _stacks(session: Session, ros: Ros, output: Output) -> Stacks:
    interval = LOCAL_INTERVAL if session.is_local else CLOUD_INTERVAL
    return Stacks(ros, lambda event: _say_event(event, output), interval=interval)


def _confirm(options: argparse.Namespace, session: Session, name: str) -> None:
    if session.is_local or options.yes:
        return
    if not sys.stdin.isatty():
        raise HeavyliftError(f"destroying {name} in {session.region} needs a confirmation: say --yes")
    if input(f"Destroy stack {name} in {session.region} (account {session.account_id})? [y/N] ").lower() != "y":
        raise HeavyliftError("nothing was destroyed")


def _say_stack(stack: Stack, output: Output) -> None:
    output.emit(
        {
            "event": "stack",
            "name": stack.name,
            "id": stack.id,
            "status": stack.status,
            "reason": stack.reason,
            "created": stack.created,
            "updated": stack.updated,
        },
        f"{stack.name}  {stack.status}  {stack.reason}".rstrip(),
    )


def _say_event(event: Event, output: Output) -> None:
    reason = f"  {event.reason[:SHOWN_REASON]}" if event.is_failure else ""
    output.emit(
        {
            "event": "progress",
            "time": event.time,
            "id": event.logical_id,
            "type": event.resource_type,
            "physical_id": event.physical_id,
            "status": event.status,
            "reason": event.reason,
        },
        f"{event.time[11:19]}  {event.status:<26} {event.resource_type:<28} {event.logical_id}{reason}",
    )
