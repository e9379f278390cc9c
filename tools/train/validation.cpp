// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "validation.hpp"

#include "file_io.hpp"
#include "photos.hpp"
#include "progress.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "tensors.hpp"

using cv::semcorr::Matcher;

namespace train {

Validation::Validation(const Dataset& data_, const Backbone& backbone_, FeatureCache& cache, bool quiet)
    : backbone(backbone_), data(data_)
{
    if (data.pairs.empty())
        return;
    Progress progress("features for validation", (int)data.pictures.size(), 0, quiet);
    for (size_t i = 0; i < data.pictures.size(); i++)
    {
        const Picture& picture = data.pictures[i];
        const std::vector<uchar> bytes = cv::semcorr::loadBytes(picture.path, 1 << 28);
        const std::string sha = cv::semcorr::sha256(bytes.data(), bytes.size());
        const std::string key = sha + cv::format(" validation %d", (int)picture.mirrored);
        const auto decode = [&] { return decodePicture(bytes, picture); };
        pictures.push_back(cache.get(key, 1, picture.path, decode, [&](const cv::Mat& image, int)
        {
            return Version{ image, Warp(image.size(), image.size()) };
        }));
        progress.update((int)i + 1);
    }
}

std::string Validation::fingerprint() const
{
    return sha256Of(data.pairs);
}

// n×C×h×w, n = 1, as h×w×C
static cv::Mat toGrid(const torch::Tensor& features)
{
    return toMat(features[0].permute({ 1, 2, 0 }));
}

cv::semcorr::PCKResult Validation::measure(ModelImpl& model, const torch::Device& device) const
{
    torch::NoGradGuard guard;
    model.eval();
    std::vector<cv::Mat> adapted;
    for (const StoredFeatures& stored : pictures)
        adapted.push_back(toGrid(model.features(makeSide(stored.read(0), stored.grid(0), device))));

    const cv::Ptr<Matcher> matcher = model.method->toMatcher(backbone.net);
    Matcher::Params params = matcher->getParams();
    params.bidirectional = false;  // concerns the confidence only
    matcher->setParams(params);
    std::vector<cv::Mat> predicted;
    for (size_t i = 0; i < data.pairs.size(); i++)
    {
        const int first = data.picture1[i], second = data.picture2[i];
        cv::Mat points;
        matcher->transferKeypointsFeatures(adapted[first], pictures[first].warp(0).pictureSize(), adapted[second],
                                           pictures[second].warp(0).pictureSize(), data.pairs[i].points1, points);
        predicted.push_back(points);
    }
    return cv::semcorr::computePCK(data.pairs, predicted, { 0.05, 0.1, 0.15 });
}

}
