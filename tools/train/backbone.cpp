// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "backbone.hpp"

#include <algorithm>
#include <climits>
#include <cstdlib>

#include "opencv2/imgproc.hpp"
#include "embedded.hpp"
#include "file_io.hpp"
#include "onnx_adapter.hpp"
#include "onnx_cut.hpp"
#include "opencv2/semcorr/evaluation.hpp"
#include "tensors.hpp"
#include "utf8.hpp"

using cv::semcorr::FeatureNet;
using cv::semcorr::printable;

namespace train {

static const double LARGEST_HALF = 65504;
static const double AGREEMENT = 1e-3;  // of features by LibTorch and cv::dnn

static cv::Scalar parseChannels(const char* name, const std::string& text)
{
    const std::vector<std::string> parts = splitList(text);
    cv::Scalar values;
    bool valid = parts.size() == 3;
    for (int i = 0; i < 3 && valid; i++)
    {
        char* end = nullptr;
        values[i] = std::strtod(parts[i].c_str(), &end);
        valid = !parts[i].empty() && !*end;
    }
    if (!valid)
        CV_Error(cv::Error::StsBadArg, cv::format("--%s=%s: expected three numbers, such as 123.7,116.3,103.5", name,
                                                  printable(text).c_str()));
    return values;
}

// A picture with some structure everywhere
static cv::Mat probePicture()
{
    cv::Mat picture(192, 256, CV_8UC3);
    cv::RNG(1).fill(picture, cv::RNG::UNIFORM, 0, 256);
    cv::GaussianBlur(picture, picture, cv::Size(), 4);
    cv::normalize(picture, picture, 0, 255, cv::NORM_MINMAX);
    return picture;
}

// Pixels per cell of the features, as FeatureNet finds it out
static int strideOf(const cv::Ptr<FeatureNet>& net)
{
    const FeatureNet::Params params = net->getParams();
    FeatureNet::Params square = params;
    square.longestSide = 0;
    net->setParams(square);
    const int side = 256;
    cv::Mat features;
    net->compute(cv::Mat(side, side, CV_8UC3, cv::Scalar::all(0)), features);
    net->setParams(params);
    return cvRound((double)side / features.size[1]);
}

// Separates the blocks that are trained
static void splitOff(Backbone& backbone, int count)
{
    backbone.output = onlyOutput(backbone, "--fine-tune");
    backbone.graph = std::make_shared<OnnxGraph>(backbone.onnx);
    backbone.cut = findCut(*backbone.graph, backbone.output, count);
    backbone.blocks = LastBlocks(*backbone.graph, backbone.cut, backbone.output);
    FeatureNet::Params params = backbone.net->getParams();
    if (params.stride == 0)
        params.stride = strideOf(backbone.net);  // of the whole: pictures get the same size as there
    params.outputs.clear();
    const std::vector<uchar> before = backbone.graph->upTo(backbone.cut);
    backbone.before = FeatureNet::create(appendOnes(before, backbone.cut, backbone.blocks->channels()), params);

    const cv::Mat picture = probePicture(), found = backbone.features(backbone.computeOnce(picture));
    cv::Mat expected;
    backbone.net->compute(picture, expected);
    const double difference = found.size == expected.size ? cv::norm(found, expected, cv::NORM_INF) : 1;
    if (!(difference <= AGREEMENT))
        CV_Error(cv::Error::StsNotImplemented, cv::format("--fine-tune: the backbone's features by LibTorch and by cv::dnn differ by "
                                                          "%g, expected at most %g", difference, AGREEMENT));
}

Backbone createBackbone(const Options& options)
{
    Backbone backbone;
    FeatureNet::Params params;
    backbone.file = options.backbone;
    if (backbone.file.empty())
    {
        const cv::semcorr::EmbeddedFile file = cv::semcorr::embeddedBackbone();
        backbone.onnx.assign(file.data, file.data + file.size);
        params = FeatureNet::create()->getParams();
    }
    else
        backbone.onnx = cv::semcorr::loadBytes(backbone.file, INT_MAX);
    for (const std::string& output : splitList(options.outputs))
        params.outputs.push_back(output);
    params.longestSide = options.longestSide;
    params.inputSize = cv::Size(options.inputWidth, options.inputHeight);
    if (!options.mean.empty())
        params.mean = parseChannels("mean", options.mean);
    if (!options.deviation.empty())
    {
        const cv::Scalar deviation = parseChannels("deviation", options.deviation);
        if (deviation[0] * deviation[1] * deviation[2] == 0)
            CV_Error(cv::Error::StsBadArg, "--deviation=" + cv::semcorr::printable(options.deviation) + ": expected none that is 0");
        params.scale = cv::Scalar(1 / deviation[0], 1 / deviation[1], 1 / deviation[2]);
    }
    backbone.net = backbone.file.empty() ? FeatureNet::create(backbone.onnx, params) : FeatureNet::create(backbone.file, params);
    cv::Mat features;
    backbone.net->compute(probePicture(), features);
    backbone.channels = features.size[2];
    if (options.fineTune > 0)
        splitOff(backbone, options.fineTune);
    return backbone;
}

std::string onlyOutput(const Backbone& backbone, const char* option)
{
    const std::vector<cv::String> chosen = backbone.net->getParams().outputs;
    const std::vector<std::string> all = onnxOutputs(backbone.onnx);
    if (chosen.size() != 1 && all.size() != 1)
        CV_Error(cv::Error::StsBadArg, cv::format("%s works on one output, but the backbone has %d: expected one as --outputs",
                                                  option, (int)all.size()));
    return chosen.empty() ? all[0] : std::string(chosen[0]);
}

cv::Mat Backbone::computeOnce(const cv::Mat& image) const
{
    cv::Mat cells;
    if (!blocks)
    {
        net->compute(image, cells);
        return cells;
    }
    before->compute(image, cells);
    const int depth = cells.size[2] - 1, shape[] = { cells.size[0], cells.size[1], depth };
    cv::Mat activations(3, shape, CV_32F);
    for (int i = 0; i < shape[0] * shape[1]; i++)
    {
        const float* cell = cells.ptr<float>() + (size_t)i * (depth + 1);
        float* activation = activations.ptr<float>() + (size_t)i * depth;
        std::transform(cell, cell + depth, activation, [=](float x) { return x / cell[depth]; });
    }
    if (!cv::checkRange(activations, true, nullptr, -LARGEST_HALF, LARGEST_HALF))
        CV_Error(cv::Error::StsOutOfRange, cv::format("--fine-tune: tensor \"%s\" of the backbone has values beyond %g, which half "
                                                      "precision cannot hold; another number of blocks may help",
                                                      printable(cut).c_str(), LARGEST_HALF));
    return activations;
}

cv::Mat Backbone::features(const cv::Mat& computed) const
{
    if (!blocks)
        return computed;
    torch::NoGradGuard guard;
    const torch::Tensor x = toTensor(computed).permute({ 2, 0, 1 }).unsqueeze(0);
    return toMat(blocks->forward(x, { cv::Size(computed.size[1], computed.size[0]) })[0].permute({ 1, 2, 0 }));
}

std::string Backbone::fingerprint() const
{
    const FeatureNet::Params params = net->getParams();
    std::string text = cv::semcorr::sha256(onnx.data(), onnx.size());
    for (const cv::String& name : params.outputs)
        text += "\n" + name;
    for (const cv::Scalar& values : { params.mean, params.scale })
        text += cv::format("\n%.9g %.9g %.9g", values[0], values[1], values[2]);
    return cv::semcorr::sha256(text.data(), text.size());
}

LastBlocks Backbone::copyBlocks() const
{
    return blocks ? LastBlocks(*graph, cut, output) : LastBlocks(nullptr);
}

}
