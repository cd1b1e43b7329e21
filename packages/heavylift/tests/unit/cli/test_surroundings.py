"""What a demonstration says of the machine that it runs on."""

from __future__ import annotations

import os

from heavylift.report.surroundings import Surroundings, cpu_seconds, first_touch


def test_the_words_have_the_figures_of_cores_cloud_and_memory() -> None:
    said = Surroundings(cores=2, cloud=1.94, touch=14.0, unpacked=1_073_741_824).explain()
    assert "its 2 cores with the embedded cloud, which worked 1.9 s of CPU" in said
    assert "costs 14.0 µs here" in said
    assert "3.7 s of work for the 1,074 MB of files" in said


def test_a_process_and_a_page_cost_something() -> None:
    before = cpu_seconds(os.getpid())
    assert first_touch(64) > 0
    assert cpu_seconds(os.getpid()) >= before > 0
