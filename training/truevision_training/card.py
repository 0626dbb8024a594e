"""Figures in, the model card's text out. Called by the `evaluate` command; every number in the card comes from `figures`.

What is not a figure, the model's story and limits, stands in `notes.md` of the model folder and is copied in.
"""

import json
import tomllib
from pathlib import Path

from . import canaries

TRIAL = {"name": "trial-112", "c40": 0.685, "live": 0.620, "twins": 8}
"""What the trial's makers measured on the same clips with their own cropper."""


def spread(row: dict) -> str:
    return f"{row['auc']:.3f} [{row['low']:.2f}, {row['high']:.2f}]"


def percent(row: dict) -> str:
    return f"{100 * row['share']:.1f} % [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def table(heads: list[str], rows: list[list]) -> list[str]:
    return ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(str(v) for v in row) + " |" for row in rows), ""]


def verdict(figures: dict) -> str:
    """The model's point figures beside the trial's; 10 real videos a set cannot tell small differences apart."""
    c40, live = figures["labelled"]["windows"]["all"]["auc"], figures["live"]["windows"]
    return "; ".join([f"c40 {c40:.3f} against {TRIAL['c40']:.3f}: {'higher' if c40 > TRIAL['c40'] else 'NOT higher'}",
                      f"live swaps {live['auc']:.3f} against {TRIAL['live']:.3f}: {'higher' if live['auc'] > TRIAL['live'] else 'NOT higher'}",
                      f"fake above its twin in {live['above_twin']} of {live['fake']} against {TRIAL['twins']} of 10"]) + "."


def development(figures: dict) -> list[str]:
    tree, live = figures["labelled"], figures["live"]
    if not tree and not live:
        return ["## Clips with fakes", "", "None were given.", ""]
    rows = [[f"{tree['name']} {name}", f"{row['real']} + {row['fake']}", spread(row), spread(tree["frames"][name])]
            for name, row in tree["windows"].items()] if tree else []
    if live:
        rows.append(["live swaps, right against left half", f"{live['windows']['real']} + {live['windows']['fake']}", spread(live["windows"]), spread(live["frames"])])
    lines = ["## Clips with fakes (never trained on, no threshold fitted to them)", "",
             f"At most {figures['longest_s']:.0f} s of each, seen as the program sees it.", "",
             *table(["set", "real + fake", "AUC, program's aggregator", "AUC, frame means"], rows)]
    if live:
        lines += [f"Live swaps: fake above its own twin in {live['windows']['above_twin']} of {live['windows']['fake']} pairs. Log-odds of both halves:", "",
                  *table(["pair", "original", "swap"], [[name, f"{left:.2f}", f"{right:.2f}"] for name, left, right in live["windows"]["pairs"]])]
    if tree:
        lines += [f"{tree['name']}, log-odds of every video (aggregator, clipped at 4) and mean frame logit:", "",
                  *table(["video", "fake", "aggregator", "frames"], [[v["name"] + (" (no full window)" if v["without_window"] else ""),
                         "yes" if v["fake"] else "", f"{v['windows']:.2f}", f"{v['frames']:.2f}"] for v in tree["videos"]])]
    return lines


def simulators(figures: dict) -> list[str]:
    sims = figures["simulators"]
    return ["## Held-out simulators", "", "Held-out identities, a held-out decoder, random degradation (face 56-260 px, CRF 23-42 in three of four windows).", "",
            *table(["family", "pairs", "window AUC", "mean of frames", "above its twin"],
                   [[k, v["pairs"], spread(v), f"{v['frame_means']:.3f}", f"{v['above_twin']:.2f}"] for k, v in sims["families"].items()]),
            "## Calibration on held-out simulators", "", f"Expected calibration error {sims['ece']:.3f} (ten bins, n {sims['n']}), plotted in [reliability.png](reliability.png).", "",
            *table(["confidence said", "share of fakes", "n"], [[f"{said:.2f}", f"{found:.2f}", n] for said, found, n in sims["reliability"]])]


def alarms(row: dict) -> str:
    rate, low, high = row["hourly"]
    return f"{row['alarms']} ({rate:.1f} an hour [{low:.1f}, {high:.0f}])"


