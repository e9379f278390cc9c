// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_WARP_HPP
#define SEMCORR_TRAIN_WARP_HPP

#include <vector>

#include "opencv2/core.hpp"

namespace train {

// Where each pixel of a version of a picture comes from: the version's pixels are bent by a thin-plate spline and then mapped
// by a homography. Versions are made on a canvas, the picture or a smaller copy of it.
class Warp
{
public:
    enum { LATTICE = 4, NUMBERS = 4 + 9 + 2 * LATTICE * LATTICE };

    Warp() {}  // of nothing

    // The picture itself. picture, canvas: sizes in pixels
    Warp(const cv::Size& picture, const cv::Size& canvas);

    // matrix: from bent pixels of the version to pixels of the canvas. bend: displacements in pixels at the 4x4 points of a
    // lattice over the version, row by row; empty: none.
    Warp(const cv::Size& picture, const cv::Size& canvas, const cv::Matx33d& matrix,
         const std::vector<cv::Point2f>& bend = std::vector<cv::Point2f>());

    // What toNumbers() gave; throws for other counts
    explicit Warp(const std::vector<double>& numbers);
    std::vector<double> toNumbers() const;

    // From a pixel of the version to one of the picture
    cv::Point2d toPicture(const cv::Point2d& p) const;

    // From a pixel of the picture to one of the version; false where the spline cannot be inverted. It may lie outside.
    bool toVersion(const cv::Point2d& p, cv::Point2d& version) const;

    // The version of a picture of the canvas' size; beyond its borders it is mirrored.
    cv::Mat apply(const cv::Mat& canvas) const;

    const cv::Size& size() const { return canvasSize; }  // of the version
    const cv::Size& pictureSize() const { return sourceSize; }

private:
    cv::Point2d bent(const cv::Point2d& p) const;
    void prepare();

    cv::Size sourceSize, canvasSize;
    cv::Matx33d matrix, inverse;
    std::vector<cv::Point2f> bend;
    std::vector<cv::Point2d> spline;  // weights of the radial functions, then those of 1, x and y
};

// Moves a point between pictures that are scaled copies of each other (pixel centres)
cv::Point2d rescalePoint(const cv::Point2d& p, const cv::Size& from, const cv::Size& to);

}

#endif
