"""Part `ablation`: measures the worth of each improvement, as the start in mode `working-set` without it."""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bench.cloud import LINKS, Cloud, running_cloud
from bench.comparison import Samples
from bench.direct import function_settings
from bench.functions import FunctionSettings
from bench.measure import Sample, cold_start, in_turn, timings
from bench.packages import copy_code
from bench.part import Part
from bench.results import Results
from bench.unpruned import unpruned_archive
from bench.variants import VARIANTS, Variant
from heavylift.clouds.assets import zip_code
from heavylift.errors import HeavyliftError
from heavylift.runtime.settings import WORKING_SET

OURS = "heavylift, everything on (mode working-set)"
UNPRUNED = "pruned"


def run(part: Part) -> Results:
    """Measure ours and each variant over all links, in turn."""
    variants = {**VARIANTS, UNPRUNED: unpruned(part)}
    with running_cloud(part.folder) as cloud:
        for archive in part.build.archives:
            cloud.upload(archive.path, archive.key)
        ours = function_settings(part.build, cloud.endpoints)
        ours = replace(ours, environment={**ours.environment, "LoadMode": WORKING_SET})
        ways, left_out = {"ours": ours}, {}
        for name, variant in variants.items():
            with part.console.status(f"ablation: making the variant without {name} …"):
                variables = {**ours.environment, **variant.environment}
                settings = _edited(part, replace(ours, name=f"without-{name}", environment=variables), variant)
                try:
                    ways[name] = _packed(part, cloud, settings, variant)
                except HeavyliftError as error:  # packages that cannot be downloaded, for one
                    left_out[name] = str(error)
        os.sync()  # what the uploads left to be written would slow the first runs alone
        samples: dict[str, dict[str, list[Sample]]] = {link: {way: [] for way in ways} for link in LINKS}
        for link, bandwidth in LINKS.items():
            cloud.shape(bandwidth)
            for number in range(part.runs):
                for way in in_turn(ways, number):
                    with part.console.status(f"ablation: {link}, run {number + 1} of {part.runs}: without {way} …"):
                        samples[link][way].append(cold_start(cloud, ways[way])[1])
    labels = {name: variant.label for name, variant in variants.items()}
    return summarize(samples, {"ours": OURS, **labels}, left_out, runs=part.runs)


def by_worth(links: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return ours, then the variants, those first that cost most over all links: every panel has the same order."""
    worth = [each["worth"] for each in links.values()]
    return ["ours", *sorted(worth[0], key=lambda way: -sum(each[way] for each in worth))]


def without_removed(part: Mapping[str, Any]) -> tuple[Results, list[str]]:
    """Split this part's record: variants that can be measured again, and those of removed improvements.

    Returns:
        The part with the former alone; the names of the latter.
    """
    names = {"ours", UNPRUNED, *VARIANTS}
    removed = [way for way in part["labels"] if way not in names]
    links = {
        link: {**each, "worth": {way: worth for way, worth in each["worth"].items() if way in names}}
        for link, each in part["links"].items()
    }
    labels = {way: label for way, label in part["labels"].items() if way in names}
    return {**part, "labels": labels, "links": links}, removed


def unpruned(part: Part) -> Variant:
    """Return the variant whose archive holds all files with all their symbols."""
    return Variant(
        label="nothing pruned or stripped, and libraries with all of their names",
        pack=lambda _applib, folder: unpruned_archive(part.root, folder),
    )


def _edited(part: Part, settings: FunctionSettings, variant: Variant) -> FunctionSettings:
    if variant.edit is None:
        return settings
    code = copy_code(part.build.code.path, part.folder / f"code-{settings.name}")
    variant.edit(code)
    return replace(settings, code=zip_code(code))


def _packed(part: Part, cloud: Cloud, settings: FunctionSettings, variant: Variant) -> FunctionSettings:
    if variant.pack is None:
        return settings
    folder = part.folder / f"archive-{settings.name}"
    folder.mkdir()
    archive = variant.pack(part.build.applib, folder)
    cloud.upload(archive.path, archive.key)
    variables = {**settings.environment, "AppLibObject": archive.key, "AppLibDigest": archive.digest}
    return replace(settings, environment=variables)


def summarize(samples: Samples, labels: Mapping[str, str], left_out: Mapping[str, str], *, runs: int) -> Results:
    """Return this part's record for `results.json`.

    Args:
        samples: the starts of each link and variant; `ours` is one.
        labels: of all variants.
        left_out: why a variant has no samples.
        runs: of each variant and link.
    """
    links: dict[str, object] = {}
    for link, found in samples.items():
        medians = {way: statistics.median(each.seconds for each in starts) for way, starts in found.items()}
        worth = {way: round(value - medians["ours"], 2) for way, value in medians.items() if way != "ours"}
        links[link] = {**timings(found), "worth": worth}
    measured = next(iter(samples.values()))
    return {
        "runs": runs,
        "labels": {way: label for way, label in labels.items() if way in measured},
        "left_out": {labels[way]: reason for way, reason in left_out.items()},
        "links": links,
        "goals": {},
    }
