#!/usr/bin/env python3
"""Makes the small random nets of test_features.cpp and what PyTorch computes with them.

Needs Python 3.9 or later and
    pip install torch numpy onnx opencv-python-headless
(made with versions 2.11.0, 2.4.6, 1.23.2 and 4.13.0), and testdata/features/picture.png of export_lite0.py.

Writes  testdata/nets/cnn.onnx         outputs `fine` (stride 4, 8 channels) and `coarse` (stride 8, 16 channels) of 1x3x48x64
        testdata/nets/classifier.onnx  outputs `grid` and `logits`, which has no grid
        testdata/nets/overflow.onnx    gives infinity for every image that is not black
        testdata/nets/vit.onnx         a vision transformer for 1x3x32x48: patches of 8, a class token; output `tokens`
        testdata/nets/{cnn,vit}.yml.gz expected unit-length features, cells x channels, of a part of the picture
"""
import pathlib

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

TESTDATA = pathlib.Path(__file__).resolve().parents[2] / "testdata"
CORNER = (170, 200)  # x, y in picture.png of the part that the nets see; its size is the net's input
MEAN = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
STD = torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1)


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.fine = nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(8, 16, 3, stride=2, padding=1)

    def forward(self, x):
        fine = self.fine(F.relu(self.first(x)))
        return fine, self.coarse(F.relu(fine))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 4, stride=4)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        grid = self.conv(x)
        return grid, self.head(grid.mean((2, 3)))


class Overflow(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 8, stride=8, bias=False)
        self.conv.weight.data.fill_(3e38)

    def forward(self, x):
        return self.conv(x)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.project = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x):
        n, tokens, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * (width // self.heads) ** -0.5).softmax(-1)
        x = x + self.project((weights @ v).transpose(1, 2).reshape(n, tokens, width))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, height=32, width=48, patch=8, channels=32):
        super().__init__()
        self.embed = nn.Conv2d(3, channels, patch, stride=patch)
        self.token = nn.Parameter(torch.randn(1, 1, channels))
        self.position = nn.Parameter(0.5 * torch.randn(1, 1 + (height // patch) * (width // patch), channels))
        self.blocks = nn.Sequential(Block(channels, 4), Block(channels, 4))
        self.norm = nn.LayerNorm(channels)

    def forward(self, x):
        cells = self.embed(x).flatten(2).transpose(1, 2)
        return self.norm(self.blocks(torch.cat([self.token, cells], 1) + self.position))


def export(net, name, width, height, outputs):
    """Writes the net as ONNX with a fixed input size; 17 is the first opset with LayerNormalization as one node."""
    torch.onnx.export(net, (torch.zeros(1, 3, height, width),), TESTDATA / "nets" / name, input_names=["data"],
                      output_names=outputs, opset_version=17, dynamo=False)


def net_input(width, height):
    """Part of the picture as ImageNet-normalised RGB, 1x3xHxW."""
    picture = cv2.imread(str(TESTDATA / "features/picture.png"))
    x, y = CORNER
    rgb = picture[y:y + height, x:x + width, ::-1].transpose(2, 0, 1)[None]
    return (torch.from_numpy(rgb.astype(np.float32)) - MEAN) / STD


def unit_cells(cells):
    """n x C with rows scaled to unit length."""
    return (cells / torch.sqrt((cells ** 2).sum(-1, keepdim=True) + 1e-6)).numpy().astype(np.float32)


def store(name, arrays):
    storage = cv2.FileStorage(str(TESTDATA / "nets" / name), cv2.FILE_STORAGE_WRITE)
    storage.write("corner", np.array(CORNER, np.int32))
    for key, array in arrays.items():
        storage.write(key, array)
    storage.release()


def main():
    torch.manual_seed(1)
    cnn, vit = Cnn().eval(), Vit().eval()
    export(cnn, "cnn.onnx", 64, 48, ["fine", "coarse"])
    export(Classifier().eval(), "classifier.onnx", 64, 48, ["grid", "logits"])
    export(Overflow().eval(), "overflow.onnx", 64, 48, ["grid"])
    export(vit, "vit.onnx", 48, 32, ["tokens"])
    with torch.no_grad():
        fine, coarse = cnn(net_input(64, 48))
        resized = F.interpolate(coarse, fine.shape[2:], mode="bilinear", align_corners=False)
        fine, coarse, resized = (a[0].flatten(1).t() for a in (fine, coarse, resized))
        both = torch.cat([fine, resized], 1)
        adapter = torch.randn(5, 24)
        store("cnn.yml.gz", {"fine": unit_cells(fine), "coarse": unit_cells(coarse), "fine_coarse": unit_cells(both),
                             "coarse_fine": unit_cells(torch.cat([resized, fine], 1)),
                             "adapter": adapter.numpy(), "adapted": unit_cells(both @ adapter.t())})
        store("vit.yml.gz", {"tokens": unit_cells(vit(net_input(48, 32))[0, 1:])})


if __name__ == "__main__":
    main()
