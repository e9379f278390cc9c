// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_SCORE_NET_HPP
#define SEMCORR_TRAIN_SCORE_NET_HPP

#include <torch/torch.h>

#include "opencv2/semcorr/consensus.hpp"
#include "options.hpp"

namespace train {

// The local score of PMNC: valid 4D convolutions on the zero-padded correlation, ReLU between them, plus a multiple of the
// correlation: a cv::semcorr::ConsensusNet of PADDING_INPUT and SYMMETRY_NONE. The shape is our choice, as is the way it is
// computed here: the scores of one source cell and all target cells need only the target maps of the source cells around it,
// and become 2D convolutions over the target with (source cell, channel) as channels.
class ScoreNetImpl : public torch::nn::Module
{
public:
    explicit ScoreNetImpl(const Options& options);

    // features1, features2: n×D×h×w unit-length cells, 0 outside the pictures' grids; cells: n×k×2 whole source cells (x, y),
    // int64. Returns the scores with all target cells, n×k×h2×w2 (meaningless outside the second picture's grid).
    torch::Tensor forward(const torch::Tensor& features1, const torch::Tensor& features2, const torch::Tensor& cells);

    // The same net for inference
    cv::Ptr<cv::semcorr::ConsensusNet> toConsensusNet() const;

private:
    torch::Tensor correlations(const torch::Tensor& features1, const torch::Tensor& features2, const torch::Tensor& cells) const;

    std::vector<torch::Tensor> weights, biases;  // of each layer, out×in×k×k×k×k and out
    int64_t radius;                              // source cells around one that its score depends on
    double residual;
    bool reduced;                                // bfloat16 while training
};
TORCH_MODULE(ScoreNet);

}

#endif
