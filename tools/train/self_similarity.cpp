// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "self_similarity.hpp"

#include "tensors.hpp"

using torch::Tensor;

namespace train {

SelfSimilarityImpl::SelfSimilarityImpl()
{
    int64_t in = WINDOW * WINDOW;
    for (const int64_t out : { 64, 32 })
    {
        const std::string name = "layer" + std::to_string(weights.size());
        weights.push_back(register_parameter(name + "_weight", randomWeight({ out, in, 3, 3 })));
        biases.push_back(register_parameter(name + "_bias", torch::zeros({ out })));
        in = out;
    }
}

Tensor SelfSimilarityImpl::forward(const Tensor& features, const Tensor& mask) const
{
    const int64_t r = WINDOW / 2, h = features.size(2), w = features.size(3);
    const Tensor padded = torch::constant_pad_nd(features, { r, r, r, r });
    std::vector<Tensor> products, maps;
    for (int64_t x = 0; x < WINDOW; x++)
        for (int64_t y = 0; y < WINDOW; y++)
            products.push_back((features * padded.narrow(2, y, h).narrow(3, x, w)).sum(1, true));
    maps.push_back(torch::cat(products, 1));
    for (size_t i = 0; i < weights.size(); i++)
        maps.push_back(torch::relu(torch::conv2d(maps.back(), weights[i], biases[i], 1, 1)) * mask);
    return torch::cat(maps, 1);
}

}
