"""The cloud and the stack that a command is about, as its options name them."""

from __future__ import annotations

import argparse
import os

from heavylift.cli.output import tell_started
from heavylift.clouds import assembly, background
from heavylift.clouds.ros import TRIES, Ros
from heavylift.clouds.session import Session, cloud_session, local_session
from heavylift.errors import HeavyliftError

LOCAL_TRIES = 3  # of one call of ROS


def open_session(options: argparse.Namespace) -> Session:
    """Return the session that the options ask for; the embedded cloud is started when it does not run.

    Raises:
        HeavyliftError: it does not start, or there are no credentials.
    """
    _check_profile(options)
    if options.cloud:
        return cloud_session(options.cloud, profile=options.profile, environment=os.environ)
    data = options.data.resolve()
    endpoints, started = background.ensure_running(data)
    if started:
        tell_started(data)
    return local_session(endpoints, data)


def open_existing(options: argparse.Namespace) -> Session:
    """Return the session for what is there already: without a project no embedded cloud is started that never was.

    Raises:
        HeavyliftError: there is neither a project nor data of an embedded cloud, and what `open_session` raises.
    """
    if not options.cloud and not options.data.exists():
        assembly.read_project(options.project.resolve())
    return open_session(options)


def _check_profile(options: argparse.Namespace) -> None:
    if options.profile and not options.cloud:
        raise HeavyliftError("--profile names an account of Alibaba Cloud: say --cloud REGION as well")


def synthesized(options: argparse.Namespace) -> tuple[assembly.SynthesizedStack, Session]:
    """Run the app, and return the stack that is meant; an embedded cloud is started only when that is well."""
    project = assembly.read_project(options.project.resolve())
    _check_profile(options)
    session = open_session(options) if options.cloud else None
    account_id = session.account_id if session else background.account_id(options.data.resolve())
    facts = assembly.app_facts(account_id=account_id, is_local=session is None)
    stacks = assembly.synthesize(project, dict(options.context), facts, project.folder / "cdk.out")
    return assembly.select(stacks, options.stack), session or open_session(options)


def named_stack(options: argparse.Namespace) -> tuple[str, Session]:
    """Return the name that was given, else `stackName` of the settings, else that of the app's only stack; and the session."""
    name = options.stack
    if not name:
        name = assembly.stack_name(
            {**assembly.read_project(options.project.resolve()).context, **dict(options.context)}
        )
    if name:
        return str(name), open_existing(options)
    stack, session = synthesized(options)
    return stack.name, session


def make_ros(session: Session) -> Ros:
    """Return the client of a session's ROS."""
    # On loopback nothing is throttled or far away: what does not answer soon has ended.
    return Ros(session.ros_client(), session.region, tries=LOCAL_TRIES if session.is_local else TRIES)