def genuine(figures: dict, score: dict) -> list[str]:
    row = figures["genuine"]
    heading = f"## Genuine clips at FAKE from {score['fake_at']:.2f}, REAL up to {score['real_at']:.2f}"
    if not row or not row["windows"]:
        return [heading, "", "No held-out genuine clip was given, or no face was found in any.", ""]
    return [heading, "", f"{row['clips']} held-out clips, {row['windows']} windows, {row['hours'] * 60:.1f} minutes, none looped; {row['without_window']} clips gave no window. "
            "What the program's rolling verdict tells with its default settings, every window at full quality weight; the quality gate, which "
            "keeps poor crops back, is not part of it.", "",
            *table(["", "value"], [["false alarms (label becomes FAKE)", alarms(row)], ["genuine clips with an alarm", f"{row['alarmed_clips']} of {row['clips']}"],
                                   ["share of time FAKE", percent(row["told_fake"])], ["share of time UNCERTAIN", percent(row["unsure"])],
                                   ["single windows at FAKE", percent(row["windows_flagged"])]]),
            "The interval of the alarms an hour is exact Poisson; the shares' are by bootstrap over clips. "
            f"{row['hours'] * 60:.1f} minutes cannot show a rate below about {3 / row['hours']:.0f} an hour.", ""]


def robust(figures: dict) -> list[str]:
    rows, rates = figures["robustness"], figures["frame_rates"]
    lines = ["## Robustness", "", f"Single stills, self-blended and cross-identity, through H.264; n {rows[0]['pairs']} pairs a cell.", "",
             *table(["crop side in the picture, px", "CRF", "AUC", "reals flagged"], [[r["side"], r["crf"], spread(r), f"{100 * r['flagged']:.0f} %"] for r in rows])]
    if any("labelled" in r or "genuine" in r for r in rates):
        lines += ["The clips as cameras of other frame rates give them (frames left out or shown twice before the program's own choice of frames):", "",
                  *table(["frames a second", "AUC of the labelled clips", "false alarms on genuine clips", "UNCERTAIN on genuine clips"],
                         [[r["fps"], spread(r["labelled"]) if "labelled" in r else "", alarms(r["genuine"]) if "genuine" in r else "",
                           percent(r["genuine"]["unsure"]) if "genuine" in r else ""] for r in rates])]
    return lines


def fairness(figures: dict) -> list[str]:
    if not figures["fairness"]:
        return ["## Fairness", "", "The pack holds no held-out UTKFace picture, whose names carry age, gender and race.", ""]
    return ["## Fairness: held-out UTKFace stills", "", "Genuine pictures told FAKE, and not told REAL; exact intervals.", "",
            *table(["slice", "n", "flagged", "not REAL"], [[k, v["n"], percent(v["flagged"]), percent(v["not_real"])] for k, v in figures["fairness"].items()])]


def held(good: bool) -> str:
    return "held" if good else "**NOT held**"


def canary(figures: dict, score: dict) -> list[str]:
    found, chance = figures["canaries"], canaries.CHANCE
    still = found["stills"]
    moved, worst = abs(still["flagged"] - still["flagged_jpeg95"]), max(still["plain_or_noise"])
    labels = still["shuffled_labels"]
    rows = [["held-out stills shown eight times, told FAKE", f"{100 * still['flagged']:.1f} % (n {still['n']})", "under 5 %", held(still["flagged"] < 0.05)],
            ["the same saved at JPEG 95", f"{100 * still['flagged_jpeg95']:.1f} %", "moves less than 1 point", held(moved < 0.01)],
            ["plain colours and noise, highest confidence", f"{worst:.2f}", f"below FAKE ({score['fake_at']:.2f})", held(worst < score["fake_at"])],
            ["shuffled labels", spread(labels), "0.5 in the interval", held(labels["low"] <= 0.5 <= labels["high"])]]
    for row in found["windows"]:
        for area in ("inner", "whole"):
            if area in row:
                rows.append([f"{row['family']} windows, {area} face painted over", f"{spread(row[area])}, before {row['plain']['auc']:.3f}",
                             f"below {chance}" if area == "whole" else "lower than before",
                             held(row[area]["auc"] < (chance if area == "whole" else row["plain"]["auc"]))])
    clips = found["clips"]
    for row in clips[1:]:
        whole = row["name"].startswith("whole")
        rows.append([f"clips with fakes, {row['name']}", f"{spread(row)}, before {clips[0]['auc']:.3f}", f"below {chance}" if whole else "lower than before",
                     held(row["auc"] < (chance if whole else clips[0]["auc"]))])
    lines = ["## Canaries", "", *table(["canary", "found", "expected", ""], rows),
             "Frames of a window in another order: what time is worth to the head. A drop in drift and lag is wanted, none elsewhere.", "",
             *table(["family", "ordered", "shuffled", "mean change of the logit, in its deviations"],
                    [[r["family"], spread(r["plain"]), spread(r["shuffled"]), f"{r['moved'] / max(1e-9, r['spread']):.3f}"] for r in found["windows"]])]
    timed = [r for r in found["windows"] if r["family"] in ("drift", "lag")]
    if all(r["plain"]["auc"] - r["shuffled"]["auc"] < 0.02 for r in timed):
        lines += ["Shuffling costs drift and lag nothing: **this model does not use the order of frames**.", ""]
    return lines


