#!/usr/bin/env python3
"""Matches pairs of pictures and writes what there is to see: matches, warped picture, overlay, flow, confidence."""
import argparse
import pathlib
import sys

import cv2 as cv
import numpy as np


def smooth_flow(flow, confidence):
    """The flow that the confident pixels agree on: from coarse to fine, a mean weighted by confidence and agreement."""
    coarse = cv.resize(flow, (64, 64), interpolation=cv.INTER_AREA)
    weight = certain = cv.resize(confidence, (64, 64), interpolation=cv.INTER_AREA)[..., None] + 0.01
    for sigma in 0.3, 0.2, 0.14, 0.1:  # of the side
        sums = cv.GaussianBlur(np.concatenate([coarse * weight, weight], 2), None, 64 * sigma)
        smooth = sums[..., :2] / sums[..., 2:]
        apart = (coarse - smooth) / (sigma * max(flow.shape))
        weight = certain * np.exp(-(apart ** 2).sum(2, keepdims=True)) + 1e-6
    return cv.resize(smooth, flow.shape[1::-1], interpolation=cv.INTER_CUBIC)


def draw_matches(images, keypoints1, keypoints2):
    """Both images, darker, side by side with lines between the keypoints."""
    points1, points2 = cv.KeyPoint.convert(keypoints1), cv.KeyPoint.convert(keypoints2) + (images[0].shape[1], 0)
    height = max(image.shape[0] for image in images)
    canvas = np.hstack([np.pad((0.75 * i).astype(np.uint8), [(0, height - i.shape[0]), (0, 0), (0, 0)]) for i in images])
    for a, b, (dx, dy) in zip(points1, points2, points1 - points1.mean(0)):
        hue = np.uint8([[[(np.degrees(np.arctan2(dy, dx)) / 2 + 90) % 180, 215, 255]]])  # by the direction from the middle
        color = cv.cvtColor(hue, cv.COLOR_HSV2BGR)[0, 0].tolist()
        ends = np.round([a, b]).astype(int).tolist()
        cv.line(canvas, *ends, color, 1, cv.LINE_AA)
        for end in ends:
            cv.circle(canvas, end, 4, color, cv.FILLED, cv.LINE_AA)
    return canvas


def flow_colors(flow):
    """Hue is the direction, saturation the length: white does not move, the longest vector is fully coloured."""
    length, angle = cv.cartToPolar(*cv.split(flow), angleInDegrees=True)
    hsv = np.dstack([angle / 2, length * 255 / max(length.max(), 1), np.full_like(length, 255)])
    return cv.cvtColor(hsv.astype(np.uint8), cv.COLOR_HSV2BGR)


def write(path, picture):
    if not cv.imwrite(path, picture):
        raise OSError(f'cannot write {path}')


def print_stats(title, s):
    search = 'PatchMatch' if s.mode == cv.semcorr.SEARCH_PATCHMATCH else 'dense 4D'
    print(f'{title}\n  {search}, {s.pairsScored / 1e3:.1f} k pairs of cells scored, {s.peakWorkspace / 1e6:.1f} MB of workspace\n'
          f'  features {s.featuresMs:.0f} ms, search {s.searchMs:.0f} ms, refinement {s.refineMs:.0f} ms, '
          f'in all {s.totalMs:.0f} ms')


def match_pair(matcher, paths, prefix):
    images = [cv.imread(path) for path in paths]
    if any(image is None for image in images):
        raise OSError(f'cannot read the picture {paths[images[0] is not None]}')
    flow, confidence = matcher.match(*images)
    stats = matcher.getStats()
    warped = cv.remap(images[1], smooth_flow(flow, confidence), None, cv.INTER_LINEAR | cv.WARP_RELATIVE_MAP,
                      borderMode=cv.BORDER_REPLICATE)
    write(prefix + '_matches.png', draw_matches(images, *matcher.matchSparse(*images, maxMatches=60)[:2]))
    write(prefix + '_warp.png', warped)
    write(prefix + '_overlay.png', cv.addWeighted(images[0], 0.5, warped, 0.5, 0))
    write(prefix + '_flow.png', flow_colors(flow))
    write(prefix + '_confidence.png', cv.applyColorMap((confidence * 255).astype(np.uint8), cv.COLORMAP_VIRIDIS))
    print_stats(' - '.join(paths), stats)


def text(value):
    if not value:
        raise argparse.ArgumentTypeError('needs a value')
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.error = lambda message: sys.exit(f'match.py: {message}')
    parser.add_argument('images', nargs='+', metavar='IMAGE1 IMAGE2')
    parser.add_argument('--model', type=text, help='a model of Matcher.save (default: the built-in one)')
    parser.add_argument('--mode', choices=['auto', 'dense', 'patchmatch'], default='auto', help='how to search (default: auto)')
    parser.add_argument('--out', type=text, default='match_out', help='where the pictures go (default: match_out)')
    args = parser.parse_args()
    if len(args.images) % 2:
        parser.error(f'{len(args.images)} pictures given, expected one or more pairs')
    matcher = cv.semcorr.Matcher.create(*[args.model] if args.model else [])
    params = matcher.getParams()
    params.mode = ['auto', 'dense', 'patchmatch'].index(args.mode)
    matcher.setParams(params)
    pathlib.Path(args.out).mkdir(parents=True, exist_ok=True)
    for number, paths in enumerate(zip(args.images[::2], args.images[1::2]), 1):
        stems = '_'.join(pathlib.Path(path).stem for path in paths)
        match_pair(matcher, paths, f'{args.out}/{number:02}_{stems}')
    print(f'written: the pictures of each pair in {args.out}')


if __name__ == '__main__':
    try:
        main()
    except (cv.error, OSError) as e:
        sys.exit(f'match.py: {getattr(e, "err", e)}')
