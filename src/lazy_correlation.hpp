// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_LAZY_CORRELATION_HPP
#define OPENCV_SEMCORR_LAZY_CORRELATION_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

enum
{
    GROUP_SIDE = 4,
    GROUP = GROUP_SIDE * GROUP_SIDE,
    NEAR = 9,        // cells of a 3×3 square
    GRID_BORDER = 2  // cells of padding before row 0 and column 0 of grid 2
};

// What kernels see of a LazyCorrelation. Groups tile the padded grid 2 row by row: group (y, x) holds the cells
// [4y − 2, 4y + 2) × [4x − 2, 4x + 2); those outside grid 2 have zero features.
struct CorrelationView
{
    const float* f1;     // {cells of grid 1, channels}
    const float* f2;     // {cells of grid 2, channels}
    const float* packed; // {groups, channels, GROUP}
    const float* kept;   // {cells of grid 1, groups, GROUP} all correlations; null where there are too many
    int channels;
    Size grid1, grid2, groups;
    // mutual filter: largest correlation of each cell + eps; null without
    const float* best1;  // {cells of grid 1}
    const float* best2;  // {groups, GROUP}

    // place of a cell of grid 2 in arrays of groups
    int groupCellOf(int y, int x) const
    {
        y += GRID_BORDER;
        x += GRID_BORDER;
        return (y / GROUP_SIDE * groups.width + x / GROUP_SIDE) * GROUP + y % GROUP_SIDE * GROUP_SIDE + x % GROUP_SIDE;
    }
};

// Correlations of two grids of features, computed where they are asked for: c(p, q), or its soft mutual nearest neighbours as
// in mutualFilter. A value does not depend on what is computed with it.
class LazyCorrelation
{
public:
    // f1 {h1, w1, C}, f2 {h2, w2, C}: continuous, kept. The mutual filter needs one sweep over all pairs. All correlations are
    // computed at once and kept if they take at most `keepBytes`.
    LazyCorrelation(const Mat& f1, const Mat& f2, bool mutual, size_t keepBytes);

    const CorrelationView& view() const { return v; }
    // out[i] = correlation of cell cells1[i] with cells2[i], row-major indices
    void pairs(const int* cells1, const int* cells2, int n, float* out) const;
    // bytes of the features of grid 2 as they are packed
    static size_t packedBytes(const Size& grid2, int channels);
    // bytes that this object holds
    size_t bytes() const { return (packed.total() + kept.total() + best1.total() + best2.total()) * sizeof(float); }

    // Σ c(p + i + u, q' + u) over the 3×3 offsets u for the source cells p + i of a square of 2×2, at 3×3 moves q' around q + i:
    // sums {4, NEAR}; cells outside the grids count as 0.
    void diagonalsNear(const Point& p, const Point& q, float* sums) const;

private:
    void findMaxima();
    void keepAll();

    Mat f1, f2, packed, kept, best1, best2;
    CorrelationView v;
};

}}

#endif
