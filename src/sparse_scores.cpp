// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "consensus_net.hpp"
#include "sparse_scores.hpp"

namespace cv { namespace semcorr {

size_t SparseScores::bytes(const SearchTask& task, size_t n)
{
    return LazyCorrelation::packedBytes(task.grid2(), task.f2.size[2]) + (task.grid1().area() + 1 + n) * sizeof(int) +
           n * BLOCK * sizeof(float);
}

SparseScores::SparseScores(const SearchTask& task, const BlockLists& lists_, size_t memory)
    : blocks(task.grid2()), lists(lists_), peak(bytes(task, lists.blocks.size()))
{
    if (peak >= memory)
        CV_Error(Error::StsNoMem, format("scores of single pairs need %.1f MB of workspace beside what computes them and %.1f MB of "
                                         "memoryLimit are left; raise memoryLimit or use smaller grids", peak / 1e6, memory / 1e6));
    scores.resize(lists.blocks.size() * BLOCK);
    const LazyCorrelation correlation(task.f1, task.f2, task.params.mutual, 0);
    const Ptr<PairScorer> scorer = createPairScorer(correlation, task.net, memory - peak);
    scorer->score(lists, scores.data());
    peak += scorer->workspace();
}

float SparseScores::at(int cell1, const Point& q) const
{
    const std::vector<int>::const_iterator first = lists.blocks.begin() + lists.first[cell1],
                                           last = lists.blocks.begin() + lists.first[cell1 + 1];
    const size_t place = std::lower_bound(first, last, blocks.blockOf(q)) - lists.blocks.begin();
    return scores[place * BLOCK + BlockGrid::indexIn(q)];
}

}}
