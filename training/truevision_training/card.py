"""Figures in, the model card's text out. Called by the `evaluate` command; every number in the card comes from `figures`."""

import tomllib
from pathlib import Path

TRIAL = {"c40": 0.685, "live": 0.620, "twins": 8}
"""What the trial model reached on the same clips, ../shared/trial of the assignment."""


def spread(row: dict) -> str:
    return f"{row['auc']:.3f} [{row['low']:.2f}, {row['high']:.2f}]"


def verdict(figures: dict) -> str:
    """The model's point figures beside the trial's; 10 real videos a set cannot tell small differences apart."""
    c40, live = figures["c40"]["windows"]["all"]["auc"], figures["live"]["windows"]
    wins = [f"c40 {c40:.3f} against {TRIAL['c40']:.3f}: {'higher' if c40 > TRIAL['c40'] else 'NOT higher'}",
            f"live swaps {live['auc']:.3f} against {TRIAL['live']:.3f}: {'higher' if live['auc'] > TRIAL['live'] else 'NOT higher'}",
            f"fake above its twin in {live['above_twin']} of {live['fake']} against {TRIAL['twins']} of 10"]
    return "; ".join(wins) + "."


def text(folder: Path, figures: dict) -> str:
    contract = tomllib.loads((folder / "model.toml").read_text())
    score, crop = contract["score"], contract["crop"]
    c40, live, genuine, sims = figures["c40"], figures["live"], figures["genuine"], figures["simulators"]
    notes = folder / "notes.md"
    lines = [f"# {contract['name']} {contract['version']}", "", contract["note"], "", f"Against the trial: {verdict(figures)}", "",
             f"Licence and data: {contract['licence']}", "",
             f"Crop {crop['size']} px, side {crop['side']}, centre {crop['center']}. Intervals are 95 % by bootstrap over videos, windows or pictures.", ""]
    lines += [notes.read_text(), ""] if notes.is_file() else []
    lines += ["## Development clips (never trained on, no threshold fitted to them)", "", "| set | real + fake | AUC, window means | AUC, frame means |", "|---|---|---|---|"]
    for name in c40["windows"]:
        row = c40["windows"][name]
        lines.append(f"| c40 {name} | {row['real']} + {row['fake']} | {spread(row)} | {spread(c40['frames'][name])} |")
    row = live["windows"]
    lines += [f"| live swaps, right against left | {row['real']} + {row['fake']} | {spread(row)} | {spread(live['frames'])} |", "",
              f"Live swaps: fake above its own twin in {row['above_twin']} of {row['fake']} pairs.", "", "| pair | original | swap |", "|---|---|---|"]
    lines += [f"| {name} | {left:.2f} | {right:.2f} |" for name, left, right in row["pairs"]]
    lines += ["", "c40, mean window logit of every video:", "", "| video | fake | windows | frames |", "|---|---|---|---|"]
    lines += [f"| {v['name']} | {'yes' if v['fake'] else ''} | {v['windows']:.2f} | {v['frames']:.2f} |" for v in c40["videos"]]
    lines += ["", "## Held-out simulators", "", f"Held-out identities, a held-out decoder, random degradation (face 56-150 px, CRF 23-40 in three of four windows). "
              f"Calibration error {sims['ece']:.3f} (n {sims['n']}).", "", "| family | pairs | window AUC | mean of frames | above its twin |", "|---|---|---|---|---|"]
    lines += [f"| {k} | {v['pairs']} | {spread(v)} | {v['frame_means']:.3f} | {v['above_twin']:.2f} |" for k, v in sims["families"].items()]
    lines += ["", "Reliability (confidence said, share of fakes, n): " + "; ".join(f"{a:.2f} {b:.2f} {n}" for a, b, n in sims["reliability"]), "",
              f"## Genuine clips at FAKE from {score['fake_at']:.2f}, REAL up to {score['real_at']:.2f}", "",
              f"{genuine['clips']} held-out clips, {genuine['windows']} windows, {genuine['hours'] * 60:.1f} minutes, none looped. Windows flagged: "
              f"{100 * genuine['flagged']:.1f} % [{100 * genuine['low']:.1f}, {100 * genuine['high']:.1f}]; between the thresholds: {100 * genuine['unsure']:.1f} %. "
              f"These are raw windows; the product's aggregator demands more than one. Too short a time for alarms an hour: with no alarm in "
              f"{genuine['clips']} clips, up to {100 * min(1, 3 / max(1, genuine['clips'])):.0f} % of genuine clips may still alarm (rule of three).", "",
              "## Robustness: single stills through H.264", "", "| crop side in the picture, px | CRF | AUC | reals flagged |", "|---|---|---|---|"]
    lines += [f"| {r['side']} | {r['crf']} | {r['auc']:.3f} | {100 * r['flagged']:.0f} % |" for r in figures["robustness"]]
    if figures["robustness"]:
        lines += ["", f"n {figures['robustness'][0]['pairs']} pairs a cell."]
    lines += ["", "## Fairness: held-out UTKFace stills flagged", "", "| slice | n | flagged |", "|---|---|---|"]
    lines += [f"| {k} | {v['n']} | {100 * v['flagged']:.1f} % [{100 * v['low']:.1f}, {100 * v['high']:.1f}] |" for k, v in figures["fairness"].items()]
    can, speed = figures["canaries"], figures["speed"]
    lines += ["", "## Canaries", "",
              f"- Held-out stills flagged: {100 * can['flagged']:.1f} %; re-saved at JPEG 95: {100 * can['flagged_jpeg95']:.1f} % (n {can['n']}; must move less than 1 point).",
              f"- Shuffled labels: AUC {can['shuffled_labels_auc']:.2f}.",
              "- Plain colours and noise, confidence: " + ", ".join(f"{v:.2f}" for v in can["plain_or_noise"]) + " (the quality gate, not the network, must say UNCERTAIN).",
              "", "## Speed", "", f"One thread, shared machine: encoder {speed['encoder_ms']:.2f} ms a crop (fp32), head {speed['head_ms']:.2f} ms a window.", ""]
    return "\n".join(lines)
