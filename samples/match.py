#!/usr/bin/env python3
"""Matches pairs of pictures with cv2.semcorr and writes matches, the warped picture and an overlay of each pair."""
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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.error = lambda message: sys.exit(f'match.py: {message}')
    parser.add_argument('images', nargs='+', metavar='IMAGE1 IMAGE2')
    parser.add_argument('--model', help='a model of Matcher.save (default: the built-in, untrained one)')
    parser.add_argument('--mode', choices=['auto', 'dense', 'patchmatch'], default='auto')
    parser.add_argument('--out', type=pathlib.Path, default='match_out', help='where the pictures go')
    args = parser.parse_args()
    if len(args.images) % 2:
        parser.error(f'{len(args.images)} pictures given, expected one or more pairs')
    matcher = cv.semcorr.Matcher.create(*[args.model] if args.model else [])
    params = matcher.getParams()
    params.mode = ['auto', 'dense', 'patchmatch'].index(args.mode)
    matcher.setParams(params)
    args.out.mkdir(parents=True, exist_ok=True)
    for number, paths in enumerate(zip(args.images[::2], args.images[1::2]), 1):
        images = [cv.imread(path) for path in paths]
        if any(image is None for image in images):
            parser.error(f'cannot read the picture {paths[images[0] is not None]}')
        flow, confidence = matcher.match(*images)
        print(f'{" - ".join(paths)}: {matcher.getStats().totalMs:.0f} ms, pictures in {args.out}')
        warped = cv.remap(images[1], smooth_flow(flow, confidence), None, cv.INTER_LINEAR | cv.WARP_RELATIVE_MAP)
        pictures = {'matches': draw_matches(images, *matcher.matchSparse(*images, maxMatches=60)[:2]), 'warp': warped,
                    'overlay': cv.addWeighted(images[0], 0.5, warped, 0.5, 0)}
        stems = '_'.join(pathlib.Path(path).stem for path in paths)
        for name, picture in pictures.items():
            cv.imwrite(f'{args.out}/{number:02}_{stems}_{name}.png', picture)


if __name__ == '__main__':
    try:
        main()
    except (cv.error, OSError) as e:
        sys.exit(f'match.py: {getattr(e, "err", e)}')
