// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "winograd_scorer.hpp"

#include "winograd_scorer.simd.hpp"
#include "winograd_scorer.simd_declarations.hpp"

namespace cv { namespace semcorr {

static bool scoreIn(const WinogradTask& task, const WinogradWindow& window, WinogradBuffers& buffers, int64& sites)
{
    CV_CPU_DISPATCH(scoreWindow, (task, window, buffers, sites), CV_CPU_DISPATCH_MODES_ALL);
}

namespace {

// Windows are fixed by the grid, so that the work done is, too. Their halo is computed twice, smaller ones balance better and
// keep their rows of hidden activations in a second-level cache.
const int WINDOW_ROWS = 25, WINDOW_COLUMNS = 13;

// Weights of layers {1 or C, C or 1, 3, 3, 3, 3}
float weightAt(const Mat& weights, int channel, int tap1, int tap2, bool transposed)
{
    const int outer = transposed ? tap2 : tap1, inner = transposed ? tap1 : tap2;
    return weights.ptr<float>()[(channel * WG_TAPS + outer) * WG_TAPS + inner];
}

// dst[4·x + y], a row of WG_CHANNELS floats apart, = (G g Gᵀ)[y][x]; g[i] = tap i of grid 2
void transformKernel(const float* g, float* dst, size_t step)
{
    static const float G[4][3] = { { 1, 0, 0 }, { .5f, .5f, .5f }, { .5f, -.5f, .5f }, { 0, 0, 1 } };
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
        {
            float sum = 0;
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    sum += G[y][i] * G[x][j] * g[i * 3 + j];
            dst[(4 * x + y) * step] = sum;
        }
}

struct NetShape
{
    explicit NetShape(const ConsensusNet& net);

    bool fits;
    std::vector<Mat> weights[2], biases[2];
};

NetShape::NetShape(const ConsensusNet& net) : fits(net.getBlockCount() == 2 && net.getSymmetry() != SYMMETRY_BLOCK)
{
    for (int i = 0; fits && i < 2; i++)
    {
        net.getBlock(i, weights[i], biases[i]);
        fits = weights[i].size() == 1;
        for (int d = 2; fits && d < 6; d++)
            fits = weights[i][0].size[d] == 3;
    }
    fits = fits && weights[0][0].size[0] <= WG_CHANNELS;
}

class WinogradScorer CV_FINAL : public PairScorer
{
public:
    WinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, const NetShape& shape, size_t memory);

    void score(const BlockLists& lists, float* scores) CV_OVERRIDE;
    size_t workspace() const CV_OVERRIDE;
    int64 hiddenSites() const CV_OVERRIDE { return sites; }

private:
    void makeTable();
    void packWeights(const NetShape& shape);
    Rect boundsOf(const BlockLists& lists, const Rect& window) const;
    int blocksIn(const BlockLists& lists, const Rect& window) const;
    int64 scoreSplit(const WinogradWindow& window, WinogradBuffers& buffers) const;
    Ptr<WinogradBuffers> takeBuffers();
    void giveBuffers(const Ptr<WinogradBuffers>& buffers);

