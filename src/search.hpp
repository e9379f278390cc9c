// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_SEARCH_HPP
#define OPENCV_SEMCORR_SEARCH_HPP

#include "opencv2/semcorr/matcher.hpp"
#include "self_similarity.hpp"

namespace cv { namespace semcorr {

class ConsensusNetImpl;

// What a search finds, whichever way it searches
struct SearchResult
{
    Mat targets;  // h1×w1 CV_32FC2, best whole cell (x, y) of grid 2
    Mat best;     // h1×w1 CV_32F, its score
    Mat around;   // h1×w1 CV_32FC(AROUND), scores around it for refinement
    Mat back;     // h2×w2 CV_32FC2, best whole cells of grid 1; empty if not asked for
    Mat scores;   // dense search: {cells, h2 · w2}, all scores of the cells `kept` of grid 1, or of all of them; else empty
    std::vector<int> kept;  // ascending; empty for all

    int64 pairsScored, hiddenSites;
    size_t peakWorkspace;
    int iterations;

    // All scores of a cell of grid 1 that are in `scores`
    const float* scoresOf(int cell1) const
    {
        return scores.ptr<float>(kept.empty() ? cell1 : (int)(std::lower_bound(kept.begin(), kept.end(), cell1) - kept.begin()));
    }

    SearchResult() : pairsScored(0), hiddenSites(0), peakWorkspace(0), iterations(0) {}
};

// Two sets of features and how their pairs are scored
struct SearchTask
{
    Mat f1, f2;  // {h, w, C}, continuous
    std::vector<Mat> coarse1, coarse2;  // the same on ever coarser grids, as FeatureNet::computeCoarse gives them; may be empty
    const ConsensusNetImpl& net;
    const SelfSimilarity& selfSimilarity;
    const Matcher::Params& params;
    std::vector<int> keep;  // cells of grid 1, ascending, of which a dense search has to keep all scores

    Vec4i grids() const { return Vec4i(f1.size[0], f1.size[1], f2.size[0], f2.size[1]); }
    Size grid1() const { return Size(f1.size[1], f1.size[0]); }
    Size grid2() const { return Size(f2.size[1], f2.size[0]); }
};

// The SearchMode that SEARCH_AUTO stands for, by the cost model of Matcher::Params; other modes stay
int chooseSearch(const SearchTask& task);

// Whether PatchMatch begins with a search of a coarser grid
bool beginsCoarse(const Matcher::Params& params, const Size& grid1, const Size& grid2);

// Bytes that denseSearch holds at its peak
size_t denseWorkspace(const SearchTask& task);
SearchResult denseSearch(const SearchTask& task, bool wantBack);
SearchResult patchMatchSearch(const SearchTask& task, bool wantBack);

// Best whole target cell of a fractional source position, and what refinement sees of it
struct PointMatch
{
    Point target;
    std::vector<float> around;  // AROUND scores
};

// The cells of grid 1, ascending, whose scores matchPoints needs
std::vector<int> cellsAround(const std::vector<Point2d>& positions, const Size& grid1);

// positions: fractional cells of grid 1, from the first cell's centre to the last one's
std::vector<PointMatch> matchPoints(const SearchTask& task, const SearchResult& result, const std::vector<Point2d>& positions);

}}

#endif
