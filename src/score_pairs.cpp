// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "checks.hpp"
#include "consensus_net.hpp"

namespace cv { namespace semcorr {

// Sets activations at sites outside the grids to zero, as "same" padding of the next layer sees them.
// x {n1, n2, n3, n4, channels}, its first site lies at `origin` of the grids.
static void clearOutside(Mat& x, const Vec4i& origin, const Vec4i& grids)
{
    const size_t rowFloats = (size_t)x.size[3] * x.size[4];
    for (int a = 0; a < x.size[0]; a++)
        for (int b = 0; b < x.size[1]; b++)
            for (int c = 0; c < x.size[2]; c++)
            {
                const int index[] = { a, b, c, 0, 0 };
                float* row = x.ptr<float>(index);
                const bool inside = (unsigned)(origin[0] + a) < (unsigned)grids[0] && (unsigned)(origin[1] + b) < (unsigned)grids[1] &&
                                    (unsigned)(origin[2] + c) < (unsigned)grids[2];
                for (int d = 0; d < x.size[3]; d++)
                    if (!inside || (unsigned)(origin[3] + d) >= (unsigned)grids[3])
                        std::fill_n(row + (size_t)d * x.size[4], rowFloats / x.size[3], 0.f);
            }
}

static Mat crop(const Mat& x, const Vec4i& margin)
{
    Range ranges[5];
    for (int d = 0; d < 4; d++)
        ranges[d] = Range(margin[d], x.size[d] - margin[d]);
    ranges[4] = Range::all();
    return x(ranges).clone();
}

// The score of the pair at the centre of a patch {2·radius + 1 …, 1} of the zero-padded correlation that starts at `origin`.
float ConsensusNetImpl::scorePatch(const Mat& patch, const Vec4i& origin, const Vec4i& grids) const
{
    const std::vector<Unit> all = units();
    Mat x = patch;
    Vec4i at = origin;
    Vec4i rest = radius();  // how far x reaches beyond the pair in question
    for (size_t u = 0; u < all.size(); u++)
    {
        // under SYMMETRY_BLOCK both orientations look equally far; else this is the only unit and gives one value
        const Vec4i reach = symmetry == SYMMETRY_BLOCK ? rest - radius(all[u], PLAIN) : Vec4i(0, 0, 0, 0);
        Mat sum = makeActivations(2 * reach + Vec4i::all(1), blocks[all[u].last - 1].outChannels());
        for (int orientation = 0; orientation < orientations(); orientation++)
        {
            const Vec4i spare = rest - reach - radius(all[u], orientation);
            Mat y = spare == Vec4i(0, 0, 0, 0) ? x : crop(x, spare);
            Vec4i yAt = at + spare;
            for (int i = all[u].first; i < all[u].last; i++)
            {
                const Vec4i r = radius(i, orientation);
                const bool last = i + 1 == all[u].last;
                Mat z = last ? sum : makeActivations(gridsOf(y) - 2 * r, blocks[i].outChannels());
                runBlock(i, orientation, y, Vec4i(0, 0, 0, 0), z, last && orientation > 0);
                yAt += r;
                if (padding == PADDING_LAYER && !last)
                    clearOutside(z, yAt, grids);
                y = z;
            }
        }
        at += rest - reach;
        rest = reach;
        x = sum;
        // each unit of a block-wise symmetric net pads anew, whatever the padding mode
        if (u + 1 < all.size())
            clearOutside(x, at, grids);
    }
    return *x.ptr<float>();
}

static float dot(const float* a, const float* b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return (float)sum;
}

// Correlations of all pairs around (p, q), zero outside the grids. f1, f2 {h, w, C}
static void correlatePatch(const Mat& f1, const Mat& f2, const Vec4i& origin, const Vec4i& grids, Mat& patch)
{
    float* out = patch.ptr<float>();
    for (int a = 0; a < patch.size[0]; a++)
        for (int b = 0; b < patch.size[1]; b++)
        {
            const int y1 = origin[0] + a, x1 = origin[1] + b;
            const bool inside1 = (unsigned)y1 < (unsigned)grids[0] && (unsigned)x1 < (unsigned)grids[1];
            for (int c = 0; c < patch.size[2]; c++)
                for (int d = 0; d < patch.size[3]; d++)
                {
                    const int y2 = origin[2] + c, x2 = origin[3] + d;
                    const bool inside = inside1 && (unsigned)y2 < (unsigned)grids[2] && (unsigned)x2 < (unsigned)grids[3];
                    *out++ = inside ? dot(f1.ptr<float>(y1, x1), f2.ptr<float>(y2, x2), f1.size[2]) : 0.f;
                }
        }
}

void ConsensusNetImpl::scorePairs(InputArray features1, InputArray features2, InputArray cells1, InputArray cells2,
                                  OutputArray scores) const
{
    CV_INSTRUMENT_REGION();
    checkComplete();
    Mat f1, f2;
    getFeaturePair(features1, features2, f1, f2);
    const Vec4i grids(f1.size[0], f1.size[1], f2.size[0], f2.size[1]);
    const Mat p = getCells(cells1, Size(grids[1], grids[0]), "cells1");
    const Mat q = getCells(cells2, Size(grids[3], grids[2]), "cells2");
    if (p.rows != q.rows)
        CV_Error(Error::StsUnmatchedSizes, format("cells1 has %d cells and cells2 has %d, expected as many", p.rows, q.rows));
    const Vec4i r = radius();
    scores.create(p.rows, 1, CV_32F);
    Mat result = scores.getMat();
    parallel_for_(Range(0, p.rows), [&](const Range& range)
    {
        Mat patch = makeActivations(2 * r + Vec4i::all(1), 1);
        for (int i = range.start; i < range.end; i++)
        {
            const Point a = p.at<Point>(i), b = q.at<Point>(i);
            const Vec4i origin = Vec4i(a.y, a.x, b.y, b.x) - r;
            correlatePatch(f1, f2, origin, grids, patch);
            float score = scorePatch(patch, origin, grids);
            if (residual != 0)
                score += (float)residual * dot(f1.ptr<float>(a.y, a.x), f2.ptr<float>(b.y, b.x), f1.size[2]);
            result.at<float>(i) = score;
        }
    });
}

}}
