// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_TENSORS_HPP
#define SEMCORR_TRAIN_TENSORS_HPP

#include <torch/torch.h>

#include "opencv2/core.hpp"

namespace train {

// n×C×h×w with cells of unit length, as cv::semcorr::normalizeFeatures makes them
inline torch::Tensor unitLength(const torch::Tensor& features)
{
    const double eps = 1e-6;
    return features / torch::sqrt(features.square().sum(1, true) + eps);
}

// Weights of a layer to begin with, out×in×...: even within ±1 / sqrt(values that each sum takes)
inline torch::Tensor randomWeight(const std::vector<int64_t>& sizes)
{
    int64_t fanIn = 1;
    for (size_t i = 1; i < sizes.size(); i++)
        fanIn *= sizes[i];
    return (torch::rand(sizes) * 2 - 1) / std::sqrt((double)fanIn);
}

// Copies of CV_32F arrays of any number of dimensions
inline cv::Mat toMat(const torch::Tensor& tensor)
{
    const torch::Tensor t = tensor.detach().to(torch::kCPU, torch::kFloat).contiguous();
    const std::vector<int> shape(t.sizes().begin(), t.sizes().end());
    return cv::Mat((int)shape.size(), shape.data(), CV_32F, t.data_ptr<float>()).clone();
}

inline torch::Tensor toTensor(const cv::Mat& mat)
{
    CV_Assert(mat.type() == CV_32FC1 && mat.isContinuous());
    const std::vector<int64_t> shape(mat.size.p, mat.size.p + mat.dims);
    return torch::from_blob(const_cast<float*>(mat.ptr<float>()), shape).clone();
}

}

#endif
