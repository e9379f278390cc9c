// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_PATCHMATCH_HPP
#define OPENCV_SEMCORR_PATCHMATCH_HPP

#include "opencv2/semcorr/matcher.hpp"
#include "lazy_correlation.hpp"

namespace cv { namespace semcorr {

struct PatchMatchResult
{
    Mat targets;           // h1×w1 CV_32FC2, best whole target cell (x, y)
    Mat best;              // h1×w1 CV_32F, its score
    Mat around;            // h1×w1 CV_32FC(n), n = (2·radius + 1)²: scores around the best target, −FLT_MAX outside grid 2 and
                           // perhaps, with radius 1, in the corners
    int64 pairsScored, hiddenSites;
    size_t peakWorkspace;  // bytes
    int iterations;        // passes made
};

// Best target cell of grid 2 for each cell of grid 1, scored by `net` at the pairs that the search visits. Of equal scores the
// lower row-major target wins. f1 {h1, w1, C}, f2 {h2, w2, C}, continuous.
// around: radius of PatchMatchResult::around, in [0, 2].
PatchMatchResult patchMatch(const Mat& f1, const Mat& f2, const ConsensusNet& net, const Matcher::Params& params, int around);

// INIT_COARSE_TO_FINE pools grids with more pairs of cells than this. The best correlations of all pairs are cheap up to here.
static const double POOLED_PAIRS = 128. * 128 * 128 * 128;

// Where the search begins: row-major target cells of each source cell, best first, −1 where there are fewer: {cells of grid 1, any}.
// f1, f2 are those of `correlation`; `memory` is there to be used, `bytes` gets the workspace
// that was needed.
Mat startTargets(const Mat& f1, const Mat& f2, const LazyCorrelation& correlation, int init, int seed, size_t memory,
                 size_t& bytes);

// Mean of 2×2 cells, scaled to unit length; odd sides end in a half cell
Mat poolFeatures(const Mat& f);

// The targets {cells of coarse1, any} of pooled grids at the same position inside their pooled cell, then moved to the best
// correlations nearby; as startTargets
Mat finerTargets(const Mat& coarse, const Size& coarse1, const Size& coarse2, const LazyCorrelation& correlation);

// Random numbers that depend on what they are for and not on the order of calls: uniform in [0, n)
int randomBelow(int n, int seed, int iteration, int cell, int draw);

}}

#endif
