// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#ifndef SEMCORR_TRAIN_TRAINING_DATA_HPP
#define SEMCORR_TRAIN_TRAINING_DATA_HPP

#include <memory>
#include <string>
#include <vector>

#include "opencv2/core.hpp"
#include "dataset.hpp"
#include "feature_cache.hpp"
#include "options.hpp"
#include "photos.hpp"

namespace train {

struct TrainingPicture
{
    cv::Mat computed;                // h×w×C CV_32F, of Backbone::computeOnce
    cv::Size grid;                   // cells of the features
    std::vector<cv::Point2f> cells;  // positions of points in cells; may lie outside
};

// One pair as it is learned from, with as many points in each picture
struct TrainingPair
{
    TrainingPicture picture1, picture2;
    bool warped;  // both are versions of one photograph
};

// Pairs and photos that a run reads. They are listed first of all, so that what is wrong is told before features are computed.
struct Sources
{
    explicit Sources(const Options& options);

    Dataset labelled, validated;           // empty where there are none
    std::shared_ptr<const Photos> photos;  // likewise null
};

// What is trained on: the pairs of a data set, pairs of warped photographs, or both
class TrainingData
{
public:
    // Computes all features that the cache lacks. quiet: without a progress bar
    TrainingData(const Options& options, const Sources& sources, FeatureCache& cache, bool quiet);

    // Pair `number` of the batch of a step; the same for the same seed
    TrainingPair pair(int step, int number) const;

    // Mean of the features of versions 0, a value for each channel; for the adapter's centring. Of many pictures some are taken
    // if features are yet to be computed.
    std::vector<float> meanFeature(const Backbone& backbone) const;

    int channels() const { return (pictures.empty() ? photos : pictures)[0].channels(); }
    std::string description() const;  // a line for people
    std::string warning() const { return data.warning; }  // see Dataset
    std::string fingerprint() const;  // changes with pairs, pictures and backbone

private:
    void readLabelled(FeatureCache& cache, bool quiet);
    void readPhotos(const Photos& files, FeatureCache& cache, bool quiet);
    TrainingPair labelledPair(cv::RNG& rng) const;
    TrainingPair warpedPair(cv::RNG& rng) const;
    double photoShare() const;

    const Options options;
    Dataset data;
    std::vector<StoredFeatures> pictures;  // of data.pictures
    std::vector<StoredFeatures> photos;
    std::string keys;                      // of the net and all pictures
};

// Cells of a picture's points in a version; those that cannot be found are outside, at -1e6
std::vector<cv::Point2f> toCells(const std::vector<cv::Point2f>& points, const Warp& warp, const cv::Size& grid);

}

#endif
