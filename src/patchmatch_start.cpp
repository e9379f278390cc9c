// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "patchmatch.hpp"

namespace cv { namespace semcorr {

enum
{
    START_LIST = 8,    // maxima of the correlation that are ranked
    COARSE_LIST = 16,  // the same on the coarsest of pooled grids: more are worth carrying, since details are missing
    START_KEEP = 4,    // of the ranked ones, what the search begins with
    NEAR = 9,          // cells of a 3×3 window
    CELLS_AT_A_TIME = 64
};
static const double FEW_PAIRS = 64. * 64 * 64 * 64;  // grids with more are pooled

namespace {

struct Start
{
    int cell;
    float value;
};

bool better(const Start& a, const Start& b)
{
    return a.value > b.value || (a.value == b.value && a.cell < b.cell);
}

Point cellAt(const Size& grid, int index)
{
    return Point(index % grid.width, index / grid.width);
}

bool isInside(const Size& grid, const Point& p)
{
    return (unsigned)p.x < (unsigned)grid.width && (unsigned)p.y < (unsigned)grid.height;
}

// Ranks targets of one source cell by Σ c(p + u, q + u) over the 3×3 offsets u: a first guess of the consensus
class Ranking
{
public:
    explicit Ranking(const LazyCorrelation& correlation_) : correlation(correlation_), view(correlation_.view()) {}

    // targets: `count` cells, sorted in place, equal ones and −1 last as −1; values outside are not touched
    void sort(int cell1, int* targets, int count);
    // replaces each target by the one of highest correlation within one cell
    void climb(int cell1, int* targets, int count);

private:
    void addPair(const Point& p, const Point& q, int owner);
    void correlate();

    const LazyCorrelation& correlation;
    const CorrelationView& view;
    std::vector<int> cells1, cells2, owners;
    std::vector<float> values;
    std::vector<Start> starts;
};

void Ranking::addPair(const Point& p, const Point& q, int owner)
{
    if (!isInside(view.grid1, p) || !isInside(view.grid2, q))
        return;
    cells1.push_back(p.y * view.grid1.width + p.x);
    cells2.push_back(q.y * view.grid2.width + q.x);
    owners.push_back(owner);
}

void Ranking::correlate()
{
    values.resize(owners.size());
    correlation.pairs(cells1.data(), cells2.data(), (int)owners.size(), values.data());
}

void Ranking::sort(int cell1, int* targets, int count)
{
    starts.clear();
    cells1.clear();
    cells2.clear();
    owners.clear();
    const Point p = cellAt(view.grid1, cell1);
    for (int i = 0; i < count; i++)
    {
        if (targets[i] < 0 || std::find(targets, targets + i, targets[i]) != targets + i)
            continue;
        for (int j = 0; j < NEAR; j++)
        {
            const Point u(j % 3 - 1, j / 3 - 1);
            addPair(p + u, cellAt(view.grid2, targets[i]) + u, (int)starts.size());
        }
        const Start start = { targets[i], 0 };
        starts.push_back(start);
    }
    correlate();
    for (size_t i = 0; i < owners.size(); i++)
        starts[owners[i]].value += values[i];
    std::sort(starts.begin(), starts.end(), better);
    std::fill_n(targets, count, -1);
    for (size_t i = 0; i < starts.size(); i++)
        targets[i] = starts[i].cell;
}

void Ranking::climb(int cell1, int* targets, int count)
{
    cells1.clear();
    cells2.clear();
    owners.clear();
    const Point p = cellAt(view.grid1, cell1);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < NEAR && targets[i] >= 0; j++)
            addPair(p, cellAt(view.grid2, targets[i]) + Point(j % 3 - 1, j / 3 - 1), i);
    correlate();
    const Start none = { -1, -FLT_MAX };
    starts.assign(count, none);
    for (size_t i = 0; i < owners.size(); i++)
    {
        const Start start = { cells2[i], values[i] };
        if (starts[owners[i]].cell < 0 || better(start, starts[owners[i]]))
            starts[owners[i]] = start;
    }
    for (int i = 0; i < count; i++)
        targets[i] = starts[i].cell;
}

// Mean of 2×2 cells, scaled to unit length; odd sides end in a half cell
Mat pool(const Mat& f)
{
    const int h = f.size[0], w = f.size[1], channels = f.size[2];
    const int shape[] = { (h + 1) / 2, (w + 1) / 2, channels };
    Mat sums = Mat::zeros(3, shape, CV_32F), result;
    parallel_for_(Range(0, shape[0]), [&](const Range& range)
    {
        for (int y = 2 * range.start; y < std::min(2 * range.end, h); y++)
            for (int x = 0; x < w; x++)
            {
                const float* src = f.ptr<float>(y, x);
                float* dst = sums.ptr<float>(y / 2, x / 2);
                for (int c = 0; c < channels; c++)
                    dst[c] += src[c];
            }
    });
    normalizeFeatures(sums, result);
    return result;
}

Mat fromCorrelation(const LazyCorrelation& correlation, int list, size_t& bytes)
{
    const int cells = correlation.view().grid1.area(), runs = (cells + CELLS_AT_A_TIME - 1) / CELLS_AT_A_TIME;
    Mat targets(cells, list, CV_32S);
    bytes = std::max(bytes, targets.total() * targets.elemSize() + getNumThreads() * correlation.planeBytes());
    parallel_for_(Range(0, runs), [&](const Range& range)
    {
        Ranking ranking(correlation);
        const int first = range.start * CELLS_AT_A_TIME, last = std::min(range.end * CELLS_AT_A_TIME, cells);
        correlation.localMaxima(first, last, list, targets.ptr<int>(first));
        for (int p = first; p < last; p++)
            ranking.sort(p, targets.ptr<int>(p), list);
    });
    return targets;
}

// The coarse grids' targets, at the same position inside their pooled cell, then moved to the best correlation nearby
Mat refine(const Mat& coarse, const Size& coarse1, const Size& coarse2, const LazyCorrelation& correlation)
{
    const Size grid1 = correlation.view().grid1, grid2 = correlation.view().grid2;
    const int list = coarse.cols;
    Mat targets(grid1.area(), list, CV_32S);
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        Ranking ranking(correlation);
        for (int y = range.start; y < range.end; y++)
            for (int x = 0; x < grid1.width; x++)
            {
                const int p = y * grid1.width + x;
                const int* from = coarse.ptr<int>(y / 2 * coarse1.width + x / 2);
                int* to = targets.ptr<int>(p);
                for (int i = 0; i < list; i++)
                {
                    const Point q = 2 * cellAt(coarse2, std::max(from[i], 0)) + Point(x % 2, y % 2);
                    to[i] = from[i] < 0 ? -1 : std::min(q.y, grid2.height - 1) * grid2.width + std::min(q.x, grid2.width - 1);
                }
                ranking.climb(p, to, list);
                ranking.sort(p, to, list);
            }
    });
    return targets.colRange(0, START_LIST).clone();
}

