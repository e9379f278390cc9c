// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_SELF_SIMILARITY_HPP
#define OPENCV_SEMCORR_SELF_SIMILARITY_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// ANC-Net's second branch: window products and 2D convolutions on them, checked once.
struct SelfSimilarity
{
    SelfSimilarity() : window(0) {}  // no branch
    SelfSimilarity(InputArrayOfArrays weights, InputArrayOfArrays biases, int window);

    bool empty() const { return window == 0; }
    int channels() const;
    Mat compute(const Mat& features) const;  // {h, w, C} → {h, w, channels()}

    int window;
    std::vector<Mat> weights, biases;
};

}}

#endif
