// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

#include "precomp.hpp"
#include "pair_scorer.hpp"
#include "simd_vec.hpp"
#include "start_agreement.hpp"

namespace cv { namespace semcorr {

CV_CPU_OPTIMIZATION_NAMESPACE_BEGIN

void dropLonelyIn(const StartField& field, const Mat& values, const Range& rows, Mat& targets);
void appendSharedIn(const StartField& field, const Size& grid2, const Range& rows, Mat& targets);

#ifndef CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

// How far a start may be below a cell's best in value, if no neighbour begins near it, and for each one that does
static const int GAP_ALONE = LARGEST_DIAGONAL / 200, GAP_PER_NEIGHBOUR = LARGEST_DIAGONAL * 3 / 200;
static const int NEAR_START = 2;         // cells
static const int WANTED_NEIGHBOURS = 4;  // that begin near what a cell takes over from one of them
static const int SHARED_RANKS = 8;       // of each neighbour's starts, best first

// Whether a cell begins near a target
static CV_ALWAYS_INLINE bool beginsNear(const StartField& field, int cell1, const Point& target)
{
    if (field.counts[cell1] == 0)
        return false;
    const unsigned* places = field.places + (size_t)cell1 * StartField::SIZE;
    const unsigned corner = StartField::place(target - Point(NEAR_START, NEAR_START));
#if CV_SIMD
    const v_uint16 corners = v_reinterpret_as_u16(vx_setall_u32(corner)), reach = vx_setall_u16(2 * NEAR_START);
    v_uint32 found = vx_setzero_u32();
    for (int i = 0; i < StartField::SIZE; i += LANES)
    {
        const v_uint16 near = v_le(v_sub_wrap(v_reinterpret_as_u16(vx_load(places + i)), corners), reach);
        found = v_or(found, v_eq(v_reinterpret_as_u32(near), vx_setall_u32(~0u)));  // along both axes
    }
    return v_check_any(found);
#else
    bool found = false;
    for (int i = 0; i < StartField::SIZE; i++)
        found |= (ushort)((places[i] >> 16) - (corner >> 16)) <= 2 * NEAR_START && (ushort)(places[i] - corner) <= 2 * NEAR_START;
    return found;
#endif
}

// How many of the eight cells around one begin near a target at the same displacement. All are asked: when to stop is hard to predict.
static CV_ALWAYS_INLINE int neighboursBeginNear(const StartField& field, const Point& p, const Point& target)
{
    int count = 0;
    for (int i = 0; i < 9; i++)
    {
        const Point d(i % 3 - 1, i / 3 - 1);
        if (i != 4 && isInside(field.grid1, p + d))
            count += beginsNear(field, field.cellOf(p + d), target + d);
    }
    return count;
}

void dropLonelyIn(const StartField& field, const Mat& values, const Range& rows, Mat& targets)
{
    for (int p = rows.start * field.grid1.width; p < rows.end * field.grid1.width; p++)
    {
        const Point p1 = cellAt(field.grid1, p);
        const short* value = values.ptr<short>(p);
        int *cells = targets.ptr<int>(p), kept = 1;
        for (int k = 1; k < field.counts[p]; k++)
        {
            const int gap = value[0] - value[k] - GAP_ALONE;
            if (gap <= 0 || neighboursBeginNear(field, p1, field.start(p, k)) >= divUp(gap, GAP_PER_NEIGHBOUR))
                cells[kept++] = cells[k];
        }
        std::fill(cells + kept, cells + targets.cols, -1);
    }
}

// A cell's starts as blocks, filled up to whole vectors with −1
struct StartBlocks
{
    explicit StartBlocks(int most) : blocks(alignSize(most, LANES)), count(0) {}

    void clear()
    {
        std::fill(blocks.begin(), blocks.end(), -1);
        count = 0;
    }
    void add(int block) { blocks[count++] = block; }
    bool contain(int block) const
    {
#if CV_SIMD
        v_int32 found = vx_setzero_s32();
        for (int i = 0; i < count; i += LANES)
            found = v_or(found, v_eq(vx_load(&blocks[i]), vx_setall_s32(block)));
        return v_check_any(found);
#else
        return std::find(blocks.begin(), blocks.begin() + count, block) != blocks.begin() + count;
#endif
    }

    std::vector<int> blocks;
    int count;
};

// Appends to a cell's starts those of its neighbours, at the same displacement, that many of them begin near; best ranks first, and
// one of each block, as its cells are scored together.
static void appendShared(const StartField& field, const BlockGrid& grid2, const Point& p, StartBlocks& blocks, int* cells)
{
    blocks.clear();
    for (; *cells >= 0; cells++)
        blocks.add(grid2.blockOf(cellAt(grid2.grid, *cells)));
    const int most = blocks.count + SHARED_STARTS;
    for (int k = 0; k < SHARED_RANKS; k++)
        for (int i = 1; i < 9 && blocks.count < most; i += 2)
        {
            const Point d(i % 3 - 1, i / 3 - 1);
            if (!isInside(field.grid1, p + d) || k >= field.counts[field.cellOf(p + d)])
                continue;
            const Point target = field.start(field.cellOf(p + d), k) - d;
            const int block = grid2.blockOf(target);
            if (!grid2.contains(target) || blocks.contain(block) || neighboursBeginNear(field, p, target) < WANTED_NEIGHBOURS)
                continue;
            blocks.add(block);
            *cells++ = target.y * grid2.grid.width + target.x;
        }
}

void appendSharedIn(const StartField& field, const Size& grid2, const Range& rows, Mat& targets)
{
    StartBlocks blocks(targets.cols);
    for (int p = rows.start * field.grid1.width; p < rows.end * field.grid1.width; p++)
        appendShared(field, BlockGrid(grid2), cellAt(field.grid1, p), blocks, targets.ptr<int>(p));
}

#endif  // CV_CPU_OPTIMIZATION_DECLARATIONS_ONLY

CV_CPU_OPTIMIZATION_NAMESPACE_END

}}
