"""The program's verdict in Python, frame rates, canaries, intervals and the card: each against what it must say of made-up scores."""

from fractions import Fraction

import av
import numpy as np
import pytest

from truevision_training import canaries, card, clips, curves, evaluate, metrics, verdict
from truevision_training.geometry import CropRule


class Sum:
    """A stand-in for a model: a crop's embedding is one number, a window's logit what `rule` makes of eight of them."""

    frames, rate, rule = 8, 8.0, CropRule(112, 2.8, 0.36)
    contract = {"score": {"fake_at": 0.7, "real_at": 0.3}}

    def __init__(self, look, join):
        self.look, self.join = look, join

    def encode(self, crops):
        return np.array([[self.look(crop.astype(float))] for crop in crops])

    def windows(self, window):
        return np.array([self.join(w[:, 0]) for w in window]), None

    def still(self, crops):
        return 1 / (1 + np.exp(-self.windows(np.repeat(self.encode(crops)[:, None], 8, 1))[0]))


def test_a_verdict_waits_for_windows_dwell_and_hysteresis():
    def labels(*confidences):
        return verdict.told(np.log(np.array(confidences) / (1 - np.array(confidences))), 8.0, 0.7, 0.3)
    assert labels(*[0.95] * 6) == ["gathering"] * 3 + ["fake"] * 3
    assert labels(*[0.1] * 5)[3:] == ["real", "real"]
    assert verdict.alarms(labels(*[0.95] * 6)) == 1 and verdict.alarms(labels(*[0.1] * 20)) == 0
    late = labels(*[0.1] * 24, *[0.98] * 60)
    first = late.index("fake")
    assert first > 30, "the rolling mean and the dwell both take time"
    assert verdict.alarms(labels(*[0.1] * 24, *[0.98] * 60, *[0.02] * 90, *[0.98] * 60)) == 2
    assert verdict.classify("fake", 0.66, 0.7, 0.3) == "fake" and verdict.classify(None, 0.66, 0.7, 0.3) == "between"
    assert verdict.classify("real", 0.34, 0.7, 0.3) == "real" and verdict.classify(None, 0.34, 0.7, 0.3) == "between"


def test_the_rolling_confidence_is_the_programs():
    """src/verdict/rolling.rs: an exponential mean over 3 seconds, divided by its own weight."""
    values, rate = np.array([2.0, -1.0, 3.0, 0.5, 2.5, 2.2, 1.9]), 8.0
    expected = []
    for end in range(len(values)):
        weights = np.exp(-(end - np.arange(end + 1)) / rate / 3.0)
        expected.append(1 / (1 + np.exp(-(weights @ values[:end + 1]) / weights.sum())))
    for threshold in (expected[-1] - 1e-6, expected[-1] + 1e-6):
        said = verdict.told(np.tile(values, 1), rate, threshold, 0.0)
        assert (said[3] == "fake") == (expected[3] >= threshold)
    assert verdict.whole(np.array([9.0, -1.0])) == 1.5, "one window counts at most 4"
    assert verdict.whole(np.zeros(0)) == 0


