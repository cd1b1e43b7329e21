"""The report of `make bench`: a page and pictures from `results.json`, whichever parts it holds.

`python -m bench.results_page` writes it anew without measuring anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import published
from bench.ablation import by_worth, without_removed
from bench.libraries_page import render_libraries
from bench.markdown import left_out, paragraphs, table
from bench.results import read_results
from bench.scaling import slopes

Section = Mapping[str, Any]  # JSON: what one part reports
FOLDER = Path("docs/bench")


def write_report(results: Mapping[str, Any], folder: Path) -> None:
    """Write the page, and a picture for each part that has one."""
    from bench.plots import draw_parts  # with matplotlib, which no test of the rest needs to wait for

    draw_parts(results["parts"], folder)
    (folder / "README.md").write_text(render(results), encoding="utf-8")


def render(results: Mapping[str, Any]) -> str:
    """Return the page, as Markdown."""
    machine, versions = results["machine"], results["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "python")
    lines = [
        "# Cold starts, measured",
        "",
        f"Written by `make bench` on {machine['cores']} cores ({machine['cpu']}), {machine['memory'] / 1e9:.0f} GB of memory, "
        f"Linux {machine['system']}, Python {versions['python']}; {named}. [results.json](results.json) holds every run.",
        "",
        *_goals(results["goals"]),
    ]
    for name, section in _SECTIONS.items():
        if name in results["parts"]:
            lines += ["", *section(results["parts"][name])]
    return "\n".join(lines) + "\n"


def _goals(goals: Mapping[str, Any]) -> list[str]:
    rows = [[name, each["value"], each["goal"], "met" if each["met"] else "missed"] for name, each in goals.items()]
    return table(["goal", "measured", "wanted", ""], rows)


def _start(part: Section) -> list[str]:
    links, alone, touches = part["links"], part["alone"], part["touches"]
    rows = [
        [label, *(f"{each['median'][way]:.2f} ({each['worst'][way]:.2f})" for each in links.values())]
        for way, label in part["labels"].items()
    ]
    image = published.ACCELERATED_IMAGE
    rows.append([image.label, *(f"{image.seconds:.0f} in all" for _ in links)])
    rows.append(["**limit**", *(f"{each['limit']:.2f}" for each in links.values())])
    rows.append(["limit with the embedded OSS on the same cores", *(f"{each['here']:.2f}" for each in links.values())])
    if "ready" in part:
        rows.append(["**limit of the working set**", *(f"{each['ready']:.2f}" for each in links.values())])
    return [
        "## How long does a start take?",
        "",
        "![Seconds to the first picture, by way and link](start.png)",
        "",
        "Process start to the first picture in OSS, seconds as the caller sees them, median (worst) of "
        f"{part['runs']} runs, in turn:",
        "",
        *table(["way", *links], rows),
        "",
        "The limit is the larger of the bytes on the wire divided by the bandwidth, and the CPU seconds divided by the cores: "
        f"{part['archive']['packed'] / 1e6:,.0f} MB; {alone['load']:.2f} s to verify, inflate and write, "
        f"{alone['import']:.2f} s to import, "
        f"measured on their own in the same run. {_most(links)}An import runs on one core, so no start on two cores reaches it; "
        "it is measured as a start of ours imports, with [all that shortens one](../decisions/import-of-a-start.md). "
        "Here the embedded "
        f"cloud works on the same cores, too, which a real one does not: {_each(links, 'cloud')} of CPU for one start of ours.",
        "",
        f"The whole machine spent {_each(links, 'machine')} of CPU on one start of ours; the parts on their own and the cloud "
        f"add up to {_each(links, 'parts')}. What more it takes to run side by side is not in the limit, nor is what the host of a "
        f"virtual machine takes to give it memory: {touches['rested']} µs for the first touch of a page that lay free for some "
        f"seconds, {touches['again']} µs where the host still has it. A start touches {part['pages']:,} pages.",
        *_working_set(part),
        *paragraphs([*part["notes"], published.explain()]),
        *left_out(part["left_out"]),
    ]


def _working_set(part: Section) -> list[str]:
    if "ready" not in part:
        return []
    ready, alone = part["ready"], part["alone"]
    return [
        "",
        "In mode `working-set` a start waits for what a recorded one used, and the rest follows while requests run. Its limit is "
        "the largest of three: the bytes of the working set divided by the bandwidth, the CPU seconds of the import, which one "
        f"core has to spend, and all CPU seconds divided by the cores: {part['archive']['working_set'] / 1e6:,.0f} MB; "
        f"{alone['working_set']:.2f} s to verify, inflate and write these. Before it was ready, a start fetched "
        f"{ready['fetched'] / 1e6:,.0f} MB and wrote {ready['written'] / 1e6:,.0f} MB of files.",
    ]


def _ablation(measured: Section) -> list[str]:
    part, removed = without_removed(measured)
    links = part["links"]
    rows = [
        [
            part["labels"][way],
            *(
                f"{each['median'][way]:.2f} ("
                + (f"{each['worth'][way]:+.2f}; " if way != "ours" else "")
                + f"{each['worst'][way]:.2f})"
                for each in links.values()
            ),
        ]
        for way in by_worth(links)
    ]
    return [
        "## What is each improvement worth?",
        "",
        "![Seconds to the first picture without each improvement](ablation.png)",
        "",
        "The start in mode `working-set` with one thing switched off, "
        f"median of {part['runs']} runs (the seconds that it adds; the worst run):",
        "",
        *table(["", *links], rows),
        *_removed(measured, removed),
        *left_out(part["left_out"]),
    ]


def _removed(part: Section, ways: Sequence[str]) -> list[str]:
    costs = [
        ", ".join(
            [part["labels"][way], *(f"{each['worth'][way]:+.2f} s at {link}" for link, each in part["links"].items())]
        )
        for way in ways
    ]
    if not costs:
        return []
    return [
        "",
        "All starts of heavylift on this page had improvements that have been taken out since. Without one of them, "
        f"in the same runs: {'; '.join(costs)}.",
    ]


def _scaling(part: Section) -> list[str]:
    links = part["links"]
    rows = [
        [
            same[0]["name"] or "synthetic",
            f"{same[0]['packed'] / 1e6:,.0f}",
            f"{same[0]['unpacked'] / 1e6:,.0f}",
            f"{same[0]['files']:,}",
            *(f"{point['median']:.2f} ({point['limit']:.2f}; {point['here']:.2f})" for point in same),
        ]
        for series in ("points", "real")
        for same in zip(*(each[series] for each in links.values()), strict=True)
    ]
    return [
        "## How does a load grow with the archive?",
        "",
        "![Seconds of a load by size of the archive](scaling.png)",
        "",
        "Synthetic archives (large libraries and small files, half noise) and real ones, loaded for a function that imports "
        "nothing: seconds of the load from the start's log line. In brackets the limit; and what it is when the CPU seconds of the "
        "embedded OSS, which works on the same cores, count as well.",
        "",
        *table(["archive", "MB packed", "MB unpacked", "files", *links], rows),
        "",
        f"Growth from each synthetic size to the next, and between the real ones, times the limit's: {_growth(links, 'limit')}. "
        f"Times that of the limit with the embedded OSS on the same cores: {_growth(links, 'here')}.",
        *left_out(part["left_out"]),
    ]


def _build(part: Section) -> list[str]:
    cold, rebuild = part["cold"], part["rebuild"]
    titles = list(dict.fromkeys([*cold["steps"], *rebuild["steps"]]))
    rows = [[title, _step(cold["steps"].get(title)), _step(rebuild["steps"].get(title))] for title in titles]
    rows.append(["**all**", f"{cold['seconds']:.1f}", f"{rebuild['seconds']:.1f}"])
    alone = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in part["alone"].items())
    together = sum(part["alone"].values())
    return [
        "## How long does a build take?",
        "",
        "The applib from an empty cache, and again after one requirement was added (packages that changed: "
        f"{', '.join(rebuild['changed']) or 'none'}); seconds (files or bytes worked on):",
        "",
        *table(["step", "cold", "one requirement added"], rows),
        "",
        f"What no cold build avoids, each alone on all cores: {alone}. One after the other, they take "
        f"{together:.1f} s; the cold build takes {cold['seconds'] / together:.2f} times that.",
    ]


def _cloud(part: Section) -> list[str]:
    first, again, ours, nginx, listing = (part[name] for name in ("first", "again", "ours", "nginx", "listing"))
    servers = [ours, *([nginx] if nginx else [])]
    rows = {  # label -> what it is, and in which unit
        "4 MiB out of a large object, several connections, MB/s": ("ranged", 1e6),
        "4 MiB out of a large object, one connection, MB/s": ("one", 1e6),
        "1 KB, one connection, GETs a second": ("small", 1),
        "1 KB, GETs a second of one core of the server": ("small_core", 1),
    }
    rates = [[label, *(f"{each[name] / unit:,.0f}" for each in servers)] for label, (name, unit) in rows.items()]
    beside = "; nginx serves the same files to the same client, and looks at none of that" if nginx else ""
    return [
        "## How fast is the embedded cloud?",
        "",
        f"Medians of {part['runs']} runs. A start in an empty folder takes {first['seconds']:.2f} s ({first['busy']:.2f} s of CPU) "
        f"until it is ready, in a folder that was used {again['seconds']:.2f} s ({again['busy']:.2f} s). Idle, it holds "
        f"{first['memory'] / 1e6:.1f} MB, and {again['memory'] / 1e6:.1f} MB (proportional share of all its processes).",
        "",
        f"GETs that are signed with V4, each checked, authorized and looked up{beside}:",
        "",
        *table(["", "embedded OSS", *(["nginx"] if nginx else [])], rates),
        "",
        f"Listings: {listing['flat']:,.0f} keys a second in pages of 1,000, {listing['prefix']:,.0f} below one prefix; "
        f"{listing['rolled'] * 1e3:.0f} ms for a page on which a delimiter rolls all of them up.",
        *left_out(part["left_out"]),
    ]


_SECTIONS: Mapping[str, Callable[[Section], list[str]]] = {
    "start": _start,
    "libraries": render_libraries,
    "ablation": _ablation,
    "scaling": _scaling,
    "build": _build,
    "cloud": _cloud,
}


def _step(step: Mapping[str, Any] | None) -> str:
    if step is None:
        return "–"
    return f"{step['seconds']:.1f}" + (f" ({step['amount']:,})" if "amount" in step else "")


def _growth(links: Mapping[str, Any], bound: str) -> str:
    texts = []
    for link, each in links.items():
        synthetic, real = (
            ", ".join(f"{it:.2f}" for it in slopes(each[series], bound)) for series in ("points", "real")
        )
        texts.append(f"{link}: {synthetic}, and {real or 'none'}")
    return "; ".join(texts)


def _most(links: Mapping[str, Any]) -> str:
    ratios = [
        f"{each['median']['article'] / each['limit']:.1f} times at {link}"
        for link, each in links.items()
        if "article" in each["median"]
    ]
    return f"The article's way takes it {', '.join(ratios)}: no start is faster by more. " if ratios else ""


def _each(links: Mapping[str, Any], name: str) -> str:
    return ", ".join(f"{each[name]:.2f} s at {link}" for link, each in links.items())


if __name__ == "__main__":
    write_report(read_results(FOLDER / "results.json"), FOLDER)
