// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "method.hpp"

#include "dense_method.hpp"
#include "losses.hpp"
#include "score_net.hpp"

using cv::semcorr::Matcher;
using torch::Tensor;

namespace train {

namespace {

// PMNC: the proxy of local scores
class LocalMethod : public Method
{
public:
    explicit LocalMethod(const Options& options) : net(register_module("net", ScoreNet(options))), sigma(options.sigma) {}

    // Mean of both directions' losses
    Tensor loss(const Features& f, const Batch& batch) CV_OVERRIDE
    {
        const Tensor forth = net->forward(f.side1, f.side2, nearestCells(batch.side1));
        const Tensor back = net->forward(f.side2, f.side1, nearestCells(batch.side2));
        return (proxyLoss(forth, batch.side2.mask, batch.side2.cells, batch.valid, sigma) +
                proxyLoss(back, batch.side1.mask, batch.side1.cells, batch.valid, sigma)) / 2;
    }

    cv::Ptr<Matcher> toMatcher(const cv::Ptr<cv::semcorr::FeatureNet>& features) const CV_OVERRIDE
    {
        Matcher::Params params;
        params.mutual = false;
        params.refine = cv::semcorr::REFINE_SOFT_ARGMAX;  // scores are logits
        return Matcher::create(features, net->toConsensusNet(), params);
    }

private:
    ScoreNet net;
    const double sigma;
};

}

std::shared_ptr<Method> createMethod(const Options& options)
{
    if (options.method == "pmnc")
        return std::make_shared<LocalMethod>(options);
    return std::make_shared<DenseMethod>(options);
}

}
