// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "training_data.hpp"

#include <algorithm>

#include "file_io.hpp"
#include "progress.hpp"
#include "random.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

static const size_t MAX_PICTURE = 1 << 28;  // bytes of a file
static const float OUTSIDE = -1e6f;
static const int VERSIONS_SEED = 1;  // of all runs, whose seeds differ, so that features are computed once

static bool isInPicture(const cv::Point2f& point, const cv::Size& size)
{
    return distanceOutside(point, size) <= PIXEL_EDGE;
}

static std::vector<cv::Point2f> pointsInside(const std::vector<cv::Point2f>& points, const cv::Size& size)
{
    std::vector<cv::Point2f> inside;
    for (const cv::Point2f& p : points)
        if (isInPicture(p, size))
            inside.push_back(p);
    return inside;
}

// Versions reflect the picture at its borders, where a point outside would find a place.
std::vector<cv::Point2f> toCells(const std::vector<cv::Point2f>& points, const Warp& warp, const cv::Size& grid)
{
    std::vector<cv::Point2f> cells;
    for (const cv::Point2f& point : points)
    {
        cv::Point2d p;
        const bool found = isInPicture(point, warp.pictureSize()) && warp.toVersion(point, p);
        cells.push_back(found ? cv::Point2f(rescalePoint(p, warp.size(), grid)) : cv::Point2f(OUTSIDE, OUTSIDE));
    }
    return cells;
}

static uint64_t numberOf(const std::string& sha)
{
    return std::stoull(sha.substr(0, 16), nullptr, 16);
}

Sources::Sources(const Options& options)
{
    if (!options.pairs.empty())
        labelled = readDataset(options.dataset, options.root, options.pairs, splitList(options.only), splitList(options.without));
    if (!options.valPairs.empty())  // PCK needs points
        validated = readDataset(options.dataset == "images" ? "csv" : options.dataset, options.root, options.valPairs);
    if (!options.photos.empty())
        photos = std::make_shared<Photos>(options.photos, options.photoCount);
}

TrainingData::TrainingData(const Options& options_, const Sources& sources, FeatureCache& cache, bool quiet)
    : options(options_), data(sources.labelled)
{
    keys = cache.netFingerprint() + "\n";
    if (!data.pairs.empty())
        readLabelled(cache, quiet);
    if (sources.photos && photoShare() > 0)
        readPhotos(*sources.photos, cache, quiet);
}

void TrainingData::readLabelled(FeatureCache& cache, bool quiet)
{
    Progress progress("features of pictures", (int)data.pictures.size(), 0, quiet);
    for (size_t i = 0; i < data.pictures.size(); i++)
    {
        const Picture& picture = data.pictures[i];
        const std::vector<uchar> bytes = cv::semcorr::loadBytes(picture.path, MAX_PICTURE);
        const std::string sha = cv::semcorr::sha256(bytes.data(), bytes.size());
        std::string key = sha + cv::format(" labelled %d %d %s points", VERSIONS_SEED, (int)picture.mirrored,
                                           versionRecipe(options).c_str());
        for (const cv::Point2f& p : picture.points)
            key += cv::format(" %.9g %.9g", p.x, p.y);
        const auto decode = [&] { return decodePicture(bytes, picture); };
        pictures.push_back(cache.get(key, options.versions, picture.path, decode, [&](const cv::Mat& image, int number)
        {
            return labelledVersion(image, pointsInside(picture.points, image.size()), number,
                                   mixSeed({ (uint64_t)VERSIONS_SEED, numberOf(sha) }), options);
        }));
        keys += key + "\n";
        progress.update((int)i + 1);
    }
}

void TrainingData::readPhotos(const Photos& files, FeatureCache& cache, bool quiet)
{
    Progress progress("features of photos", (int)files.size(), 0, quiet);
    for (size_t i = 0; i < files.size(); i++)
    {
        const std::vector<uchar> bytes = files.bytes(i);
        const std::string sha = cv::semcorr::sha256(bytes.data(), bytes.size());
        const std::string key = sha + cv::format(" photo %d colour %.10g", VERSIONS_SEED, options.colour);
        const auto decode = [&] { return decodePicture(bytes, files.name(i)); };
        photos.push_back(cache.get(key, 1 + options.photoVersions, files.name(i), decode, [&](const cv::Mat& image, int number)
        {
            return warpedVersion(image, number, mixSeed({ (uint64_t)VERSIONS_SEED, numberOf(sha) }), options);
        }));
        keys += key + "\n";
        progress.update((int)i + 1);
    }
}

double TrainingData::photoShare() const
{
    return data.pairs.empty() ? 1 : options.photoShare;
}