@pytest.mark.parametrize("fps, times", [(10, 20), (15, 30), (30, 60), (None, 50)])
def test_other_frame_rates_leave_out_and_repeat_frames(tmp_path, fps, times):
    with av.open(str(tmp_path / "a.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for number in range(51):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((64, 64, 3), 4 * number, np.uint8), format="rgb24")))
        out.mux(stream.encode())
    with av.open(str(tmp_path / "a.mp4")) as clip:
        found = [(now, float(frame.time)) for now, frame in clips.retimed(clip.decode(video=0), fps)]
    seen = found[:times]
    assert len(found) in (times, times + 1)
    assert np.allclose([now for now, _ in seen], np.arange(times) / (fps or 25))
    assert all(-1e-6 <= now - shown < 1 / 25 + 1e-6 for now, shown in seen), "the newest frame at each tick"
    if fps == 30:
        assert len({shown for _, shown in seen}) < times, "some are shown twice"


def test_false_alarms_an_hour_have_exact_bounds():
    rate, low, high = evaluate.hourly(0, 0.5)
    assert rate == low == 0 and np.isclose(high, -np.log(0.025) / 0.5)
    rate, low, high = evaluate.hourly(3, 1.0)
    assert rate == 3 and np.isclose(low, 0.6187, atol=1e-3) and np.isclose(high, 8.767, atol=1e-2)
    assert metrics.proportion(0, 100)["high"] == pytest.approx(1 - 0.025 ** 0.01)
    both = metrics.share([1, 0, 3], [10, 10, 10])
    assert both["share"] == pytest.approx(4 / 30) and both["low"] <= both["share"] <= both["high"]


def windows(rng, difference):
    """Real and fake windows [2 n, 8, 112, 112, 3] that differ as `difference(crops, fake)` says."""
    out = []
    for _ in range(40):
        for fake in (False, True):
            crops = rng.integers(60, 120, (8, 112, 112, 3)).astype(np.uint8)
            difference(crops, fake)
            out.append(crops)
    return np.stack(out)


def test_a_painted_face_takes_a_face_detectors_judgement_and_not_a_background_detectors():
    rng = np.random.default_rng(0)

    def brighter_nose(crops, fake):
        crops[:, 55:65, 50:62] += np.uint8(40 * fake)

    def brighter_corner(crops, fake):
        crops[:, :6, :6] += np.uint8(40 * fake)
    for difference, look, survives in ((brighter_nose, lambda c: c[55:65, 50:62].mean(), False), (brighter_corner, lambda c: c[:6, :6].mean(), True)):
        model, crops = Sum(look, np.mean), windows(rng, difference)
        row = canaries.windows(model, {"cross": crops}, {"cross": np.stack([model.encode(w) for w in crops])})[0]
        assert row["plain"]["auc"] == 1
        assert (row["whole"]["auc"] > 0.9) == survives and (row["inner"]["auc"] > 0.9) == survives


def test_shuffled_frames_take_only_what_time_shows():
    rng = np.random.default_rng(0)

    def rising(crops, fake):
        crops[:] = (np.arange(8)[:, None, None, None] if fake else np.array([3, 0, 6, 1, 7, 2, 5, 4])[:, None, None, None]) * 10

    for join, lost in ((lambda v: np.diff(v).min(), True), (np.mean, False)):
        model, crops = Sum(lambda c: c.mean() + rng.normal(0, 0.01), join), windows(rng, rising)
        row = canaries.windows(model, {"drift": crops}, {"drift": np.stack([model.encode(w) for w in crops])})[0]
        assert (row["shuffled"]["auc"] < row["plain"]["auc"] - 0.2) == lost
        assert (row["moved"] > 0.05 * row["spread"]) == lost


def test_a_constant_picture_that_is_called_fake_is_noticed():
    crops = np.random.default_rng(0).integers(0, 256, (12, 112, 112, 3)).astype(np.uint8)
    found = canaries.stills(Sum(lambda c: 5.0 if c.std() < 1 else -5.0, np.mean), crops)
    assert max(found["plain_or_noise"]) > 0.9 and found["flagged"] == 0
    text = "\n".join(card.canary({"canaries": {"stills": found, "windows": [], "clips": []}}, {"fake_at": 0.7}))
    assert next(line for line in text.splitlines() if "plain colours" in line).endswith("**NOT held** |")
    assert next(line for line in text.splitlines() if "shown eight times" in line).endswith("| held |")


def test_the_reliability_plot_is_a_picture(tmp_path):
    with open(tmp_path / "r.png", "wb") as out:
        curves.reliability([(0.1, 0.2, 10), (0.8, 0.7, 30)], 0.1, out)
    assert (tmp_path / "r.png").read_bytes()[1:4] == b"PNG"
