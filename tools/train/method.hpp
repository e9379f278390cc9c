// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_METHOD_HPP
#define SEMCORR_TRAIN_METHOD_HPP

#include <memory>

#include <torch/torch.h>

#include "batch.hpp"
#include "opencv2/semcorr/matcher.hpp"
#include "options.hpp"

namespace train {

// What scores pairs of cells, and what it is trained by
class Method : public torch::nn::Module
{
public:
    // Adapted unit-length features of a batch's pictures, n×D×h×w. others: of Batch::others, if there are any
    struct Features
    {
        torch::Tensor side1, side2, others;
    };

    virtual torch::Tensor loss(const Features& features, const Batch& batch) = 0;

    // For inference. features: gives what the method was trained on
    virtual cv::Ptr<cv::semcorr::Matcher> toMatcher(const cv::Ptr<cv::semcorr::FeatureNet>& features) const = 0;
};

// That of --method
std::shared_ptr<Method> createMethod(const Options& options);

}

#endif
