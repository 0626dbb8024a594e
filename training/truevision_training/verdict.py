"""The program's verdict over one face (docs/verdict.md, src/verdict/) with its default settings. Log-odds of windows in, what the
program would tell out. Called by evaluate. Every window has the full quality weight here: the gate's weights are not known.
"""

import numpy as np

TIME_CONSTANT_S = 3.0
CLIP_LOG_ODDS = 4.0
MIN_WINDOWS = 4
DWELL_S = 0.5
HYSTERESIS = 0.05
FAKE, BETWEEN, REAL, GATHERING = "fake", "between", "real", "gathering"


def whole(log_odds: np.ndarray) -> float:
    """A file's log-odds: the plain mean of the clipped ones; 0, undecided, without a window."""
    return float(np.clip(log_odds, -CLIP_LOG_ODDS, CLIP_LOG_ODDS).mean()) if len(log_odds) else 0.0


def classify(told: str | None, confidence: float, fake_at: float, real_at: float) -> str:
    """A label that was told is left only beyond its threshold by the hysteresis."""
    if confidence >= (fake_at - HYSTERESIS if told == FAKE else fake_at):
        return FAKE
    return BETWEEN if confidence > (real_at + HYSTERESIS if told == REAL else real_at) else REAL


def told(log_odds: np.ndarray, rate: float, fake_at: float, real_at: float) -> list[str]:
    """What is told after each window of one face, the windows `1 / rate` seconds apart."""
    total = weight = 0.0
    decay, said, pending, labels = np.exp(-1 / (rate * TIME_CONSTANT_S)), None, None, []
    for number, value in enumerate(np.clip(log_odds, -CLIP_LOG_ODDS, CLIP_LOG_ODDS)):
        total, weight = total * decay + value, weight * decay + 1
        if number + 1 < MIN_WINDOWS:
            labels.append(GATHERING)
            continue
        found, now = classify(said, float(1 / (1 + np.exp(-total / weight))), fake_at, real_at), number / rate
        since = pending[1] if pending and pending[0] == found else now
        if said is None or said == found or now - since >= DWELL_S - 1e-9:
            said, pending = found, None
        else:
            pending = (found, since)
        labels.append(said)
    return labels


def alarms(labels: list[str]) -> int:
    """How often the label becomes FAKE."""
    return sum(now == FAKE and before != FAKE for before, now in zip([GATHERING, *labels], labels))
