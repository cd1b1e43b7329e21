"""The functions of SQL: each with its signature, and what it does with values."""

from __future__ import annotations

from localcloud.sls.analysis.functions import arrays, documents, numbers, texts, times
from localcloud.sls.analysis.functions.aggregates import AGGREGATES, WINDOWS
from localcloud.sls.analysis.functions.signatures import Aggregate, Function, FunctionError

__all__ = ["AGGREGATES", "FUNCTIONS", "MISSING", "WINDOWS", "Aggregate", "Function", "FunctionError"]

FUNCTIONS: dict[str, list[Function]] = {}
for _function in (*texts.TEXTS, *numbers.NUMBERS, *times.TIMES, *documents.DOCUMENTS, *arrays.ARRAYS):
    FUNCTIONS.setdefault(_function.name, []).append(_function)

_MISSING = """
    all_match any_match approx_set array_except array_intersect array_position array_remove array_transpose array_union
    arrays_overlap bitwise_and_agg bitwise_left_shift bitwise_or_agg bitwise_right_shift checksum compare current_time
    empty_approx_set entropy evaluate_classifier_predictions filter flatten format_datetime geohash group_concat hamming_distance
    histogram histogram_u human_readable_seconds index_of inverse_normal_cdf kurtosis l2_distance localtime map map_agg map_concat
    map_filter map_from_entries map_keys map_union map_values maxmap median merge multimap_agg none_match normal_cdf normalize
    numeric_histogram numeric_histogram_u parse_datetime parse_duration reduce repeat row second_to_human sequence series_padding
    shuffle skewness soundex split_to_map split_to_multimap tdigest_agg time_series timezone_hour timezone_minute to_char transform
    ts_compare width_bucket wilson_interval_lower wilson_interval_upper word_stem zip zip_with zipmap
"""
# What SLS has besides (SLS, "SQL functions"); names that begin so are among it, too.
MISSING = frozenset(_MISSING.split())
MISSING_PREFIXES = (
    *(
        "ip_",
        "ipv6_",
        "security_",
        "mobile_",
        "geo_",
        "st_",
        "ts_",
        "regr_",
        "anomaly",
        "series_",
        "cluster",
        "ml_",
        "sequence_",
    ),
    *(
        "window_funnel",
        "retention",
        "color",
        "bar",
        "rgb",
        "render",
        "is_prefix_",
        "is_subnet_",
        "hmac_",
        "xxhash",
        "beta_cdf",
    ),
    *("trace_", "http_", "promql", "gauge_", "kmeans", "isolation_", "vector_", "llm_"),
)


def is_missing(name: str) -> bool:
    """Return True if a function is SLS's, and not here."""
    return name in MISSING or name.startswith(MISSING_PREFIXES)
