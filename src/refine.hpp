// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_REFINE_HPP
#define OPENCV_SEMCORR_REFINE_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// Cells of an image and its pixels: cell j of `cells` covers pixels [j·side/cells, (j+1)·side/cells).
inline float cellToPixel(float cell, int cells, int side)
{
    return (float)((cell + 0.5) * side / cells - 0.5);
}

inline double pixelToCell(double pixel, int cells, int side)
{
    return (pixel + 0.5) * cells / side - 0.5;
}

// What refinement sees of a source cell: the scores of 5×5 targets around the best, −FLT_MAX where there are none
enum { AROUND_RADIUS = 2, AROUND_SIDE = 2 * AROUND_RADIUS + 1, AROUND = AROUND_SIDE * AROUND_SIDE };

// Cuts them out of the scores of all targets (h2×w2, continuous)
void scoresAround(const float* scores, const Size& grid2, const Point& target, float* around);

// Sub-cell position of the best target; Refinement mode
Point2f refineMatch(const float* around, const Point& target, int mode);

// The field at a fractional source cell position: bilinear between cells, linear beyond the outermost centres
Point2f sampleField(const Mat& field, double x, double y);

}}

#endif