Mat coarseToFine(const Mat& f1, const Mat& f2, const LazyCorrelation& correlation, int list, size_t& bytes)
{
    const CorrelationView& v = correlation.view();
    if ((double)v.grid1.area() * v.grid2.area() <= FEW_PAIRS)
        return fromCorrelation(correlation, list, bytes);
    const Mat coarse1 = pool(f1), coarse2 = pool(f2);
    size_t coarseBytes = 0;
    const LazyCorrelation pooled(coarse1, coarse2, false, 0);
    const Mat targets = coarseToFine(coarse1, coarse2, pooled, COARSE_LIST, coarseBytes);
    bytes = std::max(bytes, coarseBytes + pooled.bytes() + (coarse1.total() + coarse2.total()) * sizeof(float) +
                            v.grid1.area() * COARSE_LIST * sizeof(int));
    return refine(targets, pooled.view().grid1, pooled.view().grid2, correlation);
}

Mat randomTargets(const Size& grid1, const Size& grid2, int seed)
{
    Mat targets(grid1.area(), START_KEEP, CV_32S);
    for (int p = 0; p < targets.rows; p++)
        for (int i = 0; i < START_KEEP; i++)
            targets.at<int>(p, i) = randomBelow(grid2.area(), seed, 0, p, i);
    return targets;
}

}

int randomBelow(int n, int seed, int iteration, int cell, int draw)
{
    // SplitMix64's finaliser over the four keys in turn
    const uint64 keys[] = { (uint64)(unsigned)seed, (uint64)(unsigned)iteration, (uint64)(unsigned)cell, (uint64)(unsigned)draw };
    uint64 x = 0;
    for (int i = 0; i < 4; i++)
    {
        x += keys[i] + 0x9E3779B97F4A7C15ull;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
        x ^= x >> 31;
    }
    return (int)((x >> 32) * (uint64)n >> 32);
}

Mat startTargets(const Mat& f1, const Mat& f2, const LazyCorrelation& correlation, int init, int seed, size_t& bytes)
{
    bytes = 0;
    const CorrelationView& v = correlation.view();
    switch (init)
    {
    case INIT_RANDOM:      return randomTargets(v.grid1, v.grid2, seed);
    case INIT_CORRELATION: return fromCorrelation(correlation, START_LIST, bytes).colRange(0, START_KEEP).clone();
    default:               return coarseToFine(f1, f2, correlation, START_LIST, bytes).colRange(0, START_KEEP).clone();
    }
}

}}
