// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_PATCHMATCH_HPP
#define OPENCV_SEMCORR_PATCHMATCH_HPP

#include "opencv2/semcorr/matcher.hpp"
#include "lazy_correlation.hpp"
#include "rounded_features.hpp"

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

// Features {h, w, C}, continuous, of the grid that is searched and, optionally, of coarser ones, each with about half as many cells
// along each side as the one before
typedef std::vector<Mat> FeaturePyramid;

// Best target cell of grid 2 for each cell of grid 1, scored by `net` at the pairs that the search visits. Of equal scores the
// lower row-major target wins.
// around: radius of PatchMatchResult::around, in [0, 2].
PatchMatchResult patchMatch(const FeaturePyramid& levels1, const FeaturePyramid& levels2, const ConsensusNet& net,
                            const Matcher::Params& params, int around);

// Where the search begins: row-major target cells of each source cell, best first, −1 where there are fewer: {cells of grid 1, any}.
// `features` are those of `correlation`, null for INIT_RANDOM; `memory` is there to be used.
Mat startTargets(const RoundedPair* features, const LazyCorrelation& correlation, int init, int seed, size_t memory);
// Bytes of workspace that this takes, the result included
size_t startBytes(const LazyCorrelation& correlation, int init, size_t memory);

// Mean of 2×2 cells, scaled to unit length; odd sides end in a half cell
Mat poolFeatures(const Mat& f);

// The targets {cells of coarse1, any} of coarser grids at the same position inside their coarse cell, then moved to the best
// correlations nearby; as startTargets. scale1, scale2: sides of coarse cells in fine ones.
Mat finerTargets(const Mat& coarse, const Size& coarse1, const Size& coarse2, const Point2d& scale1, const Point2d& scale2,
                 const LazyCorrelation& correlation);

// Random numbers that depend on what they are for and not on the order of calls: uniform in [0, n)
int randomBelow(int n, int seed, int iteration, int cell, int draw);

}}

#endif
