// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_ADAPTER_HPP
#define SEMCORR_TRAIN_ADAPTER_HPP

#include <torch/torch.h>

#include "options.hpp"

namespace train {

// What is trained on top of the backbone's unit-length features (our choice; the paper does not publish its projection).
//   none     nothing
//   linear   a matrix, D×C
//   context  the features are centred and scaled, x = (f - mean) * gain; y = 1×1(x), C to D channels; for each block
//            y <- y + 1×1(ReLU(depth-wise 5×5(ReLU(1×1(y)))))
// Cells are scaled to unit length at the end.
class AdapterImpl : public torch::nn::Module
{
public:
    // mean: C values, the backbone's mean feature
    AdapterImpl(const Options& options, const std::vector<float>& mean);

    // features: n×C×h×w; mask: n×1×h×w, 1 inside the pictures' grids; dropped: n×C×1×1 factors of the input, or undefined.
    // Returns n×D×h×w, 0 outside the grids.
    torch::Tensor forward(const torch::Tensor& features, const torch::Tensor& mask, const torch::Tensor& dropped = torch::Tensor());

    void load(torch::serialize::InputArchive& archive) override;

    // The mean that is subtracted, or `otherwise` where none is
    std::vector<float> centre(const std::vector<float>& otherwise) const;

    // What the identity, as the start, gives for the same
    torch::Tensor identity(const torch::Tensor& features, const torch::Tensor& mask) const;

    // Moves the weights on the straight line from the identity (share 0) to what they are (share 1), as fine-tuned classifiers
    // are mixed with their start by Wortsman et al., "Robust fine-tuning of zero-shot models", 2022: what was learned of some
    // kinds of objects disturbs less on others.
    void mixWithIdentity(double share);

    struct Convolution
    {
        torch::Tensor weight, bias;  // out×in×k×k, out
    };

    const std::string kind;
    torch::Tensor mean;              // C, a buffer
    double gain;                     // so that centred features have a mean square of 1 if their cells have unit length
    torch::Tensor matrix;            // linear: D×C
    Convolution first;               // context
    struct Block { Convolution widen, context, narrow; };
    std::vector<Block> blocks;

private:
    void setGain();
    torch::Tensor centred(const torch::Tensor& features) const;  // and scaled; context
    Convolution addConvolution(const std::string& name, int out, int in, int side);

    const bool reduced;              // blocks in bfloat16 while training
};
TORCH_MODULE(Adapter);

}

#endif
