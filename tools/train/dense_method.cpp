// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "dense_method.hpp"

#include "losses.hpp"
#include "tensors.hpp"

using cv::semcorr::Matcher;
using torch::Tensor;

namespace train {

static const double MUTUAL_EPS = 1e-5;  // of cv::semcorr::mutualFilter

DenseMethod::DenseMethod(const Options& options)
    : kind(options.loss), sigma(options.sigma), orthogonal(options.orthogonal), net(register_module("net", DenseNet(options))),
      branch(nullptr)
{
    if (options.selfSimilarity)
        branch = register_module("self_similarity", SelfSimilarity());
}

// n×h1×w1×h2×w2
static Tensor correlate(const Tensor& features1, const Tensor& features2)
{
    const Tensor c = torch::bmm(features1.flatten(2).transpose(1, 2), features2.flatten(2));
    return c.view({ c.size(0), features1.size(2), features1.size(3), features2.size(2), features2.size(3) });
}

static Tensor mutualFilter(const Tensor& c, const Tensor& mask)
{
    const Tensor inside = c.masked_fill(mask == 0, -1e30);  // c is 0 where a maximum is over nothing
    const Tensor over1 = inside.amax({ 1, 2 }, true), over2 = inside.amax({ 3, 4 }, true);
    return c * (c / (over1 + MUTUAL_EPS)) * (c / (over2 + MUTUAL_EPS));
}

Tensor DenseMethod::branchScores(const Tensor& features1, const Tensor& features2, const Tensor& mask)
{
    return mutualFilter(net->forward(mutualFilter(correlate(features1, features2), mask), mask), mask);
}

Tensor DenseMethod::scores(const Tensor& features1, const Tensor& mask1, const Tensor& features2, const Tensor& mask2)
{
    const Tensor mask = correlate(mask1, mask2);
    const Tensor first = branchScores(features1, features2, mask);
    if (!branch)
        return first;
    return (first + branchScores(branch->forward(features1, mask1), branch->forward(features2, mask2), mask)) / 2;
}

// scores: n×h1×w1×h2×w2; cells: n×k×2 whole cells of grid 1. Returns n×k×h2×w2
static Tensor scoresOfCells(const Tensor& scores, const Tensor& cells)
{
    const Tensor rows = cells.select(2, 1) * scores.size(2) + cells.select(2, 0);
    const Tensor images = torch::arange(scores.size(0), cells.options()).view({ -1, 1 });
    return scores.flatten(1, 2).index({ images, rows });
}

Tensor DenseMethod::labelledLoss(const Tensor& s, const Batch::Side& from, const Batch::Side& to, const Tensor& valid) const
{
    if (kind == "ancnet")
        return rowLoss(s, from.mask, from.cells, to.mask, to.cells, valid, sigma, orthogonal);
    return proxyLoss(scoresOfCells(s, nearestCells(from)), to.mask, to.cells, valid, sigma);
}

Tensor DenseMethod::loss(const Features& f, const Batch& batch)
{
    const Tensor s = scores(f.side1, batch.side1.mask, f.side2, batch.side2.mask);
    if (kind == "weak")
        return matchability(scores(f.side1, batch.side1.mask, f.others, batch.others.mask), batch.side1.mask, batch.others.mask) -
               matchability(s, batch.side1.mask, batch.side2.mask);
    return (labelledLoss(s, batch.side1, batch.side2, batch.valid) +
            labelledLoss(s.permute({ 0, 3, 4, 1, 2 }), batch.side2, batch.side1, batch.valid)) / 2;
}

cv::Ptr<Matcher> DenseMethod::toMatcher(const cv::Ptr<cv::semcorr::FeatureNet>& features) const
{
    Matcher::Params params;
    params.mutual = true;
    params.refine = kind == "entropy" ? cv::semcorr::REFINE_SOFT_ARGMAX : cv::semcorr::REFINE_PARABOLA;  // the former for logits
    const cv::Ptr<Matcher> matcher = Matcher::create(features, net->toConsensusNet(), params);
    if (branch)
    {
        std::vector<cv::Mat> weights, biases;
        for (size_t i = 0; i < branch->weights.size(); i++)
        {
            weights.push_back(toMat(branch->weights[i]));
            biases.push_back(toMat(branch->biases[i]));
        }
        matcher->setSelfSimilarity(weights, biases, SelfSimilarityImpl::WINDOW);
    }
    return matcher;
}

}
