"""Readers on generated trees, the split, bad input, the crop rule, the simulators' promises."""

import json

import cv2
import numpy as np
import pytest

from truevision_training import blend, cli, codec, geometry, prep, readers
from truevision_training.errors import UserError
from truevision_training.pack import Pack
from truevision_training.stills import FAMILY_SHARES, Stills, eigenfaces
from truevision_training.windows import FAMILIES, Windows


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_a_prep_that_breaks_off_leaves_an_earlier_pack_whole(tmp_path):
    file, crop = tmp_path / "stills.npy", np.full((prep.SIZE, prep.SIZE, 3), 7, np.uint8)
    first = prep.Rows(file)
    first.append(crop)
    first.close()
    prep.Rows(file).append(0 * crop)  # never closed
    again = prep.Rows(tmp_path / "clips.npy")
    for _ in range(12):
        again.append(crop)
    again.close()
    assert np.load(file).shape == (1, *crop.shape) and (np.load(file) == 7).all()
    assert np.load(tmp_path / "clips.npy", mmap_mode="r").shape == (12, *crop.shape)


def test_layouts_are_told_apart_and_read(tmp_path):
    touch(tmp_path / "ff/original_sequences/youtube/c23/videos/000.mp4", tmp_path / "ff/manipulated_sequences/Deepfakes/c23/videos/000_003.mp4",
          tmp_path / "celeb/Celeb-real/id3_0001.mp4", tmp_path / "celeb/Celeb-synthesis/id3_id5_0001.mp4", tmp_path / "celeb/YouTube-real/00001.mp4",
          tmp_path / "dfdc/a.mp4", tmp_path / "dfdc/b.mp4", tmp_path / "tree/real/1.png", tmp_path / "tree/fake/Face2Face_1_2.mp4", tmp_path / "plain/x.jpg")
    (tmp_path / "dfdc/metadata.json").write_text(json.dumps({"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE", "original": "a.mp4"}}))
    expected = {"ff": ("faceforensics", 1, 1), "celeb": ("celeb-df", 2, 1), "dfdc": ("dfdc", 1, 1), "tree": ("real-fake", 1, 1), "plain": ("faces", 1, 0)}
    for name, (layout, real, fake) in expected.items():
        items = readers.read(tmp_path / name)
        assert readers.detect_layout(tmp_path / name) == layout
        assert [sum(i.real for i in items), sum(not i.real for i in items)] == [real, fake]
    for name in ("ff", "celeb", "dfdc"):
        items = readers.read(tmp_path / name)
        fake = next(i for i in items if not i.real)
        assert any(i.real and i.identity == fake.identity for i in items), "a fake stays with its target's identity"


@pytest.mark.parametrize("text, remedy", [("{", "fetch this part"), ('{"a.mp4": {"label": "MAYBE"}}', "correct or remove")])
def test_wrong_metadata_names_file_and_remedy(tmp_path, text, remedy):
    (tmp_path / "metadata.json").write_text(text)
    with pytest.raises(UserError, match="metadata.json.*" + remedy):
        readers.read(tmp_path, "dfdc")


def test_empty_missing_and_faceless_folders(tmp_path):
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UserError, match=str(folder)):
            readers.read(folder)
    touch(tmp_path / "fake/a.png")
    with pytest.raises(UserError, match="no real face"):
        prep.build(readers.read(tmp_path, "real-fake"), tmp_path / "pack", tmp_path, geometry.CropRule(), set())


def test_damaged_pack_says_so(tmp_path):
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(UserError, match="damaged.*prep"):
        Pack(tmp_path)


def test_split_divides_no_identity_and_no_source(pack_folder):
    files = json.loads((pack_folder / "manifest.json").read_text())["files"]
    for key in ("identity", "source"):
        sides = [{f[key] for f in files if f["split"] == side} for side in ("train", "held-out")]
        assert sides[0] and sides[1] and not sides[0] & sides[1]
    assert prep.held_out("a/b") == prep.held_out("a/b")
    assert 0.06 < np.mean([prep.held_out(f"x/{i}") for i in range(5000)]) < 0.1
    assert readers.person("styletalk_clips_Obama_clip3") == readers.person("styletalk_source_Obama_clip1")


