// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pair_scorer.hpp"
#include "start_agreement.hpp"
#include "opencv2/core/hal/intrin.hpp"

namespace cv { namespace semcorr {

namespace {

// How far a start may be below a cell's best in value, if no neighbour begins near it, and for each one that does
const int GAP_ALONE = LARGEST_DIAGONAL / 200, GAP_PER_NEIGHBOUR = LARGEST_DIAGONAL * 3 / 200;
const int NEAR_START = 2;         // cells
const int WANTED_NEIGHBOURS = 4;  // that begin near what a cell takes over from one of them
const int SHARED_STARTS = 8;      // most that it takes over, of each neighbour's best
const int SHARED_RANKS = 8;

// Target cells that a source cell begins with, the first of them if there are more. On grids of more than 2^16 cells along a side they
// are modulo that, which makes a few other starts, no wrong scores.
struct StartCells
{
    enum { SIZE = 16 };

    StartCells() : count(0) {}
    StartCells(const Size& grid2, const int* starts, int size);
    bool holdsNear(const Point& target) const;
    Point at(int i) const { return Point(x[i], y[i]); }

    ushort y[SIZE], x[SIZE];
    int count;
};

StartCells::StartCells(const Size& grid2, const int* starts, int size) : count(0)
{
    for (; count < std::min(size, (int)SIZE) && starts[count] >= 0; count++)
    {
        y[count] = (ushort)(starts[count] / grid2.width);
        x[count] = (ushort)(starts[count] % grid2.width);
    }
    // all places are compared
    for (int i = count; i < SIZE && count > 0; i++)
    {
        y[i] = y[0];
        x[i] = x[0];
    }
}

// Whether a start lies near a target
bool StartCells::holdsNear(const Point& target) const
{
    const ushort y0 = (ushort)(target.y - NEAR_START), x0 = (ushort)(target.x - NEAR_START), reach = 2 * NEAR_START;
    bool found = false;
#if CV_SIMD128
    for (int i = 0; i < SIZE && count > 0; i += 8)
    {
        const v_uint16x8 dy = v_sub_wrap(v_load(y + i), v_setall_u16(y0)), dx = v_sub_wrap(v_load(x + i), v_setall_u16(x0));
        found |= v_check_any(v_le(v_max(dy, dx), v_setall_u16(reach)));
    }
#else
    for (int i = 0; i < count; i++)
        found |= (ushort)(y[i] - y0) <= reach && (ushort)(x[i] - x0) <= reach;
#endif
    return found;
}

class AllStarts
{
public:
    // targets {cells of grid 1, any}
    AllStarts(const Size& grid1, const Size& grid2, const Mat& targets);

    static size_t bytes(const Size& grid1) { return (size_t)grid1.area() * sizeof(StartCells); }
    const StartCells& operator[](const Point& p) const { return cells[p.y * grid1.width + p.x]; }
    bool beginNear(const Point& p, const Point& target, int wanted) const;

private:
    const Size grid1;
    std::vector<StartCells> cells;
};

AllStarts::AllStarts(const Size& grid1_, const Size& grid2, const Mat& targets) : grid1(grid1_), cells(targets.rows)
{
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        for (int p = range.start * grid1.width; p < range.end * grid1.width; p++)
            cells[p] = StartCells(grid2, targets.ptr<int>(p), targets.cols);
    });
}

// Whether at least `wanted` of the eight cells around one begin near a target at the same displacement
bool AllStarts::beginNear(const Point& p, const Point& target, int wanted) const
{
    for (int i = 0; i < 9 && wanted > 0; i++)
    {
        const Point d(i % 3 - 1, i / 3 - 1);
        if (i != 4 && isInside(grid1, p + d))
            wanted -= (*this)[p + d].holdsNear(target + d);
    }
    return wanted <= 0;
}

// Appends to a cell's starts those of its neighbours, at the same displacement, that many of them begin near; best ranks first, and
// one of each block, as its cells are scored together.
void appendShared(const AllStarts& all, const Size& grid1, const BlockGrid& blocks, const Point& p, std::vector<int>& blocksOfAll,
                  int* cells)
{
    blocksOfAll.clear();
    for (; *cells >= 0; cells++)
        blocksOfAll.push_back(blocks.blockOf(cellAt(blocks.grid, *cells)));
    const size_t most = blocksOfAll.size() + SHARED_STARTS;
    for (int k = 0; k < SHARED_RANKS; k++)
        for (int i = 1; i < 9 && blocksOfAll.size() < most; i += 2)
        {
            const Point d(i % 3 - 1, i / 3 - 1);
            if (!isInside(grid1, p + d) || k >= all[p + d].count)
                continue;
            const Point target = all[p + d].at(k) - d;
            const int block = blocks.blockOf(target);
            if (!blocks.contains(target) || std::find(blocksOfAll.begin(), blocksOfAll.end(), block) != blocksOfAll.end() ||
                !all.beginNear(p, target, WANTED_NEIGHBOURS))
                continue;
            blocksOfAll.push_back(block);
            *cells++ = target.y * blocks.grid.width + target.x;
        }
}

}

void dropLonelyStarts(const Size& grid1, const Size& grid2, const Mat& values, Mat& targets)
{
    const AllStarts all(grid1, grid2, targets);
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        for (int p = range.start * grid1.width; p < range.end * grid1.width; p++)
        {
            const Point p1 = cellAt(grid1, p);
            const short* value = values.ptr<short>(p);
            int *cells = targets.ptr<int>(p), kept = 1;
            for (int k = 1; k < all[p1].count; k++)
            {
                const int gap = value[0] - value[k] - GAP_ALONE, wanted = gap <= 0 ? 0 : divUp(gap, GAP_PER_NEIGHBOUR);
                if (all.beginNear(p1, all[p1].at(k), wanted))
                    cells[kept++] = cells[k];
            }
            std::fill(cells + kept, cells + targets.cols, -1);
        }
    });
}

Mat withSharedStarts(const Mat& targets, const Size& grid1, const Size& grid2)
{
    const AllStarts all(grid1, grid2, targets);
    const BlockGrid blocks(grid2);
    Mat result(targets.rows, targets.cols + SHARED_STARTS + 1, CV_32S, Scalar(-1));  // with a −1 at the end
    targets.copyTo(result.colRange(0, targets.cols));
    parallel_for_(Range(0, grid1.height), [&](const Range& range)
    {
        std::vector<int> scratch;
        for (int p = range.start * grid1.width; p < range.end * grid1.width; p++)
            appendShared(all, grid1, blocks, cellAt(grid1, p), scratch, result.ptr<int>(p));
    });
    return result;
}

size_t sharedStartBytes(const Size& grid1, int own)
{
    return (size_t)grid1.area() * (own + SHARED_STARTS + 1) * sizeof(int) + AllStarts::bytes(grid1);
}

size_t agreementBytes(const Size& grid1)
{
    return AllStarts::bytes(grid1);
}

}}
