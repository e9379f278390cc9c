// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_START_AGREEMENT_HPP
#define OPENCV_SEMCORR_START_AGREEMENT_HPP

#include "diagonal_maxima.hpp"

namespace cv { namespace semcorr {

// Starts that neighbours have at the same displacement are more often right than others, and cost less, as they share hidden
// activations. `targets` {cells of grid 1, any}: row-major target cells of each source cell, best first, −1 after the last.

enum { SHARED_STARTS = 8 };  // most that a cell takes over

// Target cells that source cells begin with, of each the first ones if there are more
struct StartField
{
    enum { SIZE = 16 };

    // On grids of more than 2^16 cells along a side modulo that, which makes a few other starts, no wrong scores
    static unsigned place(const Point& target) { return (unsigned)target.y << 16 | (target.x & 0xFFFF); }
    int cellOf(const Point& p) const { return p.y * grid1.width + p.x; }
    Point start(int cell1, int k) const
    {
        const unsigned place = places[(size_t)cell1 * SIZE + k];
        return Point(place & 0xFFFF, place >> 16);
    }

    Size grid1;
    const unsigned* places;  // {cells of grid 1, SIZE}; after the last start the first one again
    const int* counts;       // {cells of grid 1}
};

// Leaves a cell its best start, and of the others those that are near it in value, or that many neighbours begin near. values: what
// diagonalMaxima gives with the targets
void dropLonelyStarts(const Size& grid1, const Size& grid2, const Mat& values, Mat& targets);
// Bytes of workspace that this takes
size_t agreementBytes(const Size& grid1);

// The targets, followed by those of neighbours that many neighbours begin near, in other blocks, and by at least one −1
Mat withSharedStarts(const Mat& targets, const Size& grid1, const Size& grid2);
// Bytes of this and the workspace that it takes; own: columns of `targets`
size_t sharedStartBytes(const Size& grid1, int own);

}}

#endif
