// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_DIAGONAL_MAXIMA_HPP
#define OPENCV_SEMCORR_DIAGONAL_MAXIMA_HPP

#include "lazy_correlation.hpp"
#include "rounded_features.hpp"

namespace cv { namespace semcorr {

enum
{
    PLANE_BLOCK = 32,  // target cells that are correlated together
    LARGEST_DIAGONAL = 255  // the largest possible correlation, and mean of such, as a byte
};

// Target cells lie in a plane with one empty row above and below, and one empty cell before each row: cell (x, y) at
// (y + 1)·step + x + 1.
struct TargetPlane
{
    explicit TargetPlane(const Size& grid_)
        : grid(grid_), step(grid_.width + 1), first(step), last((grid_.height + 1) * step), firstBlock(first / PLANE_BLOCK),
          lastBlock((last + PLANE_BLOCK - 1) / PLANE_BLOCK), size((last + step) / PLANE_BLOCK * PLANE_BLOCK + 3 * PLANE_BLOCK) {}

    int indexOf(int y, int x) const { return (y + 1) * step + x + 1; }
    int cellAt(int index) const { return (index / step - 1) * grid.width + index % step - 1; }

    Size grid;
    int step, first, last;      // [first, last): from the first to the last row of cells
    int firstBlock, lastBlock;  // that hold these
    int size;                   // of a plane in memory, with what vectors write beyond its end
};

// What kernels read: features rounded to eight bits, as words of 32 bits that hold `perWord` channels
struct DiagonalTask
{
    DiagonalTask(const Size& grid2, const Size& grid1_, int words_)
        : plane(grid2), grid1(grid1_), words(words_), words1(0), words2(0), bias1(0), scale(0), shift(0), factor(0), margin(0),
          weights1(0), weights2(0) {}

    TargetPlane plane;
    Size grid1;
    int words;                // per cell
    const int* words1;        // {cells of grid 1, words}
    const int* words2;        // {blocks of the plane, words, PLANE_BLOCK}
    const int* bias1;         // {cells of grid 1} what products of words are off by
    float scale;              // from products of integers to correlations as bytes, which the mutual filter multiplies by others;
    int shift;                // without it (product >> shift) · factor / 2^16
    short factor;
    int margin;               // maxima that are so much below a cell's best one are left out
    const float *weights1, *weights2;  // {cells of grid 1}, {plane}: mutual filter c³·w1·w2; null without
};

// Bytes in which the maxima of a part of grid 1 are worked out: planes of which cells there are, and of what is smoothed of one source
// cell; for each column of the part, of means over it and the columns beside it in the last two rows; of the correlations of a row and
// of the cells before and after it, in whose place the means over all rows come. Vectors read up to a row of cells before and after a
// plane of means: what comes of the former is outside the grid, and the latter is the empty row of the next plane.
inline size_t diagonalScratch(const TargetPlane& plane, int columns)
{
    return (size_t)plane.size * (3 * columns + 4);
}

// A first guess of the consensus: the correlations of 3×3 source cells at the same displacement, near ones counting more, smoothed
// a little over displacements:
//
//     s(p, q) = Σ_u b(u) Σ_v g(v) c(p + u, q + u + v),   b = (1, 2, 1)ᵀ (1, 2, 1) / 16,   g = 1/2 at 0, 1/8 at its four neighbours
//
// Cells outside the grids and negative correlations count as 0; s is at least 1. Of the local maxima of s over 3×3 cells of grid 2 the best `keep` for
// each source cell, best first, and none far below the first; −1 where there are fewer.
//
// As this is only where a search begins, c is computed from features rounded to 8 bits: a quarter of the time where the processor
// multiplies bytes, and the same result where it does not. c and s are bytes, too (c rounded down, or, after the mutual filter, to the
// nearest one), and so is every mean of two, rounded up, of which s is made.
//
// `features` are those of `correlation`, of which the mutual filter's maxima are used; cells, values {cells of grid 1, keep}: the maxima
// and what s is there, of which LARGEST_DIAGONAL is the largest possible. Works on larger parts of the grid where it may take more
// `memory`.
void diagonalMaxima(const RoundedPair& features, const LazyCorrelation& correlation, int keep, int* cells, uchar* values,
                    size_t memory);
// RoundedFeatures::perWord that diagonalMaxima expects
int channelsPerWord();
// Bytes of workspace that this takes
size_t diagonalBytes(const LazyCorrelation& correlation, size_t memory);

}}

#endif
