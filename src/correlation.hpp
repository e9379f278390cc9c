// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_CORRELATION_HPP
#define OPENCV_SEMCORR_CORRELATION_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

enum { CORRELATION_PANEL = 32 };  // cells: whole tiles of the matrix product in every instruction set

// The features of one grid in the order in which the matrix product reads them, for correlations of some cells at a time.
// These are those of correlate(), bit for bit.
class PackedFeatures
{
public:
    // f2 {N2, C}
    explicit PackedFeatures(const Mat& f2);
    // f1 {n, C} with the cells from `first`, a multiple of CORRELATION_PANEL, to `last`: dst {n, step}
    void correlate(const Mat& f1, int first, int last, float* dst, size_t step) const;

    void release() { packed.release(); }
    static size_t bytes(int cells, int channels)
    {
        return alignSize(cells, CORRELATION_PANEL) * channels * sizeof(float);
    }

private:
    Mat packed;  // {panels, C · CORRELATION_PANEL}
};

}}

#endif
