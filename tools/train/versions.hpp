// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_VERSIONS_HPP
#define SEMCORR_TRAIN_VERSIONS_HPP

#include <string>
#include <vector>

#include "opencv2/core.hpp"
#include "options.hpp"
#include "warp.hpp"

namespace train {

// A picture as a net sees it in training
struct Version
{
    cv::Mat image;  // CV_8UC3
    Warp warp;      // from its pixels to those of the picture
};

// Versions of a labelled picture. Number 0 is the picture itself; odd ones are mirrored if Options::flips is set, number 1
// being the mirrored picture itself; all others are scaled, turned, shifted and recoloured, with at least 8 of 10 of the
// picture's annotated points inside.
Version labelledVersion(const cv::Mat& picture, const std::vector<cv::Point2f>& points, int number, uint64_t seed,
                        const Options& options);

// Versions of an unlabelled picture. Number 0 is the picture itself; others are warped by a homography and a thin-plate
// spline, and recoloured.
Version warpedVersion(const cv::Mat& picture, int number, uint64_t seed, const Options& options);

// What the options say about versions, for keys of what is made of them
std::string versionRecipe(const Options& options);

}

#endif
