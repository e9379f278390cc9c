// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "diagonal_maxima.hpp"

#include "diagonal_maxima.simd.hpp"
#include "diagonal_maxima.simd_declarations.hpp"

namespace cv { namespace semcorr {

int channelsPerWord()
{
    CV_CPU_DISPATCH(channelsOfWord, (), CV_CPU_DISPATCH_MODES_ALL);
}

static void maximaIn(const DiagonalTask& task, const Rect& cells1, int keep, int* cells, uchar* values, uchar* scratch)
{
    CV_CPU_DISPATCH(diagonalMaximaOf, (task, cells1, keep, cells, values, scratch), CV_CPU_DISPATCH_MODES_ALL);
}

namespace {

const int SOURCES = 8;  // that are correlated together
const float MARGIN = 0.05f;  // of the largest possible s: what lies below a cell's best by more is hardly ever the match

// 1 / largest correlation of each target cell
Mat targetWeights(const CorrelationView& v, const TargetPlane& plane)
{
    Mat weights = Mat::zeros(1, plane.size, CV_32F);
    for (int y = 0; y < plane.grid.height; y++)
        for (int x = 0; x < plane.grid.width; x++)
            weights.at<float>(plane.indexOf(y, x)) = 1 / v.best2[v.groupCellOf(y, x)];
    return weights;
}

// A part's planes should hardly be more than a second-level cache of 1 MB holds.
const size_t CACHE_BYTES = 5 << 18;

// What the maxima are worked out in: parts of grid 1, as large as the cache allows, since their halo is correlated twice
struct Plan
{
    Plan(const CorrelationView& v, size_t memory);

    Rect partAt(int index) const;

    Size grid1;
    TargetPlane plane;
    int words;         // of a cell's features
    int columns;       // of a part; of the first and the last, which have no halo on one side, one more
    int across, down;  // parts
    size_t scratch;    // bytes of a part
    size_t held;       // likewise, what all parts share
    size_t bytes() const { return held + getNumThreads() * scratch; }
};

Plan::Plan(const CorrelationView& v, size_t memory) : grid1(v.grid1), plane(v.grid2), words(divUp(v.channels, channelsPerWord()))
{
    held = ((size_t)plane.lastBlock * PLANE_BLOCK * words + (v.best1 ? v.grid1.area() + plane.size : 0)) * sizeof(int);
    const size_t cache = std::min(CACHE_BYTES, (memory - std::min(held, memory)) / getNumThreads());
    // with their halo a multiple of what is correlated together
    for (columns = SOURCES - 2; columns < grid1.width && diagonalScratch(plane, columns + SOURCES + 1) <= cache; )
        columns += SOURCES;
    across = divUp(std::max(grid1.width - 2, 1), columns);
    // parts are all alike: as many for each thread, but not too low ones, since the rows around them are correlated twice
    const int threads = getNumThreads(), most = divUp(grid1.height, 8);
    for (down = 1; down < most && across * down % threads != 0 && across * down < 8 * threads; )
        down++;
    scratch = diagonalScratch(plane, across == 1 ? grid1.width : columns + 1);
}

Rect Plan::partAt(int index) const
{
    const int x = index / down, y = index % down;  // those beside each other in `down` are alike, the last in `across` is smaller
    const int x0 = x == 0 ? 0 : x * columns + 1, x1 = x == across - 1 ? grid1.width : (x + 1) * columns + 1;
    const int y0 = grid1.height * y / down, y1 = grid1.height * (y + 1) / down;
    return Rect(x0, y0, x1 - x0, y1 - y0);
}

// largest: possible product of integers
void setScale(double largest, DiagonalTask& task)
{
    if (largest == 0)
        return;
    task.scale = (float)(LARGEST_DIAGONAL / largest);
    task.shift = 0;
    for (; largest >= 1 << 14; largest /= 2)
        task.shift++;
    task.factor = saturate_cast<short>(LARGEST_DIAGONAL * 65536 / largest);
}

}

size_t diagonalBytes(const LazyCorrelation& correlation, size_t memory)
{
    return Plan(correlation.view(), memory).bytes();
}

void diagonalMaxima(const RoundedPair& features, const LazyCorrelation& correlation, int keep, int* cells, uchar* values,
                    size_t memory)
{
    const CorrelationView& v = correlation.view();
    const Plan plan(v, memory);
    const RoundedFeatures &rounded1 = features.first, &rounded2 = features.second;
    DiagonalTask task(v.grid2, v.grid1, plan.words);
    const Mat packed = rounded2.packed(task.plane.lastBlock, PLANE_BLOCK, [&](int y, int x) { return task.plane.indexOf(y, x); });
    Mat weights1, weights2;
    const double unit = rounded1.scale * rounded2.scale;
    task.words1 = rounded1.words.ptr<int>();
    task.words2 = packed.ptr<int>();
    task.bias1 = features.bias1.ptr<int>();
    setScale(rounded1.longest * rounded2.longest * unit, task);
    task.margin = cvRound(MARGIN * LARGEST_DIAGONAL);
    if (v.best1)
    {
        divide(1, Mat(1, v.grid1.area(), CV_32F, const_cast<float*>(v.best1)), weights1);
        weights1 *= 1 / (unit * unit);
        weights2 = targetWeights(v, task.plane);
        task.weights1 = weights1.ptr<float>();
        task.weights2 = weights2.ptr<float>();
    }
    parallel_for_(Range(0, plan.across * plan.down), [&](const Range& range)
    {
        AutoBuffer<uchar> scratch(plan.scratch);
        for (int i = range.start; i < range.end; i++)
            maximaIn(task, plan.partAt(i), keep, cells, values, scratch.data());
    }, plan.across * plan.down);
}

}}