    WinogradTask task;
    std::vector<WinogradTile> tileTable;
    Mat hiddenWeights, hiddenBias, outWeights;
    size_t memory;
    std::vector<Ptr<WinogradBuffers> > spare;  // not in use by a thread
    Mutex mutex;
    int64 sites;
};

WinogradScorer::WinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, const NetShape& shape, size_t memory_)
    : memory(memory_), sites(0)
{
    const BlockGrid blocks(correlation.view().grid2);
    task.correlation = correlation.view();
    task.blocks = blocks.size;
    task.tiles = blocks.size + Size(1, 1);
    task.orientations = net.getSymmetry() == SYMMETRY_NONE ? 1 : 2;
    task.channels = shape.weights[0][0].size[0];
    task.zeroOutside = net.getPadding() == PADDING_LAYER;
    task.lastRelu = net.getLastActivation();
    task.residual = (float)net.getResidual();
    task.outBias = shape.biases[1][0].at<float>(0);
    makeTable();
    packWeights(shape);
}

// Tile (y, x) begins in group (y/2, x/2), in its middle if y (x) is odd.
void WinogradScorer::makeTable()
{
    const int across = task.correlation.groups.width;
    for (int y = 0; y < task.tiles.height; y++)
        for (int x = 0; x < task.tiles.width; x++)
        {
            const WinogradTile tile = { y / 2 * across + x / 2, (y + 1) / 2 * across + x / 2, y % 2, x % 2 };
            tileTable.push_back(tile);
        }
    task.tileTable = tileTable.data();
}

void WinogradScorer::packWeights(const NetShape& shape)
{
    const int n = task.orientations;
    hiddenWeights = Mat::zeros(n * WG_TILE * WG_TAPS, WG_CHANNELS, CV_32F);
    hiddenBias = Mat::zeros(n, WG_CHANNELS, CV_32F);
    outWeights = Mat::zeros(n * WG_TAPS * WG_TAPS, WG_CHANNELS, CV_32F);
    for (int orientation = 0; orientation < n; orientation++)
        for (int c = 0; c < task.channels; c++)
        {
            hiddenBias.at<float>(orientation, c) = shape.biases[0][0].at<float>(c);
            for (int tap1 = 0; tap1 < WG_TAPS; tap1++)
            {
                float kernel[WG_TAPS];
                for (int tap2 = 0; tap2 < WG_TAPS; tap2++)
                {
                    kernel[tap2] = weightAt(shape.weights[0][0], c, tap1, tap2, orientation > 0);
                    outWeights.at<float>((orientation * WG_TAPS + tap1) * WG_TAPS + tap2, c) =
                        weightAt(shape.weights[1][0], c, tap1, tap2, orientation > 0);
                }
                transformKernel(kernel, hiddenWeights.ptr<float>(orientation * WG_TILE * WG_TAPS + tap1) + c, WG_TAPS * WG_CHANNELS);
            }
        }
    task.hiddenWeights = hiddenWeights.ptr<float>();
    task.hiddenBias = hiddenBias.ptr<float>();
    task.outWeights = outWeights.ptr<float>();
}

Ptr<WinogradBuffers> WinogradScorer::takeBuffers()
{
    AutoLock lock(mutex);
    if (spare.empty())
    {
        const Ptr<WinogradBuffers> buffers = makePtr<WinogradBuffers>();
        buffers->limit = memory / std::max(getNumThreads(), 1);
        return buffers;
    }
    const Ptr<WinogradBuffers> buffers = spare.back();
    spare.pop_back();
    return buffers;
}

void WinogradScorer::giveBuffers(const Ptr<WinogradBuffers>& buffers)
{
    AutoLock lock(mutex);
    spare.push_back(buffers);
}

size_t WinogradScorer::workspace() const
{
    size_t bytes = 0;
    for (size_t i = 0; i < spare.size(); i++)
        bytes += spare[i]->bytes();
    return bytes;
}

// Halves what does not fit: columns, then rows, then the cell's list. Returns the hidden sites computed.
int64 WinogradScorer::scoreSplit(const WinogradWindow& window, WinogradBuffers& buffers) const
{
    int64 count = 0;
    if (scoreIn(task, window, buffers, count))
        return count;
    buffers.release();  // what the larger window made of the memory does not suit smaller ones
    WinogradWindow a = window, b = window;
    if (window.x1 - window.x0 > 1)
        a.x1 = b.x0 = (window.x0 + window.x1) / 2;
    else if (window.y1 - window.y0 > 1)
        a.y1 = b.y0 = (window.y0 + window.y1) / 2;
    else
    {
        const int cell = window.y0 * task.correlation.grid1.width + window.x0;
        if (task.firstBlock[cell + 1] - task.firstBlock[cell] <= window.parts)
            CV_Error(Error::StsNoMem, format("scoring one pair of cells needs more than the %.2f MB of workspace that memoryLimit leaves "
                                             "for a thread; raise memoryLimit or use fewer threads", buffers.limit / 1e6));
        a.part = 2 * window.part;
        b.part = a.part + 1;
        a.parts = b.parts = 2 * window.parts;
    }
    return count + scoreSplit(a, buffers) + scoreSplit(b, buffers);
}

// The smallest part of a window that holds all its cells with something to score: later passes ask for little.
Rect WinogradScorer::boundsOf(const BlockLists& lists, const Rect& window) const
{
    Rect bounds;
    for (int y = window.y; y < window.y + window.height; y++)
    {
        const int* first = &lists.first[y * task.correlation.grid1.width];
        int x0 = window.x, x1 = window.x + window.width;
        while (x0 < x1 && first[x0] == first[x0 + 1])
            x0++;
        while (x1 > x0 && first[x1 - 1] == first[x1])
            x1--;
        if (x0 < x1)
            bounds |= Rect(x0, y, x1 - x0, 1);
    }
    return bounds;
}

int WinogradScorer::blocksIn(const BlockLists& lists, const Rect& window) const
{
    const int width = task.correlation.grid1.width;
    int count = 0;
    for (int y = window.y; y < window.br().y; y++)
        count += lists.first[y * width + window.br().x] - lists.first[y * width + window.x];
    return count;
}

void WinogradScorer::score(const BlockLists& lists, float* scores)
{
    task.firstBlock = lists.first.data();
    task.blockList = lists.blocks.data();
    task.scores = scores;
    const Size grid1 = task.correlation.grid1;
    const int columns = (grid1.width + WINDOW_COLUMNS - 1) / WINDOW_COLUMNS;
    const int rows = (grid1.height + WINDOW_ROWS - 1) / WINDOW_ROWS;
    std::vector<Rect> windows;
    for (int i = 0; i < rows * columns; i++)
    {
        const int y = i / columns, x = i % columns;
        const Point first(grid1.width * x / columns, grid1.height * y / rows);
        const Point last(grid1.width * (x + 1) / columns, grid1.height * (y + 1) / rows);
        const Rect cells = boundsOf(lists, Rect(first, last));
        if (!cells.empty())
            windows.push_back(cells);
    }
    // most work first: what is left when other threads have nothing to do is little
    std::stable_sort(windows.begin(), windows.end(), [&](const Rect& a, const Rect& b) { return blocksIn(lists, a) > blocksIn(lists, b); });
    const int count = (int)windows.size();
    std::vector<int64> sitesOf(count);
    parallel_for_(Range(0, count), [&](const Range& range)
    {
        const Ptr<WinogradBuffers> buffers = takeBuffers();
        for (int i = range.start; i < range.end; i++)
        {
            const Rect& cells = windows[i];
            const WinogradWindow window = { cells.y, cells.y + cells.height, cells.x, cells.x + cells.width, 0, 1 };
            sitesOf[i] = scoreSplit(window, *buffers);
        }
        giveBuffers(buffers);
    }, count);
    for (size_t i = 0; i < sitesOf.size(); i++)
        sites += sitesOf[i];
}

}

bool sharesHiddenSites(const ConsensusNet& net)
{
    return NetShape(net).fits;
}

Ptr<PairScorer> createWinogradScorer(const LazyCorrelation& correlation, const ConsensusNet& net, size_t memory)
{
    const NetShape shape(net);
    return shape.fits ? makePtr<WinogradScorer>(correlation, net, shape, memory) : Ptr<WinogradScorer>();
}

}}
