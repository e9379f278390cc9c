// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_PAIR_SCORER_HPP
#define OPENCV_SEMCORR_PAIR_SCORER_HPP

#include "opencv2/semcorr/consensus.hpp"
#include "lazy_correlation.hpp"

namespace cv { namespace semcorr {

// Target cells are scored in aligned blocks of 2×2: neighbours share most of their work, and are asked for next anyway.
enum { BLOCK_SIDE = 2, BLOCK = BLOCK_SIDE * BLOCK_SIDE };

static inline Point cellAt(const Size& grid, int index)
{
    return Point(index % grid.width, index / grid.width);
}

static inline bool isInside(const Size& grid, const Point& p)
{
    return (unsigned)p.x < (unsigned)grid.width && (unsigned)p.y < (unsigned)grid.height;
}

struct BlockGrid
{
    explicit BlockGrid(const Size& grid_)
        : grid(grid_), size((grid.width + BLOCK_SIDE - 1) / BLOCK_SIDE, (grid.height + BLOCK_SIDE - 1) / BLOCK_SIDE) {}

    int blockOf(const Point& q) const { return q.y / BLOCK_SIDE * size.width + q.x / BLOCK_SIDE; }
    static int indexIn(const Point& q) { return q.y % BLOCK_SIDE * BLOCK_SIDE + q.x % BLOCK_SIDE; }
    Point cellOf(int block, int index) const
    {
        return Point(block % size.width * BLOCK_SIDE + index % BLOCK_SIDE, block / size.width * BLOCK_SIDE + index / BLOCK_SIDE);
    }
    bool contains(const Point& q) const { return isInside(grid, q); }

    Size grid;  // cells
    Size size;  // blocks; the last ones of an odd side reach beyond the grid
};

// Target blocks of each source cell p: blocks[first[p]] … blocks[first[p + 1] − 1], in no particular order, none twice
struct BlockLists
{
    std::vector<int> first, blocks;

    size_t bytes() const { return (first.capacity() + blocks.capacity()) * sizeof(int); }
};

// Consensus scores of listed pairs, as ConsensusNet::forward gives them up to rounding. A score has the same bits whatever is
// scored with it, and for any number of threads.
class PairScorer
{
public:
    virtual ~PairScorer() {}

    // scores {blocks of all lists, BLOCK}; those of cells outside grid 2 are unspecified
    virtual void score(const BlockLists& lists, float* scores) = 0;
    // Most workspace that `score` may take from now on, if that is less than it was made with
    virtual void limitWorkspace(size_t) {}
    // bytes of working memory of all threads; hidden activations computed so far, in pairs of cells
    virtual size_t workspace() const = 0;
    virtual int64 hiddenSites() const = 0;
};

// `correlation` is kept by reference. Throws StsNoMem if the smallest piece of work needs more than `memory` bytes.
Ptr<PairScorer> createPairScorer(const LazyCorrelation& correlation, const ConsensusNet& net, size_t memory);

// Whether createPairScorer has a scorer for the net that computes hidden activations of overlapping patches once
bool sharesHiddenSites(const ConsensusNet& net);

// The net whose score of (q, p) is that of `net` for (p, q): kernels with their grids swapped
Ptr<ConsensusNet> transposedNet(const ConsensusNet& net);

}}

#endif
