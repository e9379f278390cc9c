// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "windowed_scorer.hpp"
#include <numeric>

namespace cv { namespace semcorr {

TwoLayers::TwoLayers(const ConsensusNet& net) : fits(net.getBlockCount() == 2 && net.getSymmetry() != SYMMETRY_BLOCK)
{
    for (int i = 0; fits && i < 2; i++)
    {
        net.getBlock(i, weights[i], biases[i]);
        fits = weights[i].size() == 1;
        for (int d = 2; fits && d < 6; d++)
            fits = weights[i][0].size[d] == 3;
    }
    fits = fits && weights[0][0].size[0] <= WINDOW_CHANNELS;
}

// Weights of layers {1 or C, C or 1, 3, 3, 3, 3}
float TwoLayers::weight(int layer, int channel, int tap1, int tap2, bool transposed) const
{
    const int outer = transposed ? tap2 : tap1, inner = transposed ? tap1 : tap2;
    return weights[layer][0].ptr<float>()[(channel * WINDOW_TAPS + outer) * WINDOW_TAPS + inner];
}

WindowedScorer::WindowedScorer(const LazyCorrelation& correlation, const ConsensusNet& net, const TwoLayers& layers,
                               const Size& windows_, size_t memory_)
    : windows(windows_), mostWorkspace(memory_), workspaceLimit(memory_), allSites(0)
{
    const BlockGrid blocks(correlation.view().grid2);
    common.correlation = correlation.view();
    common.blocks = blocks.size;
    common.tiles = blocks.size + Size(1, 1);
    common.orientations = net.getSymmetry() == SYMMETRY_NONE ? 1 : 2;
    common.channels = layers.weights[0][0].size[0];
    common.zeroOutside = net.getPadding() == PADDING_LAYER;
    common.lastRelu = net.getLastActivation();
    common.residual = (float)net.getResidual();
    common.outBias = layers.bias(1, 0);
    common.firstBlock = common.blockList = 0;
    common.scores = 0;
    makeTable();
}

// Tile (y, x) begins in group (y/2, x/2), in its middle if y (x) is odd.
void WindowedScorer::makeTable()
{
    const int across = common.correlation.groups.width;
    for (int y = 0; y < common.tiles.height; y++)
        for (int x = 0; x < common.tiles.width; x++)
        {
            const WindowTile tile = { y / 2 * across + x / 2, (y + 1) / 2 * across + x / 2, y % 2, x % 2 };
            tileTable.push_back(tile);
        }
    common.tileTable = tileTable.data();
}

Ptr<WindowBuffers> WindowedScorer::takeBuffers()
{
    AutoLock lock(mutex);
    if (spare.empty())
        spare.push_back(makePtr<WindowBuffers>());
    const Ptr<WindowBuffers> buffers = spare.back();
    spare.pop_back();
    buffers->limit = limitOfThread();
    return buffers;
}

void WindowedScorer::giveBuffers(const Ptr<WindowBuffers>& buffers)
{
    AutoLock lock(mutex);
    spare.push_back(buffers);
}

void WindowedScorer::limitWorkspace(size_t bytes)
{
    workspaceLimit = std::min(mostWorkspace, bytes);
    for (size_t i = 0; i < spare.size(); i++)
        if (spare[i]->bytes() > limitOfThread())
            spare[i]->release();
}

size_t WindowedScorer::workspace() const
{
    size_t bytes = 0;
    for (size_t i = 0; i < spare.size(); i++)
        bytes += spare[i]->bytes();
    return bytes;
}

// Halves what does not fit: columns, then rows, then the cell's list. Returns the hidden sites computed.
int64 WindowedScorer::scoreSplit(const Window& window, WindowBuffers& buffers) const
{
    int64 count = 0;
    if (scoreWindow(window, buffers, count))
        return count;
    buffers.release();  // what the larger window made of the memory does not suit smaller ones
    Window a = window, b = window;
    if (window.x1 - window.x0 > 1)
        a.x1 = b.x0 = (window.x0 + window.x1) / 2;
    else if (window.y1 - window.y0 > 1)
        a.y1 = b.y0 = (window.y0 + window.y1) / 2;
    else
    {
        const int cell = window.y0 * common.correlation.grid1.width + window.x0;
        if (common.firstBlock[cell + 1] - common.firstBlock[cell] <= window.parts)
            CV_Error(Error::StsNoMem, format("scoring one pair of cells needs more than the %.2f MB of workspace that "
                                             "memoryLimit leaves for a thread; raise memoryLimit or use fewer threads", buffers.limit / 1e6));
        a.part = 2 * window.part;
        b.part = a.part + 1;
        a.parts = b.parts = 2 * window.parts;
    }
    return count + scoreSplit(a, buffers) + scoreSplit(b, buffers);
}

// The smallest part of a window that holds all its cells with something to score: later passes ask for little.
Rect WindowedScorer::boundsOf(const BlockLists& lists, const Rect& window) const
{
    Rect bounds;
    for (int y = window.y; y < window.y + window.height; y++)
    {
        const int* first = &lists.first[y * common.correlation.grid1.width];
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

int WindowedScorer::blocksIn(const BlockLists& lists, const Rect& window) const
{
    const int width = common.correlation.grid1.width;
    int count = 0;
    for (int y = window.y; y < window.br().y; y++)
        count += lists.first[y * width + window.br().x] - lists.first[y * width + window.x];
    return count;
}

// Where the windows along one side begin and end, so that each row or column of them has about as much to score. A window is at most a
// quarter longer than `usual`. count: blocks of each row or column of cells
static std::vector<int> windowEnds(const std::vector<int>& count, int usual)
{
    const int cells = (int)count.size(), windows = divUp(cells, usual), most = usual + usual / 4;
    const int64 all = std::accumulate(count.begin(), count.end(), (int64)0);
    std::vector<int> ends(1, 0);
    int64 before = 0;
    for (int i = 1, x = 0; i < windows; i++)
    {
        // what is left for the windows after this one is to fit in them
        const int first = std::max(ends.back() + 1, cells - (windows - i) * most), last = std::min(ends.back() + most, cells - (windows - i));
        while (x < first || (x < last && (2 * before + count[x]) * windows < 2 * all * i))
            before += count[x++];
        ends.push_back(x);
    }
    ends.push_back(cells);
    return ends;
}

void WindowedScorer::score(const BlockLists& lists, float* scores)
{
    common.firstBlock = lists.first.data();
    common.blockList = lists.blocks.data();
    common.scores = scores;
    const Size grid1 = common.correlation.grid1;
    std::vector<int> inColumn(grid1.width), inRow(grid1.height);
    for (int p = 0; p < grid1.area(); p++)
    {
        const int n = lists.first[p + 1] - lists.first[p];
        inColumn[p % grid1.width] += n;
        inRow[p / grid1.width] += n;
    }
    const std::vector<int> columns = windowEnds(inColumn, windows.width), rows = windowEnds(inRow, windows.height);
    std::vector<Rect> parts;
    for (size_t y = 0; y + 1 < rows.size(); y++)
        for (size_t x = 0; x + 1 < columns.size(); x++)
        {
            const Rect cells = boundsOf(lists, Rect(Point(columns[x], rows[y]), Point(columns[x + 1], rows[y + 1])));
            if (!cells.empty())
                parts.push_back(cells);
        }
    // most work first: what is left when other threads have nothing to do is little
    const auto hasMore = [&](const Rect& a, const Rect& b) { return blocksIn(lists, a) > blocksIn(lists, b); };
    std::stable_sort(parts.begin(), parts.end(), hasMore);
    const int count = (int)parts.size();
    std::vector<int64> sitesOf(count);
    parallel_for_(Range(0, count), [&](const Range& range)
    {
        const Ptr<WindowBuffers> buffers = takeBuffers();
        for (int i = range.start; i < range.end; i++)
        {
            const Rect& cells = parts[i];
            const Window window = { cells.y, cells.y + cells.height, cells.x, cells.x + cells.width, 0, 1 };
            sitesOf[i] = scoreSplit(window, *buffers);
        }
        giveBuffers(buffers);
    }, count);
    for (size_t i = 0; i < sitesOf.size(); i++)
        allSites += sitesOf[i];
}

}}
