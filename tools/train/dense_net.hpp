// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_DENSE_NET_HPP
#define SEMCORR_TRAIN_DENSE_NET_HPP

#include <torch/torch.h>

#include "opencv2/semcorr/consensus.hpp"
#include "options.hpp"

namespace train {

// The net of NC-Net or ANC-Net: 4D convolutions on the correlation of all pairs of cells, zero-padded at each layer, ReLU after
// each, made symmetric over the whole net (NC-Net) or over each block (ANC-Net).
class DenseNetImpl : public torch::nn::Module
{
public:
    explicit DenseNetImpl(const Options& options);

    // correlation: n×h1×w1×h2×w2; mask: the same size, 1 where both cells are inside their pictures' grids. Returns scores of
    // the same size, 0 where the mask is.
    torch::Tensor forward(const torch::Tensor& correlation, const torch::Tensor& mask);

    // The same net for inference
    cv::Ptr<cv::semcorr::ConsensusNet> toConsensusNet() const;

private:
    struct Block
    {
        std::vector<torch::Tensor> weights, biases;  // of parallel convolutions, out×in×k1×k1×k2×k2 and out
        bool joined;                                 // one symmetric unit with the block before
    };

    torch::Tensor chain(torch::Tensor x, const torch::Tensor& mask, size_t first, size_t last, bool swapped) const;

    std::vector<Block> blocks;
    int symmetry;
    double residual;
    bool reduced;  // bfloat16 while training
};
TORCH_MODULE(DenseNet);

}

#endif
