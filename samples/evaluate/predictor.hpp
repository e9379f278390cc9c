// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Matches the pairs of a data set by one method

#ifndef OPENCV_SEMCORR_SAMPLES_EVALUATE_PREDICTOR_HPP
#define OPENCV_SEMCORR_SAMPLES_EVALUATE_PREDICTOR_HPP

#include "options.hpp"
#include "storage.hpp"
#include "../nearest_neighbours.hpp"

namespace evaluate {

using namespace cv;

// The model file, or what is built in: the default model, and for nearest neighbours the backbone without its adapter
inline Ptr<semcorr::Matcher> matcherOf(const Method& method)
{
    if (!method.model.empty())
        return semcorr::Matcher::create(method.model);
    return method.mode == MODE_NEAREST ? nearestNeighbours(semcorr::FeatureNet::create()) : semcorr::Matcher::create();
}

// SHA-256 of the model file; a built-in matcher counts as the file that it would be saved to
inline std::string modelSum(const std::string& file, const semcorr::Matcher& matcher)
{
    if (!file.empty())
        return sha256OfFile(file);
    const std::string temporary = tempfile(".yml");
    matcher.save(temporary);
    const std::string sum = sha256OfFile(temporary);
    std::remove(temporary.c_str());
    return sum;
}

// Matches pairs of a data set by one method
class Predictor
{
public:
    Predictor(const Options& options_, const Method& method, FeatureCache& cache_) : options(options_), cache(cache_)
    {
        matcher = matcherOf(method);
        sum = modelSum(method.model, *matcher);
        net = matcher->getFeatureNet();
        netId = sum + "\n" + CV_VERSION;
        if (!options.backbone.empty())
        {
            semcorr::FeatureNet::Params params;
            params.outputs.assign(options.outputs.begin(), options.outputs.end());
            params.inputSize = options.inputSize;
            params.longestSide = options.longestSide;
            params.prefixTokens = options.prefixTokens;
            net = semcorr::FeatureNet::create(options.backbone, params);
            backboneSum = sha256OfFile(options.backbone);
            netId = format("%s\n%dx%d %d %d\n%s\n", backboneSum.c_str(), options.inputSize.width, options.inputSize.height,
                           options.longestSide, options.prefixTokens, CV_VERSION) + joined(options.outputs, "\n");
        }
        if (method.mode == MODE_NEAREST)
            matcher = nearestNeighbours(net);
        semcorr::Matcher::Params params = matcher->getParams();
        if (method.mode != MODE_NEAREST)
            params.mode = method.mode;
        matcher->setParams(params);
    }

    // How many values predict gives
    size_t valuesOf(const semcorr::ImagePair& pair) const
    {
        return options.dataset == "tss" ? options.alphas.size() + 1 : 2 * pair.points1.total();
    }

    // x and y of each keypoint's match; TSS: the number of pixels that count and, for each alpha, of those whose flow is right
    std::vector<float> predict(const semcorr::ImagePair& pair)
    {
        try
        {
            if (options.dataset == "tss")
                return countFlow(pair);
            const Mat points = options.convention.backwards ? transfer(features2(pair), features1(pair), pair.points2)
                                                            : transfer(features1(pair), features2(pair), pair.points1);
            return std::vector<float>(points.ptr<float>(), points.ptr<float>() + 2 * points.total());
        }
        catch (const cv::Exception& e)
        {
            throw std::runtime_error("pair " + pair.id + ": " + e.err);
        }
    }

    Mat flow(const semcorr::ImagePair& pair)
    {
        const Features f1 = features1(pair), f2 = features2(pair);
        Mat field, flow;
        matcher->matchFeatures(f1.values, f2.values, field);
        semcorr::fieldToFlow(field, f1.size, gridOf(f2), f2.size, flow);
        return flow;
    }

    std::string sum, backboneSum;

private:
    static Size gridOf(const Features& f) { return Size(f.values.size[1], f.values.size[0]); }
    Features features1(const semcorr::ImagePair& pair) { return cache.get(pair.image1, pair.flip1, *net, netId); }
    Features features2(const semcorr::ImagePair& pair) { return cache.get(pair.image2, pair.flip2, *net, netId); }

    std::vector<float> countFlow(const semcorr::ImagePair& pair)
    {
        Mat truth;
        semcorr::readFlow(pair.flow, truth);
        const Mat mask = imread(pair.mask1, IMREAD_GRAYSCALE);
        if (mask.empty())
            throw std::runtime_error("cannot read the mask " + pair.mask1);
        std::vector<int> correct;
        const int count = semcorr::countCorrectFlow(flow(pair), truth, features2(pair).size, options.alphas, correct, mask);
        std::vector<float> values(1, (float)count);
        values.insert(values.end(), correct.begin(), correct.end());
        return values;
    }

    // Points of a picture in the same one resized, as NC-Net's program scales them, which counts pixels from 1
    static Mat resized(const Mat& points, const Size& from, const Size& to)
    {
        Mat moved(points.size(), CV_32FC2);
        for (int i = 0; i < (int)points.total(); i++)
        {
            const Point2d p = points.at<Point2f>(i);
            moved.at<Point2f>(i) = Point2d((p.x + 1) * to.width / from.width - 1, (p.y + 1) * to.height / from.height - 1);
        }
        return moved;
    }

    // Nx1 CV_32FC2
    Mat transfer(const Features& from, const Features& to, const Mat& points)
    {
        Mat found;
        if (!options.convention.cornerCells)
        {
            matcher->transferKeypointsFeatures(from.values, from.size, to.values, to.size, points, found);
            return found;
        }
        const bool square = options.convention.square;
        const Size side(224, 224);  // NC-Net's program aligns the corners of pictures that are scaled to this
        const Size size1 = square ? side : from.size, size2 = square ? side : to.size;
        Mat moved = square ? resized(points, from.size, size1) : points;
        semcorr::fromCornerAligned(moved, moved, size1, gridOf(from));
        matcher->transferKeypointsFeatures(from.values, size1, to.values, size2, moved, found);
        semcorr::toCornerAligned(found, found, size2, gridOf(to));
        return square ? resized(found, size2, to.size) : found;
    }

    const Options& options;
    FeatureCache& cache;
    Ptr<semcorr::FeatureNet> net;
    Ptr<semcorr::Matcher> matcher;
    std::string netId;
};

}

#endif
