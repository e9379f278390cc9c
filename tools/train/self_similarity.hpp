// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_SELF_SIMILARITY_HPP
#define SEMCORR_TRAIN_SELF_SIMILARITY_HPP

#include <torch/torch.h>

namespace train {

// ANC-Net's second description of cells, as cv::semcorr::selfSimilarity computes it: products with the cells of a window, and
// two convolutions of these; 25 + 64 + 32 channels.
class SelfSimilarityImpl : public torch::nn::Module
{
public:
    enum { WINDOW = 5 };

    SelfSimilarityImpl();

    // features: n×D×h×w; mask: n×1×h×w, 1 inside the pictures' grids. Returns n×121×h×w, 0 outside the grids.
    torch::Tensor forward(const torch::Tensor& features, const torch::Tensor& mask) const;

    std::vector<torch::Tensor> weights, biases;  // out×in×3×3, out
};
TORCH_MODULE(SelfSimilarity);

}

#endif
