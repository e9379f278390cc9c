"""What matters in the end: keypoints carried to the right place, and the error of flow that is known."""
import cv2 as cv
import numpy as np

from search import DENSE, PATCHMATCH, S, STRIDE, matcher_of

ALPHAS = 0.05, 0.1, 0.15
CONFIDENT = 0.5


def pck(model, pairs, progress):
    """Share of points within alpha times the longer side of the target points' box: mean over the pairs, then over categories."""
    matchers = {'dense': DENSE, 'patchmatch': PATCHMATCH}
    for name, mode in matchers.items():
        matchers[name] = matcher_of(model, mode, refine=S.REFINE_SOFT_ARGMAX)
    shares = {name: {} for name in matchers}
    for number, pair in enumerate(pairs):
        progress.step(number, len(pairs))
        length = np.ptp(pair.points2, axis=0).max()
        for name, matcher in matchers.items():
            found = matcher.transferKeypoints(*pair.images, pair.points1)[0].reshape(-1, 2)
            error = np.linalg.norm(found - pair.points2, axis=1) / length
            shares[name].setdefault(pair.category, []).append([(error <= alpha).mean() for alpha in ALPHAS])
    means = {name: np.mean([np.mean(rows, 0) for rows in of.values()], 0).tolist() for name, of in shares.items()}
    return {'alphas': list(ALPHAS), 'pairs': len(pairs), **means}


def smoothing_net():
    """Untrained: the mean of the correlations at the same displacement, over 3x3 cells twice."""
    net = S.ConsensusNet.create(S.SYMMETRY_NONE, S.PADDING_INPUT)
    first, second = np.zeros((16, 1, 3, 3, 3, 3), np.float32), np.zeros((1, 16, 3, 3, 3, 3), np.float32)
    y, x = np.mgrid[:3, :3]
    first[:, 0, y, x, y, x], second[0, :, y, x, y, x] = 1 / 9, 1 / 144
    net.addBlock(first)
    net.addBlock(second)
    return net


def flow_matchers(model):
    """The measured model, and the embedded backbone as it is with an untrained consensus."""
    common = dict(mode=PATCHMATCH, mutual=False)
    return {'trained': S.Matcher.create(model, S.Matcher.Params(refine=S.REFINE_SOFT_ARGMAX, **common)),
            'untrained': S.Matcher.create(S.FeatureNet.create(), smoothing_net(),
                                          S.Matcher.Params(refine=S.REFINE_PARABOLA, **common))}


def end_point_errors(matcher, warp):
    """In % of the longer side, over pixels whose match is in picture 2."""
    flow, confidence = matcher.match(warp.image1, warp.image2)
    error = 100 * np.linalg.norm(flow - warp.flow, axis=2) / max(warp.valid.shape)
    sure = warp.valid & (confidence > CONFIDENT)
    stats = matcher.getStats()
    length = 100 * np.linalg.norm(warp.flow, axis=2)[warp.valid].mean() / max(warp.valid.shape)
    return {'mean': error[warp.valid].mean(), 'median': np.median(error[warp.valid]), 'confident': error[sure].mean(),
            'confidentShare': sure.sum() / warp.valid.sum(), 'flow': length, 'searchMs': stats.searchMs,
            'workspace': stats.peakWorkspace}


def flow_errors(model, warps, grids, progress):
    """Means over the warps, for each net and side of the picture in cells."""
    warps, rows = list(warps), []
    jobs = [(name, grid) for name in flow_matchers(model) for grid in grids]
    for number, (name, grid) in enumerate(jobs):
        progress.step(number, len(jobs))
        matcher = flow_matchers(model)[name]
        params = matcher.getFeatureNet().getParams()
        params.longestSide = grid * STRIDE
        matcher.getFeatureNet().setParams(params)
        each = [end_point_errors(matcher, warp) for warp in warps]
        means = {key: float(np.mean([e[key] for e in each])) for key in each[0]}
        rows.append({'net': name, 'grid': grid, 'warps': len(warps), **means})
    return rows
