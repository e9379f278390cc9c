// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_WINOGRAD_SCORER_HPP
#define OPENCV_SEMCORR_WINOGRAD_SCORER_HPP

#include "pair_scorer.hpp"

namespace cv { namespace semcorr {

// Scores of nets of two 3⁴ layers, 1 → C → 1 channels with C ≤ 16, at listed pairs.
//
// Let i = q + 1 number the rows (columns) q ≥ −1 of hidden activations over grid 2. Tile t holds i = 2t, 2t + 1 along each
// side; it is one tile of Winograd's F(2×2, 3×3) and needs the 4×4 correlations at cells 2t − 2 … 2t + 1. The block b of scores
// needs the tiles b and b + 1. So a block of 4 scores takes 2×2 hidden tiles at each of 3×3 source cells, as a single score would.
enum
{
    WG_TILE = 16,      // correlations of a tile, and Winograd points
    WG_SITES = 4,      // hidden sites of a tile
    WG_CHANNELS = 16,  // hidden channels, filled up with zeros
    WG_TAPS = 9
};

// The 4×4 correlations of a tile: its upper and its lower two rows each lie in half a group of LazyCorrelation, or begin there and
// end in the group after it. {upper group, lower group, which half of them, whether the group after is read as well}
struct WinogradTile
{
    int upper, lower;
    int upperHalf, right;  // 0 or 1; the lower rows are in the other half
};

// All that one round of scoring reads, and where it writes
struct WinogradTask
{
    CorrelationView correlation;
    Size tiles, blocks;          // of grid 2
    const WinogradTile* tileTable;
    int orientations;            // 1, or 2 with the second one's kernels transposed
    int channels;                // hidden, ≤ WG_CHANNELS
    bool zeroOutside;            // PADDING_LAYER: no hidden activations outside the grids
    bool lastRelu;
    float residual, outBias;
    const float* hiddenWeights;  // {orientations, WG_TILE points, WG_TAPS of grid 1, WG_CHANNELS}
    const float* hiddenBias;     // {orientations, WG_CHANNELS}
    const float* outWeights;     // {orientations, WG_TAPS of grid 1, WG_TAPS of grid 2, WG_CHANNELS}
    const int* firstBlock;       // as in BlockLists
    const int* blockList;
    float* scores;               // {blocks, BLOCK}
};

// Source cells [y0, y1) × [x0, x1) that are scored together, and of each cell's list the share [part, part + 1) / parts
struct WinogradWindow
{
    int y0, y1, x0, x1, part, parts;
};

// Working memory of a thread; grows up to `limit` bytes and is kept
struct WinogradBuffers
{
    std::vector<uint64> bits;
    std::vector<unsigned> ranks;
    std::vector<float> groups, transformed[3], hidden[3];  // rings of rows of source cells
    std::vector<int> sources;  // cells of a row that are correlated together
    std::vector<float*> results;
    size_t limit;

    void release()
    {
        WinogradBuffers empty;
        empty.limit = limit;
        std::swap(*this, empty);
    }
    size_t bytes() const
    {
        size_t floats = groups.capacity();
        for (int i = 0; i < 3; i++)
            floats += transformed[i].capacity() + hidden[i].capacity();
        return bits.capacity() * sizeof(uint64) + ranks.capacity() * sizeof(unsigned) + floats * sizeof(float);
    }
};

// Empty if the net is of another shape. `correlation` is kept by reference.
Ptr<PairScorer> createWinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, size_t memory);

}}

#endif
