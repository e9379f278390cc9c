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
    enum { SIZE = 16, NOWHERE = 0x7FFF7FFF };

    // y · 2^16 + x, both modulo 2^16: grids of 2^15 cells along a side or more make a few other starts, no wrong scores.
    static unsigned place(const Point& target) { return (unsigned)target.y << 16 | (target.x & 0xFFFF); }
    static unsigned moved(unsigned place, unsigned by) { return ((place >> 16) - (by >> 16)) << 16 | ((place - by) & 0xFFFF); }
    static Point targetAt(unsigned place) { return Point((short)place, (short)(place >> 16)); }
    int cellOf(const Point& p) const { return p.y * grid1.width + p.x; }

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
