// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_DENSE_METHOD_HPP
#define SEMCORR_TRAIN_DENSE_METHOD_HPP

#include "dense_net.hpp"
#include "method.hpp"
#include "self_similarity.hpp"

namespace train {

// NC-Net and ANC-Net: scores of all pairs of cells at once, filtered to soft mutual nearest neighbours before and after the net,
// and, on request, the mean of those of the correlation and of the correlation of self-similarity.
class DenseMethod : public Method
{
public:
    explicit DenseMethod(const Options& options);

    torch::Tensor loss(const Features& features, const Batch& batch) CV_OVERRIDE;
    cv::Ptr<cv::semcorr::Matcher> toMatcher(const cv::Ptr<cv::semcorr::FeatureNet>& features) const CV_OVERRIDE;

    // n×h1×w1×h2×w2 from adapted features, n×D×h×w; masks: n×1×h×w
    torch::Tensor scores(const torch::Tensor& features1, const torch::Tensor& mask1, const torch::Tensor& features2,
                         const torch::Tensor& mask2);

private:
    torch::Tensor branchScores(const torch::Tensor& features1, const torch::Tensor& features2, const torch::Tensor& mask);
    torch::Tensor labelledLoss(const torch::Tensor& scores, const Batch::Side& from, const Batch::Side& to,
                               const torch::Tensor& valid) const;

    const std::string kind;  // of the loss
    const double sigma, orthogonal;
    DenseNet net;
    SelfSimilarity branch;
};
}

#endif
