// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef OPENCV_SEMCORR_ROUNDED_FEATURES_HPP
#define OPENCV_SEMCORR_ROUNDED_FEATURES_HPP

#include "opencv2/core.hpp"
#include <functional>

namespace cv { namespace semcorr {

// Features {h, w, C} of a grid, rounded to 8 bits. Words of 32 bits hold as many channels, `perWord`, as an instruction multiplies.
struct RoundedFeatures
{
    RoundedFeatures(const Mat& features, int perWord);

    // {cells} Products are of these features and others of which each byte is larger by 128, if words hold bytes. What they are too
    // large by, negative and modulo 2^32, as what they are added to.
    Mat bias() const;

    // {blocks, words, block}: words of blocks of cells beside each other, as these others: bytes larger by 128. placeOf(y, x): the place
    // of a cell among all of `blocks`; where none lies, features are zeros.
    Mat packed(int blocks, int block, const std::function<int(int y, int x)>& placeOf) const;

    Size grid;
    Mat words;       // {cells, words} CV_32S
    int perWord;     // 4 bytes or 2 short integers
    double scale;    // integers per unit
    double longest;  // vector
};

// Rounded features of two grids, and the bias of the first
struct RoundedPair
{
    RoundedPair(const Mat& f1, const Mat& f2, int perWord);
    static size_t bytes(const Size& grid1, const Size& grid2, int channels, int perWord);

    const RoundedFeatures first, second;
    const Mat bias1;  // of the first
};

}}

#endif
