"""The pictures that are measured: annotated pairs of photographs, or those of the demo; and warps of known flow."""
import csv
import dataclasses
import pathlib

import cv2 as cv
import numpy as np

DEMO = pathlib.Path(__file__).parents[2] / 'samples/data'
POINTS = range(1, 11)


@dataclasses.dataclass
class Pair:
    """Two pictures (BGR), and corresponding points (n x 2, pixels) where they are annotated."""
    name: str
    category: str
    images: tuple
    points1: np.ndarray = None
    points2: np.ndarray = None


class Photos:
    """Reads each picture once."""
    def __init__(self):
        self.read = {}

    def __getitem__(self, path):
        if path not in self.read:
            self.read[path] = cv.imread(str(path))
            if self.read[path] is None:
                raise OSError(f'cannot read the picture {path}')
        return self.read[path]


def annotated_pairs(folder):
    """All pairs of val_pairs.csv: imageA, imageB, XA1...XA10, YA1...YA10, XB1..., YB1...; the category is the folder's name."""
    folder, photos, pairs = pathlib.Path(folder), Photos(), []
    with open(folder / 'val_pairs.csv', newline='') as file:
        for number, row in enumerate(csv.DictReader(file)):
            try:
                points = [np.float32([[row[f'X{side}{i}'], row[f'Y{side}{i}']] for i in POINTS]) for side in 'AB']
                names = row['imageA'], row['imageB']
            except (KeyError, TypeError, ValueError) as e:
                raise OSError(f'{folder}/val_pairs.csv, pair {number}: no proper value of {e}') from e
            images = tuple(photos[folder / name] for name in names)
            pairs.append(Pair(f'{number}', names[0].partition('/')[0], images, *points))
    if not pairs:
        raise OSError(f'{folder}/val_pairs.csv holds no pairs')
    return pairs


def demo_pairs():
    """The two pairs of the demo, both ways, and with the second picture mirrored."""
    photos, pairs = Photos(), []
    for names in ('chelsea', 'raccoon'), ('hopper', 'collins'):
        images = [photos[DEMO / f'{name}.jpg'] for name in names]
        for a, b in (0, 1), (1, 0):
            for flip in False, True:
                second = cv.flip(images[b], 1) if flip else images[b]
                pairs.append(Pair(f'{names[a]}-{names[b]}{" mirrored" * flip}', '', (images[a], second)))
    return pairs


def eight_of(pairs):
    """Two of each of four categories, a quarter and three quarters down its list; fewer categories give more of each."""
    by_category = {}
    for pair in pairs:
        by_category.setdefault(pair.category, []).append(pair)
    each = max(8 // len(by_category), 1)
    chosen = [group[(2 * i + 1) * len(group) // (2 * each)] for group in by_category.values() for i in range(each)]
    return chosen[:8]


def grid_of(size):
    """x and y of all pixels, height x width x 2."""
    return np.stack(np.meshgrid(np.arange(size[0]), np.arange(size[1])), 2).astype(np.float64)


def homography_flow(size, rng, reach):
    """Flow of the homography that moves each corner by up to `reach` of the longer side, along x and y."""
    w, h = size
    corners = np.float32([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]])
    moved = corners + rng.uniform(-reach, reach, (4, 2)) * max(size)
    xy = grid_of(size)
    target = np.concatenate([xy, np.ones((h, w, 1))], 2) @ cv.getPerspectiveTransform(corners, moved.astype(np.float32)).T
    return target[..., :2] / target[..., 2:] - xy


def thin_plate_flow(size, rng, sigma):
    """Flow of a thin-plate spline through 4x4 points that move by normal numbers of `sigma` of the longer side, along x and y."""
    def kernel(d):
        return np.where(d > 0, d * np.log(np.maximum(d, 1e-12)), 0)  # of squared distances, up to a factor
    w, h = size
    longest = max(size)
    points = np.stack(np.meshgrid(np.linspace(0, w - 1, 4), np.linspace(0, h - 1, 4)), 2).reshape(-1, 2) / longest
    n = len(points)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = kernel(((points[:, None] - points) ** 2).sum(2))
    system[:n, n:] = np.c_[np.ones(n), points]
    system[n:, :n] = system[:n, n:].T
    weights = np.linalg.solve(system, np.r_[rng.normal(0, sigma * longest, (n, 2)), np.zeros((3, 2))])
    xy = grid_of(size) / longest
    flow = weights[n] + xy @ weights[n + 1:]
    for point, weight in zip(points, weights):
        flow += kernel(((xy - point) ** 2).sum(2))[..., None] * weight
    return flow


@dataclasses.dataclass
class Warp:
    """Picture 1 is picture 2 seen through `flow` (pixels, from 1 to 2), which is exact wherever `valid`."""
    name: str
    image1: np.ndarray
    image2: np.ndarray
    flow: np.ndarray
    valid: np.ndarray


REACH, SIGMA = 0.1, 0.03  # of the longer side


def warps(count):
    """The demo's pictures in turn, up to 8 warps: each through a homography or a thin-plate spline, then through the other."""
    rng, photos = np.random.default_rng(1), Photos()
    names = 'chelsea', 'raccoon', 'hopper', 'collins'
    kinds = ('homography', homography_flow, REACH), ('thin plate', thin_plate_flow, SIGMA)
    for i in range(count):
        kind, make, amount = kinds[(i + i // len(names)) % 2]
        name = names[i % len(names)]
        image = photos[DEMO / f'{name}.jpg']
        size = image.shape[1::-1]
        flow = make(size, rng, amount).astype(np.float32)
        target = grid_of(size) + flow
        valid = ((target >= 0) & (target <= np.subtract(size, 1))).all(2)
        warped = cv.remap(image, flow, None, cv.INTER_LINEAR | cv.WARP_RELATIVE_MAP, borderMode=cv.BORDER_REFLECT_101)
        yield Warp(f'{name}, {kind}', warped, image, flow, valid)