def synthetic(figures: dict, contract: dict) -> list[str]:
    if "synthetic_logit" not in contract["head"]:
        return ["## Synthetic head", "", "This model has none.", ""]
    if not figures["synthetic"]:
        return ["## Synthetic head", "", "Not measured: no folder of generated faces was given (GENERATED=FOLDER).", ""]
    return ["## Synthetic head by size", "", *table(["crop side in the picture, px", "real + generated", "AUC", "reals flagged", "generated flagged"],
            [[r["side"], f"{r['real']} + {r['made']}", spread(r), f"{100 * r['real_flagged']:.0f} %", f"{100 * r['made_flagged']:.0f} %"] for r in figures["synthetic"]])]


def envelope(folder: Path) -> list[str]:
    """What the `envelope` command measured, when it was given this model."""
    file = folder / "envelope.json"
    if not file.is_file():
        return []
    found = json.loads(file.read_text())
    rows = [[f"{c['side']}", c["crf"], f"{c['rate']:g}", f"{c['bits']:.2f}", f"{c['above_twin']} of {c['clips']}", f"{c['auc']:.2f}",
             *(f"{c['flagged'][share]:.0%} ({c['flagged_own'][share]:.0%})" for share in found["at"]), f"{c['told_real']:.0%}"] for c in found["cells"]]
    return ["## Envelope: where a live swap is seen", "",
            f"{len(found['clips'])} held-out clips, each swapped by the swapper of {found['people']} held-out clips, at many sizes, qualities and frame rates "
            "(H.264). Seen: share of a swap's windows flagged where 1 % and 5 % of all genuine windows are, in brackets of that cell's own. Made by `make envelope`; the same is drawn in "
            "[envelope.png](envelope.png). A face is about half as wide as the crop.", "",
            *table(["crop, px", "CRF", "frames/s", "bits/pixel", "swap above its twin", "AUC of windows", "seen at 1 %", "seen at 5 %",
                    "swap's windows told REAL"], rows)]


def text(folder: Path, figures: dict) -> str:
    contract = tomllib.loads((folder / "model.toml").read_text())
    score, crop, notes, speed = contract["score"], contract["crop"], folder / "notes.md", figures["speed"]
    lines = [f"# {contract['name']} {contract['version']}", "", contract["note"], ""]
    if contract["name"] != TRIAL["name"] and figures["labelled"] and figures["live"]:
        lines += [f"Against the trial's own published figures: {verdict(figures)}", ""]
    lines += [f"Licence and data: {contract['licence']}", "",
              f"Crop {crop['size']} px, side {crop['side']}, centre {crop['center']}. Intervals are 95 %, by bootstrap over videos, windows or pictures where nothing else is said. "
              "All figures below were made by `make evaluate`.", ""]
    lines += [notes.read_text().strip(), ""] if notes.is_file() else []
    for part in (development(figures), simulators(figures), genuine(figures, score), robust(figures), fairness(figures), canary(figures, score),
                 synthetic(figures, contract), envelope(folder)):
        lines += part
    lines += ["## Speed", "", f"One thread, shared machine: encoder {speed['encoder_ms']:.2f} ms a crop, head {speed['head_ms']:.2f} ms a window.", ""]
    return "\n".join(lines)