def test_crop_rule_centres_levels_and_scales():
    points = np.array([[40.0, 60.0], [80.0, 60.0], [60, 80], [60.0, 100.0]])
    rule = geometry.CropRule(112, 2.8, 0.36)
    centre, side, roll = geometry.square(points, rule)
    assert np.allclose(centre, (60, 74.4)) and np.isclose(side, 112) and roll == 0
    image = np.zeros((200, 200, 3), np.uint8)
    image[74, 60] = 255
    assert np.unravel_index(geometry.crop(image, points, rule)[..., 0].argmax(), (112, 112)) in {(55, 56), (56, 56), (55, 55), (56, 55)}
    turned = points @ np.array([[0, 1], [-1, 0]])
    assert np.isclose(geometry.square(turned, rule)[2], np.pi / 2)


def test_codec_returns_every_frame_for_both_members():
    rng = np.random.default_rng(0)
    members = [[np.full((48 + 2 * i, 48 + 2 * i, 3), 60 + 20 * i, np.uint8) for _ in range(3)] for i in range(5)]
    for before, after in zip(members, codec.together(members, 23)):
        assert len(after) == 3 and after[0].shape == before[0].shape
        assert abs(float(after[2].mean()) - float(before[2].mean())) < 4
    noisy = rng.integers(0, 256, (64, 64, 3), np.uint8)
    assert np.abs(codec.h264([noisy], 40)[0].astype(int) - noisy).mean() > np.abs(codec.h264([noisy], 10)[0].astype(int) - noisy).mean()


def test_a_fake_differs_only_under_its_mask(pack_folder):
    pack = Pack(pack_folder)
    face = pack.face("stills", 1)
    for seed in range(12):
        made = blend.fake(seed, "cross", face, pack.face("stills", 2), [])
        outside = made.mask == 0
        assert (made.crop[outside] == face.crop[outside]).all()
        assert made.mask.max() > 0.5 and (made.crop != face.crop).any()
    assert (blend.fake(3, "self", face, None, []).crop == blend.fake(3, "self", face, None, []).crop).all()


def test_batches_and_windows_depend_on_seed_and_step_only(pack_folder):
    pack = Pack(pack_folder)
    makers = [Stills(pack, eigenfaces(pack, 1, False), True, 112, FAMILY_SHARES) for _ in range(2)]
    one, other = (m.batch((1, 7), 8) for m in makers)
    assert one.crops.shape == (16, 112, 112, 3) and one.maps.shape == (8, 2, 14, 14)
    assert (one.crops == other.crops).all() and (one.maps == other.maps).all()
    assert (one.crops != makers[0].batch((1, 8), 8).crops).any()
    for family in FAMILIES:
        pairs = [Windows(m, True).pairs((1, 2), [family]) for m in makers]
        (real, fake), (again, fake_again) = pairs[0][0], pairs[1][0]
        assert real.shape == fake.shape == (8, 112, 112, 3)
        assert (real == again).all() and (fake == fake_again).all() and (real != fake).any()


def test_training_rows_are_never_held_out(pack_folder):
    pack = Pack(pack_folder)
    trained, kept = (Stills(pack, [], t, 112, FAMILY_SHARES) for t in (True, False))
    for kind in ("stills", "clips"):
        assert not set(pack.identity[kind][trained.rows[kind]]) & set(pack.identity[kind][kept.rows[kind]])


def test_command_line_says_what_is_wrong_in_one_line(tmp_path, capsys):
    assert cli.main(["discover", "--data", str(tmp_path / "nowhere")]) == 2
    assert capsys.readouterr().err.startswith(f"error: data folder {tmp_path / 'nowhere'} does not exist")
