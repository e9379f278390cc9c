// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_MODEL_HPP
#define SEMCORR_TRAIN_MODEL_HPP

#include <string>

#include "adapter.hpp"
#include "backbone.hpp"
#include "batch.hpp"
#include "method.hpp"

namespace train {

// Everything that is trained
class ModelImpl : public torch::nn::Module
{
public:
    // blocks: those of the backbone that are trained, or null
    ModelImpl(const Options& options, const std::vector<float>& meanFeature, const LastBlocks& blocks = nullptr);

    // n×D×h×w unit-length features
    torch::Tensor features(const Batch::Side& side) { return adapted(beforeAdapter(side), side); }

    torch::Tensor loss(const Batch& batch);

    const double photoHold;
    LastBlocks blocks;
    Adapter adapter;
    std::shared_ptr<Method> method;

private:
    torch::Tensor beforeAdapter(const Batch::Side& side);
    torch::Tensor adapted(const torch::Tensor& features, const Batch::Side& side);
};
TORCH_MODULE(Model);

// Writes a model file for cv::semcorr::Matcher, completely or not at all. A backbone too large for it is written beside it;
// returns that file's name, or nothing.
std::string saveModel(const std::string& file, const ModelImpl& model, const Backbone& backbone, const std::string& provenance);

}

#endif
