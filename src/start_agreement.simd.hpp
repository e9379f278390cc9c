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

// How far a start may be below a cell's best in value, of LARGEST_DIAGONAL, if no neighbour begins near it, and for each one that does
static const int GAP_ALONE = 1, GAP_PER_NEIGHBOUR = 3;
static const int NEAR_START = 2;         // cells
static const int WANTED_NEIGHBOURS = 4;  // that begin near what a cell takes over from one of them
static const int SHARED_RANKS = 8;       // of each neighbour's starts, best first

enum { MIDDLE = NEAR / 2 };

// What the cells around one begin with, moved to it at the same displacement
struct StartsAround
{
    StartsAround(const StartField& field, const Point& p)
    {
        for (int i = 0; i < NEAR; i++)
        {
            const Point d(i % 3 - 1, i / 3 - 1);
            const bool exists = i != MIDDLE && isInside(field.grid1, p + d);
            const int cell = field.cellOf(p + d);
            counts[i] = exists ? field.counts[cell] : 0;
            if (counts[i] > 0)
                move(field.places + (size_t)cell * StartField::SIZE, StartField::place(d), places[i]);
            else
                std::fill_n(places[i], (int)StartField::SIZE, (unsigned)StartField::NOWHERE);
        }
    }

    static CV_ALWAYS_INLINE void move(const unsigned* src, unsigned by, unsigned* dst)
    {
#if CV_SIMD
        const v_uint16 moves = v_reinterpret_as_u16(vx_setall_u32(by));
        for (int i = 0; i < StartField::SIZE; i += LANES)
            v_store(dst + i, v_reinterpret_as_u32(v_sub_wrap(v_reinterpret_as_u16(vx_load(src + i)), moves)));
#else
        for (int i = 0; i < StartField::SIZE; i++)
            dst[i] = StartField::moved(src[i], by);
#endif
    }

    // How many of the cells begin near a target. All are asked: when to stop is hard to predict.
    CV_ALWAYS_INLINE int countNear(unsigned target) const
    {
        const unsigned corner = StartField::moved(target, StartField::place(Point(NEAR_START, NEAR_START)));
        int count = 0;
        for (int i = 0; i < NEAR; i++)
            if (i != MIDDLE)
                count += anyNear(places[i], corner);
        return count;
    }

    // Whether any place is at most 2·NEAR_START beyond a corner, along both axes
    static CV_ALWAYS_INLINE bool anyNear(const unsigned* places, unsigned corner)
    {
#if CV_SIMD
        const v_uint16 corners = v_reinterpret_as_u16(vx_setall_u32(corner)), reach = vx_setall_u16(2 * NEAR_START);
        v_uint32 found = vx_setzero_u32();
        for (int i = 0; i < StartField::SIZE; i += LANES)
        {
            const v_uint16 beyond = v_sub_wrap(v_reinterpret_as_u16(vx_load(places + i)), corners);
            found = v_or(found, v_eq(v_reinterpret_as_u32(v_min(beyond, reach)), v_reinterpret_as_u32(beyond)));
        }
        return v_check_any(found);
#else
        bool found = false;
        for (int i = 0; i < StartField::SIZE; i++)
        {
            const unsigned beyond = StartField::moved(places[i], corner);
            found |= beyond >> 16 <= 2 * NEAR_START && (beyond & 0xFFFF) <= 2 * NEAR_START;
        }
        return found;
#endif
    }

    int counts[NEAR];
    unsigned places[NEAR][StartField::SIZE];
};

void dropLonelyIn(const StartField& field, const Mat& values, const Range& rows, Mat& targets)
{
    for (int p = rows.start * field.grid1.width; p < rows.end * field.grid1.width; p++)
    {
        const StartsAround around(field, cellAt(field.grid1, p));
        const unsigned* own = field.places + (size_t)p * StartField::SIZE;
        const uchar* value = values.ptr(p);
        int *cells = targets.ptr<int>(p), kept = 1;
        for (int k = 1; k < field.counts[p]; k++)
        {
            const int gap = value[0] - value[k] - GAP_ALONE;
            if (gap <= 0 || around.countNear(own[k]) >= divUp(gap, GAP_PER_NEIGHBOUR))
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
    const StartsAround around(field, p);
    const int most = blocks.count + SHARED_STARTS;
    for (int k = 0; k < SHARED_RANKS; k++)
        for (int i = 1; i < NEAR && blocks.count < most; i += 2)
        {
            if (k >= around.counts[i])
                continue;
            const unsigned place = around.places[i][k];
            const Point target = StartField::targetAt(place);
            const int block = grid2.blockOf(target);
            if (!grid2.contains(target) || blocks.contain(block) || around.countNear(place) < WANTED_NEIGHBOURS)
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
