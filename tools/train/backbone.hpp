// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_BACKBONE_HPP
#define SEMCORR_TRAIN_BACKBONE_HPP

#include <memory>
#include <string>
#include <vector>

#include "last_blocks.hpp"
#include "opencv2/semcorr/features.hpp"
#include "options.hpp"

namespace train {

// The net whose features are trained on. If its last blocks are trained, too, what comes before them is computed once.
struct Backbone
{
    // h×w×C CV_32F, what is computed once: unit-length features, or the activations that the blocks take
    cv::Mat computeOnce(const cv::Mat& image) const;

    // h×w×D unit-length features of it, by the blocks as they are in the file
    cv::Mat features(const cv::Mat& computed) const;

    LastBlocks copyBlocks() const;            // null if none are trained

    // Changes with the net, the outputs used and how pixel values are scaled, not with the size that pictures get: --start-from may
    // begin at another one, and --resume compares that option itself.
    std::string fingerprint() const;

    std::string file;                         // empty: the built-in one
    std::vector<uchar> onnx;
    cv::Ptr<cv::semcorr::FeatureNet> net;     // without an adapter
    int channels = 0;                         // D

    // null and empty if no blocks are trained
    std::shared_ptr<const OnnxGraph> graph;
    std::string cut, output;                  // tensors before and behind the blocks
    LastBlocks blocks{ nullptr };
    cv::Ptr<cv::semcorr::FeatureNet> before;  // the net up to the cut, with a channel of ones, each cell of unit length
};

// Throws where LibTorch does not compute for the blocks what cv::dnn does
Backbone createBackbone(const Options& options);

// The one output of the net that is used; throws, naming the option that needs it, where there are more
std::string onlyOutput(const Backbone& backbone, const char* option);

}

#endif
