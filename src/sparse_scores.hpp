// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_SPARSE_SCORES_HPP
#define OPENCV_SEMCORR_SPARSE_SCORES_HPP

#include "pair_scorer.hpp"
#include "search.hpp"

namespace cv { namespace semcorr {

// Scores of some pairs of cells
class SparseScores
{
public:
    // lists: blocks of BlockGrid(task.grid2()), ascending for each source cell; kept by reference. Throws StsNoMem if all that is held
    // exceeds `memory` bytes.
    SparseScores(const SearchTask& task, const BlockLists& lists, size_t memory);

    // q: of a listed block
    float at(int cell1, const Point& q) const;
    size_t peakWorkspace() const { return peak; }
    // What is held beside a scorer's memory, with n blocks
    static size_t bytes(const SearchTask& task, size_t n);

private:
    const BlockGrid blocks;
    const BlockLists& lists;
    std::vector<float> scores;
    size_t peak;
};

}}

#endif
