// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_BACKBONE_HPP
#define SEMCORR_TRAIN_BACKBONE_HPP

#include <string>
#include <vector>

#include "opencv2/semcorr/features.hpp"
#include "options.hpp"

namespace train {

// The frozen net whose features are trained on
struct Backbone
{
    std::string file;         // empty: the built-in one
    std::vector<uchar> onnx;
    cv::Ptr<cv::semcorr::FeatureNet> net;  // without an adapter
};

Backbone createBackbone(const Options& options);

}

#endif
