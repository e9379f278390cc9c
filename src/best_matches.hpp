// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_BEST_MATCHES_HPP
#define OPENCV_SEMCORR_BEST_MATCHES_HPP

namespace cv { namespace semcorr {

// The first of the largest of n > 0 scores; the first not-a-number if there is one
int indexOfBest(const float* scores, int n);

// best[i] = max(best[i], scores[i]); where that is greater than before, indices[i] = index
void keepBest(const float* scores, int n, int index, float* best, int* indices);

}}

#endif
