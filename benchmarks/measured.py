"""The measured times on the documentation's page, made from the newest results.

    python -m benchmarks.measured

writes them into docs/every-model.md, between the two marks; `make bench` does so itself.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "every-model.md"
MARKS = ("<!-- measured: written by make bench -->", "<!-- measured: end -->")
ALONE = (
    "best-uk5",
    "best-uk6",
    "best-nl6",
    "boot-uk6",
    "boot-nl6",
    "best-no8",
    "best-9a",
    "best-9b",
    "best-9c",
    "averaged-uk5",
)

Result = dict[str, Any]


def newest() -> Result:
    """The last result that was written."""
    file = max((HERE / "results").glob("speed-*.json"))
    result: Result = json.loads(file.read_text(encoding="utf-8"))
    return result


def section(result: Result) -> str:
    """The part of the page that comes from a result, between the marks and with them."""
    peers = json.loads((HERE / "peers_seconds.json").read_text(encoding="utf-8"))
    timings = {row["job"]: row for row in result["timings"]}
    day = f"{datetime.fromisoformat(result['measured']):%-d %B %Y}"
    remarks: list[str] = []
    beside = []
    known = [peer for peer in peers["rows"] if peer["job"] in timings]
    for peer in known:
        row = timings[peer["job"]]
        theirs = peer.get("cpu_s") or peer["elapsed_s"]
        mark = ""
        if "remark" in peer:
            remarks.append(peer["remark"])
            mark = "*" * len(remarks)
        beside.append(
            f"| {_job(row)} | {said(theirs)}{mark.replace('*', chr(92) + '*')} "
            f"| {said(row['cpu_seconds'])} ({said(row['seconds']).replace(' ', '&nbsp;')}) |"
        )
    alone = []
    for name in ALONE:
        if "seconds" in timings.get(name, {}):
            row = timings[name]
            fits = f"{row['fits']:,}" if "fits" in row else ""
            alone.append(f"| {_job(row)} | {said(row['seconds'])} | {fits} |")
    most = max(row.get("peak_mib", 0) for row in result["timings"])
    used = list(dict.fromkeys(peer["package"] for peer in known))
    packages = "; ".join(f"{name} {peers['packages'][name]}" for name in used)
    one = len(used) == 1
    subject, whose = ("package is", "package's") if one else ("packages are", "packages'")
    notes = "".join(
        f"{chr(92) + '*'}{(chr(92) + '*') * i} {words}. " for i, words in enumerate(remarks)
    )
    growth = result["growth"]
    return "\n".join(
        [
            MARKS[0],
            "",
            f"Measured on {day} with `make bench` on {result['cores']} cores "
            f"({result['cpu']}), Python {result['python']}. The R {subject} {packages}, measured "
            f"on {peers['measured']} on a machine that describes itself alike "
            f"({peers['machine']}). Compare the processor's seconds (CPU): other work was running "
            f"during the R {whose} measurements. On the clock both cores work for `darkfigure`.",
            "",
            "| what | R, CPU | here, CPU (clock) |",
            "|---|---:|---:|",
            *beside,
            "",
            notes.strip(),
            "",
            "We found no R package to set beside these. No process of either table ever had more "
            f"than {most:,.0f} MiB of memory.",
            "",
            "| what | clock | fits |",
            "|---|---:|---:|",
            *alone,
            "",
            f"![{_lists_alt(growth['lists'])}](img/bench-lists.svg){{ width=480 }}",
            "",
            "How to read it: each dot is one synthetic table of 13,000 people, of whom about "
            "1,500 are on a list. Up to six lists every hierarchical model competes, from seven "
            "on every set of pairs. A hollow dot is a search that was stopped before the proof "
            "was complete.",
            "",
            f"![{_people_alt(growth['people'])}](img/bench-people.svg){{ width=480 }}",
            "",
            "How to read it: the same lists with a hundred to a million people on them. What costs "
            "is how many models come near the best one, and more people need not bring more.",
            "",
            f"![{_replicates_alt(growth['replicates'])}](img/bench-replicates.svg){{ width=480 }}",
            "",
            "How to read it: `bic` on uk-2013-5lists, all 6,893 models in every replicate. The "
            "memory is that of the whole process, Python and compiled code included.",
            "",
            MARKS[1],
        ]
    )


def said(seconds: float) -> str:
    """Seconds as people say them, two significant digits.

    Examples
    --------
    >>> said(0.00123), said(0.352), said(26.6), said(165), said(13115)
    ('1.2 ms', '0.35 s', '27 s', '2.8 min', '3.6 h')
    """
    if seconds < 0.1:
        return f"{_two(1000 * seconds)} ms"
    if seconds < 120:
        return f"{_two(seconds)} s"
    if seconds < 5400:
        return f"{_two(seconds / 60)} min"
    return f"{_two(seconds / 3600)} h"


def written(text: str, result: Result) -> str:
    """A page with its measured part replaced."""
    between = re.compile(f"{re.escape(MARKS[0])}.*?{re.escape(MARKS[1])}", re.DOTALL)
    return between.sub(lambda _: section(result), text)


def _two(value: float) -> str:
    rounded = float(f"{value:.2g}")
    return f"{rounded:,.0f}" if rounded >= 10 else f"{rounded:.2g}"


def _job(row: Result) -> str:
    table = row["table"].replace("synthetic-9-", "nine synthetic lists, ")
    return f"{row['what'].replace('^28', '<sup>28</sup>').replace('^36', '<sup>36</sup>')}: {table}"


def _lists_alt(rows: list[Result]) -> str:
    few, most = (n := [row["lists"] for row in rows])[0], max(n)
    proven = [row for row in rows if row["certified"]]
    far = max(row["lists"] for row in proven)
    slowest = max(row["seconds"] for row in proven)
    fastest = min(row["seconds"] for row in rows if row["lists"] == few)
    open_ones = len(rows) - len(proven)
    stopped = (
        f" Of {most} lists, {open_ones} of {sum(r['lists'] == most for r in rows)} searches were "
        f"stopped unproven after {said(max(row['seconds'] for row in rows))}."
        if open_ones
        else ""
    )
    return (
        f"Seconds to the proven best model by the number of lists: {said(fastest)} for {few} "
        f"lists, rising about evenly on a logarithmic scale to at most {said(slowest)} for {far} "
        "lists."
        f"{stopped}"
    )


def _people_alt(rows: list[Result]) -> str:
    parts = []
    for series, words in (("five", "five lists"), ("nine", "nine lists")):
        seconds = [row["seconds"] for row in rows if row["series"] == series and row["seconds"]]
        parts.append(f"{words} take {said(min(seconds))} to {said(max(seconds))}")
    return (
        "Seconds to the proven best model by the number of people observed, from 100 to 1,000,000: "
        f"{' and '.join(parts)}."
    )


def _replicates_alt(rows: list[Result]) -> str:
    first, last = rows[0], rows[-1]
    return (
        "Two charts by the number of bootstrap replicates: the time goes from "
        f"{said(first['seconds'])} for {first['replicates']:,} to {said(last['seconds'])} for "
        f"{last['replicates']:,}; the memory stays at {first['peak_mib']:.0f} to "
        f"{last['peak_mib']:.0f} MiB."
    )


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), newest()), encoding="utf-8")
    print(f"measured times written into {PAGE.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
