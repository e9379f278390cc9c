// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_CHECKS_HPP
#define OPENCV_SEMCORR_CHECKS_HPP

#include "opencv2/core.hpp"

namespace cv { namespace semcorr {

// Inputs are checked once, here, at the public boundary; what these return needs no further check.

// h×w×C features, given as 3-D single-channel or 2-D multi-channel Mat: continuous 3-D {h, w, C}, finite
Mat getFeatures(InputArray features, const char* name);
// both sets at once: finite, not all zero, of the same C
void getFeaturePair(InputArray features1, InputArray features2, Mat& f1, Mat& f2);
// {h1, w1, h2, w2}: continuous 4-D CV_32F
Mat getVolume(InputArray volume, const char* name);
// {channels, h1, w1, h2, w2}, or 4-D for one channel: continuous 5-D CV_32F
Mat getActivations(InputArray activations, const char* name);
// h×w CV_32FC2, finite
Mat getField(InputArray field, const char* name);
// N points of any layout and depth: N×1 CV_32FC2, finite, N ≥ 1
Mat getPoints(InputArray points, const char* name);
// N cells (x, y) inside a grid: N×1 CV_32SC2
Mat getCells(InputArray cells, const Size& grid, const char* name);
// one Mat or vector of numbers, or a list of either; deep copies, continuous CV_32F
std::vector<Mat> getFloatMats(InputArrayOfArrays arrays, const char* name);
// {out, in, kh1, kw1, kh2, kw2}, odd kernel sizes, sizes within reason
void checkKernel4d(const Mat& weights, const String& name);
void checkSize(const Size& size, const char* name);
// CV_8UC3, both sides at least 2
Mat getImage(InputArray image, const char* name);

void checkRange(int value, int low, int high, const char* name);
// an enum given as int; names lists what is allowed, e.g. "CONV_SAME (0) or CONV_VALID (1)"
void checkEnum(int value, int last, const char* name, const char* allowed);

// "3x4x5" for error texts
String shapeOf(const Mat& m);

}}

#endif
