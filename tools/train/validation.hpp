// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_VALIDATION_HPP
#define SEMCORR_TRAIN_VALIDATION_HPP

#include "dataset.hpp"
#include "feature_cache.hpp"
#include "model.hpp"

namespace train {

// PCK of annotated pairs as users of the module get it: cv::semcorr::Matcher::transferKeypointsFeatures and computePCK
class Validation
{
public:
    // data: annotated pairs; may be empty
    Validation(const Dataset& data, const Backbone& backbone, FeatureCache& cache, bool quiet);

    bool empty() const { return data.pairs.empty(); }
    std::string description() const { return data.size(); }
    std::string fingerprint() const;  // changes with the pairs
    std::string warning() const { return data.warning; }  // see Dataset

    // alphas 0.05, 0.1 and 0.15, reference: the keypoints' box
    cv::semcorr::PCKResult measure(ModelImpl& model, const torch::Device& device) const;

private:
    const Backbone& backbone;
    Dataset data;
    std::vector<StoredFeatures> pictures;
};

}

#endif