TrainingPair TrainingData::pair(int step, int number) const
{
    cv::RNG rng(mixSeed({ (uint64_t)options.seed, RANDOM_BATCH, (uint64_t)step, (uint64_t)number }));
    rng.next();
    if (photos.empty())
        return labelledPair(rng);
    // The share is met by each batch as nearly as whole pairs can, the rest by chance.
    cv::RNG batch(mixSeed({ (uint64_t)options.seed, RANDOM_BATCH, (uint64_t)step }));
    batch.next();
    const double warped = photoShare() * options.batch;
    return number + batch.uniform(0., 1.) < warped ? warpedPair(rng) : labelledPair(rng);
}

static TrainingPicture picture(const StoredFeatures& stored, int version, const std::vector<cv::Point2f>& points)
{
    const cv::Size grid = stored.grid(version);
    return TrainingPicture{ stored.read(version), grid, toCells(points, stored.warp(version), grid) };
}

// Categories are equally likely, however many pairs they have.
TrainingPair TrainingData::labelledPair(cv::RNG& rng) const
{
    const std::vector<int>& category = data.ofCategory[rng.uniform(0, (int)data.ofCategory.size())];
    const int index = category[rng.uniform(0, (int)category.size())];
    const cv::semcorr::ImagePair& pair = data.pairs[index];
    // Both pictures are mirrored or none: a mirrored left wheel is a right one.
    const int states = options.flips && options.versions > 1 ? 2 : 1, state = rng.uniform(0, states);
    const int choices = (options.versions - state + states - 1) / states;
    const int version1 = state + states * rng.uniform(0, choices), version2 = state + states * rng.uniform(0, choices);
    return TrainingPair{ picture(pictures[data.picture1[index]], version1, toPoints(pair.points1)),
                         picture(pictures[data.picture2[index]], version2, toPoints(pair.points2)), false };
}

// Two versions of one photograph with points that both show
TrainingPair TrainingData::warpedPair(cv::RNG& rng) const
{
    const StoredFeatures& stored = photos[rng.uniform(0, (int)photos.size())];
    const int version1 = rng.uniform(0, stored.count());
    const int version2 = (version1 + 1 + rng.uniform(0, stored.count() - 1)) % stored.count();
    const Warp &warp1 = stored.warp(version1), &warp2 = stored.warp(version2);
    const cv::Size size = warp1.pictureSize();
    std::vector<cv::Point2f> points;
    for (int attempt = 0; attempt < 20 * options.photoPoints && (int)points.size() < options.photoPoints; attempt++)
    {
        const cv::Point2d p(rng.uniform(0., (double)size.width - 1), rng.uniform(0., (double)size.height - 1));
        cv::Point2d p1, p2;
        const bool found = warp1.toVersion(p, p1) && warp2.toVersion(p, p2);
        if (found && cv::Rect2d(0, 0, warp1.size().width, warp1.size().height).contains(p1) &&
            cv::Rect2d(0, 0, warp2.size().width, warp2.size().height).contains(p2))
            points.push_back(p);
    }
    return TrainingPair{ picture(stored, version1, points), picture(stored, version2, points), true };
}

std::vector<float> TrainingData::meanFeature(const Backbone& backbone) const
{
    const size_t most = backbone.blocks ? 200 : SIZE_MAX;  // pictures and photos each
    std::vector<double> sums(channels(), 0.);
    double cells = 0;
    for (const std::vector<StoredFeatures>* all : { &pictures, &photos })
        for (size_t i = 0; i < all->size(); i += 1 + (all->size() - 1) / most)
        {
            const cv::Mat features = backbone.features((*all)[i].read(0));
            const int n = features.size[0] * features.size[1], c = features.size[2];
            if (c != channels())
                CV_Error(cv::Error::StsUnmatchedSizes, "the backbone gives different numbers of channels for different pictures");
            cv::Mat sum;
            cv::reduce(features.reshape(1, n), sum, 0, cv::REDUCE_SUM, CV_64F);
            for (int j = 0; j < c; j++)
                sums[j] += sum.at<double>(j);
            cells += n;
        }
    std::vector<float> mean;
    for (const double sum : sums)
        mean.push_back((float)(sum / cells));
    return mean;
}

std::string TrainingData::description() const
{
    std::string s;
    if (!data.pairs.empty())
    {
        s = data.size() + " (";
        for (size_t i = 0; i < data.categories.size() && i < 20; i++)
            s += (i ? ", " : "") + printable(data.categories[i]);
        s += cv::format("), %d versions of each picture", options.versions);
    }
    if (!photos.empty())
        s += cv::format("%s%d photos with %d warped versions each, %.0f %% of each batch", s.empty() ? "" : "; ",
                        (int)photos.size(), options.photoVersions, 100 * photoShare());
    return s;
}

std::string TrainingData::fingerprint() const
{
    std::string text = keys + sha256Of(data.pairs);
    for (size_t i = 0; i < data.pairs.size(); i++)
        text += cv::format(" %d %d", data.picture1[i], data.picture2[i]);
    return cv::semcorr::sha256(text.data(), text.size());
}

}
