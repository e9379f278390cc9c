// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_WINDOWED_SCORER_HPP
#define OPENCV_SEMCORR_WINDOWED_SCORER_HPP

#include "pair_scorer.hpp"

namespace cv { namespace semcorr {

// What scorers have in common that share hidden activations of nets of two 3⁴ layers, 1 → C → 1 channels with C ≤ 16.
//
// Let i = q + 1 number the rows (columns) q ≥ −1 of hidden activations over grid 2. Tile t holds i = 2t, 2t + 1 along each
// side; it needs the 4×4 correlations at cells 2t − 2 … 2t + 1. The block b of scores needs the tiles b and b + 1. So a block of 4
// scores takes 2×2 hidden tiles at each of 3×3 source cells, as a single score would.
enum
{
    WINDOW_TILE = 16,      // correlations of a tile
    WINDOW_SITES = 4,      // hidden sites of a tile
    WINDOW_CHANNELS = 16,  // hidden channels, filled up with zeros
    WINDOW_TAPS = 9        // of a layer, in one of the grids
};

// The 4×4 correlations of a tile: its upper and its lower two rows each lie in half a group of LazyCorrelation, or begin there and
// end in the group after it. {upper group, lower group, which half of them, whether the group after is read as well}
struct WindowTile
{
    int upper, lower;
    int upperHalf, right;  // 0 or 1; the lower rows are in the other half
};

// All that one round of scoring reads beside the net's weights, and where it writes
struct WindowTask
{
    CorrelationView correlation;
    Size tiles, blocks;          // of grid 2
    const WindowTile* tileTable;
    int orientations;            // 1, or 2 with the second one's kernels transposed
    int channels;                // hidden, ≤ WINDOW_CHANNELS
    bool zeroOutside;            // PADDING_LAYER: no hidden activations outside the grids
    bool lastRelu;
    float residual, outBias;
    const int* firstBlock;       // as in BlockLists
    const int* blockList;
    float* scores;               // {blocks, BLOCK}

    // Whether a site of a tile lies in grid 2
    bool siteInside(int tile, int site) const
    {
        return isInside(correlation.grid2, Point(tile % tiles.width * 2 + site % 2 - 1, tile / tiles.width * 2 + site / 2 - 1));
    }
};

// Source cells [y0, y1) × [x0, x1) that are scored together, and of each cell's list the share [part, part + 1) / parts
struct Window
{
    int y0, y1, x0, x1, part, parts;
};

// Working memory of a thread; grows up to `limit` bytes and is kept
struct WindowBuffers
{
    std::vector<uint64> bits;
    std::vector<unsigned> ranks;
    std::vector<float> groups, tiles[3], hidden[3];  // rings of rows of source cells; what they hold is the scorer's choice
    std::vector<int> sources;      // cells that are correlated with each group of a word of sets
    std::vector<unsigned> places;  // where the results go
    size_t limit;

    void release()
    {
        WindowBuffers empty;
        empty.limit = limit;
        std::swap(*this, empty);
    }
    size_t bytes() const
    {
        size_t floats = groups.capacity();
        for (int i = 0; i < 3; i++)
            floats += tiles[i].capacity() + hidden[i].capacity();
        const size_t ints = ranks.capacity() + sources.capacity() + places.capacity();
        return bits.capacity() * sizeof(uint64) + (ints + floats) * sizeof(float);
    }
};

// Weights of a net, and whether it is one of two 3⁴ layers
struct TwoLayers
{
    explicit TwoLayers(const ConsensusNet& net);

    // of the taps of grid 1 and 2, or the other way round
    float weight(int layer, int channel, int tap1, int tap2, bool transposed) const;
    float bias(int layer, int channel) const { return biases[layer][0].at<float>(channel); }

    bool fits;
    std::vector<Mat> weights[2], biases[2];
};

// Scores the windows that grid 1 is cut into, on several threads
class WindowedScorer : public PairScorer
{
public:
    void score(const BlockLists& lists, float* scores) CV_OVERRIDE;
    void limitWorkspace(size_t bytes) CV_OVERRIDE;
    size_t workspace() const CV_OVERRIDE;
    int64 hiddenSites() const CV_OVERRIDE { return allSites; }

protected:
    // windows: about as many rows and columns they have. What is to be scored decides where they lie, the number of threads does not.
    WindowedScorer(const LazyCorrelation& correlation, const ConsensusNet& net, const TwoLayers& layers, const Size& windows,
                   size_t memory);

    // False, with nothing done that matters, if the buffers' limit is too small. `sites` grows by the hidden sites computed.
    virtual bool scoreWindow(const Window& window, WindowBuffers& buffers, int64& sites) const = 0;

    WindowTask common;

private:
    void makeTable();
    Rect boundsOf(const BlockLists& lists, const Rect& window) const;
    int blocksIn(const BlockLists& lists, const Rect& window) const;
    int64 scoreSplit(const Window& window, WindowBuffers& buffers) const;
    size_t limitOfThread() const { return workspaceLimit / std::max(getNumThreads(), 1); }
    Ptr<WindowBuffers> takeBuffers();
    void giveBuffers(const Ptr<WindowBuffers>& buffers);

    const Size windows;
    const size_t mostWorkspace;
    size_t workspaceLimit;
    std::vector<WindowTile> tileTable;
    std::vector<Ptr<WindowBuffers> > spare;  // not in use by a thread
    Mutex mutex;
    int64 allSites;
};

}}

#endif
