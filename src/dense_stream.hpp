// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_DENSE_STREAM_HPP
#define OPENCV_SEMCORR_DENSE_STREAM_HPP

#include "conv4d_pair.hpp"
#include "correlation.hpp"
#include "search.hpp"

namespace cv { namespace semcorr {

// Dense search from plane to plane: correlations are computed when the sweep over grid 1 reaches them, and of its scores only
// the best ones are kept, so that nothing of the size of all pairs is stored.
class DenseStream CV_FINAL : public PairStream
{
public:
    // `result` gets the matches, of grid 2 as well if wantBack
    DenseStream(const SearchTask& task, bool wantBack, SearchResult& result);
    void run();

    // Bytes that it holds at its peak, the scores of task.keep included; but for the working memory of a scorer, where single pairs
    // are scored again
    static size_t workspace(const SearchTask& task);

    void prepare(int units) CV_OVERRIDE;
    void begin(int unit, const Rect& source, const Range& cells) CV_OVERRIDE;
    void read(int y, const Range& columns, const Range& cells, float* src, size_t step) const CV_OVERRIDE;
    void write(int unit, const Point& cell1, const float* plane) CV_OVERRIDE;

private:
    // What a unit has found so far: of its source cells, and of its target cells
    struct Unit
    {
        Rect source;
        Range cells;
        std::vector<float> best1, best2;
        std::vector<int> targets, sources;
    };

    void mergeTargets();
    void mergeSources();
    void scoreAround();

    const SearchTask& task;
    const bool wantBack;
    SearchResult& result;
    const Mat f1;  // {N1, C}
    PackedFeatures f2;
    std::vector<Unit> units;
};

}}

#endif
